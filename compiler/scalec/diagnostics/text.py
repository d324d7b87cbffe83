"""Prints diagnostics as text, in the layout of rustc: the message, the lines with marked places, notes and help."""

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby

from scalec.diagnostics.diagnostic import Diagnostic, Label, in_order
from scalec.diagnostics.source import Source
from scalec.record import record

MOST_SHOWN = 20
TAB_WIDTH = 4
WIDEST = 120
_STYLES = {"error": "1;31", "warning": "1;33", "other": "1;34", "gutter": "1;34", "bold": "1"}


@record
class _Mark:
    """A marked part of a line: columns as displayed, from 0, without the end."""

    start: int
    end: int
    text: str
    style: str
    sign: str


@record
class _Row:
    """A line to show, with its labels; a long one is shown from column `first` on."""

    number: int
    labels: tuple[Label, ...]
    first: int


def render(diagnostics: Iterable[Diagnostic], colour: bool = False) -> str:
    """Return findings as text, sorted by place, at most `MOST_SHOWN` of them."""
    ordered = in_order(diagnostics)
    parts = ["\n".join(_Excerpt(each, colour).lines()) + "\n" for each in ordered[:MOST_SHOWN]]
    left = len(ordered) - MOST_SHOWN
    if left > 0:
        parts.append(f"and {left} more\n")
    return "\n".join(parts)


class _Excerpt:
    """Draws one finding."""

    def __init__(self, diagnostic: Diagnostic, colour: bool) -> None:
        self.diagnostic, self.colour = diagnostic, colour
        self.labels = (diagnostic.label, *diagnostic.others)
        self.width = max(len(str(_line_of(label))) for label in self.labels)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the whole finding."""
        d = self.diagnostic
        yield self.paint(d.severity, f"{d.severity}[{d.code}]") + self.paint("bold", f": {printable(d.message)}")
        for source in dict.fromkeys(label.span.source for label in self.labels):
            yield from self._file(source)
        margin = " " * self.width + self.paint("gutter", " =")
        for note in d.notes:
            yield f"{margin} {self.paint('bold', 'note')}: {printable(note)}"
        if d.help:
            yield f"{margin} {self.paint('bold', 'help')}: {printable(d.help)}"

    def paint(self, style: str, text: str) -> str:
        """Return text in its colour, or as it is if no colours are wanted."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.colour and text.strip() else text

    def _gutter(self, number: str = "") -> str:
        return self.paint("gutter", f"{number:>{self.width}} |")

    def _file(self, source: Source) -> Iterator[str]:
        """Yield the marked lines of one file; lines near each other stand together."""
        labels = [label for label in self.labels if label.span.source is source]
        line, column = source.position(labels[0].span.start)
        arrow = "-->" if labels[0] is self.diagnostic.label else ":::"
        yield f"{' ' * self.width}{self.paint('gutter', arrow)} {printable(source.name)}:{line}:{column}"
        if not source.text:
            return
        yield self._gutter()
        before = 0
        for row in _rows(source, labels):
            if before and row.number == before + 2 and len(source.line(before + 1)) <= WIDEST:
                yield f"{self._gutter(str(before + 1))} {printable(source.line(before + 1))}".rstrip()
            elif before and row.number != before + 1:
                yield self.paint("gutter", "...")
            yield from self._row(source, row)
            before = row.number

    def _row(self, source: Source, row: _Row) -> Iterator[str]:
        text = source.line(row.number)
        head, tail = "…" if row.first else "", "…" if len(text) > row.first + WIDEST else ""
        shown = printable(text[row.first : row.first + WIDEST])
        yield f"{self._gutter(str(row.number))} {head}{shown}{tail}".rstrip()
        marks = [self._mark(label, text, row.first) for label in row.labels]
        for cells in _drawn(marks):
            yield f"{self._gutter()} {''.join(self._runs(cells))}".rstrip()

    def _mark(self, label: Label, text: str, first: int) -> _Mark:
        column = label.span.source.position(label.span.start)[1] - 1
        until = min(column + max(1, label.span.end - label.span.start), max(len(text), column + 1), first + WIDEST)
        start = columns(("…" if first else "") + printable(text[first:column]))
        end = start + max(1, columns(printable(text[column:until])))
        if label is self.diagnostic.label:
            return _Mark(start, end, printable(label.text), self.diagnostic.severity, "^")
        return _Mark(start, end, printable(label.text), "other", "-")

    def _runs(self, cells: dict[int, tuple[str, str]]) -> Iterator[str]:
        """Yield the parts of a drawn line; a cell may hold a whole text, which is then the last."""
        place = 0
        for style, run in groupby(sorted(cells), key=lambda column: cells[column][0]):
            piece = ""
            for column in run:
                piece += " " * (column - place) + cells[column][1]
                place = column + columns(cells[column][1])
            yield " " * (len(piece) - len(piece.lstrip())) + self.paint(style, piece.lstrip())


def _rows(source: Source, labels: list[Label]) -> list[_Row]:
    """Return the lines to show, in order. A long line is cut around a label, and shown again for one beyond the cut."""
    rows: list[_Row] = []
    for number in sorted({_line_of(label) for label in labels}):
        left = [label for label in labels if _line_of(label) == number]
        length = len(source.line(number))
        while left:
            column = source.position(left[0].span.start)[1] - 1
            first = max(0, column - WIDEST, min(column - WIDEST // 2, length - WIDEST))  # a `\r` is no part of `length`
            here = [each for each in left if first <= source.position(each.span.start)[1] - 1 <= first + WIDEST]
            rows.append(_Row(number, tuple(here), first))
            left = [each for each in left if each not in here]
    return rows


def _line_of(label: Label) -> int:
    return label.span.source.position(label.span.start)[0]


def _drawn(marks: list[_Mark]) -> Iterator[dict[int, tuple[str, str]]]:
    """Yield the lines below one of source, by column: underlines, then the texts that do not fit beside them."""
    line: dict[int, tuple[str, str]] = {}
    for mark in reversed(marks):  # the primary one is the first, and goes over the others
        line |= {column: (mark.style, mark.sign) for column in range(mark.start, mark.end)}
    hanging = sorted((mark for mark in marks if mark.text), key=lambda mark: mark.start)
    last = hanging[-1] if hanging else None
    if last and all(mark is last or mark.end <= last.start for mark in marks):
        line[last.end + 1] = (last.style, last.text)
        hanging.pop()
    yield line
    if hanging:
        yield {mark.start: (mark.style, "|") for mark in hanging}
    while hanging:
        mark = hanging.pop()
        line = {other.start: (other.style, "|") for other in hanging}
        yield line | {mark.start: (mark.style, mark.text)}


def printable(text: str) -> str:
    """Return text with control and format characters as `<U+202E>` and tabs as spaces: nothing in it is hidden."""
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character == "\t":
        return " " * TAB_WIDTH
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"<U+{ord(character):04X}>"
    return character


def columns(text: str) -> int:
    """Return the number of terminal columns: East-Asian wide characters take two, combining marks none."""
    wide = sum(unicodedata.east_asian_width(c) in ("W", "F") for c in text)
    return len(text) + wide - sum(unicodedata.category(c) in ("Mn", "Me") for c in text)
