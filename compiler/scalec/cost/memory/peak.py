"""The peak memory of a network, for inference or for one training step. This docstring is the definition.

Parameters, buffers and, in training, the optimizer's state are always in memory. The largest set of temporary tensors
that are alive at the same moment is added. These are: the input and the results in `forward` (`execution`); in
training, the tensors that autograd saves, the gradients, and the copies of mixed precision (`tape`); and the
optimizer's temporary tensors. One training step is: forward, backward from an existing gradient of the output, the
optimizer's step. Gradients are freed between steps.

Not included: the loss, workspaces inside kernels (as for convolutions), rounding and fragmentation by the allocator,
the memory of PyTorch itself and of other processes, and the effects of `torch.compile`. The result is exact, in
bytes.
"""

from scalec.cost.count import Cost, cost
from scalec.cost.memory.execution import run
from scalec.cost.memory.tape import Tape
from scalec.network.network import Network, leaves
from scalec.program.dependence import scale_dependence
from scalec.program.memory_call import INFERENCE, STATES, Footprint

COUNTER = 8  # bytes of a 64-bit integer


def memory(network: Network, footprint: Footprint = INFERENCE) -> int:
    """Return the peak in bytes."""
    counted, counters = cost(network), sum(leaf.operator.traits.counters for leaf in leaves(network))
    tape = Tape(footprint)
    outputs = run(tape, scale_dependence(network.program), network)
    if footprint.training:
        tape.backward(outputs)
        _step(tape, counted.params, footprint)
    return resident_of(counted, counters, footprint) + tape.time.peak()


def resident_of(counted: Cost, counters: int, footprint: Footprint = INFERENCE) -> int:
    """Return the bytes that are there all the time: parameters, buffers, the optimizer's state.

    `counters` is how many elements of the buffers are 64-bit integers.
    """
    states = STATES[footprint.optimizer] if footprint.training else 0
    return footprint.width * ((1 + states) * counted.params + counted.buffers - counters) + COUNTER * counters


def _step(tape: Tape, params: int, footprint: Footprint) -> None:
    """Let the optimizer step on all parameters at once, as on a GPU: AdamW then makes a tensor for each of them."""
    tape.time.tick()
    if footprint.optimizer == "adamw":
        tape.time.allocate(tape.width * params)
    tape.time.hold(*tape.gradients, *(tensor.storage for tensor in tape.ends))
