"""What a scale says about its neighbours: where a requirement still holds, and whether cost keeps what φ promises."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial

from scalec import exact
from scalec import syntax as s
from scalec.constrain import holds
from scalec.cost import cost
from scalec.diagnostics import CompileError, Diagnostic, Label, Report
from scalec.ir import Network
from scalec.program import Program
from scalec.tally import Tally

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
    base = cost(baseline).macs
    if not base or not _promises(network, phi):
        return []
    realised, promised = Fraction(cost(network).macs, base), exact.power(Fraction(2), phi)
    ratio = exact.divide(realised, promised)
    if exact.compare(ratio, 1 + FAR) <= 0 and exact.compare(ratio, 1 / (1 + FAR)) >= 0:
        return []
    name = network.program.network.name
    message = f"FLOPS grow by {exact.show(realised, 3)}, and 2^φ is {exact.show(promised, 3)}"
    notes = ("`scalec cost --phi` says which rounding does it, `--true` moves d, w and r until they keep the promise",)
    helped = "`require FLOPS ≈ 2^φ · baseline.FLOPS ± 25%` makes this an error"
    return [Diagnostic("W401", message, Label(name.span), notes=notes, help=helped, severity="warning")]


def _promises(network: Network, phi: Fraction) -> bool:
    """Tell whether d·w²·r² is between 1.8^φ and 2.2^φ: whether the spec scales as Section 3.3 says."""
    d, w, r = (network.number(key) for key in "dwr")
    if d is None or w is None or r is None:
        return False
    area = exact.multiply(w, r)
    nominal = exact.multiply(d, exact.multiply(area, area))
    ends = [exact.power(Fraction(base, 10), phi) for base in (18, 22)]
    return exact.compare(exact.minimum(*ends), nominal) <= 0 <= exact.compare(exact.maximum(*ends), nominal)


def falling_cost(program: Program) -> list[Diagnostic]:
    """Warn where the cost falls as φ grows, from 0 to 8 by quarters: then the largest φ is not the largest network."""
    if "phi" not in program.file.params or not program.scales:
        return []
    tally, before = Tally(program), 0
    for step in range(33):
        found = tally.at({"phi": Fraction(step, 4)})
        if found is not None and found.cost.macs < before:
            message = (
                f"FLOPS fall from {before:,} to {found.cost.macs:,} between φ = {(step - 1) / 4:g} and {step / 4:g}"
            )
            rule = next(iter(program.scales.values()))
            return [Diagnostic("W402", message, Label(rule.span, "see the scale rules"), severity="warning")]
        before = found.cost.macs if found is not None else before
    return []
