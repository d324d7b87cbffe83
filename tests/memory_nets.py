"""Networks for the tests of memory, and for the table in docs/memory.md: what a spec can say, in small."""

from functools import cache

from nets import TENSORFLOW, compiled
from scalec.compiler import load_text
from scalec.cost.compiled import Compiled

SHIPPED: dict[str, tuple[str, str | None, str | None, tuple[tuple[str, str], ...]]] = {
    "B0": ("efficientnet", "B0", None, ()),
    "B0, SAME padding": ("efficientnet", "B0", None, TENSORFLOW),
    "B1": ("efficientnet", "B1", None, ()),
    "B2": ("efficientnet", "B2", None, ()),
    "B4": ("efficientnet", "B4", None, ()),
    "φ = -1": ("efficientnet", None, "-1", ()),
    "φ = 1": ("efficientnet", None, "1", ()),
    "Lite0": ("efficientnet_lite", "Lite0", None, ()),
    "Lite2": ("efficientnet_lite", "Lite2", None, ()),
}

_CONV_ACT = """
block ConvAct(kernel, stride = 1, act = ReLU) <H, W, C> → <H/stride, W/stride, K>
  = conv: Conv(kernel, stride) → K ⊙ norm: BatchNorm ⊙ act: act
"""

WRITTEN = {
    "sum": _CONV_ACT + """
block Bottleneck(stride = 1) <H, W, C> → <H/stride, W/stride, K>
  = sum { reduce: ConvAct(1) → K/4 ⊙ spatial: ConvAct(3, stride) → K/4 ⊙ expand: (Conv(1) → K ⊙ BatchNorm) }
        { shortcut: (Conv(1, stride) → K ⊙ BatchNorm)  when stride > 1 or C != K }
  ⊙ act: ReLU
network ResNet(classes = 100) <128, 128, 3> → <classes>
  = stem: ConvAct(7, stride = 2) → <64, 64, 64> ⊙ pool: MaxPool(3, stride = 2)
  ⊙ Bottleneck^3 → <32, 32, 128> ⊙ Bottleneck(stride = 2)^4 → <16, 16, 256>
  ⊙ GlobalAvgPool ⊙ Linear → <classes>
""",
    "concat": """
block Dense(growth) <H, W, C> → <H, W, C + growth>
  = concat { } { n1: BatchNorm ⊙ a1: ReLU ⊙ c1: Conv(1) → 4·growth ⊙ n2: BatchNorm ⊙ a2: ReLU ⊙ c2: Conv(3) → growth }
network DenseNet <96, 96, 3> → <10>
  = stem: Conv(3, stride = 2) → <48, 48, 32> ⊙ Dense(16)^6 → <48, 48, 128>
  ⊙ down: (BatchNorm ⊙ ReLU ⊙ Conv(1) → 64 ⊙ AvgPool(2)) → <24, 24, 64>
  ⊙ Dense(16)^6 → <24, 24, 160> ⊙ GlobalAvgPool ⊙ Linear → <10>
""",
    "split": """
block Mixed <H, W, C> → <H, W, C>
  = residual { expand: Conv(1) → 3·C ⊙ BatchNorm ⊙ HardSwish
    ⊙ mix: split { Depthwise(3) } { Depthwise(5) ⊙ BatchNorm } { Depthwise(7) } ⊙ project: Conv(1) → C ⊙ BatchNorm }
network MixNet <80, 80, 3> → <10>
  = Conv(3, stride = 2) → <40, 40, 25> ⊙ BatchNorm ⊙ Mixed^4 ⊙ GlobalAvgPool ⊙ Flatten ⊙ Dropout(0.3) ⊙ Linear → <10>
""",
    "GroupNorm on parts": """
block Mixed <H, W, C> → <H, W, 2·C>
  = concat { } { split { GroupNorm(2) ⊙ SiLU } { GroupNorm(1) ⊙ Depthwise(3) } ⊙ GroupNorm(4) ⊙ Conv(3) → C }
network Net <48, 48, 3> → <10>
  = Conv(3, stride = 2) → <24, 24, 16> ⊙ Mixed^3 → <24, 24, 128> ⊙ GlobalAvgPool ⊙ Linear → <10>
""",
    "LayerNorm": """
block Next <H, W, C> → <H, W, C>
  = residual { mix: Depthwise(7, bias = true) ⊙ norm: LayerNorm ⊙ up: Conv(1, bias = true) → 4·C ⊙ GELU
    ⊙ down: Conv(1, bias = true) → C ⊙ scale: LayerScale ⊙ drop: DropPath(0.1 · layer/layers) }
network ConvNeXt <128, 128, 3> → <10>
  = stem: (Conv(4, stride = 4, padding = 0, bias = true) → 48 ⊙ LayerNorm) → <32, 32, 48> ⊙ Next^3 → <32, 32, 48>
  ⊙ down: (LayerNorm ⊙ Conv(2, stride = 2, padding = 0, bias = true) → 96) → <16, 16, 96> ⊙ Next^3 → <16, 16, 96>
  ⊙ GlobalAvgPool ⊙ Flatten ⊙ LayerNorm ⊙ Linear → <10>
""",
    "branches": """
block Rep(stride = 1) <H, W, C> → <H/stride, W/stride, K>
  = sum if stride == 1 and C == K { identity: BatchNorm } { large: (Conv(3, stride) → K ⊙ BatchNorm) }
        { small: (Conv(1, stride) → K ⊙ BatchNorm) } ⊙ act: ReLU
network RepVGG <64, 64, 3> → <10>
  = Rep(stride = 2)^2 → <32, 32, 48> ⊙ Rep(stride = 2)^3 → <16, 16, 96> ⊙ GlobalAvgPool ⊙ Linear → <10>
""",
    "dropout": """
network VGG <64, 64, 3> → <10>
  = Conv(3, bias = true) → <64, 64, 32> ⊙ ReLU ⊙ Dropout(0.1) ⊙ Conv(3, bias = true) → 32 ⊙ ReLU6 ⊙ MaxPool(2)
  ⊙ GroupNorm(4) ⊙ Tanh ⊙ Flatten ⊙ Linear → <256> ⊙ HardSigmoid ⊙ Dropout(0.5) ⊙ Linear → <10>
""",
    "nested": """
block Gate <H, W, C> → <H, W, C> = gate { pool: GlobalAvgPool ⊙ Conv(1, bias = true) → C ⊙ HardSigmoid }
block Deep <H, W, C> → <H, W, C>
  = residual { a: Conv(3) → C ⊙ sum { b: Conv(3) → C ⊙ SiLU } { residual { d: Depthwise(3) ⊙ SiLU } } ⊙ Gate }
  ⊙ residual { (Conv(1) → 2·C ⊙ Sigmoid) ⊙ Conv(1) → C } ⊙ SiLU
network Nest <48, 48, 3> → <10>
  = Conv(3) → <48, 48, 24> ⊙ Deep^2 ⊙ sum { Conv(3) → 24 ⊙ SiLU } { Conv(1) → 24 } ⊙ tail: (SiLU ⊙ last: Conv(1) → 8)
  ⊙ GlobalAvgPool ⊙ Linear → <10>
""",
}  # fmt: skip


@cache
def network(name: str) -> Compiled:
    """Compile a network by its name."""
    if name in SHIPPED:
        spec, variant, phi, changes = SHIPPED[name]
        return compiled(spec, variant, phi, changes)
    return load_text("spec.scl", WRITTEN[name].encode()).compile()
