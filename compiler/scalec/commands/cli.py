"""The entry point of the command line. It loads argparse at once, and everything else only when a command needs it."""

import argparse
import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from scalec.commands.argument_parser import Parser
from scalec.diagnostics.exit_codes import BUG, DONE, INTERRUPTED, NO_ACCESS, WRONG_INPUT, WRONG_USAGE, fail
from scalec.version import __version__

COMMANDS = {
    "compile": "compile", "check": "check", "explain": "explain", "fmt": "fmt",
    "cost": "cost", "solve": "solve", "verify": "verify", "port": "port",
    "test-file": "test_file", "import": "import_", "diff": "diff", "search": "search",
    "study": "study", "completion": "completion",
}  # fmt: skip
"""The module of each command: a run imports one of them."""
_SAY_NO_ERRORS = ("explain", "port", "completion")
"""The commands that read no spec."""
_EXAMPLES = """examples:
  scalec compile efficientnet.scl --phi 4            α^4, β^4, γ^4: writes efficientnet_phi4.py
  scalec compile efficientnet.scl --variant B4 -o -  the released B4, to standard output
  scalec compile efficientnet.scl --set classes=10   a network parameter, param or let
  scalec check efficientnet.scl                      the spec and all of its variants
  scalec cost efficientnet.scl --variant B4          parameters, multiply-adds, activations by stage
  scalec solve efficientnet.scl --flops 1.5G         the largest φ that fits
  scalec import mixnet_s.txt --stem 16               a spec from a definition of timm or pycls
  scalec diff efficientnet.scl --phi 1 --phi 4       differences in stages, costs, keys of weights
  scalec fmt specs                                   format all specs in a folder
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; give its exit code: 0 done, 1 wrong input, 2 wrong usage, 3 no access, 4 a bug of scalec."""
    gc.set_threshold(100_000)  # a run is short, and nearly all that it makes stays: collecting took a tenth of it
    _open_what_is_closed()
    words = _join_negative(sys.argv[1:] if argv is None else list(argv))
    arguments = _parser(words[0] if words else "").parse_args(words)
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
        return INTERRUPTED
    except OSError as error:
        if error.filename is None:
            _drop_output()
        return fail(f"{error.filename or 'output'}: {error.strerror or error}", NO_ACCESS)
    except (MemoryError, RecursionError, Exception) as error:
        if os.environ.get("SCALEC_DEBUG"):
            raise
        return fail(f"a bug of scalec, not of your spec: {type(error).__name__}: {str(error)[:300]}", BUG)


def _open_what_is_closed() -> None:
    """Let a stream that the shell has closed (`>&-`) lead nowhere: Python has None in its place."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "r" if name == "stdin" else "w"))


def _drop_output() -> None:
    """Let what is still buffered go nowhere: Python would try to write it once more at its end, and complain."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return


def _run(arguments: argparse.Namespace) -> int:
    from scalec.commands.options import show
    from scalec.diagnostics.diagnostic import CompileError, UsageError

    try:
        if not arguments.isolated:
            _configure(arguments)
        return int(arguments.run(arguments))
    except CompileError as error:
        show(error.diagnostics, arguments)
        return WRONG_USAGE if isinstance(error, UsageError) else WRONG_INPUT


def _configure(arguments: argparse.Namespace) -> None:
    """Take what pyproject.toml says; most folders have none, and then nothing is imported for it."""
    from scalec.project.pyproject import defaults, nearest

    for option, value in defaults(nearest(Path()), hasattr(arguments, "accuracy")).items():
        if getattr(arguments, option, value) is None:
            setattr(arguments, option, value)


def _join_negative(argv: list[str]) -> list[str]:
    """Let `--phi -1/3` be written with a space: argparse takes only plain negative numbers so."""
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] == "--phi" and word[:1] == "-" and word[1:2].isdigit():
            joined[-1] = f"--phi={word}"
        else:
            joined.append(word)
    return joined


def _parser(word: str = "") -> argparse.ArgumentParser:
    """Make the parser of one command, if that is the first word; else of all, as help and completion need them."""
    parser = Parser(
        prog="scalec", description="Compile ConvNet scaling specs to readable PyTorch.", epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"scalec {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in [word] if word in COMMANDS and word != "completion" else COMMANDS:
        module = import_module(f"scalec.commands.{COMMANDS[name]}")
        module.add_parser(commands, *[parser] * (name == "completion"))
        if name not in _SAY_NO_ERRORS:
            from scalec.commands.options import error_options

            error_options(commands.choices[name], product=name == "check")
        commands.choices[name].add_argument(
            "--isolated", action="store_true", help="ignore [tool.scalec] of pyproject.toml"
        )
    return parser
