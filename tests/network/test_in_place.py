"""What activations and sums write over in a training file: nothing that anybody, autograd included, still needs."""

import re

import pytest
import torch
from torch import Tensor, nn

from peers import load_module
from scalec.compiler import load_text
from scalec.cost.compiled import Compiled
from scalec.diagnostics.diagnostic import CompileError
from scalec.emit.emit import emit
from scalec.program.request import Request
from strategies import Written, examples, phis, specs

BLOCK = "block Block(n = 1) <H, W, C> → <H, W, C>\n  = {}\n"

# Chains of a block, and how many of their activations and sums write over what comes in.
CHAINS = {
    "behind a convolution": ("Conv(3) → C ⊙ ReLU", 1),
    "behind a depthwise one": ("Depthwise(3) ⊙ HardSwish", 1),
    "behind a batch norm": ("Conv(3) → C ⊙ BatchNorm ⊙ SiLU", 1),
    "behind a batch norm of the input": ("BatchNorm ⊙ ReLU", 1),
    "behind a group norm": ("Conv(3) → C ⊙ GroupNorm(2) ⊙ ReLU", 1),
    "in a gate": ("gate { GlobalAvgPool ⊙ Conv(1) → C ⊙ ReLU ⊙ Conv(1) → C ⊙ HardSigmoid }", 2),
    "of the input": ("ReLU ⊙ Conv(3) → C", 0),
    "behind what saves its output": ("Conv(3) → C ⊙ Sigmoid ⊙ ReLU", 0),
    "behind another that did so": ("Conv(3) → C ⊙ ReLU ⊙ SiLU", 1),
    "that cannot": ("Conv(3) → C ⊙ GELU", 0),
    "behind a norm that is a view": ("LayerNorm ⊙ ReLU", 0),
    "behind a pool": ("Conv(3) → C ⊙ MaxPool(3, stride = 1) ⊙ ReLU", 0),
    "behind dropout": ("Conv(3) → C ⊙ Dropout(0.1) ⊙ ReLU", 1),
    "behind dropout of an output that is kept": ("Conv(3) → C ⊙ Sigmoid ⊙ Dropout(0.1) ⊙ SiLU", 0),
    "twice": ("Conv(3) → C ⊙ ReLU^=2", 0),
    "behind several": ("Conv(3) → C ⊙ BatchNorm^=2 ⊙ ReLU", 1),
    "behind what may be absent": ("BatchNorm when n > 1 ⊙ ReLU", 0),
    "behind what may be absent, and what is not": ("Conv(3) → C ⊙ BatchNorm when n > 1 ⊙ ReLU", 1),
    "behind what may be absent, and what keeps its output": ("Conv(3) → C ⊙ Tanh ⊙ BatchNorm when n > 1 ⊙ ReLU", 0),
    "that may be absent itself": ("Conv(3) → C ⊙ ReLU when n == 1", 1),
    "behind a residual": ("residual { Conv(3) → C } ⊙ ReLU", 2),
    "behind a residual of an activation": ("residual { Conv(3) → C ⊙ Sigmoid } ⊙ ReLU", 1),
    "behind a residual that may be only its body": ("residual if n > 1 { Conv(3) → C ⊙ Sigmoid } ⊙ ReLU", 0),
    "behind a residual of nothing": ("residual { } ⊙ ReLU", 0),
    "behind a sum": ("sum { Conv(3) → C ⊙ BatchNorm } { } ⊙ ReLU", 2),
    "a sum of the input first": ("sum { } { Conv(3) → C ⊙ BatchNorm }", 0),
    "a sum of one call first": ("sum { Conv(3) → C } { }", 1),
    "a sum of another sum first": ("sum { sum { Conv(3) → C } { } } { }", 1),
    "a sum of three": ("sum { Conv(3) → C ⊙ BatchNorm } { } { Conv(1) → C }", 0),
    "a sum of what keeps its output": ("sum { Conv(3) → C ⊙ Sigmoid } { }", 0),
    "a sum with what may be absent": ("sum if n > 1 { Conv(3) → C } { Conv(3) → C ⊙ BatchNorm } { }", 1),
    "a residual that may be only its body": ("residual if C == 4 * n { Conv(3) → C ⊙ BatchNorm }", 1),
    "a residual of what drops": ("residual { Conv(3) → C ⊙ BatchNorm ⊙ DropPath(0.5) }", 1),
    "a residual of a scaled map": ("residual { Conv(3) → C ⊙ LayerScale }", 0),
    "behind one body of a sum": ("sum { Sigmoid } if n > 1 { Conv(3) → C } ⊙ ReLU", 0),
    "behind a concatenation": ("concat { Conv(3) → C - 1 } { Conv(3) → 1 } ⊙ ReLU", 1),
    "behind what is put together again": ("split { Conv(3) → C/2 } { } ⊙ ReLU", 1),
    "of a part": ("split { ReLU } { }", 0),
    "that begins a branch": ("Conv(3) → C ⊙ sum { ReLU } { Conv(3) → C }", 0),
    "that begins a group": ("Conv(3) → C ⊙ (ReLU ⊙ Conv(3) → C)", 0),
    "behind a group": ("(Conv(3) → C ⊙ BatchNorm) ⊙ ReLU", 1),
}


def compiled(text: str) -> Compiled:
    return load_text("net.scl", text.encode()).compile()


def small(chain: str, uses: str = "Block") -> Compiled:
    """Compile a network of a convolution and a block with that chain."""
    return compiled(f"{BLOCK.format(chain)}network Net <8, 8, 4> → <8, 8, 4>\n  = Conv(1) → 4 ⊙ {uses}\n")


def results(source: str, net: Compiled, training: bool) -> list[Tensor]:
    """Run forward and back; give the output, and the gradients of the image and of the parameters."""
    torch.manual_seed(0)
    model: nn.Module = getattr(load_module(source, "emitted"), net.network.name)().train(training).double()
    x = net.network.x
    image = torch.randn(3, x.channels, *((x.height, x.width) if x.is_map else ()), dtype=torch.float64)
    image.requires_grad_()
    torch.manual_seed(1)  # what drops
    y = model(image)
    parameters = [each for each in model.parameters() if each.requires_grad]
    return [
        y,
        *torch.autograd.grad((y * torch.arange(y.numel()).view_as(y)).sum(), [image, *parameters], allow_unused=True),
    ]


def agree(net: Compiled) -> int:
    """Compare with the same file that writes over nothing; give how often it does."""
    plain, activations = re.subn(r"inplace=True(, )?", "", emit(net))
    plain, sums = re.subn(r"(\w+|self\.\w+\(\w+\))\.add_\((\w+|self\.\w+\(\w+\))\)", r"\1 + \2", plain)
    for training in (True, False):
        for ours, theirs in zip(results(emit(net), net, training), results(plain, net, training), strict=True):
            assert (ours is None and theirs is None) or torch.equal(ours, theirs)
    assert ".add_(" not in plain
    return activations + sums


@pytest.mark.parametrize("name", CHAINS)
def test_only_what_nothing_needs_is_written_over(name: str) -> None:
    chain, count = CHAINS[name]
    assert agree(small(chain)) == count


def test_a_class_says_it_for_all_its_uses() -> None:
    """Where it cannot be said of all activations that a block is given, there is a class for each."""
    block = "block Block(act) <H, W, C> → <H, W, C>\n  = Conv(3) → C ⊙ act\n"
    net = f"{block}network Net <8, 8, 4> → <8, 8, 4>\n  = Block({{}}) ⊙ Block({{}})\n"
    both, one = compiled(net.format("ReLU", "SiLU")), compiled(net.format("ReLU", "GELU"))
    assert "act(inplace=True)" in emit(both) and agree(both) == 1
    assert agree(one) == 1 and emit(one).count("(nn.Module)") == emit(both).count("(nn.Module)") + 1


def test_the_network_s_own_maps_stay() -> None:
    """They may be outputs."""
    net = compiled("network Net <8, 8, 4> → <8, 8, 4>\n  = conv: Conv(3) → 4 ⊙ act: ReLU\n")
    assert "inplace" not in emit(net)


@examples(5, specs(), phis(3), more=30)
def test_random_networks_give_the_same(written: Written, phi: str) -> None:
    try:
        net = load_text("spec.scl", written.text.encode()).compile(Request(phi=phi))
    except CompileError:
        return
    if net.network.x.elements < 40_000 and sum(len(stage.layers) for stage in net.network.stages) < 40:
        agree(net)


def test_a_body_that_only_some_networks_have_is_not_written_over() -> None:
    """ReLU keeps its output for the gradient: a sum that begins with it makes a new tensor."""
    text = """param deep = true
block Unit <H, W, C> → <H, W, C> = sum if deep { ReLU } { Depthwise(3) }
network N <8, 8, 3> → <8, 8, 3> = Unit
"""
    net = load_text("spec.scl", text.encode()).compile()
    assert "add_" not in emit(net) and "self.relu(x) + self.depthwise(x)" in emit(net)
    load_module(emit(net), "plain").N()(torch.ones(1, 3, 8, 8, requires_grad=True)).sum().backward()
