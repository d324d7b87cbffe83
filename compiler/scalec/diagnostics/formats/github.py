"""The format `github`: GitHub workflow commands. Each one annotates a line of a pull request."""

from collections.abc import Iterator, Sequence

from scalec.diagnostics.diagnostic import Diagnostic
from scalec.diagnostics.machine import Json, paragraphs, path_of, printable_lines, region
from scalec.diagnostics.source import COMMAND_LINE
from scalec.diagnostics.text import printable


def render(diagnostics: Sequence[Diagnostic], whole: bool) -> str:
    """Return one command for each finding."""
    return "".join(f"{line}\n" for d in diagnostics for line in _command(d))


def _command(diagnostic: Diagnostic) -> Iterator[str]:
    place = region(diagnostic.label.span)
    properties: Json = {"title": diagnostic.code}
    if diagnostic.label.span.source.name != COMMAND_LINE:
        properties |= {
            "file": path_of(diagnostic.label.span.source), "line": place["startLine"], "col": place["startColumn"],
            "endLine": place["endLine"], "endColumn": place["endColumn"],
        }  # fmt: skip
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    yield f"::{diagnostic.severity} {listed}::{_data(chr(10).join(paragraphs(diagnostic)))}"


def _data(text: str) -> str:
    """Return text with what would end the command escaped: nothing of a spec may begin a second one."""
    return printable_lines(text).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
