"""The dependencies of an output, in the format of Make and Ninja."""

from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from scalec.compiler import Loaded

_ESCAPES = str.maketrans({" ": "\\ ", "#": "\\#", "$": "$$"})


def depfile(outputs: Sequence[Path], inputs: Iterable[Path]) -> str:
    """Write one rule, a file on a line. Make escapes by a backslash what it would take for something else."""
    head = " ".join(map(_escaped, outputs)) + ":"
    return " \\\n  ".join([head, *map(_escaped, dict.fromkeys(inputs))]) + "\n"


def inputs(spec: Path | None, loaded: Loaded) -> list[Path]:
    """Return what a compilation reads: the spec, what it imports, and what says which scalec it is."""
    library = [name for name, found in loaded.imports.items() if found is None]
    beside = [found[0] for found in loaded.imports.values() if found is not None]
    shipped = [files("scalec.specs").joinpath(f"{name}.scl") for name in library]
    own = files("scalec").joinpath("version.py")
    named = [spec] if spec is not None else []
    return [*named, *beside, *(each for each in (*shipped, own) if isinstance(each, Path))]


def _escaped(path: Path) -> str:
    return path.as_posix().translate(_ESCAPES)
