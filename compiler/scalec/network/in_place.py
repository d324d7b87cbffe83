"""Which tensors belong to one chain alone, so that what comes behind may write over them.

The rule is local, and what a person would write: an activation writes over what a convolution, a linear layer, a norm
or a join right before it in the same chain has made, and a residual or sum adds to its first branch, if that ends with
one of these. Nothing else reads that, and autograd keeps none of it: all of these save what they are given. A map that
a chain is given is never written over, nor one that passes through something that may be absent. So the rule says the
same of all uses of a block, whatever the scale. `deploy` goes further.
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
