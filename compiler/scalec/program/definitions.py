"""Which names a spec may define, and once: for params, lets, blocks, labels, variants and parameters alike."""

import re
from collections.abc import Iterable
from importlib.resources import files

from scalec.diagnostics.diagnostic import Edit, Help, Label, Report, advise
from scalec.diagnostics.source import Span
from scalec.language import syntax as s
from scalec.ops import OPERATORS
from scalec.program.evaluate import FUNCTIONS, TRUTH, WORDS
from scalec.program.names import LAYER_NAMES, refusal
from scalec.program.quantities import QUANTITIES

RESERVED = frozenset({*FUNCTIONS, *TRUTH, *WORDS, *QUANTITIES, *LAYER_NAMES, "baseline"})


def check_name(name: s.Identifier, kind: str, report: Report) -> bool:
    """Report a name that cannot be defined; `kind` as in `names.refusal`. Tell whether it can."""
    local = WORDS if kind == "parameter" else ()  # a name of one block may hide `same`
    if name.key in RESERVED and name.key not in local:
        report.error("E108", f"`{name.span.text}` is a word of the language", name.span, "choose another name")
    elif name.key in OPERATORS:
        report.error("E108", f"`{name.span.text}` is an operator", name.span, "choose another name")
    elif problem := refusal(name.key, kind):
        said = {"value": "name"}.get(kind, kind)
        report.error("E108", f"the {said} `{name.span.text}` {problem}", name.span, "choose another name")
    else:
        return True
    return False


def twice(name: s.Identifier, first: s.Identifier, report: Report) -> None:
    """Report a name that is defined a second time."""
    others = (Label(first.span, "first here"),)
    report.error("E104", f"`{name.span.text}` is defined twice", name.span, "a second time", others=others)


def check_parameters(
    parameters: Iterable[s.Identifier], taken: set[str], report: Report, kind: str = "parameter"
) -> None:
    """Check the parameters of a let, a block or the network, or the names behind `where`."""
    seen: dict[str, s.Identifier] = {}
    for name in parameters:
        if name.key in taken:
            report.error(
                "E104", f"`{name.span.text}` is a symbol of the signature already", name.span, "choose another name"
            )
        elif seen.setdefault(name.key, name) is not name:
            twice(name, seen[name.key], report)
        else:
            check_name(name, kind, report)


def library_with(name: str) -> str | None:
    """Name the file of the library that defines a block, one without a network; looked at only to help."""
    for entry in sorted(files("scalec.specs").iterdir(), key=lambda entry: entry.name):
        text = entry.read_text(encoding="utf-8") if entry.name.endswith(".scl") else ""
        if re.search(rf"^block {name}\b", text, re.MULTILINE) and not re.search("^network ", text, re.MULTILINE):
            return entry.name.removesuffix(".scl")
    return None


def imported(name: s.Identifier) -> Help:
    """Say from which library a block could be imported."""
    library = library_with(name.key)
    if library is None:
        return None
    statement = f"import {name.span.text} from {library}"
    lines = re.match(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*", name.span.source.text)
    place = lines.end() if lines else 0
    return advise(f"write `{statement}`", Edit(Span(name.span.source, place, place), f"{statement}\n"))
