"""Evaluates expressions with floats, as Python does. It only shows where floats would round differently."""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction

from scalec.language import syntax as s
from scalec.program.evaluate import Value
from scalec.program.program import File

Float = float | bool


class Unknown(Exception):
    """The expression has no number here: a word, an operator, an overflow."""


def _to_multiple(x: float, multiple: float, floor: float | None = None) -> float:
    """Round as TensorFlow's `round_filters` and torchvision's `_make_divisible` do, without their minimum."""
    result = int(x + multiple / 2) // multiple * multiple
    return result + multiple if floor is not None and result < floor * x else result


_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "ceil": math.ceil, "floor": math.floor, "trunc": math.trunc, "round_even": round, "min": min, "max": max,
    "round": lambda x: math.floor(x + 0.5), "to_multiple": _to_multiple,
}  # fmt: skip
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
}  # fmt: skip


class Floats:
    """Works out the rules of one file with some values set."""

    def __init__(self, file: File, values: Mapping[str, Value]) -> None:
        """Take the file and what is set over its params and lets."""
        self.file, self.values = file, values

    def rule(self, rule: s.Expr, symbol: str, written: Fraction) -> float:
        """Return what a scale rule makes of a number; raise `Unknown`."""
        try:
            return float(self._at(rule, {symbol: float(written)}, 0))
        except (ArithmeticError, ValueError, TypeError, RecursionError):
            raise Unknown from None

    def _at(self, expr: s.Expr, local: Mapping[str, Float], depth: int) -> Float:
        if depth > 50:
            raise Unknown

        def at(inner: s.Expr) -> Float:
            return self._at(inner, local, depth + 1)

        match expr:
            case s.Number():
                return float(expr.value)
            case s.Name():
                return self._name(expr, local, depth)
            case s.Call():
                return self._call(expr, local, depth)
            case s.Sum():
                total = 0.0  # not `sum`, which newer Pythons make more exact
                for sign, term in expr.terms:
                    total += at(term) if sign == "+" else -at(term)
                return total
            case s.Product():
                total = 1.0
                for index, (operator, factor) in enumerate(expr.factors):
                    value = at(factor)
                    total = value if index == 0 else total * value if operator == "*" else total / value
                return total
            case s.Negative():
                return -at(expr.operand)
            case s.Power():
                return float(at(expr.base) ** at(expr.exponent))
            case s.Not():
                return not at(expr.operand)
            case s.Junction():
                return (all if expr.operator == "and" else any)(at(operand) for operand in expr.operands)
            case s.Conditional():
                return at(expr.value if at(expr.condition) else expr.otherwise)
            case s.Comparison() if expr.tolerance is None:
                values = [at(operand) for operand in expr.operands]
                pairs = zip(values, expr.operators, values[1:], strict=False)
                return all(_COMPARE[operator](left, right) for left, operator, right in pairs)
        raise Unknown

    def _name(self, name: s.Name, local: Mapping[str, Float], depth: int) -> Float:
        key = name.parts[0].key
        if len(name.parts) > 1:
            raise Unknown
        if key in local:
            return local[key]
        if key in ("true", "false"):
            return key == "true"
        if key in self.values:
            value = self.values[key]
            if not isinstance(value, (Fraction, bool)):
                raise Unknown
            return value if isinstance(value, bool) else float(value)
        if key in self.file.params:
            return self._at(self.file.params[key].value, {}, depth + 1)
        let = self.file.lets.get(key)
        if let is None:
            raise Unknown
        home = self if let.home is self.file else Floats(let.home, {})
        return home._at(let.binding.value, {}, depth + 1)

    def _call(self, call: s.Call, local: Mapping[str, Float], depth: int) -> Float:
        positional = [self._at(a.value, local, depth + 1) for a in call.arguments if a.name is None]
        named = {a.name.key: self._at(a.value, local, depth + 1) for a in call.arguments if a.name is not None}
        if (function := _FUNCTIONS.get(call.name.key)) is not None:
            return function(*positional, **named)
        let = self.file.lets.get(call.name.key)
        if let is None or named or len(positional) != len(let.binding.parameters):
            raise Unknown
        home = self if let.home is self.file else Floats(let.home, {})
        given = {p.key: value for p, value in zip(let.binding.parameters, positional, strict=True)}
        return home._at(let.binding.value, given, depth + 1)
