"""W201 and W202: scale rules that change what is written, and roundings that other tools would decide otherwise."""

from collections.abc import Iterator
from dataclasses import replace

from scalec.diagnostics.diagnostic import Diagnostic, Label
from scalec.language import exact
from scalec.language import syntax as s
from scalec.language.unparse import spell_name
from scalec.lint.float_arithmetic import Floats, Unknown
from scalec.lint.scales import Point, Site, Survey

_SCALES = {"phi": 0, "d": 1, "w": 1, "r": 1}
_WHAT = {"L": "repeats", "C": "channels", "H": "rows", "W": "columns"}


def changing_rules(survey: Survey) -> Iterator[Diagnostic]:
    """Warn of a rule that, without scaling, gives another number than the one that is written.

    Only rules that depend on φ, d, w or r are judged: what others are without scaling, nobody says.
    """
    names = survey.tally.rule_names
    for site in survey.unscaled(survey.written).sites:
        if set(_SCALES) & set(names.get(site.symbol, ())) and site.scaled != site.written:
            yield _changed(survey, site)


def _changed(survey: Survey, site: Site) -> Diagnostic:
    rule = survey.program.scales[site.symbol]
    written, symbol = exact.show(site.written), rule.symbol.span.text
    message = f"without scaling, `scale {symbol}` makes {site.scaled} of the {written} written here"
    set_to = [
        f"{spell_name(name)} = {value}" for name, value in _SCALES.items() if name in survey.tally.rule_names[symbol]
    ]
    notes = (
        f"`{rule.rule.span.text}` is {site.scaled} for {symbol} = {written}, {', '.join(set_to)}",
        f"so the baseline has {written}, and the smallest scaled network {site.scaled}",
    )
    help = f"write {site.scaled}, or pin it with `=`: then scaling leaves it alone"
    label = Label(site.expr.span, f"{site.scaled} where d = w = r = 1")
    return Diagnostic("W201", message, label, (Label(rule.rule.span, "the rule"),), notes, help, "warning")


def float_decisions(survey: Survey) -> Iterator[Diagnostic]:
    """Warn where a rule in floating-point numbers, as in timm or torchvision, would give another whole number."""
    found: dict[s.Scale, list[Diagnostic]] = {}
    for point in survey.points:
        floats = Floats(survey.program.file, point.setting.names)
        for site in point.sites:
            rule = survey.program.scales[site.symbol]
            try:
                peer = floats.rule(rule.rule, site.symbol, site.written)
            except Unknown:
                continue
            if peer != site.scaled:
                found.setdefault(rule, []).append(_otherwise(rule, site, point, peer))
    for diagnostics in found.values():
        first, *more = diagnostics
        notes = (*first.notes, *(each.message for each in more[:5]))
        yield replace(first, notes=notes)


def _otherwise(rule: s.Scale, site: Site, point: Point, peer: float) -> Diagnostic:
    written, what = exact.show(site.written), _WHAT[site.symbol]
    message = f"{point.where}, {written} {what} become {site.scaled}, and {peer:g} in floating-point numbers"
    values = [(name, point.number(name)) for name in point.survey.tally.rule_names[site.symbol]]
    shown = [f"{spell_name(name)} = {exact.show(value)}" for name, value in values if value is not None]
    notes = (
        f"`{rule.rule.span.text}` with {', '.join([f'{site.symbol} = {written}', *shown])} is computed exactly here",
        "other libraries compute it with floats and round to another number: their weights have another shape",
    )
    help = f"for the network of those libraries, pin this number: `={peer:g}`" if site.symbol in "CL" else None
    label = Label(site.expr.span, f"{site.scaled}, not {peer:g}")
    return Diagnostic("W202", message, label, (Label(rule.rule.span, "the rule"),), notes, help, "warning")
