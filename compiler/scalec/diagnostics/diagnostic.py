"""Diagnostics as data: places, messages, help and fixes. `text` and `formats/` print them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from scalec.diagnostics.source import Span
from scalec.limits import MAX_ERRORS
from scalec.record import record


class Mark(str):
    """The text of a label that says no more than its place does; a format that shows no places leaves it out."""


UNKNOWN = Mark("unknown")


@record
class Label:
    """A place that belongs to a diagnostic, with a word or two about it."""

    span: Span
    text: str = ""


@record
class Edit:
    """New text for a place; an empty place is where it is put in."""

    span: Span
    text: str


@record
class Fix:
    """Edits that correct a finding. They are `safe` if nothing else can have been meant, else a guess."""

    message: str
    edits: tuple[Edit, ...]
    applicability: Literal["safe", "maybe"] = "maybe"


@record
class Advice:
    """A help with the fixes that do what it says, the likeliest first."""

    text: str
    fixes: tuple[Fix, ...]


Help = str | Advice | None


@record
class Context:
    """What a finding was met in: a place with a word about it, or words alone."""

    text: str
    span: Span | None = None


MOST_PLACES = 2
"""A use inside a use inside a use: the innermost say enough."""


@record
class Diagnostic:
    """One finding: where (`label`), what (`message`), and what helps to correct it."""

    code: str
    message: str
    label: Label
    others: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    severity: Literal["error", "warning"] = "error"
    fixes: tuple[Fix, ...] = ()

    def within(self, context: Context) -> "Diagnostic":
        """Return the same in a context: words become a note, a place one more label while there are few."""
        if context.span is None:
            return replace(self, notes=(*self.notes, context.text))
        if len(self.others) >= MOST_PLACES:
            return self
        return replace(self, others=(*self.others, Label(context.span, context.text)))


class CompileError(Exception):
    """The spec is wrong. Carries every finding of the stage that stopped."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(d.message for d in self.diagnostics))

    def __reduce__(self) -> tuple[type["CompileError"], tuple[tuple[Diagnostic, ...]]]:
        """Return how it is pickled, on its way out of a process of a pool."""
        return type(self), (self.diagnostics,)


class UsageError(CompileError):
    """A value of the command line that has no meaning, whatever the spec says."""


@dataclass
class Report:
    """Collects what a stage finds. The stage stops at its end if there was an error."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    _seen: set[Diagnostic] = field(default_factory=set, repr=False)

    def add(self, diagnostic: Diagnostic) -> None:
        """Add a finding that is not there yet; raise `CompileError` if there are MAX_ERRORS."""
        if diagnostic not in self._seen:
            self._seen.add(diagnostic)
            self.diagnostics.append(diagnostic)
            if len(self.diagnostics) >= MAX_ERRORS:
                self.stop_on_error()

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        others: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: Help = None,
        fixes: tuple[Fix, ...] = (),
    ) -> None:
        """Add an error."""
        self.add(finding(code, message, Label(span, label), others=others, notes=notes, help=help, fixes=fixes))

    def stop_on_error(self) -> None:
        """Raise `CompileError` if anything found so far is an error."""
        if any(d.severity == "error" for d in self.diagnostics):
            raise CompileError(self.diagnostics)


def finding(
    code: str,
    message: str,
    label: Label,
    *,
    others: tuple[Label, ...] = (),
    notes: tuple[str, ...] = (),
    help: Help = None,
    fixes: tuple[Fix, ...] = (),
) -> Diagnostic:
    """Return an error; the fixes of an `Advice` as its help become its own."""
    if isinstance(help, Advice):
        return Diagnostic(code, message, label, others, notes, help.text, fixes=help.fixes + fixes)
    return Diagnostic(code, message, label, others, notes, help, fixes=fixes)


def advise(text: str, *edits: Edit, safe: bool = False) -> Advice:
    """Return a help with the edits that do what it says."""
    return Advice(text, (Fix(text, edits, "safe" if safe else "maybe"),))


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 value`, `2 values`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return findings sorted by place."""
    return sorted(diagnostics, key=lambda d: (d.label.span.source.name, d.label.span.start))
