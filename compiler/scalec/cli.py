"""The command line. Everything but argparse is imported when a command needs it."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scalec import __version__

if TYPE_CHECKING:
    from scalec.compiler import Compiled

DONE, WRONG_INPUT, WRONG_USAGE, NO_ACCESS, BUG = 0, 1, 2, 3, 4

_EXAMPLES = """examples:
  scalec compile efficientnet.scl --phi 4            α^4, β^4, γ^4: writes efficientnet_phi4.py
  scalec compile efficientnet.scl --variant B4 -o -  the released B4, to standard output
  scalec compile efficientnet.scl --set classes=10   a network parameter, param or let
  scalec check efficientnet.scl                      the spec and all of its variants
  scalec cost efficientnet.scl --variant B4          parameters, multiply-adds, activations by stage
  scalec solve efficientnet.scl --flops 1.5G         the largest φ that fits; with --free d,w,r all that fit
  scalec import mixnet_s.txt --stem 16               a spec from a definition of timm or pycls
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; give its exit code: 0 done, 1 wrong input, 2 wrong usage, 3 no access, 4 a bug of scalec."""
    arguments = _parser().parse_args(_join_negative(sys.argv[1:] if argv is None else list(argv)))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without φ is no reason to fail
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _drop_output()
        return DONE
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.filename is None:
            _drop_output()
        return _fail(f"{error.filename or 'output'}: {error.strerror or error}", NO_ACCESS)
    except (MemoryError, RecursionError, Exception) as error:
        if os.environ.get("SCALEC_DEBUG"):
            raise
        return _fail(f"a bug of scalec, not of your spec: {type(error).__name__}: {str(error)[:300]}", BUG)


def _drop_output() -> None:
    """Let what is still buffered go nowhere: Python would try to write it once more at its end, and complain."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return


def _run(arguments: argparse.Namespace) -> int:
    from scalec.diagnostics import CompileError, render

    try:
        return int(arguments.run(arguments))
    except CompileError as error:
        print(render(error.diagnostics), file=sys.stderr, end="")
        return WRONG_INPUT


def _fail(message: str, code: int) -> int:
    print(f"scalec: {message}", file=sys.stderr)
    return code


def _join_negative(argv: list[str]) -> list[str]:
    """Let `--phi -1/3` be written with a space: argparse takes only plain negative numbers so."""
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] == "--phi" and word[:1] == "-" and word[1:2].isdigit():
            joined[-1] = f"--phi={word}"
        else:
            joined.append(word)
    return joined


def _parser() -> argparse.ArgumentParser:
    from scalec.importer.parser import import_options

    parser = argparse.ArgumentParser(
        prog="scalec", description="Compile ConvNet scaling specs to readable PyTorch.", epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"scalec {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    compile_ = commands.add_parser("compile", help="check a spec and write one PyTorch file", allow_abbrev=False)
    _scale_options(compile_)
    _body_options(compile_)
    compile_.add_argument("-o", "--output", metavar="FILE", help="where to write; `-` is standard output")
    compile_.add_argument("--true", action="store_true", help="move d, w and r until FLOPS grow as d·w²·r² says (1%%)")
    compile_.add_argument("--force", action="store_true", help="overwrite a file that scalec did not write")
    compile_.set_defaults(run=_compile)

    check = commands.add_parser(
        "check", help="check specs with all of their variants; write nothing", allow_abbrev=False
    )
    check.add_argument("specs", metavar="SPEC", nargs="+")
    check.set_defaults(run=_check)

    cost = commands.add_parser("cost", help="parameters, multiply-adds and activations", allow_abbrev=False)
    _scale_options(cost)
    _body_options(cost)
    cost.add_argument("--format", choices=("table", "json"), default="table")
    cost.add_argument("--memory", choices=("predicted", "exact"), default="predicted",
                      help="`exact` also runs the network in PyTorch, without numbers, and takes seconds")  # fmt: skip
    cost.add_argument("--detail", choices=("stage", "layer", "operator"), default="stage", help="a row for each")
    cost.add_argument("--convention", choices=("macs", "fvcore", "pycls", "thop", "ptflops"), default="macs",
                      help="also what this tool would count")  # fmt: skip
    cost.add_argument("--plot", metavar="FILE", help="with several φ: a picture of the growth, .svg or .png")
    cost.set_defaults(run=_cost)
    _solve_parser(commands.add_parser("solve", help="the scale that fills a budget", allow_abbrev=False))
    import_options(commands.add_parser("import", help="a spec from a definition of timm or pycls", allow_abbrev=False))
    return parser


def _solve_parser(solve: argparse.ArgumentParser) -> None:
    _scale_options(solve)
    for name, example in (("flops", "1.5G"), ("params", "9M"), ("activations", "20M"), ("memory", "8GiB")):
        solve.add_argument(f"--{name}", metavar="X", help=f"a limit, as a spec writes it: {example}")
    solve.add_argument(
        "--free", metavar="d,w,r", help="every network that none of these can outgrow, not the largest φ"
    )
    solve.add_argument("--from", metavar="X", default="1", dest="low", help="what is free is at least this (1)")
    solve.add_argument("--true-to", metavar="φ=X", help="the nearest network whose FLOPS grow as φ promises")
    solve.add_argument("--target", metavar="G", help="that growth: `nominal` (d·w²·r²), `2^phi`, or a number")
    solve.add_argument("--within", metavar="SHARE", default="1%", help="of that growth (1%%)")
    solve.add_argument("--emit", action="store_true", help="compile the answer; of several, the one with most FLOPS")
    solve.add_argument("-o", "--output", metavar="FILE", help="where to")
    solve.add_argument("--force", action="store_true", help="overwrite a file that scalec did not write")
    solve.add_argument("--format", choices=("table", "json"), default="table")
    solve.set_defaults(run=_solve)


def _scale_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="a .scl file")
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument("--phi", metavar="X", help="the compound coefficient: 4, 0.5, -1, 1/3")
    scale.add_argument("--variant", metavar="NAME", help="a row of `variants`")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], type=_change, dest="changes",
                        help="set a param, a let or a network parameter")  # fmt: skip


def _body_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--features", action="store_true",
                        help="give the feature maps, for detection and segmentation, and no more")  # fmt: skip
    parser.add_argument("--tap", metavar="STAGE,…", type=_stages, help="with --features: the maps of these stages")
    parser.add_argument("--output-stride", metavar="N", type=_stride,
                        help="keep maps at least 1/N of the image: further strides become dilation")  # fmt: skip


def _stages(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"expected names of stages, as in `stage3,stage5`, not {text!r}")
    return names


def _stride(text: str) -> int:
    if text not in ("1", "2", "4", "8", "16", "32", "64"):
        raise argparse.ArgumentTypeError(f"expected a power of two such as 8 or 16, not {text!r}")
    return int(text)


def _change(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, not {text!r}")
    return name.strip(), value.strip()


def _compiled(arguments: argparse.Namespace) -> "Compiled":
    from scalec.compiler import load

    loaded = load(Path(arguments.spec))
    if getattr(arguments, "true", False):
        from scalec.solve_report import true_compiled

        return true_compiled(loaded, arguments)
    taps = arguments.tap or () if arguments.features or arguments.tap else None
    return loaded.compile(arguments.phi, arguments.variant, arguments.changes, taps, arguments.output_stride)


def _compile(arguments: argparse.Namespace) -> int:
    from scalec.cost import cost
    from scalec.diagnostics import render
    from scalec.output import default_name, scale_of, write

    compiled = _compiled(arguments)
    print(render(compiled.warnings), file=sys.stderr, end="")
    if arguments.output == "-":
        sys.stdout.buffer.write(compiled.source.encode())
        sys.stdout.buffer.flush()
        return DONE
    path = Path(arguments.output or default_name(compiled.network))
    if (arguments.output or "").endswith(("/", os.sep)) and not path.is_dir():
        return _fail(f"{arguments.output}: there is no such folder", NO_ACCESS)
    problem = write(path, compiled.source, arguments.force)
    if problem:
        return _fail(problem, NO_ACCESS)
    counted = cost(compiled.network)
    print(f"{path}: {scale_of(compiled.network)}, {counted.params:,} parameters, {counted.macs:,} multiply-adds")
    return DONE


def _check(arguments: argparse.Namespace) -> int:
    from scalec.compiler import check
    from scalec.diagnostics import CompileError, render

    code = DONE
    for spec in arguments.specs:
        try:
            said, warnings = check(Path(spec))
            print(render(warnings), file=sys.stderr, end="")
            print(f"{spec}: {said}")
        except CompileError as error:
            print(render(error.diagnostics), file=sys.stderr, end="")
            code = WRONG_INPUT
    return code


def _cost(arguments: argparse.Namespace) -> int:
    from scalec.report import MemoryPeak, Wanted, cost_json, cost_table

    if arguments.phi and (".." in arguments.phi or "," in arguments.phi):
        from scalec.drift_report import run

        return run(arguments)
    if arguments.plot:
        return _fail("--plot draws several φ: --phi 0..7", WRONG_USAGE)
    compiled, exact = _compiled(arguments), None
    if arguments.memory == "exact":
        try:
            from scalec.memory_oracle import peaks
        except ModuleNotFoundError as error:
            return _fail(f"`--memory exact` needs {error.name}: pip install 'scalec[torch]'", WRONG_USAGE)
        exact = MemoryPeak(**peaks(compiled))
    wanted = Wanted(arguments.detail, arguments.convention, exact)
    print((cost_json if arguments.format == "json" else cost_table)(compiled, wanted))
    return DONE


def _solve(arguments: argparse.Namespace) -> int:
    from scalec.solve_report import run

    return run(arguments)
