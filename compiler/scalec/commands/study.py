"""The options of `scalec study`. Every start imports this module, so it imports little."""

import argparse
import re
from fractions import Fraction
from importlib.util import find_spec

from scalec.commands.options import set_option, spec_options
from scalec.commands.search import run_options, source_options
from scalec.diagnostics.exit_codes import INTERRUPTED, WRONG_USAGE, fail

_EXAMPLES = """examples:
  scalec study fashion.scl --jobs 2 -o study      both figures and what the data support, in half an hour on two cores
  scalec study fashion.scl --dry-run              the networks, and what a run would cost
  scalec study mine.scl --data images --gpus 0,1  on a folder of images, on two GPUs
  scalec study mine.scl --accuracy "./train.sh"   with your own command: see docs/search.md
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "study", help="measure the paper's figures 3 and 4, and test its observations", allow_abbrev=False,
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    spec_options(parser)
    set_option(parser, "set a param, a let other than d, w and r, or a network parameter")
    parser.add_argument("--dry-run", action="store_true", help="list the networks and what a run would cost")
    parser.add_argument(
        "--growth", metavar="2,4,…", type=_growths, help="compare at these multiples of the baseline's FLOPs (2,4,8,16)"
    )
    parser.add_argument("--depth", metavar="D", type=_above_1, default=Fraction(2),
                        help="figure 4: width is scaled at d = 1 and at this (2)")  # fmt: skip
    parser.add_argument("--resolution", metavar="R", type=_above_1, default=Fraction(9, 5),
                        help="figure 4: width is scaled at r = 1 and at this (1.8)")  # fmt: skip
    parser.add_argument("--seeds", metavar="N", type=_seeds, help="seeds for each network (4; 2 if --quick)")
    parser.add_argument("--split", choices=("validation", "test"), default="validation",
                        help="measure on held-out training images, or on the test images")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="DIR", default=".",
                        help="where NAME.study.json, .study.txt, .figure3.svg and .figure4.svg go (here)")  # fmt: skip
    parser.add_argument("--png", action="store_true", help="write the pictures as PNG, too")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    source_options(parser)
    run_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Study. Raises `CompileError`."""
    if arguments.spec == "-" and not arguments.dry_run:
        return fail("the files are named after the spec: give its name, or --dry-run", WRONG_USAGE)
    for name in ("numpy", "scipy", "optuna", "matplotlib"):  # before anything is trained
        if find_spec(name) is None:
            return fail(f"study needs {name}: pip install 'scalec[search,plot]'", WRONG_USAGE)
    from scalec.commands import study_run

    try:
        return study_run.main(arguments)
    except KeyboardInterrupt:
        return fail("stopped; what has ended is kept, and the same command goes on from there", INTERRUPTED)


def _growths(text: str) -> tuple[Fraction, ...]:
    found = sorted({_above_1(part.strip()) for part in text.split(",")})
    if len(found) < 2:
        raise argparse.ArgumentTypeError(f"expected two growths or more, as in `2,4,8`, not {text!r}")
    return tuple(found)


def _above_1(text: str) -> Fraction:
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,2})?", text) or not Fraction(text) > 1:
        raise argparse.ArgumentTypeError(f"expected numbers above 1 with two decimals at most, not {text!r}")
    return Fraction(text)


def _seeds(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) < 2:
        raise argparse.ArgumentTypeError(f"expected two seeds or more, not {text!r}")
    return int(text)
