"""Counts the costs of a network from the operations that PyTorch runs."""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from scalec.record import record
from scalec.verify.tensors import training


@record
class Counted:
    """Multiply-adds (convolutions, linear layers) and activations of one image.

    Activations are output elements of convolutions, linear layers and windowed pools (as pycls).
    """

    macs: int
    activations: int


class _Counter(TorchDispatchMode):
    """Collects (multiply-adds, output elements) of operations."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.costs: list[tuple[int, int]] = []

    def __torch_dispatch__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation and count it."""
        result = func(*args, **(kwargs or {}))
        operator = func._schema.name.split("::")[1]
        if operator == "convolution":
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
    with torch.no_grad(), training(module, False), counter:
        torch.func.functional_call(module, meta, image)
    macs, activations = (sum(cost[index] for cost in counter.costs) for index in (0, 1))
    return Counted(macs, activations)
