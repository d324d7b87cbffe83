"""Writes emitted files: completely or not at all, and never over a file that somebody edited."""

import itertools
import os
from pathlib import Path

from scalec.emit.head import MARK
from scalec.emit.seal import is_untouched, unsealed
from scalec.files import remove_leftovers, replace_file, with_line_feeds


def write(path: Path, text: str, force: bool = False, follow: bool = False) -> str | None:
    """Write a file whole or not at all; leave an equal one alone. Say what stands in the way.

    What was edited, or was never scalec's, is overwritten with `force` alone, and kept beside the new file. A link out
    of the folder is followed only if `follow` says so. Raises `OSError`.
    """
    if problem := obstacle(path, text, force, follow):
        return problem
    data = text.encode()
    target = _real(path) if path.is_symlink() else path
    if target.exists() and not target.is_file():
        _write_to_device(target, data)
        return None
    remove_leftovers(target)
    old = target.read_bytes() if target.exists() else b""
    if old == data:
        return None
    if old and not _is_ours(old, data):
        replace_file(_kept_name(target, old), old)
    replace_file(target, data)
    return None


def obstacle(path: Path, text: str, force: bool = False, follow: bool = False) -> str | None:
    """Return what stands in the way of writing a file; write nothing; raise `OSError`."""
    if path.is_dir():
        return f"{path} is a folder"
    if not path.parent.is_dir():
        return f"{path}: there is no folder {path.parent}"
    if not follow and _leads_out(path):
        return f"{path} leads to {_real(path)}, through a link; --follow-symlinks writes there"
    target = _real(path) if path.is_symlink() else path
    old, data = target.read_bytes() if target.is_file() else b"", text.encode()
    if force or not old or old == data or _is_ours(old, data):
        return None
    written = "edited since scalec wrote it" if old.startswith(MARK.encode()) else "not written by scalec"
    return f"{path} was {written}; --force overwrites it and keeps it as {_kept_name(target, old).name}"


def _leads_out(path: Path) -> bool:
    """Return whether links lead out of the folder: of the working directory, or of the one that is named otherwise."""
    plain = not path.is_absolute() and ".." not in path.parts
    return not _real(path).is_relative_to(_real(Path() if plain else path.parent))


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # unlike `resolve`, it lets links that go in a circle be


def _write_to_device(path: Path, data: bytes) -> None:
    """Write to what is no file, such as /dev/null or a named pipe: to replace it would be to destroy it."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _is_ours(old: bytes, new: bytes) -> bool:
    """Return whether a file is as scalec wrote it: by its seal, or because it is what would be written today."""
    return old.startswith(MARK.encode()) and (is_untouched(old) or with_line_feeds(old) == unsealed(new))


def _kept_name(path: Path, old: bytes) -> Path:
    """Name what `--force` keeps: `b4.py.orig`, or `b4.py.orig2` where that is something else already."""
    for number in itertools.count(1):
        kept = path.with_name(f"{path.name}.orig{number if number > 1 else ''}")
        if not os.path.lexists(kept) or (not kept.is_symlink() and kept.is_file() and kept.read_bytes() == old):
            return kept
    raise AssertionError
