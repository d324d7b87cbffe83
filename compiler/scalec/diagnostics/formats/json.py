"""The format `json`: one object for a run. docs/diagnostics.md describes it. Fields may be added, never removed."""

from collections import Counter
from collections.abc import Sequence

from scalec.diagnostics.diagnostic import Diagnostic, Fix
from scalec.diagnostics.machine import Json, dump, path_of
from scalec.diagnostics.source import Source, Span


def render(diagnostics: Sequence[Diagnostic], whole: bool) -> str:
    """Return one object for the run; it is not `valid` if something could not be read (`whole` is false)."""
    counts = Counter(d.severity for d in diagnostics)
    report: Json = {
        "schema": "scalec.diagnostics/1",
        "valid": whole and not counts["error"],
        "error_count": counts["error"],
        "warning_count": counts["warning"],
        "diagnostics": [finding(d) for d in diagnostics],
    }
    return dump(report)


def finding(diagnostic: Diagnostic) -> Json:
    """Return the object of one finding."""
    return {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        **_place(diagnostic.label.span),
        "label": diagnostic.label.text,
        "labels": [_place(label.span) | {"text": label.text} for label in diagnostic.others],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "fixes": [_fix(fix) for fix in diagnostic.fixes],
    }


def _place(span: Span) -> Json:
    return {
        "path": path_of(span.source),
        "start": _point(span.source, span.start),
        "end": _point(span.source, span.end),
    }


def _point(source: Source, offset: int) -> Json:
    line, column = source.position(offset)
    return {"line": line, "column": column, "offset": offset}


def _fix(fix: Fix) -> Json:
    return {
        "message": fix.message,
        "applicability": fix.applicability,
        "edits": [_place(edit.span) | {"text": edit.text} for edit in fix.edits],
    }
