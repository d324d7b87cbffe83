"""A unit of a block's chain, in all uses of the block.

All uses of a block share one class, so a unit is written once for all of them. `Uses` has the unit's node in each
use.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from scalec.language import syntax as s
from scalec.network import network as ir
from scalec.ops.code import Code
from scalec.record import record

Placed = Sequence[ir.Placed | None]


@record
class Uses:
    """A unit in each use of the block: its node, or nothing where its `when` does not hold.

    `shadows` are the nodes and, where there is none, what would stand there; `sample` is any of them. What the class
    looks like hangs on the shadows alone, so that it is the same at every scale.
    """

    unit: s.Unit
    nodes: tuple[ir.Node | None, ...]
    shadows: tuple[ir.Node | None, ...]
    sample: ir.Node
    guarded: bool
    strip: bool = False
    """Whether it is a repetition, whose strides are 1."""

    def values(self, of: Callable[[ir.Node], Code | None]) -> list[Code | None]:
        """Return a value for each use."""
        return [None if node is None else of(node) for node in self.nodes]

    def layers(self, index: int) -> int:
        """Count the layers of the `index`-th unit of a group, which may have an exponent of its own."""
        return max([1, *(len(each.chain.units[index].nodes) for each in self.shadows if isinstance(each, ir.Group))])

    def inner(self, index: int, layer: int = 0) -> "Uses | None":
        """Return a layer of the `index`-th unit of a group."""
        assert isinstance(self.unit.head, s.Group)
        units = self.unit.head.chains[0].units
        syntax = units[index]
        last = index == len(units) - 1
        unit = replace(syntax, ascription=self.unit.ascription) if last and syntax.ascription is None else syntax
        placed, shaded = (
            [node.chain.units[index] if isinstance(node, ir.Group) else None for node in nodes]
            for nodes in (self.nodes, self.shadows)
        )
        return uses(unit, placed, shaded, layer, self.guarded, self.strip)

    @property
    def in_place(self) -> bool:
        """Whether all uses of a wrapper let what joins its bodies write over one of them."""
        return all(node.in_place for node in self.shadows if isinstance(node, ir.Wrap))

    def bodies(self) -> "list[Bodies]":
        """Return the bodies of a wrapper in each use."""
        assert isinstance(self.unit.head, s.Wrap)
        written = self.unit.head.bodies
        made, shadows = (
            [[node.bodies[i] if isinstance(node, ir.Wrap) else None for node in nodes] for i in range(len(written))]
            for nodes in (self.nodes, self.shadows)
        )
        return [Bodies(*each) for each in zip(written, made, shadows, strict=True)]


@record
class Bodies:
    """A body of a wrapper in each use: as it is there, and (see `Uses`) as it would be."""

    body: s.Body
    made: list[ir.Body | None]
    shadows: list[ir.Body | None]

    @property
    def chains(self) -> list[ir.Chain | None]:
        """The chains, present or not."""
        return [each.chain if each is not None else None for each in self.shadows]


def uses(
    unit: s.Unit, placed: Placed, shaded: Placed, position: int = 0, optional: bool = False, strip: bool = False,
) -> Uses | None:  # fmt: skip
    """Collect a unit over the uses of its block; nothing if no use tells what it is.

    `shaded` is `placed` and what would stand in its gaps; `optional`: what is around the unit may be absent.
    """
    nodes = [_node(each, position) for each in placed]
    real = nodes if placed is shaded else [_node(each, position) for each in shaded]
    shadows = [node or (p.ghost if p is not None else None) for node, p in zip(real, shaded, strict=True)]
    found = next((node for node in (*nodes, *shadows) if node is not None), None)
    if found is None:
        return None
    guarded = optional or unit.guard is not None
    return Uses(unit, tuple(nodes), tuple(shadows), found, guarded, strip or position > 0)


def _node(placed: ir.Placed | None, position: int) -> ir.Node | None:
    return placed.nodes[min(position, len(placed.nodes) - 1)] if placed is not None and placed.nodes else None


def leads_to_vector(later: list[Uses]) -> bool:
    """Return whether a pool's output reaches a layer on vectors through nothing but element-wise modules."""
    for use in later:
        if not isinstance(use.sample, ir.Leaf):
            return False
        if use.sample.operator.rewriting.takes_vector or (use.sample.operator.rewriting.to_vector and not use.guarded):
            return True
        if not use.sample.operator.rewriting.per_element:
            return False
    return False
