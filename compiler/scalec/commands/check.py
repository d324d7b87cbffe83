"""`scalec check`: checks specs and all of their variants, and compares emitted files with specs. It writes nothing."""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scalec.commands.options import for_people, read, show, spec_options
from scalec.diagnostics.exit_codes import DONE, NO_ACCESS, STDIN, WRONG_INPUT, fail

if TYPE_CHECKING:
    from scalec.diagnostics.diagnostic import Diagnostic
    from scalec.project.cache import Cache
    from scalec.project.discover import Collected
    from scalec.project.up_to_date import Plan, Result

_EXAMPLES = """examples:
  scalec check efficientnet.scl         the baseline, the defaults and every variant
  scalec check *.scl                    several specs; all errors are reported
  scalec check models --specs specs     are the emitted files in a folder up to date?
  scalec check models/b4.py --diff      and show what would change
  scalec check                          everything that pyproject.toml declares
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check", help="check specs with all of their variants, and emitted files; write nothing", allow_abbrev=False,
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    spec_options(parser, "SPEC|FILE|DIR", "a .scl file, an emitted .py file, a folder with some; `-` is standard input")
    files_options(parser)
    parser.add_argument("--diff", action="store_true", help="show what would change in emitted files")
    parser.add_argument("--strict", action="store_true", default=None, help="exit with 1 if there are warnings")
    parser.set_defaults(run=run, usage=parser.error)


def files_options(parser: argparse.ArgumentParser) -> None:
    """Say where the specs of emitted files are."""
    parser.add_argument("--specs", metavar="DIR", action="append", default=[], dest="spec_folders",
                        help="a further folder with specs of emitted files")  # fmt: skip
    parser.add_argument(
        "--no-cache", action="store_true", help="compile every file; do not use results of earlier runs"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check each spec, then the emitted files; go on after one that is wrong."""
    from scalec.project.up_to_date import examined

    meant, plan = planned(arguments)
    unread = DONE
    for folder in meant.empty:
        unread = fail(f"{folder}: no spec and no emitted file is in it", NO_ACCESS)
    said, found, missed = _specs([*([STDIN] if meant.standard_input else []), *map(str, meant.specs)], arguments)
    for error in plan.unread:
        missed = fail(f"{error.filename}: {error.strerror or error}", NO_ACCESS)
    results = examined(plan.jobs, kept(arguments))
    found += plan.findings
    found += [finding for result in results for finding in _findings(result, arguments)]
    found = _once(found)
    if for_people(arguments):
        said += _summary(results)
        sys.stdout.writelines(f"{line}\n" for line in said)
        sys.stdout.writelines(each.difference for each in results if arguments.diff)
        sys.stdout.flush()
    show(found, arguments, whole=not (unread or missed))
    wrong = any(each.severity == "error" for each in found) or (found and arguments.strict)
    return unread or missed or (WRONG_INPUT if wrong else DONE)


def kept(arguments: argparse.Namespace) -> "Cache":
    """Open what earlier runs have kept."""
    from scalec.project.cache import Cache, folder

    return Cache(None if arguments.no_cache else folder(os.environ))


def planned(arguments: argparse.Namespace) -> "tuple[Collected, Plan]":
    """Find out what is meant. Raises `CompileError` for pyproject.toml; stops if nothing is named or declared."""
    from scalec.project import up_to_date
    from scalec.project.pyproject import nearest

    project = None if arguments.isolated else nearest(Path())
    found = up_to_date.planned(project, arguments.specs, arguments.spec_folders)
    if found is None:
        arguments.usage("name specs, emitted files or folders: pyproject.toml declares none")
        raise AssertionError
    return found


def _specs(names: list[str], arguments: argparse.Namespace) -> "tuple[list[str], list[Diagnostic], int]":
    """Check specs: what is said of them, what is found, and an exit code if one cannot be read."""
    from scalec.diagnostics.diagnostic import CompileError, Diagnostic
    from scalec.diagnostics.text import printable
    from scalec.project.spec_check import check

    lines, found, unread = list[str](), list[Diagnostic](), DONE
    for spec in names:
        try:
            path, data = read(spec, arguments)
        except OSError as error:
            unread = fail(f"{spec}: {error.strerror or error}", NO_ACCESS)
            continue
        try:
            said, warnings = check(path, data)
            found += warnings
            lines.append(f"{printable(str(path))}: {said}")
        except CompileError as error:
            found += error.diagnostics
    return lines, found, unread


def _once(found: "Iterable[Diagnostic]") -> "list[Diagnostic]":
    """Leave out what has been said: a spec may be read once for itself, and again for what is generated from it."""
    places = {(each.code, each.message, each.label.span.source.name, each.label.span.start): each for each in found}
    return list(places.values())


def _findings(result: "Result", arguments: argparse.Namespace) -> "Sequence[Diagnostic]":
    """Return the findings about a file; for machines the first has the difference among its notes."""
    found = result.verdict.findings
    if not arguments.diff or for_people(arguments) or result.new is None or not found:
        return found
    return [replace(found[0], notes=(*found[0].notes, result.difference)), *found[1:]]


def _summary(results: "Sequence[Result]") -> list[str]:
    """Return what each file is that is not up to date, and how many are."""
    from scalec.diagnostics.diagnostic import plural
    from scalec.diagnostics.text import printable
    from scalec.project.verdict import UP_TO_DATE

    lines = [f"{printable(str(each.path))}: {each.verdict.state}" for each in results]
    current = sum(each.verdict.state == UP_TO_DATE for each in results)
    if current > 1:
        lines = [line for line, each in zip(lines, results, strict=True) if each.verdict.state != UP_TO_DATE]
        lines.append(f"{plural(current, 'emitted file')} {UP_TO_DATE}")
    return lines
