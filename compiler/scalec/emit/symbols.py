"""Translates expressions of a block to Python, with symbols for its channels and parameters.

Whole-number arithmetic stays whole: a quotient becomes `//` only if the language guarantees a whole result, or inside
`floor`. Some expressions cannot be translated: rounding rules, lets that change with the scale, the index of the
layer, heights and widths. They raise `Untranslatable`, and the caller makes them arguments of the emitted class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from scalec.language import exact
from scalec.language import syntax as s
from scalec.language.visit import names_in
from scalec.ops.code import AND, COMPARE, IF, NOT, OR, PLUS, TIMES, UNARY, Code, call, code, flag, real, whole
from scalec.program.evaluate import TRUTH, Failure, Scope, Value, evaluate


class Untranslatable(Exception):
    """The expression cannot be said in the emitted class."""


@dataclass
class Symbols:
    """What names are in the emitted class. `moving` are names that scaling changes."""

    codes: Mapping[str, Code]
    scope: Scope
    moving: frozenset[str]
    fractional: frozenset[str] = frozenset()
    """Parameters that are not always whole: no whole-number arithmetic with them."""

    def whole(self, expr: s.Expr) -> Code:
        """Translate an expression whose value is whole."""
        top, bottom = self._quotient(expr)
        return top // bottom

    def flag(self, expr: s.Expr) -> Code:
        """Translate a condition."""
        match expr:
            case s.Comparison() if expr.tolerance is None:
                parts = [self._operand(operand) for operand in expr.operands]
                text = parts[0].inside(PLUS)
                for operator, part in zip(expr.operators, parts[1:], strict=True):
                    text += f" {operator} {part.inside(PLUS)}"
                return Code(text, COMPARE)
            case s.Junction():
                binding = AND if expr.operator == "and" else OR
                operands = [self.flag(operand).inside(binding + 1) for operand in expr.operands]
                return Code(f" {expr.operator} ".join(operands), binding)
            case s.Not():
                return Code(f"not {self.flag(expr.operand).inside(NOT)}", NOT)
            case s.Name():
                return self._name(expr)
        raise Untranslatable

    def real(self, expr: s.Expr) -> Code:
        """Translate a real number: a literal or a parameter."""
        if isinstance(expr, s.Name) and expr.parts[0].key in self.codes:
            return self._name(expr)
        value = self._constant(expr)
        if not isinstance(value, Fraction):
            raise Untranslatable
        return real(value)

    def _constant(self, expr: s.Expr) -> Value:
        """Work out what depends on nothing that the class or the scale decides."""
        if names_in(expr) & (set(self.codes) | self.moving | {"layer", "layers", "H", "W"}):
            raise Untranslatable
        try:
            return evaluate(expr, self.scope)
        except Failure:
            raise Untranslatable from None

    def _operand(self, expr: s.Expr) -> Code:
        if isinstance(expr, s.Name) and expr.parts[0].key in TRUTH:
            return flag(TRUTH[expr.parts[0].key])
        if isinstance(expr, s.Number) and expr.value.denominator != 1:
            return real(expr.value)
        if isinstance(expr, s.Name) and expr.parts[0].key in self.fractional:
            return self._name(expr)
        top, bottom = self._quotient(expr)
        return top if bottom.value == 1 else Code(f"{top.inside(TIMES)} / {bottom.inside(UNARY)}", TIMES)

    def _name(self, name: s.Name) -> Code:
        key = name.parts[0].key
        if len(name.parts) == 1 and key in self.codes:
            return self.codes[key]
        value = self._constant(name)
        if isinstance(value, bool):
            return flag(value)
        if isinstance(value, Fraction) and value.denominator == 1:
            return whole(value)
        raise Untranslatable

    def _quotient(self, expr: s.Expr) -> tuple[Code, Code]:
        """Translate to a numerator and a denominator, both whole."""
        match expr:
            case s.Number():
                return whole(Fraction(expr.value.numerator)), whole(Fraction(expr.value.denominator))
            case s.Name():
                if expr.parts[0].key in self.fractional:
                    raise Untranslatable
                return self._name(expr), code(1)
            case s.Product():
                return self._product(expr)
            case s.Sum():
                return self._sum(expr), code(1)
            case s.Call():
                return self._call(expr), code(1)
            case s.Conditional():
                parts = [self.whole(expr.value), self.flag(expr.condition), self.whole(expr.otherwise)]
                return Code(f"{parts[0].inside(OR)} if {parts[1].inside(OR)} else {parts[2].inside(IF)}", IF), code(1)
        value = self._constant(expr)
        if isinstance(value, Fraction):
            return whole(Fraction(value.numerator)), whole(Fraction(value.denominator))
        raise Untranslatable

    def _product(self, expr: s.Product) -> tuple[Code, Code]:
        top, bottom = code(1), code(1)
        constant = Fraction(1)
        for operator, factor in expr.factors:
            over, under = self._quotient(factor)
            over, under = (under, over) if operator == "/" else (over, under)
            if isinstance(over.value, Fraction) and isinstance(under.value, Fraction):
                constant *= over.value / under.value
            else:
                top, bottom = top * over, bottom * under
        front = whole(Fraction(constant.numerator))
        return (front * top if constant.numerator != 1 else top), bottom * constant.denominator

    def _sum(self, expr: s.Sum) -> Code:
        total = code(0)
        for sign, term in expr.terms:
            top, bottom = self._quotient(term)
            if bottom.value != 1:
                raise Untranslatable
            total = total + top if sign == "+" else total - top
        return total

    def _call(self, expr: s.Call) -> Code:
        values = [argument.value for argument in expr.arguments if argument.name is None]
        match expr.name.key:
            case "floor":
                top, bottom = self._quotient(values[0])
                return top // bottom
            case "min" | "max":
                parts = []
                for value in values:
                    top, bottom = self._quotient(value)
                    if bottom.value != 1:
                        raise Untranslatable
                    parts.append(top)
                return Code(str(call(expr.name.key, *parts)))
        known = self._constant(expr)
        if isinstance(known, Fraction) and known.denominator == 1:
            return whole(known)
        raise Untranslatable


def _short(expr: s.Product | s.Sum, scope: Scope) -> Code | None:
    """Return what is zero, or a whole sum (`18 - 1`): nothing is to be seen in how it came about."""
    value = evaluate(expr, scope)
    if value == 0:
        return Code("0.0")
    is_whole = isinstance(expr, s.Sum) and isinstance(value, Fraction) and value.denominator == 1
    return whole(value) if is_whole and isinstance(value, Fraction) else None


def concrete_real(expr: s.Expr, scope: Scope, codes: Mapping[str, Code] | None = None) -> Code:
    """Print a real number as the spec computes it, names replaced by their values: `0.2 * 3 / 16`."""
    match expr:
        case s.Name() if codes and expr.parts[0].key in codes:
            return codes[expr.parts[0].key]
        case s.Product() | s.Sum() if not names_in(expr) & set(codes or ()) and (known := _short(expr, scope)):
            return known
        case s.Product():
            text = ""
            for index, (operator, factor) in enumerate(expr.factors):
                part = concrete_real(factor, scope, codes)
                shown = part.inside(TIMES if index == 0 else UNARY)
                text += shown if index == 0 else f" {operator} {shown}"
            return Code(text, TIMES)
        case s.Sum():
            text = ""
            for index, (sign, term) in enumerate(expr.terms):
                shown = concrete_real(term, scope, codes).inside(PLUS if index == 0 else TIMES)
                text += shown if index == 0 else f" {sign} {shown}"
            return Code(text, PLUS)
    value = evaluate(expr, scope)
    if isinstance(value, Fraction):
        return whole(value) if value.denominator == 1 else real(value)
    assert not isinstance(value, (bool, str)), value
    return Code(repr(exact.approximate(value)))  # type: ignore[arg-type]
