"""Diagnostics for machines: one line each, JSON, SARIF, GitHub's workflow commands, GitLab's code quality.

docs/diagnostics.md states the JSON, which is a contract: a field may be added, none changes or goes.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from urllib.parse import quote

from scalec.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Mark
from scalec.diagnostics.source import COMMAND_LINE, Source, Span
from scalec.diagnostics.text import printable
from scalec.version import __version__

Json = dict[str, object]

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def path_of(source: Source) -> str:
    """Give a file's name with forward slashes, as Unicode whatever its bytes are."""
    return _unicode(source.name.replace(os.sep, "/"))


def _unicode(text: str) -> str:
    """Replace halves of surrogate pairs, as bytes of a name that are no text come in: no reader takes them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _dump(value: object) -> str:
    """Write a line of JSON in ASCII, so that it is right whatever the terminal's encoding is."""
    return json.dumps(json.loads(_unicode(json.dumps(value, ensure_ascii=False)))) + "\n"


def concise(diagnostics: Sequence[Diagnostic]) -> str:
    """One line for each finding, as compilers have it."""
    return "".join(
        "{}:{}:{}: {}[{}]: {}\n".format(
            printable(path_of(d.label.span.source)), *d.label.span.source.position(d.label.span.start),
            d.severity, d.code, printable(d.message),
        )
        for d in diagnostics
    )  # fmt: skip


def as_json(diagnostics: Sequence[Diagnostic], whole: bool = True) -> str:
    """One object for the whole run, or for one in which something could not be read."""
    counts = Counter(d.severity for d in diagnostics)
    report: Json = {
        "schema": "scalec.diagnostics/1",
        "valid": whole and not counts["error"],
        "error_count": counts["error"],
        "warning_count": counts["warning"],
        "diagnostics": [_object(d) for d in diagnostics],
    }
    return _dump(report)


def jsonl(diagnostics: Sequence[Diagnostic]) -> str:
    """One object on a line for each finding."""
    return "".join(_dump({"schema": "scalec.diagnostic/1"} | _object(d)) for d in diagnostics)


def _object(diagnostic: Diagnostic) -> Json:
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
        "edits": [_place(span) | {"text": text} for span, text in fix.edits],
    }


def sarif(diagnostics: Sequence[Diagnostic], whole: bool = True) -> str:
    """SARIF 2.1.0: one run, or one in which something could not be read."""
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
    return _dump({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]})


def _result(diagnostic: Diagnostic, rule: int, fingerprint: str) -> Json:
    related = [_location(label) | {"id": number} for number, label in enumerate(diagnostic.others, 1)]
    result: Json = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity,
        "message": _message("\n".join(_paragraphs(diagnostic))),
        "partialFingerprints": {"scalec/v1": fingerprint},
    }
    if diagnostic.label.span.source.name != COMMAND_LINE:
        result |= {"locations": [_location(diagnostic.label)]}
    result |= {"relatedLocations": related} if related else {}
    return result | ({"fixes": [_sarif_fix(fix) for fix in diagnostic.fixes]} if diagnostic.fixes else {})


def _message(text: str) -> Json:
    """A brace would be a placeholder, and `[a](b)` a link (sections 3.11.5 and 3.11.6 of SARIF)."""
    text = printable_lines(text).replace("{", "{{").replace("}", "}}")
    return {"text": re.sub(r"([\[\]\\])", r"\\\1", text) if "](" in text else text}


def _location(label: Label) -> Json:
    place: Json = {
        "physicalLocation": {"artifactLocation": _artifact(label.span.source), "region": _region(label.span)}
    }
    return place | ({"message": _message(label.text)} if label.text else {})


def _artifact(source: Source) -> Json:
    path = path_of(source)
    if re.match("[A-Za-z]:/", path):
        path = f"/{path}"
    return {"uri": ("file://" if path.startswith("/") else "") + quote(path)}


def _region(span: Span) -> Json:
    (line, column), (end_line, end_column) = (span.source.position(offset) for offset in (span.start, span.end))
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _sarif_fix(fix: Fix) -> Json:
    changes: dict[Source, list[Edit]] = {}
    for edit in fix.edits:
        changes.setdefault(edit.span.source, []).append(edit)
    return {
        "description": _message(fix.message),
        "artifactChanges": [
            {
                "artifactLocation": _artifact(source),
                "replacements": [
                    {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}} for edit in edits
                ],
            }
            for source, edits in changes.items()
        ],
        "properties": {"applicability": fix.applicability},
    }


def github(diagnostics: Sequence[Diagnostic]) -> str:
    """Workflow commands of GitHub: each annotates a line of a pull request."""
    return "".join(f"{line}\n" for d in diagnostics for line in _command(d))


def _command(diagnostic: Diagnostic) -> Iterator[str]:
    region = _region(diagnostic.label.span)
    properties: Json = {"title": diagnostic.code}
    if diagnostic.label.span.source.name != COMMAND_LINE:
        properties |= {
            "file": path_of(diagnostic.label.span.source), "line": region["startLine"], "col": region["startColumn"],
            "endLine": region["endLine"], "endColumn": region["endColumn"],
        }  # fmt: skip
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    yield f"::{diagnostic.severity} {listed}::{_data(chr(10).join(_paragraphs(diagnostic)))}"


def _data(text: str) -> str:
    """Escape what would end the command: nothing of a spec may begin a second one."""
    return printable_lines(text).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")


def gitlab(diagnostics: Sequence[Diagnostic]) -> str:
    """A code quality report of GitLab: a line each, and in `content` all that there is to say."""
    severities = {"error": "major", "warning": "minor"}
    found = [
        {
            "type": "issue",
            "check_name": d.code,
            "description": printable(f"{d.code}: {d.message}"),
            "content": {"body": printable_lines("\n".join(_paragraphs(d)))},
            "fingerprint": fingerprint,
            "severity": severities[d.severity],
            "location": {"path": path_of(d.label.span.source), "lines": _gitlab_lines(d.label.span)},
        }
        for d, fingerprint in zip(diagnostics, fingerprints(diagnostics), strict=True)
    ]
    return _dump(found)


def _gitlab_lines(span: Span) -> Json:
    region = _region(span)
    return {"begin": region["startLine"], "end": region["endLine"]}


def _paragraphs(diagnostic: Diagnostic) -> list[str]:
    """Give everything that a finding says, the places of its other labels left out."""
    label = "" if isinstance(diagnostic.label.text, Mark) else diagnostic.label.text
    said = [f"{diagnostic.message}: {label}" if label else diagnostic.message]
    said += [f"note: {note}" for note in diagnostic.notes]
    return said + ([f"help: {diagnostic.help}"] if diagnostic.help else [])


def printable_lines(text: str) -> str:
    """Show control characters, line ends left as they are: a lone carriage return is none."""
    return "\n".join(map(printable, text.split("\n")))


def fingerprints(diagnostics: Sequence[Diagnostic]) -> list[str]:
    """Tell findings apart by what they say and the text of their line: a line put in above changes none."""
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


Format = Callable[[Sequence[Diagnostic]], str]
FORMATS: Mapping[str, Format] = {
    "concise": concise, "json": as_json, "jsonl": jsonl, "sarif": sarif, "github": github, "gitlab": gitlab,
}  # fmt: skip
UNFINISHED: Mapping[str, Format] = {
    **FORMATS, "json": partial(as_json, whole=False), "sarif": partial(sarif, whole=False),
}  # fmt: skip
"""The same where something could not be read: nobody may take the rest for all. The others have no word for it."""
