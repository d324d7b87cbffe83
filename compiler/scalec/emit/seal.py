"""The line of an emitted file with its hash. The hash shows whether the file was edited after scalec wrote it.

The line is `# content-sha256: 0123456789abcdef`: the first sixteen digits of the SHA-256 of the whole file, with
zeros in place of these digits. Sixteen digits detect accidental changes. The hash is no protection against an
attacker, who can compute it again.
"""

import hashlib
import re

from scalec.files import with_line_feeds

_DIGITS = 16
_LINE = re.compile(rb"\A((?:#[^\n]*\n){1,5}?# content-sha256: )([0-9a-f]{%d})\n" % _DIGITS)
_BLANK = b"0" * _DIGITS


def sealed(text: str) -> str:
    """Put the digits into the file's line, which has zeros; a file without the line stays as it is."""
    data = text.encode()
    found = _LINE.match(data)
    return text if found is None else (found[1] + _digits(data) + data[found.end(2) :]).decode()


def is_untouched(data: bytes) -> bool:
    """Return whether a file is as it was sealed. Line ends may have become those of another system."""
    return _holds(data) is True


def is_edited(data: bytes) -> bool:
    """Return whether a file has been edited since it was sealed; of one without the line nobody knows."""
    return _holds(data) is False


def _holds(data: bytes) -> bool | None:
    data = with_line_feeds(data)
    found = _LINE.match(data)
    return None if found is None else found[2] == _digits(found[1] + _BLANK + data[found.end(2) :])


def unsealed(data: bytes) -> bytes:
    """Return the file without the line, as scalec wrote it before there was one."""
    found = _LINE.match(data)
    return data if found is None else found[1].removesuffix(b"# content-sha256: ") + data[found.end() :]


def _digits(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest()[:_DIGITS].encode()
