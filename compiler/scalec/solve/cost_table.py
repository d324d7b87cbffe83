"""Costs of one program at many scales. Each distinct layer is built and counted once, and its costs are kept.

There are no separate formulas. `network.scale.Walk` computes the numbers as for any network, `network.build.Builder`
builds the layers, `cost` counts them, and `cost.memory.execution` runs them. Only the table is new. The key of a
layer is its stage, its input shape, its channels, whether it is a repetition, and the other values on which its costs
depend (`dependence`). The cost of a stage is that of its first layer, plus the second layer times the number of
repetitions. If each repetition changes the shape (DenseNet), or the layer depends on its index, every layer is looked
up separately.

In inference, the peak memory of a network follows from its modules. The caller keeps the network's input, `forward`
keeps the output of the stage before, and a Sequential keeps the tensor between two layers. So each module is run
once, separately. If a stage is not a module but lines in `forward` (a wrapper in the network's own chain), its
variables live longer than the stage. Then the whole network is run, with the layers of the table.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

from scalec.cost.count import Cost, total
from scalec.cost.memory.execution import call, run
from scalec.cost.memory.peak import resident_of
from scalec.cost.memory.tape import FLOAT, Tape
from scalec.diagnostics.diagnostic import CompileError, Report
from scalec.language import syntax as s
from scalec.limits import MAX_NODES
from scalec.network.build import Builder
from scalec.network.network import Network, Node, Stage, leaves
from scalec.network.scale import Task, Walk
from scalec.ops.shape import Shape
from scalec.program.dependence import ScaleDependence, depends_on, scale_dependence
from scalec.program.evaluate import Failure, Value, evaluate
from scalec.program.memory_call import INFERENCE
from scalec.program.program import Program
from scalec.program.scope import LocalScope, World
from scalec.program.setting import Setting
from scalec.record import record
from scalec.solve.dependence import Atom, Dependence, UnitNeeds

Key = tuple[object, ...]
Model = tuple[Shape, tuple[Key, ...]]
"""The whole numbers of a network: its input, and the key of each stage. Equal models cost the same."""


@dataclass(slots=True, eq=False)
class LayerTally:
    """A layer: what it gives and costs, its 64-bit counters, and how many nodes it is of.

    Its node is run only when memory is asked for (`Tally.live`).
    """

    y: Shape
    cost: Cost
    counters: int
    nodes: int
    node: Node
    live: tuple[int, bool] | None = None


@dataclass(slots=True, eq=False)
class StageTally:
    """A stage: which one as written, its layers, and what `LayerTally` has, summed.

    `kept` are its layers, no more than three of those that repeat; `key` is all that its figures depend on.
    """

    index: int
    layers: int
    x: Shape
    y: Shape
    cost: Cost
    counters: int
    nodes: int
    kept: tuple[LayerTally, ...]
    key: Key
    live: tuple[int, bool] | None = None


@record
class NetworkTally:
    """A network at one scale: its figures, and the stages that they are sums of."""

    tally: "Tally" = field(repr=False)
    x: Shape
    stages: tuple[StageTally, ...]
    cost: Cost

    @cached_property
    def memory(self) -> int:
        """The peak of inference at batch 1 in float32, in bytes: what `memory.memory` gives."""
        counters = sum(stage.counters for stage in self.stages)
        return resident_of(self.cost, counters) + self.tally.peak(self.x, self.stages)

    @property
    def model(self) -> Model:
        """Return what tells this network from others."""
        return self.x, tuple(stage.key for stage in self.stages)


class Tally:
    """The table of one program. `layers` and `stages` hold what was counted so far."""

    def __init__(self, program: Program) -> None:
        """Start an empty table."""
        dependence = Dependence(program)
        self.program = program
        self.needs = [dependence.unit(unit) for unit in program.network.chain.units]
        self.scale_dependence = scale_dependence(program)
        self.all_modules = all(is_module(unit) for unit in program.network.chain.units)
        self.layers: dict[Key, LayerTally] = {}
        self.stages: dict[Key, StageTally] = {}
        self._builders: dict[Key, tuple[Builder, LocalScope]] = {}
        self.rules: dict[Key, int] = {}
        """What scale rules gave, by symbol, written size, and the values from outside that the rule depends on."""
        self.rule_names = {symbol: sorted(depends_on(program, rule.rule)) for symbol, rule in program.scales.items()}

    def evaluate(self, setting: Setting) -> NetworkTally:
        """Return the figures at a setting: those of `scale`, `cost` and `memory`; raise `CompileError` as they do."""
        report = Report()
        try:
            walked = Counter(self, setting, report).walk()
            report.stop_on_error()
            return self.summed(walked.x, walked.stages)
        except Failure as failure:
            raise CompileError([failure.diagnostic]) from None

    def at(self, names: Mapping[str, Value], base: Setting | None = None) -> NetworkTally | None:
        """Return the figures with some params and lets set, over those of `base`; None if there is no such network."""
        base = base or Setting()
        try:
            return self.evaluate(Setting(names={**base.names, **names}, parameters=base.parameters))
        except CompileError:
            return None

    def summed(self, x: Shape, stages: Sequence[StageTally]) -> NetworkTally:
        """Add stages up. Raises `Failure` where the network is too large to be built."""
        if sum(stage.nodes for stage in stages) > MAX_NODES:
            place = self.program.network.name.span
            raise Failure("E004", f"the network has more than {MAX_NODES:,} operators", place)
        cost = sum((stage.cost for stage in stages), Cost())
        return NetworkTally(self, x, tuple(stages), cost)

    def peak(self, x: Shape, stages: Sequence[StageTally]) -> int:
        """Return the most bytes of tensors that live at one moment of inference, besides parameters and buffers."""
        if self.all_modules:
            return _in_turn(FLOAT * x.elements, (self.live(stage) for stage in stages))[0]
        scope = LocalScope({}, World(self.program.file, {}).main)
        units = self.program.network.chain.units
        nodes = (tuple(layer.node for layer in stage.kept) for stage in stages)
        made = [
            Stage(f"stage{each.index}", units[each.index], kept, (), each.x, each.y)
            for each, kept in zip(stages, nodes, strict=True)
        ]
        tape = Tape(INFERENCE)
        run(tape, self.scale_dependence, Network(self.program, Setting(), "", {}, scope, x, tuple(made)))
        return tape.time.peak()

    def live(self, stage: StageTally) -> tuple[int, bool]:
        """Return the most bytes that a stage that is a module holds while it runs, and whether its input comes out."""
        if stage.live is None:
            stage.live = _in_turn(
                FLOAT * stage.x.elements, (_live(layer, self.scale_dependence) for layer in stage.kept)
            )
        return stage.live

    def key(self, task: Task, values: Key) -> Key:
        """Return all that a stage's figures depend on; `values` are those of what it `needs`."""
        place = (task.layer, task.layers) if self.needs[task.index].layer else ()
        return task.index, task.x, task.channels, task.repeats, values, place

    def stage(self, task: Task, builder: Builder, values: Key) -> StageTally:
        """Count a stage, or look it up. Raises `Failure`."""
        key = self.key(task, values)
        if key not in self.stages:
            self.stages[key] = _stage_sum(key, task, self._layers(task, builder, values))
        return self.stages[key]

    def _layers(self, task: Task, builder: Builder, values: Key) -> list[tuple[LayerTally, int]]:
        """Return the layers of a stage, each with how often it stands there.

        They are built where one of equal `values` was built before: so parts that are alike are built once.
        """
        builder, scope = self._builders.setdefault((task.index, values), (builder, task.scope))
        task = replace(task, scope=scope)
        needs, head = self.needs[task.index], task.unit.head
        last = len(head.chains) - 1 if isinstance(head, s.Group) else 0
        found: list[tuple[LayerTally, int]] = []
        x = task.x
        for position in range(task.repeats):
            place = (task.layer + position, task.layers) if needs.layer else ()
            key = (task.index, min(position, last), position > 0, x, task.channels, values, place)
            if key not in self.layers:
                self.layers[key] = self._built(task, x, position, builder)
            layer = self.layers[key]
            if position >= max(1, last) and layer.y == x and not needs.layer:
                return [*found, (layer, task.repeats - position)]
            found.append((layer, 1))
            x = layer.y
        return found

    def _built(self, task: Task, x: Shape, position: int, builder: Builder) -> LayerTally:
        """Build a layer, count it and run it."""
        builder.nodes = 0
        node = builder.layer(task.unit, x, task.channels, task.inside(position), position)
        parts = list(leaves(node))
        counters = sum(leaf.operator.traits.counters for leaf in parts)
        return LayerTally(node.y, total(parts), counters, builder.nodes, node)


class Counter(Walk[StageTally]):
    """Looks stages up instead of building them, and what scale rules give as well."""

    def __init__(self, tally: Tally, setting: Setting, report: Report) -> None:
        """Make the scopes of a setting."""
        super().__init__(tally.program, setting, report)
        self.tally = tally
        self.builder = Builder(self.world, self.width, not setting.scaled)
        self._atoms: dict[int, Value | None] = {}

    def build(self, task: Task) -> StageTally:
        """Look a stage up, or build it once."""
        return self.tally.stage(task, self.builder, self.values(task, self.tally.needs[task.index]))

    def rule(self, symbol: str, value: Fraction, span_of: s.Expr, least: int, most: int) -> int:
        """Look up what a rule gives, or work it out."""
        names, rules = self.setting.names, self.tally.rules
        outside = (names.get(name) for name in self.tally.rule_names.get(symbol, ()))
        key = (self.setting.scaled, symbol, value, *outside)
        if key not in rules:
            rules[key] = super().rule(symbol, value, span_of, least, most)
        return rules[key]

    def values(self, task: Task, needs: UnitNeeds) -> Key:
        """Work out what else a stage depends on; nothing stands for what has no value."""
        if not (needs.here or needs.atoms):
            return ()
        positions = range(task.repeats) if needs.layer else range(1)
        here = (_value(expr, task.inside(position)) for position in positions for expr in needs.here)
        return (*here, *(self._atom(atom) for atom in needs.atoms))

    def _atom(self, atom: Atom) -> Value | None:
        if id(atom) not in self._atoms:
            file, expr = atom
            self._atoms[id(atom)] = _value(expr, self.world.of(file))
        return self._atoms[id(atom)]


def is_module(unit: s.Unit) -> bool:
    """Return whether a stage is one call in `forward`, so that no names but its output are left of it."""
    return unit.repeat is not None or isinstance(unit.head, s.Call)


def _value(expr: s.Expr, scope: object) -> Value | None:
    try:
        return evaluate(expr, scope)  # type: ignore[arg-type]
    except Failure:
        return None


def _live(layer: LayerTally, dependence: ScaleDependence) -> tuple[int, bool]:
    """Run a layer by itself; give its peak, its input among it, and whether its input comes out."""
    if layer.live is None:
        tape = Tape(INFERENCE)
        x = tape.source(layer.node.x.elements)
        y = call(tape, dependence, layer.node, x)
        tape.time.hold(x.storage)
        layer.live = tape.time.peak(), y.storage is x.storage
    return layer.live


def _in_turn(x: int, parts: Iterable[tuple[int, bool]]) -> tuple[int, bool]:
    """Return the peak of parts that run one after the other while x bytes are held, and whether x itself comes out."""
    most, passes = x, True
    for peak, part_passes in parts:
        most = max(most, peak if passes else x + peak)
        passes = passes and part_passes
    return most, passes


def _stage_sum(key: Key, task: Task, layers: list[tuple[LayerTally, int]]) -> StageTally:
    params = buffers = macs = activations = counters = nodes = 0
    for layer, times in layers:
        cost = layer.cost
        params += times * cost.params
        buffers += times * cost.buffers
        macs += times * cost.macs
        activations += times * cost.activations
        counters += times * layer.counters
        nodes += times * layer.nodes
    kept = tuple(layer for layer, times in layers for _ in range(min(times, 3)))
    cost = Cost(params, buffers, macs, activations)
    return StageTally(task.index, task.repeats, task.x, layers[-1][0].y, cost, counters, nodes, kept, key)
