"""The receptive field of an output, and the number of bytes that go through memory.

The receptive field is the paper's argument for scaling depth with resolution: "for higher resolution images, we
should increase network depth, so the larger receptive fields can help capture similar features that include more
pixels in bigger images" (Section 3.3). Only windows count: r' = r + (k - 1) · j and j' = j · s for a window of size k
with stride s. Of parallel branches, the larger value counts. The information that a gate takes from the whole map
does not count.
"""

from scalec.network.network import Chain, Leaf, Network, Node, Stage, Wrap, children, leaves

FLOAT = 4  # bytes

Field = tuple[int, int]  # rows seen, rows between neighbours


def receptive_fields(network: Network) -> list[int]:
    """Return the rows of the input that one output of each stage sees, stage by stage, padding included."""
    field, fields = (1, 1), []
    for stage in network.stages:
        for layer in stage.layers:
            field = _through(layer, field)
        fields.append(field[0])
    return fields


def _through(part: Node | Chain, field: Field) -> Field:
    match part:
        case Leaf():
            window, stride = part.operator.window()
            return field[0] + (window - 1) * field[1], field[1] * stride
        case Wrap():
            return _around(part, field)
    for node in children(part):
        field = _through(node, field)
    return field


def _around(wrap: Wrap, field: Field) -> Field:
    if wrap.kind == "gate" and wrap.bodies[0].holds:
        return field
    return max(_through(chain, field) for chain in wrap.present)


def bytes_moved(part: Network | Stage | Leaf) -> int:
    """Count the bytes that operators read and write in float32, batch 1: inputs, outputs and parameters, each once."""
    parts = [part] if isinstance(part, Leaf) else leaves(part)
    return sum(FLOAT * _elements(leaf) for leaf in parts)


def _elements(leaf: Leaf) -> int:
    return leaf.x.elements + leaf.y.elements + leaf.operator.parameters(leaf.x, leaf.y)
