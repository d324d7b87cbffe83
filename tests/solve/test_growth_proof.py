"""What the proof of growth says is so: costs never fall where it succeeds, and it fails where parts can go."""

from fractions import Fraction
from itertools import pairwise, product

import pytest

from hard_specs import HARD, RULES
from nets import spec
from ops.test_operators import USES, compiled
from scalec.compiler import load_text
from scalec.cost.count import cost
from scalec.diagnostics.diagnostic import CompileError
from scalec.program.setting import Setting
from scalec.solve.axis import STEPS, Axis
from scalec.solve.cost_table import Tally
from scalec.solve.growth_proof import PROVABLE
from scalec.solve.phi import Found, PhiSearch, amount

PROVED = ("params in blocks", "growth and alternatives", "widths inside groups", "pins and labels")
ZOO = ("efficientnet", "efficientnet_lite", "mobilenet_v2", "densenet", "shufflenet_v2", "convnext_v2", "squeezenet")
PROLOGUE = "param φ = 0\nlet d = 1.2^φ, w = 1.1^φ\nscale L → ceil(d · L)\nscale C → round(w · C)\n"
NETWORK = "network N(classes = 10) <32, 32, 3> → <classes> = Conv(3) → 8 ⊙ {} ⊙ GlobalAvgPool ⊙ Linear → <classes>\n"


def tally(name: str) -> Tally:
    return Tally((load_text("spec.scl", (RULES + HARD[name]).encode()) if name in HARD else spec(name)).program)


def proved(text: str) -> bool:
    return Axis(Tally(load_text("spec.scl", text.encode()).program), "phi", Setting()).grows(0, 32 * STEPS)


@pytest.mark.parametrize("name", [*HARD, *ZOO])
def test_costs_grow_where_it_is_proved(name: str) -> None:
    table = tally(name)
    axis = Axis(table, "phi", Setting())
    assert axis.grows(0, 32 * STEPS) == (name in (*PROVED, *ZOO))
    if name in (*PROVED, *ZOO):
        points = [axis.at(point) for point in range(0, 3 * STEPS, STEPS // 50)]
        for one, two in pairwise(each for each in points if each is not None):
            assert all(amount(one, key) <= amount(two, key) for key in PROVABLE)


@pytest.mark.parametrize(("name", "use"), USES)
def test_an_operator_costs_more_on_a_larger_shape(name: str, use: str) -> None:
    """The premise of the proof: its other arguments stay the same."""
    counted = {}
    for height, channels in product((14, 15, 16, 21), (8, 12, 16, 32)):
        try:
            made = compiled(use, f"{height}, {height}, {channels}").network
        except CompileError:
            continue
        found = cost(made)
        counted[height, channels] = (found.params, found.macs, found.activations, *made.y.dims)
    assert counted
    for one, two in product(counted, counted):
        if one[0] <= two[0] and one[1] <= two[1]:
            assert all(a <= b for a, b in zip(counted[one], counted[two], strict=True)), (name, one, two)


@pytest.mark.parametrize(
    ("unit", "holds"),
    [
        ("Conv(3)^2 → 16", True),
        ("sum { Conv(3) → 8 } { }", True),
        ("sum { Conv(3) → 8 } { Conv(1) → 8 when w < 2 }", False),  # what costs something disappears
        ("residual if w < 2 { Conv(3) → =8 }", True),  # what disappears is an addition
        ("(ReLU when w < 2 ⊙ Conv(3) → 16)", True),
        ("(BatchNorm when w < 2 ⊙ Conv(3) → 16)", False),
        ("Conv(3) → =max(1, floor(64 / w))", False),
        ("Conv(3, groups = 8 if w < 2 else 1) → =8", False),
        ("split { Conv(3) → =4 } { }", True),
        ("(Conv(1) → =9 ⊙ split { Conv(3) → =3 } { } { })", False),
    ],
)
def test_what_can_disappear_is_not_proved(unit: str, holds: bool) -> None:
    assert proved(PROLOGUE + NETWORK.format(unit)) == holds


def test_what_was_not_looked_at_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    falling = "param φ = 0\nscale L → max(1, ceil((2 - φ) · L))\nscale C → round(1.5^φ · C)\n"
    for text, complete in ((PROLOGUE, True), (falling, False)):
        loaded = load_text("spec.scl", (text + NETWORK.format("Conv(3)^4 → 8")).encode())
        found = PhiSearch(Tally(loaded.program), {"FLOPS": Fraction(2 * cost(loaded.compile().network).macs)}).run()
        assert isinstance(found, Found) and (found.looked_to is None) == complete
