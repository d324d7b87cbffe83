"""Loads emitted files as Python modules. Loading a file runs its code."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from torch import nn


class LoadError(Exception):
    """A file that cannot be run, or holds no network."""


@contextmanager
def as_file(source: str) -> Iterator[Path]:
    """Have text as a file for a while."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "emitted.py"
        path.write_text(source, encoding="utf-8")
        yield path


def load(path: Path) -> ModuleType:
    """Run a file as a module of its own. Raises `LoadError`."""
    spec = spec_from_file_location("scalec_emitted", path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise LoadError(f"{type(error).__name__}: {error}") from None
    finally:
        sys.dont_write_bytecode = written
    return module


def network_class(module: ModuleType) -> type[nn.Module]:
    """Return the network's class: the last one in the file; raise `LoadError`."""
    own = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__]
    if not own or not issubclass(own[-1], nn.Module) or not hasattr(module, "INPUT_SHAPE"):
        raise LoadError("there is no network in it")
    return own[-1]
