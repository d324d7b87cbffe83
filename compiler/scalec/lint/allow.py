"""Comments that allow a warning: `# scalec: allow W404 the paper's own rounding`.

Such a comment applies to its own line. On a line of its own, it applies to the next line that is not a comment.
Before the first statement, it applies to the whole file. The reason is required, because a reader needs it later.
Comments are not in the syntax tree. They are read from the text, where every `#` starts a comment.
"""

import re
from collections.abc import Iterable, Sequence

from scalec.diagnostics.diagnostic import UNKNOWN, Diagnostic, Label
from scalec.diagnostics.source import Source, Span
from scalec.diagnostics.suggest import suggest
from scalec.record import record

CODES = frozenset("W001 W002 W101 W201 W202 W301 W302 W303 W401 W402 W403 W404 W405 W406 W501".split())
"""Every warning about a spec (W601 is about an emitted file). What each is about stands in `explanations/`."""

_ABOUT_ALLOWING = ("W001", "W002")
_SEARCHED = "searched"
"""The verb of the other kind of comment: see `moved`."""
_COMMENT = re.compile(r"#[^\n]*")
_FOR_SCALEC = re.compile(r"#\s*scalec\s*:\s*(?P<verb>\w*)[ \t]*(?P<rest>.*)")
_HEAD = re.compile(r"(?P<codes>[A-Za-z]\w*(?:\s*,\s*[A-Za-z]\d\w*)*)(?P<reason>.*)")
_FORM = "write `# scalec: allow W404 the paper's own rounding`"


@record
class Allowance:
    """A code that is allowed on a line, or with no line in the whole file."""

    code: str
    line: int | None
    span: Span

    def covers(self, found: Diagnostic) -> bool:
        """Return whether it is about this finding."""
        place = found.label.span
        if found.code != self.code or place.source is not self.span.source:
            return False
        return self.line is None or place.source.position(place.start)[0] == self.line


def allowances(source: Source) -> tuple[list[Allowance], list[Diagnostic]]:
    """Read the comments of a spec that allow something, and say which of them cannot be read."""
    first = _first_statement(source)
    found: list[Allowance] = []
    wrong: list[Diagnostic] = []
    for comment in _COMMENT.finditer(source.text):
        match = _FOR_SCALEC.match(comment.group())
        if match is None or match["verb"] == _SEARCHED:
            continue
        span = Span(source, comment.start(), comment.start() + len(comment.group().rstrip()))
        line = None if comment.start() < first else _line(source, comment.start())
        head = _HEAD.fullmatch(match["rest"].strip()) if match["verb"] == "allow" else None
        if head is None:
            wrong.append(_unreadable("this comment for scalec cannot be read", span, "not understood", _FORM))
            continue
        codes = [code.strip() for code in head["codes"].split(",")]
        problems = [problem for code in codes if (problem := _refused(code, span))]
        if not problems and not head["reason"].strip(" :-–—"):
            problems = [_unreadable(f"{head['codes']} is allowed without a reason", span, "no reason", _FORM)]
        wrong += problems
        found += [] if problems else [Allowance(code, line, span) for code in codes]
    return found, wrong


def allowed(source: Source, findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Leave out the warnings that the spec allows."""
    known = allowances(source)[0]
    return [each for each in findings if not any(allowance.covers(each) for allowance in known)]


def judged(source: Source, findings: Iterable[Diagnostic], elsewhere: Sequence[Diagnostic] = ()) -> list[Diagnostic]:
    """Leave out what the spec allows, and say which of its comments are wrong or allow nothing.

    `elsewhere` are warnings that another command may give: what allows one of them is not idle.
    """
    known, wrong = allowances(source)
    given = list(findings)
    left = [each for each in given if not any(allowance.covers(each) for allowance in known)]
    idle = [each for each in known if not any(each.covers(finding) for finding in (*given, *elsewhere))]
    return [*left, *wrong, *(_idle(each) for each in idle)]


def _first_statement(source: Source) -> int:
    """Return where the head of the file ends: comments and empty lines."""
    offset = 0
    for line in source.text.splitlines(keepends=True):
        if line.lstrip()[:1] not in ("", "#"):
            return offset
        offset += len(line)
    return offset


def _line(source: Source, start: int) -> int:
    """Return the line that a comment is about: its own, or the next one that is more than a comment."""
    line, column = source.position(start)
    if source.line(line)[: column - 1].strip():
        return line
    last = source.position(len(source.text))[0]
    below = (number for number in range(line + 1, last + 1))
    return next((number for number in below if source.line(number).lstrip()[:1] not in ("", "#")), line)


def _refused(code: str, span: Span) -> Diagnostic | None:
    if code in CODES and code not in _ABOUT_ALLOWING:
        return None
    if code in _ABOUT_ALLOWING:
        return _unreadable(
            f"{code} cannot be allowed", span, "it is about comments like this one", "correct or delete it"
        )
    if re.fullmatch(r"E\d{3}", code):
        return _unreadable(f"{code} is an error: only warnings can be allowed", span, "an error cannot be allowed")
    near = suggest(code.upper(), CODES) if len(code) > 1 else None
    return _unreadable(f"no warning has the code {code}", span, UNKNOWN, near or f"{_FORM}; `scalec explain` has all")


def _unreadable(message: str, span: Span, label: str, help: str | None = None) -> Diagnostic:
    return Diagnostic("W001", message, Label(span, label), help=help, severity="warning")


def _idle(allowance: Allowance) -> Diagnostic:
    where = "in this file" if allowance.line is None else f"on line {allowance.line}"
    message = f"{allowance.code} is allowed, but there is no such warning {where}"
    return Diagnostic("W002", message, Label(allowance.span, "not needed"), help="delete it", severity="warning")
