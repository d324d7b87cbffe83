"""Code that both built-in trainers share: the budget, the network from its file, and the result of a training."""

import inspect
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from scalec.record import record
from scalec.search.contract import Request
from scalec.verify.loading import LoadError, load


class DataError(ValueError):
    """Data or budget are not there, or not what they should be; the message says what to do."""


@record
class Budget:
    """How long to train: passes over how many images."""

    epochs: int
    images: int

    @classmethod
    def of(cls, given: Mapping[str, float], epochs: int, images: int) -> "Budget":
        """Take what a request has, and the rest from here. Raises `DataError`."""
        values = {"epochs": epochs, "images": images, **given}
        for name, value in values.items():
            if name not in ("epochs", "images"):
                raise DataError(f"the built-in trainer has a budget of `epochs` and `images`, not of `{name}`")
            if value != int(value) or value < 1:
                raise DataError(f"`{name}` is a whole number from 1, not {value:g}")
        return cls(int(values["epochs"]), int(values["images"]))


@record
class Result:
    """What a training came to: a fraction of images, or nan where it diverged; and the loss of its last epoch."""

    accuracy: float
    loss: float


def network(request: Request, classes: int) -> nn.Module:
    """Build the network in the emitted file, for so many classes. Raises `LoadError`."""
    built: type[nn.Module] | None = getattr(load(Path(request.file)), request.network, None)
    if built is None:
        raise LoadError(f"{request.file} has no {request.network}")
    takes = "classes" in inspect.signature(built).parameters
    model = built(classes=classes) if takes else built()
    with torch.no_grad():
        found = model.eval()(torch.zeros(1, *request.input))
    if not isinstance(found, torch.Tensor) or found.shape != (1, classes):
        given = str(list(found.shape[1:])) if isinstance(found, torch.Tensor) else "several maps"
        raise LoadError(f"the network gives {given} for an image, and the data have {classes} classes")
    return model
