"""Operators that act only in training, and the trainable scale of each channel."""

from collections.abc import Mapping
from fractions import Fraction

from scalec.ops.base import Operands, Operator, Positive, Rewriting, Share, operator
from scalec.ops.code import Call, Code, call
from scalec.ops.convolution import need_map
from scalec.ops.kernel import Kernel
from scalec.ops.shape import Shape


@operator
class Dropout(Operator):
    """Zero each number with probability `rate` in training (Srivastava et al., 2014)."""

    aliases = ("Dropout2d", "SpatialDropout", "SpatialDropout2D")
    rewriting = Rewriting(per_element=True, only_in_training=True)
    rate: Share

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        """The mask is kept, a byte for each number."""
        return (Kernel(y.elements, "nothing", kept=y.elements),) if training and self.rate else ()

    def module(self, a: Operands) -> Call:
        return call("nn.Dropout", a.rate)


@operator
class DropPath(Operator):
    """Stochastic depth: zero a whole sample with probability `rate` in training (Huang et al., 2016)."""

    aliases = ("StochasticDepth", "DropConnect")
    rewriting = Rewriting(per_element=True, only_in_training=True)
    rate: Share

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        """`x * mask / keep`: a number for each sample is kept."""
        product, quotient = Kernel(y.elements, "nothing", kept=4), Kernel(y.elements, "nothing")
        return (product, quotient) if training and self.rate else ()

    def output(self, x: Shape, channels: int | None) -> Shape:
        need_map(x, "DropPath")
        return x

    def helper(self, fixed: Mapping[str, Code]) -> str | None:
        return "DropPath"

    def module(self, a: Operands) -> Call:
        return call("DropPath", a.rate)


@operator
class LayerScale(Operator):
    """A trainable factor for each channel, which starts at `initial` (Touvron et al., 2021)."""

    initial: Positive = Fraction(1, 1_000_000)

    def parameters(self, x: Shape, y: Shape) -> int:
        return x.channels

    def tensors(self, x: Shape, y: Shape) -> dict[str, tuple[int, ...]]:
        return {"factor": (x.channels, 1, 1)}

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        """`x * factor`, with a 32-bit factor under mixed precision."""
        return (Kernel(y.elements, "input", x.channels, backward_copy=True, autocast="promote"),)

    def helper(self, fixed: Mapping[str, Code]) -> str | None:
        return "LayerScale"

    def module(self, a: Operands) -> Call:
        return call("LayerScale", a.c_in, a.initial)
