"""The data of a scaled network, in whole numbers. Analyses walk over it, and `emit` prints it."""

from collections.abc import Iterator
from dataclasses import field
from typing import assert_never

from scalec.language import syntax as s
from scalec.language.exact import Number
from scalec.language.unparse import spell_name
from scalec.ops import Operator
from scalec.ops.shape import Shape
from scalec.program.evaluate import Scope, Value
from scalec.program.names import WrapperKind
from scalec.program.program import BlockDef, Program
from scalec.program.scope import LocalScope
from scalec.program.setting import Setting
from scalec.record import unique


@unique
class Leaf:
    """One operator between two shapes. `given` are the parameters that its call gives, `preset` a `default`'s."""

    operator: Operator
    x: Shape
    y: Shape
    given: dict[str, s.Expr] = field(repr=False)
    preset: dict[str, s.Expr] = field(repr=False)
    changed: frozenset[str] = frozenset()
    """The parameters that are otherwise than written: a stride became dilation."""
    in_place: bool = False
    """Whether it may write over its input (see `ownership`, and `deploy`)."""


@unique
class Placed:
    """A unit of a chain as it came out. `nodes` are its layers: none if its `when` is false, several under `^`.

    `ghost` is what an absent unit would have been; it takes no part in the network.
    """

    unit: s.Unit
    nodes: tuple["Node", ...]
    x: Shape
    y: Shape
    ghost: "Node | None" = None


@unique
class Chain:
    """Units one after the other."""

    units: tuple[Placed, ...]
    x: Shape
    y: Shape


@unique
class Group:
    """`(F ⊙ G)`."""

    chain: Chain
    x: Shape
    y: Shape


@unique
class Body:
    """One body of a wrapper; `holds` is its `if`.

    `chain` is there all the same, for the emitted class; nothing if it cannot be built here.
    """

    holds: bool
    chain: Chain | None


@unique
class Wrap:
    """`residual`, `gate`, `sum`, `concat` or `split`."""

    kind: WrapperKind
    bodies: tuple[Body, ...]
    x: Shape
    y: Shape
    in_place: bool = False
    """Whether a gate may write over what it gates (see `deploy`), a residual or sum over its first branch."""

    @property
    def present(self) -> tuple[Chain, ...]:
        """The chains of the bodies that run."""
        return tuple(body.chain for body in self.bodies if body.chain is not None and takes_part(self.kind, body))


@unique
class Block:
    """A use of a block, with the values of its arguments and the scope in which its body was worked out."""

    definition: BlockDef
    arguments: dict[str, Value]
    given: dict[str, s.Expr] = field(repr=False)
    preset: dict[str, s.Expr] = field(repr=False)
    scope: Scope = field(repr=False)
    chain: Chain = field(repr=False)
    x: Shape
    y: Shape
    changed: frozenset[str] = frozenset()
    """The arguments that are otherwise than written: a stride became dilation."""


Node = Leaf | Block | Group | Wrap


@unique
class Stage:
    """One element of the network's chain, with a node for each of its layers. `scope` is that of each layer."""

    name: str
    unit: s.Unit
    layers: tuple[Node, ...]
    scopes: tuple[Scope, ...] = field(repr=False)
    x: Shape
    y: Shape


@unique
class Network:
    """A network that can be built: every width, depth and size is a whole number."""

    program: Program = field(repr=False)
    setting: Setting
    name: str
    parameters: dict[str, Value]
    scope: LocalScope = field(repr=False)
    x: Shape
    stages: tuple[Stage, ...]
    outputs: tuple[str, ...] = ()
    """The stages whose maps are given; none: what the last stage gives."""

    @property
    def y(self) -> Shape:
        """The shape of the output."""
        return self.stages[-1].y if self.stages else self.x

    def number(self, key: str) -> Number | None:
        """Return a param or let of the spec that is a number, as it is at this scale, or None if there is none."""
        return self.scope.parent.number(key)


def takes_part(kind: WrapperKind, body: Body) -> bool:
    """Return whether a body of a wrapper runs: without its `if`, a residual or gate is its body alone."""
    match kind:
        case "residual" | "gate":
            return body.chain is not None
        case "sum" | "concat" | "split":
            return body.chain is not None and body.holds
        case _:
            assert_never(kind)


def children(part: Node | Chain | Stage | Network) -> Iterator[Node]:
    """Yield the nodes that stand directly in a part of a network and run, in the order in which the data meets them."""
    match part:
        case Chain():
            for placed in part.units:
                yield from placed.nodes
        case Block() | Group():
            yield from children(part.chain)
        case Wrap():
            for chain in part.present:
                yield from children(chain)
        case Stage():
            yield from part.layers
        case Network():
            for stage in part.stages:
                yield from stage.layers


def leaves(part: Node | Chain | Stage | Network) -> Iterator[Leaf]:
    """Yield the operators of a part of a network, in the order in which the data meets them."""
    if isinstance(part, Leaf):
        yield part
    for node in children(part):
        yield from leaves(node)


def operator_name(unit: s.Unit, layer: Node | None = None) -> str:
    """Return the name of a unit's operators, briefly; its layer says which block a param stands for."""
    match unit.head:
        case s.Call():
            return spell_name(layer.definition.name if isinstance(layer, Block) else unit.head.name.key)
        case s.Wrap():
            return unit.head.call.name.key
        case s.Group():
            first = operator_name(unit.head.chains[0].units[0], layer)
            return f"{first} …" if len(unit.head.chains[0].units) > 1 or len(unit.head.chains) > 1 else first
