"""How much memory a network takes: inference, batch 1, float32.

Parameters and buffers, and on top of them the most that is live at one moment while the emitted `forward` runs:
a tensor lives until the name that holds it is bound anew or the function returns, so a block's input lives as long as
the block runs. Allocator rounding and convolution workspace are not in it.
"""

from scalec.cost import cost
from scalec.ir import Block, Chain, Group, Leaf, Network, Node, Wrap
from scalec.shape import Shape

FLOAT = 4
COUNTER_EXTRA = 4  # num_batches_tracked is one int64 a batch norm; the buffers of a cost count it as one element


def memory(network: Network) -> int:
    """Give the peak in bytes."""
    counted = cost(network)
    return FLOAT * (counted.params + counted.buffers) + _activations(network)


def _activations(network: Network) -> int:
    live = peak = _bytes(network.x)
    for stage in network.stages:
        inside = 0  # a Sequential holds what one layer hands to the next; the input is held by `forward`
        for layer in stage.layers:
            peak = max(peak, live + inside + _peak(layer))
            inside = _held(layer)
        live = max(_bytes(network.x), 0) + _bytes(stage.y)
    return peak


def _bytes(shape: Shape) -> int:
    return FLOAT * shape.elements


def _held(node: Node) -> int:
    """Give the bytes of a node's output, apart from its input."""
    if isinstance(node, Leaf) and not node.operator.writes:
        return 0
    return _bytes(node.y)


def _peak(node: Node) -> int:
    """Give the most that lives while a node runs, besides its input."""
    match node:
        case Leaf():
            return _held(node) + FLOAT * node.operator.scratch(node.x)
        case Block() | Group():
            return _chain_peak(node.chain)
        case Wrap():
            return _wrap_peak(node)


def _chain_peak(chain: Chain) -> int:
    live = peak = 0
    for placed in chain.units:
        for node in placed.nodes:
            peak = max(peak, live + _peak(node))
            live = _held(node) or live
    return peak


def _wrap_peak(wrap: Wrap) -> int:
    """Bodies run one after the other, their outputs held until they are joined into a new tensor."""
    live = peak = 0
    for body in wrap.bodies:
        if body.chain is None or not (body.holds or len(wrap.bodies) == 1):
            continue
        peak = max(peak, live + _chain_peak(body.chain))
        live += _bytes(body.chain.y) if body.chain.units else 0
    joins = len(wrap.bodies) > 1 or wrap.bodies[0].holds
    return max(peak, live + _bytes(wrap.y)) if joins else peak
