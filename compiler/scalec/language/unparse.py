"""Turns syntax into text with the canonical spelling. The text contains only checked names, numbers and symbols."""

from scalec.language import syntax as s

_GREEK = {name: letter for letter, name in s.GREEK.items() if letter != "ϕ"}
COMPARE = {"<=": "≤", ">=": "≥", "~=": "≈"}
_BINDING: dict[type[s.Expr], int] = {
    s.Conditional: 0, s.Junction: 1, s.Not: 2, s.Comparison: 3, s.Sum: 4, s.Product: 5, s.Negative: 6, s.Power: 7,
}  # fmt: skip


def spell_name(key: str) -> str:
    """Spell a name: Greek letters as letters."""
    return _GREEK.get(key, key)


def spell(expr: s.Expr, binding: int = 0) -> str:
    """Spell an expression; parentheses where something that binds less stands inside something that binds more."""
    text = _spell(expr)
    return f"({text})" if _BINDING.get(type(expr), 9) < binding else text


def _spell(expr: s.Expr) -> str:
    match expr:
        case s.Number():
            return expr.span.text
        case s.Name():
            return ".".join(spell_name(part.key) for part in expr.parts)
        case s.Call():
            return f"{spell_name(expr.name.key)}({', '.join(map(spell_argument, expr.arguments))})"
        case s.Sum():
            first, *rest = expr.terms
            return spell(first[1], 5) + "".join(f" {'-' if sign == '-' else '+'} {spell(t, 5)}" for sign, t in rest)
        case s.Product():
            return _product(expr)
        case s.Negative():
            return f"-{spell(expr.operand, 7)}"
        case s.Power():
            return _power(expr)
        case s.Comparison():
            parts = [spell(expr.operands[0], 4)]
            for operator, operand in zip(expr.operators, expr.operands[1:], strict=True):
                parts += [COMPARE.get(operator, operator), spell(operand, 4)]
            return " ".join(parts) + (f" ± {spell(expr.tolerance, 4)}" if expr.tolerance else "")
        case s.Junction():
            return f" {expr.operator} ".join(spell(operand, 2) for operand in expr.operands)
        case s.Not():
            return f"not {spell(expr.operand, 3)}"
        case s.Conditional():
            return f"{spell(expr.value, 1)} if {spell(expr.condition, 1)} else {spell(expr.otherwise, 1)}"
    raise AssertionError(expr)


def _product(expr: s.Product) -> str:
    first, *rest = expr.factors
    text = spell(first[1], 6)
    for operator, factor in rest:
        text += ("/" if operator == "/" else " · ") + spell(factor, 6)
    return text


def _power(expr: s.Power) -> str:
    exponent = expr.exponent
    if isinstance(exponent, s.Number) and exponent.value in (2, 3):
        return spell(expr.base, 8) + "²³"[int(exponent.value) - 2]
    return f"{spell(expr.base, 8)}^{spell(exponent, 6)}"


def spell_argument(argument: s.Argument) -> str:
    """Spell an argument of a call."""
    name = f"{spell_name(argument.name.key)} = " if argument.name else ""
    return name + spell(argument.value)


def spell_shape(shape: s.Shape) -> str:
    """Spell a shape."""
    return f"<{', '.join(('=' if dim.pinned else '') + spell(dim.value) for dim in shape.dims)}>"


def spell_signature(definition: s.Definition) -> str:
    """Spell what a block or network does to shapes."""
    return f"{definition.name.key} {spell_shape(definition.input)} → {spell_shape(definition.output)}"
