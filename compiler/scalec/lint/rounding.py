"""W201 and W202: scale rules that change written numbers, and roundings that give another result in other tools."""

from collections.abc import Iterator

from scalec.diagnostics.diagnostic import Diagnostic, Label
from scalec.language import exact
from scalec.language import syntax as s
from scalec.language.unparse import spell_name
from scalec.lint.float_arithmetic import Floats, Unknown
from scalec.lint.scales import Point, Site, Survey
from scalec.record import record

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
    found: dict[s.Scale, list[_Decision]] = {}
    for point in survey.points:
        floats = Floats(survey.program.file, point.setting.names)
        for site in point.sites:
            rule = survey.program.scales[site.symbol]
            try:
                peer = floats.rule(rule.rule, site.symbol, site.written)
            except Unknown:
                continue
            if peer != site.scaled:
                found.setdefault(rule, []).append(_Decision(site, point, peer))
    for rule, (first, *more) in found.items():
        yield _otherwise(rule, first, more[:5])


@record
class _Decision:
    """A number that a rule makes at a point, and the other one that a peer makes."""

    site: Site
    point: Point
    peer: float

    @property
    def text(self) -> str:
        """The decision in words."""
        scaled = f"{exact.show(self.site.written)} {_WHAT[self.site.symbol]} become {self.site.scaled}"
        return f"{self.point.where}, {scaled}, and {self.peer:g} in floating-point numbers"


def _otherwise(rule: s.Scale, decision: _Decision, more: list[_Decision]) -> Diagnostic:
    site, point, peer = decision.site, decision.point, decision.peer
    written = exact.show(site.written)
    values = [(name, point.number(name)) for name in point.survey.tally.rule_names[site.symbol]]
    shown = [f"{spell_name(name)} = {exact.show(value)}" for name, value in values if value is not None]
    notes = (
        f"`{rule.rule.span.text}` with {', '.join([f'{site.symbol} = {written}', *shown])} is computed exactly here",
        "other libraries compute it with floats and round to another number: their weights have another shape",
        *(each.text for each in more),
    )
    help = f"for the network of those libraries, pin this number: `={peer:g}`" if site.symbol in "CL" else None
    label = Label(site.expr.span, f"{site.scaled}, not {peer:g}")
    return Diagnostic("W202", decision.text, label, (Label(rule.rule.span, "the rule"),), notes, help, "warning")
