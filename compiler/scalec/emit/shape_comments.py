"""The shapes in the comments of a block's `forward`, in the symbols of its signature."""

from collections.abc import Sequence

from scalec.language import syntax as s
from scalec.language.unparse import spell
from scalec.network import network as ir


class Comment:
    """Follows the shape through a chain; knows nothing more after a step that has no simple spelling."""

    def __init__(self, shape: s.Shape) -> None:
        self.dims: tuple[str, ...] | None = tuple(spell(dim.value) for dim in shape.dims)

    def text(self) -> str:
        """Write the shape as it is now; nothing if it is not known."""
        return f"<{', '.join(self.dims)}>" if self.dims else ""

    def after(self, unit: s.Unit, node: ir.Node) -> str:
        """Follow a unit; give the shape if it has changed."""
        before = self.text()
        self._follow(channel_dim(unit), node)
        return self.text() if self.text() != before else ""

    def _follow(self, dim: s.Dim | None, node: ir.Node) -> None:
        if isinstance(node, ir.Group):
            for placed in node.chain.units:
                for inner in placed.nodes:
                    own = channel_dim(placed.unit)
                    self._follow(own or (dim if placed is node.chain.units[-1] else None), inner)
        elif self.dims is not None:
            self.dims = self._next(dim, node, self.dims) if len(self.dims) == len(node.x.dims) else None

    def _next(self, dim: s.Dim | None, node: ir.Node, dims: tuple[str, ...]) -> tuple[str, ...] | None:
        if dim is None and node.y.channels != node.x.channels:
            return None
        channels = spell(dim.value).replace(" · ", "·") if dim else dims[-1]
        stride = _stride(node)
        if len(node.y.dims) == 1 or len(dims) == 1:
            return (channels,) if len(node.y.dims) == 1 else None
        if stride in (None, "1") and node.y.dims[:-1] == node.x.dims[:-1]:
            return (*dims[:-1], channels)
        if node.y.dims[:-1] == (1, 1) and stride is None:
            return ("1", "1", channels)
        return (*(f"{size}/{stride}" for size in dims[:2]), channels) if stride else None


def _stride(node: ir.Node) -> str | None:
    """Spell what a unit divides height and width by, if its call says so."""
    if isinstance(node, ir.Leaf):
        keys: Sequence[str] = type(node.operator).strides
    else:
        keys = ("stride",) if isinstance(node, ir.Block) else ()
    given = [spell(node.given[key]) for key in keys if isinstance(node, (ir.Leaf, ir.Block)) and key in node.given]
    return given[0] if given else None


def channel_dim(unit: s.Unit) -> s.Dim | None:
    """Return the channels that a unit writes after `→`."""
    return unit.ascription.dims[-1] if isinstance(unit.ascription, s.Shape) else unit.ascription
