"""Turns words into documents for the layout. The syntax tree gives their order; the words keep their spelling."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from scalec.diagnostics.source import Source
from scalec.language import syntax as s
from scalec.language.format.chain import Branch, Chain, Group, Unit, Wrap
from scalec.language.format.layout import Doc, Hanging, Item, Seq, leaf
from scalec.language.format.words import Note, Word, lowered, raised, read

# From loose to tight, the operators with two sides.
_LEVELS = [
    {"_IF", "_ELSE"}, {"_OR"}, {"_AND"}, {"COMPARE", "LESS", "MORE", "_WITHIN"}, {"PLUS", "MINUS"}, {"TIMES", "DIVIDE"},
]  # fmt: skip
_OPERATORS = frozenset().union(*_LEVELS)
IN_SUMS = _LEVELS[-1] | _LEVELS[-2]


class Reader:
    """Takes the words of a spec one by one."""

    def __init__(self, source: Source, spelling: str | None) -> None:
        self.words, self.place, self.spelling = read(source, spelling), 0, spelling
        composed = next((word.text for word in self.words if word.kind == "_COMPOSE"), "⊙")
        self.hang = len(composed) + 1

    @property
    def next(self) -> Word:
        """The word that comes next."""
        return self.words[self.place]

    def take(self, *kinds: str) -> Word:
        """Take the next word, which is of one of these kinds."""
        word = self.next
        assert not kinds or word.kind in kinds, (word, kinds)
        self.place += 1
        return word

    def leaf(self, *kinds: str) -> Doc:
        """Lay out the next word."""
        return leaf(self.take(*kinds))

    # Lists

    def items(self, count: int, item: Callable[[], Doc]) -> Hanging:
        """Lay out a list of so many items, each with the comma behind it."""
        found = []
        for index in range(count):
            notes, doc = self.next.take_notes(), item()
            found.append(Item(Seq(doc, self.leaf("COMMA")) if index < count - 1 else doc, notes))
        return Hanging(found)

    def bracketed(self, count: int, item: Callable[[], Doc]) -> Doc:
        """Lay out a list in parentheses."""
        opening = self.leaf("LPAR")
        return Seq(opening, *([self.items(count, item)] if count else []), self.leaf("RPAR"))

    def names(self, count: int) -> Doc:
        """Lay out names in parentheses."""
        return self.bracketed(count, lambda: self.leaf("NAME"))

    def call(self, call: s.Call) -> Doc:
        """Lay out an operator or block with its arguments, if there are parentheses."""
        name = self.leaf("NAME")
        return Seq(name, self._arguments(call.arguments)) if self.next.kind == "LPAR" else name

    def _arguments(self, arguments: Sequence[s.Argument]) -> Doc:
        pending = iter(arguments)
        return self.bracketed(len(arguments), lambda: self._valued(next(pending).name is not None))

    def _valued(self, named: bool) -> Doc:
        if not named:
            return self.expression()
        return Seq(self.leaf("NAME"), " ", self.leaf("EQUAL"), " ", self.expression())

    # Chains

    def chain(self, chain: s.Chain, staged: bool = False) -> Chain:
        """Lay out a chain; what the stages of a network give is aligned."""
        return Chain([self._unit(unit, index > 0) for index, unit in enumerate(chain.units)], self.hang, staged)

    def _unit(self, unit: s.Unit, composed: bool) -> Unit:
        lead = self.take("_COMPOSE") if composed else None
        parts: list[Doc | str] = [self.leaf("TAP"), " "] if unit.tap else []
        parts += [self.leaf("NAME"), self.leaf("COLON"), " "] if unit.label else []
        parts.append(self._head(unit.head))
        if unit.repeat:
            parts += self._repeat(unit.repeat)
        made = Unit(lead, Seq(*parts), None, None, wraps=isinstance(unit.head, s.Wrap))
        if unit.ascription:
            self._ascribe(made, unit.ascription)
        if unit.guard:
            made.guard = Seq(self.leaf("_WHEN"), " ", self.expression())
        return made

    def _ascribe(self, unit: Unit, given: s.Shape | s.Dim) -> None:
        arrow = self.leaf("_ARROW")
        if isinstance(given, s.Dim):
            unit.ascription = Seq(arrow, " ", self._dim(given))
            return
        dims: list[Doc] = []
        unit.ascription = Seq(arrow, " ", self.shape(given, dims))
        if len(dims) == 3 and unit.ascription.flat is not None:
            unit.arrow, unit.dims = arrow.flat or "", tuple(dim.flat or "" for dim in dims)

    def _repeat(self, repeat: s.Repeat) -> list[Doc]:
        if self.next.kind == "SUPERSCRIPT":
            word = self.take()
            word.text = lowered(word.text) if self.spelling else word.text
            return [leaf(word)]
        sign = self.leaf("CIRCUMFLEX")
        return [sign, *([self.leaf("EQUAL")] if repeat.pinned else []), self._atom()]

    def _head(self, head: s.Call | s.Wrap | s.Group) -> Doc:
        match head:
            case s.Call():
                return self.call(head)
            case s.Wrap():
                return Wrap(self.call(head.call), [self._branch(body) for body in head.bodies])
            case s.Group():
                return self._group(head)

    def _group(self, group: s.Group) -> Doc:
        chains, leads = [], []
        opening = self.leaf("LPAR")
        for index, chain in enumerate(group.chains):
            if index:
                self.take("COMMA")
            leads.append(self.next.take_lead())
            chains.append(self.chain(chain))
        return Seq(opening, Group(chains, leads), self.leaf("RPAR"))

    def _branch(self, body: s.Body) -> Branch:
        lead = self.next.take_lead()
        condition = Seq(self.leaf("_IF"), " ", self.expression()) if body.condition else None
        opening = self.leaf("LBRACE")
        inside = self.next.take_lead() if body.chain else Word("", "")
        chain = self.chain(body.chain) if body.chain else None
        return Branch(lead, condition, opening, chain, self.take("RBRACE"), inside)

    def shape(self, shape: s.Shape, found: list[Doc] | None = None) -> Doc:
        """Lay out a shape, and give its dimensions to who asks for them."""
        pending = iter(shape.dims)

        def one() -> Doc:
            dim = self._dim(next(pending))
            if found is not None:
                found.append(dim)
            return dim

        opening = self.leaf("LESS")
        apart = " " if self.next.kind == "EQUAL" else ""  # `<=` is another word
        return Seq(opening, apart, self.items(len(shape.dims), one), self.leaf("MORE"))

    def _dim(self, dim: s.Dim) -> Doc:
        return Seq(*([self.leaf("EQUAL")] if dim.pinned else []), self.expression(IN_SUMS))

    # Expressions

    def expression(self, operators: AbstractSet[str] = _OPERATORS) -> Doc:
        """Lay out operands and the operators between them."""
        first, found = self._operand(), []
        while self.next.kind in operators:
            kind, notes, sign = self.next.kind, self.next.take_notes(), self.leaf()
            found.append((kind, notes, Seq(sign, "" if kind == "DIVIDE" else " ", self._operand())))
        return _folded(first, found, 0)

    def _operand(self) -> Doc:
        parts: list[Doc | str] = []
        while self.next.kind in ("_NOT", "MINUS"):
            parts += [self.leaf(), " "] if self.next.kind == "_NOT" else [self.leaf()]
        parts.append(self._atom())
        if self.next.kind == "SUPERSCRIPT":
            parts.append(self.leaf())
        elif self.next.kind == "CIRCUMFLEX":
            parts += self._power()
        return Seq(*parts)

    def _power(self) -> list[Doc]:
        sign, exponent = self.take("CIRCUMFLEX"), self.next
        symbol = raised(exponent.text) if self.spelling == "unicode" and not exponent.notes else None
        if symbol:
            sign.text, exponent.text = "", symbol
        return [leaf(sign), *([self.leaf()] if self.next.kind == "MINUS" else []), self._atom()]

    def _atom(self) -> Doc:
        if self.next.kind == "LPAR":
            opening, notes = self.leaf(), self.next.take_notes()
            return Seq(opening, Hanging([Item(self.expression(), notes)]), self.leaf("RPAR"))
        parts: list[Doc] = [self.leaf("NUMBER", "NAME")]
        while self.next.kind == "DOT":
            parts += [self.leaf(), self.leaf("NAME")]
        return Seq(*parts, self._listed()) if self.next.kind == "LPAR" else Seq(*parts)

    def _listed(self) -> Doc:
        """Lay out the arguments of a call in an expression."""
        opening, found = self.leaf("LPAR"), []
        while self.next.kind != "RPAR":
            notes = self.next.take_notes()
            doc = self._valued(self.words[self.place + 1].kind == "EQUAL")
            found.append(Item(Seq(doc, self.leaf()) if self.next.kind == "COMMA" else doc, notes))
        return Seq(opening, *([Hanging(found)] if found else []), self.leaf("RPAR"))


def _folded(first: Doc, found: Sequence[tuple[str, Sequence[Note], Doc]], level: int) -> Doc:
    """Lay out an operand and what is added to it, each with its operator: broken before the loosest ones first."""
    if not found:
        return first
    starts = [index for index, (kind, _, _) in enumerate(found) if kind in _LEVELS[level]]
    if not starts:
        return _folded(first, found, level + 1)
    items = [Item(_folded(first, found[: starts[0]], level + 1))]
    for start, end in zip(starts, [*starts[1:], len(found)], strict=True):
        kind, notes, doc = found[start]
        inner = _folded(doc, found[start + 1 : end], level + 1)
        items.append(Item(inner, notes, "" if kind == "DIVIDE" else " "))
    return Hanging(items)
