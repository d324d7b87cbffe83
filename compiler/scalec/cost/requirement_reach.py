"""For a requirement that fails: the largest φ at which it still holds."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial

from scalec.cost.requirements import holds
from scalec.diagnostics.diagnostic import CompileError, Report
from scalec.language import exact
from scalec.language import syntax as s
from scalec.network.network import Network

STEPS = 1000  # of φ, in one


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
