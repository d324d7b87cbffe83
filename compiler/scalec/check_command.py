"""`scalec check`: specs with all of their variants, and nothing is written."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from scalec.exits import DONE, NO_ACCESS, WRONG_INPUT, fail
from scalec.options import STDIN, read, spec_options

_EXAMPLES = """examples:
  scalec check efficientnet.scl         the baseline, the defaults and every variant
  scalec check *.scl                    several; what is wrong with each is said
  scalec check specs                    all in a folder
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check", help="check specs with all of their variants; write nothing", allow_abbrev=False, epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    spec_options(parser, several=True)
    parser.add_argument("--strict", action="store_true", default=None, help="exit with 1 where there are warnings, too")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check each spec; go on after one that is wrong."""
    from scalec.compiler import check
    from scalec.diagnostics import CompileError, Diagnostic
    from scalec.render import printable
    from scalec.show import for_people, show

    code, unread, found = DONE, DONE, list[Diagnostic]()
    for spec in _specs(arguments.specs):
        try:
            path, data = read(spec, arguments)
        except OSError as error:
            unread = fail(f"{spec}: {error.strerror or error}", NO_ACCESS)
            continue
        try:
            said, warnings = check(path, data)
            found += warnings
            if for_people(arguments):
                print(f"{printable(str(path))}: {said}")
        except CompileError as error:
            found += error.diagnostics
            code = WRONG_INPUT
    show(found, arguments)
    return unread or (WRONG_INPUT if found and arguments.strict else code)


def _specs(names: list[str]) -> Iterator[str]:
    """Give the specs that are named, and for a folder those in it; without any, the folder, which cannot be read."""
    for name in names:
        inside = sorted(Path(name).glob("*.scl")) if name != STDIN and Path(name).is_dir() else []
        yield from map(str, inside) if inside else [name]
