"""Finds the largest scale that fits a budget.

All costs are exact integers of concrete networks (`cost_table`). Along one axis (φ, d, w or r) the network changes
only where a whole number changes, and these points are known (`axis`). So an answer is a network, the interval of the
axis with this network, and the next larger network, which does not fit.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise

from scalec.limits import MAX_PHI
from scalec.program.quantities import QUANTITIES
from scalec.program.setting import Setting
from scalec.record import record
from scalec.solve.axis import STEPS, Axis
from scalec.solve.cost_table import NetworkTally, Tally
from scalec.solve.growth_proof import PROVABLE

LOOK_AHEAD = Fraction(5, 2)
"""Above the answer, every network is tried that needs no more than so many times a limit: costs might fall again."""


def amount(network: NetworkTally, key: str) -> int:
    """Return how much a network has of a quantity, as in `require`."""
    field = QUANTITIES[key].field
    return network.memory if field is None else int(getattr(network.cost, field))


Budgets = Mapping[str, Fraction]
"""A limit for each quantity that has one; a network fits if every one is at most that."""


@record
class Spent:
    """What a network takes of one budget."""

    quantity: str
    value: int
    limit: Fraction

    @property
    def slack(self) -> Fraction:
        """How much is left; below 0, how much is missing."""
        return self.limit - self.value

    @property
    def share(self) -> Fraction:
        """The share of the limit that is used; nothing is left at 1."""
        return self.value / self.limit


def spent(network: NetworkTally, budgets: Budgets) -> tuple[Spent, ...]:
    """Compare a network with each budget."""
    return tuple(Spent(key, amount(network, key), limit) for key, limit in budgets.items())


def fits(network: NetworkTally | None, budgets: Budgets, room: Fraction = Fraction(1)) -> bool:
    """Return whether a network exists and keeps within `room` times every budget."""
    return network is not None and all(amount(network, key) <= room * limit for key, limit in budgets.items())


def binding(network: NetworkTally, above: NetworkTally | None, budgets: Budgets) -> str | None:
    """Name the budget that the next network up breaks, the most broken one if several; without one there is none."""
    if above is None:
        return None
    broken = [each for each in spent(above, budgets) if each.slack < 0]
    return max(broken, key=lambda each: each.share).quantity if broken else None


@record
class Interval:
    """Points of an axis, in steps, from `low` to below `high`, which all give one network."""

    low: int
    high: int

    def shortest(self) -> Fraction:
        """Return the number with the fewest decimals that lies in it: 0, or the least of several."""
        unit = STEPS
        while unit > 1:
            first = -(-self.low // unit) * unit
            if first < self.high:
                return Fraction(0 if self.low <= 0 < self.high else first, STEPS)
            unit //= 10
        return Fraction(self.low, STEPS)


@record
class Found:
    """The answer along φ: the network and the φ that give it, and the next network up.

    `above` is nothing where there is no other up to the end of the axis. `monotone` says that no network that was
    tried needs less than one before it, `proven` that every dimension is known to be a staircase. Networks beyond
    `looked_to` were not tried; nothing: none of them can fit, because a cost that is too large is proved to grow.
    """

    network: NetworkTally
    interval: Interval
    above: NetworkTally | None
    above_at: Interval | None
    monotone: bool
    proven: bool
    looked_to: Fraction | None = None


@record
class Nothing:
    """No network fits: the smallest there is, where it is, and where the axis ends below it."""

    smallest: NetworkTally | None
    at: int


class PhiSearch:
    """Looks for the largest φ within budgets. Points are in steps of 1/10,000."""

    def __init__(self, tally: Tally, budgets: Budgets, base: Setting | None = None) -> None:
        """Search over the values of `base`."""
        self.axis = Axis(tally, "phi", base or Setting())
        self.budgets = budgets
        self.tried: dict[int, NetworkTally | None] = {}

    def run(self) -> Found | Nothing:
        """Return the largest φ from -32 to 32 whose network fits, or the smallest network."""
        best = self._bisected()
        if best is None:
            return self._nothing()
        if self._is_largest(best):
            return self._with_next(best)
        end = self._far(best)
        starts = [start for start in self.axis.starts(best, end) if start > best] if end > best else []
        for start in starts:
            if self._fits(start):
                best = start
        later = [start for start in starts if start > best]
        interval = Interval(self._first(best), later[0] if later else MAX_PHI * STEPS + 1)
        above = self.at(later[0]) if later else None
        beyond = Interval(later[0], later[1] if len(later) > 1 else self._last(later[0]) + 1) if later else None
        network = self.at(best)
        assert network is not None
        looked_to = Fraction(end, STEPS) if end < MAX_PHI * STEPS else None
        return Found(network, interval, above, beyond, self._is_monotone(), self.axis.proven, looked_to)

    def _is_largest(self, best: int) -> bool:
        """Return whether a cost that the next point breaks is proved to grow from there to the end of the axis."""
        if best >= MAX_PHI * STEPS or (above := self.at(best + 1)) is None:
            return False
        broken = {each.quantity for each in spent(above, self.budgets) if each.slack < 0}
        return bool(broken & set(PROVABLE)) and self.axis.grows(best, MAX_PHI * STEPS)

    def _with_next(self, best: int) -> Found:
        """Return an answer that is proved to be the largest, with the next network up."""
        network, above = self.at(best), self.at(best + 1)
        assert network is not None
        interval, beyond = Interval(self._first(best), best + 1), Interval(best + 1, self._last(best + 1) + 1)
        return Found(network, interval, above, beyond, self._is_monotone(), self.axis.proven)

    def at(self, point: int) -> NetworkTally | None:
        """Return the network at a point."""
        if point not in self.tried:
            self.tried[point] = self.axis.at(point)
        return self.tried[point]

    def _fits(self, point: int, room: Fraction = Fraction(1)) -> bool:
        return fits(self.at(point), self.budgets, room)

    def _bisected(self) -> int | None:
        """Return a point that fits and whose next one does not: the only one, if costs are monotone."""
        if self._fits(0):
            return self._edge(0, self._fits)
        low, step = 0, -STEPS // 4
        while low > -MAX_PHI * STEPS and self.at(low) is not None:
            low, step = max(low + step, -MAX_PHI * STEPS), 2 * step
            if self._fits(low):
                return between(low, 0, self._fits)
        inside = next((p for p in sorted(self.tried, reverse=False) if self.tried[p] is not None), None)
        vanished = max((p for p in self.tried if self.tried[p] is None), default=None)
        if inside is None or vanished is None or vanished > inside:
            return None
        smallest = -between(-inside, -vanished, lambda point: self.at(-point) is not None)
        return between(smallest, 0, self._fits) if self._fits(smallest) else None

    def _edge(self, start: int, holds: Callable[[int], bool]) -> int:
        """Go up from a point that holds, in growing steps, and give the last that does."""
        step, low = STEPS // 16, start
        while low < MAX_PHI * STEPS:
            high = min(low + step, MAX_PHI * STEPS)
            if not holds(high):
                return between(low, high, holds)
            low, step = high, 2 * step
        return low

    def _far(self, best: int) -> int:
        """Return the first point above the best that is far beyond a budget, or has no network."""
        if best >= MAX_PHI * STEPS:
            return best
        far = self._edge(best, lambda point: self._fits(point, LOOK_AHEAD))
        return min(far + 1, MAX_PHI * STEPS)

    def _first(self, point: int) -> int:
        """Return the first point with the same network."""
        same, step = point, 16
        while same > -MAX_PHI * STEPS:
            low = max(same - step, -MAX_PHI * STEPS)
            if not self._is_same(low, point):
                return -between(-same, -low, lambda p: self._is_same(-p, point))
            same, step = low, 4 * step
        return same

    def _last(self, point: int) -> int:
        """Return the last point with the same network."""
        return self._edge(point, lambda p: self._is_same(p, point))

    def _is_same(self, one: int, other: int) -> bool:
        first, second = self.at(one), self.at(other)
        return first is not None and second is not None and first.model == second.model

    def _is_monotone(self) -> bool:
        tried = [network for _, network in sorted(self.tried.items()) if network is not None]
        values = [tuple(amount(network, key) for key in self.budgets) for network in tried]
        return all(a <= b for one, two in pairwise(values) for a, b in zip(one, two, strict=True))

    def _nothing(self) -> Nothing:
        built = sorted(point for point, network in self.tried.items() if network is not None)
        return Nothing(self.tried[built[0]], built[0]) if built else Nothing(None, 0)


def between(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the last point that holds, of low, which does, to high, which does not."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
