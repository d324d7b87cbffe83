"""Formats `variants` as a table: columns are aligned to the right, and the brackets are in one column."""

from collections.abc import Sequence
from dataclasses import dataclass

from scalec.language.format.layout import WIDTH, Canvas, Doc, Seq, put
from scalec.language.format.words import Word

_WIDEST = 40  # a cell that is wider stands outside of its column


@dataclass
class Row:
    """The head of the table, or a row: what is before its name, the name, the values and the list of them."""

    lead: Word
    name: Doc
    values: Sequence[Doc]
    listed: Doc

    @property
    def texts(self) -> list[str]:
        """The values, if there is no comment among them."""
        return [value.flat or "" for value in self.values] if self.name.flat and self.listed.flat else []


def write_table(canvas: Canvas, head: Row, opening: Doc, rows: Sequence[Row], closing: Word) -> None:
    """Write `variants`: a single row stays on one line if the author put it there."""
    if len(rows) == 1 and not rows[0].lead.broken and not closing.broken and not closing.notes:
        row = rows[0]
        line = Seq(head.name, " ", head.listed, " ", opening, " ", row.name, " ", row.listed, " }")
        if line.flat and len(line.flat) <= WIDTH:
            canvas.text(line.flat)
            return
    first = max([len(head.name.flat or ""), *(2 + len(row.name.flat or "") for row in rows)])
    widths = _widths([head, *rows])
    _write_row(canvas, head, first, widths)
    canvas.text(" ")
    put(canvas, opening)
    for row in rows:
        canvas.start(row.lead, 2, blanks=True)
        _write_row(canvas, row, first, widths)
    canvas.start(closing, 0)
    canvas.text("}")


def _widths(rows: Sequence[Row]) -> list[int]:
    """Find how wide each column is."""
    widths: list[int] = []
    for row in rows:
        for index, text in enumerate(row.texts):
            widths += [0] * (index + 1 - len(widths))
            widths[index] = max(widths[index], len(text) if len(text) <= _WIDEST else 0)
    return widths


def _write_row(canvas: Canvas, row: Row, first: int, widths: Sequence[int]) -> None:
    """Write a name and its values; wide or not, a row is one line."""
    put(canvas, row.name)
    texts = row.texts
    canvas.text(" " * (max(0, first - canvas.column) + 1))
    if texts:
        canvas.text(f"({', '.join(text.rjust(width) for text, width in zip(texts, widths, strict=False))})")
    else:
        put(canvas, row.listed)
