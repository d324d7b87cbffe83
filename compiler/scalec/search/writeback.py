"""Writes the result of a search into the spec: the values of the lets, and a comment about their origin."""

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from scalec.compiler import Loaded, load
from scalec.files import replace_file
from scalec.language.format.formatter import format_spec
from scalec.program.search_stamp import MARK, comments, constants_of, state_of
from scalec.search.candidates import shown


class NotWritten(ValueError):
    """The spec cannot take the values; the message says why."""


def write_back(loaded: Loaded, path: Path, values: Mapping[str, Fraction], said: str) -> bool:
    """Change the spec, and tell whether that was needed; its layout stays canonical if it was.

    Raises `NotWritten` if it has been edited since it was read, `CompileError` and `OSError`.
    """
    before = path.read_bytes()
    text = before.decode("utf-8").removeprefix("\ufeff")
    if text != loaded.program.file.source.text:
        raise NotWritten(f"{path} was edited while the search ran")
    name = str(path)
    written = _with_values(loaded, text, values)
    written = _with_comment(path, written, said)
    if format_spec(name, before) == text:
        written = format_spec(name, written.encode())
    if written == text:
        return False
    load(path, written.encode()).named("baseline")
    replace_file(path, written.encode())
    return True


def _with_values(loaded: Loaded, text: str, values: Mapping[str, Fraction]) -> str:
    """Put each value in the place of the old one, the last first."""
    for binding in sorted(constants_of(loaded.program), key=lambda each: -each.value.span.start):
        span = binding.value.span
        text = f"{text[: span.start]}{shown(values[binding.name.key])}{text[span.end :]}"
    return text


def _with_comment(path: Path, text: str, said: str) -> str:
    """Put the comment above the first of the lets, in the place of an older one."""
    for start, end, _ in reversed(list(comments(text))):
        line = text.rfind("\n", 0, start) + 1
        alone = not text[line:start].strip()
        text = text[: line if alone else start].rstrip(" ") + text[end + 1 if alone else end :]
    program = load(path, text.encode()).program
    state = state_of(program)
    assert state is not None
    first = min(binding.span.start for binding in constants_of(program))
    statement = max(found.start() for found in re.finditer(r"\blet\b", text) if found.start() <= first)
    comment = f"{MARK}{state.text} {said}\n"
    return f"{text[:statement]}{comment}{text[statement:]}"
