"""The expected properties of a network, from its spec. (`emit.head.from_head` reads them from the header.)"""

from dataclasses import replace

from scalec.cost.compiled import Compiled
from scalec.cost.count import cost
from scalec.emit.emit import emit
from scalec.emit.flat import flat_source
from scalec.emit.head import Expected, channels_first


def from_spec(compiled: Compiled) -> Expected:
    """Return what the compiler predicts."""
    deployment = compiled.deployment
    training = None
    if deployment is not None:
        training = from_spec(replace(compiled, network=deployment.training, deployment=None))
    counted = cost(compiled.network)
    outputs = {stage.name: channels_first(stage.y.dims) for stage in compiled.network.stages}
    return Expected(
        counted.params, counted.macs, outputs, counted.activations, emit(compiled),
        None if training else flat_source(compiled.network), training is not None, training,
    )  # fmt: skip
