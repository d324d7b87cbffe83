"""What pyproject.toml says is generated: `[[tool.scalec.generate]]`, each a spec, how it is compiled, and where to."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from scalec.diagnostics import Report, suggest
from scalec.pyproject import Project, key_place
from scalec.source import Source, Span

_ENTRY = re.compile(r"^[ \t]*\[\[[ \t]*tool[ \t]*\.[ \t]*scalec[ \t]*\.[ \t]*generate[ \t]*\]\]", re.MULTILINE)
_KEYS: dict[str, tuple[tuple[type, ...], str]] = {
    "spec": ((str,), 'a file, as in `spec = "specs/net.scl"`'),
    "output": ((str,), 'a .py file, or a folder, as in `output = "models/net.py"`'),
    "phi": ((str, int, float), 'φ, or several, as in `phi = "1/3"` and `phi = "0..7"`'),
    "variant": ((str,), 'a row of `variants`, or several, as in `variant = "B0,B4"`'),
    "set": ((dict,), 'names and values, as in `set = { classes = 10, r = "256/224" }`'),
    "features": ((bool,), "true or false"),
    "tap": ((str,), 'names of stages, as in `tap = "stage3,stage5"`'),
    "output-stride": ((int,), "a power of two, as in `output-stride = 16`"),
    "for": ((str,), 'either "training" or "inference"'),
    "tests": ((bool,), "true or false"),
}
_STRIDES = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Declared:
    """One entry: the options of `scalec compile`, paths as seen from the current folder."""

    spec: Path
    output: Path
    phi: str | None
    variant: str | None
    changes: tuple[tuple[str, str], ...]
    taps: tuple[str, ...] | None
    output_stride: int | None
    inference: bool
    tests: bool
    place: Span

    @property
    def is_file(self) -> bool:
        """Whether the output is a file, and no folder."""
        return self.output.suffix == ".py"


def folders(project: Project | None) -> list[Path]:
    """Give the folders in which specs are looked for."""
    found = project.table.get("specs", []) if project else []
    return [project.root / str(name) for name in found] if project and isinstance(found, list) else []


def declared(project: Project | None) -> list[Declared]:
    """Read what a project says is generated. Raises `CompileError`."""
    if project is None or not isinstance(tables := project.table.get("generate", []), list):
        return []
    report, places = Report(), list(_places(project.source, len(tables)))
    found = [_read(project, table, place, report) for table, place in zip(tables, places, strict=True)]
    report.stop_on_error()
    return [each for each in found if each is not None]


def _places(source: Source, count: int) -> Iterator[Span]:
    """Find the heads of the tables; that of another place, if they are written in another way."""
    found = [Span(source, *match.span()) for match in _ENTRY.finditer(source.text)]
    place = key_place(source, "generate", 0, 0)
    yield from found if len(found) == count else [place] * count


def _read(project: Project, table: dict[str, object], head: Span, report: Report) -> Declared | None:
    before = len(report.diagnostics)
    for name, value in table.items():
        place = key_place(project.source, name, head.start, head.end)
        if name not in _KEYS:
            help = suggest(name, _KEYS) or f"there are {', '.join(_KEYS)}"
            report.error("E502", f"[[tool.scalec.generate]] has no key `{name}`", place, "unknown", help=help)
        elif problem := _problem(name, value):
            report.error("E502", f"`{name}` is {problem}", place, "not so here")
    if "spec" not in table:
        report.error("E502", "an entry of [[tool.scalec.generate]] needs a `spec`", head, "without one")
    if "phi" in table and "variant" in table:
        place = key_place(project.source, "variant", head.start, head.end)
        report.error("E502", "either `phi` or `variant`", place, "and φ above or below")
    if table.get("tests") and table.get("for") == "inference":
        place = key_place(project.source, "tests", head.start, head.end)
        report.error("E502", "a test trains, and this file is for inference", place, help="test the training file")
    if len(report.diagnostics) > before:
        return None
    made = _made(project, table, head)
    if not Path(os.path.abspath(made.output)).is_relative_to(os.path.abspath(project.root)):
        report.error("E502", "`output` lies in the project", made.place, "this leads out of it")
    return made


def _problem(name: str, value: object) -> str | None:
    kinds, expected = _KEYS[name]
    fits = isinstance(value, kinds) and (isinstance(value, bool) == (kinds == (bool,))) and value != ""
    if name == "output-stride":
        fits = fits and value in _STRIDES
    if name == "for":
        fits = fits and value in ("training", "inference")
    if isinstance(value, dict):
        fits = fits and all(isinstance(each, str | int | float) and each != "" for each in value.values())
    return None if fits else expected


def _made(project: Project, table: dict[str, object], head: Span) -> Declared:
    given = table.get("set")
    changes = given.items() if isinstance(given, dict) else ()
    tap = table.get("tap")
    output = table.get("output", project.table.get("output", "."))
    stride = table.get("output-stride")
    place = key_place(project.source, "output", head.start, head.end) if "output" in table else head
    return Declared(
        project.root / str(table["spec"]), project.root / str(output), _text(table.get("phi")),
        _text(table.get("variant")), tuple((name, str(_text(value))) for name, value in changes),
        tuple(part.strip() for part in str(tap).split(",")) if tap else () if table.get("features") else None,
        stride if isinstance(stride, int) else None, table.get("for") == "inference", bool(table.get("tests")), place,
    )  # fmt: skip


def _text(value: object) -> str | None:
    """Write a value as the command line has it: a float as its shortest decimal."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else format(Decimal(str(value)), "f")
