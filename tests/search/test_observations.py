"""The tests of both observations, on planted data: they must say yes, no, and undecided where that is right."""

import math
import random
from collections.abc import Callable, Mapping
from statistics import fmean

import pytest
from scipy.stats import t

from scalec.search.study.observations import Blocks, Finding, Line, between, observation_1, observation_2, under

GROWTHS = (1, 2, 4, 8, 16)
SEEDS = range(4)
Truth = Callable[[float], float]
"""Accuracy in % at a growth of 2^x."""


def saturating(gain: float) -> Truth:
    return lambda x: 70 + gain * (1 - 2**-x)


def line(name: str, growths: tuple[float, ...] = GROWTHS) -> Line:
    return Line(name, tuple((g, "base" if g == 1 else f"{name} {g}") for g in growths))


def measured(
    truths: Mapping[str, Truth], noise: float, lines: Mapping[str, Line] | None = None, start: int = 0,
    seed_effect: float = 2.0,
) -> Blocks:  # fmt: skip
    """Plant accuracies: the truth, what a seed does to all networks, and noise of this deviation, in points."""
    chance = random.Random(start)
    effect = {seed: chance.gauss(0, seed_effect) for seed in SEEDS}
    runs: dict[str, dict[int, float]] = {}
    for name, truth in truths.items():
        for growth, network in (lines or {}).get(name, line(name)).points:
            runs.setdefault(
                network,
                {s: (truth(math.log2(growth)) + effect[s] + chance.gauss(0, noise)) / 100 for s in SEEDS},
            )
    return Blocks(runs)


def first(truths: Mapping[str, Truth], noise: float, start: int = 0) -> Finding:
    return observation_1(measured(truths, noise, start=start), [line(name) for name in truths])


GOOD: Mapping[str, Truth] = {"d": saturating(6), "w": saturating(8), "r": saturating(12)}


@pytest.mark.parametrize("start", range(5))
def test_observation_1_is_supported(start: int) -> None:
    found = first(GOOD, 0.3, start=start)
    assert found.verdict == "yes" and [part.verdict for part in found.parts] == ["yes"] * 3


@pytest.mark.parametrize(
    ("truth", "verdict"),
    [
        (lambda x: 70 - 1.5 * x, "no"),  # larger is worse
        (lambda x: 70 + 0.5 * x**2, "no"),  # the gain grows
        (lambda x: 70 + 1.0 * x, "undecided"),  # it neither shrinks nor grows
        (lambda x: 70.0, "undecided"),  # nothing happens
        (lambda x: 70 + 6 * x - 1.3 * x**2, "yes"),  # so much less that it falls in the end
    ],
)
def test_one_dimension_decides_observation_1(truth: Truth, verdict: str) -> None:
    found = first({**GOOD, "d": truth}, 0.3, start=1)
    assert [part.verdict for part in found.parts] == [verdict, "yes", "yes"] and found.verdict == verdict


def test_observation_1_is_undecided_in_noise() -> None:
    assert first(GOOD, 8.0).verdict == "undecided"


def test_what_a_seed_does_to_all_networks_drops_out() -> None:
    calm, rough = (measured(GOOD, 0.3, seed_effect=effect) for effect in (0.0, 20.0))
    assert calm.variance == pytest.approx(rough.variance, rel=1e-6)
    assert observation_1(rough, [line(name) for name in GOOD]).verdict == "yes"


BALANCED = {"w = r": saturating(16), "d = w² = r²": saturating(13)}


def second(truths: Mapping[str, Truth], noise: float, start: int = 0) -> Finding:
    """R ends at 8x, as where the data's images are no larger."""
    lines = {name: line(name, GROWTHS[:-1] if name == "r" else GROWTHS) for name in truths}
    blocks = measured(truths, noise, lines, start)
    single, balanced = ([lines[n] for n in truths if (n in "dwr") == alone] for alone in (True, False))
    return observation_2(blocks, single, balanced, 16)


@pytest.mark.parametrize("start", range(5))
def test_observation_2_is_supported_by_one_balanced_line(start: int) -> None:
    found = second({**GOOD, **BALANCED}, 0.3, start)
    assert found.verdict == "yes" and found.parts[0].verdict == "yes"
    assert found.parts[1].verdict == "yes" or start  # 13 to 12: not in every draw


@pytest.mark.parametrize("start", range(5))
def test_observation_2_is_not_supported_where_one_dimension_is_better(start: int) -> None:
    found = second({**GOOD, "w = r": saturating(9), "d = w² = r²": saturating(7)}, 0.3, start)
    assert found.verdict == "no" and found.parts[0].because[0].about.startswith("r at 8.00x")


def test_a_cheaper_network_is_a_rival_too() -> None:
    """R falls at last, but at 4x it is as good as the balanced network at 16x."""
    truths = {**GOOD, "r": lambda x: 70 + 15 * x / 2 if x <= 2 else 60.0, "w = r": saturating(16)}
    assert second(truths, 0.3).parts[0].verdict == "undecided"
    assert second({**truths, "r": lambda x: 90.0 if x == 2 else 60.0}, 0.3).verdict == "no"


def test_observation_2_is_undecided_between_equals_and_in_noise() -> None:
    tie = {**GOOD, "w = r": lambda x: saturating(12)(min(x, 3))}
    assert second(tie, 0.3).verdict == "undecided"
    assert second({**GOOD, **BALANCED}, 8.0).verdict == "undecided"
    mixed = second({**GOOD, "w = r": lambda x: saturating(12)(min(x, 3)), "d = w² = r²": saturating(2)}, 0.3)
    assert [part.verdict for part in mixed.parts] == ["undecided", "no"] and mixed.verdict == "undecided"


def test_costs_are_matched_by_interpolation() -> None:
    assert between(4, 2, 8, "a", "b") == pytest.approx({"a": 0.5, "b": 0.5})
    straight: Mapping[str, Truth] = {"w": lambda x: 70 + 2 * x}
    blocks = measured(
        {**straight, "b": lambda x: 70 + 2 * x}, 0.0, {"w": line("w", (1, 4, 16)), "b": line("b", (1, 8))}
    )
    found = observation_2(blocks, [line("w", (1, 4, 16))], [line("b", (1, 8))], 8)
    assert [each.about for each in found.parts[0].because] == ["w at 8.00x, between 4.00x and 16.00x", "w at 4.00x"]
    assert [each.value for each in found.parts[0].because] == pytest.approx([0, 0.02])


def test_width_under_other_depths_and_resolutions() -> None:
    lines = {
        "w": line("w"), "high": Line("high", ((3, "h3"), (12, "h12"), (48, "h48"))),
        "low": Line("low", ((3, "l3"), (12, "l12"))), "same": Line("same", ((2, "s2"), (8, "s8"))),
        "far": Line("far", ((32, "f32"),)),
    }  # fmt: skip
    truth = saturating(8)
    truths: dict[str, Truth] = {
        "w": truth, "high": lambda x: truth(x) + 3, "low": lambda x: truth(x) - 3, "same": truth, "far": truth
    }  # fmt: skip
    blocks = measured(truths, 0.3, lines)
    base, *others = lines.values()
    found = under(blocks, base, others)
    assert [each.verdict for each in found] == ["yes", "no", "undecided", "undecided"]
    assert found[0].because[0].value == pytest.approx(0.03, abs=0.006) and not found[3].because


def test_networks_that_lack_a_seed_are_left_out() -> None:
    runs = {"base": {0: 0.7, 1: 0.71}, "w 2": {0: 0.72}, "w 4": {0: 0.73, 1: 0.74}, "w 8": {0: 0.73, 1: 0.75}}
    blocks = Blocks(runs)
    assert blocks.kept(line("w")).points == ((1, "base"), (4, "w 4"), (8, "w 8"))
    assert observation_1(blocks, [line("w")]).parts[0].because
    few = observation_1(blocks, [line("w", (1, 2, 4))])
    assert few.verdict == "undecided" and not few.parts[0].because


def test_one_seed_decides_nothing() -> None:
    blocks = Blocks({name: {0: by[0]} for name, by in measured(GOOD, 0.3).runs.items()})
    found = observation_1(blocks, [line(name) for name in GOOD])
    assert found.verdict == "undecided" and math.isnan(found.parts[0].because[0].error)


def test_an_estimate_is_the_paired_t_test_where_there_are_two_networks() -> None:
    one, two = {0: 0.71, 1: 0.74, 2: 0.70}, {0: 0.73, 1: 0.75, 2: 0.73}
    estimate = Blocks({"a": one, "b": two}).estimate("", {"b": 1, "a": -1})
    gaps = [two[seed] - one[seed] for seed in one]
    spread = math.sqrt(sum((gap - fmean(gaps)) ** 2 for gap in gaps) / 2 / 3)
    assert (estimate.value, estimate.error) == pytest.approx((fmean(gaps), spread))
    assert (estimate.sign == 1) == (fmean(gaps) / spread > t.isf(0.05, 2))


def test_chance_alone_seldom_decides() -> None:
    """Of 400 studies in which nothing is true, no more than about 5 % say no, and next to none says yes."""
    flat: dict[str, Truth] = dict.fromkeys(("d", "w", "r", "w = r", "d = w² = r²"), lambda x: 70.0)
    ones, twos = [], []
    for start in range(400):
        ones.append(first({name: flat[name] for name in "dwr"}, 0.6, start=start).verdict)
        twos.append(second(flat, 0.6, start).verdict)
    assert ones.count("yes") <= 4 and 5 <= ones.count("no") <= 32
    assert twos.count("yes") <= 20 and twos.count("no") <= 24
