"""A model of PyTorch without numbers: tensors that have only a size, kernels that only allocate, and autograd.

The rules follow PyTorch's behaviour: which tensors a kernel saves for the backward pass, which gradients and
temporary tensors are alive at the same time in its backward step, and where mixed precision copies. The backward pass
runs the kernels in reverse order. If a tensor gets a second gradient, the sum is a new tensor.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scalec.cost.memory.timeline import Storage, Timeline
from scalec.ops.kernel import Kernel, Saves
from scalec.program.memory_call import WIDTH, Footprint

FLOAT = WIDTH["float32"]


@dataclass(slots=True, eq=False)
class Tensor:
    """A tensor as memory sees it; `width` is the bytes of a number, `tracked` says that it has a gradient."""

    storage: Storage
    elements: int
    width: int
    tracked: bool = False
    is_part: bool = False
    """Whether it is some of the channels of a larger tensor, so that its images lie apart."""
    gradient: Storage | None = None
    has_part: bool = False
    """Whether its gradient is such a part."""

    @property
    def bytes(self) -> int:
        """How much its numbers take; a view's storage may be larger."""
        return self.elements * self.width


class Tape:
    """Runs kernels forward, and in training back again."""

    def __init__(self, footprint: Footprint) -> None:
        """Start with nothing allocated."""
        self.training, self.batch = footprint.training, footprint.batch
        self.width, self.low = footprint.width, WIDTH[footprint.dtype]
        self.time = Timeline()
        self.copies: list[Tensor] = []
        """Parameters in low precision: autocast keeps them until the forward pass is over."""
        self.gradients: list[Storage] = []
        """Those of the parameters."""
        self.ends: list[Tensor] = []
        """The input and the output, which whoever runs the network holds."""
        self._back: list[Callable[[], None]] = []

    def source(self, elements: int) -> Tensor:
        """Return the network's input, for a batch of one so large."""
        x = Tensor(self.time.allocate(elements * self.batch * self.width), elements * self.batch, self.width)
        self.ends.append(x)
        return x

    def kernel(self, kernel: Kernel, x: Tensor) -> Tensor:
        """Run one kernel."""
        copies = self._lowered(kernel)
        given = x
        x = self._cast(x, {"low": self.low, "full": self.width}.get(kernel.autocast, x.width))
        x = self._copy(x, x.width) if kernel.contiguous and x.is_part else x
        constants = self._lowered_constants(kernel)
        width = self.width if kernel.autocast == "promote" else x.width
        y = self._make(kernel.output * self.batch, width, x.tracked or kernel.weights > 0)
        kept = self.time.allocate(kernel.kept * self.batch + (kernel.statistics if self.training else 0))
        self.time.hold(given.storage, x.storage, constants, *(copy.storage for copy in copies))
        if y.tracked:
            self._back.append(lambda: self._kernel_back(kernel, x, y, copies, kept, constants))
        return y

    def _kernel_back(
        self, kernel: Kernel, x: Tensor, y: Tensor, copies: list[Tensor], kept: Storage, constants: Storage | None
    ) -> None:
        if kernel.contiguous and y.has_part:
            self.time.tick()
            self.time.hold(y.gradient)
            y.gradient = self.time.allocate(y.bytes)
        self.time.tick()
        gradient = self.time.allocate(x.elements * y.width) if x.tracked else None
        product = self.time.allocate(y.bytes * kernel.backward_copy + kernel.scratch * self.batch * x.width)
        for copy in copies:
            copy.gradient = self.time.allocate(copy.bytes)
        if kernel.weights and not copies:
            self.gradients.append(self.time.allocate(kernel.weights * self.width))
        saved = (*copies[-1:], *{"input": (x,), "output": (y,)}.get(kernel.saves, ()))
        self.time.hold(y.gradient, kept, constants, *(tensor.storage for tensor in saved))
        if gradient and x.width != y.width:
            self.time.tick()
            self.time.hold(gradient, product, y.gradient, x.storage)
            gradient = self.time.allocate(x.bytes)
        if gradient:
            self._deliver(x, gradient)

    def overwrite(self, x: Tensor, saves: Saves) -> Tensor:
        """Let an activation write over its input; autograd keeps a copy of that, or what comes out."""
        self.time.tick()
        y = Tensor(x.storage, x.elements, x.width, x.tracked)
        kept = self.time.allocate(x.bytes) if x.tracked and saves == "input" else x.storage
        self.time.hold(x.storage)
        self._record(y, lambda: self._overwritten_back(x, y, kept))
        return y

    def _overwritten_back(self, x: Tensor, y: Tensor, kept: Storage) -> None:
        self.time.tick()
        gradient = self.time.allocate(x.bytes)
        self.time.hold(y.gradient, kept)
        self._deliver(x, gradient)

    def _lowered(self, kernel: Kernel) -> list[Tensor]:
        """Copy the parameters of a kernel that autocast runs in low precision, the bias first."""
        if kernel.autocast != "low" or self.low == self.width:
            return []
        return [self._copied(elements) for elements in (kernel.bias, kernel.weights - kernel.bias) if elements]

    def _lowered_constants(self, kernel: Kernel) -> Storage | None:
        """Copy the buffers of a kernel that autocast runs in low precision: nothing else holds the copy."""
        if kernel.autocast != "low" or self.low == self.width or not kernel.constants:
            return None
        return self.time.allocate(kernel.constants * self.low)

    def _copied(self, elements: int) -> Tensor:
        copy = self._make(elements, self.low, tracked=True)
        self.copies.append(copy)
        if copy.tracked:
            self._back.append(lambda: self._copied_back(copy))
        return copy

    def _copied_back(self, copy: Tensor) -> None:
        self.time.tick()
        self.time.hold(copy.gradient)
        self.gradients.append(self.time.allocate(copy.elements * self.width))

    def _cast(self, x: Tensor, width: int) -> Tensor:
        """Copy to another precision."""
        return x if x.width == width else self._copy(x, width)

    def _copy(self, x: Tensor, width: int) -> Tensor:
        y = self._make(x.elements, width, x.tracked)
        self.time.hold(x.storage)
        if y.tracked:
            self._back.append(lambda: self._pass_back(y, x))
        return y

    def _make(self, elements: int, width: int, tracked: bool) -> Tensor:
        self.time.tick()
        return Tensor(self.time.allocate(elements * width), elements, width, tracked and self.training)

    def _deliver(self, x: Tensor, gradient: Storage | None, is_part: bool = False) -> None:
        """Hand a gradient to the tensor it belongs to: the first one as it is, a second one added into a new tensor."""
        if x.gradient is None or gradient is None:
            x.gradient, x.has_part = x.gradient or gradient, is_part
            return
        self.time.tick()
        total = self.time.allocate(x.bytes)
        self.time.hold(x.gradient, gradient)
        x.gradient, x.has_part = total, False

    def _pass_back(self, y: Tensor, x: Tensor) -> None:
        """Return x the gradient of y, or its part of that, copied if it is of another precision."""
        gradient, is_part = y.gradient, y.has_part or (x.elements < y.elements and self.batch > 1)
        if x.width != y.width:
            self.time.tick()
            gradient, is_part = self.time.allocate(x.bytes), False
        self.time.hold(y.gradient)
        if x.tracked:
            self._deliver(x, gradient, is_part)

    # What joins tensors, and takes them apart

    def add(self, a: Tensor, b: Tensor, over: bool = False) -> Tensor:
        """Add two tensors, perhaps writing over the first; the gradient of the sum is that of both."""
        if over:
            self.time.tick()
            self.time.hold(a.storage, b.storage)
            y = Tensor(a.storage, a.elements, a.width, a.tracked or b.tracked)
        else:
            y = self._join((a, b), max(a.elements, b.elements))

        def back() -> None:
            for part in (a, b):
                if part.tracked:
                    self._pass_back(y, part)

        self._record(y, back)
        return y

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        """Multiply two tensors, the second perhaps one number a channel; both are saved."""
        y = self._join((a, b), max(a.elements, b.elements))

        def back() -> None:
            self.time.tick()
            products = [self.time.allocate(y.bytes) if part.tracked else None for part in (a, b)]
            for index, part in enumerate((a, b)):  # one after the other: summed to its size, then cast
                for size in (part.elements * y.width, part.bytes):
                    product = products[index]
                    if product is not None and product.bytes != size:
                        self.time.tick()
                        self.time.hold(*products)
                        products[index] = self.time.allocate(size)
            self.time.hold(y.gradient, a.storage, b.storage)
            for part, product in zip((a, b), products, strict=True):
                if product is not None:
                    self._deliver(part, product)

        self._record(y, back)
        return y

    def concatenate(self, parts: Sequence[Tensor]) -> Tensor:
        """Lay tensors side by side, all in the widest precision; their gradients are views of the whole one's."""
        parts = [self._cast(part, max(part.width for part in parts)) for part in parts]
        y = self._join(parts, sum(part.elements for part in parts))

        def back() -> None:
            for part in parts:
                if part.tracked:
                    self._pass_back(y, part)

        self._record(y, back)
        return y

    def split(self, x: Tensor, sizes: Sequence[int]) -> list[Tensor]:
        """Return views of so many elements for a batch of one; their gradients are copied into a whole one."""
        apart = x.is_part or (len(sizes) > 1 and self.batch > 1)
        parts = [Tensor(x.storage, size * self.batch, x.width, x.tracked, apart) for size in sizes]

        def back() -> None:
            self.time.tick()
            whole = self.time.allocate(x.bytes)
            self.time.hold(*(part.gradient for part in parts))
            self._deliver(x, whole)

        if x.tracked:
            self._back.append(back)
        return parts

    def _join(self, parts: Sequence[Tensor], elements: int) -> Tensor:
        y = self._make(elements, max(part.width for part in parts), any(part.tracked for part in parts))
        self.time.hold(*(part.storage for part in parts))
        return y

    def _record(self, y: Tensor, back: Callable[[], None]) -> None:
        if y.tracked:
            self._back.append(back)

    def backward(self, outputs: Sequence[Tensor]) -> None:
        """Run everything back, from gradients of the outputs that are given."""
        self.ends += outputs
        self.time.tick()
        given = [self.time.allocate(y.bytes) for y in outputs]
        for y, gradient in zip(outputs, given, strict=True):
            y.gradient = gradient
        for back in reversed(self._back):
            back()
        self.time.hold(*given)
