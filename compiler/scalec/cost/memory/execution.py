"""Runs the emitted `forward` on tensors that have only a size, and records which variable holds which tensor.

A variable holds its tensor until it gets a new value or the function returns. The arguments of a call stay alive as
long as the call. The statements are the ones that are printed (`network.flow`), made separately for each use of a
block.
"""

from collections.abc import Iterable
from functools import lru_cache

from scalec.cost.memory.tape import Tape, Tensor
from scalec.language import syntax as s
from scalec.network.class_forwards import block_forward, network_forward
from scalec.network.flow import INPUT, Flow
from scalec.network.forward import (
    Apply,
    Bind,
    Call,
    Concatenation,
    Condition,
    Conditional,
    Expression,
    Flag,
    Forward,
    If,
    Product,
    Split,
    Statement,
    Sum,
    Unpack,
    Variable,
)  # fmt: skip
from scalec.network.network import Block, Group, Leaf, Network, Node
from scalec.network.uses import Bodies, Placed
from scalec.program.dependence import ScaleDependence
from scalec.program.program import BlockDef


class _Use(Flow):
    """The flow of one use of a block: a condition is open if it may hold at one scale and not at another."""

    def __init__(self, definition: BlockDef, dependence: ScaleDependence) -> None:
        super().__init__()
        self.definition, self.dependence = definition, dependence

    def presence(self, unit: s.Unit, placed: Placed, shaded: Placed) -> Condition | bool:
        holds = super().presence(unit, placed, shaded)
        return Condition(None, (holds is True,)) if self._is_open(unit.guard) else holds

    def body_presence(self, of: Bodies, kind: str) -> Condition | bool:
        holds = super().body_presence(of, kind)
        return Condition(None, (holds is True,)) if self._is_open(of.body.condition) else holds

    def _is_open(self, guard: s.Expr | None) -> bool:
        return guard is not None and self.dependence.differs(guard, self.definition)


class _Frame:
    """A `forward` that is running, and its variables."""

    def __init__(self, tape: Tape, dependence: ScaleDependence, x: Tensor) -> None:
        self.tape, self.dependence = tape, dependence
        self.variables = {INPUT.name: x}

    def bind(self, variable: Variable, tensor: Tensor) -> Tensor:
        """Bind a variable, which lets go of what it held."""
        self.hold(self.variables.get(variable.name))
        self.variables[variable.name] = tensor
        return tensor

    def hold(self, *tensors: Tensor | None) -> None:
        """Say that tensors are still there."""
        self.tape.time.hold(*(tensor.storage for tensor in tensors if tensor))

    def run(self, forward: Forward) -> list[Tensor]:
        """Run to the end; return the result, or the feature maps."""
        self._statements(forward.statements)
        made = [self.variables[each.name] for each in forward.maps] or [self._value(forward.result)]
        self.leave()
        return made

    def leave(self) -> None:
        """Return: all variables let go."""
        self.hold(*self.variables.values())

    def _statements(self, statements: Iterable[Statement]) -> None:
        for statement in statements:
            match statement:
                case Bind():
                    self.bind(statement.variable, self._value(statement.value))
                case Unpack():
                    for variable, part in zip(statement.variables, self._split(statement.value), strict=True):
                        self.bind(variable, part)
                case If():
                    if _holds(statement.flag):
                        self._statements(statement.body)

    def _value(self, expression: Expression) -> Tensor:
        match expression:
            case Variable():
                return self.variables[expression.name]
            case Call() | Apply():
                return self._called(expression, self.variables[expression.x.name])
            case Sum():
                total, *terms = expression.terms
                made = self._value(total)
                for each in terms:
                    term = self._value(each)
                    self.hold(made)
                    made = self.tape.add(made, term, expression.in_place)
                return made
            case Product():
                return self.tape.multiply(self.variables[expression.x.name], self.variables[expression.y.name])
            case Concatenation():
                pieces: list[Tensor] = []
                for each in expression.parts:
                    pieces.append(self._value(each))
                    self.hold(*pieces[:-1])
                return self.tape.concatenate(pieces)
            case Conditional():
                return self._value(expression.then if _holds(expression.flag) else expression.otherwise)

    def _called(self, called: Call | Apply, x: Tensor) -> Tensor:
        (layers,) = called.layers
        if not layers:
            return x
        if isinstance(called, Call) and called.unit.repeat is not None:
            return sequential(self.tape, self.dependence, layers, x)
        return call(self.tape, self.dependence, layers[0], x)

    def _split(self, split: Split) -> list[Tensor]:
        (wrap,) = split.wraps
        assert wrap is not None
        sizes = [body.chain.x.elements for body in wrap.bodies if body.chain is not None]
        return self.tape.split(self.variables[split.x.name], sizes)


def _holds(flag: Flag) -> bool:
    return flag.holds[0] is True


def sequential(tape: Tape, dependence: ScaleDependence, nodes: tuple[Node, ...], x: Tensor) -> Tensor:
    """Run an `nn.Sequential`: its own variable holds what goes from module to module."""
    frame = _Frame(tape, dependence, x)
    for node in nodes:
        x = frame.bind(INPUT, call(tape, dependence, node, x))
    frame.leave()
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
            (y,) = _Frame(tape, dependence, x).run(_forward(node, dependence))
            tape.time.hold(x.storage)  # whoever called has it still
            return y
    raise AssertionError(node)


@lru_cache(maxsize=1024)  # layers share the blocks inside them
def _forward(block: Block, dependence: ScaleDependence) -> Forward:
    return block_forward(_Use(block.definition, dependence), block.definition.syntax.chain, [block.chain])


def run(tape: Tape, dependence: ScaleDependence, network: Network) -> list[Tensor]:
    """Run a network on its input; give the output, or the feature maps that are its outputs."""
    x = tape.source(network.x.elements)
    outputs = _Frame(tape, dependence, x).run(network_forward(Flow(), network))
    tape.time.hold(x.storage, *(copy.storage for copy in tape.copies))
    return outputs
