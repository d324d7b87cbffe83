"""The options that several commands share. Every start imports this module, so it imports little."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalec.diagnostics.exit_codes import STDIN
from scalec.diagnostics.show import COLOURS, FOR_PEOPLE, FORMATS, Manner
from scalec.files import read_at_most
from scalec.limits import MAX_BYTES
from scalec.program.request import OPTIONS, Option, Request, change, from_words

if TYPE_CHECKING:
    from scalec.compiler import Loaded
    from scalec.diagnostics.diagnostic import Diagnostic


def write_options(parser: argparse.ArgumentParser) -> None:
    """Add what writing asks about."""
    parser.add_argument(
        "--force", action="store_true", help="overwrite files that scalec did not write or that were edited"
    )
    parser.add_argument("--follow-symlinks", action="store_true", help="follow a link that leads out of the folder")


def spec_options(
    parser: argparse.ArgumentParser, several: str = "", help: str = "a .scl file; `-` is standard input"
) -> None:
    """Add the spec itself, or several, and what these are called."""
    name, count = ("specs", "*") if several else ("spec", None)
    parser.add_argument(name, metavar=several or "SPEC", nargs=count, help=help)
    parser.add_argument("--stdin-filename", metavar="FILE", default="<stdin>",
                        help="the name of standard input; its imports are looked up in that folder")  # fmt: skip


def request_options(parser: argparse.ArgumentParser, *groups: str, several: bool = False) -> None:
    """Add the options of these groups of a request; with `several`, some say how more than one scale is written."""
    scale = parser.add_mutually_exclusive_group()
    for option in OPTIONS:
        if option.group in groups:
            to = scale if option.name in ("phi", "variant") else parser
            help = option.help + (option.several if several else "")
            if option.is_switch:
                to.add_argument(f"--{option.name}", action="store_true", help=help)
            else:
                to.add_argument(
                    f"--{option.name}", metavar=option.metavar or None, choices=option.choices or None, help=help,
                    action="append", type=_word(option),
                )  # fmt: skip


def _word(option: Option) -> Callable[[str], str]:
    """Return what looks at a word behind an option, and leaves it as it is."""

    def word(text: str) -> str:
        if not option.choices:
            _checked(lambda text: option.read([text]), text)
        return text

    return word


def set_option(parser: argparse.ArgumentParser, help: str = "set a param, a let or a network parameter") -> None:
    """Add `--set` to a command whose scales are not those of a request: `changes` are names and values."""
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], dest="changes", help=help,
                        type=lambda text: _checked(change, text))  # fmt: skip


def _checked(read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _words(arguments: argparse.Namespace) -> dict[str, Sequence[str]]:
    values = ((option.name, getattr(arguments, option.name.replace("-", "_"), None)) for option in OPTIONS)
    return {name: [""] if value is True else value for name, value in values if value}


def given(arguments: argparse.Namespace) -> list[str]:
    """Return the names of a request's options that stand on the command line."""
    return list(_words(arguments))


def request_of(arguments: argparse.Namespace) -> Request:
    """Return what the command line asks for."""
    return from_words(_words(arguments))


def read(spec: str, arguments: argparse.Namespace) -> tuple[Path, bytes]:
    """Return the name and the bytes of a spec. Raise `OSError` if it cannot be read."""
    if spec == STDIN:
        return Path(arguments.stdin_filename), sys.stdin.buffer.read(MAX_BYTES + 1)
    path = Path(spec)
    return path, read_at_most(path, MAX_BYTES)


def load(spec: str, arguments: argparse.Namespace) -> "Loaded":
    """Read and resolve a spec. Raise `CompileError`, and `OSError` if it cannot be read."""
    from scalec import compiler

    return compiler.load(*read(spec, arguments))


def error_options(parser: argparse.ArgumentParser, product: bool = False) -> None:
    """Add `--color`, and `--error-format`; where diagnostics are the `product` of a command it is `--format`."""
    parser.add_argument(
        "--format" if product else "--error-format", choices=FORMATS, dest="error_format",
        help="the format of errors and warnings; formats for machines (not `text`, `concise`) go to standard "
        + ("output, and nothing else there" if product else "error, for machines"),
    )  # fmt: skip
    parser.add_argument("--color", choices=COLOURS, help="colours of the format `text` (auto)")
    parser.set_defaults(findings_are_product=product)


def for_people(arguments: argparse.Namespace) -> bool:
    """Return whether people read the findings; else nothing but them may be printed where they are."""
    return (arguments.error_format or "text") in FOR_PEOPLE


def show(diagnostics: "Iterable[Diagnostic]", arguments: argparse.Namespace, whole: bool = True) -> None:
    """Print diagnostics as the command line asks for (`diagnostics.show`)."""
    from scalec.diagnostics import show

    manner = Manner(arguments.error_format or "text", arguments.color or "auto", arguments.findings_are_product)
    show.show(diagnostics, manner, whole)
