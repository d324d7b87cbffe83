"""Hooks for build backends. Before a package is built, they check or write all files that pyproject.toml declares."""

import contextlib
from pathlib import Path
from typing import Literal

from scalec.diagnostics.diagnostic import CompileError, Diagnostic
from scalec.diagnostics.text import render
from scalec.project.declarations import declared
from scalec.project.pyproject import FILE, nearest
from scalec.project.up_to_date import Result, examined, plan, write_anew
from scalec.project.verdict import UP_TO_DATE

Mode = Literal["check", "generate"]
MODES: tuple[Mode, ...] = ("check", "generate")


class BuildError(Exception):
    """The build must not go on. As text: what is wrong, and what to do."""


def run(root: Path, mode: str) -> list[Path]:
    """Check what a project declares, or write it. Gives the files, from the project's folder. Raises `BuildError`."""
    if mode not in MODES:
        raise BuildError(f"scalec: the mode is {' or '.join(MODES)}, not {mode!r}")
    with contextlib.chdir(root):
        try:
            return _run("check" if mode == "check" else "generate")
        except CompileError as error:
            raise BuildError(render(error.diagnostics)) from None
        except OSError as error:
            raise BuildError(f"scalec: {error.filename}: {error.strerror or error}") from None


def _run(mode: Mode) -> list[Path]:
    entries = declared(nearest(Path()))
    if not entries:
        raise BuildError(f"scalec: {FILE} declares nothing that is generated: [[tool.scalec.generate]]")
    planned = plan([], entries, [])
    if planned.findings:
        raise CompileError(planned.findings)
    if planned.unread:
        raise planned.unread[0]
    results = examined(planned.jobs, processes=1)
    _check(results) if mode == "check" else _write(results)
    return [each.path for each in results]


def _check(results: list[Result]) -> None:
    found = [finding for each in results for finding in each.verdict.findings]
    if errors := [each for each in found if each.severity == "error"]:
        states = "\n".join(f"scalec: {each.path.as_posix()}: {each.verdict.state}" for each in results if _is_off(each))
        advice = "`scalec check --diff` shows the differences, `scalec compile --update` writes the files anew"
        raise BuildError(f"{render(dict.fromkeys(errors))}\n{states}\nscalec: {advice}; then build again")


def _is_off(result: Result) -> bool:
    return result.verdict.state != UP_TO_DATE


def _write(results: list[Result]) -> None:
    lost: list[Diagnostic] = [found for each in results if each.new is None for found in each.verdict.findings]
    if lost:
        raise CompileError(dict.fromkeys(lost))
    _, problems = write_anew(results)
    if problems:
        raise BuildError("\n".join(f"scalec: {problem}" for problem in problems))
