"""How a command shows its diagnostics: the options for it, colours, and which stream."""

import argparse
import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from scalec.diagnostics.diagnostic import Diagnostic

FORMATS = ("text", "concise", "json", "jsonl", "sarif", "github", "gitlab")
FOR_PEOPLE = ("text", "concise")
COLOURS = ("auto", "always", "never")


def add_error_options(parser: argparse.ArgumentParser, product: bool = False) -> None:
    """Add `--color`, and `--error-format`; where diagnostics are the `product` of a command it is `--format`."""
    parser.add_argument(
        "--format" if product else "--error-format", choices=FORMATS, dest="error_format",
        help="the format of errors and warnings; formats for machines (not `text`, `concise`) go to standard "
        + ("output" if product else "error"),
    )  # fmt: skip
    parser.add_argument("--color", choices=COLOURS, help="colours of the format `text` (auto)")
    parser.set_defaults(findings_are_product=product)


def for_people(arguments: argparse.Namespace) -> bool:
    """Tell whether people read the findings; else nothing but them may be printed where they are."""
    return _format(arguments) in FOR_PEOPLE


def show(diagnostics: Iterable["Diagnostic"], arguments: argparse.Namespace, whole: bool = True) -> None:
    """Print diagnostics as the command line asks for. A format for machines says too that there are none.

    `whole` is false where something could not be read, of which nobody knows whether it is right.
    """
    from scalec.diagnostics.diagnostic import in_order

    found = in_order(diagnostics)
    if _format(arguments) == "text":
        from scalec.diagnostics.text import render

        print(render(found, wants_colour(arguments.color or "auto", os.environ, sys.stderr)), file=sys.stderr, end="")
        return
    from scalec.diagnostics import formats

    written = formats.FORMATS if whole else formats.UNFINISHED
    to_output = arguments.findings_are_product and not for_people(arguments)
    print(written[_format(arguments)](found), file=sys.stdout if to_output else sys.stderr, end="")


def _format(arguments: argparse.Namespace) -> str:
    return arguments.error_format or "text"


def wants_colour(choice: str, environment: Mapping[str, str], stream: TextIO) -> bool:
    """Decide on colours: the option, then NO_COLOR, then FORCE_COLOR and CLICOLOR_FORCE, then what the stream is."""
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return stream.isatty() and environment.get("TERM") != "dumb"
