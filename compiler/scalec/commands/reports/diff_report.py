"""The output of `scalec diff`: text for people, Markdown for a comment on a pull request, JSON for machines.

The JSON has the stable schema `scalec.diff/1`, described in docs/commands.md. Fields may be added, but existing
fields are not changed or removed.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from scalec.commands.reports.diff_model import Diff, RequirementChange, Side, StageChange
from scalec.commands.reports.growth_report import percent
from scalec.cost.count import cost
from scalec.cost.requirement_notes import grouped, show
from scalec.cost.requirements import Requirement
from scalec.diagnostics.text import printable
from scalec.language import syntax as s
from scalec.language.unparse import COMPARE, spell_name
from scalec.network.network import Stage, operator_name
from scalec.ops.shape import Shape
from scalec.program.evaluate import describe
from scalec.record import record
from scalec.table import table

NAMES = {
    "params": "parameters", "macs": "multiply-adds", "activations": "activations",
    "memory_inference": "memory, inference", "memory_training": "memory, training",
}  # fmt: skip
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_STAGE_HEAD = ("", "stage", "operator", "layers", "output", "parameters", "multiply-adds", "differs in")
MOST_GROUPS = 40


@record
class Report:
    """Comparisons, and which variants only one of the specs has."""

    diffs: tuple[Diff, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Return whether nothing differs."""
        return not self.added and not self.removed and all(diff.equal for diff in self.diffs)


def _arrow(old: str, new: str) -> str:
    return new if old == new else old if not new else new if not old else f"{old} → {new}"


def _percent(old: int, new: int) -> str:
    return "" if old == new or not old else percent(new / old)


def _amount(key: str, value: int) -> str:
    return f"{value / 2**20:,.1f} MiB" if key.startswith("memory") else f"{value:,}"


def _figures(diff: Diff) -> Iterator[tuple[str, str, str, str]]:
    """Return the rows of the whole network: what, before, after, and by how much it grew."""
    yield "input", str(diff.before.network.x), str(diff.after.network.x), ""
    for key, name in NAMES.items():
        old, new = diff.before.figures[key], diff.after.figures[key]
        yield name, _amount(key, old), _amount(key, new), _percent(old, new)
    for key, values in diff.parameters.items():
        before, after = ("" if value is None else show(value).strip("`") for value in values)
        yield spell_name(key), before, after, ""


def _stage_row(change: StageChange) -> tuple[str, ...]:
    old, new = (_cells(stage) for stage in (change.before, change.after))
    columns = [_arrow(a, b) for a, b in zip(old[1:], new[1:], strict=True)]
    said = ", ".join(change.details)
    return _SIGNS[change.kind], change.stage.name, *columns, said


def _cells(stage: Stage | None) -> tuple[str, ...]:
    if stage is None:
        return ("",) * 6
    counted = cost(stage)
    figures = (f"{counted.params:,}" if counted.params else "", f"{counted.macs:,}" if counted.macs else "")
    layers = str(len(stage.layers)) if stage.unit.repeat else ""
    return stage.name, operator_name(stage.unit, stage.layers[0]), layers, str(stage.y), *figures


def _same_stages(diff: Diff) -> int:
    return sum(change.kind == "same" for change in diff.stages)


def _changed_stages(diff: Diff) -> list[StageChange]:
    return [change for change in diff.stages if change.kind in _SIGNS]


def _numbers(requirement: Requirement | None) -> str:
    """Write a requirement with the values of its sides: `992,629,472 ≤ 1,400,000,000`."""
    if requirement is None or not isinstance(requirement.expr, s.Comparison):
        return ""
    first, *rest = map(grouped, requirement.values)
    pairs = zip(requirement.expr.operators, rest, strict=True)
    return first + "".join(f" {COMPARE.get(operator, operator)} {value}" for operator, value in pairs)


def _required(change: RequirementChange) -> tuple[str, str, str]:
    return change.said, change.text, _arrow(_numbers(change.before), _numbers(change.after))


def _groups(diff: Diff) -> Iterator[tuple[str, str]]:
    """Return for each stage what became of its keys."""
    groups = diff.state.groups
    for name in list(groups)[:MOST_GROUPS]:
        words = zip(groups[name], ("added", "removed", "reshaped"), strict=True)
        yield f"{name}.*", ", ".join(f"{count:,} {word}" for count, word in words if count)
    if len(groups) > MOST_GROUPS:
        yield "…", f"{len(groups) - MOST_GROUPS:,} more stages"


def _keys(diff: Diff) -> str:
    state = diff.state
    counts = f"{len(state.added):,} added, {len(state.removed):,} removed, {len(state.reshaped):,} reshaped"
    return f"{len(state.before):,} → {len(state.after):,} keys: {counts}"


def _title(diff: Diff) -> str:
    """Return what is compared, with no more words than tell the sides apart."""
    before, after = diff.before, diff.after
    if before.spec == after.spec:
        return f"{before.spec}, {before.scale} → {after.scale}"
    if before.scale == after.scale:
        return f"{before.spec} → {after.spec}, {before.scale}"
    return f"{before.spec}, {before.scale} → {after.spec}, {after.scale}"


def text(report: Report, colour: bool = False) -> str:
    """Write for people."""
    parts = [_text(diff, colour) for diff in report.diffs]
    parts += [f"variants added: {', '.join(map(printable, report.added))}\n"] if report.added else []
    parts += [f"variants removed: {', '.join(map(printable, report.removed))}\n"] if report.removed else []
    return "\n".join(parts)


def _text(diff: Diff, colour: bool) -> str:
    lines = [printable(_title(diff)), ""]
    if diff.equal:
        return "\n".join([*lines[:1], "the same network: every stage, figure, requirement and key\n"])
    head = ("", printable(diff.before.label), printable(diff.after.label), "")
    lines += [*table([head, *_figures(diff)], "<>>>"), ""]
    changed = _changed_stages(diff)
    rows = table([_STAGE_HEAD, *(_stage_row(change) for change in changed)], "<<<>><<<") if changed else []
    lines += [_painted(row, colour) for row in rows]
    lines += _counted_same(diff) + [""]
    if diff.requirements:
        lines += [
            "requirements",
            *(f"  {row}" for row in table([_required(each) for each in diff.requirements], "<<<")),
        ]
        lines += [""]
    lines += [f"state_dict, {_keys(diff)}", *(f"  {row}" for row in _aligned(list(_groups(diff)))), ""]
    return "\n".join([*lines, printable(diff.verdict), ""])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    return table(rows, "<<") if rows else []


def _counted_same(diff: Diff) -> list[str]:
    same = _same_stages(diff)
    return [f"{same} stage{'s are' if same > 1 else ' is'} the same"] if same else []


def _painted(row: str, colour: bool) -> str:
    style = {"+": "32", "-": "31", "~": "33"}.get(row[:1])
    return f"\x1b[{style}m{row}\x1b[0m" if colour and style else row


# Markdown


def markdown(report: Report) -> str:
    """Write for a comment on a pull request. Names stand in code spans, where nothing is markup."""
    parts = [_markdown(diff) for diff in report.diffs]
    for word, names in (("added", report.added), ("removed", report.removed)):
        parts += [f"Variants {word}: {', '.join(map(_code, names))}\n"] if names else []
    return "\n".join(parts)


def _code(text: str) -> str:
    """Put text into a code span, in a table or not: longer fences than it holds, and no bar that ends a cell."""
    shown = printable(text)
    if not shown:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    space = " " if "`" in shown else ""
    return f"{fence}{space}{shown}{space}{fence}".replace("|", "\\|")


def _markdown(diff: Diff) -> str:
    lines = [f"### {_code(_title(diff))}", ""]
    if diff.equal:
        return "\n".join([*lines, "The same network: every stage, figure, requirement and key.", ""])
    lines += [f"**{_sentence(diff)}**", ""]
    lines += _grid(("", _code(diff.before.label), _code(diff.after.label), ""), _coded(_figures(diff)), "-rrr")
    if changed := _changed_stages(diff):
        lines += _grid(_STAGE_HEAD, _coded((_stage_row(each) for each in changed), plain=()), "---r----")
    lines += [f"{_counted_same(diff)[0]}.", ""] if _same_stages(diff) else []
    if diff.requirements:
        rows = [(said, _code(spelled), _code(numbers)) for said, spelled, numbers in map(_required, diff.requirements)]
        lines += _grid(("requirement", "", ""), rows, "---")
    lines += [f"`state_dict`, {_keys(diff)}.", ""]
    if groups := list(_groups(diff)):
        lines += _grid(("keys", ""), [(_code(name), said) for name, said in groups], "--")
    return "\n".join(lines)


def _sentence(diff: Diff) -> str:
    """Write the verdict with labels as code: they may hold anything."""
    sides = Side("", "", _code(diff.before.label), diff.before.network, diff.before.requirements)
    other = Side("", "", _code(diff.after.label), diff.after.network, diff.after.requirements)
    return Diff(sides, other).verdict


def _coded(rows: Iterator[tuple[str, ...]] | Sequence[tuple[str, ...]], plain: tuple[int, ...] = (0, 3)) -> list[Any]:
    return [tuple(cell if i in plain else _code(cell) for i, cell in enumerate(row)) for row in rows]


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    lines = [head, ["---:" if side == "r" else "---" for side in sides], *rows]
    return [*(f"| {' | '.join(cells)} |" for cells in lines), ""]


# JSON


def as_json(report: Report) -> str:
    """Write for machines, in ASCII: right whatever the terminal's encoding is."""
    return json.dumps(
        {
            "schema": "scalec.diff/1",
            "equal": report.equal,
            "variants": {"added": list(report.added), "removed": list(report.removed)},
            "comparisons": [_object(diff) for diff in report.diffs],
        },
        indent=2,
    )  # fmt: skip


def _object(diff: Diff) -> dict[str, Any]:
    state = diff.state
    return {
        "before": _side(diff.before),
        "after": _side(diff.after),
        "equal": diff.equal,
        "stages": [
            {"change": each.kind, "details": list(each.details)}
            | {"before": _stage(each.before), "after": _stage(each.after)}
            for each in diff.stages
        ],
        "requirements": [
            {"text": each.text, "before": _decided(each.before), "after": _decided(each.after)}
            for each in diff.requirements
        ],
        "state_dict": {
            "loads": state.loads,
            "same_network": diff.same_network,
            "said": diff.verdict,
            "added": {key: list(shape) for key, shape in state.added.items()},
            "removed": {key: list(shape) for key, shape in state.removed.items()},
            "reshaped": {key: {"before": list(a), "after": list(b)} for key, (a, b) in state.reshaped.items()},
            "groups": {
                name: dict(zip(("added", "removed", "reshaped"), counts, strict=True))
                for name, counts in state.groups.items()
            },
        },
    }


def _side(side: Side) -> dict[str, Any]:
    network = side.network
    parameters = {spell_name(key): describe(value).strip("`") for key, value in network.parameters.items()}
    return {
        "spec": side.spec, "scale": side.scale, "network": network.name, "input": _dims(network.x), **side.figures,
        "flops": 2 * side.cost.macs, "keys": len(side.state), "parameters": parameters,
    }  # fmt: skip


def _stage(stage: Stage | None) -> dict[str, Any] | None:
    if stage is None:
        return None
    counted, operator = cost(stage), operator_name(stage.unit, stage.layers[0])
    return {
        "name": stage.name, "operator": operator, "layers": len(stage.layers), "output": _dims(stage.y),
        "params": counted.params, "macs": counted.macs, "activations": counted.activations,
    }  # fmt: skip


def _dims(shape: Shape) -> list[int]:
    return list(shape.dims)


def _decided(requirement: Requirement | None) -> dict[str, Any] | None:
    return None if requirement is None else {"holds": requirement.holds, "values": list(requirement.values)}


FORMATS: dict[str, Callable[[Report], str]] = {"json": lambda report: as_json(report) + "\n", "markdown": markdown}
