"""Writes the text of a spec in the usual layout: statements with comments, blocks, and a table of stages."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from scalec.network.python_names import snake_case
from scalec.record import record

WIDTH = 120

Commented = tuple[str, str]
"""A statement and what stands behind it as a comment, if anything."""


@record
class Stage:
    """One unit of the network's chain; `shape` is height, width and channels as they are written."""

    text: str
    repeats: str = ""
    shape: tuple[str, str, str] | None = None


@dataclass
class Draft:
    """All that a spec says, in the order in which it says it."""

    name: str
    heading: list[str]
    imports: list[str] = field(default_factory=list)
    groups: list[list[Commented]] = field(default_factory=list)
    """Statements; an empty line stands between groups."""
    blocks: list[str] = field(default_factory=list)
    arguments: str = ""
    resolution: int = 224
    stages: list[Stage] = field(default_factory=list)
    tail: str = ""

    def text(self) -> str:
        """Write the whole spec."""
        parts = ["\n".join(line for text in self.heading for line in comment(text))]
        if self.imports:
            parts.append(f"import {', '.join(sorted(self.imports))} from mobile")
        parts += ["\n".join(aligned(group)) for group in self.groups if group]
        parts += [*self.blocks, self._network()]
        return "\n\n".join(parts) + "\n"

    def _network(self) -> str:
        size = self.resolution
        head = f"network {self.name}({self.arguments}) <{size}, {size}, 3> → <classes>"
        return "\n".join([head, *chain(self.stages), f"  ⊙ {self.tail}"])


def chain(stages: Sequence[Stage]) -> list[str]:
    """Set stages below one another, shapes in columns."""
    shapes = [stage.shape for stage in stages if stage.shape]
    widths = [max(len(shape[column]) for shape in shapes) for column in range(3)]
    longest = max(len(stage.text + stage.repeats) for stage in stages if stage.shape)
    lines = []
    for index, stage in enumerate(stages):
        line = ("  ⊙ " if index else "  = ") + stage.text + stage.repeats
        if stage.shape:
            cells = ", ".join(cell.rjust(width) for cell, width in zip(stage.shape, widths, strict=True))
            line = f"{line:<{longest + 4}}   → <{cells}>"
        lines.append(line)
    return lines


def aligned(statements: Sequence[Commented]) -> list[str]:
    """Set comments behind statements in one column."""
    column = max((len(text) for text, said in statements if said), default=0)
    return [f"{text:<{column}}  # {said}" if said else text for text, said in statements]


def comment(text: str) -> list[str]:
    """Wrap a comment into lines, at spaces but not at no-break ones."""
    lines, line = [], "#"
    for word in text.split(" "):
        if len(line) + 1 + len(word) > WIDTH:
            lines.append(line)
            line = "#"
        line += f" {word}"
    return [each.replace("\N{NO-BREAK SPACE}", " ") for each in (*lines, line)]


def defaults(items: Iterable[str]) -> list[Commented]:
    """Put what `default` sets on as few lines as hold it."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + 2 + len(item) <= WIDTH:
            lines[-1] += f", {item}"
        else:
            lines.append(f"default {item}")
    return [(line, "") for line in lines]


def body(units: Sequence[tuple[str, str]], residual: str | None) -> str:
    """Write the body of a block: (unit, condition) pairs, in `residual if …` unless that is nothing."""
    first, later, indent = ("      ", "    ⊙ ", "  = residual if ") if residual else ("  = ", "  ⊙ ", "")
    lines = [(later if index else first) + text for index, (text, _) in enumerate(units)]
    column = max((len(line) for line, (_, when) in zip(lines, units, strict=True) if when), default=0)
    shown = [f"{line:<{column}}   when {when}" if when else line for line, (_, when) in zip(lines, units, strict=True)]
    return "\n".join([f"{indent}{residual} {{", *shown, "  }"] if residual else shown)


def number(value: Fraction) -> str:
    """Write an exact number: whole, as a decimal, or as a fraction."""
    if value.denominator == 1:
        return str(value.numerator)
    for digits in range(1, 13):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            return f"{int(value)}.{abs(scaled.numerator) % 10**digits:0{digits}}"
    return f"{value.numerator}/{value.denominator}"


def share(value: Fraction, of: str) -> str:
    """Write a share of something: `C / 4` for a quarter, `0.3 · C` else."""
    return (
        f"{of} / {value.denominator}" if value.numerator == 1 and value.denominator > 1 else f"{number(value)} · {of}"
    )


def camel_case(text: str, taken: Iterable[str]) -> str:
    """Make a network's name out of a file's."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    words = [word[:1].upper() + word[1:] for word in words]
    name = re.sub(r"(?<=\d) (?=\d)", "_", " ".join(words)).replace(" ", "")[:60]
    name = name if name[:1].isalpha() else f"Net{name}"
    return f"{name}Net" if name in taken or not snake_case(name) else name
