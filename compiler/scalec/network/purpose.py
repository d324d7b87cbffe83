"""What a network is for: as it is trained, as a backbone that gives feature maps, or for inference alone."""

from collections.abc import Callable
from dataclasses import replace

from scalec.network.features import body
from scalec.network.inference import Deployment, deploy
from scalec.network.network import Network, Setting


def for_purpose(
    whole: Network, setting: Setting, build: Callable[[Setting], Network], taps: tuple[str, ...] | None,
    output_stride: int | None, inference: bool,
) -> tuple[Network, Deployment | None]:  # fmt: skip
    """Return the network that is wanted of a whole one, and where its batch norms went; raise `CompileError`.

    `taps` are the stages whose maps are the outputs (none named: the usual ones). Strides beyond `output_stride` become
    dilation, so that the network is built again. `inference` leaves out what only training needs.
    """
    network, deployment = whole, None
    if taps is not None or output_stride is not None:
        network = build(replace(setting, taps=taps, output_stride=output_stride))
        network = network if taps is None else body(network, whole, taps)
    if inference:
        deployment = deploy(network)
        network = deployment.network
    return network, deployment
