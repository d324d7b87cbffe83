"""The module paths of an emitted file: the path of each operator, found from the calls in each `forward`."""

from collections.abc import Iterator, Mapping, Sequence

from scalec.language import syntax as s
from scalec.network.network import Block, Chain, Group, Leaf, Network, Node, Wrap
from scalec.record import record


@record
class Place:
    """An operator's module: its path in the network, `stage2.0.project.0`, and in its own class, `project.0`."""

    leaf: Leaf
    path: str
    inside: str


def places(network: Network, attributes: Mapping[int, str]) -> Iterator[Place]:
    """Return the operators in the order of the data. `attributes` are `module_names` of its classes."""
    walk = _Walk(attributes)
    for stage in network.stages:
        yield from walk.unit(stage.unit, stage.layers, "", "")


@record
class _Walk:
    """Walks along modules; a prefix is the path to the module around a node, with a dot behind it."""

    attributes: Mapping[int, str]

    def unit(self, unit: s.Unit, nodes: Sequence[Node], prefix: str, inside: str) -> Iterator[Place]:
        """Return the operators of a unit; under an exponent its layers are the parts of an `nn.Sequential`."""
        for position, node in enumerate(nodes):
            attribute = self.attributes.get(id(node))
            if attribute is None:
                yield from self._spliced(node, prefix, inside)
            else:
                own = f"{attribute}.{position}" if unit.repeat is not None else attribute
                yield from self._module(node, prefix + own, inside + own)

    def _spliced(self, node: Node, prefix: str, inside: str) -> Iterator[Place]:
        """Return the operators of what is no module: a wrapper, or a group whose units are attributes of the class."""
        match node:
            case Group():
                yield from self._chain(node.chain, prefix, inside)
            case Wrap():
                for chain in node.present:
                    yield from self._chain(chain, prefix, inside)

    def _module(self, node: Node, path: str, inside: str) -> Iterator[Place]:
        match node:
            case Leaf():
                yield Place(node, path, inside)
            case Block():
                yield from self._chain(node.chain, f"{path}.", "")
            case Group():
                parts = [inner for placed in node.chain.units for inner in placed.nodes]
                for position, inner in enumerate(parts):
                    yield from self._module(inner, f"{path}.{position}", f"{inside}.{position}")

    def _chain(self, chain: Chain, prefix: str, inside: str) -> Iterator[Place]:
        for placed in chain.units:
            yield from self.unit(placed.unit, placed.nodes, prefix, inside)
