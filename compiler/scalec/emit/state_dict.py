"""The `state_dict` of an emitted file, known without PyTorch: the keys and shapes of parameters and buffers.

Operators say what their modules hold; what modules are called is noted while the classes are written, so the keys are
those of the very lines that are emitted.
"""

from scalec.emit.emit import class_views
from scalec.emit.paths import places
from scalec.network.network import Network

Tensors = dict[str, tuple[int, ...]]


def state_dict(network: Network) -> Tensors:
    """Give keys and shapes in their order, which is that of the data. Raises `CompileError` if it is too large."""
    return {
        f"{place.path}.{name}": shape
        for place in places(network, class_views(network)[2].attributes)
        for name, shape in place.leaf.operator.tensors(place.leaf.x, place.leaf.y).items()
    }
