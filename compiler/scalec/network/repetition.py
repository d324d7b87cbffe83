"""The units that an exponent may repeat, and the numbers by which a layer divides height and width."""

from functools import lru_cache

from scalec.language import syntax as s
from scalec.network import network as ir
from scalec.program.evaluate import Failure
from scalec.program.program import BlockDef


def is_plain(node: ir.Node) -> bool:
    """Return whether a node is a module, or a group of nothing but modules that are always there."""
    match node:
        case ir.Group():
            units = node.chain.units
            return all(u.unit.guard is None and all(is_plain(inner) for inner in u.nodes) for u in units)
        case ir.Leaf():
            return not node.operator.functional
        case ir.Block():
            return True
        case ir.Wrap():
            return False


def is_sequential(unit: s.Unit, group: ir.Group) -> bool:
    """Return whether a group can be an `nn.Sequential`: it has a name, and plain modules without names inside."""
    if unit.repeat is not None:
        return True
    named = unit.label is not None or unit.guard is not None
    return named and is_plain(group) and not any(placed.unit.label for placed in group.chain.units)


def repeatable(unit: s.Unit, node: ir.Node) -> ir.Node:
    """Refuse a layer that is no module by itself: it could stand in no `nn.Sequential`."""
    if not is_plain(node):
        raise Failure(
            "E307", "what is repeated has to be a chain of operators and blocks", unit.head.span,
            "here are a wrapper, a `when` or an operator without a module",
            help="write it as a block, and repeat that",
        )  # fmt: skip
    return node


@lru_cache(maxsize=1024)
def divisors(block: BlockDef) -> frozenset[str]:
    """Return the parameters by which a block's signature divides height or width."""
    return frozenset().union(*(division(dim.value)[1] for dim in block.syntax.output.dims[:-1]))


def division(expr: s.Expr) -> tuple[bool, set[str]]:
    """Return by what a dimension is divided: by a number greater than 1, and by which parameters."""
    literal, names = False, set()
    if isinstance(expr, s.Product):
        for operator, factor in expr.factors:
            if operator == "/" and isinstance(factor, s.Number):
                literal = literal or factor.value > 1
            elif operator == "/" and isinstance(factor, s.Name):
                names.add(factor.parts[0].key)
            elif operator == "/" and isinstance(factor, s.Product):
                names |= {f.parts[0].key for _, f in factor.factors if isinstance(f, s.Name)}
    if isinstance(expr, s.Call):
        parts = [division(argument.value) for argument in expr.arguments]
        return any(part[0] for part in parts), set().union(*(part[1] for part in parts))
    return literal, names
