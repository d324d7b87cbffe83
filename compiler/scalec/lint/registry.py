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
    growth as lint_cost,
)
from scalec.lint import (
    resolution as lint_stairs,
)
from scalec.lint import (
    rounding as lint_rules,
)
from scalec.lint import (
    shapes as lint_shapes,
)
from scalec.lint import (
    stale_search as lint_search,
)
from scalec.lint import (
    unscaled as lint_constants,
)
from scalec.lint import (
    unused as lint_names,
)
from scalec.lint.allow import judged
from scalec.lint.scales import Survey
from scalec.program.program import Program

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
    """Return what is worth a warning in a spec that holds, or in a library, which has no program."""
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
