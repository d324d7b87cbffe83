"""`[tool.scalec]` of the nearest pyproject.toml: what a project always wants of the command line."""

import argparse
import os
import re
from dataclasses import dataclass
from pathlib import Path

from scalec.diagnostics import CompileError, Report, suggest
from scalec.show import COLOURS, FORMATS
from scalec.source import Source, Span

FILE = "pyproject.toml"
_TABLE = re.compile(r"^\s*\[\s*tool\s*\.\s*scalec\s*\]", re.MULTILINE)


@dataclass(frozen=True)
class Key:
    """A key: the option that it stands for, and what it may be."""

    option: str
    expected: str
    choices: tuple[str, ...] = ()

    def fits(self, value: object) -> bool:
        """Tell whether a value is of the right kind."""
        if self.expected == "true or false":
            return isinstance(value, bool)
        return isinstance(value, str) and bool(value) and (not self.choices or value in self.choices)


KEYS = {
    "color": Key("color", "one of these words", COLOURS),
    "error-format": Key("error_format", "one of these words", FORMATS),
    "strict": Key("strict", "true or false"),
    "output": Key("output_folder", 'the name of a folder, as in `output = "models"`'),
}


def apply(arguments: argparse.Namespace, start: Path) -> None:
    """Let the project say what the command line does not. Raises `CompileError`."""
    found = _nearest(start)
    if found is None:
        return
    source, table = found
    for name, value in table.items():
        option = KEYS[name].option
        if hasattr(arguments, option) and getattr(arguments, option) is None:
            folder = f"{Path(source.name).parent / str(value)}{os.sep}"
            setattr(arguments, option, folder if name == "output" else value)


def _nearest(start: Path) -> tuple[Source, dict[str, object]] | None:
    """Read the table of the nearest file, from a folder upwards, that has one."""
    for folder in (start, *start.absolute().parents):
        path = folder / FILE
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if _TABLE.search(text):
            source = Source(os.path.relpath(path, start), text)
            return source, _table(source)
    return None


def _table(source: Source) -> dict[str, object]:
    import tomllib

    report = Report()
    try:
        table: dict[str, object] = tomllib.loads(source.text)["tool"]["scalec"]
    except tomllib.TOMLDecodeError as error:
        report.error("E502", f"this is no TOML: {error}", _place(source, str(error)))
        raise CompileError(report.diagnostics) from None
    for name, value in table.items():
        span = _key(source, name)
        if name not in KEYS:
            help = suggest(name, KEYS) or f"there are {', '.join(KEYS)}"
            report.error("E502", f"[tool.scalec] has no key `{name}`", span, "unknown", help=help)
        elif not KEYS[name].fits(value):
            expected = KEYS[name].expected
            choices = f": {', '.join(KEYS[name].choices)}" if KEYS[name].choices else ""
            report.error("E502", f"`{name}` is {expected}{choices}", span, "not so here")
    report.stop_on_error()
    return table


def _key(source: Source, name: str) -> Span:
    """Find a key in the table; the table's head, if it is written in another way."""
    table = _TABLE.search(source.text)
    assert table is not None
    found = re.compile(rf"^\s*\"?({re.escape(name)})\"?\s*=", re.MULTILINE).search(source.text, table.end())
    start, end = found.span(1) if found else table.span()
    return Span(source, start, end)


def _place(source: Source, message: str) -> Span:
    """Find the place that TOML's error speaks of."""
    found = re.search(r"line (\d+), column (\d+)", message)
    if not found:
        return Span(source, len(source.text), len(source.text))
    line, column = int(found[1]), int(found[2])
    start = sum(len(each) for each in source.text.splitlines(keepends=True)[: line - 1]) + column - 1
    return Span(source, start, start)
