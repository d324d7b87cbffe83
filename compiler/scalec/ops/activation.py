"""Activations: functions of each number by itself."""

from typing import ClassVar

from scalec.code import Call, call
from scalec.ops.base import Kernel, Operands, Operator, operator
from scalec.shape import Shape


class _Activation(Operator):
    """An activation; `torch` is its class in PyTorch."""

    per_element = True
    torch: ClassVar[str]

    def module(self, a: Operands) -> Call:
        return call(self.torch)


@operator
class ReLU(_Activation):
    """max(0, x)."""

    saves = "output"
    torch = "nn.ReLU"
    counted_by = {"ptflops": (2, 0)}  # as a module, and again as the function that the module calls


@operator
class ReLU6(_Activation):
    """min(6, max(0, x))."""

    torch = "nn.ReLU6"
    counted_by = {"ptflops": (1, 0)}


@operator
class SiLU(_Activation):
    """x · sigmoid(x), also called swish (Elfwing et al., 2017; Ramachandran et al., 2017)."""

    torch = "nn.SiLU"
    counted_by = {"ptflops": (1, 0)}


@operator
class HardSwish(_Activation):
    """x · min(6, max(0, x + 3)) / 6 (Howard et al., 2019)."""

    torch = "nn.Hardswish"


@operator
class GELU(_Activation):
    """x · Φ(x) (Hendrycks & Gimpel, 2016)."""

    torch = "nn.GELU"
    counted_by = {"ptflops": (2, 0)}


@operator
class Sigmoid(_Activation):
    """1 / (1 + exp(-x))."""

    saves = "output"
    torch = "nn.Sigmoid"


@operator
class HardSigmoid(_Activation):
    """min(6, max(0, x + 3)) / 6."""

    torch = "nn.Hardsigmoid"


@operator
class Tanh(_Activation):
    """The hyperbolic tangent."""

    saves = "output"
    torch = "nn.Tanh"


@operator
class Identity(_Activation):
    """x itself: for a parameter that names an activation."""

    torch = "nn.Identity"

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        return ()
