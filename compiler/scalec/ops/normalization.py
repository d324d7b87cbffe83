"""Normalisation operators."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from scalec.ops.base import Operands, Operator, Positive, Rewriting, Share, Whole, operator, undivided
from scalec.ops.code import Call, Code, call
from scalec.ops.convolution import need_map
from scalec.ops.kernel import Kernel, KernelTraits, T, Tape
from scalec.ops.shape import Shape

_EPS = Fraction(1, 100_000)


class _Norm(Operator):
    """A scale and a shift for each channel."""

    def parameters(self, x: Shape, y: Shape) -> int:
        return 2 * x.channels

    def tensors(self, x: Shape, y: Shape) -> dict[str, tuple[int, ...]]:
        return {"weight": (x.channels,), "bias": (x.channels,)}


@operator
class BatchNorm(_Norm):
    """Batch normalisation (Ioffe & Szegedy, 2015). `momentum` is PyTorch's: the share of the new batch."""

    aliases = ("BN", "BatchNorm2d", "BatchNormalization", "BatchNorm2D", "SyncBatchNorm", "SpatialBatchNorm")
    traits = KernelTraits(gives_own=True, counters=1)
    rewriting = Rewriting(per_element=True, is_affine=True)
    counted_by = {"fvcore": (2, 0), "thop": (4, 0), "ptflops": (2, 0)}
    eps: Positive = _EPS
    momentum: Share = Fraction(1, 10)

    def buffers(self, x: Shape, y: Shape) -> int:
        return 2 * x.channels + 1

    def tensors(self, x: Shape, y: Shape) -> dict[str, tuple[int, ...]]:
        statistics = {"running_mean": (x.channels,), "running_var": (x.channels,), "num_batches_tracked": ()}
        return {**super().tensors(x, y), **statistics}

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        """Mean and deviation of each channel are kept, in float32."""
        return (Kernel(y.elements, "input", 2 * x.channels, statistics=8 * x.channels),)

    def module(self, a: Operands) -> Call:
        name = "nn.BatchNorm2d" if a.is_map else "nn.BatchNorm1d"
        return call(name, a.c_in, eps=(a.eps, _EPS), momentum=(a.momentum, Fraction(1, 10)))


@operator
class LayerNorm(_Norm):
    """Layer normalisation over the channels of each position (Ba et al., 2016; as ConvNeXt uses it)."""

    aliases = ("LN", "LayerNorm2d", "LayerNormalization")
    counted_by = {"fvcore": (5, 0)}
    traits = KernelTraits(autocast="full")
    eps: Positive = _EPS

    def counted(self, convention: str, x: Shape, y: Shape) -> int:
        """thop and ptflops know `nn.LayerNorm` on vectors, and pass over the class that maps need."""
        on_vector = {"thop": 4, "ptflops": 1}.get(convention, 0)
        return super().counted(convention, x, y) + (0 if x.is_map else on_vector * x.elements)

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        """Mean and deviation of each position are kept, in float32."""
        return (replace(super().kernels(x, y, training)[0], kept=8 * x.height * x.width),)

    def helper(self, fixed: Mapping[str, Code]) -> str | None:
        return "LayerNorm2d"

    def module(self, a: Operands) -> Call:
        return call("LayerNorm2d" if a.is_map else "nn.LayerNorm", a.c_in, eps=(a.eps, _EPS))


@operator
class GroupNorm(_Norm):
    """Group normalisation (Wu & He, 2018)."""

    aliases = ("GN", "GroupNormalization")
    counted_by = {"fvcore": (5, 0), "ptflops": (2, 0)}
    traits = KernelTraits(autocast="full", gives_own=True)
    groups: Whole
    eps: Positive = _EPS

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        """Mean and deviation of each group are kept, in float32."""
        return (replace(super().kernels(x, y, training)[0], kept=8 * self.groups, contiguous=True),)

    def output(self, x: Shape, channels: int | None) -> Shape:
        if x.channels % self.groups:
            raise undivided(self.groups, x.channels)
        return x

    def module(self, a: Operands) -> Call:
        return call("nn.GroupNorm", a.groups, a.c_in, eps=(a.eps, _EPS))


@operator
class GRN(_Norm):
    """x + weight · share · x + bias, where share is a channel's norm over the mean one (Woo et al., 2023)."""

    aliases = ("GlobalResponseNorm", "GlobalResponseNormalization")
    eps: Positive = _EPS / 10

    def output(self, x: Shape, channels: int | None) -> Shape:
        need_map(x, "GRN")
        return x

    def tensors(self, x: Shape, y: Shape) -> dict[str, tuple[int, ...]]:
        return {"weight": (x.channels, 1, 1), "bias": (x.channels, 1, 1)}

    def run(self, tape: Tape[T], given: T, x: Shape, y: Shape) -> T:
        """Three paths from x to the output: as it is, through the product, and through the norms."""
        size = tape.kernel(Kernel(x.channels, "input", autocast="promote", scratch=x.elements), given)
        mean = tape.kernel(Kernel(1, "nothing"), size)
        share = tape.multiply(size, tape.kernel(Kernel(1, "nothing"), mean))
        weighed = Kernel(x.elements, "input", 2 * x.channels, backward_copy=True, autocast="promote")
        made = tape.add(given, tape.kernel(weighed, tape.multiply(given, share)))
        tape.time.hold(given.storage, size.storage, share.storage)
        return made

    def helper(self, fixed: Mapping[str, Code]) -> str | None:
        return "GlobalResponseNorm"

    def module(self, a: Operands) -> Call:
        return call("GlobalResponseNorm", a.c_in, eps=(a.eps, _EPS / 10))
