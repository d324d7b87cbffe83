"""The state of an emitted file, from its text and the text that its spec gives now.

A file is up to date only if the bytes are the same. Anybody can write a hash or a version into a file, so these
decide only the name of the state.
"""

import ast
import os
import re
from pathlib import Path

from scalec.diagnostics.diagnostic import Diagnostic, Label
from scalec.diagnostics.source import Source, Span
from scalec.emit.guards import is_text
from scalec.emit.head import Head, head
from scalec.emit.seal import is_edited, is_untouched
from scalec.files import as_text, unified_diff, with_line_feeds
from scalec.record import record
from scalec.version import __version__

UP_TO_DATE = "up to date"
_UPDATE = "`scalec compile --update {}` writes it anew"
_KEEP = "take the edit back, or into the spec; `scalec compile --update --force {}` keeps it as {}.orig"


@record
class Verdict:
    """What a file is, in the words that people read, and the findings that say so; none if it is up to date."""

    state: str
    findings: tuple[Diagnostic, ...] = ()


def compared(path: Path, old: bytes, new: str, was: Head | None, now: Head | None, asked: bool = True) -> Verdict:
    """Compare a file with what it should be.

    `was` is the head that it has, or that the file it is a test of has, and `now` the one that this should have.
    `asked` is false if something else was asked for than the file says it is.
    """
    if with_line_feeds(old) == new.encode():
        return Verdict(UP_TO_DATE)
    text = as_text(old)
    source, untouched = Source(str(path), text), is_untouched(old)
    if not asked or (was is not None and now is not None and was.digest != now.digest):
        found = [_stale(source, asked)]
        found += [] if untouched else [_edited(source, text.find("# content-sha256"), path, "not its content any more")]
        return Verdict("stale spec" + ("" if untouched else ", and edited by hand"), tuple(found))
    if not untouched:
        return Verdict("edited by hand", (_edited(source, _first_difference(text, new), path),))
    return _other_compiler(source, was.version if was else __version__, new, path)


def difference(path: Path, old: bytes | None, new: str) -> str:
    """Return what would change in a file, as a unified diff."""
    was, name = with_line_feeds(old or b"").decode("utf-8", "backslashreplace"), path.as_posix()
    return unified_diff(was, new, f"a/{name}" if was else os.devnull, f"b/{name}")


def missing(path: Path, place: Span) -> Verdict:
    """Return the verdict that a declared file does not exist."""
    help = _UPDATE.format(path.as_posix())
    return Verdict("missing", (_finding("E601", f"{path.as_posix()} is missing", place, "said here", help=help),))


def twice(path: Path, place: Span) -> Diagnostic:
    """Return the verdict that two entries, or two scales of one, name the same file."""
    help = "with several scales, `output` is a folder"
    return _finding("E502", f"{path.as_posix()} is declared more than once", place, "here again", help=help)


def orphan(path: Path, text: str, why: str, help: str, declared: Span | None = None) -> Verdict:
    """Return the verdict that no known spec belongs to the file, and whether it was edited."""
    source = Source(str(path), text)
    found = _finding("E605", why, declared or _at(source, "command"), "so it cannot be compared", help=help)
    return _incomparable("orphan", found, source)


def broken(path: Path, text: str) -> Verdict:
    """Return the verdict that the spec does not compile as the file's head says, and whether the file was edited."""
    source, notes = Source(str(path), text), ("what is wrong with the spec is said of the spec",)
    message, label = "its spec does not compile so any more", "so this cannot be compared"
    return _incomparable("stale spec", _finding("E602", message, _at(source, "command"), label, notes), source)


def _incomparable(state: str, found: Diagnostic, source: Source) -> Verdict:
    if not is_edited(source.text.encode()):
        return Verdict(state, (found,))
    help = "once it can be compiled again, only `--force` overwrites it"
    start = source.text.find("# content-sha256")
    place = Span(source, start, source.text.find("\n", start))
    edited = _finding("E603", "it was edited since scalec wrote it", place, "not its content any more", help=help)
    return Verdict(f"{state}, and edited by hand", (found, edited))


def _stale(source: Source, asked: bool) -> Diagnostic:
    help = _UPDATE.format(source.name)
    if not asked:
        message, label = "it was compiled in another way than pyproject.toml says", "so it was compiled"
        return _finding("E602", message, _at(source, "command"), label, help=help)
    message = "its spec, or something that the spec imports, has changed since it was compiled"
    return _finding("E602", message, _at(source, "digest"), "the spec as it was", help=help)


def _edited(source: Source, start: int, path: Path, label: str = "not what scalec wrote") -> Diagnostic:
    end = source.text.find("\n", start)
    place = Span(source, max(start, 0), end if end >= 0 else len(source.text))
    help = _KEEP.format(path.as_posix(), path.name)
    return _finding("E603", "it was edited since scalec wrote it", place, label, help=help)


def _first_difference(old: str, new: str) -> int:
    """Return the start of the first line that differs."""
    start = 0
    for line, other in zip(old.splitlines(True), new.splitlines(True), strict=False):
        if line != other and not line.startswith("# content-sha256: "):
            return start
        start += len(line)
    return start if start < len(old) else max(old.rstrip("\n").rfind("\n") + 1, 0)


def _other_compiler(source: Source, version: str, new: str, path: Path) -> Verdict:
    """Classify a file that nobody edited, of a spec that has not changed: another compiler wrote it."""
    age = "older" if _order(version) < _order(__version__) else "newer"
    who = f"scalec {version}, which is {age}," if version != __version__ else f"another build of scalec {version}"
    named = f"{age} compiler" if version != __version__ else "another build of the compiler"
    place, help = _at(source, "version"), _UPDATE.format(path.as_posix())
    if age == "newer" and version != __version__:
        help = f"this is scalec {__version__}: update scalec, or {help}"
    if same_code(source.text, new):
        message = f"{who} wrote it; its code is the same, and what is said of it is not"
        return Verdict(f"{named}, same meaning", (
            _finding("W601", message, place, f"here it is {__version__}", help=help, warning=True),
        ))  # fmt: skip
    keys = "constructors too: keys or shapes of weights may be others"
    if same_code(source.text, new, constructors_alone=True):
        keys = "constructors are the same, so weights still load"
    message = f"{who} wrote it, and its code is another than this scalec writes"
    found = _finding("E604", message, place, f"here it is {__version__}", notes=(keys,), help=help)
    return Verdict(f"{named}, other meaning", (found,))


def same_code(old: str, new: str, constructors_alone: bool = False) -> bool:
    """Return whether two files run the same: equal but for comments, docstrings and layout.

    Constructors alone decide what keys and shapes the weights have.
    """
    try:
        return _bare(old, constructors_alone) == _bare(new, constructors_alone)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _bare(text: str, constructors_alone: bool) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [each for each in node.body if not is_text(each)]
        if constructors_alone and isinstance(node, ast.ClassDef):
            node.body = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    if constructors_alone:
        tree.body = [each for each in tree.body if isinstance(each, ast.ClassDef)]
    return ast.dump(tree)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part[:9]) for part in re.findall(r"[0-9]+", version))


def _at(source: Source, what: str) -> Span:
    """Return a place of the head; the first line of a file without one."""
    found = head(source.text)
    start, end = found.places.get(what, found.places["digest"]) if found else (0, source.text.find("\n"))
    part = source.text[start:end]
    start += len(part) - len(part.lstrip())
    return Span(source, start, start + len(part.strip().partition("\n")[0]))


def _finding(
    code: str, message: str, place: Span, label: str, notes: tuple[str, ...] = (), help: str | None = None,
    warning: bool = False,
) -> Diagnostic:  # fmt: skip
    return Diagnostic(
        code, message, Label(place, label), notes=notes, help=help, severity="warning" if warning else "error"
    )
