"""The built-in trainer as a trial (docs/search.md): `python -m scalec.search.train REQUEST RESPONSE`.

Without data of the user it trains on Fashion-MNIST, on a CPU (`in_memory`). For a folder of images it uses
`image_folder`.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import torch

from scalec.search.contract import Request, write_response
from scalec.search.trainer import idx_images, in_memory
from scalec.search.trainer.common import Budget, DataError
from scalec.verify.loading import LoadError


def main(arguments: list[str]) -> int:
    """Answer one request. Code 1 and a line on standard error where data or network do not fit."""
    try:
        if arguments[:1] == ["--identify"] and len(arguments) == 2:
            asked = json.loads(arguments[1])
            print(json.dumps(identify(asked["data"], asked["budget"])))
        elif 1 <= len(arguments) <= 2:
            _answer(Request.read(arguments[0]))
        else:
            print("usage: python -m scalec.search.train REQUEST [RESPONSE]", file=sys.stderr)
            return 2
    except (DataError, LoadError) as error:
        print(f"scalec: {error}", file=sys.stderr)
        return 1
    return 0


def identify(place: str | None, budget: Mapping[str, float]) -> dict[str, object]:
    """Return what accuracy depends on, besides network and seed; raise `DataError`."""
    if not _in_memory(place):
        from scalec.search.trainer import image_folder

        return image_folder.identify(Path(place or ""), budget)
    asked, found = Budget.of(budget, in_memory.EPOCHS, in_memory.IMAGES), idx_images.read(place)
    return {
        "data": idx_images.digest(place), "name": found.name, "classes": found.classes, "epochs": asked.epochs,
        "images": min(asked.images, found.train.count), "pixels": list(found.train.images.shape[2:]),
        "regime": in_memory.regime(found, asked),
    }  # fmt: skip


def _answer(request: Request) -> None:
    """Train, and leave the response. Raises `DataError` and `LoadError`."""
    torch.set_num_threads(request.threads)
    started = time.monotonic()
    said = {}
    if _in_memory(request.data):
        found, budget = idx_images.read(request.data), Budget.of(request.budget, in_memory.EPOCHS, in_memory.IMAGES)
        result = in_memory.train(request, found, budget)
        said["data"] = idx_images.digest(request.data)
    else:
        from scalec.search.trainer import image_folder

        result = image_folder.train(request)
        if not image_folder.is_first():
            return
    seconds = round(time.monotonic() - started, 2)
    write_response(request.response, result.accuracy, loss=result.loss, seconds=seconds, **said)


def _in_memory(place: str | None) -> bool:
    """Return whether images are in IDX files; raise `DataError` if there is no such folder."""
    if place is not None and not Path(place).is_dir():
        raise DataError(f"{place} is no folder")
    return place is None or idx_images.is_idx(Path(place))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
