"""How much memory a network takes, by a definition that is stated (see `footprint`): inference or one training step.

Parameters, buffers, and in training the optimizer's state, are there all the time. On top comes the most that is alive
at one moment: the input and what `forward` makes (`execution`), in training also what autograd keeps, the gradients and
the copies of mixed precision (`tape`), and what the optimizer makes for itself. One step of training is: forward,
backward from a given gradient of the output, the optimizer's step; gradients are freed between steps.

Not in it: the loss, what a kernel allocates inside itself (convolution workspaces), the rounding and fragmentation of
the allocator, other processes' and PyTorch's own memory, and what `torch.compile` changes. Bytes, exactly.
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
