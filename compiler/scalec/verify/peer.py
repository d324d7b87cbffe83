"""The same network from a library that others wrote."""

import importlib

from torch import nn

from scalec.verify.checks import Subject, Wrong, close
from scalec.verify.compare import VacuousComparison, compare
from scalec.verify.port import PortError


def equal(subject: Subject, library: str, name: str) -> str:
    """Give both networks the same weights by the flow of data, and compare what they compute. Raises `Wrong`."""
    try:
        return close(compare(build(library, name), subject.make(), subject.size))
    except (PortError, VacuousComparison) as error:
        raise Wrong(str(error).replace("\n", "; ")) from None


def build(library: str, name: str) -> nn.Module:
    """Build a model of timm or torchvision without trained weights. Raises `Wrong`."""
    try:
        module = importlib.import_module("timm" if library == "timm" else "torchvision.models")
    except (ImportError, RuntimeError) as error:
        raise Wrong(f"{library} cannot be imported: {error}") from None
    try:
        if library == "timm":
            model: nn.Module = module.create_model(name, pretrained=False)
        else:
            model = getattr(module, name)(weights=None)
    except (AttributeError, RuntimeError) as error:
        raise Wrong(f"{library} has no such model: {error}") from None
    return model
