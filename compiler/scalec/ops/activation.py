"""Activations: functions that are applied to each number separately."""

from dataclasses import replace
from fractions import Fraction
from typing import Annotated, ClassVar

from scalec.ops.base import Flag, Kind, Operands, Operator, OperatorError, Positive, Rewriting, operator
from scalec.ops.code import Call, call
from scalec.ops.kernel import Kernel, KernelTraits
from scalec.ops.shape import Shape


def _any_real(value: object) -> Fraction:
    if isinstance(value, Fraction) and abs(value) < 1 << 32:
        return value
    raise OperatorError("a number")


def _above_zero(value: object) -> Fraction:
    if isinstance(value, Fraction) and 0 < value < 1 << 32:
        return value
    raise OperatorError("a number above 0")


Real = Annotated[Fraction, Kind("a number", _any_real, is_real=True)]
Above = Annotated[Fraction, Kind("a number above 0", _above_zero, is_real=True)]


_NOT_IN_PLACE = Rewriting(per_element=True)


class _Activation(Operator):
    """An activation; `torch` is its class in PyTorch."""

    rewriting = Rewriting(per_element=True, in_place=True)
    torch: ClassVar[str]

    def module(self, a: Operands) -> Call:
        return call(self.torch)


@operator
class ReLU(_Activation):
    """max(0, x)."""

    traits = KernelTraits(saves="output", saves_in_place="output")
    torch = "nn.ReLU"
    counted_by = {"ptflops": (2, 0)}  # as a module, and again as the function that the module calls


@operator
class ReLU6(_Activation):
    """min(6, max(0, x))."""

    torch = "nn.ReLU6"
    counted_by = {"ptflops": (1, 0)}


@operator
class LeakyReLU(_Activation):
    """x if x ≥ 0, else slope · x (Maas et al., 2013)."""

    aliases = ("LReLU",)
    traits = KernelTraits(saves_in_place="output")
    torch = "nn.LeakyReLU"
    counted_by = {"ptflops": (1, 0)}
    slope: Positive = Fraction(1, 100)

    def module(self, a: Operands) -> Call:
        return call(self.torch, negative_slope=(a.slope, Fraction(1, 100)))


@operator
class PReLU(_Activation):
    """LeakyReLU with a trainable slope: one for all channels, or one for each (He et al., 2015)."""

    rewriting = _NOT_IN_PLACE
    torch = "nn.PReLU"
    counted_by = {"ptflops": (2, 0), "thop": (1, 0)}
    traits = KernelTraits(autocast="low")
    channelwise: Flag = False
    initial: Positive = Fraction(1, 4)

    def parameters(self, x: Shape, y: Shape) -> int:
        return x.channels if self.channelwise else 1

    def tensors(self, x: Shape, y: Shape) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.parameters(x, y),)}

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        """Running back writes the slope's gradient for each number, before it is summed."""
        return (replace(super().kernels(x, y, training)[0], backward_copy=True),)

    def module(self, a: Operands) -> Call:
        channels = (a.c_in,) if self.channelwise else ()
        return call(self.torch, *channels, init=(a.initial, Fraction(1, 4)))


@operator
class ELU(_Activation):
    """x, and below zero alpha · (exp(x) - 1) (Clevert et al., 2016)."""

    traits = KernelTraits(saves_in_place="output")
    torch = "nn.ELU"
    counted_by = {"ptflops": (2, 0)}
    alpha: Positive = Fraction(1)

    def module(self, a: Operands) -> Call:
        return call(self.torch, alpha=(a.alpha, 1))


@operator
class CELU(_Activation):
    """x, and below zero alpha · (exp(x/alpha) - 1): an ELU without a kink (Barron, 2017)."""

    traits = KernelTraits(saves_in_place="output")
    torch = "nn.CELU"
    alpha: Above = Fraction(1)

    def module(self, a: Operands) -> Call:
        return call(self.torch, alpha=(a.alpha, 1))


@operator
class SELU(_Activation):
    """An ELU scaled so that numbers keep mean 0 and variance 1 (Klambauer et al., 2017)."""

    traits = KernelTraits(saves_in_place="output")
    torch = "nn.SELU"


@operator
class SiLU(_Activation):
    """x · sigmoid(x), also called swish (Elfwing et al., 2017; Ramachandran et al., 2017)."""

    aliases = ("Swish",)
    torch = "nn.SiLU"
    counted_by = {"ptflops": (1, 0)}


@operator
class HardSwish(_Activation):
    """x · min(6, max(0, x + 3)) / 6 (Howard et al., 2019)."""

    aliases = ("HSwish", "h_swish", "Hardswish")
    torch = "nn.Hardswish"


@operator
class Mish(_Activation):
    """x · tanh(ln(1 + exp(x))) (Misra, 2020)."""

    torch = "nn.Mish"


@operator
class GELU(_Activation):
    """x · Φ(x) (Hendrycks & Gimpel, 2016)."""

    rewriting = _NOT_IN_PLACE
    torch = "nn.GELU"
    counted_by = {"ptflops": (2, 0)}


@operator
class Sigmoid(_Activation):
    """1 / (1 + exp(-x))."""

    aliases = ("Logistic",)
    rewriting = _NOT_IN_PLACE
    traits = KernelTraits(saves="output")
    torch = "nn.Sigmoid"


@operator
class HardSigmoid(_Activation):
    """min(6, max(0, x + 3)) / 6."""

    aliases = ("HSigmoid", "h_sigmoid")
    torch = "nn.Hardsigmoid"


@operator
class Tanh(_Activation):
    """The hyperbolic tangent."""

    rewriting = _NOT_IN_PLACE
    traits = KernelTraits(saves="output")
    torch = "nn.Tanh"


@operator
class HardTanh(_Activation):
    """min(high, max(low, x))."""

    aliases = ("HTanh",)
    torch = "nn.Hardtanh"
    low: Real = Fraction(-1)
    high: Real = Fraction(1)

    def output(self, x: Shape, channels: int | None) -> Shape:
        if self.low >= self.high:
            raise OperatorError(f"`low` is {self.low}, which is not below `high`, {self.high}", "low", "high")
        return x

    def module(self, a: Operands) -> Call:
        return call(self.torch, min_val=(a.low, -1), max_val=(a.high, 1))


@operator
class Softplus(_Activation):
    """ln(1 + exp(beta · x)) / beta (Dugas et al., 2001)."""

    rewriting = _NOT_IN_PLACE
    torch = "nn.Softplus"
    traits = KernelTraits(autocast="full")
    beta: Above = Fraction(1)

    def module(self, a: Operands) -> Call:
        return call(self.torch, beta=(a.beta, 1))


@operator
class Identity(_Activation):
    """x itself; useful for a parameter that is an activation."""

    aliases = ("NoOp", "PassThrough", "Skip")
    rewriting = _NOT_IN_PLACE
    traits = KernelTraits(is_view=True)
    torch = "nn.Identity"

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        return ()
