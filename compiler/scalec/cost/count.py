"""Exact costs of a network, for a batch of one.

FLOPS are counted as in the paper: multiply-adds of convolutions and linear layers. Activations are counted as in
pycls: the output elements of convolutions, linear layers and windowed pools.
"""

from collections.abc import Iterable
from functools import lru_cache

from scalec.network.network import Leaf, Network, Stage, leaves
from scalec.record import record


@record
class Cost:
    """Whole numbers: trainable parameters, elements of buffers, multiply-adds, activations."""

    params: int = 0
    buffers: int = 0
    macs: int = 0
    activations: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """Add part by part."""
        return Cost(
            self.params + other.params,
            self.buffers + other.buffers,
            self.macs + other.macs,
            self.activations + other.activations,
        )


@lru_cache(maxsize=256)  # a report, a header and requirements ask for the same few stages
def cost(part: Network | Stage) -> Cost:
    """Count a network or one of its stages."""
    return sum(map(cost, part.stages), Cost()) if isinstance(part, Network) else total(leaves(part))


def total(parts: Iterable[Leaf]) -> Cost:
    """Count some operators."""
    params = buffers = macs = activations = 0
    for leaf in parts:
        operator, x, y = leaf.operator, leaf.x, leaf.y
        params += operator.parameters(x, y)
        buffers += operator.buffers(x, y)
        macs += operator.macs(x, y)
        activations += operator.activations(x, y)
    return Cost(params, buffers, macs, activations)
