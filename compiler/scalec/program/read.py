"""Reads a spec and its imports from bytes to syntax. Imports are looked up beside the spec, then in the library."""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from scalec.diagnostics.diagnostic import CompileError, Report
from scalec.files import read_at_most
from scalec.language import syntax as s
from scalec.language.parse import decode, parse, parse_partly
from scalec.limits import MAX_BYTES
from scalec.program.resolve import resolve, resolve_library

Importer = Callable[[str], s.Spec | None]
"""Returns the spec of a name that is imported, or nothing if there is none."""
Beside = dict[str, tuple[Path, bytes] | None]
"""The files beside a spec that it imports, as they were read; none for what comes from the library."""
_WORD = re.compile(r"\w+")


def read(name: str, data: bytes, load_import: Importer, report: Report) -> s.Spec:
    """Return a spec; raise `CompileError` if it cannot be parsed, with what is wrong in its other statements as well.

    Follow-up errors are dropped: a name in a broken statement may be defined in it, and after an illegal character
    nothing is certain.
    """
    spec, broken = parse_partly(decode(name, data, report), report)
    if broken and {found.code for found in report.diagnostics}.isdisjoint({"E002", "E003"}):
        other, spoken_of = Report(), {word for each in broken for word in _WORD.findall(each.text)}
        with suppress(CompileError):
            (resolve if has_network(spec) else resolve_library)(spec, load_import, other)
        for diagnostic in other.diagnostics:
            span = diagnostic.label.span
            if not any(each.holds(span) for each in broken) and spoken_of.isdisjoint(_WORD.findall(span.text)):
                report.add(diagnostic)
    report.stop_on_error()
    return spec


def has_network(spec: s.Spec) -> bool:
    """Return whether a spec describes a network; a library has blocks and lets alone."""
    return any(isinstance(statement, s.Network) for statement in spec.statements)


def beside(folder: Path, name: str) -> Path | None:
    """Return the file of a name if it really lies in the folder: a link may lead elsewhere."""
    path = folder / name
    return path if path.is_file() and path.resolve().parent == folder.resolve() else None


def folder_importer(folder: Path | None, imported: Beside | None = None) -> Importer:
    """Return an importer for a folder and the library. It notes in `imported` what it reads in the folder."""

    def find(name: str) -> tuple[str, bytes] | None:
        path = beside(folder, name) if folder is not None else None
        found = None if path is None else (path, read_at_most(path, MAX_BYTES))
        if imported is not None:
            imported[name.removesuffix(".scl")] = found
        return None if found is None else (str(found[0]), found[1])

    return importer(find)


def importer(beside: Callable[[str], tuple[str, bytes] | None]) -> Importer:
    """Return an importer that looks for `name.scl` beside the spec, then in the library.

    `beside` returns what messages call a file there, and its bytes. A name is an identifier: it cannot leave a folder.
    """

    def load_import(name: str) -> s.Spec | None:
        shipped = files("scalec.specs").joinpath(f"{name}.scl")
        found = beside(f"{name}.scl") or ((f"{name}.scl", shipped.read_bytes()) if shipped.is_file() else None)
        if found is None:
            return None
        return _parsed(*found)

    return load_import


@lru_cache(maxsize=64)
def _parsed(name: str, data: bytes) -> s.Spec:
    """Return what is imported, parsed once for all specs that import it; raise `CompileError`."""
    report = Report()
    return parse(decode(name, data, report), report)
