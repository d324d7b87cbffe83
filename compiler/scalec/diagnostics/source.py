"""Sources and spans: a source is a text with a name, and a span is two offsets in it."""

from bisect import bisect_right
from dataclasses import field
from functools import cached_property

from scalec.record import record, unique

COMMAND_LINE = "command line"
"""The name of a source that is no file: a part of the command line."""


@unique
class Source:
    """The text of one spec. `name` is what messages print; it is never opened again."""

    name: str
    text: str = field(repr=False)

    @property
    def file(self) -> str:
        """The last part of the name: without the folders."""
        return self.name.replace("\\", "/").rpartition("/")[2]

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        for offset, character in enumerate(self.text):
            if character == "\n":
                starts.append(offset + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both from 1, columns in Unicode code points."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of a line, from 1, without its line end."""
        start = self._line_starts[number - 1]
        following = self._line_starts[number : number + 1]
        end = following[0] if following else len(self.text)
        return self.text[start:end].rstrip("\r\n")


@record
class Part:
    """A part of the command line: what stands before its value, and the option it is for, if others may give it too.

    `key` is the name that `--set` sets. `is_key`: the finding is about this name, not about the value.
    """

    head: str
    option: str = ""
    key: str = ""
    is_key: bool = False


@unique
class Argument(Source):
    """A part of the command line as the text of a source."""

    part: Part


@record
class Span:
    """The characters from `start` up to, not including, `end` of a source."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters themselves, as written."""
        return self.source.text[self.start : self.end]

    def to(self, other: "Span") -> "Span":
        """Return the span from the start of this one to the end of another."""
        return Span(self.source, self.start, other.end)

    def holds(self, other: "Span") -> bool:
        """Return whether another span lies in this one; an empty one may lie at its end."""
        return other.source is self.source and self.start <= other.start and other.end <= self.end

    @property
    def after(self) -> "Span":
        """The empty span behind this one: where something is missing."""
        return Span(self.source, self.end, self.end)
