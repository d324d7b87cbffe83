"""Independent peers (torchvision, timm) for tests, and emitted files as modules."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import sys
import types
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

_LIBRARY: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
_MODULE_NUMBERS = itertools.count()


@cache
def import_peer(name: str) -> Any:
    """Import a peer, declaring `nms` and `qnms` if torchvision's C extension does not load here.

    (`torchvision/_meta_registrations.py` needs the schemas of just these two at import.)
    """
    with contextlib.suppress(ImportError, RuntimeError):
        return importlib.import_module(name)
    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator):
            _LIBRARY.define(f"{operator}(Tensor dets, Tensor scores, float threshold) -> Tensor")
    return importlib.import_module(name)


def torchvision_model(name: str, **kwargs: Any) -> nn.Module:
    """A torchvision classification model without trained weights."""
    model: nn.Module = getattr(import_peer("torchvision.models"), name)(weights=None, **kwargs)
    return model


def timm_model(name: str, **kwargs: Any) -> nn.Module:
    """A timm model without trained weights."""
    model: nn.Module = import_peer("timm").create_model(name, pretrained=False, **kwargs)
    return model


def load_module(path_or_source: str | Path, name: str) -> types.ModuleType:
    """Execute an emitted Python file (a Path or a one-line str) or source text as a new module."""
    is_path = isinstance(path_or_source, Path) or "\n" not in path_or_source
    source = Path(path_or_source).read_text("utf-8") if is_path else str(path_or_source)
    module = types.ModuleType(f"_emitted_{name}_{next(_MODULE_NUMBERS)}")
    module.__file__ = str(path_or_source) if is_path else f"<{module.__name__}>"
    sys.modules[module.__name__] = module  # dataclasses look their module up there
    exec(compile(source, module.__file__, "exec"), module.__dict__)
    return module
