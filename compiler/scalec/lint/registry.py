"""The registry of warnings about things that are legal but probably not intended. `scalec check` prints them.

A lint is a function from a `Survey` (the spec at all of its scales) to diagnostics, with the arithmetic in their
notes. A lint must be right in almost every case. If it cannot decide, it gives no warning. `allow` has the comments
that allow a warning.
"""

from collections.abc import Callable, Iterator, Sequence

from scalec.diagnostics.diagnostic import Diagnostic
from scalec.language import syntax as s
from scalec.language.exact import ArithmeticFailure
from scalec.lint import (
    growth,
    resolution,
    rounding,
    shapes,
    stale_search,
    unscaled,
    unused,
)
from scalec.lint.allow import judged
from scalec.lint.scales import Survey
from scalec.program.program import Program

LINTS: Sequence[Callable[[Survey], Iterator[Diagnostic]]] = (
    rounding.changing_rules,
    rounding.float_decisions,
    shapes.turning_conditions,
    shapes.uneven_paddings,
    shapes.odd_widths,
    growth.far_growth,
    growth.falling_cost,
    resolution.staircase,
    growth.doubled_stages,
    growth.compound_drift,
    unscaled.unscaled_parts,
    stale_search.moved_on,
)


def warnings(spec: s.Spec, program: Program | None) -> list[Diagnostic]:
    """Return what is worth a warning in a spec that holds, or in a library, which has no program."""
    found = list(unused.unused(spec))
    elsewhere: list[Diagnostic] = []
    if program is not None:
        survey = Survey(spec, program)
        for lint in LINTS:
            try:
                found += lint(survey)
            except ArithmeticFailure:
                continue  # a number too large to look at: the compiler says so where it matters
        elsewhere += growth.compiled_growth(survey)
    return judged(spec.span.source, found, elsewhere)
