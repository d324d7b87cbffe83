"""Pooling operators, for windows and for the whole map."""

from collections.abc import Mapping
from typing import Any

from scalec.ops.base import Flag, Operands, Operator, OperatorError, Padding, Rewriting, Whole, operator
from scalec.ops.code import Call, Code, call
from scalec.ops.convolution import half, need_map, pads, slide
from scalec.ops.kernel import Kernel, KernelTraits
from scalec.ops.shape import Shape
from scalec.record import record


@operator
class GlobalAvgPool(Operator):
    """The mean over height and width: <1, 1, C>."""

    aliases = (
        "GAP",
        "GlobalAveragePooling",
        "GlobalAveragePooling2D",
        "GlobalAveragePool",
        "GlobalPool",
        "SpatialMean",
    )
    functional = True
    traits = KernelTraits(saves="nothing")
    rewriting = Rewriting(flat_forward="{}.mean((2, 3))")

    def output(self, x: Shape, channels: int | None) -> Shape:
        need_map(x, "GlobalAvgPool")
        return Shape((1, 1, x.channels))

    def forward(self, x: str) -> str:
        return f"{x}.mean((2, 3), keepdim=True)"


@record
class _Pool(Operator):
    """What MaxPool and AvgPool share."""

    strides = ("stride",)
    kernel: Whole
    stride: Whole | None = None
    padding: Padding = "symmetric"
    ceil: Flag = False

    def output(self, x: Shape, channels: int | None) -> Shape:
        need_map(x, "a pool")
        if self.padding == "same":
            raise OperatorError("a pool's padding is `symmetric` or a number; use `ceil = true` to round up", "padding")
        side = pads(x.height, self.kernel, self._stride, 1, self.padding)[0]
        if 2 * side > self.kernel:
            raise OperatorError(f"padding {side} is more than half the window of {self.kernel}", "padding")
        window = (self.kernel, self._stride, 1, self.padding, self.ceil)
        return Shape((slide(x.height, *window), slide(x.width, *window), x.channels))

    @property
    def _stride(self) -> int:
        return self.kernel if self.stride is None else self.stride

    def activations(self, x: Shape, y: Shape) -> int:
        return y.elements

    def window(self) -> tuple[int, int]:
        return self.kernel, self._stride

    def _module(self, name: str, a: Operands, **more: Any) -> Call:
        padding = a.padding if isinstance(self.padding, int) else half(a.kernel)
        said = self.stride is not None and a.stride.text != a.kernel.text
        keywords = {"stride": a.stride} if said else {}
        return call(name, a.kernel, **keywords, padding=(padding, 0), ceil_mode=(a.ceil, False), **more)


@operator
class MaxPool(_Pool):
    """The maximum of each window. The default stride is the kernel. `ceil` keeps windows that extend beyond the map."""

    aliases = ("MaxPool2d", "MaxPooling", "MaxPooling2D")
    counted_by = {"ptflops": (2, 0)}

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        """Where each maximum stood is kept, as 64-bit integers."""
        return (Kernel(y.elements, "input", kept=8 * y.elements),)

    def module(self, a: Operands) -> Call:
        return self._module("nn.MaxPool2d", a)


@operator
class AvgPool(_Pool):
    """The mean of each window. With padding, `count_padding` must say whether the zeros are counted."""

    aliases = ("AvgPool2d", "AveragePooling", "AveragePooling2D", "AveragePool")
    counted_by = {"ptflops": (2, 0), "thop": (0, 1)}
    count_padding: Flag | None = None

    def output(self, x: Shape, channels: int | None) -> Shape:
        side = pads(x.height, self.kernel, self._stride, 1, self.padding)[0]
        if side and self.count_padding is None:
            raise OperatorError("an average pool with padding must say `count_padding = true` or `false`", "padding")
        return super().output(x, channels)

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        return (Kernel(y.elements, "input"),)

    def module(self, a: Operands) -> Call:
        counted = {} if self.count_padding is None else {"count_include_pad": (a.count_padding, True)}
        return self._module("nn.AvgPool2d", a, **counted)


@operator
class AdaptiveAvgPool(Operator):
    """The mean of each of `size` × `size` windows, which cover a map of any size and may overlap."""

    aliases = ("AdaptiveAvgPool2d", "AdaptiveAveragePool")
    counted_by = {"fvcore": (1, 0), "thop": (1, 1), "ptflops": (2, 0)}
    size: Whole

    def output(self, x: Shape, channels: int | None) -> Shape:
        need_map(x, "AdaptiveAvgPool")
        return Shape((self.size, self.size, x.channels))

    def module(self, a: Operands) -> Call:
        return call("nn.AdaptiveAvgPool2d", a.size)


@operator
class BlurPool(Operator):
    """A binomial blur of each channel, the border reflected, then every `stride`-th number (Zhang, 2019)."""

    aliases = ("BlurPool2d", "AntiAlias")
    strides = ("stride",)
    kernel: Whole = 3
    stride: Whole = 2

    def output(self, x: Shape, channels: int | None) -> Shape:
        need_map(x, "BlurPool")
        if self.kernel not in (3, 5):
            raise OperatorError(f"the kernel of BlurPool is 3 or 5, not {self.kernel}", "kernel")
        if self.kernel // 2 >= min(x.height, x.width):
            raise OperatorError(f"{x} is too small to reflect {self.kernel // 2} at its border")
        window = (self.kernel, self.stride, 1, "symmetric")
        return Shape((slide(x.height, *window), slide(x.width, *window), x.channels))

    def buffers(self, x: Shape, y: Shape) -> int:
        return self.kernel**2 * x.channels

    def macs(self, x: Shape, y: Shape) -> int:
        """It runs as a depthwise convolution, and counts as one."""
        return self.kernel**2 * y.elements

    def activations(self, x: Shape, y: Shape) -> int:
        return y.elements

    def counted(self, convention: str, x: Shape, y: Shape) -> int:
        """thop and ptflops pass over a class that they do not know."""
        return 0 if convention in ("thop", "ptflops") else super().counted(convention, x, y)

    def window(self) -> tuple[int, int]:
        return self.kernel, self.stride

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        """The padded copy, and a convolution whose weights are a buffer."""
        border = self.kernel - 1
        padded = Kernel((x.height + border) * (x.width + border) * x.channels, "input")
        return padded, Kernel(y.elements, "input", autocast="low", constants=self.buffers(x, y))

    def helper(self, fixed: Mapping[str, Code]) -> str | None:
        return "BlurPool"

    def module(self, a: Operands) -> Call:
        return call("BlurPool", a.c_in, kernel=(a.kernel, 3), stride=(a.stride, 2))


@operator
class SpaceToDepth(Operator):
    """Each `block` × `block` square of pixels as one pixel of block² · C channels, in `nn.PixelUnshuffle`'s order."""

    aliases = ("PixelUnshuffle", "Focus", "S2D")
    traits = KernelTraits(saves="nothing", is_view=True)
    block: Whole

    def output(self, x: Shape, channels: int | None) -> Shape:
        need_map(x, "SpaceToDepth")
        if x.height % self.block or x.width % self.block:
            raise OperatorError(f"squares of {self.block} do not tile {x.height} × {x.width}")
        return Shape((x.height // self.block, x.width // self.block, self.block**2 * x.channels))

    def out_channels(self, channels: Any) -> Any:
        return channels * self.block**2

    def window(self) -> tuple[int, int]:
        return self.block, self.block

    def module(self, a: Operands) -> Call:
        return call("nn.PixelUnshuffle", a.block)
