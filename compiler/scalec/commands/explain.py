"""`scalec explain`. Light: every start of the command line reads it."""

import argparse


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser("explain", help="explain an error or a warning, and how to fix it", allow_abbrev=False)
    parser.add_argument("code", metavar="CODE", nargs="?", help="as in `error[E101]`; without it, all codes are listed")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from scalec.diagnostics.explain import run

    return run(arguments.code, arguments.format)
