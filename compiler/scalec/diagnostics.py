"""What the compiler has to say, as data; it becomes text only at the very end, in `render`."""

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from scalec.source import Span

MOST_SHOWN = 20
TAB_WIDTH = 4
WIDEST = 120


@dataclass(frozen=True)
class Label:
    """A place that belongs to a diagnostic, with a word or two about it."""

    span: Span
    text: str = ""


@dataclass(frozen=True)
class Diagnostic:
    """One finding: where (`label`), what (`message`), and what else helps to mend it."""

    code: str
    message: str
    label: Label
    others: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    severity: str = "error"


class CompileError(Exception):
    """The spec is wrong. Carries every finding of the stage that stopped."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(d.message for d in self.diagnostics))


@dataclass
class Report:
    """Collects what a stage finds. The stage stops at its end if there was an error."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    _seen: set[Diagnostic] = field(default_factory=set, repr=False)

    def add(self, diagnostic: Diagnostic) -> None:
        """Take a finding, unless the same one stands there already."""
        if diagnostic not in self._seen:
            self._seen.add(diagnostic)
            self.diagnostics.append(diagnostic)

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        others: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: str | None = None,
    ) -> None:
        """Take an error."""
        self.add(Diagnostic(code, message, Label(span, label), others, notes, help))

    def stop_on_error(self) -> None:
        """Raise `CompileError` if anything found so far is an error."""
        if any(d.severity == "error" for d in self.diagnostics):
            raise CompileError(self.diagnostics)


def suggest(name: str, candidates: Iterable[str]) -> str | None:
    """Word a did-you-mean for `name`, or nothing if no candidate is near."""
    known = sorted(set(candidates))
    near = [c for c in known if c.lower() == name.lower()]
    near = near or difflib.get_close_matches(name[:64], known, n=1, cutoff=0.7)
    return f"did you mean `{near[0]}`?" if near else None


def plural(count: int, noun: str) -> str:
    """Count something in words: `1 value`, `2 values`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """Write findings in rustc's layout, sorted by place, at most `MOST_SHOWN` of them."""
    ordered = sorted(diagnostics, key=lambda d: (d.label.span.source.name, d.label.span.start))
    parts = [_render_one(d) for d in ordered[:MOST_SHOWN]]
    left = len(ordered) - MOST_SHOWN
    if left > 0:
        parts.append(f"and {left} more\n")
    return "\n".join(parts)


def _render_one(diagnostic: Diagnostic) -> str:
    head = f"{diagnostic.severity}[{diagnostic.code}]: {printable(diagnostic.message)}"
    labels = (diagnostic.label, *diagnostic.others)
    width = max(len(str(label.span.source.position(label.span.start)[0])) for label in labels)
    lines = [head]
    for index, label in enumerate(labels):
        lines += _snippet(label, width, "^" if index == 0 else "-", arrow="-->" if index == 0 else ":::")
    gutter = " " * width
    lines += [f"{gutter} = note: {printable(note)}" for note in diagnostic.notes]
    if diagnostic.help:
        lines.append(f"{gutter} = help: {printable(diagnostic.help)}")
    return "\n".join(lines) + "\n"


def _snippet(label: Label, width: int, mark: str, arrow: str) -> list[str]:
    source = label.span.source
    line, column = source.position(label.span.start)
    text = source.line(line)
    until = min(column - 1 + max(1, label.span.end - label.span.start), max(len(text), column))
    gutter = " " * width
    place = f"{gutter}{arrow} {printable(source.name)}:{line}:{column}"
    if not source.text:
        return [place]
    first = max(0, min(column - 1 - WIDEST // 2, len(text) - WIDEST)) if len(text) > WIDEST else 0
    until = min(until, first + WIDEST)
    head, tail = "…" if first else "", "…" if len(text) > first + WIDEST else ""
    before, marked = head + printable(text[first : column - 1]), printable(text[column - 1 : until])
    underline = " " * _width(before) + mark * max(1, _width(marked))
    return [
        place,
        f"{gutter} |",
        f"{line:>{width}} | {head}{printable(text[first : first + WIDEST])}{tail}".rstrip(),
        f"{gutter} | {underline} {printable(label.text)}".rstrip(),
    ]


def printable(text: str) -> str:
    """Show control and format characters as `<U+202E>`, a tab as spaces: what is printed is what stands there."""
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character == "\t":
        return " " * TAB_WIDTH
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"<U+{ord(character):04X}>"
    return character


def _width(text: str) -> int:
    """Count terminal columns: East-Asian wide characters take two, combining marks none."""
    wide = sum(unicodedata.east_asian_width(c) in ("W", "F") for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)
