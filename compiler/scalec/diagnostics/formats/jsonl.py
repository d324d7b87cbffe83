"""The format `jsonl`: one line with a JSON object for each diagnostic."""

from collections.abc import Sequence

from scalec.diagnostics.diagnostic import Diagnostic
from scalec.diagnostics.formats.json import finding
from scalec.diagnostics.machine import dump


def render(diagnostics: Sequence[Diagnostic], whole: bool) -> str:
    """Return one line for each finding."""
    return "".join(dump({"schema": "scalec.diagnostic/1"} | finding(d)) for d in diagnostics)
