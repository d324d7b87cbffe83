"""`scalec fmt`: chooses the files, prints and writes. Every start imports this module, so it imports little."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scalec.commands.options import show
from scalec.diagnostics.exit_codes import DONE, NO_ACCESS, WRONG_INPUT, fail
from scalec.files import read_at_most, replace_file, unified_diff
from scalec.limits import MAX_BYTES

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from scalec.diagnostics.diagnostic import Diagnostic

STANDARD_INPUT = "<stdin>"


def add_parser(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = commands.add_parser("fmt", help="format specs; comments are kept", allow_abbrev=False)
    parser.add_argument(
        "paths", metavar="SPEC", nargs="+",
        help="a .scl file, a folder with some, or `-`: from standard input to standard output",
    )  # fmt: skip
    told = parser.add_mutually_exclusive_group()
    told.add_argument(
        "--check", action="store_true", help="write nothing; list the files that would change; exit 1 if any"
    )
    told.add_argument("--diff", action="store_true", help="write nothing; print what would change; exit 1 if anything")
    spelled = parser.add_mutually_exclusive_group()
    spelled.add_argument("--unicode", action="store_const", const="unicode", dest="spelling",
                         help="write ⊙ → · ≤ α (default: as in the file)")  # fmt: skip
    spelled.add_argument("--ascii", action="store_const", const="ascii", dest="spelling",
                         help="write |> -> * <= alpha (default: as in the file)")  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Format each file; give the worst of their exit codes."""
    found: list[Diagnostic] = []
    codes = [_format(path, arguments, found) for path in dict.fromkeys(_files(arguments.paths))]
    show(found, arguments)
    return max(codes, default=DONE)


def _files(paths: Sequence[str]) -> Iterator[Path | None]:
    """Return the files that are meant; nothing stands for standard input."""
    for path in map(Path, paths):
        if str(path) == "-":
            yield None
        elif path.is_dir():
            yield from sorted(file for file in path.glob("*.scl") if file.is_file() and not _leaves(file))
        else:
            yield path


def _leaves(path: Path) -> bool:
    """Return whether a file is a link that leads out of its folder."""
    return path.is_symlink() and path.resolve().parent != path.parent.resolve()


def _format(path: Path | None, arguments: argparse.Namespace, found: "list[Diagnostic]") -> int:
    """Format one file; what is wrong with it is found."""
    from scalec.diagnostics.diagnostic import CompileError
    from scalec.language.format.formatter import format_spec

    name = str(path) if path else STANDARD_INPUT
    if path and _leaves(path):
        return fail(f"{name} is a link that leads out of its folder; name the file itself", NO_ACCESS)
    try:
        data = read_at_most(path, MAX_BYTES) if path else sys.stdin.buffer.read(MAX_BYTES + 1)
    except OSError as error:
        return fail(f"{name}: {error.strerror or error}", NO_ACCESS)
    try:
        text = format_spec(name, data, arguments.spelling)
    except CompileError as error:
        found += error.diagnostics
        return WRONG_INPUT
    changed = text.encode() != data
    if arguments.diff or arguments.check:
        if arguments.diff:
            _print_bytes(unified_diff(data.decode(), text, name, f"{name} (formatted)"))
        elif changed:
            print(name)
        return WRONG_INPUT if changed else DONE
    if path is None:
        _print_bytes(text)
    return _replace(path, text) if path and changed else DONE


def _replace(path: Path, text: str) -> int:
    """Write a file anew, with the permissions that it has, and say so."""
    try:
        replace_file(path.resolve(), text.encode())
    except OSError as error:
        return fail(f"{path}: {error.strerror or error}", NO_ACCESS)
    print(f"{path}: formatted")
    return DONE


def _print_bytes(text: str) -> None:
    """Print the product itself, in UTF-8 whatever the terminal has."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
