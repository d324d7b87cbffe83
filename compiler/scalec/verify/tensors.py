"""The tensors of a network: their names, test values that reveal differences, and modes."""

import contextlib
import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn


def named_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Every floating-point parameter and buffer by name (so without num_batches_tracked), but for constants.

    A constant is a buffer that no checkpoint has: it keeps its value, so that comparisons tell whether that is right.
    """
    prefixed = ((f"{name}." if name else "", child) for name, child in module.named_modules())
    constants = {prefix + name for prefix, child in prefixed for name in child._non_persistent_buffers_set}
    everything = itertools.chain(module.named_parameters(), module.named_buffers())
    return {name: tensor for name, tensor in everything if tensor.is_floating_point() and name not in constants}


@contextlib.contextmanager
def training(module: nn.Module, mode: bool) -> Iterator[None]:
    """Train or eval for a while; afterwards each submodule has its own mode again."""
    before = {child: child.training for child in module.modules()}
    module.train(mode)
    yield
    for child, was_training in before.items():
        child.training = was_training


def noise(shape: Sequence[int], seed: int) -> Tensor:
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
        values = noise(tensor.shape, 10_000 * seed + index)
        if name.endswith("running_var"):
            values = 0.75 + 0.5 * torch.special.ndtr(values)
        elif name.endswith(("running_mean", "bias")):
            values *= 0.1
        elif tensor.dim() > 1 and tensor[0].numel() > 1:
            values *= 1.2 / math.sqrt(tensor[0].numel())
        else:
            values = 1 + 0.1 * values
        tensor.copy_(values)
    if example is not None:
        norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        hooks = [norm.register_forward_pre_hook(_centre) for norm in norms]
        with training(module, mode=False):
            module(example)
        for hook in hooks:
            hook.remove()


def _centre(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Make running statistics relative to those of the input."""
    mean, var = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    values = inputs[0].transpose(0, 1).flatten(1)
    var.mul_(values.var(1).clamp(min=1e-4))
    mean.mul_(var.sqrt()).add_(values.mean(1))


@torch.no_grad()
def even_out(module: nn.Module, example: Tensor) -> None:
    """Scale each convolution and linear layer so that it gives numbers of deviation 1: signals neither fade nor grow.

    For networks without normalisation, such as one whose batch norms were folded.
    """

    def scale(layer: nn.Module, _: object, y: Tensor) -> Tensor:
        deviation = y.std().clamp(min=1e-6)
        for parameter in layer.parameters():
            parameter.div_(deviation)
        return y / deviation

    layers = [child for child in module.modules() if isinstance(child, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(scale) for layer in layers]
    with training(module, mode=False):
        module(example)
    for hook in hooks:
        hook.remove()


def disable_drop(module: nn.Module) -> None:
    """Set every dropout, drop-path and stochastic-depth rate to 0 (a float attribute), in place."""
    droppers = ("dropout", "stochasticdepth", "droppath", "dropblock", "dropconnect")
    for child in module.modules():
        is_dropper = any(word in type(child).__name__.lower() for word in droppers)
        # any module: timm models pass their own drop_rate to F.dropout
        for attribute in ("drop_prob", "drop_rate", "drop", *("p", "rate", "prob") * is_dropper):
            if isinstance(getattr(child, attribute, None), float):
                setattr(child, attribute, 0.0)


def joined(outputs: Tensor | tuple[Tensor, ...]) -> Tensor:
    """Return all that a network puts out as one row for each image."""
    return torch.cat([each.flatten(1) for each in ((outputs,) if isinstance(outputs, Tensor) else outputs)], dim=1)
