"""Normalisation."""

from collections.abc import Mapping
from fractions import Fraction

from scalec.code import Call, Code, call
from scalec.ops.base import Operands, Operator, OperatorError, Positive, Share, Whole, operator
from scalec.shape import Shape

_EPS = Fraction(1, 100_000)


class _Norm(Operator):
    """A scale and a shift for each channel."""

    def parameters(self, x: Shape, y: Shape) -> int:
        return 2 * x.channels


@operator
class BatchNorm(_Norm):
    """Batch normalisation (Ioffe & Szegedy, 2015). `momentum` is PyTorch's: the share of the new batch."""

    per_element = True
    eps: Positive = _EPS
    momentum: Share = Fraction(1, 10)

    def buffers(self, x: Shape, y: Shape) -> int:
        return 2 * x.channels + 1

    def module(self, a: Operands) -> Call:
        name = "nn.BatchNorm2d" if a.is_map else "nn.BatchNorm1d"
        return call(name, a.c_in, eps=(a.eps, _EPS), momentum=(a.momentum, Fraction(1, 10)))


@operator
class LayerNorm(_Norm):
    """Layer normalisation over the channels of each position (Ba et al., 2016; as ConvNeXt uses it)."""

    eps: Positive = _EPS

    def helper(self, fixed: Mapping[str, Code]) -> str | None:
        return "LayerNorm2d"

    def module(self, a: Operands) -> Call:
        return call("LayerNorm2d" if a.is_map else "nn.LayerNorm", a.c_in, eps=(a.eps, _EPS))


@operator
class GroupNorm(_Norm):
    """Group normalisation (Wu & He, 2018)."""

    groups: Whole
    eps: Positive = _EPS

    def output(self, x: Shape, channels: int | None) -> Shape:
        if x.channels % self.groups:
            raise OperatorError(f"{self.groups} groups do not divide {x.channels} channels")
        return x

    def module(self, a: Operands) -> Call:
        return call("nn.GroupNorm", a.groups, a.c_in, eps=(a.eps, _EPS))
