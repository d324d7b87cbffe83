"""Pooling: over a window, and over the whole map."""

from typing import Any

from scalec.code import Call, call
from scalec.ops.base import Flag, Kernel, Operands, Operator, OperatorError, Padding, Whole, operator
from scalec.ops.convolution import need_map, pads, slide
from scalec.shape import Shape


@operator
class GlobalAvgPool(Operator):
    """The mean over height and width: <1, 1, C>."""

    functional = True
    saves = "nothing"
    flat_forward = "{}.mean((2, 3))"

    def output(self, x: Shape, channels: int | None) -> Shape:
        need_map(x, "GlobalAvgPool")
        return Shape((1, 1, x.channels))

    def forward(self, x: str) -> str:
        return f"{x}.mean((2, 3), keepdim=True)"


@operator
class MaxPool(Operator):
    """The maximum of each window. The stride is the kernel unless it is said; `ceil` keeps a window that hangs over."""

    counted_by = {"ptflops": (2, 0)}
    strides = ("stride",)
    kernel: Whole
    stride: Whole | None = None
    padding: Padding = "symmetric"
    ceil: Flag = False

    def output(self, x: Shape, channels: int | None) -> Shape:
        need_map(x, "a pool")
        if self.padding == "same":
            raise OperatorError("a pool's padding is `symmetric` or a number; use `ceil = true` to round up")
        side = pads(x.height, self.kernel, self._stride, 1, self.padding)[0]
        if 2 * side > self.kernel:
            raise OperatorError(f"padding {side} is more than half the window of {self.kernel}")
        window = (self.kernel, self._stride, 1, self.padding, self.ceil)
        return Shape((slide(x.height, *window), slide(x.width, *window), x.channels))

    @property
    def _stride(self) -> int:
        return self.kernel if self.stride is None else self.stride

    def activations(self, x: Shape, y: Shape) -> int:
        return y.elements

    def window(self) -> tuple[int, int]:
        return self.kernel, self._stride

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        """Where each maximum stood is kept, as 64-bit integers."""
        return (Kernel(y.elements, "input", kept=8 * y.elements),)

    def module(self, a: Operands) -> Call:
        return self._module("nn.MaxPool2d", a)

    def _module(self, name: str, a: Operands, **more: Any) -> Call:
        padding = a.padding if isinstance(self.padding, int) else (a.kernel - 1) // 2
        said = self.stride is not None and a.stride.text != a.kernel.text
        keywords = {"stride": a.stride} if said else {}
        return call(name, a.kernel, **keywords, padding=(padding, 0), ceil_mode=(a.ceil, False), **more)


@operator
class AvgPool(MaxPool):
    """The mean of each window. One with padding says whether it counts the zeros (`count_padding`)."""

    counted_by = {"ptflops": (2, 0), "thop": (0, 1)}
    kernel: Whole
    stride: Whole | None = None
    padding: Padding = "symmetric"
    ceil: Flag = False
    count_padding: Flag | None = None

    def output(self, x: Shape, channels: int | None) -> Shape:
        side = pads(x.height, self.kernel, self._stride, 1, self.padding)[0]
        if side and self.count_padding is None:
            raise OperatorError("an average pool with padding must say `count_padding = true` or `false`")
        return super().output(x, channels)

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        return (Kernel(y.elements, "input"),)

    def module(self, a: Operands) -> Call:
        counted = {} if self.count_padding is None else {"count_include_pad": (a.count_padding, True)}
        return self._module("nn.AvgPool2d", a, **counted)
