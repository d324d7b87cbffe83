"""`[tool.scalec]` of the nearest pyproject.toml: the default settings of a project."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from scalec.diagnostics.diagnostic import UNKNOWN, CompileError, Report
from scalec.diagnostics.show import COLOURS, FORMATS
from scalec.diagnostics.source import Source, Span
from scalec.diagnostics.suggest import suggest
from scalec.project import toml_places
from scalec.record import record

FILE = "pyproject.toml"
_TABLE = re.compile(r"^[ \t]*\[{1,2}[ \t]*tool[ \t]*\.[ \t]*scalec[ \t]*[].]", re.MULTILINE)


@record
class Key:
    """A key: the option that it stands for, and what it may be."""

    option: str
    expected: str
    choices: tuple[str, ...] = ()

    def fits(self, value: object) -> bool:
        """Return whether a value is of the right kind."""
        if self.expected == "true or false":
            return isinstance(value, bool)
        if not self.option:
            kind = dict if "table" in self.expected else str
            return isinstance(value, list) and all(isinstance(each, kind) for each in value)
        return isinstance(value, str) and bool(value) and (not self.choices or value in self.choices)


KEYS = {
    "color": Key("color", "one of these words", COLOURS),
    "error-format": Key("error_format", "one of these words", FORMATS),
    "strict": Key("strict", "true or false"),
    "output": Key("output_folder", 'the name of a folder, as in `output = "models"`'),
    "specs": Key("", 'a list of folders, as in `specs = ["specs"]`'),
    "generate": Key("", "an array of tables, each under `[[tool.scalec.generate]]`"),
}
"""What the table may hold. The keys without an option are for `declared`."""
SEARCH = "search"
SEARCH_KEYS = {
    "accuracy": Key("accuracy", "`module:function`, or a command"),
    "data": Key("data", "the name of a folder"),
    "store": Key("store", "the name of a folder"),
    "storage": Key("storage", "the URL of a database"),
}
"""What `[tool.scalec.search]` may hold: it names code to run, so only `search` and `study` heed it."""


@record
class Project:
    """The nearest pyproject.toml that speaks of scalec: its text, its folder, and the table."""

    source: Source
    root: Path
    table: dict[str, object]


def defaults(project: Project | None, with_search: bool) -> dict[str, object]:
    """Return what a project says for options that the command line leaves open; `with_search` also for a search."""
    if project is None:
        return {}
    searched = project.table.get(SEARCH, {}) if with_search else {}
    assert isinstance(searched, dict)
    found: dict[str, object] = {}
    for name, value in [*project.table.items(), *searched.items()]:
        option = KEYS[name].option if name in KEYS else SEARCH_KEYS[name].option if name != SEARCH else ""
        folder = str(project.root / str(value))
        if option:
            found[option] = {"output": f"{folder}{os.sep}", "data": folder, "store": folder}.get(name, value)
    return found


def nearest(start: Path) -> Project | None:
    """Read the table of the nearest file, from a folder upwards, that has one. Raises `CompileError`."""
    for folder in (start, *start.absolute().parents):
        path = folder / FILE
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if "scalec" in text:
            source = Source(os.path.relpath(path, start), text)
            table = _table(source)
            if table is not None:
                return Project(source, Path(source.name).parent, table)
    return None


def _table(source: Source) -> dict[str, object] | None:
    import tomllib

    report = Report()
    try:
        tools = tomllib.loads(source.text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        if not _TABLE.search(source.text):
            return None  # others may complain
        report.error("E502", f"this is not valid TOML: {error}", _place(source, str(error)))
        raise CompileError(report.diagnostics) from None
    if not isinstance(tools, dict) or "scalec" not in tools:
        return None
    table = tools["scalec"]
    if not isinstance(table, dict):
        report.error("E502", "`[tool.scalec]` is one table", _key(source, ""), "not so here")
        raise CompileError(report.diagnostics)
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
        span, path = _key(source, name), (*title.split("."), name)
        if name not in keys:
            help = suggest(name, keys) or f"there are {', '.join(keys)}"
            place = toml_places.key_place(source, path) or span
            report.error("E502", f"[{title}] has no key `{name}`", place, UNKNOWN, help=help)
        elif not keys[name].fits(value):
            expected = keys[name].expected
            choices = f": {', '.join(keys[name].choices)}" if keys[name].choices else ""
            place = toml_places.value_place(source, path) or span
            report.error("E502", f"`{name}` is {expected}{choices}", place, "not so here")


def _key(source: Source, name: str) -> Span:
    """Find a key of the table; the head of the table, if the key is written in another way."""
    table = _TABLE.search(source.text)
    if table is None:
        return Span(source, 0, source.text.find("\n"))
    found = re.compile(rf"^[ \t]*\"?({re.escape(name)})\"?[ \t]*=", re.MULTILINE).search(source.text, table.end())
    return Span(source, *(found.span(1) if found else table.span()))


def _place(source: Source, message: str) -> Span:
    """Find the place that TOML's error speaks of."""
    found = re.search(r"line (\d+), column (\d+)", message)
    if not found:
        return Span(source, len(source.text), len(source.text))
    line, column = int(found[1]), int(found[2])
    start = sum(len(each) for each in source.text.splitlines(keepends=True)[: line - 1]) + column - 1
    return Span(source, start, start)
