"""The `state_dict` of an emitted file, known without PyTorch: the keys and shapes of parameters and buffers.

Operators say what their modules hold; what modules are called is noted while the classes are written (`writer`), so
the keys are those of the very lines that are emitted.
"""

from collections.abc import Iterator, Sequence

from scalec import syntax as s
from scalec.emit import class_views
from scalec.ir import Block, Chain, Group, Leaf, Network, Node, Wrap

Tensors = dict[str, tuple[int, ...]]


def state_dict(network: Network) -> Tensors:
    """Give keys and shapes in their order, which is that of the data. Raises `CompileError` if it is too large."""
    state = _State(class_views(network)[2].attributes)
    return {key: shape for stage in network.stages for key, shape in state.unit(stage.unit, stage.layers, "")}


class _State:
    """Walks a network along its modules; a prefix is the path to the module around a node, with a dot behind it."""

    def __init__(self, attributes: dict[int, str]) -> None:
        self.attributes = attributes

    def unit(self, unit: s.Unit, nodes: Sequence[Node], prefix: str) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Give the tensors of a unit of a class; under an exponent its layers are the parts of an `nn.Sequential`."""
        for position, node in enumerate(nodes):
            attribute = self.attributes.get(id(node))
            if attribute is None:
                yield from self._spliced(node, prefix)
            else:
                part = f"{position}." if unit.repeat is not None else ""
                yield from self._module(node, f"{prefix}{attribute}.{part}")

    def _spliced(self, node: Node, prefix: str) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Give the tensors of what is no module: a wrapper, or a group whose units are attributes of the class."""
        match node:
            case Group():
                yield from self._chain(node.chain, prefix)
            case Wrap():
                for body in node.bodies:
                    if body.chain is not None and (body.holds or node.kind in ("residual", "gate")):
                        yield from self._chain(body.chain, prefix)

    def _module(self, node: Node, prefix: str) -> Iterator[tuple[str, tuple[int, ...]]]:
        match node:
            case Leaf():
                for name, shape in node.operator.tensors(node.x, node.y).items():
                    yield prefix + name, shape
            case Block():
                yield from self._chain(node.chain, prefix)
            case Group():
                parts = [inner for placed in node.chain.units for inner in placed.nodes]
                for position, inner in enumerate(parts):
                    yield from self._module(inner, f"{prefix}{position}.")

    def _chain(self, chain: Chain, prefix: str) -> Iterator[tuple[str, tuple[int, ...]]]:
        for placed in chain.units:
            yield from self.unit(placed.unit, placed.nodes, prefix)
