"""Specs that are hard to count fast, and the two ways to count them."""

from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from nets import SPECS, spec
from scalec.compiler import Loaded, load_text
from scalec.cost.count import cost
from scalec.cost.memory.peak import memory
from scalec.diagnostics.diagnostic import CompileError
from scalec.program.setting import Setting
from scalec.solve.axis import STEPS
from scalec.solve.cost_table import Tally


def examples(count: int) -> settings:
    return settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))


RULES = """
let d = 1.2^φ, w = 1.1^φ, r = 1.15^φ, width(c) = to_multiple(w · c, 4)
scale L → ceil(d · L)
scale C → width(C)
scale H → round(r · H)
scale W → round(r · W)
"""
"""Specs with what makes a stage depend on more than its shapes."""
HARD = {
    "params in blocks": """param φ = 0, wide = 2
block Unit(stride = 1) <H, W, C> → <H/stride, W/stride, K>
  = Conv(1) → wide · C ⊙ BatchNorm ⊙ Squeeze(width(8)) ⊙ Conv(3, stride) → K
block Squeeze(hidden) <H, W, C> → <H, W, C>
  = gate { GlobalAvgPool ⊙ Conv(1) → hidden ⊙ Conv(1) → width(4) ⊙ Conv(1) → C }
network N(classes = 10) <32, 32, 3> → <classes> = Conv(3) → 8 ⊙ Unit(stride = 2)^2 → <16, 16, 16>
  ⊙ GlobalAvgPool ⊙ Linear → <classes>""",
    "pins and labels": """param φ = 0
network N(classes = 10) <32, 32, 3> → <classes> = stem: Conv(3, 2) → <16, 16, =8>
  ⊙ body: (ReLU ⊙ Conv(3))^=2 → 16 ⊙ Conv(1) → =max(20, width(20)) ⊙ Conv(1) → =3 · body.C + stem.C
  ⊙ GlobalAvgPool ⊙ Linear → <classes>""",
    "layers that differ": """param φ = 0
block Unit(stride = 1) <H, W, C> → <H/stride, W/stride, K>
  = Conv(3, stride) → K ⊙ (Conv(3) → K ⊙ ReLU) when layer > 1 ⊙ DropPath(0.1 · layer / layers)
network N(classes = 10) <32, 32, 3> → <classes> = Unit(2)^2 → 8 ⊙ Unit^3 → 12 ⊙ GlobalAvgPool ⊙ Linear → <classes>""",
    "growth and alternatives": """param φ = 0
block Dense(growth) <H, W, C> → <H, W, C + growth> = concat { } { BatchNorm ⊙ ReLU ⊙ Conv(3) → growth }
network N(classes = 10) <32, 32, 3> → <classes> = Conv(3, 2) → 8 ⊙ Dense(width(4))^3
  ⊙ (Conv(3, 2), ReLU ⊙ Conv(1), Depthwise(3))^4 → 32
  ⊙ GlobalAvgPool ⊙ Linear → <classes>""",
    "lines, not modules": """param φ = 0
network N(classes = 10) <32, 32, 3> → <classes> = Dropout(0.1) ⊙ Conv(3, 2) → 8
  ⊙ residual { Conv(3) → =8 ⊙ ReLU } when w == 1 ⊙ sum { Conv(1) → =16 ⊙ BatchNorm } { Conv(3) → =16 }
  ⊙ (ReLU ⊙ concat { Conv(1) → =8 } { Identity }) ⊙ GlobalAvgPool ⊙ Linear → <classes>""",
    "widths inside groups": """param φ = 0
network N(classes = 10) <32, 32, 3> → <classes> = (Conv(3, 2) → 8 ⊙ BatchNorm ⊙ ReLU) → <16, 16, 8>
  ⊙ sum { Conv(3) → 12 ⊙ ReLU } { Conv(1) → 12 } ⊙ (Conv(3) → 16 ⊙ ReLU)^2 → 16
  ⊙ GlobalAvgPool ⊙ Linear → <classes>""",
    "a projection that vanishes": """param φ = 0
block Unit(stride = 1) <H, W, C> → <H/stride, W/stride, K>
  = sum { Depthwise(3, stride) ⊙ Conv(1) → K } { Conv(5, stride) → K when stride > 1 or C != K }
network N(classes = 10) <32, 32, 3> → <classes> = Conv(3, 2) → 16 ⊙ Unit^=1 → =max(24, width(16)) ⊙ Unit(2)^1 → 40
  ⊙ GlobalAvgPool ⊙ Linear → <classes>""",
}


@cache
def hard(name: str) -> Loaded:
    text = HARD[name]
    rules = RULES.split("block Unit", maxsplit=1)[0]
    first, _, rest = text.partition("\n")
    return load_text("hard.scl", f"{first}\n{rules}\n{rest}".encode())


@cache
def rounded(old: str, new: str) -> Loaded:
    text = (SPECS / "efficientnet.scl").read_text()
    assert old in text
    return load_text("efficientnet.scl", text.replace(old, new).encode())


def eighths() -> Loaded:
    """EfficientNet with resolutions that are multiples of 8."""
    text = (SPECS / "efficientnet.scl").read_text()
    for symbol in "HW":
        text = text.replace(f"round(r · {symbol})", f"to_multiple(r · {symbol}, 8)")
    return load_text("efficientnet.scl", text.encode())


EIGHTHS = eighths()
NAMED: dict[str, Callable[[], Loaded]] = {
    "efficientnet": lambda: spec("efficientnet"),
    "lite": lambda: spec("efficientnet_lite"),
    **{name: (lambda name=name: hard(name)) for name in HARD},  # type: ignore[misc]
}


def built(loaded: Loaded, setting: Setting) -> tuple[Any, ...] | None:
    """Build the network for real."""
    try:
        network = loaded.network(setting)
    except CompileError:
        return None
    return cost(network), memory(network), network.x, tuple(stage.y for stage in network.stages)


def looked_up(tally: Tally, setting: Setting) -> tuple[Any, ...] | None:
    try:
        found = tally.evaluate(setting)
    except CompileError:
        return None
    return found.cost, found.memory, found.x, tuple(stage.y for stage in found.stages)


def steps(low: float, high: float) -> st.SearchStrategy[int]:
    return st.integers(int(low * STEPS), int(high * STEPS))
