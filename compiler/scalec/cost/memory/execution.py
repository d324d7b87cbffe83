"""The emitted `forward`, run on tensors that have only a size: which names hold what, call by call.

A name holds its tensor until it is bound anew or the function returns; what a call is given lives as long as the call.
This page follows `writer` and `wrapper`: where they bind a variable, a name is bound here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from scalec.cost.memory.tape import Tape, Tensor
from scalec.language import syntax as s
from scalec.network.network import Block, Body, Chain, Group, Leaf, Network, Node, Placed, Stage, Wrap
from scalec.network.repetition import is_sequential
from scalec.program.dependence import ScaleDependence
from scalec.program.program import BlockDef


@dataclass
class Function:
    """A `forward` that is running, and its variables; the first is its argument.

    `definition` is the block whose class it is in.
    """

    tape: Tape
    dependence: ScaleDependence
    names: dict[int, Tensor] = field(default_factory=dict)
    definition: BlockDef | None = None

    def fresh(self) -> int:
        """Give a variable that is not in use yet (see `forward.Forward.fresh`)."""
        return next(name for name in count(1) if name not in self.names)

    def bind(self, name: int, tensor: Tensor) -> Tensor:
        """Bind a variable, which lets go of what it held."""
        self.hold(self.names.get(name))
        self.names[name] = tensor
        return tensor

    def bound(self, tensor: Tensor, name: int) -> Tensor:
        """Bind what no variable holds yet."""
        return tensor if tensor in self.names.values() else self.bind(name, tensor)

    def hold(self, *tensors: Tensor | None) -> None:
        """Say that tensors are still there."""
        self.tape.time.hold(*(tensor.storage for tensor in tensors if tensor))

    def leave(self) -> None:
        """Return: all names let go."""
        self.hold(*self.names.values())

    def chain(self, chain: Chain, x: Tensor, target: int) -> Tensor:
        """Run the units of a chain, binding `target` to what each gives; what a wrapper gives, when it is needed."""
        is_expression = False
        for placed in chain.units:
            node = placed.nodes[0] if placed.nodes else placed.ghost
            is_open = node is not None and _is_lines(placed.unit, node) and self._is_open(placed.unit.guard)
            if node is None or not (placed.nodes or is_open):
                continue
            if is_expression:
                self.bound(x, target)
            x = self._guarded(placed, node, x, target) if is_open else self._unit(placed.unit, placed.nodes, x, target)
            is_expression = _is_lines(placed.unit, node) and not is_open
        return x

    def _is_open(self, guard: s.Expr | None) -> bool:
        """Tell whether a `when` may hold at one scale and not at another: it is decided when the module is built."""
        if self.definition is None or guard is None:
            return False
        return self.dependence.differs(guard, self.definition)

    def _guarded(self, placed: Placed, node: Node, x: Tensor, target: int) -> Tensor:
        """Run lines under a `when`: without them, their variable holds what they are given."""
        self.bind(target, x)
        return self.bind(target, self._unit(placed.unit, (node,), x, target)) if placed.nodes else x

    def _unit(self, unit: s.Unit, nodes: tuple[Node, ...], x: Tensor, target: int) -> Tensor:
        node = nodes[0]
        if isinstance(node, Wrap):
            assert isinstance(unit.head, s.Wrap)
            return self._wrap(unit.head, node, x)
        if isinstance(node, Group) and _is_lines(unit, node):
            return self.chain(node.chain, x, target)
        if unit.repeat is not None:
            return self.bind(target, sequential(self.tape, self.dependence, nodes, x))
        return self.bind(target, call(self.tape, self.dependence, node, x))

    def _wrap(self, written: s.Wrap, wrap: Wrap, x: Tensor) -> Tensor:
        match wrap.kind:
            case "residual" | "gate":
                (body,) = wrap.bodies
                result = self._body(body, x)
                if not body.holds:
                    return result
                if wrap.kind == "gate":
                    return self.tape.multiply(x, result)
                return self.tape.add(result, x, over=wrap.in_place)
            case "sum":
                return self._sum(written, wrap, x)
            case "concat":
                return self._concatenate(self._bodies([(body, x) for body in wrap.bodies]))
        sizes = [body.chain.x.elements for body in wrap.bodies if body.chain is not None]
        parts = [self.bind(self.fresh(), part) for part in self.tape.split(x, sizes)]
        return self._concatenate(self._bodies(list(zip(wrap.bodies, parts, strict=True))))

    def _bodies(self, bodies: Sequence[tuple[Body, Tensor]]) -> Iterator[Tensor]:
        """Run several bodies: at once those that are statements, the others where the joining expression meets them."""
        done = {index: self._body(*each) for index, each in enumerate(bodies) if not _is_expression(each[0])}
        for index, (body, x) in enumerate(bodies):
            if index in done or body.chain is None:
                yield done[index]
            else:
                yield Function(self.tape, self.dependence, {}, self.definition).chain(body.chain, x, 0)

    def _sum(self, written: s.Wrap, wrap: Wrap, x: Tensor) -> Tensor:
        """Add the bodies that are always there; then, to a variable, those with an `if`."""
        is_open = [self._is_open(body.condition) for body in written.bodies]
        always, sometimes = (
            [(body, x) for body, each in zip(wrap.bodies, is_open, strict=True) if body.holds and each is conditional]
            for conditional in (False, True)
        )
        over = wrap.in_place and len(always) == 2 and not _is_join(always[0][0])
        terms = self._bodies(always)
        total = next(terms)
        for term in terms:
            self.hold(total)
            total = self.tape.add(total, term, over)
        if any(is_open):
            held = next((name for name, each in self.names.items() if each is total and total is not x), None)
            held = self.fresh() if held is None or len(always) > 1 else held
            self.bind(held, total)
            for each in sometimes:
                (term,) = self._bodies([each])
                total = self.bind(held, self.tape.add(total, term))
        return total

    def _concatenate(self, pieces: Iterator[Tensor]) -> Tensor:
        parts: list[Tensor] = []
        for piece in pieces:
            self.hold(*parts)
            parts.append(piece)
        return self.tape.concatenate(parts)

    def _body(self, body: Body, x: Tensor) -> Tensor:
        if body.chain is None or not _units(body):
            return x
        name = self.fresh()
        return self.bind(name, self.chain(body.chain, x, name))


def _is_lines(unit: s.Unit, node: Node) -> bool:
    """Tell whether a unit stands in the `forward` around it, line by line, and is no module."""
    return isinstance(node, Wrap) or (isinstance(node, Group) and not is_sequential(unit, node))


def _is_expression(body: Body) -> bool:
    """Tell whether a body is one expression with a call in it, which needs no statement of its own."""
    units = _units(body)
    if len(units) != 1:
        return False
    unit, node = units[0].unit, units[0].nodes[0]
    if isinstance(node, Wrap) and isinstance(unit.head, s.Wrap) and node.kind in ("sum", "concat"):
        inner = [each for each in node.bodies if _units(each)]
        always = all(each.condition is None for each in unit.head.bodies)
        return always and bool(inner) and all(map(_is_expression, inner))
    return not _is_lines(unit, node)


def _is_join(body: Body) -> bool:
    """Tell whether a body is an expression that is no call by itself."""
    return _is_expression(body) and isinstance(_units(body)[0].nodes[0], Wrap)


def _units(body: Body) -> list[Placed]:
    return [placed for placed in body.chain.units if placed.nodes] if body.chain is not None else []


def sequential(tape: Tape, dependence: ScaleDependence, nodes: tuple[Node, ...], x: Tensor) -> Tensor:
    """Run an `nn.Sequential`: its own variable holds what goes from module to module."""
    function = Function(tape, dependence, {0: x})
    for node in nodes:
        x = function.bind(0, call(tape, dependence, node, x))
    function.leave()
    return x


def call(tape: Tape, dependence: ScaleDependence, node: Node, x: Tensor) -> Tensor:
    """Run one module or operator on x, which whoever calls holds."""
    match node:
        case Leaf() if node.in_place:
            return tape.overwrite(x, node.operator.traits.saves_in_place)
        case Leaf():
            return node.operator.run(tape, x, node.x, node.y)
        case Group():
            inside = tuple(inner for placed in node.chain.units for inner in placed.nodes)
            return sequential(tape, dependence, inside, x)
        case Block():
            function = Function(tape, dependence, {0: x}, node.definition)
            y = function.chain(node.chain, x, 0)
            function.leave()
            tape.time.hold(x.storage)  # whoever called has it still
            return y
    raise AssertionError(node)


def run(tape: Tape, dependence: ScaleDependence, network: Network) -> list[Tensor]:
    """Run a network on its input; give the output, or the feature maps that are its outputs."""
    x = y = tape.source(network.x.elements)
    function = Function(tape, dependence, {0: x})
    outputs: list[Tensor] = []
    start = 0
    placed = [Placed(_labelled(stage), stage.layers, stage.x, stage.y) for stage in network.stages]
    for end, stage in enumerate(network.stages):
        if stage.name in network.outputs:  # its map has a variable of its own
            y = function.bound(function.chain(Chain(tuple(placed[start:end]), stage.x, stage.x), y, 0), 0)
            name = function.fresh()
            y = function.bound(function.chain(Chain((placed[end],), stage.x, stage.y), y, name), name)
            outputs.append(y)
            start = end + 1
    y = function.chain(Chain(tuple(placed[start:]), network.y, network.y), y, 0)
    function.leave()
    tape.time.hold(x.storage, *(copy.storage for copy in tape.copies))
    return outputs or [y]


def _labelled(stage: Stage) -> s.Unit:
    return replace(stage.unit, label=s.Identifier(stage.unit.span, stage.name))
