"""Walks over syntax."""

from collections.abc import Iterator

from scalec.language import syntax as s


def children(expr: s.Expr | None) -> list[s.Expr]:
    """Return the expressions that stand directly in an expression."""
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
    """Return the first part of every name that an expression mentions, calls included."""
    found = {expr.parts[0].key} if isinstance(expr, s.Name) else set()
    if isinstance(expr, s.Call):
        found.add(expr.name.key)
    return found.union(*(names_in(child) for child in children(expr)))


def units(chain: s.Chain | None) -> Iterator[s.Unit]:
    """Yield the units of a chain in order, each before those inside its group or wrapper."""
    for unit in chain.units if chain else ():
        yield unit
        for inner in chains_in(unit.head):
            yield from units(inner)


def chains_in(head: s.Call | s.Wrap | s.Group) -> list[s.Chain]:
    """Return the chains that stand directly in what a unit applies; a call has none."""
    if isinstance(head, s.Group):
        return list(head.chains)
    return [body.chain for body in head.bodies if body.chain is not None] if isinstance(head, s.Wrap) else []


def calls(chain: s.Chain | None) -> Iterator[s.Call]:
    """Yield the operators and blocks that a chain applies, at any depth."""
    return (unit.head for unit in units(chain) if isinstance(unit.head, s.Call))


def expressions(chain: s.Chain | None) -> Iterator[s.Expr]:
    """Yield the expressions of a chain, at any depth: arguments, channels, repeats and conditions."""
    for unit in units(chain):
        if unit.ascription is not None:
            dims = unit.ascription.dims if isinstance(unit.ascription, s.Shape) else (unit.ascription,)
            yield from (dim.value for dim in dims)
        yield from (expr for expr in (unit.repeat.count if unit.repeat else None, unit.guard) if expr is not None)
        if isinstance(unit.head, s.Call):
            yield from children(unit.head)
        elif isinstance(unit.head, s.Wrap):
            yield from (body.condition for body in unit.head.bodies if body.condition is not None)


def names(chain: s.Chain | None) -> set[str]:
    """Return the first part of every name that a chain mentions, what it calls included."""
    return {call.name.key for call in calls(chain)}.union(*map(names_in, expressions(chain)))
