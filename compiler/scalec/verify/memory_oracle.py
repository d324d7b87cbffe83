"""Measures the memory that PyTorch itself allocates for an emitted file, to test `cost.memory`. Needs torch.

The emitted network runs on fake tensors, which have shapes and storages but no numbers, under the conditions of
`cost.memory`: without a loss, in one step after the optimizer has its state. The kernels are those of the CPU;
`_AsOnGPU` changes them where a GPU is different. PyTorch has no public function that counts storages, so only this
module contains the two ways to count them. `prepare` is also used on a real GPU, for `benchmarks/memory_table.py`.
"""

import warnings
import weakref
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from scalec.cost.compiled import Compiled
from scalec.emit.emit import emit
from scalec.program.memory_call import INFERENCE, TRAINING, Footprint
from scalec.verify.loading import as_file, load

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
Way = Literal["storages", "mem_tracker"]


class Storages(TorchDispatchMode):  # type: ignore[no-untyped-call]  # PyTorch says no types here
    """Follows how many bytes of tensor storage are alive; each storage counts once, until it is freed."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        """Begin with tensors that are there already."""
        super().__init__()  # type: ignore[no-untyped-call]  # nor here
        self.live: dict[int, int] = {}
        self.bytes = self.peak = 0
        for tensor in tensors:
            self.add(tensor)

    def add(self, tensor: Tensor) -> None:
        """Count the storage of a tensor."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self.live:
            self.live[storage._cdata] = storage.nbytes()
            self.bytes += storage.nbytes()
            self.peak = max(self.peak, self.bytes)
            weakref.finalize(storage, self._free, storage._cdata)

    def _free(self, key: int) -> None:
        self.bytes -= self.live.pop(key, 0)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one call, and count what it made."""
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self.add(tensor)
        return result


class _AsOnGPU(TorchFunctionMode):
    """Dropout with a mask of bytes, and under autocast Softplus, norms and normalisation over channels in float32 and
    padding in what comes in, as CUDA has them."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one call."""
        if function is F.dropout:
            rate = kwargs["p"] if kwargs["training"] else 0
            return torch.native_dropout(args[0], rate, True)[0] if rate else args[0]
        if function in (F.layer_norm, F.group_norm, F.softplus) and torch.is_autocast_enabled("cpu"):
            args = (args[0].float(), *args[1:])
        if function is torch.Tensor.norm and torch.is_autocast_enabled("cpu"):
            return function(*args, **{**(kwargs or {}), "dtype": torch.float32})
        if function is F.pad:
            with torch.autocast("cpu", enabled=False):
                return function(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


@dataclass
class Step:
    """A network, all that lives as long as it, and what to run: one inference, or one step of training."""

    network: nn.Module
    x: Tensor
    optimizer: torch.optim.Optimizer | None
    run: Callable[[], None]


def peaks(compiled: Compiled) -> dict[str, int]:
    """Measure inference and training by their usual definitions."""
    return {"inference": measure(compiled), "training": measure(compiled, TRAINING)}


def measure(compiled: Compiled, footprint: Footprint = INFERENCE, way: Way = "storages") -> int:
    """Return the peak in bytes; `mem_tracker` asks PyTorch's own tracker, which is several times slower."""
    with FakeTensorMode():
        step = prepare(compiled, footprint)
        return (_by_storages if way == "storages" else _by_mem_tracker)(step)


def prepare(compiled: Compiled, footprint: Footprint, device: str = "cpu") -> Step:
    """Build the network and its input on a device; in training, let the optimizer make its state."""
    given = compiled.network.x
    shape = (given.channels, given.height, given.width) if given.is_map else (given.channels,)
    dtype = torch.float32 if footprint.amp else DTYPES[footprint.dtype]
    with torch.device(device) if device != "cpu" else nullcontext():
        network = _build(emit(compiled), compiled.network.name, dtype).train(footprint.training)
        x = torch.empty(footprint.batch, *shape, dtype=dtype)
    optimizer = _optimizer(footprint, network)
    if footprint.training:
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        if optimizer:
            optimizer.step()  # makes its state
        network.zero_grad()
    return Step(network, x, optimizer, lambda: _run(network, x, optimizer, footprint))


def _build(source: str, name: str, dtype: torch.dtype) -> nn.Module:
    """Import an emitted file and build its network with parameters of a type."""
    default = torch.get_default_dtype()
    with as_file(source) as path:
        module = load(path)
    try:
        torch.set_default_dtype(dtype)
        built: nn.Module = getattr(module, name)()
    finally:
        torch.set_default_dtype(default)
    return built


def _optimizer(footprint: Footprint, network: nn.Module) -> torch.optim.Optimizer | None:
    parameters = list(network.parameters())
    if footprint.optimizer == "none" or not footprint.training or not parameters:
        return None
    if footprint.optimizer == "sgd":
        return torch.optim.SGD(parameters, momentum=0.9, foreach=True)
    return torch.optim.AdamW(parameters, foreach=True)  # all parameters at once is the default on a GPU


def _run(network: nn.Module, x: Tensor, optimizer: torch.optim.Optimizer | None, footprint: Footprint) -> None:
    device = x.device.type
    as_on_gpu = _AsOnGPU() if device == "cpu" else nullcontext()
    precision = torch.autocast(device, dtype=DTYPES[footprint.dtype], enabled=footprint.amp)
    with torch.set_grad_enabled(footprint.training), precision, as_on_gpu:
        y = network(x)
    if not footprint.training:
        return
    outputs = (y,) if isinstance(y, Tensor) else y
    torch.autograd.backward(outputs, [torch.empty_like(output) for output in outputs])
    if optimizer:
        optimizer.step()
    network.zero_grad()


def _by_storages(step: Step) -> int:
    """Follow the storages. The optimizer's step counters stay on the CPU, and are not counted."""
    states = step.optimizer.state.values() if step.optimizer else ()
    counted = [value for state in states for key, value in state.items() if key != "step" and torch.is_tensor(value)]
    with Storages([*step.network.parameters(), *step.network.buffers(), *counted, step.x]) as storages:
        step.run()
    return int(storages.peak)


def _by_mem_tracker(step: Step) -> int:
    """Ask PyTorch's own tracker, a private module. It counts the step counters as well."""
    from torch.distributed._tools.mem_tracker import MemTracker

    tracker = MemTracker()
    tracker.track_external(step.network, step.x, *([step.optimizer] if step.optimizer else []))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with tracker:
            step.run()
    peak = tracker.get_tracker_snapshot("peak")
    return int(sum(sizes["Total"] for sizes in peak.values()))
