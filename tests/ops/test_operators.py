"""Every operator of the registry: built, run, and what it says of itself compared with what PyTorch does."""

import itertools
import math

import pytest
import torch
from torch import nn

from peers import load_module
from scalec.compiler import load_text
from scalec.cost.compiled import Compiled
from scalec.cost.count import cost
from scalec.diagnostics.diagnostic import Report
from scalec.emit.emit import emit
from scalec.network.scale import scale
from scalec.ops import OPERATORS
from scalec.ops.code import Code
from scalec.ops.convolution import pads, slide
from scalec.program.setting import Setting
from scalec.verify.count import count_macs

# One or more uses of each operator; a name alone stands for itself.
EXAMPLES = {
    "Conv": [
        "Conv(3) → 12", "Conv(5, stride = 2, bias = true) → 16", "Conv(3, stride = 2, padding = same) → 8",
        "Conv(2, stride = 2, padding = 0) → 8", "Conv(3, groups = 4) → 8", "Conv(3, dilation = 2) → 8",
        "Conv(4, padding = same) → 8", "Conv(3, stride = 3, padding = 2) → 8",
    ],
    "Depthwise": ["Depthwise(3)", "Depthwise(5, 2, padding = same)", "Depthwise(3, dilation = 2, bias = true)"],
    "Linear": ["(GlobalAvgPool ⊙ Linear → 5)", "(Flatten ⊙ Linear(bias = false) → 5)"],
    "Flatten": ["Flatten"],
    "BatchNorm": ["BatchNorm", "BatchNorm(eps = 0.001, momentum = 0.01)", "(Flatten ⊙ BatchNorm)"],
    "LayerNorm": ["LayerNorm", "LayerNorm(eps = 0.001)", "(GlobalAvgPool ⊙ Flatten ⊙ LayerNorm)"],
    "GroupNorm": ["GroupNorm(4)"],
    "GlobalAvgPool": ["GlobalAvgPool"],
    "MaxPool": ["MaxPool(2)", "MaxPool(3, stride = 2)", "MaxPool(3, stride = 2, padding = 0, ceil = true)"],
    "AdaptiveAvgPool": ["AdaptiveAvgPool(7)", "AdaptiveAvgPool(20)"], "ChannelShuffle": ["ChannelShuffle(2)"],
    "GRN": ["GRN", "GRN(eps = 0.001)"],
    "AvgPool": ["AvgPool(2)", "AvgPool(3, stride = 2, count_padding = false)", "AvgPool(2, ceil = true)"],
    "BlurPool": ["BlurPool", "BlurPool(5, stride = 1)", "BlurPool(stride = 3)"],
    "SpaceToDepth": ["SpaceToDepth(3)"],
    "Dropout": ["Dropout(0.5)"],
    "DropPath": ["DropPath(0.25)"],
    "LayerScale": ["LayerScale", "LayerScale(0.1)"],
    "LeakyReLU": ["LeakyReLU", "LeakyReLU(0.1)"],
    "PReLU": ["PReLU", "PReLU(channelwise = true, initial = 0.1)", "(Flatten ⊙ PReLU(true))"],
    "ELU": ["ELU", "ELU(0.5)"],
    "CELU": ["CELU", "CELU(0.5)"],
    "HardTanh": ["HardTanh", "HardTanh(-2, 2.5)"],
    "Softplus": ["Softplus", "Softplus(2)"],
}  # fmt: skip
USES = [(name, use) for name in sorted(OPERATORS) for use in EXAMPLES.get(name, [name])]


def compiled(use: str, size: str = "15, 18, 8") -> Compiled:
    """Compile one operator, with the shape that it gives as the network's signature."""
    head = f"network N <{size}> → "
    asked = scale(load_text("operator.scl", f"{head}<1> = {use}".encode()).program, Setting(scaled=False), Report())
    return load_text("operator.scl", f"{head}{asked.y} = {use}".encode()).compile()


@pytest.mark.parametrize(("name", "use"), USES)
def test_operator_does_what_it_says(name: str, use: str) -> None:
    net = compiled(use)
    assert OPERATORS[name].__doc__ and name in use
    built: nn.Module = load_module(emit(net), "operator").N()
    counted, network = cost(net.network), net.network
    assert sum(p.numel() for p in built.parameters()) == counted.params
    assert sum(b.numel() for b in built.buffers()) == counted.buffers
    really = count_macs(built.to("meta"), (8, 15, 18))
    assert (really.macs, really.activations) == (counted.macs, counted.activations)
    built = load_module(emit(net), "operator").N().train()
    y = built(torch.randn(3, 8, 15, 18))
    dims = network.y.dims
    assert tuple(y.shape[1:]) in {(dims[-1], *dims[:-1]), dims, (dims[-1],)}
    assert y.shape[1:].numel() == network.y.elements


def test_every_operator_has_a_line_of_its_own() -> None:
    assert set(EXAMPLES) <= set(OPERATORS)
    assert all((cls.__doc__ or "").strip().endswith(".") for cls in OPERATORS.values())


def test_same_padding_is_tensorflows() -> None:
    """Against the definition: just enough zeros for ⌈n / stride⌉ windows, the odd one behind."""
    for size, kernel, stride, dilation in itertools.product(range(1, 40), range(1, 8), range(1, 4), (1, 2)):
        before, after = pads(size, kernel, stride, dilation, "same")
        windows = -(-size // stride)
        assert slide(size, kernel, stride, dilation, "same") == windows
        needed = (windows - 1) * stride + dilation * (kernel - 1) + 1 - size
        assert before + after == max(needed, 0) and 0 <= after - before <= 1


@pytest.mark.parametrize(
    ("ceil", "padding", "kernel", "stride"), list(itertools.product([0, 1], [0, 1], [2, 3], [1, 2, 3]))
)
def test_windows_slide_as_in_pytorch(ceil: int, padding: int, kernel: int, stride: int) -> None:
    pool = nn.MaxPool2d(kernel, stride, padding, ceil_mode=bool(ceil))
    for size in range(kernel, 30):
        assert pool(torch.zeros(1, 1, size, size)).shape[-1] == slide(size, kernel, stride, 1, padding, bool(ceil))


def test_padded_convolution_is_padding_and_convolution() -> None:
    net = load_module(emit(compiled("Conv(3, stride = 2, padding = same) → 8", "16, 17, 8")), "padded").N()
    conv = net.get_submodule("stage1")
    x = torch.randn(2, 8, 16, 17)
    expected = nn.functional.conv2d(nn.functional.pad(x, (1, 1, 0, 1)), conv.weight, stride=2)
    assert torch.equal(net(x), expected)


def test_blur_is_binomial() -> None:
    """Against Pascal's triangle, with the border reflected as in `nn.ReflectionPad2d`."""
    for kernel, stride in ((3, 2), (5, 1)):
        net = load_module(emit(compiled(f"BlurPool({kernel}, {stride})")), "blur").N()
        row = torch.tensor([math.comb(kernel - 1, i) / 2 ** (kernel - 1) for i in range(kernel)])
        x = torch.randn(2, 8, 15, 18)
        padded = nn.ReflectionPad2d(kernel // 2)(x).unfold(2, kernel, stride).unfold(3, kernel, stride)
        assert torch.allclose(net(x), torch.einsum("nchwij,i,j->nchw", padded, row, row), atol=1e-6)
        assert not net.state_dict()


def test_channels_that_uses_do_not_share() -> None:
    """A class says in its own terms what an operator makes of its channels, unless that differs from use to use."""
    block = "block Down(step) <H, W, C> → <H/step, W/step, K> = SpaceToDepth(step) ⊙ Conv(1) → K\n"
    text = f"{block}network N <12, 12, 3> → <2, 2, 8> = Down(2) → 4 ⊙ Down(3) → 8"
    net = load_module(emit(load_text("spec.scl", text.encode()).compile()), "down").N()
    assert net(torch.zeros(1, 3, 12, 12)).shape == (1, 8, 2, 2)


def test_layer_norm_is_over_channels() -> None:
    net = load_module(emit(compiled("LayerNorm")), "norm").N()
    y = net(torch.randn(2, 8, 15, 18) * 3 + 1)
    assert torch.allclose(y.mean(1), torch.zeros(2, 15, 18), atol=1e-5)
    assert torch.allclose(y.var(1, unbiased=False), torch.ones(2, 15, 18), atol=1e-3)


def test_literals_are_exact() -> None:
    from fractions import Fraction

    from scalec.ops.code import real

    assert [real(Fraction(*pair)).text for pair in ((1, 5), (1, 100000), (4, 1), (1, 3))] == [
        "0.2",
        "1e-05",
        "4.0",
        "1 / 3",
    ]
    assert (Code("a") * 1 + 0).text == "a"
