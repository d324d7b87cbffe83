"""Computes the `state_dict` of an emitted file without PyTorch: the keys and shapes of parameters and buffers.

Operators define the tensors of their modules. The names of modules come from the calls in each class's `forward`, so
the keys always agree with the emitted lines.
"""

from scalec.emit.emit import class_views, module_names
from scalec.emit.paths import places
from scalec.network.network import Network

Tensors = dict[str, tuple[int, ...]]


def state_dict(network: Network) -> Tensors:
    """Return keys and shapes in their order, which is that of the data; raise `CompileError` if it is too large."""
    return {
        f"{place.path}.{name}": shape
        for place in places(network, module_names(class_views(network)[0]))
        for name, shape in place.leaf.operator.tensors(place.leaf.x, place.leaf.y).items()
    }
