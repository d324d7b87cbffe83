"""Functions that several formats share: paths, regions, lines of a diagnostic, fingerprints, and JSON in ASCII."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence

from scalec.diagnostics.diagnostic import Diagnostic, Mark
from scalec.diagnostics.source import Source, Span
from scalec.diagnostics.text import printable

Json = dict[str, object]


def path_of(source: Source) -> str:
    """Return a file's name with forward slashes, and valid as Unicode whatever its bytes are."""
    return as_unicode(source.name.replace(os.sep, "/"))


def as_unicode(text: str) -> str:
    """Return text without lone surrogates, which stand for bytes of a name that are no text: no reader takes them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def dump(value: object) -> str:
    """Return a line of JSON in ASCII, so that it is right whatever the terminal's encoding is."""
    return json.dumps(json.loads(as_unicode(json.dumps(value, ensure_ascii=False)))) + "\n"


def region(span: Span) -> Json:
    """Return lines and columns of a place, both from 1, as SARIF calls them."""
    (line, column), (end_line, end_column) = (span.source.position(offset) for offset in (span.start, span.end))
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def paragraphs(diagnostic: Diagnostic) -> list[str]:
    """Return everything that a finding says but the places of its other labels."""
    label = "" if isinstance(diagnostic.label.text, Mark) else diagnostic.label.text
    said = [f"{diagnostic.message}: {label}" if label else diagnostic.message]
    said += [f"note: {note}" for note in diagnostic.notes]
    return said + ([f"help: {diagnostic.help}"] if diagnostic.help else [])


def printable_lines(text: str) -> str:
    """Return text with control characters shown, and line feeds as they are."""
    return "\n".join(map(printable, text.split("\n")))


def fingerprints(diagnostics: Sequence[Diagnostic]) -> list[str]:
    """Return a hash of each finding's code, path and line of text: a line that is put in above changes none."""
    seen: Counter[tuple[str, ...]] = Counter()
    made = []
    for d in diagnostics:
        span = d.label.span
        line, column = span.source.position(span.start)
        text = span.source.line(line)
        parts = (d.code, path_of(span.source), " ".join(text.split()), text[column - 1 :][: span.end - span.start])
        seen[parts] += 1
        made.append(hashlib.sha256("\0".join((*parts, str(seen[parts]))).encode("utf-8", "replace")).hexdigest()[:32])
    return made
