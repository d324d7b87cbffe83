"""Finds the files for a command: specs and emitted files, by name, in folders, or declared in pyproject.toml."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scalec.diagnostics.exit_codes import STDIN
from scalec.emit.head import MOST, is_generated
from scalec.files import as_text, lies_inside
from scalec.project.declarations import Declared

_LEFT_OUT = frozenset("__pycache__ __pypackages__ _build build buck-out dist node_modules site-packages venv".split())
"""Folders that hold copies, beside hidden ones and virtual environments."""


@dataclass
class Collected:
    """Specs, emitted files (also such as are not: those were named), folders, and what there is none of."""

    specs: list[Path] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    empty: list[Path] = field(default_factory=list)
    standard_input: bool = False

    def holds(self, entry: Declared) -> bool:
        """Return whether a declared output is meant: it, its spec, or a folder around one of them was named."""
        named = {_absolute(path) for path in (*self.specs, *self.files)}
        around = [_absolute(folder) for folder in self.folders]
        meant = [_absolute(entry.spec), _absolute(entry.output)]
        return any(path in named or any(path.is_relative_to(folder) for folder in around) for path in meant)

    def is_near(self, entry: Declared) -> bool:
        """Return whether a file was named which may be one of those that an entry puts into a folder."""
        return any(_absolute(path.parent) == _absolute(entry.output) for path in self.files)

    def names(self, path: Path) -> bool:
        """Return whether a file, or the test of it, was named."""
        meant = {_absolute(path), _absolute(path.with_name(f"test_{path.name}"))}
        return any(_absolute(each) in meant for each in self.files)


def collect(names: Sequence[str]) -> Collected:
    """Look through what is named, and what is in named folders: regular files, and links that stay in the folder."""
    found = Collected()
    for name in names:
        path = Path(name)
        if name == STDIN:
            found.standard_input = True
        elif path.is_dir():
            inside = list(_walk(path))
            found.folders.append(path)
            found.specs += [each for each in inside if each.suffix == ".scl"]
            found.files += [each for each in inside if each.suffix == ".py" and _is_ours(each)]
            found.empty += [] if any(each.suffix == ".scl" or each in found.files for each in inside) else [path]
        else:
            (found.files if path.suffix == ".py" else found.specs).append(path)
    found.specs, found.files = (list(dict.fromkeys(each)) for each in (found.specs, found.files))
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(
            name for name in folders
            if name[:1] != "." and name not in _LEFT_OUT and not os.path.exists(os.path.join(root, name, "pyvenv.cfg"))
        )  # fmt: skip
        inside = (Path(root, name) for name in sorted(files) if name[:1] != "." and name.endswith((".scl", ".py")))
        yield from (path for path in inside if lies_inside(path, folder))


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return is_generated(as_text(file.read(MOST)))
    except OSError:
        return False


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))
