"""`scalec compile --update`: emitted files and their tests anew, each from its own head or from what is declared."""

import argparse

from scalec.commands.check import kept, planned
from scalec.diagnostics.exit_codes import DONE, NO_ACCESS, WRONG_INPUT, WRONG_USAGE, fail

_OWN = ("phi", "variant", "changes", "features", "tap", "output_stride", "for", "output", "check", "diff", "true",
        "with_tests", "depfile")  # fmt: skip


def update(arguments: argparse.Namespace) -> int:
    """Write every file anew that is not up to date, but those that cannot be, and say which these are."""
    from scalec.diagnostics.diagnostic import plural
    from scalec.diagnostics.show import show
    from scalec.diagnostics.text import printable
    from scalec.project.up_to_date import examined, write_anew

    if given := [name for name in _OWN if getattr(arguments, name, None)]:
        option = given[0].replace("changes", "set").replace("_", "-")
        return fail(f"--update takes no --{option}: each file is compiled as its head says", WRONG_USAGE)
    if any(name.endswith(".scl") or name == "-" for name in arguments.specs):
        return fail("--update takes emitted files and folders, not specs", WRONG_USAGE)
    _, plan = planned(arguments)
    unread = DONE
    for error in plan.unread:
        unread = fail(f"{error.filename}: {error.strerror or error}", NO_ACCESS)
    if not plan.jobs and not plan.findings:
        where = ", ".join(arguments.specs) or "what pyproject.toml declares"
        return unread or fail(f"{where}: no emitted file is there", NO_ACCESS)
    results = examined(plan.jobs, kept(arguments))
    written, problems = write_anew(results, arguments.force, arguments.follow_symlinks)
    for each in written:
        print(f"{printable(str(each.path))}: was {each.verdict.state}; written")
    lost = [found for each in results if each.new is None for found in each.verdict.findings]
    show(dict.fromkeys([*plan.findings, *lost]), arguments, whole=not unread)
    for problem in problems:
        fail(problem, WRONG_INPUT)
    if plan.findings or lost or problems:
        return unread or WRONG_INPUT
    if not written:
        print(f"{plural(len(results), 'emitted file')} up to date")
    return unread
