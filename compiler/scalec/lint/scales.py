"""The scales at which lints examine a spec: as written, at φ = 1 to 7, and each variant. They share one cost table."""

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from fractions import Fraction
from functools import cached_property

from scalec.diagnostics.diagnostic import CompileError, Report
from scalec.diagnostics.source import Span
from scalec.language import syntax as s
from scalec.language.exact import Number
from scalec.language.visit import chains_in, names_in
from scalec.network.scale import channel_dim, scales_channels
from scalec.ops.shape import Shape
from scalec.program.evaluate import Failure, Value, number, truth, whole
from scalec.program.program import Program
from scalec.program.request import Request
from scalec.program.scope import LocalScope, World
from scalec.program.setting import Setting, make_setting
from scalec.record import record, unique
from scalec.solve.cost_table import Counter, NetworkTally, Tally

PHIS = range(1, 8)
_UNIT: Mapping[str, Value] = {"phi": Fraction(0), "d": Fraction(1), "w": Fraction(1), "r": Fraction(1)}


@record
class Site:
    """A written number that a scale rule takes: its symbol, the place, the value, and the whole number it becomes."""

    symbol: str
    expr: s.Expr
    written: Fraction
    scaled: int


@unique
class Point:
    """One scale. `where` says in a message which, `span` is the place in the spec that it comes from, if any."""

    where: str
    setting: Setting
    survey: "Survey" = field(repr=False)
    phi: int | None = None
    span: Span | None = None

    @cached_property
    def net(self) -> NetworkTally | None:
        """The figures; nothing if it cannot be built."""
        return self.survey.tally.at({}, self.setting)

    @cached_property
    def plain(self) -> NetworkTally | None:
        """The network as written: without scale rules, d = w = r = 1 in what else uses them."""
        try:
            return self.survey.plain.evaluate(replace(self.survey.unscaled(self).setting, scaled=False))
        except CompileError:
            return None

    @cached_property
    def world(self) -> World:
        """The scopes of names here."""
        return World(self.survey.program.file, self.setting.names)

    def number(self, key: str) -> Number | None:
        """Return a param or let that is a number here."""
        try:
            return self.world.main.number(key)
        except Failure:
            return None

    def at_size(self, height: int, width: int) -> NetworkTally | None:
        """Return the figures for an image of another size."""
        report = Report()
        try:
            walked = _Resized(self.survey.tally, self.setting, report, (height, width)).walk()
            return None if report.diagnostics else self.survey.tally.summed(walked.x, walked.stages)
        except (CompileError, Failure):
            return None

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """What the scale rules make of each written number; without those that have no value here."""
        return tuple(self._sites())

    def _sites(self) -> Iterator[Site]:
        program = self.survey.program
        scope = LocalScope({}, self.world.main)
        for symbol, expr, guards in scaled_places(program):
            rule = program.scales.get(symbol)
            if rule is None:
                continue
            try:
                written = number(expr, scope)
                if all(truth(guard, scope) for guard in guards) and isinstance(written, Fraction):
                    inside = LocalScope({symbol: written}, self.world.main)
                    yield Site(symbol, expr, written, whole(rule.rule, inside, "the number"))
            except Failure:
                continue


class Survey:
    """A program at all of its scales. Figures are counted when they are asked for, and once."""

    def __init__(self, spec: s.Spec, program: Program) -> None:
        """Look at nothing yet."""
        self.spec, self.program = spec, program
        self.tally = Tally(program)
        self.plain = Tally(program)
        """Without scale rules: a table of its own, for its layers' widths are written, not scaled."""
        self.rows = {row.name.key: row for st in spec.statements if isinstance(st, s.Variants) for row in st.rows}

    @cached_property
    def written(self) -> Point:
        """The file's own values, scaled as they say."""
        return Point("as written", Setting(), self)

    @cached_property
    def phis(self) -> tuple[Point, ...]:
        """φ = 1 to 7, where the spec has a φ and rules."""
        if "phi" not in self.program.file.params or not self.program.scales:
            return ()
        return tuple(
            Point(f"at φ = {phi}", make_setting(self.program, Request(phi=str(phi))), self, phi) for phi in PHIS
        )

    @cached_property
    def variants(self) -> tuple[Point, ...]:
        """The named rows."""
        points = []
        for name in self.program.variants:
            try:
                setting = make_setting(self.program, Request(variant=name))
            except CompileError:
                continue
            points.append(Point(f"in {name}", setting, self, span=self.rows[name].name.span))
        return tuple(points)

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """All of them; the file's own values first."""
        return (self.written, *self.phis, *self.variants)

    def unscaled(self, point: Point) -> Point:
        """Return the same names with d = w = r = 1 and φ = 0: where scale rules are to change nothing."""
        known = self.program.file.constants()
        names = point.setting.names | {key: value for key, value in _UNIT.items() if key in known}
        return Point(point.where, Setting(names=names, parameters=point.setting.parameters), self, span=point.span)


class _Resized(Counter):
    """Counts a network on an image of a size that is given."""

    def __init__(self, tally: Tally, setting: Setting, report: Report, size: tuple[int, int]) -> None:
        super().__init__(tally, setting, report)
        self.size = size

    def input_shape(self) -> Shape:
        return Shape((*self.size, super().input_shape().channels))


def scaled_places(program: Program) -> Iterator[tuple[str, s.Expr, tuple[s.Expr, ...]]]:
    """Return every written number that scaling changes: its symbol, the expression, the conditions it stands under."""
    shape = program.network.input
    for symbol, dim in zip(("H", "W"), shape.dims[:-1], strict=False):
        if not dim.pinned:
            yield symbol, dim.value, ()
    for index, unit in enumerate(program.network.chain.units):
        guards = (unit.guard,) if unit.guard else ()
        if unit.repeat is not None and not unit.repeat.pinned:
            yield "L", unit.repeat.count, guards
        if scales_channels(program, index) and (written := channel_dim(unit)):
            yield "C", written.value, guards
        yield from _inner(unit, set(program.network_parameters), guards)


def _inner(
    unit: s.Unit, parameters: set[str], guards: tuple[s.Expr, ...]
) -> Iterator[tuple[str, s.Expr, tuple[s.Expr, ...]]]:
    for chain in chains_in(unit.head):
        for inner in chain.units:
            here = (*guards, inner.guard) if inner.guard else guards
            written = channel_dim(inner)
            if written is not None and not written.pinned and not names_in(written.value) & parameters:
                yield "C", written.value, here
            yield from _inner(inner, parameters, here)


def percent(share: Fraction) -> str:
    """Write a share for a message: `13.4 %`."""
    return f"{float(100 * share):.1f} %"
