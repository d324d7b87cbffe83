"""Prints a study from its JSON: a line for each network, and the observations that the data support."""

from collections.abc import Iterator
from typing import Any

from scalec.diagnostics.diagnostic import plural
from scalec.table import table

SAID = {"yes": "supported", "no": "not supported here", "undecided": "undecided"}
OBSERVATIONS = ("Observation 1", "Observation 2")
_FIGURES = {
    "figure3": "Figure 3: accuracy against FLOPs, by what is scaled",
    "figure4": "Figure 4: accuracy against FLOPs, width under other depths and resolutions",
}


def report(study: dict[str, Any]) -> str:
    """Write it all."""
    by_name = {each["name"]: each for each in study["networks"]}
    lines = [f"{study['network']}: {study['accuracy_from']['regime']}"]
    seeds = study["seeds"]
    lines.append(f"accuracy on the {study['accuracy_from']['split']} images, %; seeds {', '.join(map(str, seeds))}")
    for key, title in _FIGURES.items():
        lines += ["", title, ""]
        rows: list[tuple[str, ...]] = [("", "network", "input", "FLOPS", "growth", "accuracy", "± sd")]
        for line in study[key]:
            rows += [_row(line["line"] if first else "", by_name[name]) for first, name in _marked(line["networks"])]
        lines += table(rows, "<<>>>>>")
    for each in study["networks"]:
        lines += [f"{each['name']}: {what}" for what in each.get("missing", [])]
    return "\n".join([*lines, "", *verdicts(study)]) + "\n"


def _marked(names: list[str]) -> Iterator[tuple[bool, str]]:
    return ((place == 0, name) for place, name in enumerate(names))


def _row(line: str, network: dict[str, Any]) -> tuple[str, ...]:
    mean, deviation = network["mean"], network["deviation"]
    return (
        line, "d = w = r = 1" if network["growth"] == 1 else network["name"],
        "×".join(str(side) for side in network["input"][:2]), f"{network['macs']:,}", f"{network['growth']:.2f}x",
        "–" if mean is None else f"{100 * mean:.2f}", "" if deviation is None else f"{100 * deviation:.2f}",
    )  # fmt: skip


def verdicts(study: dict[str, Any]) -> list[str]:
    """Return what the data support, and by which figures."""
    lines: list[str] = []
    first, second, *others = study["findings"]
    for name, finding in zip(OBSERVATIONS, (first, second), strict=True):
        lines += [f"{name}: {SAID[finding['verdict']]} ({finding['claim']})"]
        lines += [line for part in finding.get("parts", []) for line in _part(part, 2)]
        lines.append("")
    lines.append("Figure 4")
    return [*lines, *(line for part in others for line in _part(part, 2))]


def _part(part: dict[str, Any], most: int) -> Iterator[str]:
    yield f"  {SAID[part['verdict']]}: {part['claim']}"
    for each in part.get("because", [])[:most]:
        error = "" if each["error"] is None else f" ± {100 * each['error']:.2f}"
        yield f"      {each['about']}: {100 * each['value']:+.2f}{error} points"
    left = len(part.get("because", [])) - most
    if left > 0:
        yield f"      and {plural(left, 'other rival')}, which did worse"
