"""The formatter of `scalec fmt`: it changes only line breaks and spaces. No word and no comment is added or lost."""

from collections.abc import Callable, Sequence

from scalec.diagnostics.diagnostic import Report
from scalec.diagnostics.source import Source
from scalec.language import syntax as s
from scalec.language.format.layout import WIDTH, Canvas, Doc, Seq, finished, put
from scalec.language.format.table import Row, write_table
from scalec.language.format.tree import IN_SUMS, Reader
from scalec.language.format.words import Word, meaning, pull
from scalec.language.parse import decode, parse


def format_spec(name: str, data: bytes, spelling: str | None = None) -> str:
    """Return a spec in its canonical layout; `spelling` is `unicode`, `ascii` or as written.

    Raises `CompileError` if the spec does not parse.
    """
    report = Report()
    source = decode(name, data, report)
    spec = parse(source, report)
    text = _Writer(source, spelling).run(spec)
    if meaning(decode(name, text.encode(), report)) != meaning(source):
        raise AssertionError("laid out, it would be another spec")
    return text


class _Writer(Reader):
    """Lays out one statement after the other."""

    def __init__(self, source: Source, spelling: str | None) -> None:
        super().__init__(source, spelling)
        self.canvas = Canvas()

    def run(self, spec: s.Spec) -> str:
        """Lay out the whole spec."""
        written, was_tall = self.canvas, False
        for statement in spec.statements:
            lead, self.canvas = self.next.take_lead(), Canvas()
            self.canvas.indent = 4
            self._write(statement)
            is_tall = isinstance(statement, (s.Definition, s.Variants, s.Search)) and len(self.canvas.lines) > 1
            if was_tall or is_tall:
                _set_apart(lead)
            written.start(lead, 0, blanks=True)
            written.splice(self.canvas.lines, 0)
            was_tall = is_tall
        written.notes(self.take("$END").notes, 0, blanks=True)
        return finished(written.lines)

    def _write(self, statement: s.Statement) -> None:
        match statement:
            case s.Definition():
                self._define(statement)
            case s.Variants():
                self._tabulate(statement)
            case s.Search():
                self._search(statement)
            case _:
                put(self.canvas, self._doc(statement))

    def _doc(self, statement: s.Statement) -> Doc:
        """Lay out a statement that is a line, or a list."""
        keyword = self.leaf()
        match statement:
            case s.Scale():
                return Seq(keyword, " ", self.leaf("NAME"), " ", self.leaf("_ARROW"), " ", self.expression())
            case s.Import():
                names = self.items(len(statement.names), lambda: self.leaf("NAME"))
                return Seq(keyword, " ", names, " ", self.leaf("_FROM"), " ", self.leaf("NAME"))
            case s.Param() | s.Let():
                return Seq(keyword, " ", self._bindings(statement.bindings))
            case s.Default():
                settings = iter(statement.settings)
                return Seq(keyword, " ", self.items(len(statement.settings), lambda: self.call(next(settings))))
            case s.Cite():
                papers = self.items(len(statement.papers), lambda: self.leaf("CITED"))
                if not statement.blocks:
                    return Seq(keyword, " ", papers)
                of, blocks = self.leaf("_FOR"), self.items(len(statement.blocks), lambda: self.leaf("NAME"))
                return Seq(keyword, " ", papers, " ", of, " ", blocks)
            case s.Require():
                return Seq(keyword, " ", self.items(len(statement.conditions), self.expression))
        raise AssertionError(statement)

    def _bindings(self, bindings: tuple[s.Binding, ...]) -> Doc:
        pending = iter(bindings)

        def one() -> Doc:
            name, binding = self.leaf("NAME"), next(pending)
            if binding.parameters:
                name = Seq(name, self.names(len(binding.parameters)))
            return Seq(name, " ", self.leaf("EQUAL"), " ", self.expression())

        return self.items(len(bindings), one)

    def _parameters(self, parameters: tuple[s.Parameter, ...]) -> Doc:
        pending = iter(parameters)

        def one() -> Doc:
            name = self.leaf("NAME")
            if next(pending).default is None:
                return name
            return Seq(name, " ", self.leaf("EQUAL"), " ", self.expression())

        return self.bracketed(len(parameters), one)

    def _define(self, definition: s.Definition) -> None:
        """Write a block or a network: its signature below its parameters where the two do not fit on a line."""
        title = Seq(self.leaf(), " ", self.leaf("NAME"))
        if self.next.kind == "LPAR":
            title = Seq(title, self._parameters(definition.parameters))
        lead = self.next.take_lead()
        given = self.shape(definition.input)
        signature = Seq(given, " ", self.leaf("_ARROW"), " ", self.shape(definition.output))
        whole = Seq(title, " ", signature).flat
        if whole is not None and len(whole) <= WIDTH and not lead.notes:
            self.canvas.text(whole)
        else:
            put(self.canvas, title)
            self.canvas.start(lead, 4)
            put(self.canvas, signature)
        if definition.where:
            self.canvas.start(self.next.take_lead(), 2)
            put(self.canvas, Seq(self.leaf("_WHERE"), " ", self._bindings(definition.where)))
        equal = self.take("EQUAL")
        pull(equal, self.next)
        self.canvas.start(equal, 2)
        self.canvas.text("= ")
        self.chain(definition.chain, staged=isinstance(definition, s.Network)).write_at(self.canvas, 2)

    def _search(self, search: s.Search) -> None:
        """Write a search: what is looked for, and each clause on a line below."""
        pending = iter(search.axes)

        def axis() -> Doc:
            name = self.leaf("NAME")
            if next(pending).range is None:
                return name
            bounds = (Seq(" ", self.leaf(kind), " ", self.expression(IN_SUMS)) for kind in ("_FROM", "_TO", "_BY"))
            return Seq(name, *bounds)

        put(self.canvas, Seq(self.leaf(), " ", self.items(len(search.axes), axis)))
        clauses: list[Callable[[], Doc]] = []
        if search.conditions:
            clauses.append(lambda: self.items(len(search.conditions), self.expression))
        if search.match:
            clauses.append(lambda: Seq(self.leaf("NAME"), " ", self.leaf("_WITHIN"), " ", self.expression(IN_SUMS)))
        if search.settings:
            clauses.append(lambda: self._bindings(search.settings))
        for clause in clauses:
            self.canvas.start(self.next.take_lead(), 2)
            put(self.canvas, Seq(self.leaf("_WHERE", "_MATCH", "_WITH"), " ", clause()))

    def _tabulate(self, variants: s.Variants) -> None:
        head = self._row(Word("", ""), [lambda: self.leaf("NAME")] * len(variants.columns), "_VARIANTS")
        opening = self.leaf("LBRACE")
        rows = [self._row(self.next.take_lead(), [self.expression] * len(row.values), "NAME") for row in variants.rows]
        write_table(self.canvas, head, opening, rows, self.take("RBRACE"))

    def _row(self, lead: Word, values: Sequence[Callable[[], Doc]], kind: str) -> Row:
        name = self.leaf(kind)
        docs: list[Doc] = []

        def one() -> Doc:
            docs.append(values[len(docs)]())
            return docs[-1]

        return Row(lead, name, docs, self.bracketed(len(values), one))


def _set_apart(lead: Word) -> None:
    """Put a blank line before a statement and the comments above it, if there is none."""
    own = [note for note in lead.notes if note.own]
    if not lead.blank and not any(note.blank for note in lead.notes):
        if own:
            own[0].blank = True
        else:
            lead.blank = True
