"""`scalec check`: specs with all of their variants, and nothing is written."""

import argparse

from scalec.exits import DONE, WRONG_INPUT
from scalec.options import read, spec_options

_EXAMPLES = """examples:
  scalec check efficientnet.scl         the baseline, the defaults and every variant
  scalec check *.scl                    several; what is wrong with each is said
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

    code, found = DONE, list[Diagnostic]()
    for spec in arguments.specs:
        path, data = read(spec, arguments)
        try:
            said, warnings = check(path, data)
            found += warnings
            if for_people(arguments):
                print(f"{printable(str(path))}: {said}")
        except CompileError as error:
            found += error.diagnostics
            code = WRONG_INPUT
    show(found, arguments)
    return WRONG_INPUT if found and arguments.strict else code
