"""`scalec cost`: reports the cost of a network, and for several values of φ the growth of this cost."""

import argparse

from scalec.commands.options import load, request_of, request_options, show, spec_options
from scalec.diagnostics.exit_codes import DONE, WRONG_USAGE, fail

_EXAMPLES = """examples:
  scalec cost efficientnet.scl --variant B4                 a row for each stage
  scalec cost efficientnet.scl --phi 1 --detail layer       a row for each layer
  scalec cost efficientnet.scl --phi 0..7 --plot growth.svg why cost is not 2^φ
  scalec cost efficientnet.scl --phi 4 --format json
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "cost", help="report parameters, multiply-adds, activations and memory", allow_abbrev=False, epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    spec_options(parser)
    request_options(parser, "scale", "body")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--memory", choices=("predicted", "exact"), default="predicted",
                        help="`exact` also runs it in PyTorch, on tensors without data (seconds)")  # fmt: skip
    parser.add_argument(
        "--detail", choices=("stage", "layer", "operator"), default="stage", help="what a row of the table is"
    )
    parser.add_argument("--convention", choices=("macs", "fvcore", "pycls", "thop", "ptflops"), default="macs",
                        help="also show what this tool would count")  # fmt: skip
    parser.add_argument("--plot", metavar="FILE", help="with several φ: draw the growth, .svg or .png")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the report. Raises `CompileError`."""
    loaded, request = load(arguments.spec, arguments), request_of(arguments)
    if request.phi and (".." in request.phi or "," in request.phi):
        from scalec.commands.reports import growth_report

        code = growth_report.run(loaded, request, arguments.plot, arguments.format)
        show((), arguments)
        return code
    if arguments.plot:
        return fail("--plot draws several φ: --phi 0..7", WRONG_USAGE)
    from scalec.cost.report import MemoryPeak, Wanted, cost_json, cost_table

    compiled = loaded.compile(request)
    exact = None
    if arguments.memory == "exact":
        try:
            from scalec.verify.memory_oracle import peaks
        except ModuleNotFoundError as error:
            return fail(f"`--memory exact` needs {error.name}: pip install 'scalec[torch]'", WRONG_USAGE)
        exact = MemoryPeak(**peaks(compiled))
    show((), arguments)
    wanted = Wanted(arguments.detail, arguments.convention, exact)
    print((cost_json if arguments.format == "json" else cost_table)(compiled, wanted))
    return DONE
