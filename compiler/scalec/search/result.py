"""`NAME.search-result.json`: the complete result of a search, for machines.

It has no time and no path, so the same results give the same file.
"""

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from scalec.cost.count import cost
from scalec.cost.memory.peak import memory
from scalec.language import exact
from scalec.language.exact import Number
from scalec.program.search_stamp import state_of
from scalec.search.candidates import Candidates, shown
from scalec.search.selection import Found, Plan, Stage
from scalec.search.statistics import Standing, mean_error

SUFFIX = ".search-result.json"
SCHEMA = 1


def result_path(spec: Path) -> Path:
    """Return the name of the file beside a spec."""
    return spec.with_name(f"{spec.stem}{SUFFIX}")


def as_text(found: Found, plan: Plan, candidates: Candidates, mode: str, sentence: str) -> str:
    """Write a result. `mode` is how candidates were chosen: `realised`, `nominal` or `maximal`."""
    return json.dumps(as_json(found, plan, candidates, mode, sentence), indent=2, ensure_ascii=False) + "\n"


def as_json(found: Found, plan: Plan, candidates: Candidates, mode: str, sentence: str) -> dict[str, Any]:
    """Return a result as JSON has it."""
    program, state = plan.loaded.program, state_of(plan.loaded.program)
    spec: dict[str, Any] = {"network": program.network.name.key}
    if state is not None:
        spec |= {"rest": state.rest, "search": state.search}
    winner = None if found.winner is None else plan.candidates[found.winner]
    identity = {name: value for name, value in plan.source.identity.items() if name != "regime"}
    return {
        "schema": SCHEMA,
        "spec": spec,
        "constants": None if winner is None else {name: shown(value) for name, value in winner.values},
        "sentence": sentence,
        "chosen": {"by": mode, "points": candidates.points, "dropped": dict(candidates.dropped)},
        "accuracy_from": {"regime": plan.source.regime, **identity},
        "ranking": _stage(found.first, plan, plan.fixed),
        "validation": {
            "verdict": found.verdict,
            **({} if found.second is None else _stage(found.second, plan, {**plan.fixed, "phi": plan.validate})),
        },
        "test": None if not found.test else _figures(found.test),
    }


def _stage(stage: Stage, plan: Plan, fixed: Mapping[str, object]) -> dict[str, Any]:
    ranks = {each.index: each for each in stage.ranked}
    rows = [_row(stage, plan, place, ranks.get(place)) for place in range(len(stage.members))]
    at = {name: str(value) for name, value in fixed.items()}
    return {"at": at, "picked": stage.choice, "tied": stage.tied, "candidates": rows}


def _row(stage: Stage, plan: Plan, place: int, standing: Standing | None) -> dict[str, Any]:
    index = stage.members[place]
    candidate, made = plan.candidates[index], stage.networks[place]
    counted = cost(made.network)
    row: dict[str, Any] = {
        "candidate": index,
        "values": {name: shown(value) for name, value in candidate.values},
        "input": list(made.network.x.dims),
        "FLOPS": counted.macs,
        "params": counted.params,
        "activations": counted.activations,
        "memory": memory(made.network),
        "growth": counted.macs / cost(plan.loaded.named("baseline")).macs,
    }
    if candidate.nominal is not None:
        row["nominal"] = _number(candidate.nominal)
    row["points"] = candidate.merged
    row["accuracy"] = _figures(stage.runs[place])
    if standing is not None:
        return {**row, "behind": standing.behind, "error": standing.error, "tied": standing.tied}
    return {**row, "failed": stage.failures[place]}


def _figures(runs: Mapping[int, float]) -> dict[str, Any]:
    by_seed = {str(seed): runs[seed] for seed in sorted(runs)}
    if not runs:
        return {"mean": None, "error": None, "by_seed": by_seed}
    mean, error = mean_error(list(by_seed.values()))
    return {"mean": mean, "error": error, "by_seed": by_seed}


def _number(value: Number) -> float:
    return float(value) if isinstance(value, Fraction) else exact.approximate(value)


def failed(stage: Stage, names: Sequence[str]) -> list[str]:
    """Return which candidates have no figure for each seed, and why."""
    found = zip(stage.members, stage.failures, stage.reasons, strict=True)
    return [f"{names[i]}: {state}{f' ({why})' if why else ''}" for i, state, why in found if state]
