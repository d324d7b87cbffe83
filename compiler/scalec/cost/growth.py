"""What a scale says about its neighbours: where a requirement still holds, and whether cost keeps what φ promises.

The other warnings are lints, which `scalec check` gives: see `lint`.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial

from scalec.cost.count import cost
from scalec.cost.requirements import holds
from scalec.diagnostics.diagnostic import CompileError, Diagnostic, Label, Report
from scalec.language import exact
from scalec.language import syntax as s
from scalec.language.exact import Number
from scalec.network.network import Network

STEPS = 1000  # of φ, in one
FAR = Fraction(1, 4)
"""How far from 2^φ the growth of FLOPS may be before it is worth a warning."""


def with_nearest(
    report: Report, requirements: list[s.Expr], phi: Fraction, decide: Callable[[s.Expr, Fraction], bool]
) -> Report:
    """Say in each requirement's diagnostic up to which φ, from 0 on, it holds; nothing where it fails at 0 too."""
    told = Report()
    for diagnostic in report.diagnostics:
        place = diagnostic.label.span
        of = [e for e in requirements if e.span.source is place.source and e.span.start <= place.start < e.span.end]
        reach = _reach(partial(decide, of[0]), phi) if of else None
        note = () if reach is None else (f"it holds up to φ = {exact.show(reach, 3)}",)
        told.add(replace(diagnostic, notes=(*diagnostic.notes, *note)))
    return told


def _reach(decide: Callable[[Fraction], bool], phi: Fraction) -> Fraction | None:
    """Bisect between 0, where it holds, and φ, where it does not."""
    if phi == 0 or not decide(Fraction(0)):
        return None
    low, high = 0, abs(int(phi * STEPS))
    sign = 1 if phi > 0 else -1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if decide(Fraction(sign * middle, STEPS)) else (low, middle)
    return Fraction(sign * low, STEPS)


def decided(
    network: Callable[[Fraction], Network], other: Callable[[str], Network]
) -> Callable[[s.Expr, Fraction], bool]:
    """Decide requirements at any φ; what cannot be built there holds nothing."""

    def decide(expr: s.Expr, phi: Fraction) -> bool:
        try:
            return holds(expr, network(phi), other)
        except CompileError:
            return False

    return decide


def growth_warning(network: Network, baseline: Network, phi: Fraction) -> list[Diagnostic]:
    """Warn where FLOPS do not grow by about 2^φ though d·w²·r², as the paper wants it, does."""
    base, nominal = cost(baseline).macs, growth(*(network.number(key) for key in "dwr"))
    if not base or nominal is None or not promises(nominal, phi):
        return []
    realised, promised = Fraction(cost(network).macs, base), exact.power(Fraction(2), phi)
    if not far(realised, phi):
        return []
    name = network.program.network.name
    message = f"at φ = {exact.show(phi)} FLOPS grow by {exact.show(realised, 3)}, and 2^φ is {exact.show(promised, 3)}"
    notes = ("`scalec cost --phi` says which rounding does it, `--true` moves d, w and r until they keep the promise",)
    helped = "`require FLOPS ≈ 2^φ · baseline.FLOPS ± 25%` makes this an error"
    return [Diagnostic("W401", message, Label(name.span), notes=notes, help=helped, severity="warning")]


def growth(d: Number | None, w: Number | None, r: Number | None) -> Number | None:
    """Give d·w²·r²; nothing where one of them is not there."""
    if d is None or w is None or r is None:
        return None
    area = exact.multiply(w, r)
    return exact.multiply(d, exact.multiply(area, area))


def promises(nominal: Number, phi: Fraction) -> bool:
    """Tell whether d·w²·r² is between 1.8^φ and 2.2^φ: whether the spec scales as Section 3.3 says."""
    ends = [exact.power(Fraction(base, 10), phi) for base in (18, 22)]
    return exact.compare(exact.minimum(*ends), nominal) <= 0 <= exact.compare(exact.maximum(*ends), nominal)


def far(realised: Fraction, phi: Fraction) -> bool:
    """Tell whether a growth is more than a quarter from 2^φ."""
    ratio = exact.divide(realised, exact.power(Fraction(2), phi))
    return exact.compare(ratio, 1 + FAR) > 0 or exact.compare(ratio, 1 - FAR) < 0
