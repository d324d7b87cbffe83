"""A network that meets its requirements. It can be reported, compared and emitted."""

from scalec.cost.requirements import Requirement
from scalec.diagnostics.diagnostic import Diagnostic
from scalec.network.inference import Deployment
from scalec.network.network import Network
from scalec.record import record


@record
class Compiled:
    """A network that meets its requirements; `emit.emit.emit` writes its file."""

    network: Network
    requirements: tuple[Requirement, ...]
    baseline: Network
    """The network without scaling, of the file's own values."""
    warnings: tuple[Diagnostic, ...] = ()
    deployment: Deployment | None = None
    """For a network for inference: the network that is trained, and where its batch norms went."""
