"""Receptive fields against what really reaches an output: the gradient of one output on the input."""

import pytest
import torch

from nets import compiled
from peers import load_module
from scalec.compiler import load_text
from scalec.cost.receptive_field import bytes_moved, receptive_fields
from scalec.emit.emit import emit

# The gradient of a maximum takes one row of its window, so the check puts an average in its place.
PLAIN = """
block Two(stride = 1) <H, W, C> → <H/stride, W/stride, K>
  = sum { Conv(3, stride) → K ⊙ Conv(3) → K } { Conv(1, stride) → K }
network N <128, 128, 1> → <32, 32, 4>
  = Conv(5, stride = 2) → <64, 64, 4> ⊙ Two^3 → <64, 64, 4> ⊙ MaxPool(3, stride = 2)
  ⊙ residual { Depthwise(3, dilation = 2) }
"""


def test_gradient_reaches_just_as_far() -> None:
    net = load_text("reach.scl", PLAIN.encode()).compile()
    module = load_module(emit(net), "reach").N().double()
    for parameter in module.parameters():
        torch.nn.init.uniform_(parameter, 0.1, 1.0)  # positive: nothing cancels
    x = torch.rand(1, 1, 128, 128, dtype=torch.float64, requires_grad=True)
    smooth = torch.nn.AvgPool2d(3, 2, 1)
    for name, child in module.named_children():
        if isinstance(child, torch.nn.MaxPool2d):
            setattr(module, name, smooth)
    module(x)[0, 0, 16, 16].backward()
    assert x.grad is not None
    rows = x.grad[0, 0].abs().sum(1).nonzero().flatten()
    assert receptive_fields(net.network)[-1] == int(rows[-1] - rows[0]) + 1


@pytest.mark.parametrize("variant", ["B0", "B7"])
def test_deeper_sees_more(variant: str) -> None:
    network = compiled("efficientnet", variant).network
    fields = receptive_fields(network)
    assert fields == sorted(fields) and fields[-1] > network.x.height


def test_bytes_of_a_convolution() -> None:
    net = load_text("b.scl", b"network N <8, 8, 3> -> <8, 8, 4> = Conv(3) -> <8, 8, 4>").compile().network
    assert bytes_moved(net) == 4 * (8 * 8 * 3 + 8 * 8 * 4 + 3 * 4 * 9)
