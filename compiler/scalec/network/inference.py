"""A network for inference only: without the parts for training, and with reuse of tensors that are not read again.

A batch norm after a convolution or linear layer is a factor and a shift for each channel, and the layer can absorb
both: s · (W x + b) + t = (s W) x + (s b + t). Dropout and stochastic depth are removed. An activation overwrites its
input, a gate overwrites its gated tensor, and a residual or sum overwrites its first branch, if that tensor is
*owned*: it was made after the network's input or the last fork, and no other operation reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from scalec.language import syntax as s
from scalec.network import network as ir
from scalec.network.repetition import is_sequential
from scalec.ops import OPERATORS
from scalec.record import record

Fold = tuple[ir.Leaf, ir.Leaf]
"""A layer and the batch norm behind it that it takes up, as they are in the network that is trained."""


@record
class Ends:
    """What becomes of the ends of a unit: a batch norm that begins it is gone, the layer that ends it takes one up."""

    is_gone: bool = False
    takes_up: bool = False


NONE = Ends()


@record
class Deployment:
    """A network, the one for inference that gives the same, and the batch norms that are gone from it."""

    training: ir.Network
    network: ir.Network
    folds: tuple[Fold, ...]


def deploy(network: ir.Network) -> Deployment:
    """Make a network for inference."""
    rewriter = _Rewriter()
    made = rewriter.network(network)
    there = {id(leaf) for leaf in ir.leaves(network)}  # and not in a unit or body that is absent
    return Deployment(network, made, tuple(fold for fold in rewriter.folds if id(fold[1]) in there))


def deployed(layers: Sequence[ir.Node]) -> list[ir.Node]:
    """Rewrite layers that only a deeper network has: each takes what one before it has made."""
    rewriter = _Rewriter()
    return [made for node in layers if (made := rewriter.node(node, owned=True)[0]) is not None]


@dataclass
class _Rewriter:
    """Rewrites networks and nodes, and notes what was folded."""

    folds: list[Fold] = field(default_factory=list)

    def network(self, network: ir.Network) -> ir.Network:
        """Rewrite a network; stages that are outputs stay as they are."""
        placed = [ir.Placed(_named(stage), stage.layers, stage.x, stage.y) for stage in network.stages]
        outputs = frozenset(index for index, stage in enumerate(network.stages) if stage.name in network.outputs)
        made, _ = self._units(placed, owned=False, read=outputs)
        stages = (replace(stage, layers=each.nodes) for stage, each in zip(network.stages, made, strict=True))
        setting = replace(network.setting, inference=True)
        return replace(network, setting=setting, stages=tuple(stage for stage in stages if stage.layers))

    def _chain(
        self, chain: ir.Chain, owned: bool, by_position: bool = False, ends: Ends = NONE
    ) -> tuple[ir.Chain, bool]:
        """Rewrite a chain whose input is owned or not; tell whether its output is."""
        units, owned = self._units(chain.units, owned, by_position=by_position, ends=ends)
        return replace(chain, units=units), owned

    def _units(
        self, placed: Sequence[ir.Placed], owned: bool, read: frozenset[int] = frozenset(), by_position: bool = False,
        ends: Ends = NONE,
    ) -> tuple[tuple[ir.Placed, ...], bool]:  # fmt: skip
        """Rewrite units; those at the indices `read` give what others need as well.

        Where modules are named by their position, one that is gone leaves a gap before others with weights.
        """
        made: list[ir.Placed] = []
        is_gone = ends.is_gone
        for index, each in enumerate(placed):
            is_read = each.unit.tap or index in read
            behind = placed[index + 1 :]
            takes_up = self._folds(each, behind[0]) if behind and not is_read else not behind and ends.takes_up
            new, owned = self._unit(each, owned, Ends(is_gone, takes_up))
            is_gone = bool(behind) and takes_up
            if by_position and len(new.nodes) < len(each.nodes) and any(map(_has_weights, behind)):
                new = replace(new, nodes=tuple(_gap(node) for node in each.nodes))
            made.append(new)
            owned = owned and not is_read
        return tuple(made), owned

    def _folds(self, unit: ir.Placed, behind: ir.Placed) -> bool:
        """Return whether the last layer of a unit takes up the batch norm that begins the next one, and note it."""
        layer, norm = _end(unit, -1), _end(behind, 0)
        if (
            layer is None
            or norm is None
            or not (layer.operator.rewriting.is_linear and norm.operator.rewriting.is_affine)
        ):
            return False
        self.folds.append((layer, norm))
        return True

    def _unit(self, placed: ir.Placed, owned: bool, ends: Ends) -> tuple[ir.Placed, bool]:
        ghost = self.node(placed.ghost, owned, placed)[0] if placed.ghost is not None else None
        nodes: list[ir.Node] = []
        for node in placed.nodes:
            made, owned = self.node(node, owned, placed, ends)
            nodes += [made] if made is not None else []
        return replace(placed, nodes=tuple(nodes), ghost=ghost), owned

    def node(
        self, node: ir.Node, owned: bool, placed: ir.Placed | None = None, ends: Ends = NONE
    ) -> tuple[ir.Node | None, bool]:
        """Rewrite a node, given whether its input is owned; tell whether its output is. Nothing: it did nothing."""
        match node:
            case ir.Leaf() if ends.is_gone:
                return None, owned
            case ir.Leaf() if ends.takes_up:
                return _biased(node), True
            case ir.Leaf() if node.operator.rewriting.only_in_training:
                return None, owned
            case ir.Leaf() if node.operator.traits.is_view:
                return node, owned
            case ir.Leaf():
                return replace(node, in_place=owned and node.operator.rewriting.in_place), True
            case ir.Block():
                chain, owned = self._chain(node.chain, owned)
                return replace(node, chain=chain), owned
            case ir.Group():
                by_position = placed is None or is_sequential(placed.unit, node)
                chain, owned = self._chain(node.chain, owned, by_position, ends)
                return replace(node, chain=chain), owned
            case ir.Wrap():
                head = placed.unit.head if placed is not None else None
                written = head.bodies if isinstance(head, s.Wrap) else ()
                return self._wrap(node, [body.condition is None for body in written], owned)

    def _wrap(self, wrap: ir.Wrap, always: list[bool], owned: bool) -> tuple[ir.Wrap, bool]:
        """Rewrite a wrapper; `always` says which bodies have no `if`.

        They share their input; what joins them is a tensor of ours, one alone is what it is.
        """
        bodies: list[ir.Body] = []
        given: list[bool] = []
        for body in wrap.bodies:
            chain, is_owned = (None, False) if body.chain is None else self._chain(body.chain, owned=False)
            bodies.append(replace(body, chain=chain))
            given.append(is_owned)
        match wrap.kind:
            case "residual" | "gate":
                in_place = owned if wrap.kind == "gate" else given[0]
                return replace(wrap, bodies=tuple(bodies), in_place=in_place), bodies[0].holds or given[0]
            case "sum" | "concat" | "split":
                pass
            case _:
                assert_never(wrap.kind)
        first = next((is_owned for is_owned, is_always in zip(given, always, strict=False) if is_always), False)
        made = replace(wrap, bodies=tuple(bodies), in_place=first)
        there = [is_owned for is_owned, body in zip(given, bodies, strict=True) if body.holds]
        return made, wrap.kind != "sum" or len(there) > 1 or all(there)


def _named(stage: ir.Stage) -> s.Unit:
    """Return the unit of a stage with the stage's name, as it is written: its parts are named by their position."""
    return replace(stage.unit, label=s.Identifier(stage.unit.span, stage.name))


def _end(placed: ir.Placed, index: int) -> ir.Leaf | None:
    """Return the operator that begins (0) or ends (-1) a unit, through groups, if it is always there and once."""
    unit = placed.unit
    if unit.guard or unit.repeat or unit.tap or len(placed.nodes) != 1:
        return None
    match placed.nodes[0]:
        case ir.Leaf() as leaf:
            return leaf
        case ir.Group(chain=ir.Chain(units=units)) if len(units) > (index == 0):  # none is left empty
            return _end(units[index], index)
    return None


def _biased(layer: ir.Leaf) -> ir.Leaf:
    given, preset = ({k: v for k, v in each.items() if k != "bias"} for each in (layer.given, layer.preset))
    biased: dict[str, Any] = {"bias": True}
    return replace(layer, operator=replace(layer.operator, **biased), given=given, preset=preset)


def _gap(node: ir.Node) -> ir.Leaf:
    return ir.Leaf(OPERATORS["Identity"](), node.x, node.y, {}, {})


def _has_weights(placed: ir.Placed) -> bool:
    return any(leaf.operator.tensors(leaf.x, leaf.y) for node in placed.nodes for leaf in ir.leaves(node))
