"""Proves that an expression only grows, or only falls, along an axis. Then a search can use bisection.

The proof follows the structure and uses rules of the language: `α^φ` with α ≥ 1 grows with φ, `d · L` grows with d,
and rounding keeps the order. Signs are computed at both ends of the axis, which is sufficient for monotone
expressions. If the rules do not decide (a condition, a ratio of two growing values), the answer is None, and the
search samples.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from scalec.language import exact
from scalec.language import syntax as s
from scalec.language.visit import names_in
from scalec.program.dependence import depends_on
from scalec.program.evaluate import FUNCTIONS, Failure, number, truth
from scalec.program.program import File, Program
from scalec.program.scope import FileScope, LocalScope
from scalec.record import record

Direction = int | None
"""1 grows (or stays), -1 falls (or stays), 0 is constant, None is unknown."""

AnyScope = FileScope | LocalScope


@record
class Ends:
    """An axis as expressions see it: the scopes at its low and its high end, and what its `name` grows.

    `known` are the directions of names of the place, such as a let's arguments; `fixed` are params and lets that
    have a value from outside.
    """

    program: Program
    name: str
    low: AnyScope
    high: AnyScope
    fixed: frozenset[str] = frozenset()
    known: Mapping[str, Direction] | None = None

    @property
    def file(self) -> File:
        """The file whose names expressions see."""
        return (self.low.parent if isinstance(self.low, LocalScope) else self.low).file

    def with_values(self, values: dict[str, Fraction]) -> "Ends":
        """Return the same with some constants of the place."""
        low, high = (LocalScope({**values}, file_scope(scope)) for scope in (self.low, self.high))
        known: dict[str, Direction] = dict.fromkeys(values, 0)
        return Ends(self.program, self.name, low, high, self.fixed, known)


def direction(expr: s.Expr, ends: Ends) -> Direction:
    """Return how an expression goes along an axis."""
    try:
        return _direction(expr, ends)
    except (Failure, exact.ArithmeticFailure):
        return None


def _direction(expr: s.Expr, ends: Ends) -> Direction:
    match expr:
        case s.Number():
            return 0
        case s.Name():
            return _name(expr, ends)
        case s.Negative():
            return _times(_direction(expr.operand, ends), -1)
        case s.Sum():
            return _same(_times(_direction(term, ends), 1 if sign == "+" else -1) for sign, term in expr.terms)
        case s.Product():
            return _product(expr, ends)
        case s.Power():
            return _power(expr, ends)
        case s.Call():
            return _call(expr, ends)
        case s.Conditional() if not _varies(expr.condition, ends):
            return _direction(expr.value if truth(expr.condition, ends.low) else expr.otherwise, ends)
        case _:
            return None if _varies(expr, ends) else 0


def _varies(expr: s.Expr, ends: Ends) -> bool:
    known = ends.known or {}
    if any(known[key] != 0 for key in names_in(expr) if key in known):
        return True
    return ends.name in depends_on(ends.program, expr, ends.file)


def _name(expr: s.Name, ends: Ends) -> Direction:
    key = expr.parts[0].key
    if ends.known is not None and key in ends.known:
        return ends.known[key]
    if ends.file is ends.program.file:
        if key == ends.name:
            return 1
        if key in ends.fixed:
            return 0
    if key in ends.file.params:
        return _direction(ends.file.params[key].value, _outside(ends))
    let = ends.file.lets.get(key)
    if let is None:
        return 0
    low, high = (file_scope(scope).world.of(let.home) for scope in (ends.low, ends.high))
    return _direction(let.binding.value, Ends(ends.program, ends.name, low, high, ends.fixed))


def _outside(ends: Ends) -> Ends:
    return Ends(ends.program, ends.name, file_scope(ends.low), file_scope(ends.high), ends.fixed)


def file_scope(scope: AnyScope) -> FileScope:
    """Return the scope of the file that a place is in."""
    return scope.parent if isinstance(scope, LocalScope) else scope


def _times(way: Direction, sign: int) -> Direction:
    return None if way is None else way * sign


def _same(ways: Iterable[Direction]) -> Direction:
    """Return the direction that all agree on; constants agree with any."""
    seen = set(ways) - {0}
    if not seen:
        return 0
    return seen.pop() if len(seen) == 1 else None


def _least(expr: s.Expr, ends: Ends) -> int:
    """Return the smaller of an expression's signs at both ends."""
    return min(exact.sign(number(expr, ends.low)), exact.sign(number(expr, ends.high)))


def _product(expr: s.Product, ends: Ends) -> Direction:
    """Constant factors may turn the direction round; if several vary, or one divides, they must not be negative."""
    ways = [(operator, factor, _direction(factor, ends)) for operator, factor in expr.factors]
    varying = [(operator, factor, way) for operator, factor, way in ways if way != 0]
    sign = 1
    for _, factor, way in ways:
        sign *= exact.sign(number(factor, ends.low)) if way == 0 else 1
    several = len(varying) > 1 or any(operator == "/" for operator, _, _ in varying)
    if several and any(_least(factor, ends) < (1 if operator == "/" else 0) for operator, factor, _ in varying):
        return None
    return _times(_same(_times(way, 1 if operator == "*" else -1) for operator, _, way in varying), sign)


def _power(expr: s.Power, ends: Ends) -> Direction:
    base, exponent = _direction(expr.base, ends), _direction(expr.exponent, ends)
    if base == 0 and exponent == 0:
        return 0
    if base == 0 and _least(expr.base, ends) > 0:
        return _times(exponent, exact.compare(number(expr.base, ends.low), Fraction(1)))
    if exponent == 0 and _least(expr.base, ends) > 0:
        return _times(base, exact.sign(number(expr.exponent, ends.low)))
    return None


def _call(expr: s.Call, ends: Ends) -> Direction:
    ways = [_direction(argument.value, ends) for argument in expr.arguments]
    key = expr.name.key
    if key in ("min", "max"):
        return _same(ways)
    if key in FUNCTIONS:  # all that round: they keep the order of what they round
        return ways[0] if not any(ways[1:]) and None not in ways[1:] else None
    let = ends.file.lets.get(key)
    if let is None or not let.binding.parameters:
        return 0 if set(ways) <= {0} else None
    names = [parameter.key for parameter in let.binding.parameters]
    scopes = []
    for scope in (ends.low, ends.high):
        values = {name: number(a.value, scope) for name, a in zip(names, expr.arguments, strict=True)}
        scopes.append(LocalScope({**values}, file_scope(scope).world.of(let.home)))
    known = dict(zip(names, ways, strict=True))
    return _direction(let.binding.value, Ends(ends.program, ends.name, scopes[0], scopes[1], ends.fixed, known))
