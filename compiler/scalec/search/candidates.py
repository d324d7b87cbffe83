"""The networks that a search compares: it counts every point of the grid and removes points with a different cost.

Points that give the same whole numbers are one candidate. All costs are exact; NumPy only collects them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from itertools import product

import numpy as np

from scalec.compiler import Loaded
from scalec.cost.compiled import Compiled
from scalec.cost.count import cost
from scalec.cost.requirements import BROKEN, holds
from scalec.diagnostics.diagnostic import CompileError
from scalec.emit.emit import emit
from scalec.language import exact
from scalec.language import syntax as s
from scalec.language.exact import Number
from scalec.language.unparse import spell_name
from scalec.network.python_names import python_name
from scalec.program.evaluate import Failure, Value, number, truth
from scalec.program.request import Request
from scalec.program.scope import World
from scalec.program.search_statement import Sought, speaks_of_network
from scalec.program.setting import Setting
from scalec.record import record, unique
from scalec.search.engine import Point
from scalec.solve.cost_table import NetworkTally, Tally
from scalec.solve.pareto import FreeSearch
from scalec.solve.phi import Budgets, amount
from scalec.solve.vectorized import evaluate_many

Values = tuple[tuple[str, Fraction], ...]
"""The unknowns, and what they are."""


@unique
class Candidate:
    """A network to measure, and the values that give it."""

    values: Values
    network: NetworkTally
    growth: Fraction
    """FLOPS over those of the baseline."""
    nominal: Number | None
    """What the left side of the spec's `≈` comes to."""
    merged: int = 1
    """How many points of the grid give this network."""

    @property
    def name(self) -> str:
        """Return the values in words: `α = 1.2, β = 1.1`."""
        return ", ".join(f"{spell_name(name)} = {shown(value)}" for name, value in self.values)

    @property
    def changes(self) -> list[tuple[str, str]]:
        """Return the values as `--set` has them."""
        return [(name, shown(value)) for name, value in self.values]


@record
class Candidates:
    """All of them, in the order of their values, and what became of the others."""

    chosen: tuple[Candidate, ...]
    points: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    """How many points were left out, by reason."""
    monotone: bool = True


def shown(value: Fraction) -> str:
    """Write a value as a spec has it: a decimal where that is exact, else a fraction."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return exact.show(value, 20) if rest == 1 else f"{value.numerator}/{value.denominator}"


def candidates(loaded: Loaded, sought: Sought, match: str) -> Candidates:
    """Return the candidates of a spec's own `search`; `match` is `realised` or `nominal`; raise `CompileError`."""
    return _Grid(loaded, sought, match == "realised").run()


def maximal(loaded: Loaded, names: Sequence[str], budgets: Budgets, base: Setting, low: Fraction) -> Candidates:
    """Return the networks that fill budgets and cannot grow in d, w and r; raise `Entangled`."""
    tally = Tally(loaded.program)
    surface = FreeSearch(tally, budgets, names, base, low).run()
    baseline = cost(loaded.named("baseline")).macs
    found = [
        Candidate(
            tuple((name, model.at[name].shortest()) for name in names), model.network,
            Fraction(model.network.cost.macs, baseline), None,
        )
        for model in surface.models
    ]  # fmt: skip
    return Candidates(tuple(found), surface.box, {}, surface.monotone)


def compiled(loaded: Loaded, candidate: Candidate, fixed: Mapping[str, Value]) -> Compiled:
    """Compile a candidate with some params set. Raises `CompileError`."""
    own = {name: shown(value) if isinstance(value, Fraction) else str(value).lower() for name, value in fixed.items()}
    phi = own.pop("phi", None)
    return loaded.compile(Request(phi, changes=(*own.items(), *candidate.changes)))


def point_of(made: Compiled, name: str) -> Point:
    """Return a compiled network to the engine."""
    x = made.network.x
    shape = (x.channels, x.height, x.width) if x.is_map else (x.channels, 1, 1)
    return Point(name, emit(made), python_name(made.network.name), shape)


class _Grid:
    def __init__(self, loaded: Loaded, sought: Sought, realised: bool) -> None:
        self.loaded, self.sought, self.realised = loaded, sought, realised
        self.program, self.tally = loaded.program, Tally(loaded.program)
        self.base = Setting(names=dict(sought.fixed))
        baseline = loaded.named("baseline")
        self.matched = sought.statement.match.quantity.key if sought.statement.match and realised else "FLOPS"
        own = self.tally.evaluate(Setting(scaled=False))
        self.flops, self.baseline = cost(baseline).macs, amount(own, self.matched)
        self.dropped: dict[str, int] = {}

    def run(self) -> Candidates:
        """Enumerate, count, leave out, merge."""
        points = list(product(*(each.values for each in self.sought.ranges)))
        kept = self._matching(points)
        groups: dict[object, list[tuple[Values, NetworkTally]]] = {}
        for values in kept:
            network = self.tally.at(dict(values), self.base)
            if network is not None:
                groups.setdefault(network.model, []).append((values, network))
        chosen = [made for group in groups.values() if (made := self._representative(group))]
        chosen.sort(key=lambda candidate: candidate.values)
        return Candidates(tuple(chosen), len(points), self.dropped)

    def _matching(self, points: Sequence[tuple[Fraction, ...]]) -> Iterator[Values]:
        """Return the points whose cost is the one that is meant, and that meet all other conditions."""
        names = [each.name for each in self.sought.ranges]
        there: Iterable[int] = range(len(points))
        if self.realised and self.sought.growth is not None:
            there = self._in_window(names, points)
        for index in there:
            values: Values = tuple(zip(names, points[index], strict=True))
            if (reason := self._refused(values)) is None:
                yield values
            else:
                self._drop(reason)

    def _drop(self, reason: str, count: int = 1) -> None:
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    def _in_window(self, names: Sequence[str], points: Sequence[tuple[Fraction, ...]]) -> list[int]:
        """Count every point, and give those whose growth over the baseline is as meant."""
        unit = self.sought.denominator
        columns = {name: [int(point[i] * unit) for point in points] for i, name in enumerate(names)}
        figures = evaluate_many(self.tally, columns, unit, self.base)
        values = getattr(figures, {"FLOPS": "macs"}.get(self.matched, self.matched))
        found = self.sought.target(World(self.program.file, dict(self.base.names)), matched=True)
        assert found is not None
        low, high = (exact.multiply(Fraction(self.baseline), side(*found)) for side in (exact.subtract, exact.add))
        inside = figures.exists & (values >= exact.ceil(low)) & (values <= exact.floor(high))
        self._drop("cannot be built", int((~figures.exists).sum()))
        grown = f"{self.matched} do not grow by {exact.show(found[0])} ± {exact.show(found[1])}"
        self._drop(grown, int((figures.exists & ~inside).sum()))
        return [int(index) for index in np.flatnonzero(inside)]

    def _refused(self, values: Values) -> str | None:
        """Return which condition of params and lets a point breaks; the network is looked at later."""
        scope = World(self.program.file, {**self.base.names, **dict(values)}).main
        conditions: list[s.Expr] = [each for each in self.sought.others if not speaks_of_network(each)]
        if self.sought.growth is not None and not self.realised:
            conditions.append(self.sought.growth)
        for condition in conditions:
            try:
                if not truth(condition, scope):
                    return f"`{condition.span.text}` does not hold"
            except Failure as failure:
                raise CompileError([failure.diagnostic]) from None
        return None

    def _representative(self, group: list[tuple[Values, NetworkTally]]) -> Candidate | None:
        """Of points that give one network take the one nearest to the growth that is meant, the least of several."""
        ranked = sorted(((self._nominal(values), values, network) for values, network in group), key=self._rank)
        reason = ""
        for nominal, values, network in ranked:
            made = Candidate(values, network, Fraction(network.cost.macs, self.flops), nominal, len(group))
            reason = self._broken(made)
            if not reason:
                return made
        self._drop(reason, len(group))
        return None

    def _nominal(self, values: Values) -> Number | None:
        if self.sought.growth is None:
            return None
        return number(
            self.sought.growth.operands[0], World(self.program.file, {**self.base.names, **dict(values)}).main
        )

    def _rank(self, each: tuple[Number | None, Values, NetworkTally]) -> tuple[float, Values]:
        nominal, values, _ = each
        found = self.sought.target(World(self.program.file, dict(self.base.names)), matched=False)
        if nominal is None or found is None:
            return 0.0, values
        return abs(exact.approximate(nominal) - exact.approximate(found[0])), values

    def _broken(self, candidate: Candidate) -> str:
        """Return which requirement, or condition about the network, does not hold; nothing if all do."""
        try:
            made = compiled(self.loaded, candidate, self.sought.fixed)
        except CompileError as error:
            return _reason(error)
        for condition in self.sought.others:
            if speaks_of_network(condition) and not holds(condition, made.network, self.loaded.named):
                return f"`{condition.span.text}` does not hold"
        return ""


def _reason(error: CompileError) -> str:
    """Return what is wrong in a line: of a requirement which one, and not at which φ."""
    found = error.diagnostics[0]
    return f"a requirement does not hold: `{found.label.span.text}`" if found.code == BROKEN else found.message
