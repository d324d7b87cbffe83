"""Convolutions, and the arithmetic of sliding windows."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from scalec.ops.base import Flag, Operands, Operator, OperatorError, Padding, Rewriting, Whole, operator, undivided
from scalec.ops.code import Call, Code, call, code
from scalec.ops.kernel import Kernel, KernelTraits
from scalec.ops.shape import Shape
from scalec.record import record

ONE = code(1)


def pads(size: int, kernel: int, stride: int, dilation: int, padding: str | int) -> tuple[int, int]:
    """Return the zeros before and after `size` numbers.

    `same` is TensorFlow's: just enough for ⌈size / stride⌉ windows, the odd one behind. `symmetric` is PyTorch's
    usual dilation · (kernel - 1) / 2 on both sides, whatever the size.
    """
    reach = dilation * (kernel - 1)
    if padding == "same":
        total = max((-(-size // stride) - 1) * stride + reach + 1 - size, 0)
        return total // 2, total - total // 2
    side = reach // 2 if padding == "symmetric" else int(padding)
    return side, side


def slide(size: int, kernel: int, stride: int, dilation: int, padding: str | int, ceil: bool = False) -> int:
    """Return the number of windows; less than one is an `OperatorError`."""
    room = size + sum(pads(size, kernel, stride, dilation, padding)) - dilation * (kernel - 1) - 1
    if room < 0:
        raise OperatorError(f"a window of {dilation * (kernel - 1) + 1} does not fit into {size}")
    windows = (-(-room // stride) if ceil else room // stride) + 1
    before = pads(size, kernel, stride, dilation, padding)[0]
    # PyTorch's rule: with ceil mode, no window may start in the padding behind.
    return windows - 1 if ceil and (windows - 1) * stride >= size + before else windows


def half(kernel: Code, dilation: Code = ONE) -> Code:
    """Return the zeros on each side that `symmetric` stands for."""
    reach = kernel - 1
    is_even = isinstance(reach.value, Fraction) and reach.value % 2 == 0
    return dilation * (reach // 2) if is_even else dilation * reach // 2


def need_map(x: Shape, what: str) -> None:
    """Refuse a vector."""
    if not x.is_map:
        raise OperatorError(f"{what} needs a map <H, W, C>, not {x}")


@record
class _Convolution(Operator):
    """What Conv and Depthwise share."""

    strides = ("stride",)
    traits = KernelTraits(autocast="low", gives_own=True)
    rewriting = Rewriting(is_linear=True)
    kernel: Whole
    stride: Whole = 1
    dilation: Whole = 1
    bias: Flag = False
    padding: Padding = "symmetric"

    def split(self, channels: int) -> int:
        """Return the number of groups over so many input channels."""
        raise NotImplementedError

    def output(self, x: Shape, channels: int | None) -> Shape:
        need_map(x, "a convolution")
        c_out = x.channels if channels is None else channels
        groups = self.split(x.channels)
        if x.channels % groups or c_out % groups:
            raise undivided(groups, x.channels, c_out)
        window = (self.kernel, self.stride, self.dilation, self.padding)
        return Shape((slide(x.height, *window), slide(x.width, *window), c_out))

    def parameters(self, x: Shape, y: Shape) -> int:
        return self.kernel**2 * x.channels // self.split(x.channels) * y.channels + self.bias * y.channels

    def tensors(self, x: Shape, y: Shape) -> dict[str, tuple[int, ...]]:
        weight = (y.channels, x.channels // self.split(x.channels), self.kernel, self.kernel)
        return {"weight": weight, **({"bias": (y.channels,)} if self.bias else {})}

    def macs(self, x: Shape, y: Shape) -> int:
        return self.kernel**2 * x.channels // self.split(x.channels) * y.elements

    def activations(self, x: Shape, y: Shape) -> int:
        return y.elements

    def window(self) -> tuple[int, int]:
        return self.dilation * (self.kernel - 1) + 1, self.stride

    def fixed(self, x: Shape) -> dict[str, Code]:
        """TensorFlow's padding depends on the size where the stride is not 1, or the kernel is even."""
        if self.padding != "same" or (self.stride == 1 and self.dilation * (self.kernel - 1) % 2 == 0):
            return {}
        (top, bottom), (left, right) = (
            pads(size, self.kernel, self.stride, self.dilation, "same") for size in (x.height, x.width)
        )
        return {"padding": Code(f"({left}, {right}, {top}, {bottom})")}

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        convolution = replace(super().kernels(x, y, training)[0], bias=self.bias * y.channels)
        if not self.fixed(x):
            return (convolution,)
        height, width = (n + sum(pads(n, self.kernel, self.stride, self.dilation, "same")) for n in (x.height, x.width))
        return (Kernel(height * width * x.channels, "nothing"), convolution)  # F.pad copies

    def helper(self, fixed: Mapping[str, Code]) -> str | None:
        return "PaddedConv2d" if fixed else None

    def module(self, a: Operands) -> Call:
        explicit = isinstance(self.padding, int)
        padding = a.padding if explicit else a.fixed.get("padding") or half(a.kernel, a.dilation)
        return call(
            self.helper(a.fixed) or "nn.Conv2d", a.c_in, a.c_out, a.kernel, stride=(a.stride, 1), padding=(padding, 0),
            dilation=(a.dilation, 1), groups=(self.groups_code(a), 1), bias=(a.bias, True),
        )  # fmt: skip

    def groups_code(self, a: Operands) -> Code:
        """Return the number of groups as it stands in the emitted file."""
        raise NotImplementedError


@operator
class Conv(_Convolution):
    """A kernel × kernel convolution; `→` gives its channels.

    Padding is `symmetric`, TensorFlow's `same`, or a number of zeros on each side.
    """

    aliases = ("Conv2d", "Convolution", "Convolution2D")
    given = True
    groups: Whole = 1

    def split(self, channels: int) -> int:
        return self.groups

    def groups_code(self, a: Operands) -> Code:
        return a.groups


@operator
class Depthwise(_Convolution):
    """A kernel × kernel convolution of each channel separately."""

    aliases = ("DepthwiseConv", "DepthwiseConv2D", "DepthwiseConv2d", "DWConv", "DWConv2d", "DepthConv")

    def split(self, channels: int) -> int:
        return channels

    def groups_code(self, a: Operands) -> Code:
        return a.c_in
