"""Feature maps, and strides turned into dilation: against timm's `features_only` and torchvision's `dilate`."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nets import TENSORFLOW, module, spec
from peers import load_module, timm_model, torchvision_model
from scalec.compiler import load_text
from scalec.cost.compiled import Compiled
from scalec.cost.memory.peak import memory
from scalec.diagnostics.diagnostic import CompileError
from scalec.diagnostics.text import render
from scalec.emit.emit import emit
from scalec.emit.seal import unsealed
from scalec.program.memory_call import INFERENCE, TRAINING
from scalec.program.request import Request
from scalec.verify.compare import observed, ported
from scalec.verify.memory_oracle import measure

SIZE = 96


def sized(name: str, variant: str, stride: int | None, taps: tuple[str, ...] | None, changes: Any = ()) -> Compiled:
    changed = (*changes, ("r", f"{SIZE}/{spec(name).compile().baseline.x.height}"))
    return spec(name).compile(Request(variant=variant, changes=tuple(changed), taps=taps, output_stride=stride))


class Joined(nn.Module):
    """All feature maps as one tensor."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([feature.flatten(1) for feature in self.body(x)], 1)


ROWS = [
    ("efficientnet", "B0", "efficientnet_b0", (32, 16, 8)),
    ("efficientnet", "B0", "tf_efficientnet_b0", (16,)),
    ("resnet", "ResNet18", "resnet18", (16, 8)),
    ("resnet", "ResNet50", "resnet50", (32, 8)),
    ("mobilenet_v3_large", "x1_0", "mobilenetv3_large_100", (32, 8)),
    ("regnet_y", "Y400MF", "regnety_004", (16,)),
    ("convnext", "Atto", "convnext_atto", (32, 16, 8)),
]
SET = {
    "tf_efficientnet_b0": TENSORFLOW[:2],
    "mobilenetv3_large_100": (("epsilon", "0.00001"), ("momentum", "0.1")),
}
FAST = {("resnet18", 16)}
CASES = [
    pytest.param(*row[:3], n, id=f"{row[2]}-{n}", marks=() if (row[2], n) in FAST else pytest.mark.slow)
    for row in ROWS
    for n in row[3]
]


@pytest.mark.parametrize(("name", "variant", "peer", "stride"), CASES)
def test_equal_to_timm(name: str, variant: str, peer: str, stride: int) -> None:
    theirs: Any = timm_model(peer, features_only=True, output_stride=stride)
    ours = sized(name, variant, stride, (), SET.get(peer, ()))
    info = load_module(emit(ours), "emitted").FEATURE_INFO
    assert [row[1:] for row in info] == [(f["num_chs"], f["reduction"]) for f in theirs.feature_info.get_dicts()]
    source, target = Joined(theirs), Joined(module(ours))
    assert observed(source, target, ported(source, target, SIZE), SIZE).worst <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("stride", [16, 8])
def test_equal_to_torchvision(stride: int) -> None:
    theirs = torchvision_model("resnet50", replace_stride_with_dilation=[False, stride == 8, True])
    ours = module(sized("resnet", "ResNet50", stride, None))
    assert observed(theirs, ours, ported(theirs, ours, SIZE), SIZE).worst <= 1e-12


def test_what_info_says_is_what_comes_out() -> None:
    ours = sized("efficientnet", "B0", None, ("stem", "stage5", "stage7"))
    info = load_module(emit(ours), "emitted").FEATURE_INFO
    assert [row[0] for row in info] == ["stem", "stage5", "stage7"]
    maps = module(ours)(torch.zeros(1, 3, SIZE, SIZE))
    assert isinstance(maps, tuple)
    assert [tuple(each.shape) for each in maps] == [(1, c, SIZE // n, SIZE // n) for _, c, n in info]
    assert [stage.name for stage in ours.network.stages][-1] == "stage7"


MORE = [pytest.param(*each, marks=pytest.mark.slow) for each in (((), None), (None, 16), (("stem", "stage4"), None))]


@pytest.mark.parametrize(("taps", "stride"), [((), 8), *MORE])
def test_memory(taps: tuple[str, ...] | None, stride: int | None) -> None:
    net = sized("efficientnet", "B0", stride, taps)
    for footprint in (INFERENCE, TRAINING):
        assert memory(net.network, footprint) == measure(net, footprint)


TAPPED = """
block Unit(stride = 1) <H, W, C> → <H/stride, W/stride, K> = Conv(3, stride) → K ⊙ BatchNorm ⊙ ReLU
network Net <32, 32, 3> → <10>
  = stem: Unit(2) → 8 ⊙ tap early: Unit^2 → 8 ⊙ pool: MaxPool(3, 2) ⊙ Unit(2)^2 → 16 ⊙ tap late: Unit^1 → 24
  ⊙ GlobalAvgPool ⊙ Linear → <10>
"""


def test_taps_come_first() -> None:
    net = load_text("spec.scl", TAPPED.encode()).compile(Request(taps=()))
    assert load_module(emit(net), "emitted").FEATURE_INFO == (("early", 8, 2), ("late", 24, 8))


def test_numbers_are_those_that_were_there() -> None:
    """With strides out, those of a pool too, they stand at every fourth place."""
    loaded = load_text("spec.scl", TAPPED.encode())
    plain, large = (module(loaded.compile(Request(taps=("late",), output_stride=n))).double().eval() for n in (None, 2))
    large.load_state_dict(plain.state_dict())
    x = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    (small,), (dense,) = plain(x), large(x)
    assert dense.shape[-1] == 4 * small.shape[-1]
    torch.testing.assert_close(dense[..., ::4, ::4], small)


@pytest.mark.parametrize(
    ("body", "stride", "message"),
    [
        ("Conv(3, 2) → 8 ⊙ AvgPool(2)", 2, "its window of 2 is even"),
        ("Conv(3, 2) → 8 ⊙ MaxPool(3, 2)", 1, "MaxPool cannot be dilated"),
        ("Conv(3, 2) → 8 ⊙ MaxPool(2)", 2, "its window of 2 is even"),
        ("Conv(3, 2) → 8 ⊙ AvgPool(3, 1, count_padding = true)", 1, "AvgPool cannot be dilated"),
    ],
)
def test_what_cannot_be_dilated(body: str, stride: int, message: str) -> None:
    loaded = load_text("spec.scl", f"network N <32, 32, 3> → <10> = {body} ⊙ GlobalAvgPool ⊙ Linear → <10>".encode())
    with pytest.raises(CompileError) as caught:
        loaded.compile(Request(output_stride=stride))
    assert message in render(caught.value.diagnostics)


def test_unknown_stages() -> None:
    with pytest.raises(CompileError) as caught:
        sized("efficientnet", "B0", None, ("stage_5",))
    assert "did you mean `stage5`?" in render(caught.value.diagnostics)


STRIDING = """
block B(stride = 1) <H, W, C> → <H/stride, W/stride, K> = down: MaxPool(2) when stride > 1 ⊙ c: Conv(3) → K
network N <32, 32, 8> → <8, 8, 8> = B(stride = 2)^1 → <16, 16, 8> ⊙ B(stride = 2)^2 → <8, 8, 8>
"""


def test_a_stride_that_decides_what_there_is_stays() -> None:
    loaded = load_text("spec.scl", STRIDING.encode())
    with pytest.raises(CompileError) as caught:
        loaded.compile(Request(output_stride=2))
    assert "a stride that `--output-stride` takes out decides" in render(caught.value.diagnostics)
    plain, dilated = emit(loaded.compile()), emit(loaded.compile(Request(output_stride=4)))
    said = ('"""N for 32 × 32 images.\n', '"""N for 32 × 32 images.\n\nStrides beyond 4 have become dilation.\n')
    made = ("scalec compile spec.scl\n", "scalec compile spec.scl --output-stride 4\n")
    assert unsealed(dilated.encode()) == unsealed(plain.replace(*said, 1).replace(*made, 1).encode())
