"""A network's computation as a graph of operations. A network and its emitted file are compared in this form.

Equal operations on equal values get the same number. So two computations are equal if their results have the same
number. Different spellings of the same thing become equal here: omitted or written defaults, SAME padding or its
numbers, <1, 1, C> or <C>, the order of a sum. Each block is traced separately, and is one operation where it is used.
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple, assert_never

from scalec.emit.contexts import literal
from scalec.emit.modules import fixed_of
from scalec.emit.torch_modules import SIGNATURES, Dims, Misfit, Module, construct
from scalec.language import syntax as s
from scalec.network.network import Block, Body, Chain, Group, Leaf, Network, Node, Wrap
from scalec.ops import Operands
from scalec.ops.code import Call, Code, Several
from scalec.ops.shape import Shape


class Operation(NamedTuple):
    """What makes a value: `path` is the module's in its class, `detail` its arguments, `inputs` the values it takes."""

    kind: str
    path: str
    detail: Any
    inputs: tuple[int, ...]
    dims: Dims | None


class Tensor(NamedTuple):
    """A value: the number of what makes it, its size, and whether it has lost height and width."""

    number: int
    dims: Dims
    is_vector: bool = False


class Trace:
    """Numbers operations."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.names: dict[int, str] = {}
        """Which class of the file a traced class is."""
        self._numbers: dict[Operation, int] = {}

    def number(self, operation: Operation) -> int:
        """Return the number of an operation."""
        number = self._numbers.setdefault(operation, len(self.operations))
        if number == len(self.operations):
            self.operations.append(operation)
        return number

    def made(self, kind: str, path: str, detail: Any, inputs: tuple[int, ...], dims: Dims, vector: bool) -> Tensor:
        """Return what an operation makes."""
        return Tensor(self.number(Operation(kind, path, detail, inputs, dims)), dims, vector)


Over = tuple[str, int]
"""What is written over in place: the module's path, or `+` or `*`, and the value."""


class Frame:
    """One run of a class's `forward`."""

    def __init__(self, trace: Trace, dims: Dims, vector: bool = False) -> None:
        self.trace = trace
        self.x = trace.made("input", "", None, (), dims, vector)
        self.paths: list[str] = []
        """The modules that ran, in their order."""
        self.over: set[Over] = set()
        self.inner: dict[str, Frame] = {}
        """The classes that were run, by the path of the module."""
        self.number = -1
        self.results: tuple[Tensor, ...] = ()
        self._parts: dict[int, tuple[str, tuple[Tensor, ...]]] = {}
        """What sums and concatenations of this frame are made of: those in others do not count singly."""

    def module(self, path: str, module: Module, x: Tensor) -> Tensor:
        """Run a module of PyTorch, or of a helper."""
        self.paths.append(path)
        signature = module.signature
        return self.trace.made(
            signature.kind, path, module.detail, (x.number,), signature.gives(module.values, x.dims), x.is_vector
        )

    def block(self, path: str, inner: "Frame", x: Tensor) -> Tensor:
        """Run a class that is traced on its own."""
        self.paths.append(path)
        self.inner[path] = inner
        return self.trace.made("block", path, inner.number, (x.number,), *inner.results[0][1:])

    def join(self, kind: str, one: Tensor, other: Tensor) -> Tensor:
        """Add or multiply. Raises `Misfit` if the sizes do not fit."""
        if any(a != b and 1 not in (a, b) for a, b in zip(one.dims, other.dims, strict=True)):
            raise Misfit(f"{one.dims} {kind} {other.dims}")
        height, width, channels = map(max, zip(one.dims, other.dims, strict=True))
        parts = (*self._of(kind, one), *self._of(kind, other))
        numbers = tuple(sorted(part.number for part in parts))
        made = self.trace.made(kind, "", None, numbers, (height, width, channels), one.is_vector)
        self._parts[made.number] = kind, parts
        return made

    def concatenation(self, given: Iterable[Tensor]) -> Tensor:
        """Put maps behind one another. Raises `Misfit` if the sizes do not fit."""
        parts = tuple(inner for each in given for inner in self._of("cat", each))
        height, width, _ = parts[0].dims
        if any(part.dims[:2] != (height, width) for part in parts):
            raise Misfit(f"a concatenation of {', '.join(str(part.dims) for part in parts)}")
        numbers, channels = tuple(part.number for part in parts), sum(part.dims[2] for part in parts)
        made = self.trace.made("cat", "", None, numbers, (height, width, channels), parts[0].is_vector)
        self._parts[made.number] = "cat", parts
        return made

    def _of(self, kind: str, tensor: Tensor) -> tuple[Tensor, ...]:
        joined, parts = self._parts.get(tensor.number, ("", ()))
        return parts if joined == kind else (tensor,)

    def split(self, x: Tensor, sizes: Sequence[int]) -> tuple[Tensor, ...]:
        """Divide channels. Raises `Misfit` if the sizes are not those that there are."""
        if sum(sizes) != x.dims[2]:
            raise Misfit(f"a split of {x.dims[2]} channels into {sizes}")
        detail = tuple(sizes)
        return tuple(
            self.trace.made("part", "", (index, detail), (x.number,), (*x.dims[:2], size), x.is_vector)
            for index, size in enumerate(sizes)
        )

    def mean(self, x: Tensor, vector: bool) -> Tensor:
        """Take the mean over height and width."""
        return self.trace.made("mean", "", None, (x.number,), (1, 1, x.dims[2]), vector)

    def flatten(self, x: Tensor) -> Tensor:
        """Make a vector: of <1, 1, C> it is the same numbers."""
        height, width, channels = x.dims
        if height * width == 1:
            return x._replace(is_vector=True)
        return self.trace.made("flatten", "", None, (x.number,), (1, 1, height * width * channels), True)

    def method(self, name: str, x: Tensor, positional: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Run a method of a tensor. Raises `Misfit` for one that no file calls."""
        match name, positional, keywords:
            case "flatten", (1,), {}:
                return self.flatten(x)
            case "mean", ((2, 3),), {**more} if more in ({}, {"keepdim": True}) and not x.is_vector:
                return self.mean(x, vector=not more)
            case "chunk", (2,), {"dim": 1}:
                return self.split(x, (-(-x.dims[2] // 2), x.dims[2] // 2))
            case "split_with_sizes" | "split", (tuple() as sizes,), {"dim": 1}:
                return self.split(x, sizes)
            case "add_" | "mul_", (Tensor() as other,), {} if x.is_vector == other.is_vector:
                kind = "+" if name == "add_" else "*"
                self.over.add((kind, x.number))
                return self.join(kind, x, other)
        raise Misfit(f"`.{name}{positional}` of a tensor has no meaning here")

    def end(self, results: Sequence[Tensor], paths: Sequence[str], unused: Sequence[str] = ()) -> "Frame":
        """Return the whole class a number: for what it computes, and the modules that it has."""
        detail = (tuple(paths), tuple(unused))
        self.number = self.trace.number(Operation("class", "", detail, tuple(each.number for each in results), None))
        self.results = tuple(results)
        return self


def overwritten(one: Frame, other: Frame) -> str | None:
    """Return a module, or what joins, that writes over its input in one run, and in an equal one must not."""
    done = set()
    open_ = [(one, other, "")]
    while open_:
        one, other, place = open_.pop()
        if (id(one), id(other)) in done:
            continue
        done.add((id(one), id(other)))
        for path, _ in sorted(one.over - other.over):
            return place + path
        open_ += [(inner, other.inner[path], f"{place}{path}.") for path, inner in one.inner.items()]
    return None


def difference(trace: Trace, found: int, announced: int) -> str:
    """Return where two computations part, as near to their beginning as one path of differences leads."""
    place, inside = [], trace.names[found]
    while True:
        one, other = trace.operations[found], trace.operations[announced]
        if one.kind == other.kind == "block" and one.path == other.path and one.inputs == other.inputs:
            place.append(one.path)
            inside = trace.names[one.detail]
            found, announced = one.detail, other.detail
            continue
        apart = [(a, b) for a, b in zip(one.inputs, other.inputs, strict=False) if a != b]
        if len(one.inputs) != len(other.inputs) or not apart or one[:2] != other[:2]:
            break
        found, announced = next(((a, b) for a, b in apart if _alike(trace, a, b)), apart[0])
    path = ".".join([*place, *[each.path for each in (other,) if each.path]])
    at = f"`{path}` of {inside}" if path else inside
    if one.kind == other.kind == "class":
        return f"{at} has {_listed(one.detail)}, and in the network {_listed(other.detail)}"
    if one.kind == other.kind and one.inputs == other.inputs and one.detail != other.detail:
        return f"{at} has {_values(one, other)} where the network has {_values(other, one)}"
    return f"{at} has {_shown(trace, one)} where the network has {_shown(trace, other)}"


def _alike(trace: Trace, one: int, other: int) -> bool:
    return trace.operations[one][:2] == trace.operations[other][:2]


def _listed(detail: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    unused = f" ({', '.join(detail[1])} never run)" if detail[1] else ""
    return f"the modules {', '.join(detail[0])}{unused}"


def _values(operation: Operation, other: Operation) -> str:
    """Write the arguments of a module that differ."""
    if not isinstance(operation.detail, tuple):
        return f"{operation.kind} {operation.detail}"
    signature = next((each for each in SIGNATURES.values() if each.kind == operation.kind), None)
    names = signature.parameters if signature else map(str, range(len(operation.detail)))
    pairs = zip(names, operation.detail, other.detail, strict=False)
    return f"{operation.kind}({', '.join(f'{name}={mine}' for name, mine, its in pairs if mine != its)})"


def _shown(trace: Trace, operation: Operation) -> str:
    before = [trace.operations[number] for number in operation.inputs[:4]]
    taken = " and ".join(each.path or each.kind for each in before)
    return f"{operation.path or operation.kind} → {operation.dims}" + (f" behind {taken}" if before else "")


# The network


class NetworkTrace:
    """Traces a network and its blocks. `attributes` are what its classes call their modules (`emit.module_names`)."""

    def __init__(self, trace: Trace, attributes: Mapping[int, str]) -> None:
        self.trace, self.attributes = trace, attributes
        self._frames: dict[int, Frame] = {}
        self._modules: dict[tuple[Any, ...], Module] = {}

    def network(self, network: Network) -> Frame:
        """Run the network."""
        frame = Frame(self.trace, dims_of(network.x), not network.x.is_map)
        x, maps = frame.x, []
        for stage in network.stages:
            x = self._unit(frame, stage.unit, stage.layers, x, "")
            maps += [x] if stage.name in network.outputs else []
        return frame.end(maps or [x], frame.paths)

    def _block(self, block: Block) -> Frame:
        if id(block) not in self._frames:
            frame = Frame(self.trace, dims_of(block.x), not block.x.is_map)
            result = self._chain(frame, block.chain, frame.x, "")
            self._frames[id(block)] = frame.end([result], frame.paths)
        return self._frames[id(block)]

    def _chain(self, frame: Frame, chain: Chain, x: Tensor, prefix: str) -> Tensor:
        for placed in chain.units:
            x = self._unit(frame, placed.unit, placed.nodes, x, prefix)
        return x

    def _unit(self, frame: Frame, unit: s.Unit, nodes: Sequence[Node], x: Tensor, prefix: str) -> Tensor:
        for position, node in enumerate(nodes):
            attribute = self.attributes.get(id(node))
            if attribute is None:
                x = self._inline(frame, unit, node, x, prefix)
            else:
                path = f"{prefix}{attribute}.{position}" if unit.repeat is not None else prefix + attribute
                x = self._module(frame, node, x, path)
        return x

    def _inline(self, frame: Frame, unit: s.Unit, node: Node, x: Tensor, prefix: str) -> Tensor:
        """Trace what is no module: a wrapper, an operator of `forward` alone, or a group that stands in the chain."""
        match node:
            case Group():
                return self._chain(frame, node.chain, x, prefix)
            case Wrap():
                return self._wrap(frame, unit, node, x, prefix)
            case Leaf() if node.operator.functional:
                return frame.flatten(x) if node.operator.rewriting.to_vector else frame.mean(x, vector=False)
        raise Misfit(f"no module is called what {type(node).__name__} in `{prefix}` becomes")

    def _module(self, frame: Frame, node: Node, x: Tensor, path: str) -> Tensor:
        match node:
            case Leaf():
                return self._leaf(frame, node, x, path)
            case Block():
                return frame.block(path, self._block(node), x)
            case Group():
                for position, inner in enumerate(inner for placed in node.chain.units for inner in placed.nodes):
                    x = self._module(frame, inner, x, f"{path}.{position}")
                return x
            case Wrap():
                raise Misfit(f"the wrapper `{path}` is a module")

    def _leaf(self, frame: Frame, leaf: Leaf, x: Tensor, path: str) -> Tensor:
        module = self._made(leaf)
        if leaf.in_place:
            frame.over.add((path, x.number))
        if module.signature.kind == "Identity":
            return x
        frame.paths.append(path)
        given = frame.flatten(x) if leaf.operator.rewriting.takes_vector else x
        made = (module.signature.kind, path, module.detail, (given.number,))
        return self.trace.made(*made, dims_of(leaf.y), not leaf.y.is_map)

    def _made(self, leaf: Leaf) -> Module:
        """Construct the module of an operator from the numbers of this use alone."""
        operator = leaf.operator
        key = (operator, leaf.x.dims, leaf.y.channels, "padding" in leaf.changed)
        if key not in self._modules:
            parameters = {name: _literal(getattr(operator, name)) for name in operator.table}
            fixed = fixed_of(leaf, "padding" in leaf.changed)
            c_in, c_out = _literal(leaf.x.channels), _literal(leaf.y.channels)
            self._modules[key] = _constructed(operator.module(Operands(c_in, c_out, leaf.x.is_map, parameters, fixed)))
        return self._modules[key]

    def _wrap(self, frame: Frame, unit: s.Unit, wrap: Wrap, x: Tensor, prefix: str) -> Tensor:
        match wrap.kind:
            case "residual" | "gate":
                (body,) = wrap.bodies
                inner, kind = self._body(frame, body, x, prefix), "+" if wrap.kind == "residual" else "*"
                if wrap.in_place:
                    frame.over.add((kind, inner.number if kind == "+" else x.number))
                return frame.join(kind, x, inner) if body.holds else inner
            case "sum":
                return self._sum(frame, unit, wrap, x, prefix)
            case "concat" | "split":
                return self._concatenation(frame, wrap, x, prefix)
            case _:
                assert_never(wrap.kind)

    def _sum(self, frame: Frame, unit: s.Unit, wrap: Wrap, x: Tensor, prefix: str) -> Tensor:
        assert isinstance(unit.head, s.Wrap)
        parts = [
            (self._body(frame, body, x, prefix), written.condition is None)
            for body, written in zip(wrap.bodies, unit.head.bodies, strict=True)
            if body.holds
        ]
        if wrap.in_place:  # the first of those that are always there
            frame.over.add(("+", next(part.number for part, is_always in parts if is_always)))
        total = parts[0][0]
        for part, _ in parts[1:]:
            total = frame.join("+", total, part)
        return total

    def _concatenation(self, frame: Frame, wrap: Wrap, x: Tensor, prefix: str) -> Tensor:
        pieces: Sequence[Tensor] = [x] * len(wrap.bodies)
        if wrap.kind == "split":
            pieces = frame.split(x, [body.chain.x.channels for body in wrap.bodies if body.chain is not None])
        return frame.concatenation(
            [self._body(frame, body, piece, prefix) for body, piece in zip(wrap.bodies, pieces, strict=True)]
        )

    def _body(self, frame: Frame, body: Body, x: Tensor, prefix: str) -> Tensor:
        return x if body.chain is None else self._chain(frame, body.chain, x, prefix)


def dims_of(shape: Shape) -> Dims:
    """Return height, width and channels."""
    height, width, channels = shape.dims if shape.is_map else (1, 1, *shape.dims)
    return height, width, channels


def _constructed(call: Call) -> Module:
    positional = [_concrete(value) for keyword, value in call.arguments if not keyword]
    return construct(call.name, positional, {key: _concrete(value) for key, value in call.arguments if key})


def _concrete(argument: Code | Call | Several) -> Any:
    """Return the value of an argument; nothing symbolic is left where every operand is a number."""
    assert isinstance(argument, Code), argument
    value = argument.value
    if type(value) is Fraction and value.denominator == 1:
        return value.numerator
    return value if value is not None else ast.literal_eval(argument.text)


_literal = lru_cache(maxsize=4096, typed=True)(literal)
