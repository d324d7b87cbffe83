"""`[tool.scalec]` of the nearest pyproject.toml: what a project always wants of the command line."""

import argparse
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scalec.diagnostics import CompileError, Report, suggest
from scalec.show import COLOURS, FORMATS
from scalec.source import Source, Span

FILE = "pyproject.toml"
_TABLE = re.compile(r"^\s*\[\s*tool\s*\.\s*scalec\s*(?:\.\s*search\s*)?\]", re.MULTILINE)


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
SEARCH = "search"
SEARCH_KEYS = {
    "accuracy": Key("accuracy", "`module:function`, or a command"),
    "data": Key("data", "the name of a folder"),
    "store": Key("store", "the name of a folder"),
    "storage": Key("storage", "the URL of a database"),
}
"""What `[tool.scalec.search]` may hold: it names code to run, so only `search` and `study` heed it."""


def apply(arguments: argparse.Namespace, start: Path) -> None:
    """Let the project say what the command line does not. Raises `CompileError`."""
    found = _nearest(start)
    if found is None:
        return
    source, table = found
    searched = table.pop(SEARCH, {})
    assert isinstance(searched, dict)
    if not hasattr(arguments, "accuracy"):
        searched = {}
    for name, value in [*table.items(), *searched.items()]:
        option = (KEYS.get(name) or SEARCH_KEYS[name]).option
        if hasattr(arguments, option) and getattr(arguments, option) is None:
            folder = str(Path(source.name).parent / str(value))
            given = {"output": f"{folder}{os.sep}", "data": folder, "store": folder}
            setattr(arguments, option, given.get(name, value))


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
    searched = table.get(SEARCH, {})
    _check(source, {name: value for name, value in table.items() if name != SEARCH}, KEYS, "tool.scalec", report)
    if isinstance(searched, dict):
        _check(source, searched, SEARCH_KEYS, f"tool.scalec.{SEARCH}", report)
    else:
        report.error("E502", f"`{SEARCH}` is a table", _key(source, SEARCH), "write `[tool.scalec.search]`")
    report.stop_on_error()
    return table


def _check(source: Source, table: Mapping[str, object], keys: Mapping[str, Key], title: str, report: Report) -> None:
    """Report what a table may not hold."""
    for name, value in table.items():
        span = _key(source, name)
        if name not in keys:
            help = suggest(name, keys) or f"there are {', '.join(keys)}"
            report.error("E502", f"[{title}] has no key `{name}`", span, "unknown", help=help)
        elif not keys[name].fits(value):
            expected = keys[name].expected
            choices = f": {', '.join(keys[name].choices)}" if keys[name].choices else ""
            report.error("E502", f"`{name}` is {expected}{choices}", span, "not so here")


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
