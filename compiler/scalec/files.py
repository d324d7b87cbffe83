"""Reads and writes files: complete replacement or no change, line ends, and differences between texts."""

import glob
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_SUFFIX = ".scalec-tmp"
_STALE_SECONDS = 600


def replace_file(path: Path, data: bytes) -> None:
    """Put a file in the place of another, or of none, at one stroke. Raises `OSError`, and leaves the old one then."""
    descriptor, temporary = _temporary(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except OSError as error:
        _remove(Path(temporary))
        raise OSError(error.errno, error.strerror, str(path)) from None
    except BaseException:  # Ctrl-C too: nothing half written stays
        _remove(Path(temporary))
        raise
    _settle(path.parent)


def _temporary(path: Path) -> tuple[int, str]:
    try:
        return tempfile.mkstemp(prefix=f".{path.name}.", suffix=_SUFFIX, dir=path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _mode(path: Path) -> int:
    """Return the permissions of the old file, or of a new one."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _settle(folder: Path) -> None:
    """Have the rename itself on the disk, where the system can do that: the file is whole in any case."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_leftovers(path: Path) -> None:
    """Remove what a run that was killed has left of this output. Another run may just be writing its own."""
    with suppress(OSError):
        for left in path.parent.glob(f".{glob.escape(path.name)}.*{_SUFFIX}"):
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                left.unlink()


def with_line_feeds(data: bytes) -> bytes:
    """Return a file with the line ends that scalec writes: a checkout may have others."""
    return data.replace(b"\r\n", b"\n")


def as_text(data: bytes) -> str:
    """Return a file's text, whatever it is, with `\\n` for line ends."""
    return with_line_feeds(data).decode("utf-8", "replace")


def read_at_most(path: Path, most: int) -> bytes:
    """Return a file's bytes, one more than `most` if it is longer, so that an endless file ends; raise `OSError`."""
    with path.open("rb") as file:
        return file.read(most + 1)


def lies_inside(path: Path, folder: Path) -> bool:
    """Return whether a path is a regular file whose real place is in the folder: a link may lead elsewhere."""
    return path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(folder.resolve()))


def read_text(path: Path) -> str:
    """Return the text of a file, whatever it is, with `\\n` for line ends. Raise `OSError` if it cannot be read."""
    return as_text(path.read_bytes())


def unified_diff(old: str, new: str, old_name: str, new_name: str) -> str:
    """Return what differs between two texts, as `diff -u` and git write it."""
    import difflib  # here: few commands need it

    lines = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), old_name, new_name)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
