"""The purpose of a network: training, a backbone with feature maps, or inference only."""

from collections.abc import Callable
from dataclasses import replace

from scalec.network.features import body
from scalec.network.inference import Deployment, deploy
from scalec.network.network import Network
from scalec.program.request import Request
from scalec.program.setting import Setting


def for_purpose(
    whole: Network, setting: Setting, request: Request, build: Callable[[Setting], Network]
) -> tuple[Network, Deployment | None]:
    """Return the network that is wanted of a whole one, and where its batch norms went; raise `CompileError`.

    Strides beyond the output stride become dilation, so that the network is built again.
    """
    network, deployment = whole, None
    if request.taps is not None or request.output_stride is not None:
        network = build(replace(setting, taps=request.taps, output_stride=request.output_stride))
        network = network if request.taps is None else body(network, whole, request.taps)
    if request.inference:
        deployment = deploy(network)
        network = deployment.network
    return network, deployment
