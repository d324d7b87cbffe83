"""Fashion-MNIST, or any other data set in four IDX files: grey images in memory, as tensors."""

import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch

from scalec.record import record
from scalec.search.trainer.common import DataError

PLACE = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package `dataset-fashion-mnist` puts it."""
FILES = {"train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
         "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")}  # fmt: skip
HELD_BACK = 6
"""One image in so many of the training set, its last ones, is never trained on: accuracy there ranks."""
_UNSIGNED_BYTES = 8


@record
class Part:
    """Images [N, 1, H, W], of unsigned bytes, and their labels [N]."""

    images: torch.Tensor
    labels: torch.Tensor

    def take(self, which: slice | torch.Tensor) -> "Part":
        """Return some of them."""
        return Part(self.images[which], self.labels[which])

    @property
    def count(self) -> int:
        """Count them."""
        return len(self.labels)


@record
class Images:
    """A data set: what to train on, what to rank by, and what the final figure is of."""

    name: str
    train: Part
    validation: Part
    test: Part

    @property
    def classes(self) -> int:
        """Count the classes."""
        return int(self.train.labels.max()) + 1


def is_idx(folder: Path) -> bool:
    """Return whether a folder has images as IDX files."""
    return any((folder / f"{FILES['train'][0]}{end}").is_file() for end in (".gz", ""))


def files(data: str | None) -> Mapping[str, tuple[Path, ...]]:
    """Find the files of each part. Raises `DataError`."""
    folder = PLACE if data is None else Path(data)
    found = {}
    for part, names in FILES.items():
        paths = [next((p for p in (folder / f"{n}.gz", folder / n) if p.is_file()), None) for n in names]
        found[part] = tuple(path for path in paths if path is not None)
        if None in paths:
            where = "apt-get install dataset-fashion-mnist, or say --data DIR" if data is None else "see docs/search.md"
            raise DataError(f"{folder} has no {names[paths.index(None)]}.gz: {where}")
    return found


def digest(data: str | None) -> str:
    """Return the SHA-256 of all files, one after the other; raise `DataError`."""
    seen = hashlib.sha256()
    for paths in files(data).values():
        for path in paths:
            seen.update(path.read_bytes())
    return seen.hexdigest()


def read(data: str | None) -> Images:
    """Read the data set. Raises `DataError`."""
    parts = {}
    for name, (images, labels) in files(data).items():
        parts[name] = Part(_read(images, 3).unsqueeze(1), _read(labels, 1).long())
        if len(parts[name].images) != len(parts[name].labels):
            raise DataError(f"{images.parent}: {len(parts[name].images)} images and {parts[name].count} labels")
    train = parts["train"]
    kept = train.count - train.count // HELD_BACK
    name = "Fashion-MNIST" if data is None else Path(data).resolve().name
    return Images(name, train.take(slice(kept)), train.take(slice(kept, None)), parts["test"])


def _read(path: Path, dimensions: int) -> torch.Tensor:
    """Read an IDX file: two zeros, a type, how many dimensions, each as 4 bytes, then the numbers."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: {error}") from None
    head = 4 + 4 * dimensions
    sizes = [int.from_bytes(content[at : at + 4], "big") for at in range(4, head, 4)]
    count = 1
    for size in sizes:
        count *= size
    if content[:4] != bytes([0, 0, _UNSIGNED_BYTES, dimensions]) or len(content) != head + count or not count:
        raise DataError(f"{path} is no IDX file of {dimensions} dimension{'s'[: dimensions - 1]}")
    return torch.frombuffer(bytearray(content[head:]), dtype=torch.uint8).reshape(sizes)
