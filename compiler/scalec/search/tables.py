"""The printed output of a search: the candidates and the cost of a run, the ranks, and a final sentence."""

from collections.abc import Sequence
from fractions import Fraction

from scalec.cost.count import cost
from scalec.diagnostics.diagnostic import plural
from scalec.language import exact
from scalec.language.unparse import spell_name
from scalec.program.quantities import QUANTITIES
from scalec.program.search_statement import LEAST_SEEDS
from scalec.search.candidates import Candidate, Candidates
from scalec.search.result import failed
from scalec.search.selection import Found, Plan, Stage
from scalec.search.statistics import Runs, mean_error
from scalec.solve.phi import amount
from scalec.table import table


def candidate_table(candidates: Candidates) -> list[str]:
    """List the candidates with what they cost."""
    names = [spell_name(name) for name, _ in candidates.chosen[0].values] if candidates.chosen else []
    nominal = any(each.nominal is not None for each in candidates.chosen)
    head = [*names, "input", *(["nominal"] if nominal else []), "growth", "FLOPS", "params", "activations", "memory"]
    rows = [tuple([*head, "points"])]
    rows += [_candidate(each, nominal) for each in candidates.chosen]
    lines = table(rows, ">" * len(rows[0]))
    lines += ["", f"{plural(len(candidates.chosen), 'network')} of {candidates.points:,} scales"]
    lines += [f"  {count:,} left out: {reason}" for reason, count in candidates.dropped.items()]
    if not candidates.monotone:
        lines.append("  costs fall somewhere: every network of the box was counted")
    return lines


def _candidate(each: Candidate, nominal: bool) -> tuple[str, ...]:
    values = [exact.show(value, 4) for _, value in each.values]
    promised = [exact.show(each.nominal, 4) if each.nominal is not None else ""] if nominal else []
    figures = [f"{amount(each.network, key):,}" for key in QUANTITIES]
    return (*values, str(each.network.x), *promised, exact.show(each.growth, 4), *figures, f"{each.merged:,}")


def cost_lines(plan: Plan) -> list[str]:
    """Return what a run would cost: trainings, and multiply-adds of their forward passes."""
    seeds, count = plan.seeds, len(plan.candidates)
    lines = [f"{plural(count * seeds, 'training')}: {plural(count, 'network')}, {seeds} seeds each"]
    if seeds > LEAST_SEEDS:
        lines[0] += f", but {LEAST_SEEDS} for those that fall behind beyond doubt"
    if plan.validate is not None:
        finals = min(plan.finalists, count)
        lines.append(f"{plural(finals * seeds, 'training')} at φ = {exact.show(plan.validate)}, to validate the choice")
    lines.append(f"{plural(seeds, 'training')} for the figure on the test set")
    images, epochs = plan.source.identity.get("images"), plan.source.identity.get("epochs")
    once = sum(each.network.cost.macs for each in plan.candidates) * seeds
    if isinstance(images, int) and isinstance(epochs, int):
        total = once * images * epochs
        said = f"{epochs} epochs of {images:,} images: {_grouped(total)} multiply-adds forward to rank all of them"
        lines.append(f"{said}, and about twice that backward")
    else:
        lines.append(f"{_grouped(once)} multiply-adds for each image to rank all of them, times images and epochs")
    return lines


def _grouped(value: float) -> str:
    for unit, size in (("E", 1e18), ("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:,}"


def found_lines(found: Found, plan: Plan) -> list[str]:
    """Return what was found."""
    names = [each.name for each in plan.candidates]
    lines = _stage_table(found.first, plan, found.first.choice)
    lines += [f"no rank: {each}" for each in failed(found.first, names)]
    if found.second is not None:
        assert plan.validate is not None
        lines += ["", f"at φ = {exact.show(plan.validate)}, to validate: the choice is {found.verdict}"]
        lines += _stage_table(found.second, plan, found.winner)
        lines += [f"no rank: {each}" for each in failed(found.second, names)]
    return lines


def _stage_table(stage: Stage, plan: Plan, taken: int | None) -> list[str]:
    unknowns = [spell_name(name) for name, _ in plan.candidates[0].values]
    rows = [("", *unknowns, "input", "growth", "activations", "accuracy, %", "of one run", "behind", "seeds")]
    baseline = cost(plan.loaded.named("baseline")).macs
    for each in stage.ranked:
        index, made = stage.members[each.index], stage.networks[each.index]
        counted = cost(made.network)
        mark = "→" if index == taken else "=" if each.tied else ""
        spread = f"± {100 * each.deviation:.2f}" if each.deviation is not None else ""
        behind = f"{100 * each.behind:.2f} ± {100 * each.error:.2f}" if each.behind or each.error else "best"
        values = [exact.show(value, 4) for _, value in plan.candidates[index].values]
        growth = exact.show(Fraction(counted.macs, baseline), 4)
        figures = (growth, f"{counted.activations:,}", f"{100 * each.mean:.2f}", spread, behind, str(len(each.runs)))
        rows.append((mark, *values, str(made.network.x), *figures))
    return table(rows, ">" * len(rows[0]))


def sentence(found: Found, plan: Plan, mode: str) -> str:
    """Return in words what may be concluded, and from which figures."""
    assert found.winner is not None
    name, tied = plan.candidates[found.winner].name, found.first.tied
    ranks = len(found.first.ranked)
    among = f"of {plural(ranks, 'network')} {_like(mode)}"
    clear = "ahead of all others" if tied == 1 else f"one of {tied} that {plural(plan.seeds, 'seed')} cannot tell apart"
    chosen = "" if tied == 1 else ", and the one with the fewest activations"
    if found.verdict == "overturned":
        assert plan.validate is not None and found.first.choice is not None
        other, at = plan.candidates[found.first.choice].name, exact.show(plan.validate)
        said = f"{name}: the choice at φ = {at}, where {other}, taken at the φ of the search, did not hold"
    else:
        said = f"{name}: {among}, {clear}{chosen}" if ranks > 1 else f"{name}: the only candidate that is ranked"
    held = {"confirmed": f", confirmed at φ = {exact.show(plan.validate or Fraction(0))}"}.get(found.verdict, "")
    figure = f" On the test set it has {_percent(found.test)} %." if found.test else ""
    bound = f"This ranking is of {plan.source.regime}; other data or another schedule may rank otherwise."
    return f"{said}{held}.{figure} {bound}"


def _like(mode: str) -> str:
    return {
        "realised": "whose realised costs are alike",
        "nominal": "whose nominal costs are alike",
        "maximal": "that fill the budget and cannot grow",
    }[mode]


def _percent(runs: Runs) -> str:
    mean, error = mean_error(list(runs.values()))
    return f"{100 * mean:.2f} ± {100 * error:.2f}" if len(runs) > 1 else f"{100 * mean:.2f}"


def provenance(found: Found, plan: Plan, spec: str) -> str:
    """Return the comment of a spec that says where its constants are from."""
    validated = {"confirmed": "confirmed", "overturned": "overruled"}.get(found.verdict)
    held = f", {validated} at φ = {exact.show(plan.validate or Fraction(0))}" if validated else ""
    ranks: Sequence[object] = found.first.ranked
    return f"among {plural(len(ranks), 'network')} with {plural(plan.seeds, 'seed')}{held}; see {spec}"
