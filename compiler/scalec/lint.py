"""Warnings: what a spec says that is legal and hardly meant. `scalec check` gives them; see `allow` for comments.

A lint is a function that looks at a `Survey`, the spec at all of its scales, and gives diagnostics with the arithmetic
in their notes. It is to be right far more often than not: one that cannot tell stays silent.
"""

from collections.abc import Callable, Iterator, Sequence

from scalec import lint_constants, lint_cost, lint_names, lint_rules, lint_search, lint_shapes, lint_stairs
from scalec import syntax as s
from scalec.allow import judged
from scalec.diagnostics import Diagnostic
from scalec.exact import ArithmeticFailure
from scalec.program import Program
from scalec.survey import Survey

LINTS: Sequence[Callable[[Survey], Iterator[Diagnostic]]] = (
    lint_rules.changing_rules,
    lint_rules.float_decisions,
    lint_shapes.turning_conditions,
    lint_shapes.uneven_paddings,
    lint_shapes.odd_widths,
    lint_cost.far_growth,
    lint_cost.falling_cost,
    lint_stairs.staircase,
    lint_cost.doubled_stages,
    lint_cost.compound_drift,
    lint_constants.unscaled_parts,
    lint_search.moved_on,
)


def warnings(spec: s.Spec, program: Program | None) -> list[Diagnostic]:
    """Give what is worth a warning in a spec that holds, or in a library, which has no program."""
    found = list(lint_names.unused(spec))
    elsewhere: list[Diagnostic] = []
    if program is not None:
        survey = Survey(spec, program)
        for lint in LINTS:
            try:
                found += lint(survey)
            except ArithmeticFailure:
                continue  # a number too large to look at: the compiler says so where it matters
        elsewhere += lint_cost.compiled_growth(survey)
    return judged(spec.span.source, found, elsewhere)
