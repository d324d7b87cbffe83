"""Checks requirements on the scaled network: values of the spec, costs of the network, and costs of variants."""

import math
from collections.abc import Callable
from fractions import Fraction

from scalec.cost.count import cost
from scalec.cost.memory.peak import memory
from scalec.cost.requirement_notes import causes, grouped, show
from scalec.diagnostics.diagnostic import CompileError, Report
from scalec.diagnostics.source import Span
from scalec.language import exact
from scalec.language import syntax as s
from scalec.language.exact import Number
from scalec.language.visit import children
from scalec.network.network import Network
from scalec.program.evaluate import Failure, Scope, Value, describe, evaluate, tolerance_of, truth
from scalec.program.memory_call import footprint_of
from scalec.program.quantities import QUANTITIES
from scalec.record import record


def amount(network: Network, key: str) -> int:
    """Return how much a network has of a quantity."""
    field = QUANTITIES[key].field
    return memory(network) if field is None else int(getattr(cost(network), field))


BROKEN = "E401"
"""The code of a requirement that does not hold."""


@record
class Requirement:
    """A requirement that was decided: its text, and the value of each side."""

    expr: s.Expr
    holds: bool
    values: tuple[str, ...]


class _Scope:
    """Adds FLOPS, params, activations and memory, of this network and of others by name."""

    def __init__(self, network: Network, other: Callable[[str], Network]) -> None:
        self.network, self.other = network, other
        self.known: dict[tuple[Network, str], Fraction] = {}
        """What was counted already: a requirement is decided, and then its values are shown."""

    def name(self, name: s.Name) -> Value:
        """Return the value of a name."""
        network, key = self.network, name.parts[-1].key
        if len(name.parts) == 2:
            network = self.other(name.parts[0].key)
        if key in QUANTITIES:
            if (network, key) not in self.known:
                self.known[network, key] = Fraction(amount(network, key))
            return self.known[network, key]
        return network.scope.name(s.Name(name.parts[-1].span, name.parts[-1:]))

    def call(self, call: s.Call) -> Value:
        """Return the value of `memory(…)`, or of a let with arguments."""
        if call.name.key == "memory":
            return Fraction(memory(self.network, footprint_of(call, self)))
        return self.network.scope.call(call)


def constrain(network: Network, other: Callable[[str], Network], report: Report) -> tuple[Requirement, ...]:
    """Decide every requirement on a network; `other` gives the network of a variant, or the baseline."""
    decided, scope = [], _Scope(network, other)
    for expr in network.program.requirements:
        try:
            holds = truth(expr, scope)
            if not holds:
                _report(expr, scope, report)
            decided.append(Requirement(expr, holds, _values(expr, scope)))
        except Failure as failure:
            report.add(failure.diagnostic)
    return tuple(decided)


def holds(expr: s.Expr, network: Network, other: Callable[[str], Network]) -> bool:
    """Decide one requirement on a network, without a report. Raises `CompileError`."""
    try:
        return truth(expr, _Scope(network, other))
    except Failure as failure:
        raise CompileError([failure.diagnostic]) from None


def _values(expr: s.Expr, scope: Scope) -> tuple[str, ...]:
    if not isinstance(expr, s.Comparison):
        return ()
    values = [evaluate(operand, scope) for operand in expr.operands]
    return tuple(exact.show(v) if isinstance(v, (Fraction, exact.Radical)) else describe(v).strip("`") for v in values)


def _report(expr: s.Expr, scope: "_Scope", report: Report) -> None:
    """Report what does not hold, down to the comparison that fails."""
    match expr:
        case s.Junction() if expr.operator == "and":
            for operand in expr.operands:
                if not truth(operand, scope):
                    _report(operand, scope, report)
        case s.Comparison():
            _report_comparison(expr, scope, report)
        case s.Junction():
            _fail(expr, scope, report, expr.span, "none of these holds", _known(expr, scope))
        case s.Not():
            _fail(expr, scope, report, expr.operand.span, "this holds", _known(expr, scope))
        case _:
            _fail(expr, scope, report, expr.span, "this is false", {})


def _fail(
    expr: s.Expr,
    scope: "_Scope",
    report: Report,
    span: Span,
    label: str,
    values: dict[str, str],
    help: str | None = None,
    about: s.Expr | None = None,
) -> None:
    place = scope.network.setting.place if _is_about_network(expr) else ""
    found = causes(about or expr, scope.network, scope)
    told = {cause.name for cause in found if cause.says_value}
    report.error(
        BROKEN, f"a requirement does not hold{place}", span, label, others=tuple(cause.label for cause in found),
        notes=tuple(f"`{text}` is {value}" for text, value in values.items() if text not in told), help=help,
    )  # fmt: skip


def _report_comparison(expr: s.Comparison, scope: "_Scope", report: Report) -> None:
    for index, operator in enumerate(expr.operators):
        first, second = expr.operands[index], expr.operands[index + 1]
        pair = s.Comparison(
            first.span.to(second.span), (first, second), (operator,), expr.tolerance if operator == "~=" else None
        )
        if truth(pair, scope):
            continue
        left, right = evaluate(first, scope), evaluate(second, scope)
        if isinstance(left, (Fraction, exact.Radical)) and isinstance(right, (Fraction, exact.Radical)):
            label, help = _compared(operator, left, right, tolerance_of(pair, right, scope))
            if pair.tolerance is not None:
                share = pair.tolerance.span.text.endswith("%") and exact.sign(right) != 0
                needed = _percent(left, right, up=True) if share else _apart(_distance(left, right), Fraction(0))[0]
                help = f"it would hold with `± {needed}`"
        else:
            label, help = f"{describe(left)} and {describe(right)}", None
        span = expr.span if operator == "~=" else pair.span
        _fail(expr, scope, report, span, label, _known(pair, scope), help, pair)
        return


def _compared(operator: str, left: Number, right: Number, tolerance: Number | None) -> tuple[str, str | None]:
    """Return how two numbers differ, and what would hold."""
    shown = _apart(left, right)
    far = _apart(_distance(left, right), Fraction(0))[0]
    percent = _percent(left, right) if exact.sign(right) else "0.0%"
    share = f", {percent} of the right side" if percent != "0.0%" else ""
    if operator == "~=" and tolerance is not None:
        low, high = (_apart(side, left)[0] for side in (exact.subtract(right, tolerance), exact.add(right, tolerance)))
        return f"{shown[0]} is not between {low} and {high}: it differs from {shown[1]} by {far}", None
    if operator in ("<", "<=", ">", ">="):
        less = operator.startswith("<")
        side = "above" if less else "below"
        bound = (
            "more than" if operator == "<" else "less than" if operator == ">" else "at least" if less else "at most"
        )
        help = f"it would hold with {bound} {shown[0]} on the right"
        return (f"{shown[0]} is {side} {shown[1]} by {far}{share}" if far != "0" else f"both are {shown[0]}"), help
    return (f"both are {shown[0]}" if operator == "!=" else f"{shown[0]} is not {shown[1]}"), None


def _known(expr: s.Expr, scope: Scope) -> dict[str, str]:
    """Return the value of each side that is no literal, by the text of the side."""
    values: dict[str, str] = {}
    for operand in _sides(expr):
        if not isinstance(operand.operand if isinstance(operand, s.Negative) else operand, s.Number):
            values.setdefault(operand.span.text, show(evaluate(operand, scope)))
    return values


def _sides(expr: s.Expr) -> list[s.Expr]:
    if isinstance(expr, s.Comparison):
        return list(expr.operands)
    inner = children(expr) if isinstance(expr, (s.Junction, s.Not)) else []
    return [side for each in inner for side in _sides(each)] if inner else [expr]


def _is_about_network(expr: s.Expr) -> bool:
    """Return whether an expression names a quantity of this network, so that it differs from scale to scale."""
    if isinstance(expr, s.Name):
        return len(expr.parts) == 1 and expr.parts[0].key in QUANTITIES
    if isinstance(expr, s.Call) and expr.name.key == "memory":
        return True
    return any(_is_about_network(child) for child in children(expr))


def _distance(left: Number, right: Number) -> Number:
    difference = exact.subtract(left, right)
    return exact.negate(difference) if exact.sign(difference) < 0 else difference


def _percent(left: Number, right: Number, up: bool = False) -> str:
    share = 1000 * abs(exact.approximate(_distance(left, right)) / exact.approximate(right))
    return f"{(math.ceil(share) if up else share) / 10:,.1f}%"


def _apart(left: Number, right: Number) -> tuple[str, str]:
    """Return two numbers as text, with as many digits as tell them apart."""
    for digits in (6, 12, 24):
        shown = exact.show(left, digits), exact.show(right, digits)
        if shown[0] != shown[1] or left == right:
            break
    return grouped(shown[0]), grouped(shown[1])
