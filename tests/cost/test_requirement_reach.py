"""Where a requirement still holds, and warnings: cost far from 2^φ, cost that falls as φ grows."""

from fractions import Fraction
from pathlib import Path

import pytest

from nets import compiled, spec
from scalec.commands.cli import main
from scalec.compiler import load_text
from scalec.cost.count import cost
from scalec.diagnostics.diagnostic import CompileError
from scalec.program.request import Request
from scalec.project.spec_check import check

BUDGET = (Path(__file__).parents[1] / "errors" / "E401_nearest.scl").read_text(encoding="utf-8")
FALLING = """
param φ = 0
let w = 2^(φ/4)
scale C → to_multiple(w · C, 8)
block Shrinks <H, W, C> → <H, W, K>
  = sum { Conv(1) → K } { Conv(3) → K when C != K }
network N <8, 8, 3> → <8, 8, 8> = Conv(3) → <8, 8, =16> ⊙ Shrinks → <8, 8, 8>
"""


def test_a_failed_budget_says_how_far_it_reaches() -> None:
    loaded = load_text("budget.scl", BUDGET.encode())
    with pytest.raises(CompileError) as caught:
        loaded.compile(Request(phi="8"))
    (note,) = [n for n in caught.value.diagnostics[0].notes if n.startswith("it holds up to φ = ")]
    reach = Fraction(note.removeprefix("it holds up to φ = "))
    assert cost(loaded.compile(Request(phi=str(reach))).network).macs <= 20_000_000
    with pytest.raises(CompileError):
        loaded.compile(Request(phi=str(reach + Fraction(1, 1000))))


def test_no_reach_is_claimed_where_the_baseline_fails_too() -> None:
    loaded = load_text("budget.scl", BUDGET.replace("20M", "1M").encode())
    with pytest.raises(CompileError) as caught:
        loaded.compile(Request(phi="8"))
    assert not any("holds up to" in note for note in caught.value.diagnostics[0].notes)


@pytest.mark.parametrize(("phi", "warned"), [("0", False), ("1", True), ("4", False), ("7", False)])
def test_growth_far_from_the_promise_is_a_warning(phi: str, warned: bool) -> None:
    """The paper's own rounding grows by 2.573 at φ = 1 (28.6 % too much), and by 16.38 at φ = 4 (2.4 %)."""
    assert [d.code for d in compiled("efficientnet", phi=phi).warnings] == (["W401"] if warned else [])


def test_a_spec_can_make_it_an_error() -> None:
    text = spec("efficientnet").program.file.source.text + "\nrequire FLOPS ≈ 2^φ · baseline.FLOPS ± 25%\n"
    loaded = load_text("strict.scl", text.encode())
    loaded.compile(Request(phi="4"))
    with pytest.raises(CompileError):
        loaded.compile(Request(phi="1"))


def test_falling_cost_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "falling.scl"
    path.write_text(FALLING, encoding="utf-8")
    said, warnings = check(path)
    assert "hold" in said and {d.code for d in warnings} == {"W301", "W402"}, "W301 says why they fall"
    path.write_text(FALLING.replace("when C != K", ""), encoding="utf-8")
    assert check(path)[1] == []
    assert main(["check", str(path)]) == 0 and not capsys.readouterr().err
