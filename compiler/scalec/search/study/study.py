"""A study: the paper's figures 3 and 4 and its two observations, measured on the networks of one spec.

In the JSON (`as_json`), each of the `networks` has its place `at`, `input` [H, W, C], `macs` (the paper's FLOPS),
`growth` over the baseline, and `accuracy` for each seed. Each line of `figure3` and `figure4` names its networks, in
order. `findings` has the results of `observations`.
"""

import statistics
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from scalec.compiler import Loaded
from scalec.program.setting import Setting
from scalec.record import record
from scalec.search.candidates import shown
from scalec.search.engine import Options, Outcome, run
from scalec.search.source import Source
from scalec.search.store import Store
from scalec.search.study.ladder import COMPOUND, SHARES, Ladder, Rung
from scalec.search.study.observations import (
    SINGLE,
    Blocks,
    Estimate,
    Finding,
    Line,
    observation_1,
    observation_2,
    under,
)

SCHEMA = 1
WIDTH = "w"


@record
class Wanted:
    """What is asked: growths of FLOPS to climb to, and what width is scaled under for figure 4."""

    growths: tuple[Fraction, ...] = (Fraction(2), Fraction(4), Fraction(8), Fraction(16))
    depth: Fraction = Fraction(2)
    resolution: Fraction = Fraction(9, 5)


@record
class Plan:
    """The lines of both figures, each from its lowest network up; the same network may be on several."""

    ladder: Ladder
    wanted: Wanted
    scaled: Mapping[str, tuple[Rung, ...]]
    widths: Mapping[str, tuple[Rung, ...]]

    @property
    def rungs(self) -> list[Rung]:
        """Return each network once, by cost."""
        lines = [*self.scaled.values(), *self.widths.values()]
        found = dict.fromkeys(rung for line in lines for rung in line)
        return sorted(found, key=lambda rung: (rung.growth, rung.name))


@record
class Result:
    """What was measured: by network, then by seed."""

    plan: Plan
    source: Source
    split: str
    seeds: tuple[int, ...]
    outcomes: Mapping[Rung, Sequence[Outcome]]

    def accuracies(self, rung: Rung) -> dict[int, float]:
        """Return the figures of a network; a seed whose training came to nothing has none."""
        return {each.seed: each.accuracy for each in self.outcomes[rung] if each.accuracy is not None}


def make_plan(loaded: Loaded, base: Setting, wanted: Wanted, pixels: Sequence[int] | None) -> Plan:
    """Choose the networks. Raises `CompileError`."""
    ladder = Ladder(loaded, base, pixels)
    ways = [*SHARES, *([COMPOUND] if "phi" in loaded.program.file.params else [])]
    scaled: dict[str, tuple[Rung, ...]] = {}
    for way in ways:
        line = tuple(ladder.climb(way, wanted.growths))
        known = any(2 * len(set(line) & set(other)) > len(line) for other in scaled.values())
        if line and not (way == COMPOUND and known):  # the spec's own way is one of the others then
            scaled[way] = (ladder.bottom, *line)
    widths = {}
    for depth in (Fraction(1), wanted.depth):
        for resolution in (Fraction(1), wanted.resolution):
            name = f"d = {shown(depth)}, r = {shown(resolution)}"
            fixed = {key: value for key, value in (("d", depth), ("r", resolution)) if value != 1}
            low = ladder.rung(fixed) if fixed else ladder.bottom
            if low is not None and low.growth <= max(wanted.growths):
                beyond = [g for g in wanted.growths if g > low.growth * Fraction(5, 4)]
                line = tuple(ladder.climb(WIDTH, beyond, fixed)) if beyond else ()
                widths[name] = (low, *(rung for rung in line if rung is not low))
    return Plan(ladder, wanted, scaled, widths)


def measure(plan: Plan, seeds: Sequence[int], source: Source, store: Store, options: Options) -> Result:
    """Train every network with every seed. Raises what `engine.run` does, and `CompileError`."""
    rungs = plan.rungs
    outcomes = run([plan.ladder.point(rung) for rung in rungs], seeds, source, store, options)
    each = [outcomes[start : start + len(seeds)] for start in range(0, len(outcomes), len(seeds))]
    return Result(plan, source, options.split, tuple(seeds), dict(zip(rungs, each, strict=True)))


def findings(result: Result) -> list[Finding]:
    """Return what the data support."""
    plan = result.plan
    runs = {rung.name: result.accuracies(rung) for rung in plan.rungs}
    blocks = Blocks({name: by for name, by in runs.items() if len(by) == len(result.seeds)})
    single = [_line(name, plan.scaled[name]) for name in SINGLE if name in plan.scaled]
    balanced = [_line(name, line) for name, line in plan.scaled.items() if name not in SINGLE]
    base, *others = (_line(name, line) for name, line in plan.widths.items())
    return [
        observation_1(blocks, single),
        observation_2(blocks, single, balanced, float(max(plan.wanted.growths))),
        *under(blocks, base, others),
    ]


def _line(name: str, rungs: Sequence[Rung]) -> Line:
    return Line(name, tuple((float(rung.growth), rung.name) for rung in rungs))


def as_json(result: Result, spec: str) -> dict[str, Any]:
    """Return a study as JSON has it."""
    plan, source = result.plan, result.source
    identity = {name: value for name, value in source.identity.items() if name != "regime"}
    return {
        "schema": SCHEMA,
        "spec": spec,
        "network": plan.ladder.loaded.program.network.name.key,
        "accuracy_from": {"regime": source.regime, "split": result.split, **identity},
        "seeds": list(result.seeds),
        "networks": [_network(result, rung) for rung in plan.rungs],
        "figure3": [{"line": name, "networks": [r.name for r in line]} for name, line in plan.scaled.items()],
        "figure4": [{"line": name, "networks": [r.name for r in line]} for name, line in plan.widths.items()],
        "findings": [_finding(each) for each in findings(result)],
    }


def _network(result: Result, rung: Rung) -> dict[str, Any]:
    x, cost, accuracy = rung.network.x, rung.network.cost, result.accuracies(rung)
    missing = [f"{each.state}, seed {each.seed}" for each in result.outcomes[rung] if each.accuracy is None]
    return {
        "name": rung.name, "at": {name: shown(value) for name, value in rung.at}, "input": list(x.dims),
        "macs": cost.macs, "growth": round(float(rung.growth), 6), "params": cost.params,
        "activations": cost.activations, "accuracy": {str(seed): figure for seed, figure in accuracy.items()},
        "mean": round(statistics.fmean(accuracy.values()), 6) if accuracy else None,
        "deviation": round(statistics.stdev(accuracy.values()), 6) if len(accuracy) > 1 else None,
        **({"missing": missing} if missing else {}),
    }  # fmt: skip


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "claim": finding.claim, "verdict": finding.verdict,
        **({"because": [_estimate(each) for each in finding.because]} if finding.because else {}),
        **({"parts": [_finding(each) for each in finding.parts]} if finding.parts else {}),
    }  # fmt: skip


def _estimate(estimate: Estimate) -> dict[str, Any]:
    known = estimate.error == estimate.error
    return {
        "about": estimate.about, "value": round(estimate.value, 6),
        "error": round(estimate.error, 6) if known else None, "sign": estimate.sign,
    }  # fmt: skip
