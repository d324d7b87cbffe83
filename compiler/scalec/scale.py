"""A program and a setting to a network of whole numbers. The written shapes are checked at the baseline.

The paper: N(d, w, r) = ⊙ F̂_i^{d·L̂_i}(X_<r·Ĥ_i, r·Ŵ_i, w·Ĉ_i>). What d, w and r do to L, C, H and W is what the
`scale` rules of the spec say, rounding included.
"""


from fractions import Fraction

from scalec import syntax as s
from scalec.diagnostics import Report
from scalec.expr import Failure, Scope, evaluate, number, truth, whole
from scalec.instantiate import Builder
from scalec.ir import Network, Node, Setting, Stage
from scalec.program import Program
from scalec.scope import LocalScope, World
from scalec.shape import Shape
from scalec.walk import names_in

MAX_LAYERS = 4096
MAX_RESOLUTION = 8192


def scale(program: Program, setting: Setting, report: Report) -> Network:
    """Build the network of a setting. Errors go to the report; the caller stops on them before using the network."""
    return _Scaler(program, setting, report).run()


class _Scaler:
    def __init__(self, program: Program, setting: Setting, report: Report) -> None:
        self.program, self.setting, self.report = program, setting, report
        self.world = World(program.file, setting.names)
        self.scope: Scope = self.world.main
        self.builder = Builder(self.world)
        self.values: dict[str, object] = {}

    def run(self) -> Network:
        network = self.program.network
        parameters = {}
        for parameter in network.parameters:
            key = parameter.name.key
            if key in self.setting.parameters:
                parameters[key] = self.setting.parameters[key]
            elif parameter.default:
                parameters[key] = evaluate(parameter.default, self.scope)
        names = dict(parameters)
        scope = LocalScope(names, self.world.main)
        x = self._input(network.input)
        stages: list[Stage] = []
        layer, layers = 0, self._count(scope)
        for index, unit in enumerate(network.chain.units):
            try:
                stage = self._stage(index, unit, x, scope, layer, layers)
            except Failure as failure:
                self.report.add(failure.diagnostic)
                x = self._written(unit, scope) or Shape(())
                if not x.dims:
                    break
                continue
            if stage is None:
                continue
            stages.append(stage)
            layer += len(stage.layers) if unit.repeat else 0
            x = stage.y
            if unit.label:
                for symbol, size in (("H", x.height), ("W", x.width), ("C", x.channels)):
                    scope.values[f"{unit.label.key}.{symbol}"] = Fraction(size)
        self._check_output(x, scope)
        return Network(
            self.program, self.setting, network.name.key, parameters, scope, self._input(network.input), tuple(stages)
        )

    def _rule(self, symbol: str, value: Fraction, span_of: s.Expr, least: int, most: int) -> int:
        """Scale one dimension by its rule."""
        rule = self.program.scales.get(symbol)
        if rule is None or not self.setting.scaled:
            if value.denominator != 1:
                raise Failure("E202", f"{symbol} must be whole", span_of.span)
            return value.numerator
        scope = LocalScope({symbol: value}, self.world.main)
        try:
            return whole(rule.rule, scope, f"{symbol} = {value} scaled", least, most)
        except Failure as failure:
            label = failure.diagnostic.label
            raise Failure(
                failure.diagnostic.code, failure.diagnostic.message, span_of.span, label.text,
                notes=(f"the rule is `scale {rule.symbol.span.text} → {rule.rule.span.text}`",),
            ) from None  # fmt: skip

    def _input(self, shape: s.Shape) -> Shape:
        """Scale the resolution of the input; its channels never scale."""
        dims: list[int] = []
        for symbol, dim in zip(("H", "W", "C") if len(shape.dims) == 3 else ("C",), shape.dims, strict=True):
            written = Fraction(whole(dim.value, self.scope, symbol, most=MAX_RESOLUTION))
            keep = dim.pinned or symbol == "C"
            dims.append(written.numerator if keep else self._rule(symbol, written, dim.value, 1, MAX_RESOLUTION))
        return Shape(tuple(dims))

    def _repeats(self, unit: s.Unit, scope: Scope) -> int:
        if unit.repeat is None:
            return 1
        count = whole(unit.repeat.count, scope, "a number of repeats", most=MAX_LAYERS)
        return count if unit.repeat.pinned else self._rule("L", Fraction(count), unit.repeat.count, 1, MAX_LAYERS)

    def _count(self, scope: Scope) -> int:
        """Count the layers of all stages with an exponent: the N of stochastic depth."""
        total = 0
        for unit in self.program.network.chain.units:
            if unit.repeat is None:
                continue
            try:
                if unit.guard is None or truth(unit.guard, scope):
                    total += self._repeats(unit, scope)
            except Failure:
                continue  # reported where the stage is built
            if total > MAX_LAYERS:
                raise Failure("E004", f"more than {MAX_LAYERS:,} layers", unit.repeat.span)
        return total

    def _stage(self, index: int, unit: s.Unit, x: Shape, scope: LocalScope, layer: int, layers: int) -> Stage | None:
        if unit.guard is not None and not truth(unit.guard, scope):
            return None
        channels = self._channels(index, unit, scope)
        name = unit.label.key if unit.label else f"stage{index + 1}"
        built: list[Node] = []
        scopes: list[Scope] = []
        y = x
        for position in range(self._repeats(unit, scope)):
            inside = scope
            if unit.repeat is not None:
                indices = {"layer": Fraction(layer + position), "layers": Fraction(layers)}
                inside = LocalScope({**scope.values, **indices}, scope.parent)
            node = self.builder.layer(unit, y, channels, inside, position)
            built.append(node)
            scopes.append(inside)
            y = node.y
        self._check_shape(unit, y, scope)
        return Stage(name, unit, tuple(built), tuple(scopes), x, y)

    def _channels(self, index: int, unit: s.Unit, scope: Scope) -> int | None:
        """Scale the channels that the network writes after `→`, unless they are pinned or a network parameter."""
        dim = _channel_dim(unit)
        if dim is None:
            return None
        free = bool(names_in(dim.value) & set(self.program.network_parameters))
        if dim.pinned or free or self._is_output(index, unit):
            return whole(dim.value, scope, "a number of channels")
        written = number(dim.value, scope)
        if not isinstance(written, Fraction):
            return whole(dim.value, scope, "a number of channels")
        return self._rule("C", written, dim.value, 1, 65_536)

    def _is_output(self, index: int, unit: s.Unit) -> bool:
        """Tell whether a unit writes the network's own output vector, which width leaves alone."""
        last = index == len(self.program.network.chain.units) - 1
        return last and isinstance(unit.ascription, s.Shape) and len(unit.ascription.dims) == 1

    def _written(self, unit: s.Unit, scope: Scope) -> Shape | None:
        """Give the shape that a stage states, to go on with after an error; known at the baseline only."""
        if self.setting.scaled or not isinstance(unit.ascription, s.Shape):
            return None
        try:
            return Shape(tuple(whole(dim.value, scope, "a dimension") for dim in unit.ascription.dims))
        except Failure:
            return None

    def _check_shape(self, unit: s.Unit, y: Shape, scope: Scope) -> None:
        """Compare what a stage states with what it gives: all of it at the baseline, what is pinned at every scale."""
        dim = _channel_dim(unit)
        if isinstance(unit.ascription, s.Shape):
            pairs = list(zip(unit.ascription.dims, y.dims, strict=False))
            if len(unit.ascription.dims) != len(y.dims):
                raise Failure("E301", f"the stage gives {y}", unit.ascription.span, "another number of dimensions")
        else:
            pairs = [(dim, y.channels)] if dim else []
        for position, (written, given) in enumerate(pairs):
            if self.setting.scaled and not (written.pinned and position < len(pairs) - 1):
                continue
            stated = whole(written.value, scope, "a dimension")
            if stated != given:
                raise Failure(
                    "E301", f"the stage gives {y}", written.value.span, f"this is {given}",
                    help="a shape after `→` is checked, not trusted",
                )  # fmt: skip

    def _check_output(self, y: Shape, scope: Scope) -> None:
        output = self.program.network.output
        try:
            stated = [whole(dim.value, scope, "a dimension") for dim in output.dims]
        except Failure as failure:
            self.report.add(failure.diagnostic)
            return
        if y.dims and (not self.setting.scaled or len(stated) == 1) and list(y.dims) != stated:
            self.report.error("E301", f"the network gives {y}", output.span, "its signature says otherwise")


def _channel_dim(unit: s.Unit) -> s.Dim | None:
    if isinstance(unit.ascription, s.Shape):
        return unit.ascription.dims[-1]
    return unit.ascription


