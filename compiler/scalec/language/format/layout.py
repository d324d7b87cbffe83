"""Documents for the layout, and the lines that are printed.

A `Doc` has its text on one line (`flat`), unless it must be broken. `put` breaks it only if the line would be too
long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from scalec.language.format.words import Note, Word
from scalec.record import record

WIDTH = 120
DEEPEST = 80
"""Nothing is indented further: text that nests too deep runs beyond the width instead."""
_SPREAD = 10  # comments on lines that follow each other are aligned if the lines' lengths differ no more


@dataclass
class Line:
    """A line of the result: its code, or a comment that stands alone; and a comment behind code."""

    code: str
    comment: str = ""


class Canvas:
    """Lines being written. `indent` is where a line goes on that has to be broken at no natural place.

    `base` is where the `⊙` of the row stands.
    """

    def __init__(self, column: int = 0, base: int = 0) -> None:
        self.lines = [Line(" " * column)]
        self.indent, self.base = column, base

    @property
    def column(self) -> int:
        """Where the next text will stand."""
        return len(self.lines[-1].code)

    def text(self, text: str) -> None:
        """Write on the current line."""
        self.lines[-1].code += text

    def newline(self, indent: int) -> None:
        """Start a line."""
        self.lines.append(Line(" " * max(0, min(indent, DEEPEST))))

    def blank_line(self) -> None:
        """Leave a line blank; not two of them."""
        if self.lines[-1].code.strip():
            self.lines.append(Line(""))

    def notes(self, notes: Sequence[Note], indent: int, blanks: bool = False) -> None:
        """Write comments: behind the code of the current line, or each on a line."""
        for note in notes:
            line = self.lines[-1]
            if not note.own and not line.comment and line.code.strip() and not line.code.lstrip().startswith("#"):
                line.comment = note.text
                continue
            if note.blank and blanks:
                self.blank_line()
            self.newline(indent)
            self.text(note.text)

    def start(self, word: Word, indent: int, blanks: bool = False) -> None:
        """Start a line for a word: its comments, and a blank line if there was one."""
        self.notes(word.take_notes(), indent, blanks)
        if word.blank and blanks:
            self.blank_line()
        self.newline(indent)

    def splice(self, lines: Sequence[Line], start: int) -> None:
        """Write lines that were laid out by themselves, the first of them from a column."""
        self.text(lines[0].code[start:])
        self.lines[-1].comment = lines[0].comment
        self.lines += lines[1:]


class Doc(Protocol):
    """Something to lay out."""

    @property
    def flat(self) -> str | None:
        """The text on one line; nothing if it has to be broken."""

    @property
    def first(self) -> int:
        """How wide it is up to where it may be broken."""

    @property
    def stops(self) -> bool:
        """Whether it may be broken."""

    def write(self, canvas: Canvas, rest: int) -> None:
        """Lay it out where it does not fit on the line; `rest` is how much follows on its last line."""


def put(canvas: Canvas, doc: Doc, rest: int = 0) -> None:
    """Lay out on the current line if it fits, else broken."""
    if doc.flat is not None and canvas.column + len(doc.flat) + rest <= WIDTH:
        canvas.text(doc.flat)
    else:
        doc.write(canvas, rest)


@record
class Text:
    """A word, or white space."""

    flat: str
    stops = False

    @property
    def first(self) -> int:
        """All of it."""
        return len(self.flat)

    def write(self, canvas: Canvas, rest: int) -> None:
        """Write it, wide or not."""
        canvas.text(self.flat)


@record
class Noted:
    """A word with comments before it where lines are not broken otherwise."""

    word: Word
    notes: Sequence[Note]
    flat = None
    first = 0
    stops = True

    def write(self, canvas: Canvas, rest: int) -> None:
        """Write the comments and go on below."""
        canvas.notes(self.notes, canvas.indent)
        canvas.newline(canvas.indent)
        canvas.text(self.word.text)


def leaf(word: Word) -> Doc:
    """Lay out one word."""
    return Noted(word, word.take_notes()) if word.notes else Text(word.text)


class Seq:
    """One thing behind the other."""

    def __init__(self, *parts: Doc | str) -> None:
        self.parts: list[Doc] = [Text(part) if isinstance(part, str) else part for part in parts]
        texts = [part.flat for part in self.parts]
        self.flat = None if None in texts else "".join(text for text in texts if text is not None)
        self.first, self.stops = self._first(0)

    def _first(self, index: int) -> tuple[int, bool]:
        width = 0
        for part in self.parts[index:]:
            width += part.first
            if part.stops:
                return width, True
        return width, False

    def write(self, canvas: Canvas, rest: int) -> None:
        """Lay out the parts; what has to follow a part on its line counts for it."""
        for index, part in enumerate(self.parts):
            width, stops = self._first(index + 1)
            put(canvas, part, width if stops else width + rest)


@record
class Item:
    """What gets a line of its own where a list is broken; `gap` is what precedes it where the list is not."""

    doc: Doc
    notes: Sequence[Note] = ()
    gap: str = " "


class Hanging:
    """On one line, or each item on a line under the first."""

    stops = True

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        texts = [item.doc.flat for item in items]
        self.flat: str | None = None
        if None not in texts and not any(item.notes for item in items):
            self.flat = "".join(f"{item.gap}{item.doc.flat}" for item in items).removeprefix(items[0].gap)
        self.first = items[0].doc.first

    def write(self, canvas: Canvas, rest: int) -> None:
        """Write each item on a line."""
        outside, canvas.indent = canvas.indent, min(canvas.column, DEEPEST)
        for index, item in enumerate(self.items):
            canvas.notes(item.notes, canvas.indent)
            if index or item.notes:
                canvas.newline(canvas.indent)
            put(canvas, item.doc, rest if index == len(self.items) - 1 else 0)
        canvas.indent = outside


def finished(lines: Sequence[Line]) -> str:
    """Return the text of lines: comments behind code aligned with those of the lines next to them."""
    for line in lines:
        line.code = line.code.rstrip(" ")
    run: list[Line] = []
    for line, following in pairwise([*lines, Line("")]):
        lengths = [len(each.code) for each in (*run, line)]
        if run and max(lengths) - min(lengths) > _SPREAD:
            _align(run)
            run = []
        run = [*run, line] if line.comment else []
        if run and not following.comment:
            _align(run)
            run = []
    return "".join(f"{line.code}{line.comment}\n" for line in lines).lstrip("\n")


def _align(run: Sequence[Line]) -> None:
    width = max(len(line.code) for line in run)
    for line in run:
        line.code = line.code.ljust(width + 2)
