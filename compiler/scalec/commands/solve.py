"""The options of `scalec solve`. Every start imports this module, so it imports little."""

import argparse

from scalec.commands.options import load, request_options, show, spec_options, write_options
from scalec.diagnostics.exit_codes import STDIN, WRONG_USAGE, fail
from scalec.program.quantities import QUANTITIES

_EXAMPLES = """examples:
  scalec solve efficientnet.scl --flops 1.5G                the largest φ that fits
  scalec solve efficientnet.scl --params 9M --emit          and the file of that network
  scalec solve efficientnet.scl --memory 1GiB --free d,w,r  every network that cannot be made larger
  scalec solve efficientnet.scl --true-to φ=1               the nearest network whose FLOPS grow as d·w²·r²
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "solve", help="find the largest scale within a budget", allow_abbrev=False, epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    spec_options(parser)
    request_options(parser, "scale")
    for each in QUANTITIES.values():
        parser.add_argument(f"--{each.option}", metavar="X", help=f"a limit, as a spec writes it: {each.example}")
    parser.add_argument(
        "--free",
        metavar="d,w,r",
        help="list every network that cannot be made larger in these dimensions",
    )
    parser.add_argument(
        "--from", metavar="X", default="1", dest="low", help="the smallest value of the free dimensions (1)"
    )
    parser.add_argument("--true-to", metavar="φ=X", help="find the nearest network whose FLOPS grow by d·w²·r² at φ")
    parser.add_argument(
        "--target", metavar="G", help="with --true-to: the growth, `nominal` (d·w²·r²), `2^phi`, or a number"
    )
    parser.add_argument("--within", metavar="SHARE", default="1%", help="with --true-to: the tolerance (1%%)")
    parser.add_argument(
        "--emit", action="store_true", help="compile the answer; if there are several, the one with most FLOPS"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="where to")
    write_options(parser)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Solve. Raises `CompileError`."""
    if arguments.output is not None and (not arguments.emit or arguments.output == STDIN):
        return fail("-o FILE is where --emit writes; standard output has the answer", WRONG_USAGE)
    from scalec.commands.reports import solve_report

    code = solve_report.run(load(arguments.spec, arguments), arguments)
    show((), arguments)
    return code
