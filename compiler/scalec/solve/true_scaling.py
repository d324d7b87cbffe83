"""Corrects a scale for rounding: finds the network nearest to d, w and r of a φ whose real FLOPS grow as in the paper.

"for any new φ, the total FLOPS will approximately increase by 2^φ" (Section 3.3), exactly by (α · β² · γ²)^φ = d · w²
· r². Rounding changes that growth, so this module changes d, w and r instead. The distance of a network is
√(ln²(d/d₀) + ln²(w/w₀) + ln²(r/r₀)). Each of d, w and r is the nearest multiple of 1/10,000 that gives the same
number of layers, channels or pixels; its term is 0 if d₀ (or w₀, r₀) gives that number itself. The cells of the box
are tried in the order of their distance, so the first network with the right growth is the nearest. The box allows a
factor on each side, and grows until no network outside can be nearer.
"""

import heapq
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from scalec.cost.growth import product
from scalec.diagnostics.diagnostic import CompileError, Diagnostic, Label
from scalec.language import exact
from scalec.language.exact import Number
from scalec.program.scope import World
from scalec.program.setting import Setting
from scalec.record import record
from scalec.solve.axis import STEPS, Axis
from scalec.solve.cost_table import NetworkTally, Tally
from scalec.solve.pareto import check_separable
from scalec.solve.phi import Interval

NAMES = ("d", "w", "r")
BOXES = (Fraction(5, 4), Fraction(3, 2), Fraction(2), Fraction(4))
"""The neighbourhood: each dimension from 1/factor to factor times its nominal value, the next factor if need be."""
MOST_TRIED = 10_000
"""The neighbourhood ends after so many of the nearest networks, too."""
_CONTEXT = Context(prec=40, rounding=ROUND_HALF_EVEN)


@record
class Moved:
    """One dimension of the answer: its nominal value, where it lies now, and the point nearest to the nominal value."""

    name: str
    nominal: Number
    interval: Interval
    nearest: Number

    @property
    def factor(self) -> float:
        """By how much it was multiplied; 1 if it did not move."""
        return exact.approximate(self.nearest) / exact.approximate(self.nominal)


@record
class Kept:
    """The network that keeps the promise, and what it costs in distance.

    `target` is the growth of FLOPS over `baseline` that was asked for, `nominal` the network that the rules give.
    """

    network: NetworkTally
    moved: tuple[Moved, ...]
    target: Number
    baseline: int
    nominal: NetworkTally | None
    distance: Decimal
    tried: int


@record
class _Class:
    interval: Interval
    nearest: Number
    distance: Decimal
    """Squared."""


def nominal(tally: Tally, base: Setting) -> dict[str, Number]:
    """Return what the spec's d, w and r come to; raise `CompileError` where it has none."""
    program, scope = tally.program, World(tally.program.file, base.names).main
    found: dict[str, Number] = {}
    for name in NAMES:
        span, value = program.network.name.span, scope.number(name)
        if value is None or exact.sign(value) <= 0:
            help = "write `let d = α^φ, w = β^φ, r = γ^φ`, and use them in the scale rules"
            raise CompileError([Diagnostic("E501", f"the spec has no positive `{name}`", Label(span, ""), help=help)])
        found[name] = value
    return found


def keep_promise(
    tally: Tally, base: Setting, target: Number | None = None, tolerance: Fraction = Fraction(1, 100)
) -> Kept | None:
    """Find the nearest network whose FLOPS are `target` (d·w²·r², if not given) times the baseline's, ± a share of it.

    `base` says which φ. Nothing, if there is none in the neighbourhood. Raises `Entangled`, `CompileError`.
    """
    check_separable(tally, NAMES)
    values = nominal(tally, base)
    target = product(values["d"], values["w"], values["r"]) if target is None else target
    baseline = tally.evaluate(Setting(scaled=False)).cost.macs
    wanted = exact.multiply(target, Fraction(baseline))
    low, high = (exact.multiply(wanted, 1 + sign * tolerance) for sign in (-1, 1))
    inside = (exact.ceil(low), exact.floor(high))
    nearest = tally.at(base.names, base)
    for factor in BOXES:
        classes = [_classes(tally, base, values, name, factor) for name in NAMES]
        tried = 0
        for distance, cell in _nearest_first(classes):
            if tried == MOST_TRIED:
                return None
            if distance > _CONTEXT.power(_ln(factor), 2):
                break
            chosen = [options[index] for options, index in zip(classes, cell, strict=True)]
            names = {name: Fraction(each.interval.low, STEPS) for name, each in zip(NAMES, chosen, strict=True)}
            network, tried = tally.at(names, base), tried + 1
            if network is not None and inside[0] <= network.cost.macs <= inside[1]:
                moved = tuple(
                    Moved(name, values[name], each.interval, each.nearest)
                    for name, each in zip(NAMES, chosen, strict=True)
                )
                return Kept(network, moved, target, baseline, nearest, _CONTEXT.sqrt(distance), tried)
    return None


def _classes(tally: Tally, base: Setting, values: dict[str, Number], name: str, factor: Fraction) -> list[_Class]:
    """Return the classes of one dimension around its nominal value, the nearest first."""
    value = values[name]
    axis = Axis(tally, name, Setting(names={**base.names, **values}, parameters=base.parameters))
    low = max(1, exact.floor(exact.multiply(value, STEPS / factor)))
    high = exact.ceil(exact.multiply(value, STEPS * factor))
    starts = axis.starts(low, high)
    own = axis.numbers(value)
    found = []
    for start, end in zip(starts, [*starts[1:], high + 1], strict=True):
        interval = Interval(start, end)
        nearest: Number = Fraction(start, STEPS)
        if exact.compare(value, nearest) > 0:
            nearest = Fraction(end - 1, STEPS)
            if exact.compare(value, nearest) < 0 or axis.numbers(nearest) == own:
                nearest = value
        elif axis.numbers(nearest) == own:
            nearest = value
        found.append(_Class(interval, nearest, _squared_log(nearest, value)))
    return sorted(found, key=lambda each: (each.distance, each.interval.low))


def _squared_log(one: Number, other: Number) -> Decimal:
    return Decimal(0) if one == other else _CONTEXT.power(_CONTEXT.subtract(_ln(one), _ln(other)), 2)


def _ln(value: Number) -> Decimal:
    """Return a logarithm to 25 digits or so, the same on every machine."""
    scaled = exact.round_half_up(exact.multiply(value, Fraction(10**30)))
    return _CONTEXT.subtract(_CONTEXT.ln(Decimal(scaled)), _CONTEXT.ln(Decimal(10**30)))


def _nearest_first(classes: list[list[_Class]]) -> Iterator[tuple[Decimal, tuple[int, ...]]]:
    """Return every cell with its squared distance, in order; ties in the order of the classes."""
    start = (0,) * len(classes)
    heap = [(_distance(classes, start), start)]
    seen = {start}
    while heap:
        distance, cell = heapq.heappop(heap)
        yield distance, cell
        for i, options in enumerate(classes):
            after = (*cell[:i], cell[i] + 1, *cell[i + 1 :])
            if after[i] < len(options) and after not in seen:
                seen.add(after)
                heapq.heappush(heap, (_distance(classes, after), after))


def _distance(classes: list[list[_Class]], cell: tuple[int, ...]) -> Decimal:
    total = Decimal(0)
    for options, index in zip(classes, cell, strict=True):
        total = _CONTEXT.add(total, options[index].distance)
    return total
