"""Selects the winner among the candidates: rank at one φ, validate at another, and use the test set once, at the end.

Seeds are used in rounds: three at first, then one more in each round. A candidate that is clearly worse gets no more
seeds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from fractions import Fraction

from scalec.compiler import Loaded
from scalec.cost.compiled import Compiled
from scalec.cost.count import cost
from scalec.language.exact import show
from scalec.program.evaluate import Value
from scalec.program.search_statement import LEAST_SEEDS
from scalec.record import record
from scalec.search.candidates import Candidate, compiled, point_of
from scalec.search.engine import Options, Outcome, Point, run
from scalec.search.source import Source
from scalec.search.statistics import Runs, Standing, pick, standings, worse
from scalec.search.store import Store


@record
class Plan:
    """What to measure, and how."""

    loaded: Loaded
    candidates: Sequence[Candidate]
    fixed: Mapping[str, Value]
    seeds: int
    source: Source
    store: Store
    options: Options
    validate: Fraction | None = None
    finalists: int = 4
    """How many are compared at φ = `validate`: the choice, then those that are tied, then the next best."""


@record
class Stage:
    """One comparison: networks, their figures by seed, and their ranks. Indices are those of the plan's candidates."""

    members: tuple[int, ...]
    networks: tuple[Compiled, ...]
    runs: tuple[Runs, ...]
    failures: tuple[str, ...]
    """Why a member has no rank: what its runs came to that have no figure; empty if all have one."""
    reasons: tuple[str, ...]
    """What the first such run said."""
    ranked: tuple[Standing, ...]
    """`Standing.index` is a place in `members`."""
    picked: int | None
    """The place in `members` of the one taken."""

    @property
    def choice(self) -> int | None:
        """The index of the candidate taken."""
        return None if self.picked is None else self.members[self.picked]

    @property
    def tied(self) -> int:
        """How many are tied with the best, itself among them."""
        return sum(each.tied for each in self.ranked)


@record
class Found:
    """What came of a search. There is a winner unless no candidate could be trained with every seed."""

    first: Stage
    second: Stage | None
    winner: int | None
    verdict: str
    """Whether validation has `confirmed` or `overturned` the choice; or `not validated`."""
    test: Mapping[int, float] = field(default_factory=dict)
    """The winner's accuracy on the test set, by seed, at the φ of the search."""


def hunt(plan: Plan) -> Found:
    """Run a whole search. Raises what `engine.run` does, and `CompileError` where a finalist breaks a requirement."""
    indices = range(len(plan.candidates))
    first = _compare(plan, indices, plan.fixed)
    if first.choice is None:
        return Found(first, None, None, "not validated")
    winner, second, verdict = first.choice, None, "not validated"
    if plan.validate is not None and plan.validate != plan.fixed.get("phi") and plan.finalists > 0:
        at = {**plan.fixed, "phi": plan.validate}
        second = _compare(plan, _finalists(first, plan.finalists), at, f" at φ = {show(plan.validate)}")
        winner, verdict = _judged(first, second)
    options = replace(plan.options, split="test")
    place = first.members.index(winner)
    point = point_of(first.networks[place], plan.candidates[winner].name)
    outcomes = run([point], sorted(first.runs[place]), plan.source, plan.store, options)
    return Found(first, second, winner, verdict, {o.seed: o.accuracy for o in outcomes if o.accuracy is not None})


def _finalists(first: Stage, wanted: int) -> list[int]:
    """Take the choice, those that are tied with the best, and the next best, until there are enough."""
    ranked = sorted(first.ranked, key=lambda each: (each.index != first.picked, not each.tied))
    return [first.members[each.index] for each in ranked[:wanted]]


def _judged(first: Stage, second: Stage) -> tuple[int, str]:
    """Keep the choice if it is tied with the best at the φ of validation as well; else take the choice there."""
    assert first.choice is not None
    if second.choice is None:
        return first.choice, "not validated"
    if len(second.ranked) < 2:
        return first.choice, "not validated"
    tied = {second.members[each.index] for each in second.ranked if each.tied}
    return (first.choice, "confirmed") if first.choice in tied else (second.choice, "overturned")


def _compare(plan: Plan, members: Sequence[int], fixed: Mapping[str, Value], where: str = "") -> Stage:
    """Measure some candidates with all seeds, and rank them; `where` says in messages at which φ."""
    networks = [compiled(plan.loaded, plan.candidates[index], fixed) for index in members]
    points = [point_of(made, plan.candidates[i].name + where) for made, i in zip(networks, members, strict=True)]
    outcomes = _rounds(points, plan.seeds, lambda some, seeds: run(some, seeds, plan.source, plan.store, plan.options))
    runs = [{o.seed: o.accuracy for o in each if o.accuracy is not None} for each in outcomes]
    bad = [[o for o in each if o.state != "complete"] for each in outcomes]
    failures = [", ".join(sorted({o.state for o in each})) for each in bad]
    reasons = [str(each[0].report.get("message", "")) if each else "" for each in bad]
    ranked = standings([{} if failed else each for each, failed in zip(runs, failures, strict=True)])
    picked = pick(ranked, [_burden(made) for made in networks]).index if ranked else None
    return Stage(tuple(members), tuple(networks), tuple(runs), tuple(failures), tuple(reasons), tuple(ranked), picked)


def _burden(made: Compiled) -> tuple[int, ...]:
    counted = cost(made.network)
    return counted.activations, counted.macs, counted.params


def _rounds(
    points: Sequence[Point], seeds: int, measure: Callable[[Sequence[Point], Sequence[int]], list[Outcome]]
) -> list[list[Outcome]]:
    """Measure with three seeds, then with one more at a time, leaving out who is beyond doubt not the best."""
    found: list[list[Outcome]] = [[] for _ in points]
    left = list(range(len(points)))
    given = 0
    while given < seeds and left:
        batch = range(given, seeds if seeds <= LEAST_SEEDS else max(LEAST_SEEDS, given + 1))
        outcomes = measure([points[index] for index in left], list(batch))
        for place, index in enumerate(left):
            found[index] += outcomes[place * len(batch) : (place + 1) * len(batch)]
        given = batch[-1] + 1
        left = _still_in(found, left)
    return found


def _still_in(found: Sequence[Sequence[Outcome]], left: Sequence[int]) -> list[int]:
    """Return those that may still be the best: every run came to something, and they are not clearly behind."""
    runs = {i: {o.seed: o.accuracy for o in found[i] if o.accuracy is not None} for i in left}
    whole = [i for i in left if len(runs[i]) == len(found[i])]
    if not whole:
        return []
    best = max(whole, key=lambda i: (sum(runs[i].values()) / len(runs[i]), -i))
    return [i for i in whole if not worse(runs[i], runs[best])]
