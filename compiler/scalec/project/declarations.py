"""The files that `[[tool.scalec.generate]]` in pyproject.toml declares: spec, request and output of each."""

import os
import re
from dataclasses import replace
from pathlib import Path

from scalec.diagnostics.diagnostic import UNKNOWN, Diagnostic, Report
from scalec.diagnostics.source import Argument, Source, Span
from scalec.diagnostics.suggest import suggest
from scalec.language import syntax as s
from scalec.program.request import OPTIONS, Request, from_words
from scalec.project.pyproject import Project
from scalec.project.toml_places import key_place, part_place, value_place
from scalec.record import record

_ENTRY = re.compile(r"^[ \t]*\[\[[ \t]*tool[ \t]*\.[ \t]*scalec[ \t]*\.[ \t]*generate[ \t]*\]\]", re.MULTILINE)
_OWN = {
    "spec": 'a file, as in `spec = "specs/net.scl"`',
    "output": 'a .py file, or a folder, as in `output = "models/net.py"`',
    "tests": "true or false",
}
_OPTIONS = {option.name: option for option in OPTIONS}
_KEYS = ("spec", "output", *_OPTIONS, "tests")


@record
class Declared:
    """One entry: what `scalec compile` is asked for, perhaps at several scales; paths from the current folder."""

    spec: Path
    output: Path
    request: Request
    tests: bool
    place: Span
    index: int
    """Which entry it is, from 0."""

    @property
    def is_file(self) -> bool:
        """Whether the output is a file, and no folder."""
        return self.output.suffix == ".py"


def folders(project: Project | None) -> list[Path]:
    """Return the folders in which specs are looked for."""
    found = project.table.get("specs", []) if project else []
    return [project.root / str(name) for name in found] if project and isinstance(found, list) else []


def declared(project: Project | None) -> list[Declared]:
    """Read what a project says is generated. Raises `CompileError`."""
    if project is None or not isinstance(tables := project.table.get("generate", []), list):
        return []
    report, places = Report(), _places(project.source, len(tables))
    found = [_read(project, index, table, places[index], report) for index, table in enumerate(tables)]
    report.stop_on_error()
    return [each for each in found if each is not None]


def located(found: Diagnostic, entry: Declared) -> Diagnostic:
    """Return a finding about the command line that an entry stands for, with its place in pyproject.toml."""
    at, source = found.label.span, entry.place.source
    if not isinstance(at.source, Argument):
        return found
    part = at.source.part
    path = _path(entry.index, part.option)
    if part.key:
        key = s.ascii_name(part.key)
        path += (next((own for own, _ in entry.request.changes if s.ascii_name(own) == key), part.key),)
    place = key_place(source, path) if part.is_key else value_place(source, path)
    if place and not part.is_key:
        before = len(part.head)
        place = part_place(place, at.source.text[before:], at.start - before, at.end - before)
    return replace(found, label=replace(found.label, span=place or entry.place))


def _path(index: int, *more: str) -> tuple[str | int, ...]:
    return ("tool", "scalec", "generate", index, *more)


def _places(source: Source, count: int) -> list[Span]:
    """Find the heads of the tables; what is nearest to them, if they are written in another way."""
    found = [Span(source, *match.span()) for match in _ENTRY.finditer(source.text)]
    if len(found) == count:
        return found
    whole = key_place(source, _path(0)[:3]) or Span(source, 0, source.text.find("\n"))
    return [value_place(source, _path(index, "spec")) or whole for index in range(count)]


def _read(project: Project, index: int, table: dict[str, object], head: Span, report: Report) -> Declared | None:
    def place(name: str) -> Span:
        return value_place(project.source, _path(index, name)) or head

    before = len(report.diagnostics)
    for name, value in table.items():
        if name not in _KEYS:
            help = suggest(name, _KEYS) or f"there are {', '.join(_KEYS)}"
            key = key_place(project.source, _path(index, name)) or head
            report.error("E502", f"[[tool.scalec.generate]] has no key `{name}`", key, UNKNOWN, help=help)
        elif problem := _problem(name, value):
            report.error("E502", f"`{name}` is {problem}", place(name), "not so here")
    if "spec" not in table:
        report.error("E502", "an entry of [[tool.scalec.generate]] needs a `spec`", head, "without one")
    if "phi" in table and "variant" in table:
        report.error("E502", "either `phi` or `variant`", place("variant"), "and φ above or below")
    if table.get("tests") and table.get("for") == "inference":
        help = "test the training file"
        report.error("E502", "a test trains, and this file is for inference", place("tests"), help=help)
    if len(report.diagnostics) > before:
        return None
    made = _made(project, index, table, place("output") if "output" in table else head)
    if not Path(os.path.abspath(made.output)).is_relative_to(os.path.abspath(project.root)):
        report.error("E502", "`output` lies in the project", made.place, "this leads out of it")
    return made


def _problem(name: str, value: object) -> str | None:
    """Return what a key should be, if it is not that."""
    if name in _OPTIONS:
        return _OPTIONS[name].expected if _OPTIONS[name].from_toml(value) is None else None
    fits = isinstance(value, bool) if name == "tests" else isinstance(value, str) and value != ""
    return None if fits else _OWN[name]


def _made(project: Project, index: int, table: dict[str, object], place: Span) -> Declared:
    words = {name: _OPTIONS[name].from_toml(value) or [] for name, value in table.items() if name in _OPTIONS}
    output = table.get("output", project.table.get("output", "."))
    return Declared(
        project.root / str(table["spec"]), project.root / str(output), from_words(words), bool(table.get("tests")),
        place, index,
    )  # fmt: skip
