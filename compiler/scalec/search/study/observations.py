"""Decides whether the measured accuracies support the paper's two observations: yes, no, or undecided.

docs/study.md describes the tests. Every network is trained with the same seeds, so seeds are blocks: an effect that a
seed has on all networks cancels. The remaining variance, pooled over all networks, says how certain a difference is.
Accuracies are fractions. Growth is the real FLOPS divided by those of the baseline.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Literal

from scalec.record import record

LEVEL = 0.05
"""How often a yes, or a no, may come of chance alone."""
SLACK = 1.02
"""A network may cost so much more than another and still count as costing no more: whole numbers match no closer."""
SINGLE = ("d", "w", "r")

Verdict = Literal["yes", "no", "undecided"]
Weights = Mapping[str, float]
"""A contrast: what each network's mean accuracy counts in it, by its name."""


@record
class Line:
    """Networks along one way to scale, by growth, from the baseline up."""

    name: str
    points: tuple[tuple[float, str], ...]
    """Growth, and the name of the network."""


@record
class Estimate:
    """A contrast of accuracies: what it is of, its value, its standard error, and whether it is above or below 0."""

    about: str
    value: float
    error: float
    sign: Literal[-1, 0, 1]


@record
class Finding:
    """What the data say to one claim, and the estimates that decide it."""

    claim: str
    verdict: Verdict
    because: tuple[Estimate, ...] = ()
    parts: tuple["Finding", ...] = ()


class Blocks:
    """Accuracy by network and seed; networks that lack a seed are left out, as are all if there is but one seed."""

    def __init__(self, runs: Mapping[str, Mapping[int, float]]) -> None:
        """Take the means, and the spread that neither networks nor seeds explain."""
        self.seeds = sorted(set().union(*runs.values()))
        self.runs = {name: by for name, by in runs.items() if sorted(by) == self.seeds}
        self.mean = {name: math.fsum(by.values()) / len(by) for name, by in self.runs.items()}
        self.freedom = max(len(self.runs) - 1, 0) * max(len(self.seeds) - 1, 0)
        self.variance = self._spread() / self.freedom if self.freedom > 0 else math.nan

    def _spread(self) -> float:
        whole = math.fsum(self.mean.values()) / len(self.mean)
        by_seed = {s: math.fsum(by[s] for by in self.runs.values()) / len(self.runs) for s in self.seeds}
        return math.fsum(
            (by[s] - self.mean[name] - by_seed[s] + whole) ** 2 for name, by in self.runs.items() for s in self.seeds
        )

    def kept(self, line: Line) -> Line:
        """Leave out of a line the networks that were left out here."""
        return Line(line.name, tuple(point for point in line.points if point[1] in self.runs))

    def estimate(self, about: str, weights: Weights, above: float = 1, below: float = 1) -> Estimate:
        """Estimate a contrast. It is above 0, or below, at `LEVEL` over so many ways for chance to bring that about."""
        value = math.fsum(weight * self.mean[name] for name, weight in weights.items())
        if self.freedom <= 0:
            return Estimate(about, value, math.nan, 0)
        error = math.sqrt(self.variance * math.fsum(w * w for w in weights.values()) / len(self.seeds))
        up, down = (error * _quantile(LEVEL / ways, self.freedom) for ways in (above, below))
        return Estimate(about, value, error, 1 if value > up else -1 if value < -down else 0)


def _quantile(share: float, freedom: int) -> float:
    """Return the value that Student's t exceeds with a probability."""
    from scipy.stats import t

    return float(t.isf(share, freedom))


def observation_1(blocks: Blocks, lines: Sequence[Line]) -> Finding:
    """Scaling any one dimension improves accuracy, and the gain diminishes.

    Over log₂ of growth a straight line fitted to the means rises, and a parabola bends down.
    """
    parts = [_along(blocks, line, len(lines)) for line in map(blocks.kept, lines)]
    verdicts = {part.verdict for part in parts}
    verdict: Verdict = "no" if "no" in verdicts else "yes" if verdicts == {"yes"} else "undecided"
    claim = "scaling up any one dimension improves accuracy, and the gain diminishes"
    return Finding(claim, verdict, parts=tuple(parts))


def _along(blocks: Blocks, line: Line, lines: int) -> Finding:
    claim = f"scaling {line.name} improves accuracy, and the gain diminishes"
    if len(line.points) < 3:
        return Finding(claim, "undecided")
    slope, bend = _shapes([math.log2(growth) for growth, _ in line.points])
    names = [name for _, name in line.points]
    ways = 2 * lines
    rise = blocks.estimate("gain for each doubling", dict(zip(names, slope, strict=True)), below=ways)
    twice = {name: 2 * weight for name, weight in zip(names, bend, strict=True)}
    turn = blocks.estimate("change of that gain from one doubling to the next", twice, above=ways)
    verdict: Verdict = "undecided"
    if rise.sign < 0 or turn.sign > 0:
        verdict = "no"
    elif rise.sign > 0 and turn.sign < 0:
        verdict = "yes"
    return Finding(claim, verdict, (rise, turn))


def _shapes(x: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the weights of values at x whose sums are the best line's slope and the best parabola's x²."""
    one = [1.0] * len(x)
    straight = _without(x, [one])
    square = _without([each * each for each in x], [one, straight])
    return _unit(straight), _unit(square)


def _unit(column: Sequence[float]) -> list[float]:
    size = math.fsum(each * each for each in column)
    return [each / size for each in column]


def _without(column: Sequence[float], others: Sequence[Sequence[float]]) -> list[float]:
    """Take out of a column what others, at right angles to each other, explain of it."""
    left = list(column)
    for other in others:
        share = math.fsum(a * b for a, b in zip(left, other, strict=True)) / math.fsum(b * b for b in other)
        left = [a - share * b for a, b in zip(left, other, strict=True)]
    return left


def observation_2(blocks: Blocks, single: Sequence[Line], balanced: Sequence[Line], budget: float) -> Finding:
    """Balance beats any one dimension: at the largest budget, some balanced network beats all that cost no more.

    Those are every network with one dimension scaled, and what lies between two of them at the same cost.
    """
    single, balanced = ([blocks.kept(line) for line in lines] for lines in (single, balanced))
    parts = []
    for line in balanced:
        near = [point for point in line.points if budget / 1.5 < point[0] < budget * 1.5]
        if near:
            parts.append(_beats(blocks, line.name, near[-1], single, len(balanced)))
    verdicts = {part.verdict for part in parts}
    verdict: Verdict = "yes" if "yes" in verdicts else "no" if verdicts == {"no"} else "undecided"
    claim = f"at {budget:g}x the FLOPS, balanced scaling beats the best of one dimension"
    return Finding(claim, verdict, parts=tuple(parts))


def _beats(blocks: Blocks, name: str, point: tuple[float, str], single: Sequence[Line], lines: int) -> Finding:
    growth, own = point
    rivals = dict(_rivals(growth, single))
    found = []
    for about, rival in rivals.items():
        weights = {own: 1.0}
        for each, weight in rival.items():
            weights[each] = weights.get(each, 0.0) - weight
        found.append(blocks.estimate(about, weights, above=lines, below=len(rivals)))
    found.sort(key=lambda each: each.value)
    verdict: Verdict = "undecided"
    if any(each.sign < 0 for each in found):
        verdict = "no"
    elif found and all(each.sign > 0 for each in found):
        verdict = "yes"
    return Finding(f"{name} beats every one-dimensional network within {growth:.2f}x", verdict, tuple(found))


def _rivals(growth: float, single: Iterable[Line]) -> Iterable[tuple[str, Weights]]:
    """Return what a network of this growth has to beat."""
    for line in single:
        for (lower, name), (upper, other) in pairwise(line.points):
            if lower < growth < upper and upper > SLACK * growth:
                about = f"{line.name} at {growth:.2f}x, between {lower:.2f}x and {upper:.2f}x"
                yield about, between(growth, lower, upper, name, other)
        for at, name in line.points:
            if 1 < at <= SLACK * growth:
                yield f"{line.name} at {at:.2f}x", {name: 1.0}


def between(growth: float, lower: float, upper: float, name: str, other: str) -> Weights:
    """Interpolate in the logarithm of growth."""
    share = math.log(growth / lower) / math.log(upper / lower)
    return {name: 1 - share, other: share}


def under(blocks: Blocks, base: Line, others: Sequence[Line]) -> list[Finding]:
    """Tell for each line of widths, under another depth or resolution, whether it lies above the base line of widths.

    Where their costs overlap, on average: the base line's accuracy is interpolated at each point of the other.
    """
    base, found = blocks.kept(base), []
    for line in map(blocks.kept, others):
        weights: dict[str, float] = {}
        count = 0
        for growth, name in line.points:
            spans = [(low, high) for low, high in pairwise(base.points) if low[0] <= growth <= high[0]]
            if not spans:
                continue
            (lower, one), (upper, two) = spans[0]
            count += 1
            weights[name] = weights.get(name, 0.0) + 1
            for each, weight in between(growth, lower, upper, one, two).items():
                weights[each] = weights.get(each, 0.0) - weight
        claim = f"at the same FLOPS, width under {line.name} beats width alone"
        if not count:
            found.append(Finding(claim, "undecided"))
            continue
        mean = {name: weight / count for name, weight in weights.items()}
        gap = blocks.estimate("mean difference where costs overlap", mean, above=len(others), below=len(others))
        verdict: Verdict = "yes" if gap.sign > 0 else "no" if gap.sign < 0 else "undecided"
        found.append(Finding(claim, verdict, (gap,)))
    return found
