"""Compares two networks with the same weights: outputs, gradients and running statistics.

It also tests that the comparison can find a difference.
"""

import math
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from scalec.record import record
from scalec.verify.port import port
from scalec.verify.tensors import disable_drop, joined, named_tensors, noise, randomise, training

Size = int | tuple[int, ...]
"""Of an image: (C, H, W), or how high and wide an RGB image is."""

_NEW_TENSOR: dict[Any, Any] = {Tensor.mul_: Tensor.mul, Tensor.add_: Tensor.add}
LEAST = 1e-6
"""The effect on the output that each tensor must have, relative."""


class VacuousComparison(AssertionError):
    """Two networks would agree whatever the input, or some of their weights, are."""


class _Differentiable(TorchFunctionMode):
    """Eval batch norm by its formula, so that running statistics have gradients too; and nothing is written over."""

    def __torch_function__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        func = _NEW_TENSOR.get(func, func)
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
    over: list[Any] = [child for child in module.modules() if getattr(child, "inplace", False)]
    for child in over:
        child.inplace = False
    with training(module, False), _Differentiable():
        output = joined(module(x))
    for child in over:
        child.inplace = True
    total = (output * noise(output.shape, 1).to(output)).sum()
    gradients = torch.autograd.grad(total, list(tensors.values()), allow_unused=True)
    for tensor in frozen:
        tensor.requires_grad_(False)
    size = float(output.detach().abs().max()) or math.inf
    steps = [max(float(t.detach().square().mean().sqrt()), 0.1) for t in tensors.values()]
    effects = [0.0 if g is None else float(g.norm()) / size for g in gradients]
    return {n: e * step for n, e, step in zip(tensors, effects, steps, strict=True)}


def assert_can_fail(module: nn.Module, x: Tensor) -> None:
    """Refuse a comparison whose result does not hinge on the input and on every tensor."""
    with torch.no_grad(), training(module, False):
        change = relative([(joined(module(x)), joined(module(x.flip(0))))])
    if not change > 0.01:
        raise VacuousComparison(f"another input changes the output by {change:.1e} only")
    found = sensitivities(module, x)
    if not min(found.values()) > LEAST:
        weakest = sorted((effect, name) for name, effect in found.items())
        raise VacuousComparison(f"the output hardly depends on (effect, tensor) {weakest[:3]}")


def relative(pairs: list[tuple[Tensor, Tensor]]) -> float:
    """Max |a - b| / max |a|, each over all pairs; inf if that is no number.

    (Not pair by pair: in training some gradients are 0 but for rounding, as that of a shift which
    the next batch norm takes out again.)
    """
    if not pairs:
        return 0.0
    difference = float(torch.stack([(a - b.reshape(a.shape)).abs().max() for a, b in pairs]).max())
    size = max(float(a.abs().max()) for a, _ in pairs)
    return difference / size if size and math.isfinite(difference) else math.inf


@record
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


def observe(module: nn.Module, x: Tensor) -> dict[str, dict[str, Tensor]]:
    """What `Comparison` compares, each by tensor name, from an eval pass and one training pass."""
    with torch.no_grad(), training(module, False):
        evaluated = joined(module(x))
    parameters = dict(module.named_parameters())
    inputs = {"": x.clone().requires_grad_(True), **parameters}
    with training(module, True):
        output = joined(module(inputs[""]))
    total = (output * noise(output.shape, 1)).sum()
    found = torch.autograd.grad(total, list(inputs.values()))
    gradients = dict(zip(inputs, found, strict=True))
    return {
        "eval_output": {"": evaluated},
        "train_output": {"": output.detach()},
        "input_gradient": {"": gradients.pop("")},
        "parameter_gradients": gradients,
        "running_statistics": {n: t for n, t in named_tensors(module).items() if n not in parameters},
    }


def image(size: Size) -> tuple[int, ...]:
    """Return the shape of an image."""
    return (3, size, size) if isinstance(size, int) else size


def ported(source: nn.Module, target: nn.Module, size: Size, batch: int = 2, seed: int = 0) -> dict[str, str]:
    """Randomise `source` and port it to `target`, both in fp64 without drops; returns {target: source name}.

    Raises PortError, or VacuousComparison where agreement would prove nothing. Choose a size at which the
    last batch norm sees 8 or more values per channel; with fewer, training is badly conditioned.
    """
    example = noise((8 * batch, *image(size)), seed)
    for module in (source, target):
        disable_drop(module.double())
    randomise(source, seed, example)
    names = port(source, target, example[:batch])
    assert_can_fail(target, example[:batch])
    return names


def observed(source: nn.Module, target: nn.Module, names: Mapping[str, str], size: Size, batch: int = 2) -> Comparison:
    """Compare two networks with the same weights in eval and train mode (which moves running statistics)."""
    x = noise((batch, *image(size)), max(image(size)))
    old, new = observe(source, x), observe(target, x)
    pairs = {
        field: [(old[field][names.get(name, "")], tensor) for name, tensor in tensors.items()]
        for field, tensors in new.items()
    }
    return Comparison(**{field: relative(both) for field, both in pairs.items()})


def compare(source: nn.Module, target: nn.Module, size: Size, batch: int = 2, seed: int = 0) -> Comparison:
    """Randomise `source`, port it to `target` and compare them in fp64, eval and train mode (see `ported`)."""
    return observed(source, target, ported(source, target, size, batch, seed), size, batch)
