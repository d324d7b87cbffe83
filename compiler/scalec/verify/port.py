"""Copies weights from one network to another. They are matched by data flow, not by names or the order of modules."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from scalec.record import record
from scalec.verify.tensors import named_tensors, training


class PortError(Exception):
    """The data-flow graphs of two modules differ, so no porting of weights is meaningful."""


_BATCH_NORM = ("batch norm", {1: "weight", 2: "bias", 3: "mean", 4: "variance"})
_ROLES: dict[str, tuple[str, dict[int, str]]] = {
    "convolution": ("linear map", {1: "weight", 2: "bias"}),
    "addmm": ("linear map", {0: "bias", 2: "weight"}),
    "mm": ("linear map", {1: "weight"}),
    "addcmul": ("addcmul", {0: "bias", 1: "weight"}),
    "native_batch_norm": _BATCH_NORM,
    "_native_batch_norm_legit_no_training": _BATCH_NORM,
}


@record
class _Node:
    """An operation that reads stored tensors, and the nearest such operations upstream.

    `reads` has (role, tensor name); an ancestor comes with the channel its output starts at.
    """

    label: tuple[Any, ...]
    reads: tuple[tuple[str, str], ...]
    ancestors: frozenset[tuple[int, int]]


def _tensors_in(values: Iterable[Any]) -> Iterator[tuple[int, Tensor]]:
    """Tensors among arguments or results, one list level deep, with their position."""
    for position, value in enumerate(values):
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, Tensor):
                yield position, item


class _Tracer(TorchDispatchMode):
    """Records the graph of operations that read a parameter or buffer."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.shapes = {n: tuple(s for s in t.shape if s != 1) for n, t in tensors.items()}
        self.stored: dict[int, tuple[str, ...]] = {id(t): (n,) for n, t in tensors.items()}
        self.nodes: list[_Node] = []
        self.ancestors: dict[int, frozenset[tuple[int, int]]] = {}
        self.alive: list[Tensor] = []  # keeps identities unique

    def __torch_dispatch__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation; record what it read."""
        result = func(*args, **(kwargs or {}))
        outputs = [tensor for _, tensor in _tensors_in(result if type(result) is tuple else [result])]
        self.alive += outputs
        reads: list[tuple[int, str]] = []
        found: set[tuple[int, int]] = set()
        signals = channel = 0
        for position, tensor in _tensors_in(args):
            if names := self.stored.get(id(tensor)):
                reads += [(position, name) for name in names]
                continue
            signals += 1
            found |= {(node, c + channel) for node, c in self.ancestors.get(id(tensor), ())}
            if func is torch.ops.aten.cat.default and args[1:] == (1,):
                channel += tensor.shape[1]
        if reads and not signals:  # a view or a function of weights alone
            self.stored |= {id(output): tuple(name for _, name in reads) for output in outputs}
            return result
        if reads:
            self.nodes.append(self._node(func, args, reads, frozenset(found)))
            found = {(len(self.nodes) - 1, 0)}
        self.ancestors |= {id(output): frozenset(found) for output in outputs}
        return result

    def _node(self, func: Any, args: Any, reads: list[tuple[int, str]], found: Any) -> _Node:
        """The node of one operation, its label free of what implementations may vary."""
        operator = func._schema.name.split("::")[1]
        kind, roles = _ROLES.get(operator, (operator.rstrip("_"), {}))
        named = tuple(sorted((roles.get(position, "operand"), name) for position, name in reads))
        attributes: tuple[Any, ...] = ()
        if operator == "convolution":
            dilation = args[5] if args[1][0, 0].numel() > 1 else (1, 1)
            if (*args[3], *dilation, args[8]) != (1, 1, 1, 1, 1):
                attributes = (*args[3], *dilation, args[8])  # otherwise a linear layer may do the same
        shapes = tuple(sorted((role, self.shapes[name]) for role, name in named))
        if operator == "convolution" and not attributes and args[0].shape[2:] == args[1].shape[2:] and not any(args[4]):
            # one window for the whole map: a linear layer on the flattened map may do the same
            shapes = tuple((role, (shape[0], math.prod(shape[1:])) if shape[1:] else shape) for role, shape in shapes)
        return _Node((kind, attributes, shapes), named, found)


def _refine(nodes: list[_Node], colours: list[int], palette: dict[Any, int]) -> list[int]:
    """Stable colours: equal iff neither upstream nor downstream tells the nodes apart."""
    links: list[list[tuple[str, int, int]]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for ancestor, channel in node.ancestors:
            links[index].append(("from", channel, ancestor))
            links[ancestor].append(("to", channel, index))
    count = 0
    while len(set(colours)) > count:
        count = len(set(colours))
        keys = [(c, *sorted((w, o, colours[j]) for w, o, j in links[i])) for i, c in enumerate(colours)]
        colours = [palette.setdefault(key, len(palette)) for key in keys]
    return colours


def _match(source: list[_Node], target: list[_Node]) -> list[tuple[int, int]] | None:
    """Pairs (source node, target node) of an isomorphism, or None where there is none."""
    palette: dict[Any, int] = {}

    def search(left: list[int], right: list[int]) -> list[tuple[int, int]] | None:
        left, right = _refine(source, left, palette), _refine(target, right, palette)
        sizes = Counter(left)
        if sizes != Counter(right):
            return None
        first = next((i for i, colour in enumerate(left) if sizes[colour] > 1), None)
        if first is None:
            return [(left.index(colour), j) for j, colour in enumerate(right)]
        marked = [-1 if i == first else colour for i, colour in enumerate(left)]
        tries = [j for j, colour in enumerate(right) if colour == left[first]]
        guesses = ([-1 if i == j else colour for i, colour in enumerate(right)] for j in tries)
        return next(filter(None, (search(marked, guess) for guess in guesses)), None)

    colours = [[palette.setdefault(n.label, len(palette)) for n in g] for g in (source, target)]
    return search(*colours)


def _where(
    source: list[_Node], target: list[_Node], values: Mapping[str, Tensor], tensors: Mapping[str, Tensor]
) -> str:
    """Return where two graphs part: the first layer of each that is another, or is fed otherwise."""
    palette: dict[Any, int] = {}
    old, new = _histories(source, palette), _histories(target, palette)
    told = []
    for whose, nodes, mine, theirs, stored in (
        ("target", target, new, old, tensors), ("source", source, old, new, values),
    ):  # fmt: skip
        spare = Counter(theirs)
        for node, history in zip(nodes, mine, strict=True):
            spare[history] -= 1
            if spare[history] < 0:
                told.append(f"the {whose}'s {_shown(node, stored)}")
                break
    return f"they part at {' and '.join(told) or 'what follows the last layer that both have'}"


def _histories(nodes: list[_Node], palette: dict[Any, int]) -> list[int]:
    """Number the nodes by all that lies upstream of each; nodes stand in the order in which they ran."""
    found: list[int] = []
    for node in nodes:
        key = (node.label, *sorted((channel, found[ancestor]) for ancestor, channel in node.ancestors))
        found.append(palette.setdefault(key, len(palette)))
    return found


def _shown(node: _Node, stored: Mapping[str, Tensor]) -> str:
    """Name a layer by the largest tensor that it reads."""
    names = [name for _, name in node.reads]
    largest = max(names, key=lambda name: stored[name].numel(), default=None)
    return "output" if largest is None else f"{largest} {tuple(stored[largest].shape)}"


def port(source: nn.Module, target: nn.Module, example_input: Tensor) -> dict[str, str]:
    """Copy all parameters and buffers to `target` by data flow; returns {target: source name}.

    Nodes are the ATen operations that read a stored tensor: kind, shapes without 1s, and stride,
    dilation and groups of convolutions (not eps: `compare` measures it). Padding and activations
    hold no tensors and pass ancestors on. Nodes are matched by colour refinement. Where equal
    colours remain, one pair is fixed and refinement goes on, so that an ambiguous match is accepted
    only if symmetric: the graphs stay isomorphic. (Symmetric branches that differ in operations
    without tensors could be swapped; `compare` would see it.) Eval mode, restored afterwards.
    """
    tensors, values = named_tensors(target), named_tensors(source)
    tracers = _Tracer(values), _Tracer(tensors)
    for module, tracer in zip((source, target), tracers, strict=True):
        with torch.no_grad(), training(module, False), tracer:
            output = tracer.ancestors.get(id(module(example_input)), frozenset())
        tracer.nodes.append(_Node(("output",), (), output))
    old, new = (tracer.nodes for tracer in tracers)
    pairs = _match(old, new)
    if pairs is None:
        raise PortError(f"graphs differ ({len(old)}, {len(new)} nodes): " + _where(old, new, values, tensors))
    reads = [(new[j].reads[k], old[i].reads[k]) for i, j in pairs for k in range(len(old[i].reads))]
    names = {name: other for (_, name), (_, other) in reads}
    missing = sorted(tensors.keys() - names.keys())
    if missing or any(names[name] != other for (_, name), (_, other) in reads):
        raise PortError(f"tensors shared in the target only, or that no operation reads {missing}")
    with torch.no_grad():
        for name, other in names.items():
            tensors[name].copy_(values[other].reshape(tensors[name].shape))
    return names
