"""An axis through the scales of a program: φ, d, w or r in exact steps, and the points where whole numbers change.

Each repeat, width and size that depends on the axis is a step function. If `monotone` proves that it only grows or
only falls, bisection finds its steps, and each step is exact. Otherwise the axis is sampled, and `proven` is false.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from scalec.diagnostics.diagnostic import Report
from scalec.language import syntax as s
from scalec.language.exact import Number
from scalec.language.visit import names_in
from scalec.network.scale import channel_dim, scales_channels
from scalec.program.dependence import depends_on
from scalec.program.evaluate import Failure, evaluate
from scalec.program.program import File, Program
from scalec.program.scope import LocalScope
from scalec.program.setting import Setting
from scalec.record import record
from scalec.solve.cost_table import Counter, NetworkTally, Tally
from scalec.solve.growth_proof import grows
from scalec.solve.monotone import Ends, direction

STEPS = 10_000
"""Steps of an axis to 1: four decimals, as fine as φ can be written."""
SAMPLE = 100
"""Every so many steps an axis is tried where nothing is proved about it: two decimals."""


About = Literal["height", "width", "channels", "repeats", "when", "value"]


@record
class Decision:
    """A whole number or other value that a scale decides: what it depends on, its value, and its way along an axis.

    `unit` is the unit it is about, -1 for the input; `about` says what it decides there.
    """

    unit: int
    about: About
    names: frozenset[str]
    value: Callable[["Scale"], Hashable]
    way: Callable[[Ends], int | None]


class Scale(Counter):
    """The rules of one program at one scale, without the walk."""

    def __init__(self, tally: Tally, setting: Setting) -> None:
        """Make the scopes of a setting."""
        super().__init__(tally, setting, Report())
        self.local = LocalScope(dict(self.parameters()), self.world.main)


@dataclass
class Axis:
    """`name` is set to multiples of 1/STEPS, over the values of `base`. Points are counted in steps: 10,400 is 1.04."""

    tally: Tally
    name: str
    base: Setting
    proven: bool = True
    _scales: dict[int, Scale] = field(default_factory=dict)

    def setting(self, point: int) -> Setting:
        """Return the setting at a point."""
        names = {**self.base.names, self.name: Fraction(point, STEPS)}
        return Setting(names=names, parameters=self.base.parameters)

    def at(self, point: int) -> NetworkTally | None:
        """Return the network's figures at a point, or None if it cannot be built."""
        return self.tally.at(self.setting(point).names, self.base)

    def numbers(self, value: Number) -> tuple[Hashable, ...]:
        """Return all that the axis decides, at any value of it: where two agree, so do their networks."""
        names = {**self.base.names, self.name: value}
        scale = Scale(self.tally, Setting(names=names, parameters=self.base.parameters))
        return tuple(each.value(scale) for each in decisions(self.tally) if self.name in each.names)

    def starts(self, low: int, high: int) -> list[int]:
        """Return the points from low to high where another network starts, low among them."""
        found = {low}
        for decision in decisions(self.tally):
            if self.name in decision.names:
                found |= {start for start, _ in self.steps(decision, low, high)}
        return sorted(found)

    def grows(self, low: int, high: int) -> bool:
        """Return whether FLOPS, parameters and activations are proved to grow from one point to another."""
        ends = self._ends(low, high)
        decided = [each for each in decisions(self.tally) if self.name in each.names and each.about != "value"]
        ways = [each.way(ends) for each in decided]
        return all(way in (0, 1) for way in ways) and grows(self.tally.program, ends)

    def _ends(self, low: int, high: int) -> Ends:
        scales = (self._scale(low), self._scale(high))
        fixed = frozenset(self.base.names) - {self.name}
        return Ends(self.tally.program, self.name, scales[0].world.main, scales[1].world.main, fixed)

    def steps(self, decision: Decision, low: int, high: int) -> list[tuple[int, Hashable]]:
        """Return the staircase of one decision from low to high: where each value starts, and the value."""
        points = [low, high]
        if decision.way(self._ends(low, high)) is None:
            self.proven = False
            points = [*range(low, high, SAMPLE), high]
        return staircase(lambda point: decision.value(self._scale(point)), points)

    def _scale(self, point: int) -> Scale:
        if point not in self._scales:
            self._scales[point] = Scale(self.tally, self.setting(point))
        return self._scales[point]


def staircase(value: Callable[[int], Hashable], points: list[int]) -> list[tuple[int, Hashable]]:
    """Return where each value starts, from the first point to the last; between two points it goes one way only."""
    found = [(points[0], value(points[0]))]
    for low, high in pairwise(points):
        todo = [(low, found[-1][1] if low == points[0] else value(low), high, value(high))]
        while todo:
            first, at_first, last, at_last = todo.pop()
            if at_first == at_last:
                continue
            if last - first == 1:
                found.append((last, at_last))
                continue
            middle = (first + last) // 2
            at_middle = value(middle)
            todo += [(middle, at_middle, last, at_last), (first, at_first, middle, at_middle)]
    return found


@lru_cache(maxsize=8)  # each axis of a search asks again
def decisions(tally: Tally) -> tuple[Decision, ...]:
    """Return all decisions of a scale. What is computed from other stages (`label.C`) follows from these."""
    return tuple(_decisions(tally))


def _decisions(tally: Tally) -> Iterator[Decision]:
    program = tally.program
    units = program.network.chain.units
    labels = {unit.label.key for unit in units if unit.label}
    for position, (symbol, dim) in enumerate(zip("HW", program.network.input.dims[:-1], strict=False)):
        about: About = "width" if position else "height"
        yield _sized(program, (-1, about), dim.value, None if dim.pinned else symbol, _size(position))
    for index, unit in enumerate(units):
        if unit.repeat is not None:
            depth = None if unit.repeat.pinned else "L"
            yield _sized(program, (index, "repeats"), unit.repeat.count, depth, _repeats(unit))
        dim_of = channel_dim(unit)
        if dim_of is not None and not names_in(dim_of.value) & labels:
            width = "C" if scales_channels(program, index) else None
            yield _sized(program, (index, "channels"), dim_of.value, width, _channels(index, unit))
        if unit.guard is not None and not names_in(unit.guard) & labels:
            yield _valued(program, (index, "when"), program.file, unit.guard)
        needs = tally.needs[index]
        for expr in needs.here:
            if not names_in(expr) & labels:
                yield _valued(program, (index, "value"), program.file, expr)
        for file, expr in needs.atoms:
            yield _valued(program, (index, "value"), file, expr)


def _guarded(value: Callable[[Scale], Hashable]) -> Callable[[Scale], Hashable]:
    """Let what vanishes and what is too large be values at either end."""

    def guarded(scale: Scale) -> Hashable:
        try:
            return value(scale)
        except Failure as failure:
            return failure.diagnostic.code

    return guarded


def _size(position: int) -> Callable[[Scale], Hashable]:
    return lambda scale: scale.input_shape().dims[position]


def _repeats(unit: s.Unit) -> Callable[[Scale], Hashable]:
    return lambda scale: scale.repeats(unit, scale.local)


def _channels(index: int, unit: s.Unit) -> Callable[[Scale], Hashable]:
    return lambda scale: scale.channels(index, unit, scale.local)


def _sized(
    program: Program, where: tuple[int, About], expr: s.Expr, symbol: str | None, value: Callable[[Scale], Hashable]
) -> Decision:
    """Make a decision about a dimension: `symbol` names the rule that scales it."""
    rule = program.scales.get(symbol) if symbol else None
    names = depends_on(program, expr) | (depends_on(program, rule.rule) if rule else set())

    def way(ends: Ends) -> int | None:
        if rule is None or direction(expr, ends) != 0:
            return direction(expr, ends) if rule is None else None
        written = evaluate(expr, ends.low)
        if not isinstance(written, Fraction) or symbol is None:
            return None
        return direction(rule.rule, ends.with_values({symbol: written}))

    return Decision(*where, frozenset(names), _guarded(value), way)


def _valued(program: Program, where: tuple[int, About], file: File, expr: s.Expr) -> Decision:
    """Make a decision about an expression that a stage depends on."""

    def way(ends: Ends) -> int | None:
        return direction(expr, ends) if file is program.file else None

    def value(scale: Scale) -> Hashable:
        return evaluate(expr, scale.local if file is program.file else scale.world.of(file))

    return Decision(*where, frozenset(depends_on(program, expr, file)), _guarded(value), way)
