"""Turns Lark's tree into syntax nodes: one method for each grammar rule, without look-ups."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from lark import Token, Tree
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive, v_args

from scalec.diagnostics.diagnostic import Edit, Help, Mark, Report, advise
from scalec.diagnostics.source import Source, Span
from scalec.diagnostics.suggest import did_you_mean
from scalec.language import syntax as s
from scalec.language.citation import is_citation, nearest_citation, wrong
from scalec.language.exact import ArithmeticFailure, parse_decimal
from scalec.limits import MAX_BODIES, MAX_PARAMETERS, MAX_UNITS, MAX_VARIANTS

UNITS = {
    "": Fraction(1),
    "%": Fraction(1, 100),
    **{unit: Fraction(1000) ** power for power, unit in enumerate("kMGT", start=1)},
    **{f"{unit}iB": Fraction(1024) ** power for power, unit in enumerate("KMG", start=1)},
}
_NUMBER = re.compile(r"([0-9][0-9_]*(?:\.[0-9][0-9_]*)?)(.*)")
_COMPARE = {"≤": "<=", "≥": ">=", "≈": "~="}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def build(tree: Tree[Token], source: Source, words: list[tuple[int, str]], report: Report) -> s.Spec:
    """Turn the parse tree of a whole spec into syntax nodes; `words` are its tokens in ASCII, each with its place."""
    statements: list[s.Statement] = _Builder(source, report).transform(tree)
    texts: list[list[str]] = [[] for _ in statements]
    starts = [statement.span.start for statement in statements]
    for place, word in words:
        texts[max(0, bisect_right(starts, place) - 1)].append(word)
    return s.Spec(Span(source, 0, len(source.text)), tuple(statements), tuple(map(" ".join, texts)))


def _unit_hint(digits: str, unit: str, span: Span) -> Help:
    if re.fullmatch("[eE][0-9]*", unit):
        help = f"powers of ten are written `{digits} · 10^{unit[1:] or '-5'}`"
        return advise(help, Edit(span, f"{digits} · 10^{unit[1:]}")) if unit[1:] else help
    if unit == "B":
        return advise("a billion is written `G`", Edit(span, f"{digits}G"))
    near = did_you_mean(Span(span.source, span.end - len(unit), span.end), filter(None, UNITS))
    return near or f"units are {', '.join(filter(None, UNITS))}; a product is written `{digits} · {unit}`"


def _present(children: list[Any]) -> tuple[Any, ...]:
    return tuple(child for child in children if child is not None)


@v_args(meta=True)
class _Builder(Transformer_NonRecursive):  # type: ignore[type-arg]  # generic in Lark's stub alone
    """Rules whose name is a node's lower-case name; the tree has `None` where something optional is absent."""

    def __init__(self, source: Source, report: Report) -> None:
        super().__init__()
        self.source, self.report = source, report

    def _span(self, meta: Meta) -> Span:
        return Span(self.source, meta.start_pos, meta.end_pos) if not meta.empty else Span(self.source, 0, 0)

    def _at(self, token: Token) -> Span:
        return Span(self.source, token.start_pos or 0, token.end_pos or 0)

    def _limit(self, items: Sequence[s.Node], most: int, what: str) -> None:
        for item in items[most : most + 1]:
            self.report.error("E004", f"more than {most:,} {what}", item.span, "one too many")

    def _identifier(self, token: Token) -> s.Identifier:
        return s.Identifier(self._at(token), s.ascii_name(token))

    def start(self, meta: Meta, children: list[s.Statement]) -> list[s.Statement]:
        return children

    def imports(self, meta: Meta, children: list[Token]) -> s.Import:
        *names, module = (self._identifier(child) for child in children)
        return s.Import(self._span(meta), tuple(names), module)

    def param(self, meta: Meta, children: list[s.Binding]) -> s.Param:
        return s.Param(self._span(meta), tuple(children))

    def let(self, meta: Meta, children: list[s.Binding]) -> s.Let:
        return s.Let(self._span(meta), tuple(children))

    def default(self, meta: Meta, children: list[s.Call]) -> s.Default:
        return s.Default(self._span(meta), tuple(children))

    def scale(self, meta: Meta, children: list[Any]) -> s.Scale:
        return s.Scale(self._span(meta), self._identifier(children[0]), children[1])

    def require(self, meta: Meta, children: list[s.Expr]) -> s.Require:
        return s.Require(self._span(meta), tuple(children))

    def _definition(self, kind: type[s.Definition], meta: Meta, children: list[Any]) -> s.Definition:
        name, parameters, given, gives, where, _, chain = children
        return kind(self._span(meta), self._identifier(name), parameters, given, gives, where or (), chain)

    def block(self, meta: Meta, children: list[Any]) -> s.Definition:
        return self._definition(s.Block, meta, children)

    def network(self, meta: Meta, children: list[Any]) -> s.Definition:
        return self._definition(s.Network, meta, children)

    def variants(self, meta: Meta, children: list[Any]) -> s.Variants:
        columns = tuple(self._identifier(child) for child in children if isinstance(child, Token))
        rows = tuple(child for child in children if isinstance(child, s.Variant))
        self._limit(rows, MAX_VARIANTS, "variants")
        return s.Variants(self._span(meta), columns, rows)

    def search(self, meta: Meta, children: list[Any]) -> s.Search:
        *axes, conditions, match, settings = children
        return s.Search(self._span(meta), tuple(axes), conditions or (), match, settings or ())

    def cite(self, meta: Meta, children: list[Token]) -> s.Cite:
        present: tuple[Token, ...] = _present(children)
        papers = tuple(self._citation(child) for child in present if child.type == "CITED")
        blocks = tuple(self._identifier(child) for child in present if child.type == "NAME")
        return s.Cite(self._span(meta), papers, blocks)

    def _citation(self, token: Token) -> s.Citation:
        span = self._at(token)
        if not is_citation(token):
            near, (label, wanted) = nearest_citation(token), wrong(token)
            help = advise(f"write `{near[0]}`", Edit(span, near[0]), safe=near[1]) if near else wanted
            self.report.error("E006", f"`{token}` is not a valid paper identifier", span, label, help=help)
        return s.Citation(span, str(token))

    def axis(self, meta: Meta, children: list[Any]) -> s.Axis:
        name, *limits = children
        bounds = None if limits[0] is None else (limits[0], limits[1], limits[2])
        return s.Axis(self._span(meta), self._identifier(name), bounds)

    def conditions(self, meta: Meta, children: list[s.Expr]) -> tuple[s.Expr, ...]:
        return tuple(children)

    def match(self, meta: Meta, children: list[Any]) -> s.Match:
        return s.Match(self._span(meta), self._identifier(children[0]), children[1])

    def settings(self, meta: Meta, children: list[s.Binding]) -> tuple[s.Binding, ...]:
        return tuple(children)

    def binding(self, meta: Meta, children: list[Any]) -> s.Binding:
        name, _, value = children
        return s.Binding(self._span(meta), self._identifier(name), (), value)

    def definition(self, meta: Meta, children: list[Any]) -> s.Binding:
        name, *parameters, _, value = _present(children)
        return s.Binding(
            self._span(meta), self._identifier(name), tuple(self._identifier(p) for p in parameters), value
        )

    def setting(self, meta: Meta, children: list[Any]) -> s.Call:
        return s.Call(self._span(meta), self._identifier(children[0]), children[1])

    def parameters(self, meta: Meta, children: list[Any]) -> tuple[s.Parameter, ...]:
        parameters = _present(children)
        self._limit(parameters, MAX_PARAMETERS, "parameters")
        return parameters

    def parameter(self, meta: Meta, children: list[Any]) -> s.Parameter:
        return s.Parameter(self._span(meta), self._identifier(children[0]), children[2])

    def where(self, meta: Meta, children: list[s.Binding]) -> tuple[s.Binding, ...]:
        return tuple(children)

    def variant(self, meta: Meta, children: list[Any]) -> s.Variant:
        return s.Variant(self._span(meta), self._identifier(children[0]), tuple(children[1:]))

    def chain(self, meta: Meta, children: list[s.Unit]) -> s.Chain:
        self._limit(children, MAX_UNITS, "units in a chain")
        return s.Chain(self._span(meta), tuple(children))

    def unit(self, meta: Meta, children: list[Any]) -> s.Unit:
        tap, label, head, repeat, ascription, guard = children
        return s.Unit(self._span(meta), label, head, repeat, ascription, guard, tap is not None)

    def label(self, meta: Meta, children: list[Token]) -> s.Identifier:
        return self._identifier(children[0])

    def call(self, meta: Meta, children: list[Any]) -> s.Call:
        return s.Call(self._span(meta), self._identifier(children[0]), children[1] or ())

    def function(self, meta: Meta, children: list[Any]) -> s.Call:
        return self.call(meta, children)

    def wrap(self, meta: Meta, children: list[Any]) -> s.Wrap:
        self._limit(children[1:], MAX_BODIES, "bodies")
        return s.Wrap(self._span(meta), children[0], tuple(children[1:]))

    def body(self, meta: Meta, children: list[Any]) -> s.Body:
        return s.Body(self._span(meta), children[0], children[1])

    def group(self, meta: Meta, children: list[s.Chain]) -> s.Group:
        return s.Group(self._span(meta), tuple(children))

    def repeat(self, meta: Meta, children: list[Any]) -> s.Repeat:
        if len(children) == 1:
            return s.Repeat(self._span(meta), False, self._superscript(children[0]))
        return s.Repeat(self._span(meta), children[0] is not None, children[1])

    def ascription(self, meta: Meta, children: list[Any]) -> s.Shape | s.Dim:
        made: s.Shape | s.Dim = children[0]
        return made

    def guard(self, meta: Meta, children: list[s.Expr]) -> s.Expr:
        return children[0]

    def condition(self, meta: Meta, children: list[s.Expr]) -> s.Expr:
        return children[0]

    def shape(self, meta: Meta, children: list[Any]) -> s.Shape:
        return s.Shape(self._span(meta), tuple(child for child in children if isinstance(child, s.Dim)))

    def dim(self, meta: Meta, children: list[Any]) -> s.Dim:
        return s.Dim(self._span(meta), children[0] is not None, children[1])

    def arguments(self, meta: Meta, children: list[s.Argument]) -> tuple[s.Argument, ...]:
        return tuple(children)

    def argument(self, meta: Meta, children: list[Any]) -> s.Argument:
        name, _, value = children
        return s.Argument(self._span(meta), self._identifier(name) if name else None, value)

    def conditional(self, meta: Meta, children: list[s.Expr]) -> s.Conditional:
        return s.Conditional(self._span(meta), *children)

    def either(self, meta: Meta, children: list[s.Expr]) -> s.Junction:
        return s.Junction(self._span(meta), "or", tuple(children))

    def both(self, meta: Meta, children: list[s.Expr]) -> s.Junction:
        return s.Junction(self._span(meta), "and", tuple(children))

    def negation(self, meta: Meta, children: list[s.Expr]) -> s.Not:
        return s.Not(self._span(meta), children[0])

    def comparison(self, meta: Meta, children: list[Any]) -> s.Comparison:
        *rest, tolerance = children
        return s.Comparison(self._span(meta), tuple(rest[::2]), tuple(rest[1::2]), tolerance)

    def compare(self, meta: Meta, children: list[Token]) -> str:
        return _COMPARE.get(str(children[0]), str(children[0]))

    def tolerance(self, meta: Meta, children: list[s.Expr]) -> s.Expr:
        return children[0]

    def _pairs(self, first: str, children: list[Any]) -> tuple[tuple[str, s.Expr], ...]:
        operators = [first, *(str(child) for child in children[1::2])]
        return tuple(zip(operators, children[::2], strict=True))

    def sum(self, meta: Meta, children: list[Any]) -> s.Sum:
        return s.Sum(self._span(meta), self._pairs("+", children))

    def product(self, meta: Meta, children: list[Any]) -> s.Product:
        pairs = self._pairs("*", children)
        return s.Product(self._span(meta), tuple(("/" if op == "/" else "*", factor) for op, factor in pairs))

    def negative(self, meta: Meta, children: list[Any]) -> s.Negative:
        return s.Negative(self._span(meta), children[1])

    def power(self, meta: Meta, children: list[s.Expr]) -> s.Power:
        return s.Power(self._span(meta), *children)

    def superscript(self, meta: Meta, children: list[Any]) -> s.Power:
        return s.Power(self._span(meta), children[0], self._superscript(children[1]))

    def _superscript(self, token: Token) -> s.Number:
        span = self._at(token)
        return s.Number(span, self._number(token.translate(_SUPERSCRIPTS), "", span))

    def name(self, meta: Meta, children: list[Token]) -> s.Name:
        return s.Name(self._span(meta), tuple(self._identifier(child) for child in children))

    def number(self, meta: Meta, children: list[Token]) -> s.Number:
        token = children[0]
        match = _NUMBER.fullmatch(token)
        assert match, token
        digits, unit = match.groups()
        return s.Number(self._at(token), self._number(digits, unit, self._at(token)))

    def _number(self, digits: str, unit: str, span: Span) -> Fraction:
        if unit not in UNITS:
            self.report.error(
                "E005", f"unknown unit `{unit}`", span, Mark("no such unit"), help=_unit_hint(digits, unit, span)
            )
            return Fraction(1)
        if re.match("0[0-9_]", digits) or re.search("__|_$|_[.]", digits):
            plain = digits.replace("_", "").lstrip("0")
            plain = plain if plain[:1].isdigit() else "0" + plain
            edit = Edit(Span(self.source, span.start, span.start + len(digits)), plain)
            help = advise(f"write `{plain}`", edit, safe=True)
            self.report.error("E005", f"`{digits}` is not a valid number", span, help=help)
            return Fraction(1)
        try:
            return parse_decimal(digits) * UNITS[unit]
        except ArithmeticFailure as failure:
            self.report.error("E005", str(failure), span)
            return Fraction(1)
