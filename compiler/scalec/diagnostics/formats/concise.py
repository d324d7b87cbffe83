"""The format `concise`: one line for each diagnostic, as many compilers print it."""

from collections.abc import Sequence

from scalec.diagnostics.diagnostic import Diagnostic
from scalec.diagnostics.machine import path_of
from scalec.diagnostics.text import printable


def render(diagnostics: Sequence[Diagnostic], whole: bool) -> str:
    """Return one line for each finding."""
    return "".join(
        "{}:{}:{}: {}[{}]: {}\n".format(
            printable(path_of(d.label.span.source)), *d.label.span.source.position(d.label.span.start),
            d.severity, d.code, printable(d.message),
        )
        for d in diagnostics
    )  # fmt: skip
