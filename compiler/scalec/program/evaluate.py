"""Evaluates expressions to exact numbers, truth values, words and operators, in a scope that defines the names."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Protocol

from scalec.diagnostics.diagnostic import Context, Diagnostic, Label, finding
from scalec.diagnostics.source import Span
from scalec.language import exact
from scalec.language import syntax as s
from scalec.language.exact import Number
from scalec.limits import MAX_WHOLE
from scalec.record import record

WORDS = ("same", "symmetric")
TRUTH = {"true": True, "false": False}


class Named(Protocol):
    """What may stand as a value: the class of an operator, or a block's definition (`program.Callee`)."""

    @property
    def name(self) -> str:
        """What a spec calls it."""


@record
class Partial:
    """An operator or block as a value, some of its arguments given: `SiLU`, `Depthwise(3)`."""

    callee: Named
    arguments: tuple[tuple[str, "Value"], ...]


Value = Number | bool | str | Partial


class Failure(Exception):
    """An expression or a unit has no value here. Carries the finding."""

    def __init__(self, code: str, message: str, span: Span, label: str = "", **more: Any) -> None:
        super().__init__(message)
        self.diagnostic = finding(code, message, Label(span, label), **more)

    @classmethod
    def of(cls, diagnostic: Diagnostic) -> "Failure":
        """Raise a finding that exists already."""
        failure = cls(diagnostic.code, diagnostic.message, diagnostic.label.span)
        failure.diagnostic = diagnostic
        return failure

    def within(self, context: Context) -> "Failure":
        """Return the same failure in a context."""
        return Failure.of(self.diagnostic.within(context))


class Scope(Protocol):
    """Knows what names stand for."""

    def name(self, name: s.Name) -> Value:
        """Return the value of a name; raise `Failure`."""

    def call(self, call: s.Call) -> Value:
        """Return the value of a call that is no built-in function; raise `Failure`."""


@record
class Function:
    """A built-in function: how many positional arguments, which named ones, and what it does."""

    least: int
    most: int
    apply: Callable[..., Number]
    named: tuple[str, ...] = ()


def _round(function: Callable[[Number], int]) -> Callable[[Number], Number]:
    return lambda x: Fraction(function(x))


def _to_multiple(x: Number, multiple: Number, floor: Number | None = None) -> Number:
    return Fraction(exact.to_multiple(x, multiple, floor))


FUNCTIONS: Mapping[str, Function] = {
    "ceil": Function(1, 1, _round(exact.ceil)),
    "floor": Function(1, 1, _round(exact.floor)),
    "round": Function(1, 1, _round(exact.round_half_up)),
    "round_even": Function(1, 1, _round(exact.round_half_even)),
    "trunc": Function(1, 1, _round(exact.truncate)),
    "to_multiple": Function(2, 2, _to_multiple, ("floor",)),
    "min": Function(1, 64, exact.minimum),
    "max": Function(1, 64, exact.maximum),
}


def evaluate(expr: s.Expr, scope: Scope) -> Value:
    """Return the value of an expression; raise `Failure` with the place where it has none."""
    try:
        return _EVALUATE[type(expr)](expr, scope)
    except exact.ArithmeticFailure as failure:
        raise Failure("E201", str(failure), expr.span) from None


def number(expr: s.Expr, scope: Scope) -> Number:
    """Evaluate to a number."""
    value = evaluate(expr, scope)
    if isinstance(value, (bool, str, Partial)):
        raise Failure("E203", f"expected a number, not {describe(value)}", expr.span, "not a number")
    return value


def truth(expr: s.Expr, scope: Scope) -> bool:
    """Evaluate to true or false."""
    value = evaluate(expr, scope)
    if not isinstance(value, bool):
        said = "neither true nor false"
        raise Failure(
            "E203",
            f"expected a condition, not {describe(value)}",
            expr.span,
            said,
            help="write a comparison, as in `stride == 1`",
        )
    return value


def whole(expr: s.Expr, scope: Scope, what: str, least: int = 1, most: int = MAX_WHOLE) -> int:
    """Evaluate to a whole number between `least` and `most`."""
    return whole_value(number(expr, scope), expr.span, what, least, most)


def whole_value(
    value: Number, span: Span, what: str, least: int = 1, most: int = MAX_WHOLE, label: str = "this is"
) -> int:
    """Return a value that is written at `span` as a whole number; raise `Failure` if it is not between the limits.

    `what` names it in the message, `label` stands before the value.
    """
    if isinstance(value, Fraction) and value.denominator == 1 and least <= value <= most:
        return value.numerator
    label = f"{label} {exact.show(value)}"
    if not isinstance(value, Fraction) or value.denominator != 1:
        help = "say how it is rounded: `floor(…)`, `round(…)`, `to_multiple(…, 8)`"
        raise Failure("E202", f"{what} must be whole", span, label, help=help)
    if value < least:
        raise Failure("E305", f"{what} must be at least {least}", span, label)
    raise Failure("E004", f"{what} must be at most {most:,}", span, label)


def describe(value: Value) -> str:
    """Put a value in words for a message."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f"`{value}`"
    if isinstance(value, Partial):
        return f"the operator `{value.callee.name}`"
    return exact.show(value)


def compare(operator: str, left: Number, right: Number, tolerance: Number | None = None) -> bool:
    """Decide `left operator right`, exactly."""
    if operator == "~=":
        assert tolerance is not None
        distance = exact.subtract(left, right)
        distance = exact.negate(distance) if exact.sign(distance) < 0 else distance
        return exact.compare(distance, tolerance) <= 0
    order = exact.compare(left, right)
    return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0, "==": order == 0, "!=": order != 0}[
        operator
    ]


def tolerance_of(comparison: s.Comparison, right: Number, scope: Scope) -> Number | None:
    """Return the tolerance as an absolute number: a percentage is one of the right side."""
    if comparison.tolerance is None:
        return None
    given = number(comparison.tolerance, scope)
    if not comparison.tolerance.span.text.endswith("%"):
        return given
    share = exact.multiply(given, right)
    return exact.negate(share) if exact.sign(share) < 0 else share


def _name(expr: s.Name, scope: Scope) -> Value:
    key = expr.parts[0].key
    if len(expr.parts) == 1 and key in TRUTH:
        return TRUTH[key]
    return scope.name(expr)


def _call(expr: s.Call, scope: Scope) -> Value:
    function = FUNCTIONS.get(expr.name.key)
    if function is None:
        return scope.call(expr)
    positional = [number(a.value, scope) for a in expr.arguments if a.name is None]
    named = {a.name.key: number(a.value, scope) for a in expr.arguments if a.name is not None}
    return function.apply(*positional, **named)


def _sum(expr: s.Sum, scope: Scope) -> Value:
    total: Number = Fraction(0)
    for sign, term in expr.terms:
        total = (exact.add if sign == "+" else exact.subtract)(total, number(term, scope))
    return total


def _product(expr: s.Product, scope: Scope) -> Value:
    total: Number = Fraction(1)
    for operator, factor in expr.factors:
        value = number(factor, scope)
        if operator == "/" and value == 0:
            raise Failure("E201", "division by zero", factor.span, "this is 0")
        total = (exact.multiply if operator == "*" else exact.divide)(total, value)
    return total


def _comparison(expr: s.Comparison, scope: Scope) -> Value:
    values = [evaluate(operand, scope) for operand in expr.operands]
    for index, operator in enumerate(expr.operators):
        left, right = values[index], values[index + 1]
        if isinstance(left, (bool, str, Partial)) or isinstance(right, (bool, str, Partial)):
            if operator not in ("==", "!=") or type(left) is not type(right):
                place = expr.operands[index].span.to(expr.operands[index + 1].span)
                raise Failure(
                    "E203",
                    f"`{operator}` cannot compare {describe(left)} and {describe(right)}",
                    place,
                    "not comparable",
                )
            if (left == right) != (operator == "=="):
                return False
        elif not compare(operator, left, right, tolerance_of(expr, right, scope)):
            return False
    return True


def _junction(expr: s.Junction, scope: Scope) -> Value:
    decide = all if expr.operator == "and" else any
    return decide(truth(operand, scope) for operand in expr.operands)


def _conditional(expr: s.Conditional, scope: Scope) -> Value:
    return evaluate(expr.value if truth(expr.condition, scope) else expr.otherwise, scope)


_EVALUATE: dict[type[s.Expr], Callable[..., Value]] = {
    s.Number: lambda expr, scope: expr.value,
    s.Name: _name,
    s.Call: _call,
    s.Sum: _sum,
    s.Product: _product,
    s.Negative: lambda expr, scope: exact.negate(number(expr.operand, scope)),
    s.Power: lambda expr, scope: exact.power(number(expr.base, scope), number(expr.exponent, scope)),
    s.Comparison: _comparison,
    s.Junction: _junction,
    s.Not: lambda expr, scope: not truth(expr.operand, scope),
    s.Conditional: _conditional,
}
