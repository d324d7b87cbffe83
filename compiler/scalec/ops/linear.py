"""Linear layers, and the operators that turn maps into vectors."""

from dataclasses import replace
from typing import Any

from scalec.ops.base import Flag, Operands, Operator, OperatorError, Rewriting, operator
from scalec.ops.code import Call, call
from scalec.ops.kernel import Kernel, KernelTraits
from scalec.ops.shape import Shape


@operator
class Linear(Operator):
    """A fully connected layer on <C> or <1, 1, C>; `→` gives its channels."""

    aliases = ("Dense", "FC", "FullyConnected", "InnerProduct", "Affine")
    given = True
    traits = KernelTraits(autocast="low", gives_own=True)
    rewriting = Rewriting(is_linear=True, takes_vector=True)
    bias: Flag = True

    def output(self, x: Shape, channels: int | None) -> Shape:
        if x.height * x.width != 1:
            raise OperatorError(f"Linear takes <C> or <1, 1, C>, not {x}: write GlobalAvgPool or Flatten before it")
        return Shape((x.channels if channels is None else channels,))

    def parameters(self, x: Shape, y: Shape) -> int:
        return (x.channels + self.bias) * y.channels

    def tensors(self, x: Shape, y: Shape) -> dict[str, tuple[int, ...]]:
        return {"weight": (y.channels, x.channels), **({"bias": (y.channels,)} if self.bias else {})}

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        return (replace(super().kernels(x, y, training)[0], bias=self.bias * y.channels),)

    def macs(self, x: Shape, y: Shape) -> int:
        return x.channels * y.channels

    def activations(self, x: Shape, y: Shape) -> int:
        return y.elements

    def module(self, a: Operands) -> Call:
        return call("nn.Linear", a.c_in, a.c_out, bias=(a.bias, True))


@operator
class Flatten(Operator):
    """Turns a map into a vector, channels first (NCHW order)."""

    functional = True
    traits = KernelTraits(is_view=True)
    rewriting = Rewriting(to_vector=True)

    def output(self, x: Shape, channels: int | None) -> Shape:
        return Shape((x.elements,))

    def out_channels(self, channels: Any) -> Any:
        raise OperatorError("how many channels Flatten gives depends on the resolution")

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        return ()  # a view

    def forward(self, x: str) -> str:
        return f"{x}.flatten(1)"
