"""W501: a spec that was changed after the search for its constants."""

from collections.abc import Iterator

from scalec.diagnostics.diagnostic import Diagnostic, Label
from scalec.diagnostics.source import Span
from scalec.lint.scales import Survey
from scalec.program.search_stamp import State, comments, place_of, state_of


def moved_on(survey: Survey) -> Iterator[Diagnostic]:
    """Warn where the comment that `scalec search --write` left is of another spec, or of other values."""
    program = survey.program
    now = state_of(program)
    for start, end, then in comments(program.file.source.text):
        changed = _changed(then, now)
        if not changed:
            continue
        label = Label(
            place_of(program, start, end), "found for an earlier spec" if changed[0] != _VALUES else "changed"
        )
        others = (Label(Span(program.file.source, start, end), "the search"),) if program.search else ()
        help = "run `scalec search --write` again, or delete the comment"
        message = f"the spec has changed since the search for its constants: {' and '.join(changed)}"
        yield Diagnostic("W501", message, label, others, (), help, "warning")


_VALUES = "the constants have other values"


def _changed(then: State, now: State | None) -> list[str]:
    """Return what is otherwise than it was."""
    if now is None:
        return ["its `search` was removed"]
    said = {"the network is different": "rest", "its `search` is different": "search", _VALUES: "constants"}
    return [words for words, part in said.items() if getattr(then, part) != getattr(now, part)]
