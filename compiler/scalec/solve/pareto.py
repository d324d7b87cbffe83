"""Finds every network within a budget that no free dimension can enlarge. The free dimensions are some of d, w and r.

Each free dimension has its own list of classes: the points of its axis where the network changes. No whole number may
depend on two free dimensions, so the dimensions are separate. If costs are monotone, the networks that fit form a
staircase in this box. The search follows the edge of the staircase and finds its corners.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

from scalec.program.setting import Setting
from scalec.record import record
from scalec.solve.axis import STEPS, Axis, decisions
from scalec.solve.cost_table import NetworkTally, Tally
from scalec.solve.phi import LOOK_AHEAD, Budgets, Interval, amount, between, fits

MOST = 32
"""A dimension is looked at up to so many times its baseline."""
PARETO = ("FLOPS", "memory", "params")

Cell = tuple[int, ...]
"""One class of each free dimension, by number."""


class Entangled(ValueError):
    """A number of the spec depends on two free dimensions; the message names them."""


@record
class Maximal:
    """A network that fits and cannot grow: where each free dimension lies, and whether it is Pareto-optimal.

    That is, no other of the maximal ones needs less of one and no more of the others of FLOPS, memory and params.
    """

    network: NetworkTally
    at: dict[str, Interval]
    pareto: bool


@record
class Surface:
    """All maximal networks, in the order of their dimensions; `tried` counts networks, of `box` that there are."""

    models: tuple[Maximal, ...]
    tried: int
    box: int
    monotone: bool
    proven: bool
    smallest: NetworkTally | None
    """What the lowest classes give, whether it fits or not."""


class FreeSearch:
    """Looks for maximal networks from `low` upwards in each of `names`, over the values of `base`."""

    def __init__(self, tally: Tally, budgets: Budgets, names: Sequence[str], base: Setting, low: Fraction) -> None:
        """Find the classes. Raises `Entangled`."""
        check_separable(tally, names)
        self.tally, self.budgets, self.names, self.base = tally, budgets, tuple(names), base
        self.low = int(low * STEPS)
        lowest = {name: Fraction(self.low, STEPS) for name in names}
        self.axes = [Axis(tally, name, Setting(names={**base.names, **lowest}, parameters=base.parameters))
                     for name in names]  # fmt: skip
        self.tops = [self._top(axis) for axis in self.axes]
        self.starts = [axis.starts(self.low, top) for axis, top in zip(self.axes, self.tops, strict=True)]
        self.tried: dict[Cell, NetworkTally | None] = {}

    def run(self) -> Surface:
        """Return all maximal networks."""
        edge = self._edge()
        monotone = self._is_monotone()
        cells = edge if monotone else self._all()
        chosen = [(cell, network) for cell in cells if (network := self.at(cell)) is not None]
        costs = [tuple(amount(network, key) for key in PARETO) for _, network in chosen]
        models = tuple(
            Maximal(network, self._where(cell), not any(_dominates(other, own) for other in costs))
            for (cell, network), own in zip(chosen, costs, strict=True)
        )
        box = 1
        for starts in self.starts:
            box *= len(starts)
        proven = all(axis.proven for axis in self.axes)
        return Surface(models, len(self.tried), box, monotone, proven, self.at((0,) * len(self.names)))

    def at(self, cell: Cell) -> NetworkTally | None:
        """Return the network of a cell."""
        if cell not in self.tried:
            points = zip(self.names, self.starts, cell, strict=True)
            self.tried[cell] = self.tally.at({n: Fraction(starts[i], STEPS) for n, starts, i in points}, self.base)
        return self.tried[cell]

    def _fits(self, cell: Cell) -> bool:
        inside = all(index < len(starts) for index, starts in zip(cell, self.starts, strict=True))
        return inside and fits(self.at(cell), self.budgets)

    def _top(self, axis: Axis) -> int:
        """Return the last point in reach of the budgets, with all other dimensions at their lowest."""
        low, step = self.low, STEPS // 8
        while low < MOST * STEPS and fits(axis.at(low), self.budgets, LOOK_AHEAD):
            low, step = min(low + step, MOST * STEPS), 2 * step
        inside = max(low - step // 2, self.low)
        return between(inside, low, lambda point: fits(axis.at(point), self.budgets, LOOK_AHEAD))

    def _edge(self) -> list[Cell]:
        """Walk along the edge of what fits: for each choice of the first dimensions, the most of the last."""
        most: dict[Cell, int] = {}
        *outer, last = [range(len(starts)) for starts in self.starts]
        for cell in product(*outer):
            before = [most[(*cell[:i], cell[i] - 1, *cell[i + 1 :])] for i in range(len(cell)) if cell[i] > 0]
            top = min(before, default=len(last) - 1)
            while top >= 0 and not self._fits((*cell, top)):
                top -= 1
            most[cell] = top
        return [
            (*cell, top) for cell, top in most.items()
            if top >= 0 and all(most.get((*cell[:i], cell[i] + 1, *cell[i + 1 :]), -1) < top for i in range(len(cell)))
        ]  # fmt: skip

    def _is_monotone(self) -> bool:
        """Return whether no network that was tried needs less than a neighbour that is smaller."""
        for cell, network in self.tried.items():
            for i in range(len(cell)):
                smaller = self.tried.get((*cell[:i], cell[i] - 1, *cell[i + 1 :]))
                if network is None or smaller is None:
                    continue
                if any(amount(network, key) < amount(smaller, key) for key in self.budgets):
                    return False
        return True

    def _all(self) -> list[Cell]:
        """Try every cell, where costs may fall: maximal is what fits while no larger one in one dimension does."""
        cells = [cell for cell in product(*(range(len(starts)) for starts in self.starts)) if self._fits(cell)]
        kept = set(cells)
        longest = range(max(len(starts) for starts in self.starts))
        return [
            cell for cell in cells
            if not any((*cell[:i], n, *cell[i + 1 :]) in kept for i in range(len(cell)) for n in longest[cell[i] + 1 :])
        ]  # fmt: skip

    def _where(self, cell: Cell) -> dict[str, Interval]:
        ends = [[*starts[1:], top + 1] for starts, top in zip(self.starts, self.tops, strict=True)]
        return {
            name: Interval(starts[i], end[i])
            for name, starts, end, i in zip(self.names, self.starts, ends, cell, strict=True)
        }


def check_separable(tally: Tally, names: Sequence[str]) -> None:
    """Make sure that each number depends on one free dimension at most. Raises `Entangled`."""
    for decision in decisions(tally):
        met = [name for name in names if name in decision.names]
        if len(met) > 1:
            raise Entangled(f"{' and '.join(met)} decide one number together: they cannot be free at once")


def _dominates(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
