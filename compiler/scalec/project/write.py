"""Writing an emitted file: whole or not at all, and never over somebody's own work."""

import glob
import itertools
import os
import re
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from scalec.emit.head import MARK
from scalec.emit.header import changes
from scalec.emit.python_names import snake_case
from scalec.emit.seal import is_untouched, unsealed
from scalec.network.network import Network, Setting

_SUFFIX = ".scalec-tmp"
_STALE_SECONDS = 600


def default_name(network: Network) -> str:
    """Name the file after the spec and the scale: `efficientnet_b4.py`, `efficientnet_phi_minus_1_over_3.py`."""
    return file_name(network.program.file.source.file, network.setting, lambda: network.name)


def file_name(spec: str, setting: Setting, network: Callable[[], str]) -> str:
    """Name a file; the network's name is asked for where the name of the spec's file is none for a module."""
    stem = spec.removesuffix(".scl")
    parts = [stem if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", stem) else snake_case(network())]
    if setting.variant:
        variant = snake_case(setting.variant)
        parts = [variant] if variant.startswith(parts[0]) else [*parts, variant]
    elif setting.phi is not None:
        parts.append(f"phi{_spelled(setting.phi)}")
    parts += [f"{key}{_spelled(text)}" for key, text in dict(setting.changed).items()]
    parts += [f"stride{setting.output_stride}"] if setting.output_stride is not None else []
    parts += ["features", *setting.taps] if setting.taps is not None else []
    parts += ["inference"] if setting.inference else []
    return "_".join(parts)[:200] + ".py"


def _spelled(number: str) -> str:
    """Spell a number or a word, so that `1/3` (`1_over_3`) and `1.3` (`1_point_3`) do not look alike."""
    text = re.sub(r"\.0+$", "", number.strip().lstrip("+"))
    for sign, word in (("-", "_minus_"), ("/", "_over_"), (".", "_point_")):
        text = text.replace(sign, word)
    return re.sub(r"[^A-Za-z0-9_]+", "_", text)


def scale_of(network: Network) -> str:
    """Say which scale a network is of, for the line that a command prints."""
    setting = network.setting
    scale = f"variant {setting.variant}" if setting.variant else f"phi = {setting.phi}" if setting.phi else ""
    changed = ", ".join(changes(network))
    return f"{scale} with {changed}" if scale and changed else scale or changed or "baseline"


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
    _sweep(target)
    old = target.read_bytes() if target.exists() else b""
    if old == data:
        return None
    if old and not _is_ours(old, data):
        replace_file(_kept_name(target, old), old)
    replace_file(target, data)
    return None


def obstacle(path: Path, text: str, force: bool = False, follow: bool = False) -> str | None:
    """Say what stands in the way of writing a file; write nothing. Raises `OSError`."""
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
    """Give the permissions of the old file, or of a new one."""
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


def _sweep(path: Path) -> None:
    """Remove what a run that was killed has left of this output. Another run may just be writing its own."""
    with suppress(OSError):
        for left in path.parent.glob(f".{glob.escape(path.name)}.*{_SUFFIX}"):
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                left.unlink()


def _leads_out(path: Path) -> bool:
    """Tell whether links lead out of the folder: of the working directory, or of the one that is named otherwise."""
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
    """Tell whether a file is as scalec wrote it: by its seal, or because it would be written so today but for that."""
    return old.startswith(MARK.encode()) and (is_untouched(old) or old.replace(b"\r\n", b"\n") == unsealed(new))


def _kept_name(path: Path, old: bytes) -> Path:
    """Name what `--force` keeps: `b4.py.orig`, or `b4.py.orig2` where that is something else already."""
    for number in itertools.count(1):
        kept = path.with_name(f"{path.name}.orig{number if number > 1 else ''}")
        if not os.path.lexists(kept) or (not kept.is_symlink() and kept.is_file() and kept.read_bytes() == old):
            return kept
    raise AssertionError
