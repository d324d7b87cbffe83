"""Chooses the classes of an emitted file: one for each block, or several if the operators change the block's structure.

An activation does not change the structure. If a block is used with several activations, its class takes the
activation class as an argument (`act=nn.Hardswish`), as in code written by hand. If it is used with only one, this
activation is written in the class.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

from scalec.language import syntax as s
from scalec.language.visit import names_in
from scalec.network import network as ir
from scalec.network.build import Builder
from scalec.network.inference import deployed
from scalec.network.repetition import is_sequential
from scalec.ops import Operands, Operator
from scalec.ops.code import Code
from scalec.program.evaluate import Failure, Partial, Value
from scalec.program.program import BlockDef
from scalec.program.scope import LocalScope
from scalec.program.setting import Setting

Place = tuple[int | str, ...]
"""Where inside a block an operator stands: which unit, layer and body, and whose argument it is."""
Kind = tuple[BlockDef, tuple[tuple[str, Partial], ...], tuple[tuple[Place, Partial | None], ...], tuple[int, ...]]
"""A block, the operators it is given, those inside it that differ from use to use, and how many layers the repeats
inside it have that no loop says."""
Slot = tuple[BlockDef, str]
"""A parameter of a block."""


@dataclass
class Kinds:
    """Every kind of block of a network with its uses, inner ones first."""

    uses: dict[Kind, list[ir.Block]] = field(default_factory=dict)
    opened: frozenset[Slot] = frozenset()
    """The parameters that are module classes in the emitted class."""

    unrolled: frozenset[BlockDef] = frozenset()
    """The blocks whose repeats have a line a layer: a loop cannot say them."""

    differing: dict[tuple[object, ...], set[Place]] = field(default_factory=dict)
    """Where uses of a block that are given the same have different operators inside."""

    def of(self, block: ir.Block) -> Kind:
        """Return which class a use of a block needs."""
        definition, kept, repeats = base = self._base(block)
        places = self.differing.get(base, set())
        inside = dict(self._inside(block)) if places else {}
        return definition, kept, tuple((place, inside.get(place)) for place in sorted(places, key=str)), repeats

    def compare(self, blocks: list[ir.Block]) -> None:
        """Find out where uses differ inside."""
        seen: dict[tuple[object, ...], dict[Place, Partial]] = {}
        for block in {id(block): block for block in blocks}.values():
            base = self._base(block)
            known = seen.setdefault(base, {})
            for place, value in self._inside(block):
                if known.setdefault(place, value) != value:
                    self.differing.setdefault(base, set()).add(place)

    def _base(self, block: ir.Block) -> tuple[BlockDef, tuple[tuple[str, Partial], ...], tuple[int, ...]]:
        return block.definition, tuple(self._given(block)), tuple(self._repeats(block))

    def _repeats(self, block: ir.Block) -> Iterator[int]:
        """Return the number of layers of the repeats in a block, and in the blocks inside it, that no loop says."""
        yield from self._repeats_in(block.chain, block.definition not in self.unrolled)

    def _repeats_in(self, chain: ir.Chain, loops: bool) -> Iterator[int]:
        for placed in chain.units:
            if placed.unit.repeat is not None and not (loops and has_loop(placed.unit)):
                yield len(placed.nodes)
            for node in placed.nodes[:1] or ((placed.ghost,) if placed.ghost else ()):
                if isinstance(node, ir.Block):
                    yield from self._repeats(node)
                within = loops and not (isinstance(node, ir.Group) and is_sequential(placed.unit, node))
                for inner in _chains(node):
                    if inner is not None:
                        yield from self._repeats_in(inner, within)

    def _given(self, block: ir.Block) -> Iterator[tuple[str, Partial]]:
        """Return the operators that a block is given, but those that its class takes as arguments."""
        for name, value in block.arguments.items():
            if isinstance(value, Partial) and (block.definition, name) not in self.opened:
                yield name, value

    def _inside(self, block: ir.Block, path: Place = ()) -> Iterator[tuple[Place, Partial]]:
        """Return the operators that a block works out, and those that blocks inside it are given, at any depth."""
        assert isinstance(block.scope, LocalScope)
        for binding in block.definition.syntax.where:
            value = block.scope.values[binding.name.key]
            if isinstance(value, Partial):
                yield (*path, binding.name.key), value
        yield from self._in_chain(block.chain, path)

    def _in_chain(self, chain: ir.Chain, path: Place) -> Iterator[tuple[Place, Partial]]:
        for index, placed in enumerate(chain.units):
            for layer, node in enumerate(placed.nodes or ((placed.ghost,) if placed.ghost else ())):
                here = (*path, index, layer)
                if isinstance(node, ir.Block):
                    yield from (((*here, name), value) for name, value in self._given(node))
                    yield from self._inside(node, here)
                for number, inner in enumerate(_chains(node)):
                    if inner is not None:
                        yield from self._in_chain(inner, (*here, number))


def has_loop(unit: s.Unit) -> bool:
    """Return whether a loop can say a repeat: not that of `(F, G)^=n`."""
    return not isinstance(unit.head, s.Group) or len(unit.head.chains) == 1


def _chains(node: ir.Node) -> list[ir.Chain | None]:
    """Return the chains of a group or wrapper."""
    if isinstance(node, ir.Wrap):
        return [body.chain for body in node.bodies]
    return [node.chain] if isinstance(node, ir.Group) else []


@lru_cache(maxsize=2)  # a file is rendered twice: for the guard with neutral names too
def kinds(network: ir.Network, unrolled: frozenset[BlockDef] = frozenset()) -> Kinds:
    """Return the kinds of a network; nobody writes to them. `unrolled`: see `Kinds`."""
    outermost = [layer for stage in network.stages for layer in (*stage.layers, *_spare(stage, network.setting))]
    blocks = [block for node in outermost for block in _blocks(node, deep=True)]
    made = Kinds(opened=_opened(network, blocks), unrolled=unrolled)
    made.compare(blocks)
    found: dict[Kind, list[ir.Block]] = {}
    inside: dict[Kind, dict[Kind, None]] = {}  # of any use: what one has, another may leave out

    def visit(node: ir.Node, around: dict[Kind, None]) -> None:
        for block in _blocks(node):
            kind = made.of(block)
            found.setdefault(kind, []).append(block)
            around.setdefault(kind)
            for inner in _nodes(block.chain):
                visit(inner, inside.setdefault(kind, {}))

    def place(some: dict[Kind, None]) -> None:
        for kind in some:
            if kind not in made.uses:
                place(inside.get(kind, {}))
                made.uses[kind] = found[kind]

    top: dict[Kind, None] = {}
    for node in outermost:
        visit(node, top)
    place(top)
    return made


def _nodes(chain: ir.Chain) -> Iterator[ir.Node]:
    """Return the nodes of a chain, and what an absent unit would have been."""
    for placed in chain.units:
        yield from placed.nodes or ((placed.ghost,) if placed.ghost else ())


def _blocks(node: ir.Node, deep: bool = False) -> Iterator[ir.Block]:
    """Return the uses of blocks in a node, itself included; `deep`: those inside blocks too."""
    match node:
        case ir.Block():
            yield node
            chains = [node.chain] if deep else []
        case ir.Group():
            chains = [node.chain]
        case ir.Wrap():
            chains = [body.chain for body in node.bodies if body.chain is not None]
        case _:
            chains = []
    for chain in chains:
        for inner in _nodes(chain):
            yield from _blocks(inner, deep)


def _spare(stage: ir.Stage, setting: Setting) -> list[ir.Node]:
    """Build the kinds of layers that only a deeper network has: a second one, and alternatives that depth leaves out.

    They show what a block must be able to do, so that its class is the same at every depth.
    """
    unit, scope, y = stage.unit, stage.scopes[-1], stage.y
    if unit.repeat is None or (unit.repeat.pinned and isinstance(unit.repeat.count, s.Number)):
        return []
    assert isinstance(scope, LocalScope)
    builder = Builder(scope.parent.world, limit=setting.output_stride)
    channels = None if unit.ascription is None else y.channels
    spare: list[ir.Node] = []
    try:
        for position in range(
            len(stage.layers), max(2, len(unit.head.chains) if isinstance(unit.head, s.Group) else 1)
        ):
            spare.append(builder.layer(unit, y, channels, scope, position))
            y = spare[-1].y
    except Failure:
        pass  # there is no deeper network at this width
    return deployed(spare) if setting.inference else spare


# Which parameters can be classes


def module_class(value: Value) -> Code | None:
    """Return the class of a module that needs no arguments and keeps the shape: an activation; else nothing."""
    callee = value.callee if isinstance(value, Partial) and not value.arguments else None
    if (
        not (isinstance(callee, type) and issubclass(callee, Operator) and callee.rewriting.per_element)
        or callee.functional
    ):
        return None
    if any(parameter.required for parameter in callee.table.values()) or callee().helper({}):
        return None
    operands = {name: Code("") for name in callee.table}
    channels = Code("channels")
    plain = {name: Code(str(getattr(callee(), name))) for name in operands}
    made = callee().module(Operands(channels, channels, True, plain, {}))
    return Code(made.name) if not made.arguments else None


def _opened(network: ir.Network, blocks: list[ir.Block]) -> frozenset[Slot]:
    """Return the parameters that name several activations, and hand them to nothing but units and such parameters.

    All or none of them can write over their input: the class says so once, for all of them.
    """
    values: dict[Slot, dict[Value, None]] = {}
    for block in blocks:
        for name, value in block.arguments.items():
            if isinstance(value, Partial):
                values.setdefault((block.definition, name), {})[value] = None
    if all(len(given) == 1 for given in values.values()):
        return frozenset()
    homes = {network.program.file, *(definition.home for definition, _ in values)}
    preset = {key for home in homes for key in home.defaults}
    possible = {
        slot
        for slot, given in values.items()
        if all(module_class(v) and isinstance(v, Partial) and v.callee.name not in preset for v in given)
        and len({getattr(v.callee, "rewriting", None) for v in given if isinstance(v, Partial)}) == 1
    }
    while closed := {slot for slot, block in product(possible, blocks) if _leaks(slot, block, possible)}:
        possible -= closed
    return frozenset(slot for slot in possible if len(values[slot]) > 1)


def _leaks(slot: Slot, block: ir.Block, possible: set[Slot]) -> bool:
    """Return whether a use of the slot's block does with its operator what a class cannot say."""
    definition, name = slot
    if block.definition is not definition:
        return False
    if any(name in names_in(binding.value) for binding in definition.syntax.where):
        return True
    return any(_leaks_in(name, node, unit, possible) for unit, node in _placed(block.chain))


def _placed(chain: ir.Chain) -> Iterator[tuple[s.Unit, ir.Node]]:
    """Return the nodes of a chain with their units, those inside groups and wrappers too."""
    for placed in chain.units:
        for node in placed.nodes or ((placed.ghost,) if placed.ghost else ()):
            yield placed.unit, node
            inner = [node.chain] if isinstance(node, ir.Group) else []
            inner += [body.chain for body in node.bodies if body.chain] if isinstance(node, ir.Wrap) else []
            for each in inner:
                yield from _placed(each)


def _leaks_in(name: str, node: ir.Node, unit: s.Unit, possible: set[Slot]) -> bool:
    head = unit.head
    if isinstance(head, s.Call) and head.name.key == name and head.arguments:
        return True
    given = node.given if isinstance(node, (ir.Leaf, ir.Block)) else {}
    for key, expr in given.items():
        if name in names_in(expr) and not (
            isinstance(expr, s.Name) and isinstance(node, ir.Block) and (node.definition, key) in possible
        ):
            return True
    return False
