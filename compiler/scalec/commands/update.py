"""`scalec compile --update`: compiles emitted files and their tests again, from their header or from pyproject.toml."""

import argparse

from scalec.commands.check import kept, planned
from scalec.commands.options import given, show
from scalec.diagnostics.exit_codes import DONE, NO_ACCESS, WRONG_INPUT, WRONG_USAGE, fail

_OTHERS = ("output", "check", "diff", "true", "with_tests", "depfile")


def update(arguments: argparse.Namespace) -> int:
    """Write every file anew that is not up to date, but those that cannot be, and say which these are."""
    from scalec.diagnostics.diagnostic import plural
    from scalec.diagnostics.text import printable
    from scalec.project import up_to_date

    if wrong := [*given(arguments), *(name.replace("_", "-") for name in _OTHERS if getattr(arguments, name))]:
        return fail(f"--update takes no --{wrong[0]}: each file is compiled as its head says", WRONG_USAGE)
    if any(name.endswith(".scl") or name == "-" for name in arguments.specs):
        return fail("--update takes emitted files and folders, not specs", WRONG_USAGE)
    _, plan = planned(arguments)
    unread = DONE
    for error in plan.unread:
        unread = fail(f"{error.filename}: {error.strerror or error}", NO_ACCESS)
    if not plan.jobs and not plan.findings:
        where = ", ".join(arguments.specs) or "what pyproject.toml declares"
        return unread or fail(f"{where}: no emitted file is there", NO_ACCESS)
    made = up_to_date.update(plan.jobs, kept(arguments), arguments.force, arguments.follow_symlinks)
    for each in made.written:
        print(f"{printable(str(each.path))}: was {each.verdict.state}; written")
    show(dict.fromkeys([*plan.findings, *made.lost]), arguments, whole=not unread)
    for problem in made.problems:
        fail(problem, WRONG_INPUT)
    if plan.findings or made.lost or made.problems:
        return unread or WRONG_INPUT
    if not made.written:
        print(f"{plural(made.files, 'emitted file')} up to date")
    return unread
