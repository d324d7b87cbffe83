"""Trains on a folder of images. torchvision reads and augments them, and Lightning Fabric controls the hardware.

The folder has `train/CLASS/…`, and `test/CLASS/…` or `val/CLASS/…` for the final measurement. `torchrun … -m
scalec.search.train REQUEST RESPONSE` distributes one training over processes, with DistributedDataParallel.
"""

import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Subset

from scalec.diagnostics.diagnostic import plural
from scalec.search.contract import Request
from scalec.search.trainer.common import Budget, DataError, Result, network

if TYPE_CHECKING:
    from lightning_fabric import Fabric

EPOCHS, IMAGES = 30, 10**9
BATCH, RATE, DECAY, SMOOTHING = 256, 0.002, 0.05, 0.1
"""The batch is that of all processes together, and smaller where that would make fewer than so many steps an epoch:"""
STEPS, SMALLEST = 16, 8
HELD_BACK = 10
"""One image in so many of the training set is never trained on: accuracy there ranks."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's."""
CROP = 0.875
"""The share of an image's sides that is looked at when nothing is trained."""


def identify(folder: Path, budget: Mapping[str, float]) -> dict[str, object]:
    """Return what accuracy depends on, besides network and seed. Raises `DataError`.

    Of the files, names and sizes count: to read them all could take hours.
    """
    asked = Budget.of(budget, EPOCHS, IMAGES)
    train = _read(folder / "train", None)
    kept, _ = _split(train)
    paths = [Path(path) for path, _ in train.samples]
    if test := _test(folder):
        paths += [Path(path) for path, _ in _read(test, None).samples]
    listing = "\n".join(f"{path.relative_to(folder)} {path.stat().st_size}" for path in paths)
    count, name = min(asked.images, len(kept)), folder.resolve().name
    epochs = plural(asked.epochs, "epoch")
    regime = (
        f"{epochs} on {count:,} images of {name} drawn by the seed, batches of {_batch(count)}, AdamW, OneCycle "
        f"to {RATE:g}, decay {DECAY:g}, label smoothing {SMOOTHING:g}, random resized crops and flips"
    )
    return {
        "data": hashlib.sha256(listing.encode()).hexdigest(), "name": name, "classes": len(train.classes),
        "images": count, "epochs": asked.epochs, "regime": regime,
    }  # fmt: skip


def is_first() -> bool:
    """Return whether this is the process, of those that torchrun may have started, that answers."""
    return os.environ.get("RANK", "0") == "0"


def train(request: Request) -> Result:
    """Train a network, alone or as one of several processes. Raises `DataError` and `LoadError`."""
    folder, budget = Path(request.data or ""), Budget.of(request.budget, EPOCHS, IMAGES)
    varied, shown = _transforms(request.input)
    images = _read(folder / "train", varied)
    kept, held = _split(images)
    part = Subset(_read(folder / "train", shown), held)
    if request.split == "test":
        test = _test(folder)
        if test is None:
            raise DataError(f"{folder} has neither `val` nor `test`: there is nothing for the final figure")
        whole = _read(test, shown)
        if whole.classes != images.classes:
            raise DataError(f"{test} has other classes than `train`")
        part = Subset(whole, range(len(whole)))
    order = torch.randperm(len(kept), generator=torch.Generator().manual_seed(request.seed))[: budget.images]
    lesson = Subset(images, [kept[i] for i in order])
    with _hardware(request) as fabric:
        model, loss = _learn(fabric, request, len(images.classes), lesson, budget.epochs)
        return Result(_accuracy(fabric, model, part, request) if math.isfinite(loss) else math.nan, loss)


def _batch(images: int) -> int:
    return min(BATCH, max(images // STEPS, SMALLEST))


@contextmanager
def _hardware(request: Request) -> Iterator["Fabric"]:
    """Make use of the hardware: mixed precision on a GPU, and the processes of torchrun.

    These part before they end: threads of a process group that is still there may abort a process that exits.
    """
    from lightning_fabric import Fabric

    here, everywhere = (int(os.environ.get(name, "1")) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"))
    gpu = request.device.startswith("cuda")
    fabric = Fabric(
        accelerator="cuda" if gpu else "cpu", devices=here, num_nodes=everywhere // here,
        strategy="ddp" if everywhere > 1 else "auto", precision="bf16-mixed" if gpu else "32-true",
    )  # fmt: skip
    fabric.launch()
    yield fabric
    if torch.distributed.is_initialized():
        fabric.barrier()
        torch.distributed.destroy_process_group()


def _learn(
    fabric: "Fabric", request: Request, classes: int, images: Subset[Any], epochs: int
) -> tuple[nn.Module, float]:
    """Train; give the network and the mean loss of the last epoch, which is not finite where training diverged."""
    fabric.seed_everything(request.seed, workers=True, verbose=False)
    plain = network(request, classes).train()
    if fabric.device.type == "cuda":
        plain.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        plain.compile()
    fabric.seed_everything(request.seed + fabric.global_rank, workers=True, verbose=False)  # images vary apart
    size = max(_batch(len(images)) // fabric.world_size, 1)
    loader = fabric.setup_dataloaders(_loader(images, size, request, learn=True))
    model, optimizer = fabric.setup(plain, torch.optim.AdamW(plain.parameters(), lr=RATE, weight_decay=DECAY))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * len(loader))
    loss = math.nan
    for _ in range(epochs):
        total = torch.zeros((), device=fabric.device)
        for x, y in loader:
            total += _step(fabric, model, x, y, optimizer)
            schedule.step()
        loss = _over_all(fabric, total) / fabric.world_size / len(loader)
        if not math.isfinite(loss):
            break
    return model, loss


def _step(fabric: "Fabric", model: nn.Module, x: torch.Tensor, y: torch.Tensor, optimizer: Any) -> torch.Tensor:
    """Learn from one batch; give its loss."""
    loss = functional.cross_entropy(model(x), y, label_smoothing=SMOOTHING)
    optimizer.zero_grad()
    fabric.backward(loss)
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def _accuracy(fabric: "Fabric", model: nn.Module, part: Subset[Any], request: Request) -> float:
    """Return the share of images that are told right; each process looks at its own, and none twice."""
    model.eval()
    own = Subset(part, range(fabric.global_rank, len(part), fabric.world_size))
    right = torch.zeros((), device=fabric.device)
    loader = _loader(own, BATCH, request)
    for x, y in fabric.setup_dataloaders(loader, use_distributed_sampler=False):
        right += (model(x).argmax(1) == y).sum()
    return _over_all(fabric, right) / len(part)


def _over_all(fabric: "Fabric", value: torch.Tensor) -> float:
    """Sum a number over all processes."""
    found = fabric.all_reduce(value, reduce_op="sum")
    assert isinstance(found, torch.Tensor)
    return float(found)


def _loader(images: Dataset[Any], batch: int, request: Request, learn: bool = False) -> DataLoader[Any]:
    """Read with as many processes as the trial may keep busy besides its own."""
    return DataLoader(images, batch, shuffle=learn, drop_last=learn, num_workers=request.threads - 1)


def _transforms(shape: tuple[int, int, int]) -> tuple[Any, Any]:
    """Return how images are varied to train, and how they are shown otherwise: all end as `shape`, normalised."""
    from torchvision.transforms import v2

    channels, *size = shape
    if channels not in (1, 3):
        raise DataError(f"images have 1 or 3 channels; the network takes {channels}")
    end = [
        v2.Grayscale(channels) if channels == 1 else v2.RGB(), v2.ToImage(), v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(MEAN[:channels], DEVIATION[:channels]),
    ]  # fmt: skip
    around = [math.ceil(side / CROP) for side in size]
    varied = v2.Compose([v2.RandomResizedCrop(size), v2.RandomHorizontalFlip(), *end])
    return varied, v2.Compose([v2.Resize(around), v2.CenterCrop(size), *end])


def _read(folder: Path, transform: Any) -> Any:
    """Find the images of a folder, by class. Raises `DataError`."""
    try:
        from torchvision.datasets import ImageFolder
    except ModuleNotFoundError as error:
        raise DataError(f"a folder of images needs {error.name}: pip install 'scalec[train]'") from None
    try:
        return ImageFolder(folder, transform)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{folder}: no folder of images in a folder for each class ({error})") from None


def _test(folder: Path) -> Path | None:
    """Find the images for the final figure."""
    return next((folder / name for name in ("test", "val") if (folder / name).is_dir()), None)


def _split(images: Any) -> tuple[list[int], list[int]]:
    """Number what is trained on and what is held back: of every class its share, for they follow each other."""
    held = list(range(HELD_BACK - 1, len(images), HELD_BACK))
    kept = [index for index in range(len(images)) if index % HELD_BACK != HELD_BACK - 1]
    if not held:
        raise DataError(f"{len(images)} images are too few to hold one in {HELD_BACK} back")
    return kept, held
