"""Checks the names in the `search` statement of a spec, and evaluates the statement exactly."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from math import lcm, prod

from scalec.diagnostics.diagnostic import Edit, Help, Label, Report, advise
from scalec.language import exact
from scalec.language import syntax as s
from scalec.language.did_you_mean import listed, unknown
from scalec.language.exact import Number
from scalec.language.visit import children
from scalec.limits import MAX_DENOMINATOR, MAX_PHI, MAX_POINTS
from scalec.program.check_names import Names
from scalec.program.evaluate import Failure, Value, number, tolerance_of, whole
from scalec.program.program import File, Program
from scalec.program.quantities import QUANTITIES
from scalec.program.scope import FileScope, World
from scalec.record import record

SETTINGS = ("seeds", "validate")
"""What `with` may set besides params: the number of seeds, and the φ at which the winner has to hold."""


def check_search(spec: s.Spec, file: File, variants: Iterable[str], report: Report) -> s.Search | None:
    """Check the names of a search, and give it; a file has one at most."""
    found = [statement for statement in spec.statements if isinstance(statement, s.Search)]
    if not found:
        return None
    for extra in found[1:]:
        others = (Label(found[0].span, "the first is here"),)
        report.error("E104", "a file has one `search`", extra.axes[0].name.span, "a second one", others=others)
    search, names = found[0], Names(file, report)
    _check_axes(search, names)
    inside = replace(names, quantities=True, owners=frozenset({*variants, "baseline"}))
    for condition in search.conditions:
        inside.expr(condition)
    _check_match(search, names)
    _check_settings(search, names)
    return search


def growths(search: s.Search) -> list[s.Comparison]:
    """Return the conditions that say how much something is to grow: `≈`, of params and lets alone."""
    return [
        condition for condition in search.conditions
        if isinstance(condition, s.Comparison) and condition.operators == ("~=",) and not speaks_of_network(condition)
    ]  # fmt: skip


def speaks_of_network(expr: s.Expr) -> bool:
    """Return whether an expression names FLOPS, params, activations or memory, of whatever network."""
    if isinstance(expr, s.Name):
        return expr.parts[-1].key in QUANTITIES
    if isinstance(expr, s.Call) and expr.name.key == "memory":
        return True
    return any(speaks_of_network(child) for child in children(expr))


def _check_axes(search: s.Search, names: Names) -> None:
    seen: dict[str, s.Identifier] = {}
    for axis in search.axes:
        _check_unknown(axis.name, names)
        if seen.setdefault(axis.name.key, axis.name) is not axis.name:
            _twice(axis.name, seen[axis.name.key], "is searched for twice", names.report)
        for bound in axis.range or ():
            names.expr(bound)
    last = search.axes[-1]
    if last.range is None:
        help = advise("write `from 1 to 2 by 0.05`", Edit(last.name.span.after, " from 1 to 2 by 0.05"))
        label = "write its range"
        names.report.error("E105", f"`{last.name.span.text}` has no range", last.name.span, label, help=help)


def _twice(name: s.Identifier, first: s.Identifier, what: str, report: Report) -> None:
    others = (Label(first.span, "first here"),)
    report.error("E104", f"`{name.span.text}` {what}", name.span, "a second time", others=others)


def _check_unknown(name: s.Identifier, names: Names) -> None:
    file, shown = names.file, name.span.text
    own = {key for key, let in file.lets.items() if let.home is file and not let.binding.parameters}
    if name.key in own or name.key in file.broken:
        return
    if name.key in file.params:
        help: Help = f"`search … with {shown} = 1` sets it"
        names.report.error(
            "E101", f"`{shown}` is a param; only lets can be searched for", name.span, "a param", help=help
        )
    elif name.key in file.lets:
        imported = file.lets[name.key].home is not file
        label = "imported: search for it in the file that defines it" if imported else "takes arguments"
        names.report.error("E101", f"`{shown}` cannot be searched for", name.span, label)
    else:
        otherwise = f"lets are {listed(name, own)}" if own else None
        unknown(names.report, "E101", f"`{shown}` is not a let of this spec", name, own, otherwise)


def _check_match(search: s.Search, names: Names) -> None:
    if search.match is None:
        return
    quantity, known = search.match.quantity, QUANTITIES
    if quantity.key not in known:
        message = f"`match` cannot use `{quantity.span.text}`"
        unknown(names.report, "E101", message, quantity, known, f"there are {', '.join(known)}")
    names.expr(search.match.tolerance)
    found = growths(search)
    if len(found) != 1:
        help = "write `where α · β² · γ² ≈ 2 ± 0.1`" if not found else None
        message = "`match` needs exactly one `≈`, which says how much the cost grows"
        label = f"there {'are ' + str(len(found)) if found else 'is none'}"
        names.report.error("E203", message, quantity.span, label, help=help)


def _check_settings(search: s.Search, names: Names) -> None:
    seen: dict[str, s.Identifier] = {}
    known = [*SETTINGS, *names.file.params]
    for setting in search.settings:
        name = setting.name
        if seen.setdefault(name.key, name) is not name:
            _twice(name, seen[name.key], "is set twice", names.report)
        elif name.key not in known:
            message = f"`search` has no setting `{name.span.text}`"
            unknown(names.report, "E103", message, name, known, f"there are {listed(name, known)}")
        names.expr(setting.value)
    validate = seen.get("validate")
    if validate and "phi" not in names.file.params:
        message = "`validate` is a φ, and the spec has no `param φ`"
        names.report.error("E203", message, validate.span, "nothing scales with it")


LEAST_SEEDS, MOST_SEEDS = 3, 100
"""Of fewer than three runs nobody can tell how far they lie apart by chance."""


@record
class Range:
    """The values of an unknown."""

    name: str
    low: Fraction
    high: Fraction
    step: Fraction

    @property
    def values(self) -> list[Fraction]:
        """Return them all: from `low`, in steps, up to `high`."""
        return [self.low + index * self.step for index in range(self.count)]

    @property
    def count(self) -> int:
        """Count them."""
        return int((self.high - self.low) / self.step) + 1


@record
class Sought:
    """A search. `fixed` are the params that it sets, φ among them; at φ = `validate` the winner must hold."""

    statement: s.Search
    ranges: tuple[Range, ...]
    fixed: Mapping[str, Value]
    seeds: int
    validate: Fraction | None
    growth: s.Comparison | None
    """The `≈` of params and lets: what is meant to grow by how much."""
    others: tuple[s.Expr, ...]
    """All other conditions."""

    @property
    def phi(self) -> Fraction | None:
        """The φ of the search."""
        value = self.fixed.get("phi")
        return value if isinstance(value, Fraction) else None

    @property
    def denominator(self) -> int:
        """Return the number of which every value is a multiple of the inverse."""
        return lcm(*(part.denominator for each in self.ranges for part in (each.low, each.step)))

    def target(self, world: World, matched: bool) -> tuple[Number, Number] | None:
        """Return how much is to grow, and the tolerance: that of `match`, if there is one and it is asked for."""
        if self.growth is None:
            return None
        right = number(self.growth.operands[1], world.main)
        match = self.statement.match if matched else None
        compared = self.growth if match is None else replace(self.growth, tolerance=match.tolerance)
        tolerance = tolerance_of(compared, right, world.main)
        assert tolerance is not None
        return right, tolerance


def sought(program: Program, report: Report) -> Sought | None:
    """Work out the search of a spec; nothing if it has none, or if something is wrong with it."""
    search = program.search
    if search is None:
        return None
    found = _Reader(program, search, report).read()
    return None if report.diagnostics else found


class _Reader:
    def __init__(self, program: Program, search: s.Search, report: Report) -> None:
        self.program, self.search, self.report = program, search, report
        self.scope: FileScope = World(program.file, {}).main

    def read(self) -> Sought:
        ranges = self._ranges()
        self.count(ranges)
        settings = {setting.name.key: setting.value for setting in self.search.settings}
        seeds = self._whole(settings.get("seeds"), LEAST_SEEDS, "the number of seeds")
        has_phi = "phi" in self.program.file.params
        validate = self._phi(settings.get("validate"), Fraction(3)) if has_phi else None
        fixed: dict[str, Value] = {"phi": Fraction(1)} if has_phi else {}
        for name, expr in settings.items():
            if name in self.program.file.params:
                fixed[name] = self._phi(expr, Fraction(1)) if name == "phi" else self._number(expr)
        found = growths(self.search)
        growth = found[0] if len(found) == 1 else None
        others = tuple(each for each in self.search.conditions if each is not growth)
        return Sought(self.search, tuple(ranges), fixed, seeds, validate, growth, others)

    def count(self, ranges: list[Range]) -> None:
        """Report a grid that is too fine."""
        points = prod(each.count for each in ranges)
        if points > MAX_POINTS:
            message = f"the grid has {points:,} points, more than {MAX_POINTS:,}"
            label = "take larger steps, or fewer unknowns"
            self.report.error("E004", message, self.search.axes[0].span.to(self.search.axes[-1].span), label)

    def _ranges(self) -> list[Range]:
        ranges: list[Range] = []
        for index, axis in enumerate(self.search.axes):
            written = next(each.range for each in self.search.axes[index:] if each.range is not None)
            report = self.report if axis.range is written else Report()
            before = len(report.diagnostics)
            low, high, step = (self._rational(expr, report) for expr in written)
            if len(report.diagnostics) == before:
                if step <= 0:
                    report.error(
                        "E203", "a step must be greater than 0", written[2].span, f"this is {exact.show(step)}"
                    )
                elif high < low:
                    label = f"{exact.show(high)} is below {exact.show(low)}"
                    report.error("E203", "the end of a range must not be less than its start", written[1].span, label)
                else:
                    ranges.append(Range(axis.name.key, low, high, step))
        return ranges

    def _rational(self, expr: s.Expr, report: Report) -> Fraction:
        try:
            value = number(expr, self.scope)
            if not isinstance(value, Fraction):
                raise Failure(
                    "E203", "the numbers of a range must be rational", expr.span, f"this is {exact.show(value)} …"
                )
            if value.denominator > MAX_DENOMINATOR:
                message = f"the denominator of a range is at most {MAX_DENOMINATOR:,}"
                raise Failure("E004", message, expr.span, f"this is {value}")
        except Failure as failure:
            report.add(failure.diagnostic)
            return Fraction(1)
        return value

    def _number(self, expr: s.Expr) -> Value:
        try:
            return number(expr, self.scope)
        except Failure as failure:
            self.report.add(failure.diagnostic)
            return Fraction(0)

    def _phi(self, expr: s.Expr | None, default: Fraction) -> Fraction:
        if expr is None:
            return default
        value = self._rational(expr, self.report)
        if abs(value) > MAX_PHI:
            label = f"this is {exact.show(value)}"
            self.report.error("E004", f"φ lies between -{MAX_PHI} and {MAX_PHI}", expr.span, label)
        return value

    def _whole(self, expr: s.Expr | None, default: int, what: str) -> int:
        try:
            return default if expr is None else whole(expr, self.scope, what, LEAST_SEEDS, MOST_SEEDS)
        except Failure as failure:
            self.report.add(failure.diagnostic)
            return default
