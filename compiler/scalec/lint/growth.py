"""W401, W402, W404 and W405: the growth of cost, compared with the growth that the spec promises."""

from collections.abc import Iterator
from fractions import Fraction

from scalec.cost.growth import FAR, far, growth, promises
from scalec.diagnostics.diagnostic import Diagnostic, Label
from scalec.diagnostics.source import Span
from scalec.language import exact
from scalec.language.exact import Number
from scalec.lint.scales import Point, Survey, percent
from scalec.lint.shapes import called, place
from scalec.record import record
from scalec.solve.cost_table import NetworkTally, StageTally

STEEP = Fraction(3, 2)
"""How much more than d a stage of one layer must grow to be named; and how far d·w²·r² may drift from 2^φ."""


def _baseline(survey: Survey) -> NetworkTally | None:
    plain = survey.written.plain
    return plain if plain is not None and plain.cost.macs else None


# W401, W404


@record
class _Growth:
    """The multiply-adds at one φ over the baseline's, and d·w²·r²."""

    point: Point
    net: NetworkTally
    realised: Fraction
    nominal: Number


def _growths(survey: Survey) -> list[_Growth]:
    base = _baseline(survey)
    found = []
    for point in survey.phis if base else ():
        nominal = growth(*(point.number(key) for key in "dwr"))
        if base and point.net is not None and nominal is not None:
            found.append(_Growth(point, point.net, Fraction(point.net.cost.macs, base.cost.macs), nominal))
    return found


def far_growth(survey: Survey) -> Iterator[Diagnostic]:
    """Warn where multiply-adds grow far from d·w²·r² and from 2^φ; not of too much where `doubled_stages` says why."""
    growths = _growths(survey)
    explained = any(_doubled_in(survey, each) for each in growths)
    rows = [each for each in growths if _is_far(each) and not (explained and _is_above(each))]
    if rows:
        first = rows[0]
        message = f"{first.point.where}, FLOPS grow by {exact.show(first.realised, 3)}, and {_nominal(first)}"
        notes = [f"{each.point.where} by {exact.show(each.realised, 3)}, and {_nominal(each)}" for each in rows[1:]]
        notes.append("`scalec cost --phi 0..7` says which operators and which rounding do it")
        help = "`require FLOPS ≈ 2^φ · baseline.FLOPS ± 25%` turns this warning into an error"
        label = Label(survey.program.network.name.span)
        yield Diagnostic("W401", message, label, notes=tuple(notes), help=help, severity="warning")


def compiled_growth(survey: Survey) -> Iterator[Diagnostic]:
    """Return the W401 that `scalec compile` may give at some φ: a comment that allows it is not idle then."""
    for each in _growths(survey):
        phi = Fraction(each.point.phi or 0)
        if promises(each.nominal, phi) and far(each.realised, phi):
            yield Diagnostic("W401", each.point.where, Label(survey.program.network.name.span), severity="warning")
            return


def _nominal(each: _Growth) -> str:
    return f"d·w²·r² is {exact.show(each.nominal, 3)}"


def _is_far(each: _Growth) -> bool:
    phi = Fraction(each.point.phi or 0)
    if not promises(each.nominal, phi) or not far(each.realised, phi):
        return False
    ratio = exact.divide(each.realised, each.nominal)
    return exact.compare(ratio, 1 + FAR) > 0 or exact.compare(ratio, 1 - FAR) < 0


def _is_above(each: _Growth) -> bool:
    return exact.compare(each.realised, each.nominal) > 0


def _doubled_in(survey: Survey, each: _Growth) -> list[StageTally]:
    """Return the stages of one layer that have grown far beyond d, where the cost has as well."""
    d = each.point.number("d")
    if d is None or exact.compare(each.realised, exact.multiply(each.nominal, 1 + FAR)) < 0:
        return []
    return [stage for stage in each.net.stages if _doubled(survey, each.point, stage, d)]


def doubled_stages(survey: Survey) -> Iterator[Diagnostic]:
    """Warn where rounding up doubles stages of one layer while d is far below 2, and the cost shows it."""
    for each in _growths(survey):
        doubled, d = _doubled_in(survey, each), each.point.number("d")
        if doubled and d is not None:
            yield _ceil(survey, each, doubled, d)
            return


def _doubled(survey: Survey, point: Point, stage: StageTally, d: Number) -> bool:
    repeat = survey.program.network.chain.units[stage.index].repeat
    if repeat is None:
        return False
    written = next((site.written for site in point.sites if site.symbol == "L" and site.expr is repeat.count), None)
    return written == 1 and stage.layers > 1 and exact.compare(Fraction(stage.layers), exact.multiply(d, STEEP)) >= 0


def _ceil(survey: Survey, each: _Growth, doubled: list[StageTally], d: Number) -> Diagnostic:
    units = survey.program.network.chain.units
    names = " and ".join(called(survey, stage.index) for stage in doubled)
    extra = sum(layer.cost.macs for stage in doubled for layer in stage.kept[1 : stage.layers])
    rule = survey.program.scales["L"].rule.span.text
    layers = doubled[0].layers
    message = f"{each.point.where}, `{rule}` makes {layers} layers of 1 in {names}, where d is {exact.show(d, 3)}"
    notes = (
        f"FLOPS grow by {exact.show(each.realised, 3)}, where d·w²·r² is {exact.show(each.nominal, 3)}",
        f"the added layers are {extra:,} of {each.net.cost.macs:,} multiply-adds: "
        f"{percent(Fraction(extra, each.net.cost.macs))}",
        f"{layers} layers instead of {exact.show(d, 3)}: rounding up adds most to stages of one layer",
    )
    help = (
        "`^=1` keeps such a stage at one layer, as EfficientNet-Lite does; `max(1, round(d · L))` rounds to the nearest"
    )
    others = tuple(
        Label(place(units[stage.index]), "one layer as written") for stage in doubled[1:]
    )  # fmt: skip
    label = Label(place(units[doubled[0].index]), "one layer as written")
    return Diagnostic("W404", message, label, others, notes, help, "warning")


# W402


def falling_cost(survey: Survey) -> Iterator[Diagnostic]:
    """Warn where the cost falls as φ grows, from 0 to 8 by quarters: then the largest φ is not the largest network."""
    program = survey.program
    if "phi" not in program.file.params or not program.scales:
        return
    before = 0
    for step in range(33):
        found = survey.tally.at({"phi": Fraction(step, 4)})
        if found is not None and found.cost.macs < before:
            message = (
                f"FLOPS fall from {before:,} to {found.cost.macs:,} between φ = {(step - 1) / 4:g} and {step / 4:g}"
            )
            rule = next(iter(program.scales.values()))
            yield Diagnostic("W402", message, Label(rule.span, "see the scale rules"), severity="warning")
            return
        before = found.cost.macs if found is not None else before


# W405


def compound_drift(survey: Survey) -> Iterator[Diagnostic]:
    """Warn where d·w²·r² is a power of φ whose base is so far from 2 that at the largest φ it is far from 2^φ."""
    names = survey.program.file.constants()
    if not survey.phis:
        return
    first, last = survey.phis[0], survey.phis[-1]
    one, nominal = (growth(*(point.number(key) for key in "dwr")) for point in (first, last))
    phi = last.phi or 0
    if one is None or nominal is None or exact.compare(nominal, exact.power(one, Fraction(phi))) != 0:
        return
    if not ({"alpha", "beta", "gamma"} <= names or promises(nominal, Fraction(phi))):
        return
    ratio = exact.divide(nominal, Fraction(2**phi))
    if exact.compare(ratio, STEEP) <= 0 and exact.compare(ratio, 1 / STEEP) >= 0:
        return
    message = f"at φ = {phi}, d·w²·r² is {exact.show(nominal, 2)}, and 2^φ is {2**phi}"
    notes = (
        f"at φ = 1 it is {exact.show(one, 4)}, {exact.show(exact.divide(one, Fraction(2)), 3)} times 2",
        f"{phi} times over, that is {exact.show(ratio, 2)} times 2^φ",
    )
    help = "`require α · β² · γ² ≈ 2 ± 5%` allows 1.9 to 2.1: at φ = 7, 0.7 to 1.41 times 2^φ"
    label = Label(_drift_place(survey), "scaled by this")
    yield Diagnostic("W405", message, label, notes=notes, help=help, severity="warning")


def _drift_place(survey: Survey) -> Span:
    lets = survey.program.file.lets
    own = [lets[key].binding for key in ("alpha", "d") if key in lets and lets[key].home is survey.program.file]
    return own[0].span if own else survey.program.network.name.span
