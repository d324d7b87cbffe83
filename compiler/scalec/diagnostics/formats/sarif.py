"""The format `sarif`: SARIF 2.1.0 for GitHub code scanning and for editors."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from scalec.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label
from scalec.diagnostics.machine import Json, dump, fingerprints, paragraphs, path_of, printable_lines, region
from scalec.diagnostics.source import COMMAND_LINE, Source
from scalec.version import __version__

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(diagnostics: Sequence[Diagnostic], whole: bool) -> str:
    """Return a log with one run; it was not successful if something could not be read (`whole` is false)."""
    codes = sorted({d.code for d in diagnostics})
    levels = {d.code: d.severity for d in diagnostics}
    prints = fingerprints(diagnostics)
    run: Json = {
        "tool": {
            "driver": {
                "name": "scalec",
                "semanticVersion": __version__,
                "rules": [{"id": code, "defaultConfiguration": {"level": levels[code]}} for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(d, codes.index(d.code), key) for d, key in zip(diagnostics, prints, strict=True)],
    }
    run |= {} if whole else {"invocations": [{"executionSuccessful": False}]}
    return dump({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _result(diagnostic: Diagnostic, rule: int, fingerprint: str) -> Json:
    related = [_location(label) | {"id": number} for number, label in enumerate(diagnostic.others, 1)]
    result: Json = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity,
        "message": _message("\n".join(paragraphs(diagnostic))),
        "partialFingerprints": {"scalec/v1": fingerprint},
    }
    if diagnostic.label.span.source.name != COMMAND_LINE:
        result |= {"locations": [_location(diagnostic.label)]}
    result |= {"relatedLocations": related} if related else {}
    return result | ({"fixes": [_fix(fix) for fix in diagnostic.fixes]} if diagnostic.fixes else {})


def _message(text: str) -> Json:
    """Return a message; a brace would be a placeholder, and `[a](b)` a link (SARIF, sections 3.11.5 and 3.11.6)."""
    text = printable_lines(text).replace("{", "{{").replace("}", "}}")
    return {"text": re.sub(r"([\[\]\\])", r"\\\1", text) if "](" in text else text}


def _location(label: Label) -> Json:
    place: Json = {"physicalLocation": {"artifactLocation": _artifact(label.span.source), "region": region(label.span)}}
    return place | ({"message": _message(label.text)} if label.text else {})


def _artifact(source: Source) -> Json:
    path = path_of(source)
    if re.match("[A-Za-z]:/", path):
        path = f"/{path}"
    return {"uri": ("file://" if path.startswith("/") else "") + quote(path)}


def _fix(fix: Fix) -> Json:
    changes: dict[Source, list[Edit]] = {}
    for edit in fix.edits:
        changes.setdefault(edit.span.source, []).append(edit)
    return {
        "description": _message(fix.message),
        "artifactChanges": [
            {
                "artifactLocation": _artifact(source),
                "replacements": [
                    {"deletedRegion": region(edit.span), "insertedContent": {"text": edit.text}} for edit in edits
                ],
            }
            for source, edits in changes.items()
        ],
        "properties": {"applicability": fix.applicability},
    }
