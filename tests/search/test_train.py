"""The built-in trainer on images in memory: what it reads, what it may look at, and that it says the same twice."""

import gzip
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from scalec.compiler import load
from scalec.emit.emit import emit
from scalec.network.python_names import python_name
from scalec.program.request import Request
from scalec.search import train
from scalec.search.contract import CONTRACT
from scalec.search.trainer import idx_images as fashion
from scalec.search.trainer.augment import DEVIATION, MEAN, SHIFT, seen, varied
from scalec.search.trainer.common import DataError

SPEC = Path(__file__).parents[2] / "specs" / "fashion.scl"
CLASSES = 3
TRAIN, TEST = 240, 60
KEPT = TRAIN - TRAIN // fashion.HELD_BACK
NAN = '''"""A network whose loss is no number."""
import torch
from torch import nn


class Fashion(nn.Module):
    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.classifier = nn.Linear(100, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(x.flatten(1)) * (float("nan") if self.training else 1)
'''


def write(path: Path, numbers: torch.Tensor) -> None:
    head = bytes([0, 0, 8, numbers.ndim]) + b"".join(size.to_bytes(4, "big") for size in numbers.shape)
    content = head + bytes(numbers.to(torch.uint8).flatten().tolist())
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def images(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Three kinds of image: grey of three depths, with noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    noise = torch.randint(-30, 31, (count, 12, 12), generator=generator)
    return (labels.view(-1, 1, 1) * 90 + 35 + noise).clamp(0, 255), labels


def make(folder: Path, end: str = ".gz") -> Path:
    """Write a data set as IDX files."""
    folder.mkdir()
    for (name, labels_name), count, seed in zip(fashion.FILES.values(), (TRAIN, TEST), (1, 2), strict=True):
        numbers, labels = images(count, seed)
        write(folder / f"{name}{end}", numbers)
        write(folder / f"{labels_name}{end}", labels)
    return folder


def request(folder: Path, data: Path | None, source: str | None = None, **changes: Any) -> Path:
    """Write an emitted file and a request for it."""
    made = load(SPEC).compile(Request(changes=tuple([("classes", str(CLASSES))] if data else [])))
    (folder / "net.py").write_text(source or emit(made), encoding="utf-8")
    x = made.network.x
    asked = {
        "contract": CONTRACT, "file": str(folder / "net.py"), "network": python_name(made.network.name),
        "input": [x.channels, x.height, x.width], "resolution": x.height, "seed": 0,
        "budget": {"epochs": 12, "images": KEPT}, "data": str(data) if data else None, "split": "validation",
        "threads": 1, "device": "cpu", "response": str(folder / "response.json"), **changes,
    }  # fmt: skip
    (folder / "request.json").write_text(json.dumps(asked), encoding="utf-8")
    return folder / "request.json"


def answer(folder: Path, data: Path | None, source: str | None = None, **changes: Any) -> dict[str, Any]:
    """Train, in this process; give the response without what a clock says."""
    assert train.main([str(request(folder, data, source, **changes)), str(folder / "response.json")]) == 0
    found: dict[str, Any] = json.loads((folder / "response.json").read_text(encoding="utf-8"))
    assert found.pop("seconds") >= 0 and found.pop("contract") == CONTRACT
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make(tmp_path / "data")


def test_it_learns_and_says_the_same_twice(tmp_path: Path, data: Path) -> None:
    first = answer(tmp_path, data)
    assert first["accuracy"] > 0.9 and first["data"] == fashion.digest(str(data))
    torch.rand(3)  # whatever was drawn before
    assert answer(tmp_path, data) == first
    other = answer(tmp_path, data, seed=1)
    assert other["loss"] != first["loss"]


def test_plain_files_are_the_same_data(tmp_path: Path, data: Path) -> None:
    plain = make(tmp_path / "plain", end="")
    one, other = (answer(tmp_path, folder) for folder in (data, plain))
    assert one.pop("data") != other.pop("data") and one == other


def test_what_ranks_is_never_trained_on_and_the_test_set_is_not_looked_at(tmp_path: Path, data: Path) -> None:
    first, tested = answer(tmp_path, data), answer(tmp_path, data, split="test")
    assert tested["loss"] == first["loss"] and tested["accuracy"] > 0.9
    labels = images(TRAIN, 1)[1]
    labels[KEPT:] = (labels[KEPT:] + 1) % CLASSES  # every label of what is held back is wrong
    write(data / f"{fashion.FILES['train'][1]}.gz", labels)
    poisoned = answer(tmp_path, data)
    assert poisoned["loss"] == first["loss"] and poisoned["accuracy"] == pytest.approx(0, abs=0.1)
    assert answer(tmp_path, data, split="test")["accuracy"] == tested["accuracy"]
    write(data / f"{fashion.FILES['test'][1]}.gz", (images(TEST, 2)[1] + 1) % CLASSES)
    assert answer(tmp_path, data)["accuracy"] == poisoned["accuracy"]
    assert answer(tmp_path, data, split="test")["accuracy"] == pytest.approx(0, abs=0.1)


def test_a_budget_is_kept(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    step = torch.optim.lr_scheduler.OneCycleLR.step

    def counted(schedule: Any) -> None:
        steps.append(1)
        step(schedule)

    monkeypatch.setattr(torch.optim.lr_scheduler.OneCycleLR, "step", counted)
    answer(tmp_path, data, budget={"epochs": 2, "images": 130})
    assert len(steps) == 1 + 2 * 2  # the first is the scheduler's own; two batches of 64 twice
    steps.clear()
    answer(tmp_path, data, budget={"epochs": 1, "images": 10})  # fewer than a batch: one of them all
    assert len(steps) == 1 + 1


def test_a_loss_that_is_no_number_is_reported_as_that(tmp_path: Path, data: Path) -> None:
    found = answer(tmp_path, data, NAN)
    assert math.isnan(found["accuracy"]) and math.isnan(found["loss"])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\n", "has no Fashion"),
        ("import nowhere\n", "ModuleNotFoundError: No module named 'nowhere'"),
        (NAN.replace("classes)", "7)"), "the network gives [7] for an image, and the data have 3 classes"),
        (NAN.replace("return self", "return [x], self"), "gives several maps for an image"),
    ],
)
def test_a_file_that_does_not_fit(
    tmp_path: Path, data: Path, source: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main([str(request(tmp_path, data, source))]) == 1
    assert said in capsys.readouterr().err and not (tmp_path / "response.json").exists()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.unlink(), "has no train-images-idx3-ubyte.gz"),
        (lambda path: path.write_bytes(b"no gzip"), "Not a gzipped file"),
        (lambda path: path.write_bytes(gzip.compress(b"")), "is no IDX file of 3 dimensions"),
        (lambda path: write(path, images(TRAIN, 1)[1]), "is no IDX file of 3 dimensions"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "end-of-stream marker"),
        (lambda path: path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1])), "is no IDX file"),
        (lambda path: write(path, images(TRAIN - 1, 1)[0]), "239 images and 240 labels"),
    ],
)
def test_data_that_are_not_there_or_broken(data: Path, spoil: Any, said: str) -> None:
    spoil(data / "train-images-idx3-ubyte.gz")
    with pytest.raises(DataError, match=said.replace("(", r"\(")):
        fashion.read(str(data))


def test_what_accuracy_depends_on(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def identify(budget: dict[str, float], place: Path = data) -> Any:
        code = train.main(["--identify", json.dumps({"data": str(place), "budget": budget})])
        captured = capsys.readouterr()
        return json.loads(captured.out) if code == 0 else captured.err

    found = identify({"epochs": 2})
    assert found["data"] == fashion.digest(str(data)) and found["pixels"] == [12, 12]
    assert (found["epochs"], found["images"], found["classes"], found["name"]) == (2, KEPT, CLASSES, "data")
    assert found["regime"].startswith("2 epochs on 200 images of data drawn by the seed")
    assert str(tmp_path) not in json.dumps(found)
    assert "not of `hours`" in identify({"hours": 2})
    assert "`epochs` is a whole number from 1, not 1.5" in identify({"epochs": 1.5})
    assert "is no folder" in identify({}, tmp_path / "nowhere")


def test_a_smaller_image_is_the_mean_over_areas() -> None:
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (5, 1, 28, 28), generator=generator).to(torch.uint8)
    halved = seen(pictures, (1, 14, 14)) * DEVIATION + MEAN
    windows = (pictures.float() / 255).reshape(5, 1, 14, 2, 14, 2).mean((3, 5))
    assert torch.allclose(halved, windows, atol=1e-6)
    native = seen(pictures, (3, 28, 28))
    assert native.shape == (5, 3, 28, 28) and torch.equal(native[:, 0], native[:, 2])
    assert torch.allclose(native[:, :1] * DEVIATION + MEAN, pictures / 255, atol=1e-6)
    for size in ((10, 10), (20, 13), (35, 28)):
        level = seen(torch.full((2, 1, 28, 28), 51, dtype=torch.uint8), (1, *size))
        assert level.shape == (2, 1, *size) and torch.allclose(level * DEVIATION + MEAN, torch.tensor(0.2))


def test_images_are_shifted_and_flipped_and_nothing_else() -> None:
    pictures = torch.zeros((400, 1, 9, 9), dtype=torch.uint8)
    pictures[:, 0, 4, 3] = 200
    found = varied(pictures, torch.Generator().manual_seed(0))
    assert found.dtype == torch.uint8 and torch.equal(found.flatten(1).sum(1), torch.full((400,), 200))
    rows, columns = (found[:, 0] == 200).nonzero()[:, 1:].T
    assert set((rows - 4).tolist()) == set(range(-SHIFT, SHIFT + 1))
    assert set(columns.tolist()) == {3 + s for s in range(-SHIFT, SHIFT + 1)} | {
        5 + s for s in range(-SHIFT, SHIFT + 1)
    }
    assert torch.equal(found, varied(pictures, torch.Generator().manual_seed(0)))


@pytest.mark.skipif(
    not fashion.PLACE.is_dir() and "CI" not in os.environ, reason="needs Debian's dataset-fashion-mnist"
)
def test_fashion_mnist_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One epoch of 2,000 images is well above chance; the digest is that of the files that everybody has."""
    found = answer(tmp_path, None, budget={"epochs": 2, "images": 2000})
    assert found["accuracy"] > 0.4
    assert train.main(["--identify", '{"data": null, "budget": {}}']) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["data"] == found["data"] == "362ba1f5424f406d0db9c78b0e83db011b09c121c5c5f94ee5c077628f9adb5c"
    assert (told["name"], told["pixels"], told["classes"]) == ("Fashion-MNIST", [28, 28], 10)


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main([]) == 2 and "usage" in capsys.readouterr().err
