"""Operators that change the order of channels."""

from scalec.ops.base import Operands, Operator, Whole, operator, undivided
from scalec.ops.code import Call, call
from scalec.ops.convolution import need_map
from scalec.ops.kernel import KernelTraits
from scalec.ops.shape import Shape


@operator
class ChannelShuffle(Operator):
    """The first channel of each of `groups`, then the second of each, and so on (Zhang et al., 2018)."""

    aliases = ("Shuffle", "ShuffleChannels")
    traits = KernelTraits(saves="nothing", is_view=True)
    groups: Whole

    def output(self, x: Shape, channels: int | None) -> Shape:
        need_map(x, "ChannelShuffle")
        if x.channels % self.groups:
            raise undivided(self.groups, x.channels)
        return x

    def module(self, a: Operands) -> Call:
        return call("nn.ChannelShuffle", a.groups)
