"""Finds the place of a value in a TOML file. (`tomllib` does not give places.)

Each place is verified: if the text there is replaced, exactly this value changes. So the tables may have any TOML
syntax: inline, dotted, with headers, in any order.
"""

import re
from collections.abc import Iterator

from scalec.diagnostics.source import Source, Span

Path = tuple[str | int, ...]
"""The keys and indices that lead to a value."""
_SCALAR = re.compile(r"\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[^\s,#\[\]{}\"']+")
_KEY = re.compile(r"([\w-]+|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*')[ \t]*=[ \t]*$")
_OTHER = "\x01"
_LONGEST = 50
"""So many brackets are tried as the end of a value."""


def value_place(source: Source, path: Path) -> Span | None:
    """Return the place of a value, or None if it cannot be found. The text has to be TOML."""
    value = _follow(source.text, path)
    for start, end in _texts(source.text):
        if _alone(source.text[start:end]) == (value,):
            changed = f'{source.text[:start]}"\\u0001"{source.text[end:]}'
            if _follow(changed, path) == _OTHER:
                return Span(source, start, end)
    return None


def key_place(source: Source, path: Path) -> Span | None:
    """Return the place of a value's key, without quotes."""
    value = value_place(source, path)
    key = _KEY.search(source.text[: value.start]) if value else None
    if key is None:
        return None
    quoted = key[1][0] in "\"'"
    return Span(source, key.start(1) + quoted, key.end(1) - quoted)


def part_place(value: Span, part: str, start: int = 0, end: int | None = None) -> Span:
    """Return the place of a word, or of some letters, of a value; of the whole value if it is written otherwise."""
    found = re.search(rf"(?<![\w.]){re.escape(part)}(?![\w.])", value.text) if part else None
    if found is None:
        return value
    begin = value.start + found.start()
    return Span(value.source, begin + start, begin + (len(part) if end is None else end))


def _texts(text: str) -> Iterator[tuple[int, int]]:
    """Return where there may be values: behind each `=`, whatever that is in."""
    for sign in re.finditer(r"=[ \t]*(?=\S)", text):
        start = sign.end()
        if text[start] in "[{":
            ends = re.finditer(re.escape("]" if text[start] == "[" else "}"), text[start:])
            yield from ((start, start + end.end()) for end, _ in zip(ends, range(_LONGEST), strict=False))
        elif scalar := _SCALAR.match(text, start):
            yield start, scalar.end()


def _alone(text: str) -> tuple[object, ...]:
    read = _read(f"x = {text}")
    return (read["x"],) if len(read) == 1 else ()


def _follow(text: str, path: Path) -> object:
    found: object = _read(text)
    for key in path:
        within = found if isinstance(found, dict) else dict(enumerate(found)) if isinstance(found, list) else {}
        if key not in within:
            return None
        found = within[key]
    return found


def _read(text: str) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
