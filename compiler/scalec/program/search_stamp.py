"""Compares a spec with the comment that `scalec search --write` put above its constants: was the spec changed since?

`# scalec: searched 0a1b2c3d-4e5f6071-8293a4b5 …` has the first digits of three hashes: of the spec without its
`search` and without the values that the search found, of the `search` itself, and of those values.
"""

import hashlib
import re
from collections.abc import Iterator

from scalec.diagnostics.source import Span
from scalec.language import syntax as s
from scalec.language.canonical import CITED
from scalec.language.parse import words
from scalec.program.evaluate import Failure
from scalec.program.program import Program
from scalec.program.scope import World
from scalec.record import record

MARK = "# scalec: searched "
_COMMENT = re.compile(r"# scalec: searched ([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-f]{8})\b[^\n]*")
_DIGITS = 8


@record
class State:
    """What a spec is: the digits of the three hashes."""

    rest: str
    search: str
    constants: str

    @property
    def text(self) -> str:
        """Return them as the comment has them."""
        return f"{self.rest}-{self.search}-{self.constants}"


def state_of(program: Program) -> State | None:
    """Work the digits out; nothing if the spec has no `search`, or a constant has no value."""
    search = program.search
    if search is None:
        return None
    names = [axis.name.key for axis in search.axes]
    lets = program.file.lets
    holes = [search.span, *(lets[name].binding.value.span for name in names)]
    holes += [cite.span for cite in program.file.cites]
    tokens = words(program.file.source)
    rest = [text for _, text, span in tokens if not any(hole.holds(span) for hole in holes)]
    inside = [text for _, text, span in tokens if search.span.holds(span)]
    scope = World(program.file, {}).main
    try:
        values = [f"{name} = {scope.value(name)}" for name in names]
    except Failure:
        return None
    imported = [line for line in program.canonical.split("\n")[1:] if not line.startswith(CITED)]
    return State(_digits([" ".join(rest), *imported]), _digits([" ".join(inside)]), _digits(values))


def _digits(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_DIGITS]


def comments(text: str) -> Iterator[tuple[int, int, State]]:
    """Return each such comment of a spec: where it starts, where it ends, and what it says."""
    for found in _COMMENT.finditer(text):
        yield found.start(), found.end(), State(*found.groups())


def constants_of(program: Program) -> tuple[s.Binding, ...]:
    """Return the lets that a spec's `search` looks for."""
    axes = program.search.axes if program.search else ()
    return tuple(program.file.lets[axis.name.key].binding for axis in axes)


def place_of(program: Program, start: int, end: int) -> Span:
    """Return the place that a finding about the constants has: the first of them, or else the comment."""
    own = constants_of(program)
    return own[0].name.span if own else Span(program.file.source, start, end)
