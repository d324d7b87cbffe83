"""Scales a program with a setting to a network of whole numbers. The written shapes are checked at the baseline.

The paper: N(d, w, r) = ⊙ F̂_i^{d·L̂_i}(X_<r·Ĥ_i, r·Ŵ_i, w·Ĉ_i>). The `scale` rules of the spec say how d, w and r
change L, C, H and W, including the rounding.
"""

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Generic, Protocol, TypeVar

from scalec.diagnostics.diagnostic import CompileError, Context, Edit, Report, advise
from scalec.language import exact
from scalec.language import syntax as s
from scalec.language.unparse import spell_name
from scalec.language.visit import names_in
from scalec.limits import MAX_LAYERS, MAX_RESOLUTION, MAX_WHOLE
from scalec.network.build import Builder
from scalec.network.network import Network, Node, Stage
from scalec.ops.shape import Shape
from scalec.program.evaluate import Failure, Scope, Value, describe, evaluate, number, truth, whole, whole_value
from scalec.program.program import Program
from scalec.program.scope import LocalScope, World
from scalec.program.setting import Setting
from scalec.record import record

_SIZES = {"L": "the number of layers", "C": "the number of channels", "H": "the height", "W": "the width"}


def scale(program: Program, setting: Setting, report: Report) -> Network:
    """Build the network of a setting. Errors go to the report; the caller stops on them before using the network."""
    found = Report()
    network = None
    try:
        network = _Scaler(program, setting, found).run()
    except Failure as failure:
        found.add(failure.diagnostic)
    except CompileError:
        pass  # its findings are in the report
    for diagnostic in found.diagnostics:
        report.add(diagnostic.within(Context(f"found{setting.place}")) if setting.place else diagnostic)
    if network is None:
        report.stop_on_error()
    assert network is not None
    return network


class Sized(Protocol):
    """What a walk makes of a stage: at least the shape that comes out."""

    @property
    def y(self) -> Shape:
        """The shape that the stage gives."""


S = TypeVar("S", bound=Sized)


@record
class Task:
    """A stage to build, in whole numbers. `layer` is the index of its first layer, `layers` counts those of all stages.

    `index` is its place in the network as written, `x` what it takes, `scope` what its arguments are worked out in.
    """

    index: int
    unit: s.Unit
    x: Shape
    channels: int | None
    repeats: int
    scope: LocalScope
    layer: int
    layers: int

    def inside(self, position: int) -> LocalScope:
        """Return the scope of one of its layers."""
        if self.unit.repeat is None:
            return self.scope
        indices = {"layer": Fraction(self.layer + position), "layers": Fraction(self.layers)}
        return LocalScope({**self.scope.values, **indices}, self.scope.parent)


@record
class Walked(Generic[S]):
    """What a walk over a network's stages gives."""

    parameters: dict[str, Value]
    scope: LocalScope
    x: Shape
    stages: tuple[S, ...]


class Walk(ABC, Generic[S]):
    """The walk over the network's stages that works out every whole number; `build` says what is made of each stage.

    Errors go to the report, each stage's own; what cannot be gone on from is raised as `Failure`.
    """

    def __init__(self, program: Program, setting: Setting, report: Report) -> None:
        """Make the scopes of a setting."""
        self.program, self.setting, self.report = program, setting, report
        self.world = World(program.file, setting.names)
        self.scope: Scope = self.world.main

    @abstractmethod
    def build(self, task: Task) -> S:
        """Make what is wanted of one stage. Raises `Failure`."""

    def walk(self) -> Walked[S]:
        """Work out the setting's whole numbers, stage by stage."""
        network = self.program.network
        self._work_out()
        parameters = self.parameters()
        names = dict(parameters)
        scope = LocalScope(names, self.world.main)
        x = start = self.input_shape()
        stages: list[S] = []
        layer, layers = 0, self._count(scope)
        doubt: Shape | None = None  # after a wrong shape: what the spec said, where `x` is what came out
        for index, unit in enumerate(network.chain.units):
            found: list[Failure] = []
            sources = [x] if doubt is None else [x, doubt]
            for attempt, source in enumerate(sources, start=1):
                made = self._stage(index, unit, source, scope, (layer, layers), found)
                if len(found) < attempt:
                    break
            if len(found) == len(sources):
                self.report.add(found[0].diagnostic)
            doubt = self._written(unit, scope) if found else None
            if made is None:
                x = (doubt or Shape(())) if found else x
                if not x.dims:
                    break
                continue
            task, stage = made
            stages.append(stage)
            layer += task.repeats if unit.repeat else 0
            x = stage.y
            if unit.label:
                for symbol, size in (("H", x.height), ("W", x.width), ("C", x.channels)):
                    scope.values[f"{unit.label.key}.{symbol}"] = Fraction(size)
        if not self.report.diagnostics:
            self.check_output(x, scope)
        return Walked(parameters, scope, start, tuple(stages))

    def _stage(
        self, index: int, unit: s.Unit, x: Shape, scope: LocalScope, layers: tuple[int, int], found: list[Failure]
    ) -> tuple[Task, S] | None:
        """Make a stage, nothing if its `when` is false or it cannot be made; failures go to `found`."""
        made: tuple[Task, S] | None = None
        try:
            task = self.task(index, unit, x, scope, layers)
            if task is not None:
                made = task, self.build(task)
                self.check_shape(unit, x, made[1].y, scope)
        except Failure as failure:
            found.append(failure)
        return made

    def parameters(self) -> dict[str, Value]:
        """Return the network's parameters: those of the setting, else their defaults; raise `Failure`."""
        parameters: dict[str, Value] = {}
        for parameter in self.program.network.parameters:
            key = parameter.name.key
            if key in self.setting.parameters:
                parameters[key] = self.setting.parameters[key]
            elif parameter.default:
                parameters[key] = evaluate(parameter.default, self.scope)
        return parameters

    def _work_out(self) -> None:
        """Work out every param and let, used or not, before anything is built of them."""
        for key in sorted(self.program.file.constants()):
            try:
                self._constant(key)
            except Failure as failure:
                self.report.add(failure.diagnostic)
        self.report.stop_on_error()

    def _constant(self, key: str) -> Value:
        return self.world.main.value(key)

    def rule(self, symbol: str, value: Fraction, span_of: s.Expr, least: int, most: int) -> int:
        """Scale one dimension by its rule."""
        rule = self.program.scales.get(symbol)
        if rule is None or not self.setting.scaled:
            return whole_value(value, span_of.span, _SIZES[symbol], least, most)
        scope = LocalScope({symbol: value}, self.world.main)
        try:
            scaled = number(rule.rule, scope)
        except Failure as failure:
            raise failure.within(Context("to scale this", span_of.span)) from None
        origin = f"scaled from {exact.show(value)} to"
        try:
            return whole_value(scaled, span_of.span, _SIZES[symbol], least, most, origin)
        except Failure as failure:
            values = {key: self._constant(key) for key in sorted(names_in(rule.rule) & self.program.file.constants())}
            shown = ", ".join(f"{spell_name(key)} = {describe(value)}" for key, value in values.items())
            note = f"the rule is `scale {rule.symbol.span.text} → {rule.rule.span.text}`"
            raise failure.within(Context(f"{note}, with {shown}" if shown else note)) from None

    def input_shape(self) -> Shape:
        """Scale the resolution of the input; its channels never scale. Raises `Failure`."""
        shape = self.program.network.input
        dims: list[int] = []
        for symbol, dim in zip(("H", "W", "C") if len(shape.dims) == 3 else ("C",), shape.dims, strict=True):
            most = MAX_WHOLE if symbol == "C" else MAX_RESOLUTION
            written = Fraction(whole(dim.value, self.scope, _SIZES[symbol], most=most))
            keep = dim.pinned or symbol == "C"
            dims.append(written.numerator if keep else self.rule(symbol, written, dim.value, 1, most))
        return Shape(tuple(dims))

    def repeats(self, unit: s.Unit, scope: Scope) -> int:
        """Scale the repeats of a unit, unless they are pinned. Raises `Failure`."""
        if unit.repeat is None:
            return 1
        count = whole(unit.repeat.count, scope, _SIZES["L"], most=MAX_LAYERS)
        return count if unit.repeat.pinned else self.rule("L", Fraction(count), unit.repeat.count, 1, MAX_LAYERS)

    def _count(self, scope: Scope) -> int:
        """Count the layers of all stages with an exponent: the N of stochastic depth."""
        total = 0
        for unit in self.program.network.chain.units:
            if unit.repeat is None:
                continue
            try:
                if unit.guard is None or truth(unit.guard, scope):
                    total += self.repeats(unit, scope)
            except Failure:
                continue  # reported where the stage is built
            if total > MAX_LAYERS:
                raise Failure("E004", f"more than {MAX_LAYERS:,} layers", unit.repeat.span)
        return total

    def task(self, index: int, unit: s.Unit, x: Shape, scope: LocalScope, layers: tuple[int, int]) -> Task | None:
        """Work out what a stage is to be; nothing if its `when` is false."""
        if unit.guard is not None and not truth(unit.guard, scope):
            return None
        channels = self.channels(index, unit, scope)
        return Task(index, unit, x, channels, self.repeats(unit, scope), scope, *layers)

    def channels(self, index: int, unit: s.Unit, scope: Scope) -> int | None:
        """Scale the channels that the network writes after `→`, unless they are pinned or a network parameter."""
        dim = channel_dim(unit)
        if dim is None:
            return None
        return self.width(dim, scope) if scales_channels(self.program, index) else whole(dim.value, scope, _SIZES["C"])

    def width(self, dim: s.Dim, scope: Scope) -> int:
        """Scale channels that the network writes, inside a group or wrapper too, unless they are pinned."""
        if dim.pinned or names_in(dim.value) & set(self.program.network_parameters):
            return whole(dim.value, scope, _SIZES["C"])
        written = number(dim.value, scope)
        if not isinstance(written, Fraction):
            return whole(dim.value, scope, _SIZES["C"])
        return self.rule("C", written, dim.value, 1, MAX_WHOLE)

    def _written(self, unit: s.Unit, scope: Scope) -> Shape | None:
        """Return the shape that a stage states, to go on with after an error; known at the baseline only."""
        if self.setting.scaled or not isinstance(unit.ascription, s.Shape):
            return None
        try:
            return Shape(tuple(whole(dim.value, scope, "a dimension") for dim in unit.ascription.dims))
        except Failure:
            return None

    def check_shape(self, unit: s.Unit, x: Shape, y: Shape, scope: Scope) -> None:
        """Compare what a stage states with what it gives: all of it at the baseline, what is pinned at every scale."""
        dim = channel_dim(unit)
        if isinstance(unit.ascription, s.Shape):
            pairs = list(zip(unit.ascription.dims, y.dims, strict=False))
            if len(unit.ascription.dims) != len(y.dims):
                # Here the stage's own shape goes on: what follows is written for it more likely than for the wrong one.
                self.report.error("E301", f"the stage gives {y}", unit.ascription.span, f"write `{y}`")
                return
        else:
            pairs = [(dim, y.channels)] if dim else []
        for position, (written, given) in enumerate(pairs):
            if self.setting.scaled and not (written.pinned and position < len(pairs) - 1):
                continue
            stated = whole(written.value, scope, "a dimension")
            if stated != given:
                raise Failure(
                    "E301", f"the stage turns {x} into {y}", written.value.span, f"{given}, not {stated}",
                    help=advise(f"write `{given}` here, or change the stage", Edit(written.value.span, str(given))),
                )  # fmt: skip

    def check_output(self, y: Shape, scope: Scope) -> None:
        """Compare what the last stage gives with the signature, as far as scaling leaves it alone."""
        output = self.program.network.output
        try:
            stated = [whole(dim.value, scope, "a dimension") for dim in output.dims]
        except Failure as failure:
            self.report.add(failure.diagnostic)
            return
        if y.dims and (not self.setting.scaled or len(stated) == 1) and list(y.dims) != stated:
            wrong = [dim for dim, given, said in zip(output.dims, y.dims, stated, strict=False) if given != said]
            place = wrong[0].span if wrong and len(stated) == len(y.dims) else output.span
            self.report.error("E301", f"the last stage gives {y}", place, f"the signature says {Shape(tuple(stated))}")


class _Scaler(Walk[Stage]):
    """Builds every layer."""

    def __init__(self, program: Program, setting: Setting, report: Report) -> None:
        super().__init__(program, setting, report)
        self.builder = Builder(self.world, self.width, not setting.scaled, setting.output_stride)

    def run(self) -> Network:
        done = self.walk()
        name = self.program.network.name.key
        return Network(self.program, self.setting, name, done.parameters, done.scope, done.x, done.stages)

    def build(self, task: Task) -> Stage:
        """Build the layers one after the other."""
        unit, y = task.unit, task.x
        built: list[Node] = []
        scopes: list[Scope] = []
        for position in range(task.repeats):
            inside = task.inside(position)
            built.append(self.builder.layer(unit, y, task.channels, inside, position))
            scopes.append(inside)
            y = built[-1].y
        name = unit.label.key if unit.label else f"stage{task.index + 1}"
        return Stage(name, unit, tuple(built), tuple(scopes), task.x, y)


def scales_channels(program: Program, index: int) -> bool:
    """Return whether width scales a unit's channels: not if pinned, a network parameter, or the output vector."""
    units = program.network.chain.units
    dim, ascription = channel_dim(units[index]), units[index].ascription
    if dim is None or dim.pinned or names_in(dim.value) & set(program.network_parameters):
        return False
    return not (index == len(units) - 1 and isinstance(ascription, s.Shape) and len(ascription.dims) == 1)


def channel_dim(unit: s.Unit) -> s.Dim | None:
    """Return what a unit writes as its channels."""
    if isinstance(unit.ascription, s.Shape):
        return unit.ascription.dims[-1]
    return unit.ascription
