"""The format `gitlab`: a GitLab code quality report."""

from collections.abc import Sequence

from scalec.diagnostics.diagnostic import Diagnostic
from scalec.diagnostics.machine import Json, dump, fingerprints, paragraphs, path_of, printable_lines, region
from scalec.diagnostics.source import Span
from scalec.diagnostics.text import printable


def render(diagnostics: Sequence[Diagnostic], whole: bool) -> str:
    """Return an issue for each finding: a line as its description, and all that there is to say in `content`."""
    severities = {"error": "major", "warning": "minor"}
    found = [
        {
            "type": "issue",
            "check_name": d.code,
            "description": printable(f"{d.code}: {d.message}"),
            "content": {"body": printable_lines("\n".join(paragraphs(d)))},
            "fingerprint": fingerprint,
            "severity": severities[d.severity],
            "location": {"path": path_of(d.label.span.source), "lines": _lines(d.label.span)},
        }
        for d, fingerprint in zip(diagnostics, fingerprints(diagnostics), strict=True)
    ]
    return dump(found)


def _lines(span: Span) -> Json:
    place = region(span)
    return {"begin": place["startLine"], "end": place["endLine"]}
