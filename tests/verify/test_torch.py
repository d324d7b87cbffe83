"""What people do with an emitted file: compile it, export it, train it."""

import pytest
import torch
from torch import nn

from nets import compiled, module
from scalec.compiler import load_text
from scalec.cost.count import cost
from scalec.verify.count import count_macs

NETS = [("efficientnet", "B0"), ("efficientnet_lite", "Lite0")]


def one_graph(net: nn.Module) -> None:
    torch._dynamo.reset()
    x = torch.randn(2, 3, 64, 64)
    report = torch._dynamo.explain(net)(x)
    assert (report.graph_count, report.graph_break_count) == (1, 0)
    fast = torch.compile(net, backend="eager", fullgraph=True)
    assert fast(x).shape == (2, 1000)


@pytest.mark.parametrize("training", [False, True])
def test_one_graph(training: bool) -> None:
    """Of a network with half the layers of B0: with squeezes, residuals and stochastic depth."""
    net = module(compiled("efficientnet", changes=(("d", "1/2"), ("w", "1/4"))))
    assert any(type(each).__name__ == "DropPath" for each in net.modules())
    one_graph(net.train(training))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "variant"), NETS)
@pytest.mark.parametrize("training", [False, True])
def test_one_graph_of_published_sizes(name: str, variant: str, training: bool) -> None:
    one_graph(module(compiled(name, variant)).train(training))


@pytest.mark.parametrize(("name", "variant"), [pytest.param(*NETS[0], marks=pytest.mark.slow), NETS[1]])
def test_exports_with_a_dynamic_batch(name: str, variant: str) -> None:
    net = module(compiled(name, variant)).eval()
    batch = torch.export.Dim("batch", min=2)
    exported = torch.export.export(net, (torch.randn(2, 3, 224, 224),), dynamic_shapes=({0: batch},))
    x = torch.randn(3, 3, 224, 224)
    with torch.no_grad():
        assert torch.allclose(exported.module()(x), net(x), atol=1e-5)


def test_training_reaches_every_parameter() -> None:
    net = module(compiled("efficientnet", "B0"), classes=7).train()
    net(torch.randn(4, 3, 64, 64)).square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert net.get_submodule("classifier").weight.shape == (7, 1280)


def test_stochastic_depth() -> None:
    """In training a sample's branch is dropped with its probability and scaled to keep the mean."""
    net = module(compiled("efficientnet", "B0"))
    drops = [m for m in net.modules() if type(m).__name__ == "DropPath"]
    assert [m.drop for m in drops] == pytest.approx([0.2 * i / 16 for i in (2, 4, 6, 7, 9, 10, 12, 13, 14)])
    drop = type(drops[0])(0.25)
    x = torch.ones(4000, 2, 3, 3)
    torch.manual_seed(0)
    y = drop.train()(x)
    kept = y[:, 0, 0, 0] != 0
    assert torch.equal(y.flatten(1).amin(1), y.flatten(1).amax(1))
    assert 0.70 < kept.float().mean() < 0.80 and torch.allclose(y[kept], torch.tensor(4 / 3))
    assert torch.equal(drop.eval()(x), x)


def test_module_names_follow_the_labels() -> None:
    """`state_dict` keys are the spec's labels in the order of the data, the same at every scale."""
    keys = [list(module(compiled("efficientnet", v)).state_dict()) for v in ("B0", "B1")]
    assert keys[0][0] == "stem.conv.weight" and keys[0][-1] == "classifier.bias"
    assert set(keys[0]) <= set(keys[1])
    assert isinstance(module(compiled("efficientnet", "B0")).get_submodule("stage2.0.depthwise"), nn.Sequential)


REPEATS = """
block Many(n) <H, W, C> → <H, W, K> = first: Conv(1) → K ⊙ rest: Conv(3)^=n → K
block Outer(n) <H, W, C> → <H, W, K> = Many(n) → K ⊙ SiLU
network N <8, 8, 8> → <8, 8, 16> = Many(1) → 8 ⊙ Many(3) → 16 ⊙ Outer(2)^1 → 16 ⊙ Outer(4)^1 → 16
"""


def test_repeats_may_differ_from_use_to_use() -> None:
    net = load_text("spec.scl", REPEATS.encode()).compile()
    counted, built = cost(net.network), module(net)
    assert sum(parameter.numel() for parameter in built.parameters()) == counted.params
    assert count_macs(built, (8, 8, 8)).macs == counted.macs
    assert [len(each) for name, each in built.named_modules() if name.endswith("rest")] == [1, 3, 2, 4]


def test_repeats_inside_a_group() -> None:
    text = "block B <H, W, C> → <H, W, C> = group: (LayerScale(0.1)^=2 ⊙ Conv(3)^=3 → C ⊙ SiLU)\n"
    text += "network N <8, 8, 8> → <8, 8, 8> = B^2 → 8 ⊙ after: (Conv(1)^=2 → 8 ⊙ SiLU)"
    net = load_text("spec.scl", text.encode()).compile()
    assert sum(parameter.numel() for parameter in module(net).parameters()) == cost(net.network).params


GUARDED = {
    "concat inside": """block B(squeeze = false) <H, W, C> → <H, W, K>
  = sum { BatchNorm ⊙ ReLU } { concat { ReLU } { Conv(1) → 4 } ⊙ Conv(1) → C } when not squeeze ⊙ Conv(3) → K
  ⊙ sum { Conv(1) → K } if C == K { Conv(3) → K ⊙ concat { } { SiLU } ⊙ Conv(1) → K }
  ⊙ (pool: MaxPool(3, 1) ⊙ mix: split { SiLU } { Depthwise(3) }) when C == K
network N <8, 8, 8> → <8, 8, 12> = B(squeeze = true) → 8 ⊙ B^2 → 12""",
    "nested": """block B(stride = 1) <H, W, C> → <H/stride, W/stride, K>
  = (a: Depthwise(3) ⊙ sum { } if C != K { b: Depthwise(5) ⊙ SiLU }
     ⊙ (c: Depthwise(3) ⊙ d: split { SiLU } { SiLU }) when C != K) when stride > 1
  ⊙ Conv(3, stride) → K
network N <8, 8, 8> → <4, 4, 16> = B(stride = 2) → 8 ⊙ B → 12 ⊙ B → 16""",
}


@pytest.mark.parametrize("name", GUARDED)
def test_what_is_absent_does_not_run(name: str) -> None:
    net = load_text("spec.scl", GUARDED[name].encode()).compile()
    counted, built = cost(net.network), module(net)
    assert sum(parameter.numel() for parameter in built.parameters()) == counted.params
    assert count_macs(built, (8, 8, 8)).macs == counted.macs
    torch.compile(built, fullgraph=True, backend="eager")(torch.randn(2, 8, 8, 8))
