"""`scalec completion SHELL`: prints the script with which a shell completes commands, options and file names."""

import argparse

from scalec.diagnostics.exit_codes import DONE, WRONG_USAGE, fail

SHELLS = ("bash", "zsh", "tcsh")
_EXAMPLES = """examples:
  scalec completion bash > ~/.local/share/bash-completion/completions/scalec
  scalec completion zsh > ~/.zfunc/_scalec
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", whole: argparse.ArgumentParser) -> None:
    """Add the command; `whole` is the parser that it completes."""
    parser = commands.add_parser(
        "completion", help="print a completion script for your shell", allow_abbrev=False, epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=run, parser=whole)


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    try:
        import shtab
    except ModuleNotFoundError:
        return fail("completion needs shtab: pip install 'scalec[completion]'", WRONG_USAGE)
    whole: argparse.ArgumentParser = arguments.parser
    _complete_files(whole)
    print(shtab.complete(whole, shell=arguments.shell), end="")
    return DONE


def _complete_files(parser: argparse.ArgumentParser) -> None:
    """Let shtab complete files where an argument is one."""
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _complete_files(command)
        elif action.metavar in ("SPEC", "FILE", "FILE|DIR"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # how shtab is told
