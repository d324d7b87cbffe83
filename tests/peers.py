"""Independent peers (torchvision, timm) for tests: build, randomise, port weights, compare, count.

Networks are matched by data flow, never by names, registration order or execution order.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import math
import sys
import types
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

_LIBRARY: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
_MODULE_NUMBERS = itertools.count()


class PortError(Exception):
    """The data-flow graphs of two modules differ, so no porting of weights is meaningful."""


class VacuousComparison(AssertionError):
    """Two networks would agree whatever the input, or some of their weights, are."""


@cache
def _import_peer(name: str) -> Any:
    """Import a peer, declaring `nms` and `qnms` if torchvision's C extension does not load here.

    (`torchvision/_meta_registrations.py` needs the schemas of just these two at import.)
    """
    with contextlib.suppress(ImportError, RuntimeError):
        return importlib.import_module(name)
    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator):
            _LIBRARY.define(f"{operator}(Tensor dets, Tensor scores, float threshold) -> Tensor")
    return importlib.import_module(name)


def torchvision_model(name: str, **kwargs: Any) -> nn.Module:
    """A torchvision classification model without trained weights."""
    model: nn.Module = getattr(_import_peer("torchvision.models"), name)(weights=None, **kwargs)
    return model


def timm_model(name: str, **kwargs: Any) -> nn.Module:
    """A timm model without trained weights."""
    model: nn.Module = _import_peer("timm").create_model(name, pretrained=False, **kwargs)
    return model


def load_module(path_or_source: str | Path, name: str) -> types.ModuleType:
    """Execute an emitted Python file (a Path or a one-line str) or source text as a new module."""
    is_path = isinstance(path_or_source, Path) or "\n" not in path_or_source
    source = Path(path_or_source).read_text("utf-8") if is_path else str(path_or_source)
    module = types.ModuleType(f"_emitted_{name}_{next(_MODULE_NUMBERS)}")
    module.__file__ = str(path_or_source) if is_path else f"<{module.__name__}>"
    sys.modules[module.__name__] = module  # dataclasses look their module up there
    exec(compile(source, module.__file__, "exec"), module.__dict__)
    return module


def named_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Every floating-point parameter and buffer by name (so without num_batches_tracked), but for constants.

    A constant is a buffer that no checkpoint has: it keeps its value, so that comparisons tell whether that is right.
    """
    prefixed = ((f"{name}." if name else "", child) for name, child in module.named_modules())
    constants = {prefix + name for prefix, child in prefixed for name in child._non_persistent_buffers_set}
    everything = itertools.chain(module.named_parameters(), module.named_buffers())
    return {name: tensor for name, tensor in everything if tensor.is_floating_point() and name not in constants}


@contextlib.contextmanager
def _training(module: nn.Module, mode: bool) -> Iterator[None]:
    """Train or eval mode for a while; afterwards each submodule has its own mode again."""
    before = {child: child.training for child in module.modules()}
    module.train(mode)
    yield
    for child, was_training in before.items():
        child.training = was_training


def _noise(shape: Sequence[int], seed: int) -> Tensor:
    """Standard normal fp64 numbers given by the seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@torch.no_grad()
def randomise(module: nn.Module, seed: int, example: Tensor | None = None) -> None:
    """Random, well scaled values for every parameter and buffer, in place, given by the seed.

    Fan-in scaled weights, norm scales near 1, small shifts, variances 0.75..1.25. With an example
    (several images) running statistics are this random relative to what each batch norm meets, so
    that eval signals neither fade nor saturate squeeze-and-excitation, at any depth.
    """
    for index, (name, tensor) in enumerate(named_tensors(module).items()):
        noise = _noise(tensor.shape, 10_000 * seed + index)
        if name.endswith("running_var"):
            noise = 0.75 + 0.5 * torch.special.ndtr(noise)
        elif name.endswith(("running_mean", "bias")):
            noise *= 0.1
        elif tensor.dim() > 1 and tensor[0].numel() > 1:
            noise *= 1.2 / math.sqrt(tensor[0].numel())
        else:
            noise = 1 + 0.1 * noise
        tensor.copy_(noise)
    if example is not None:
        norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        hooks = [norm.register_forward_pre_hook(_centre) for norm in norms]
        with _training(module, False):
            module(example)
        for hook in hooks:
            hook.remove()


def _centre(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Make running statistics relative to those of the input."""
    mean, var = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    values = inputs[0].transpose(0, 1).flatten(1)
    var.mul_(values.var(1).clamp(min=1e-4))
    mean.mul_(var.sqrt()).add_(values.mean(1))


def disable_drop(module: nn.Module) -> None:
    """Set every dropout, drop-path and stochastic-depth rate to 0 (a float attribute), in place."""
    droppers = ("dropout", "stochasticdepth", "droppath", "dropblock", "dropconnect")
    for child in module.modules():
        is_dropper = any(word in type(child).__name__.lower() for word in droppers)
        # any module: timm models pass their own drop_rate to F.dropout
        for attribute in ("drop_prob", "drop_rate", "drop", *("p", "rate", "prob") * is_dropper):
            if isinstance(getattr(child, attribute, None), float):
                setattr(child, attribute, 0.0)


_BATCH_NORM = ("batch norm", {1: "weight", 2: "bias", 3: "mean", 4: "variance"})
_ROLES: dict[str, tuple[str, dict[int, str]]] = {
    "convolution": ("linear map", {1: "weight", 2: "bias"}),
    "addmm": ("linear map", {0: "bias", 2: "weight"}),
    "mm": ("linear map", {1: "weight"}),
    "addcmul": ("addcmul", {0: "bias", 1: "weight"}),
    "native_batch_norm": _BATCH_NORM,
    "_native_batch_norm_legit_no_training": _BATCH_NORM,
}


@dataclass(frozen=True)
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
        with torch.no_grad(), _training(module, False), tracer:
            output = tracer.ancestors.get(id(module(example_input)), frozenset())
        tracer.nodes.append(_Node(("output",), (), output))
    old, new = (tracer.nodes for tracer in tracers)
    pairs = _match(old, new)
    if pairs is None:
        labels = {node.label for node in old} ^ {node.label for node in new}
        odd = [f"{n.label} reading {n.reads}" for n in (*old, *new) if n.label in labels][:6]
        wiring = ["the same operations, in other numbers or wired differently"]
        raise PortError(f"graphs differ ({len(old)}, {len(new)} nodes): " + "\n".join(odd or wiring))
    reads = [(new[j].reads[k], old[i].reads[k]) for i, j in pairs for k in range(len(old[i].reads))]
    names = {name: other for (_, name), (_, other) in reads}
    missing = sorted(tensors.keys() - names.keys())
    if missing or any(names[name] != other for (_, name), (_, other) in reads):
        raise PortError(f"tensors shared in the target only, or that no operation reads {missing}")
    with torch.no_grad():
        for name, other in names.items():
            tensors[name].copy_(values[other].reshape(tensors[name].shape))
    return names


class _ExplicitBatchNorm(TorchFunctionMode):
    """Eval batch norm by its formula, so that running statistics have gradients too."""

    def __torch_function__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not F.batch_norm:
            return func(*args, **(kwargs or {}))
        x, mean, var = args
        scale = torch.rsqrt(var + kwargs["eps"])
        scale = scale if kwargs["weight"] is None else scale * kwargs["weight"]
        shift = -mean * scale if kwargs["bias"] is None else kwargs["bias"] - mean * scale
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return x * scale.view(shape) + shift.view(shape)


def sensitivities(module: nn.Module, x: Tensor) -> dict[str, float]:
    """Relative effect on the eval output of a random change of each parameter and buffer.

    First order: |gradient| * max(rms of the tensor, 0.1) / max |output|, for the gradient of a
    random combination of the outputs; 0 for a tensor that is not read at all.
    """
    tensors = named_tensors(module)
    frozen = [t.requires_grad_(True) for t in tensors.values() if not t.requires_grad]
    with _training(module, False), _ExplicitBatchNorm():
        output = module(x)
    total = (output * _noise(output.shape, 1).to(output)).sum()
    gradients = torch.autograd.grad(total, list(tensors.values()), allow_unused=True)
    for tensor in frozen:
        tensor.requires_grad_(False)
    size = float(output.detach().abs().max()) or math.inf
    steps = [max(float(t.detach().square().mean().sqrt()), 0.1) for t in tensors.values()]
    effects = [0.0 if g is None else float(g.norm()) / size for g in gradients]
    return {n: e * step for n, e, step in zip(tensors, effects, steps, strict=True)}


def depends_on_every_tensor(module: nn.Module, x: Tensor, threshold: float = 1e-6) -> bool:
    """Whether a change of any one parameter or buffer shows in the eval output."""
    return min(sensitivities(module, x).values()) > threshold


def _assert_can_fail(module: nn.Module, x: Tensor) -> None:
    """Refuse a comparison whose result does not hinge on the input and on every tensor."""
    with torch.no_grad(), _training(module, False):
        change = _relative([(module(x), module(x.flip(0)))])
    if not change > 0.01:
        raise VacuousComparison(f"another input changes the output by {change:.1e} only")
    if not depends_on_every_tensor(module, x):
        weakest = sorted((effect, name) for name, effect in sensitivities(module, x).items())
        raise VacuousComparison(f"the output hardly depends on (effect, tensor) {weakest[:3]}")


def _relative(pairs: list[tuple[Tensor, Tensor]]) -> float:
    """Max |a - b| / max |a|, each over all pairs; inf if that is no number.

    (Not pair by pair: in training some gradients are 0 but for rounding, as that of a shift which
    the next batch norm takes out again.)
    """
    if not pairs:
        return 0.0
    difference = float(torch.stack([(a - b.reshape(a.shape)).abs().max() for a, b in pairs]).max())
    size = max(float(a.abs().max()) for a, _ in pairs)
    return difference / size if size and math.isfinite(difference) else math.inf


@dataclass(frozen=True)
class Comparison:
    """Relative differences: max |difference| / max |value| over all tensors of a kind."""

    eval_output: float
    train_output: float
    running_statistics: float
    parameter_gradients: float
    input_gradient: float

    @property
    def worst(self) -> float:
        """The largest of all."""
        return float(max(astuple(self)))


def _observe(module: nn.Module, x: Tensor) -> dict[str, dict[str, Tensor]]:
    """What `Comparison` compares, each by tensor name, from an eval pass and one training pass."""
    with torch.no_grad(), _training(module, False):
        evaluated = module(x)
    parameters = dict(module.named_parameters())
    inputs = {"": x.clone().requires_grad_(True), **parameters}
    with _training(module, True):
        output = module(inputs[""])
    total = (output * _noise(output.shape, 1)).sum()
    found = torch.autograd.grad(total, list(inputs.values()))
    gradients = dict(zip(inputs, found, strict=True))
    return {
        "eval_output": {"": evaluated},
        "train_output": {"": output.detach()},
        "input_gradient": {"": gradients.pop("")},
        "parameter_gradients": gradients,
        "running_statistics": {n: t for n, t in named_tensors(module).items() if n not in parameters},
    }


def ported(source: nn.Module, target: nn.Module, size: int, batch: int = 2, seed: int = 0) -> dict[str, str]:
    """Randomise `source` and port it to `target`, both in fp64 without drops; returns {target: source name}.

    Raises PortError, or VacuousComparison where agreement would prove nothing. Choose a size at which the
    last batch norm sees 8 or more values per channel; with fewer, training is badly conditioned.
    """
    example = _noise((8 * batch, 3, size, size), seed)
    for module in (source, target):
        disable_drop(module.double())
    randomise(source, seed, example)
    names = port(source, target, example[:batch])
    _assert_can_fail(target, example[:batch])
    return names


def observed(source: nn.Module, target: nn.Module, names: Mapping[str, str], size: int, batch: int = 2) -> Comparison:
    """Compare two networks with the same weights in eval and train mode (which moves running statistics)."""
    x = _noise((batch, 3, size, size), size)
    old, new = _observe(source, x), _observe(target, x)
    pairs = {
        field: [(old[field][names.get(name, "")], tensor) for name, tensor in tensors.items()]
        for field, tensors in new.items()
    }
    return Comparison(**{field: _relative(both) for field, both in pairs.items()})


def compare(source: nn.Module, target: nn.Module, size: int, batch: int = 2, seed: int = 0) -> Comparison:
    """Randomise `source`, port it to `target` and compare them in fp64, eval and train mode (see `ported`)."""
    return observed(source, target, ported(source, target, size, batch, seed), size, batch)


@dataclass(frozen=True)
class Counted:
    """Multiply-adds (convolutions, linear layers) and activations of one image.

    Activations are output elements of convolutions, linear layers and windowed pools (as pycls).
    """

    macs: int
    activations: int
    convolution_shapes: tuple[tuple[int, ...], ...]


class _Counter(TorchDispatchMode):
    """Collects (multiply-adds, output elements) of operations, and convolution output shapes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.costs: list[tuple[int, int]] = []
        self.shapes: list[tuple[int, ...]] = []

    def __torch_dispatch__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation and count it."""
        result = func(*args, **(kwargs or {}))
        operator = func._schema.name.split("::")[1]
        if operator == "convolution":
            self.shapes.append(tuple(result.shape[1:]))
            self.costs.append((result.numel() * args[1][0].numel(), result.numel()))
        elif operator in ("addmm", "mm"):
            self.costs.append((result.numel() * args[-1].shape[0], result.numel()))
        elif operator in ("max_pool2d_with_indices", "avg_pool2d"):
            self.costs.append((0, (result[0] if operator[0] == "m" else result).numel()))
        return result


def count_macs(module: nn.Module, input_shape: Sequence[int]) -> Counted:
    """Count one eval forward of an image of shape (C, H, W), on the meta device."""
    stored = itertools.chain(module.named_parameters(), module.named_buffers())
    meta = {name: tensor.to("meta") for name, tensor in stored}
    dtype = next((parameter.dtype for parameter in module.parameters()), torch.float32)
    image = torch.empty(1, *input_shape, device="meta", dtype=dtype)
    counter = _Counter()
    with torch.no_grad(), _training(module, False), counter:
        torch.func.functional_call(module, meta, image)
    macs, activations = (sum(cost[index] for cost in counter.costs) for index in (0, 1))
    return Counted(macs, activations, tuple(counter.shapes))
