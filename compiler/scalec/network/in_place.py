"""Finds tensors that belong to one chain only. The next operation may overwrite them.

The rule is local, like the rule that a programmer would follow. An activation overwrites the result of a convolution,
a linear layer, a norm or a join directly before it in the same chain. A residual or sum adds to its first branch, if
that branch ends with one of these. No other operation reads such a result, and autograd does not save it: these
operations save only their inputs. The input of a chain is never overwritten, and a tensor is never overwritten if it
passes through an optional unit. So the rule gives the same result for all uses of a block, at every scale.
`inference` overwrites more tensors.
"""

from collections.abc import Sequence
from typing import assert_never

from scalec.language import syntax as s
from scalec.network import network as ir
from scalec.program.names import wrapper_kind


def is_own(units: Sequence[ir.Placed]) -> bool:
    """Return whether what comes out of the beginning of a chain is a new tensor that nothing else needs."""
    for placed in reversed(units):
        node = placed.nodes[-1] if placed.nodes else placed.ghost
        if isinstance(node, ir.Leaf) and node.operator.rewriting.only_in_training:
            continue
        if node is None or not _makes(node, placed.unit):
            return False
        if placed.unit.guard is None and placed.unit.repeat is None:
            return True
    return False


def adds_in_place(wrap: s.Wrap, bodies: Sequence[ir.Body]) -> bool:
    """Return whether what is added up may be written over the first branch that is always there."""
    kind = wrapper_kind(wrap)
    match kind:
        case "residual":
            first: ir.Body | None = bodies[0]
        case "sum":
            pairs = zip(bodies, wrap.bodies, strict=True)
            first = next((made for made, each in pairs if each.condition is None), None)
        case "gate" | "concat" | "split":
            return False
        case _:
            assert_never(kind)
    return first is not None and first.chain is not None and is_own(first.chain.units)


def _makes(node: ir.Node, unit: s.Unit) -> bool:
    match node:
        case ir.Leaf():
            return node.operator.traits.gives_own
        case ir.Block() | ir.Group():
            return is_own(node.chain.units)
        case ir.Wrap():
            assert isinstance(unit.head, s.Wrap)
            always = sum(body.condition is None for body in unit.head.bodies)
            match node.kind:
                case "sum" | "concat" | "split":
                    return always > 1
                case "residual" | "gate":
                    units = node.bodies[0].chain.units if node.bodies[0].chain is not None else ()
                    return is_own(units) or (always == 1 and any(each.nodes for each in units))
                case _:
                    assert_never(node.kind)
