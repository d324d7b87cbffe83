"""Walks over syntax."""

from scalec.language import syntax as s


def children(expr: s.Expr | None) -> list[s.Expr]:
    """Give the expressions that stand directly in an expression."""
    match expr:
        case s.Call():
            return [argument.value for argument in expr.arguments]
        case s.Sum():
            return [term for _, term in expr.terms]
        case s.Product():
            return [factor for _, factor in expr.factors]
        case s.Negative() | s.Not():
            return [expr.operand]
        case s.Power():
            return [expr.base, expr.exponent]
        case s.Comparison():
            return [*expr.operands, *([expr.tolerance] if expr.tolerance else [])]
        case s.Junction():
            return list(expr.operands)
        case s.Conditional():
            return [expr.value, expr.condition, expr.otherwise]
        case _:
            return []


def names_in(expr: s.Expr | None) -> set[str]:
    """Give the first part of every name that an expression mentions, calls included."""
    found = {expr.parts[0].key} if isinstance(expr, s.Name) else set()
    if isinstance(expr, s.Call):
        found.add(expr.name.key)
    return found.union(*(names_in(child) for child in children(expr)))
