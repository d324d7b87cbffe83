"""The kernels that PyTorch runs for an operator, the tensors that they save for backward, and the tape interface."""

from typing import Any, Literal, Protocol, TypeVar

from scalec.record import record

Saves = Literal["input", "output", "nothing"]
Autocast = Literal["low", "full", "promote", "keep"]
"""16 bits; 32 bits; 32 bits out of whatever comes in; what comes in. This is what `torch.autocast` does on a GPU."""


@record
class Kernel:
    """One call into PyTorch, and what autograd makes of it: what memory is counted from."""

    output: int
    """Elements that it writes, for a batch of one."""
    saves: Saves
    """Which tensor the backward pass needs, besides the parameters."""
    weights: int = 0
    """Elements of the parameters that it works with: they get gradients, and autocast copies them."""
    bias: int = 0
    """How many of these are only added, so that nothing keeps their copies for the backward pass."""
    constants: int = 0
    """Elements of buffers that it works with as if they were parameters: autocast copies them too."""
    kept: int = 0
    """Bytes, for a batch of one, of what it makes for itself and keeps for the backward pass: masks, indices."""
    statistics: int = 0
    """Bytes of the same that do not grow with the batch, and that only training has."""
    backward_copy: bool = False
    """Whether running back writes one more tensor of the output's size, besides the gradient of the input."""
    scratch: int = 0
    """Elements, for a batch of one, of what running back writes besides, in the precision of the input."""
    autocast: Autocast = "keep"
    """In which precision it runs under automatic mixed precision."""
    contiguous: bool = False
    """Whether it copies an input, or a gradient, that is a part of the channels of a larger tensor."""


@record
class KernelTraits:
    """What an operator's kernel does with memory and precision."""

    saves: Saves = "input"
    """What it keeps for the backward pass."""
    saves_in_place: Saves = "input"
    """What it keeps where it writes over its input; of that it needs a copy."""
    autocast: Autocast = "keep"
    """In which precision it runs under automatic mixed precision."""
    gives_own: bool = False
    """Whether it makes a tensor of its own that autograd does not keep: what follows may write over it."""
    is_view: bool = False
    """Whether what it gives may be its input's own memory."""
    counters: int = 0
    """How many elements of its module's buffers are 64-bit integers (num_batches_tracked)."""


class Tensor(Protocol):
    """A tensor that has only a size, on a tape."""

    @property
    def storage(self) -> Any:
        """The memory that it lies in."""


class Timeline(Protocol):
    """What is alive when."""

    def hold(self, *storages: Any) -> None:
        """Say that memory is still in use."""


T = TypeVar("T", bound=Tensor)


class Tape(Protocol[T]):
    """What operators run on to be measured (`cost.memory.tape`): kernels that only allocate."""

    training: bool

    @property
    def time(self) -> Timeline:
        """When what was allocated and used."""

    def kernel(self, kernel: Kernel, x: T) -> T:
        """Run one kernel on a tensor; return what it gives."""

    def multiply(self, a: T, b: T) -> T:
        """Multiply two tensors."""

    def add(self, a: T, b: T) -> T:
        """Add two tensors."""
