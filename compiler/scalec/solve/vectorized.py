"""Costs of very many scales at the same time: `cost_table` with NumPy.

Candidates are whole multiples of 1/denominator, so they are exact. The decisions of a scale (`axis`) have few
different values. A monotone decision is made by bisection over the sorted candidates, any other for each candidate;
all are exact. Then each stage is looked up once for every combination of its input and its decisions, and the costs
are collected by index. Sums are int64, and overflow is checked.

NumPy is an optional dependency (`pip install scalec[solve]`). In `solve`, only this module imports it. The compiler
and `cost` do not import it either, because its import takes as long as compiling the grammar.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from scalec.cost.count import Cost
from scalec.cost.memory.peak import resident_of
from scalec.cost.memory.tape import FLOAT
from scalec.language import syntax as s
from scalec.language.visit import names_in
from scalec.limits import MAX_LAYERS, MAX_NODES
from scalec.network.scale import Task, channel_dim
from scalec.ops.shape import Shape
from scalec.program.evaluate import Failure
from scalec.program.scope import LocalScope
from scalec.program.setting import Setting
from scalec.record import record
from scalec.solve.axis import Decision, Scale, decisions, staircase
from scalec.solve.cost_table import Key, StageTally, Tally
from scalec.solve.monotone import Ends

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_NO_SCOPE: Any = None
_SPAN = 1 << 22
"""Rows with up to so many possible codes are numbered by a table, which is faster than sorting."""


@record
class Figures:
    """Figures by candidate: as `cost.Cost` and `memory.memory` have them. Where `exists` is false, they are 0."""

    exists: Flags
    params: Integers
    buffers: Integers
    macs: Integers
    activations: Integers
    memory: Integers


def evaluate_many(
    tally: Tally, candidates: Mapping[str, npt.ArrayLike], denominator: int = 10_000, base: Setting | None = None
) -> Figures:
    """Count the networks of many scales: `candidates` gives each param or let that varies, in units of 1/denominator.

    Raises `OverflowError` if a figure does not fit into 63 bits.
    """
    return _Grid(tally, candidates, denominator, base or Setting()).run()


class _Grid:
    def __init__(self, tally: Tally, candidates: Mapping[str, npt.ArrayLike], denominator: int, base: Setting) -> None:
        self.tally, self.denominator, self.base = tally, denominator, base
        self.points = {name: np.asarray(points, dtype=np.int64).ravel() for name, points in candidates.items()}
        self.count = len(next(iter(self.points.values())))
        self.exists = np.ones(self.count, dtype=np.bool_)
        self.decided: dict[int, list[_Decided]] = {}
        self.shapes: dict[Shape, int] = {}
        self._scales: dict[tuple[tuple[str, int], ...], Scale] = {}

    def run(self) -> Figures:
        """Walk over the stages, all candidates side by side."""
        unique = {name: np.unique(points, return_inverse=True) for name, points in self.points.items()}
        for decision in decisions(self.tally):
            self.decided.setdefault(decision.unit, []).append(self._decide(decision, unique))
        state = self._input()
        sums = _Sums(self.tally, np.array([FLOAT * shape.elements for shape in self.shapes], dtype=np.int64)[state])
        start, labels, layer, layers = state, dict[str, Integers](), self._zeros(), self._layers()
        self.exists &= layers <= MAX_LAYERS
        for index, unit in enumerate(self.tally.program.network.chain.units):
            row = _Row(index, unit, state, labels, layer, layers)
            numbers, stages = self._stages(row)
            sums.add(numbers, stages)
            shapes = [self._index(stage.y) if stage else -1 for stage in stages]
            after = np.array(shapes, dtype=np.int64)[numbers]
            state = np.where(after < 0, state, after)
            if unit.repeat is not None:
                layer = layer + np.array([stage.layers if stage else 0 for stage in stages], dtype=np.int64)[numbers]
            if unit.label:
                labels[unit.label.key] = state
        self._check_output(state)
        self.exists &= sums.nodes <= MAX_NODES
        return self._figures(sums, start)

    def _zeros(self) -> Integers:
        return np.zeros(self.count, dtype=np.int64)

    def _index(self, shape: Shape) -> int:
        return self.shapes.setdefault(shape, len(self.shapes))

    def _scale(self, **points: int) -> Scale:
        """Return the rules with some names set, the others as in `base`."""
        key = tuple(points.items())
        if key not in self._scales:
            values = {name: Fraction(point, self.denominator) for name, point in points.items()}
            setting = Setting(names={**self.base.names, **values}, parameters=self.base.parameters)
            self._scales[key] = Scale(self.tally, setting)
        return self._scales[key]

    def _scale_of(self, candidate: int) -> Scale:
        return self._scale(**{name: int(points[candidate]) for name, points in self.points.items()})

    def _decide(self, decision: Decision, unique: Mapping[str, tuple[Integers, Integers]]) -> "_Decided":
        """Work out a decision for every candidate, exactly."""
        names = [name for name in self.points if name in decision.names]
        if not names:
            return _Decided(decision, self._zeros(), [decision.value(self._scale_of(0))])
        if len(names) > 1:
            numbers, first = _numbered([unique[name][1] for name in names])
            return _Decided(decision, numbers, [decision.value(self._scale_of(int(i))) for i in first])
        (name,) = names
        points, inverse = unique[name]

        def value(position: int) -> Hashable:
            return decision.value(self._scale(**{name: int(points[position])}))

        low, high = self._scale(**{name: int(points[0])}), self._scale(**{name: int(points[-1])})
        fixed = frozenset(self.base.names) - {name}
        ends = Ends(self.tally.program, name, low.world.main, high.world.main, fixed)
        known = decision.way(ends) is not None
        steps = staircase(value, [0, len(points) - 1] if known else list(range(len(points))))
        starts = np.array([start for start, _ in steps], dtype=np.int64)
        numbers = np.searchsorted(starts, np.arange(len(points)), side="right") - 1
        return _Decided(decision, numbers[inverse], [value for _, value in steps])

    def _input(self) -> Integers:
        """Number the shapes of the input."""
        columns = [decided.numbers for decided in self.decided.get(-1, [])]
        numbers, first = _numbered(columns or [self._zeros()])
        found = []
        for number, candidate in enumerate(first):
            try:
                found.append(self._index(self._scale_of(int(candidate)).input_shape()))
            except Failure:
                found.append(self._index(Shape((1, 1, 1))))
                self.exists &= numbers != number
        return np.array(found, dtype=np.int64)[numbers]

    def _layers(self) -> Integers:
        """Count the layers of all stages with an exponent."""
        total = self._zeros()
        for index, unit in enumerate(self.tally.program.network.chain.units):
            if unit.repeat is None:
                continue
            decided = {each.decision.about: each for each in self.decided.get(index, [])}
            repeats = decided["repeats"]
            counts = [value if isinstance(value, int) else 0 for value in repeats.values]
            column = np.array(counts, dtype=np.int64)[repeats.numbers]
            if unit.guard is not None and "when" not in decided:
                continue  # it asks for the shape of another stage, which `layers` does not wait for
            if unit.guard is not None:
                holds = [value is True for value in decided["when"].values]
                column = column * np.array(holds, dtype=np.int64)[decided["when"].numbers]
            total = total + column
        return total

    def _stages(self, row: "_Row") -> tuple[Integers, list[StageTally | None]]:
        """Look up a stage for each combination that occurs; nothing where it is left out or cannot be built."""
        needs = self.tally.needs[row.index]
        decided = self.decided.get(row.index, [])
        columns = [row.state, *(each.numbers for each in decided), self.exists.astype(np.int64)]
        columns += [row.layer, row.layers] if needs.layer else []
        columns += [row.labels[name] for name in sorted(_mentioned(row.unit, needs.here) & set(row.labels))]
        numbers, first = _numbered(columns)
        stages: list[StageTally | None] = []
        shapes = list(self.shapes)
        for number, candidate in enumerate(first):
            stage = None
            if self.exists[candidate]:
                try:
                    stage = self._stage(row, int(candidate), shapes)
                except Failure:
                    self.exists &= numbers != number
            stages.append(stage)
        return numbers, stages

    def _stage(self, row: "_Row", candidate: int, shapes: Sequence[Shape]) -> StageTally | None:
        """Look up the stage of one candidate. Raises `Failure`."""
        x = shapes[row.state[candidate]]
        place = (int(row.layer[candidate]), int(row.layers[candidate]))
        task, values = self._decided_task(row, candidate, x, place)
        if task is not None and values is not None:
            known = self.tally.stages.get(self.tally.key(task, values))
            if known is not None:
                return known
        scale = self._scale_of(candidate)
        scope = self._scope(row, candidate, scale, shapes)
        task = replace(task, scope=scope) if task else scale.task(row.index, row.unit, x, scope, place)
        if task is None:
            return None
        stage = scale.build(task)
        scale.check_shape(row.unit, x, stage.y, scope)
        if scale.report.diagnostics:
            raise Failure.of(scale.report.diagnostics[0])
        return stage

    def _scope(self, row: "_Row", candidate: int, scale: Scale, shapes: Sequence[Shape]) -> LocalScope:
        """Return the scope of a stage: the network's parameters, and the shapes of labelled stages."""
        names = dict(scale.local.values)
        for label, states in row.labels.items():
            shape = shapes[states[candidate]]
            sizes = (("H", shape.height), ("W", shape.width), ("C", shape.channels))
            names |= {f"{label}.{symbol}": Fraction(size) for symbol, size in sizes}
        return LocalScope(names, scale.world.main)

    def _decided_task(
        self, row: "_Row", candidate: int, x: Shape, place: tuple[int, int]
    ) -> tuple[Task | None, Key | None]:
        """Put a stage together from what was decided, and what else it depends on, where that is all there is to it."""
        if row.unit.guard is not None or row.states_sizes:
            return None, None
        channels: Hashable = None
        repeats: Hashable = 1
        values = []
        for each in self.decided.get(row.index, []):
            value = each.values[each.numbers[candidate]]
            match each.decision.about:
                case "channels":
                    channels = value
                case "repeats":
                    repeats = value
                case "value":
                    values.append(value)
        written = channel_dim(row.unit) is not None
        if isinstance(channels, str) or isinstance(repeats, str) or (written and channels is None):
            return None, None
        assert isinstance(repeats, int) and (channels is None or isinstance(channels, int))
        task = Task(row.index, row.unit, x, channels, repeats, _NO_SCOPE, *place)
        needs = self.tally.needs[row.index]
        whole = not needs.layer and len(values) == len(needs.here) + len(needs.atoms)
        return task, tuple(values) if whole else None

    def _check_output(self, state: Integers) -> None:
        """Take out what does not give the output that the network's signature states."""
        shapes = list(self.shapes)
        for number in np.unique(state[self.exists]):
            scale = Scale(self.tally, self.base)
            scale.check_output(shapes[number], scale.local)
            if scale.report.diagnostics:
                self.exists &= state != number

    def _figures(self, sums: "_Sums", start: Integers) -> Figures:
        peak = sums.most if self.tally.all_modules else self._peaks(sums, start)
        stored = resident_of(Cost(sums.params, sums.buffers), sums.counters)  # type: ignore[arg-type]  # arrays add up as numbers do
        found = (sums.params, sums.buffers, sums.macs, sums.activations, stored + peak)
        return Figures(self.exists, *(np.where(self.exists, each, 0) for each in found))

    def _peaks(self, sums: "_Sums", start: Integers) -> Integers:
        """Run each distinct network, where peaks do not compose."""
        numbers, first = _numbered([start, self.exists.astype(np.int64), *(column for column, _ in sums.stages)])
        shapes, peaks = list(self.shapes), []
        for candidate in first:
            chosen = [stages[column[candidate]] for column, stages in sums.stages]
            there = [stage for stage in chosen if stage is not None]
            peaks.append(self.tally.peak(shapes[start[candidate]], there) if self.exists[candidate] else 0)
        return np.array(peaks, dtype=np.int64)[numbers]


@record
class _Decided:
    """A decision, the number of its value for each candidate, and the values."""

    decision: Decision
    numbers: Integers
    values: list[Hashable]


@record
class _Row:
    """A stage of all candidates: its input and that of labelled stages as numbers of shapes, and its place."""

    index: int
    unit: s.Unit
    state: Integers
    labels: Mapping[str, Integers]
    layer: Integers
    layers: Integers

    @property
    def states_sizes(self) -> bool:
        """Whether a pinned height or width has to be compared at every scale."""
        written = self.unit.ascription
        return isinstance(written, s.Shape) and any(dim.pinned for dim in written.dims[:-1])


class _Sums:
    """Figures of all candidates so far, int64; `bounds` are what they cannot exceed."""

    def __init__(self, tally: Tally, held: Integers) -> None:
        self.tally = tally
        self.params, self.buffers, self.macs, self.activations, self.counters, self.nodes = (
            np.zeros(len(held), dtype=np.int64) for _ in range(6)
        )
        self.held, self.most, self.passes = held, held.copy(), np.ones(len(held), dtype=np.bool_)
        self.stages: list[tuple[Integers, list[StageTally | None]]] = []
        self.bound = 0

    def add(self, numbers: Integers, stages: list[StageTally | None]) -> None:
        """Add a stage. Raises `OverflowError`."""
        self.stages.append((numbers, stages))
        there = [stage for stage in stages if stage is not None]
        self.bound += max((self._largest(stage) for stage in there), default=0)
        if self.bound >= 1 << 60:  # bytes are up to 8 times elements
            raise OverflowError("a figure needs more than 63 bits")
        costs = [stage.cost if stage else Cost() for stage in stages]
        self.params += np.array([cost.params for cost in costs], dtype=np.int64)[numbers]
        self.buffers += np.array([cost.buffers for cost in costs], dtype=np.int64)[numbers]
        self.macs += np.array([cost.macs for cost in costs], dtype=np.int64)[numbers]
        self.activations += np.array([cost.activations for cost in costs], dtype=np.int64)[numbers]
        self.counters += np.array([stage.counters if stage else 0 for stage in stages], dtype=np.int64)[numbers]
        self.nodes += np.array([stage.nodes if stage else 0 for stage in stages], dtype=np.int64)[numbers]
        if self.tally.all_modules:
            lives = [self.tally.live(stage) if stage else (0, True) for stage in stages]
            peak = np.array([live for live, _ in lives], dtype=np.int64)[numbers]
            self.most = np.maximum(self.most, np.where(self.passes, peak, self.held + peak))
            self.passes = self.passes & np.array([passes for _, passes in lives])[numbers]

    @staticmethod
    def _largest(stage: StageTally) -> int:
        return max(stage.cost.params + stage.cost.buffers, stage.cost.macs, stage.cost.activations)


def _numbered(columns: Sequence[Integers]) -> tuple[Integers, Integers]:
    """Number the distinct rows of some columns; give the number of each row, and the first row of each number."""
    code, span = columns[0].astype(np.int64), int(columns[0].max(initial=0)) + 1
    for column in columns[1:]:
        width = int(column.max(initial=0)) + 1
        if span * width >= _SPAN:
            code = np.unique(code, return_inverse=True)[1]
            span = int(code.max(initial=0)) + 1
        code, span = code * width + column, span * width
    if span > _SPAN:
        _, first, numbers = np.unique(code, return_index=True, return_inverse=True)
        return numbers, first
    where = np.full(span, -1, dtype=np.int64)
    where[code[::-1]] = np.arange(len(code) - 1, -1, -1)
    used = np.flatnonzero(where >= 0)
    first = where[used]
    where[used] = np.arange(len(used))
    return where[code], first


def _mentioned(unit: s.Unit, here: Sequence[s.Expr]) -> set[str]:
    """Return the names that stand in a unit: those of other stages may be among them."""
    dim = channel_dim(unit)
    count = unit.repeat.count if unit.repeat else None
    return set().union(*(names_in(expr) for expr in (unit.guard, count, dim.value if dim else None, *here)))
