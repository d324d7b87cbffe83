"""Formats chains: one unit in each row, with output shapes and conditions in columns.

The author's line breaks before `⊙` are kept. A row that is too long is broken before each of its own `⊙`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scalec.language.format.layout import DEEPEST, WIDTH, Canvas, Doc, Line, Text, put
from scalec.language.format.words import Word

_GAP = 3  # before a column
_SLACK = 16  # a row without a cell moves the column of the others by no more


@dataclass
class Unit:
    """One element of a chain; `lead` is the `⊙` before it. `dims` are those of `<H, W, C>` behind `→`."""

    lead: Word | None
    head: Doc
    ascription: Doc | None
    guard: Doc | None
    arrow: str = ""
    dims: tuple[str, ...] = ()
    wraps: bool = False

    @property
    def flat(self) -> str | None:
        """The unit on one line."""
        texts = [part.flat for part in (self.head, self.ascription, self.guard) if part]
        return None if None in texts else " ".join(text for text in texts if text is not None)


@dataclass
class Cells:
    """A row as it is laid out: its head, and what is yet to be put into columns."""

    lead: Word | None
    start: int
    lines: list[Line]
    ascription: str = ""
    guard: str = ""
    dims: tuple[str, ...] = ()
    arrow: str = ""
    follows: bool = False
    """It joins a column that is there, and makes none."""

    @property
    def end(self) -> int:
        """Where its last line ends."""
        return len(self.lines[-1].code)

    @property
    def reach(self) -> int:
        """Where its longest line ends."""
        return max(len(line.code) for line in self.lines)

    def place(self, text: str, column: int) -> None:
        """Put a cell into its column if it can, else behind what is there, else on a line of its own."""
        if self.end < column and column + len(text) <= WIDTH:
            self.lines[-1].code = f"{self.lines[-1].code:<{column}}{text}"
        elif self.end + 1 + len(text) <= WIDTH:
            self.lines[-1].code += f" {text}"
        else:
            self.lines.append(Line(" " * min(self.start + 2, DEEPEST) + text))


class Chain:
    """Units composed with `⊙`, which stands `hang` to the left of its unit."""

    stops = True

    def __init__(self, units: Sequence[Unit], hang: int, staged: bool = False) -> None:
        leads = [unit.lead for unit in units if unit.lead]
        self.units, self.staged = units, staged
        self.hang = len(leads[0].text) + 1 if leads else hang
        self.first = units[0].head.first
        texts = [unit.flat for unit in units]
        self.flat: str | None = None
        if None not in texts and len(self._rows()) == 1:
            self.flat = _joined(units)

    def _rows(self) -> list[list[Unit]]:
        """Return the units as the author put them on lines."""
        rows: list[list[Unit]] = []
        for unit in self.units:
            if unit.lead and not unit.lead.broken and not unit.lead.notes:
                rows[-1].append(unit)
            else:
                rows.append([unit])
        return rows

    def cells(self, base: int, first: int, rest: int = 0, apart: bool = False) -> list[Cells]:
        """Lay out the rows, with `⊙` at one column and the first unit at another; conditions are left out.

        `apart` gives each unit a row.
        """
        found = []
        for row in self._rows():
            start = _start(row, base, first)
            text = _joined(row) if all(unit.flat is not None for unit in row) else None
            last = rest if row[-1] is self.units[-1] else 0
            fits = text is not None and start + len(text) + last <= WIDTH and not apart
            found += [_cells(part, base, first) for part in ([row] if fits else [[unit] for unit in row])]
        column = 0
        if self.staged:
            _shapes(found)
            column = _column([(each.reach, each.ascription, each.follows) for each in found])
        for each in found:
            if each.ascription:
                each.place(each.ascription, column)
        return found

    def write(self, canvas: Canvas, rest: int) -> None:
        """Write the rows, the first where the canvas stands."""
        base = canvas.column - self.hang
        rows = self.cells(base, canvas.column, rest)
        guard(rows)
        self.finish(canvas, rows, base)

    def write_at(self, canvas: Canvas, base: int) -> None:
        """Write the rows with `⊙` at a column, the first where the canvas stands."""
        rows = self.cells(base, canvas.column)
        guard(rows)
        self.finish(canvas, rows, base)

    def finish(self, canvas: Canvas, rows: Sequence[Cells], base: int) -> None:
        """Write rows that were laid out."""
        for row in rows:
            if row.lead:
                canvas.start(row.lead, base, blanks=True)
                canvas.text(row.lead.text + " ")
            canvas.splice(row.lines, row.start)


def guard(rows: Sequence[Cells]) -> None:
    """Put the conditions of rows into a column."""
    column = _column([(row.reach, row.guard, row.follows) for row in rows])
    for row in rows:
        if row.guard:
            row.place(row.guard, column)


def _joined(units: Sequence[Unit]) -> str:
    text = units[0].flat or ""
    for unit in units[1:]:
        text += f" {unit.lead.text if unit.lead else ''} {unit.flat}"
    return text


def _start(row: Sequence[Unit], base: int, first: int) -> int:
    """Return where the unit of a row starts, behind its `⊙`."""
    return base + len(row[0].lead.text) + 1 if row[0].lead else first


def _cells(row: Sequence[Unit], base: int, first: int) -> Cells:
    """Lay out a row but for its last ascription and condition, if these are on one line."""
    unit = row[-1]
    asked = [part.flat for part in (unit.ascription, unit.guard) if part]
    start = _start(row, base, first)
    canvas = Canvas(start, base)
    if None in asked:
        for index, part in enumerate(part for part in (unit.head, unit.ascription, unit.guard) if part):
            canvas.text(" " if index else "")
            put(canvas, part)
        return Cells(row[0].lead, start, canvas.lines, follows=True)
    ascription, condition = unit.ascription and unit.ascription.flat, unit.guard and unit.guard.flat
    if len(row) > 1:
        canvas.text(f"{_joined(row[:-1])} {unit.lead.text if unit.lead else ''} ")
    put(canvas, unit.head, 1 + len(ascription) if ascription else 0)
    follows = len(row) > 1 or (unit.wraps and len(canvas.lines) > 1)
    return Cells(row[0].lead, start, canvas.lines, ascription or "", condition or "", unit.dims, unit.arrow, follows)


def _column(rows: Sequence[tuple[int, str, bool]]) -> int:
    """Find a column from where rows reach to, the text that each has for it, and whether it only follows."""
    having = sorted((reach, len(text)) for reach, text, follows in rows if text and not follows)
    while having and having[-1][0] + _GAP + max(width for _, width in having) > WIDTH:
        having.pop()
    if not having:
        return 0
    widest, most = having[-1][0], max(width for _, width in having)
    lacking = [reach for reach, text, follows in rows if not text and not follows]
    near = [reach for reach in lacking if reach <= min(widest + _SLACK, WIDTH - _GAP - most)]
    return max(widest, *near, 0) + _GAP


def _shapes(rows: Sequence[Cells]) -> None:
    """Align the dimensions of shapes to the right; one with brackets is as wide as it is."""
    shaped = [row for row in rows if row.dims]
    for index in range(3):
        simple = [len(row.dims[index]) for row in shaped if "(" not in row.dims[index]]
        width = max(simple, default=0)
        for row in shaped:
            row.dims = (*row.dims[:index], row.dims[index].rjust(width), *row.dims[index + 1 :])
    for row in shaped:
        text = ", ".join(row.dims)
        row.ascription = f"{row.arrow} <{' ' if text.startswith('=') else ''}{text}>"


@dataclass
class Branch:
    """A body of a wrapper: its condition, the brackets, the chain between them if there is one.

    `lead` and `inside` are what stands before its first word and behind its opening bracket.
    """

    lead: Word
    condition: Doc | None
    opening: Doc
    chain: Chain | None
    closing: Word
    inside: Word

    @property
    def broken(self) -> bool:
        """Return whether there is a line break or a comment in it."""
        if self.inside.notes or self.closing.notes or self.opening.flat is None:
            return True
        return self.chain is not None and (self.chain.flat is None or self.inside.broken or self.closing.broken)

    @property
    def head(self) -> Doc:
        """All before the bracket."""
        return self.condition or Text("")

    @property
    def flat(self) -> str | None:
        """The body on one line."""
        if self.broken or self.head.flat is None:
            return None
        before = f"{self.head.flat} " if self.condition else ""
        return f"{before}{{ {self.chain.flat} }}" if self.chain else f"{before}{{ }}"


class Wrap:
    """A wrapper: on one line as the author wrote it, or a body to a line, or a unit to a line."""

    stops = True

    def __init__(self, call: Doc, branches: Sequence[Branch]) -> None:
        self.call, self.branches = call, branches
        self.first = call.first
        texts = [call.flat, *(branch.flat for branch in branches)]
        apart = any(branch.lead.broken or branch.lead.notes for branch in branches[1:]) or branches[0].lead.notes
        self.flat = None if apart or None in texts else " ".join(text for text in texts if text is not None)

    def write(self, canvas: Canvas, rest: int) -> None:
        """Break it."""
        put(canvas, self.call)
        canvas.text(" ")
        column = canvas.column
        texts = [branch.flat for branch in self.branches]
        short = all(text is not None and column + len(text) + rest <= WIDTH for text in texts)
        if short and len(texts) > 1 and not self.branches[0].lead.notes:
            for index, branch in enumerate(self.branches):
                if index:
                    canvas.start(branch.lead, column)
                canvas.text(texts[index] or "")
            return
        self._write_units(canvas)

    def _write_units(self, canvas: Canvas) -> None:
        """Write the bodies with a unit to a line; their conditions stand in one column."""
        inner = canvas.base + 2
        closing = inner if sum(branch.chain is not None for branch in self.branches) > 1 else canvas.base
        rows = [
            branch.chain.cells(inner, inner + branch.chain.hang, apart=branch.flat is not None) if branch.chain else []
            for branch in self.branches
        ]
        guard([row for each in rows for row in each])
        for index, branch in enumerate(self.branches):
            if branch.lead.notes:
                canvas.start(branch.lead, closing)
            elif index:
                canvas.text(" ")
            if branch.condition:
                put(canvas, branch.condition)
                canvas.text(" ")
            put(canvas, branch.opening)
            if branch.chain:
                canvas.start(branch.inside, inner + branch.chain.hang)
                branch.chain.finish(canvas, rows[index], inner)
                canvas.start(branch.closing, closing)
            elif branch.closing.notes:
                canvas.start(branch.closing, closing)
            else:
                canvas.text(" ")
            canvas.text("}")


class Group:
    """What is in parentheses: a chain, or alternatives, each on a line if they do not fit or the author broke them."""

    stops = True

    def __init__(self, chains: Sequence[Chain], leads: Sequence[Word]) -> None:
        self.chains, self.leads = chains, leads
        self.first = chains[0].first
        texts = [chain.flat for chain in chains]
        apart = any(lead.broken for lead in leads[1:]) or any(lead.notes for lead in leads)
        self.flat = None if apart or None in texts else ", ".join(text for text in texts if text is not None)

    def write(self, canvas: Canvas, rest: int) -> None:
        """Start units and alternatives where the first one starts."""
        outside, canvas.indent = canvas.indent, canvas.column
        for index, (chain, lead) in enumerate(zip(self.chains, self.leads, strict=True)):
            if index or lead.notes:
                canvas.start(lead, canvas.indent)
            more = index < len(self.chains) - 1
            put(canvas, chain, 1 if more else rest)
            canvas.text("," if more else "")
        canvas.indent = outside
