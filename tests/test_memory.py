"""The predicted peak against every storage that PyTorch really holds while the emitted file runs."""

import weakref
from typing import Any

import pytest
import torch
from nets import TENSORFLOW, compiled, module
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from scalec.memory import memory


class Live(TorchDispatchMode):
    """Follows how many bytes of tensor storage are alive; each storage counts once, until it is freed."""

    def __init__(self) -> None:
        super().__init__()
        self.live: dict[int, int] = {}
        self.bytes = self.peak = 0

    def add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata not in self.live:
            self.live[storage._cdata] = storage.nbytes()
            self.bytes += storage.nbytes()
            self.peak = max(self.peak, self.bytes)
            weakref.finalize(storage, self._free, storage._cdata)

    def _free(self, key: int) -> None:
        self.bytes -= self.live.pop(key, 0)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self.add(tensor)
        return result


@pytest.mark.parametrize(
    ("name", "variant", "changes"),
    [
        ("efficientnet", "B0", ()),
        ("efficientnet", "B2", ()),
        ("efficientnet", "B0", TENSORFLOW),
        ("efficientnet_lite", "Lite0", ()),
    ],
)
def test_inference_peak(name: str, variant: str, changes: tuple[tuple[str, str], ...]) -> None:
    net = compiled(name, variant, changes=changes)
    built, x = module(net).eval(), net.network.x
    image = torch.randn(1, x.channels, x.height, x.width)
    live = Live()
    with torch.no_grad(), live:
        for tensor in (*built.parameters(), *built.buffers(), image):
            live.add(tensor)
        built(image)
    assert memory(net.network) == live.peak
