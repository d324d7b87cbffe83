"""Prints the diagnostics of a command: chooses the format, the colours and the output stream."""

import os
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, TextIO

from scalec.record import record

if TYPE_CHECKING:
    from scalec.diagnostics.diagnostic import Diagnostic

_FILES = os.listdir(os.path.join(os.path.dirname(__file__), "formats"))
FORMATS = ("text", *sorted(name[:-3] for name in _FILES if name.endswith(".py") and name[0] != "_"))
"""Text, and what has a file in `formats/`."""
FOR_PEOPLE = ("text", "concise")
COLOURS = ("auto", "always", "never")


@record
class Manner:
    """How diagnostics are shown: one of FORMATS, one of COLOURS, and whether they are what the command is for.

    If they are, formats for machines go to standard output; all else goes to standard error.
    """

    format: str = "text"
    colour: str = "auto"
    is_product: bool = False


def show(diagnostics: Iterable["Diagnostic"], manner: Manner = Manner(), whole: bool = True) -> None:
    """Print diagnostics. A format for machines says too that there are none.

    `whole` is false where something could not be read, of which nobody knows whether it is right.
    """
    from scalec.diagnostics.diagnostic import in_order

    found = in_order(diagnostics)
    if manner.format == "text":
        from scalec.diagnostics import text

        print(text.render(found, wants_colour(manner.colour, os.environ, sys.stderr)), file=sys.stderr, end="")
        return
    render = import_module(f"scalec.diagnostics.formats.{manner.format}").render
    to_output = manner.is_product and manner.format not in FOR_PEOPLE
    print(render(found, whole), file=sys.stdout if to_output else sys.stderr, end="")


def wants_colour(choice: str, environment: Mapping[str, str], stream: TextIO) -> bool:
    """Decide on colours: the option, then NO_COLOR, then FORCE_COLOR and CLICOLOR_FORCE, then what the stream is."""
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return stream.isatty() and environment.get("TERM") != "dumb"
