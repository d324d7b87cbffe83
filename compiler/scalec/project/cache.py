"""A cache of emitted texts between runs. The key contains everything that can change the text.

The key contains the whole compiler (every file of scalec with its grammar, templates and library, of Lark and Jinja,
and Python's version), the bytes and the name of the spec, the request, and the bytes of each imported file. If an
import is not beside the spec, the key says so. So an answer is never out of date: after a change to a template, for
example, the cache has no answer.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from scalec.compiler import Loaded
from scalec.emit.head import NO_SPEC, command
from scalec.files import replace_file
from scalec.program.read import beside
from scalec.program.request import Request

Imports = Mapping[str, str | None]
"""The hash of each imported file, by name; none for those that are not beside the spec."""
_MADE_OF = ("scalec", "scalec.grammar", "scalec.templates", "scalec.specs", "lark", "jinja2")
_MOST_TEXTS = 20_000
_MOST_FILES = 8


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes."""
    return hashlib.sha256(data).hexdigest()


def imports_of(loaded: Loaded) -> dict[str, str | None]:
    """Return what a spec imports, as it was read."""
    return {name: None if found is None else digest(found[1]) for name, found in loaded.imports.items()}


@cache
def fingerprint() -> str | None:
    """Return the hash of the compiler, or None if its files cannot be read, as in a zip file."""
    found = hashlib.sha256(f"{sys.version} {sys.implementation.name}".encode())
    for name in _MADE_OF:
        spec = find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            return None
        folder = Path(spec.submodule_search_locations[0])
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        if not paths:
            return None
        for path in paths:
            found.update(f"{name} {path.relative_to(folder).as_posix()} {digest(path.read_bytes())}\n".encode())
    return found.hexdigest()


class Cache:
    """The texts of one compiler. Nothing of it is needed: what cannot be read is not there, and is found out again."""

    def __init__(self, folder: Path | None) -> None:
        """Read what is kept in a folder; without one nothing is kept."""
        found = fingerprint() if folder is not None else None
        self.path = folder / f"{found[:32]}.json" if folder is not None and found else None
        self.texts = self._read()
        self.new: dict[str, list[object]] = {}
        self._seen: dict[Path, bytes] = {}

    def text(self, spec: Path, request: Request) -> str | None:
        """Return the hash of the text that a spec gives, if nothing that it is made of has changed."""
        if self.path is None:
            return None
        with suppress(OSError):
            match self.texts.get(self._key(spec, request)):
                case [str() as text, dict() as imports]:
                    holds = all(self._beside(spec, name) == was for name, was in imports.items())
                    return text if holds else None
        return None

    def test(self, text: str, path: Path) -> str | None:
        """Return the hash of a test, by the hash of the text of the file that it is of."""
        match self.texts.get(_key_of_test(text, path)):
            case [str() as found]:
                return found
        return None

    def keep(self, spec: Path, request: Request, text: str, imports: Imports) -> None:
        """Take in what was found out."""
        if self.path is not None:
            with suppress(OSError):
                self.new[self._key(spec, request)] = [text, dict(imports)]

    def keep_test(self, text: str, path: Path, test: str) -> None:
        """Take in a test's text."""
        self.new[_key_of_test(text, path)] = [test]

    def write(self) -> None:
        """Keep what is new for other runs, as far as that can be done."""
        if self.path is None or not self.new:
            return
        kept = {**self._read(), **self.new}
        texts = dict(list(kept.items())[-_MOST_TEXTS:])
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(self.path, json.dumps(texts).encode())
            others = sorted(self.path.parent.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
            _remove(path for path in others[:-_MOST_FILES] if path != self.path)

    def _read(self) -> dict[str, list[object]]:
        try:
            found = json.loads(self.path.read_bytes()) if self.path is not None else {}
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _key(self, spec: Path, request: Request) -> str:
        return digest(json.dumps([spec.name, digest(self._bytes(spec)), command(NO_SPEC, request)]).encode())

    def _bytes(self, path: Path) -> bytes:
        if path not in self._seen:
            self._seen[path] = path.read_bytes()
        return self._seen[path]

    def _beside(self, spec: Path, name: str) -> str | None:
        found = beside(spec.parent, f"{name}.scl")
        return None if found is None else digest(self._bytes(found))


def folder(environment: Mapping[str, str]) -> Path | None:
    """Return the cache folder: `SCALEC_CACHE_DIR`, or one of the user's; None if that is empty, or there is none."""
    if (named := environment.get("SCALEC_CACHE_DIR")) is not None:
        return Path(named) if named else None
    if named := environment.get("XDG_CACHE_HOME"):
        return Path(named) / "scalec"
    home = os.path.expanduser("~")
    return Path(home) / ".cache" / "scalec" if os.path.isabs(home) else None


def _key_of_test(text: str, path: Path) -> str:
    return digest(json.dumps(["test", text, path.stem, (path.parent / "__init__.py").is_file()]).encode())


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
