"""The output of `scalec solve`: the answer as text for people, as JSON for machines, or as an emitted file.

The text gives every number exactly. In the JSON, `budgets` has value, limit and slack of each quantity. A network has
its `input` [H, W, C], its `stages` with `layers` and `output`, and `FLOPS`, `params`, `activations` and `memory`
(peak bytes of inference, batch 1, float32). A point of an axis is `value`; the network is the same from `low` up to,
but not including, `high`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from scalec.commands.options import request_of
from scalec.compiler import Loaded
from scalec.cost.growth import product
from scalec.diagnostics.diagnostic import CompileError, plural
from scalec.diagnostics.exit_codes import NO_ACCESS, WRONG_USAGE, fail
from scalec.diagnostics.text import printable
from scalec.emit.emit import emit
from scalec.language import exact
from scalec.language import syntax as s
from scalec.language.exact import Number
from scalec.language.unparse import spell_name
from scalec.limits import MAX_PHI
from scalec.network.python_names import snake_case
from scalec.program.quantities import QUANTITIES
from scalec.program.request import Request
from scalec.program.setting import Setting, command_error, constant, make_setting, usage_error
from scalec.solve.axis import STEPS
from scalec.solve.cost_table import NetworkTally, Tally
from scalec.solve.pareto import Entangled, FreeSearch, Maximal, Surface
from scalec.solve.phi import Budgets, Found, Interval, Nothing, PhiSearch, amount, binding, spent
from scalec.solve.true_scaling import Kept, Moved, keep_promise, nominal
from scalec.table import table


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Solve what the command line asks for, print the answer, and with `--emit` write it. Raises `CompileError`."""
    loaded.named("baseline")
    budgets = _budgets(arguments)
    if bool(budgets) == bool(arguments.true_to):
        return fail("solve needs a budget, such as --flops 1.5G, or --true-to φ=1", WRONG_USAGE)
    tally = Tally(loaded.program)
    if arguments.true_to:
        return _true_to(arguments, loaded, tally)
    if arguments.free:
        return _free(arguments, loaded, tally, budgets)
    return _phi(arguments, loaded, tally, budgets)


def _budgets(arguments: argparse.Namespace) -> dict[str, Fraction]:
    """Read the limits by the grammar of specs, units included."""
    given = {each: getattr(arguments, each.option) for each in QUANTITIES.values()}
    return {each.name: _positive(f"--{each.option} ", text) for each, text in given.items() if text is not None}


def _positive(head: str, text: str) -> Fraction:
    value = constant(head, text)
    if not isinstance(value, Fraction) or value <= 0:
        raise usage_error("E203", "expected a number above 0", head, text, help="write `1.5G`, `9M` or `8GiB`")
    return value


# φ


def _phi(arguments: argparse.Namespace, loaded: Loaded, tally: Tally, budgets: Budgets) -> int:
    if "phi" not in loaded.program.file.params:
        raise command_error(
            "E501", "the spec has no `param φ`", "solve ", arguments.spec, help="name with --free d,w,r"
        )
    request = replace(request_of(arguments), phi=None)
    base = make_setting(loaded.program, request)
    answer = PhiSearch(tally, budgets, base).run()
    if isinstance(answer, Nothing):
        raise _nothing_fits(arguments, answer.smallest, budgets, f"φ = {_show(Fraction(answer.at, STEPS))}")
    phi = _show(answer.interval.shortest())
    said = _json_phi(answer, budgets) if arguments.format == "json" else _text_phi(loaded, answer, budgets)
    print(said)
    return _emit(arguments, loaded, Request(phi, request.variant, request.changes), None) if arguments.emit else 0


def _text_phi(loaded: Loaded, answer: Found, budgets: Budgets) -> str:
    bound = binding(answer.network, answer.above, budgets)
    lines = [f"φ = {_show(answer.interval.shortest())}: the same network {_from_to('φ', answer.interval)}"]
    lines += ["", *_network_lines(loaded, answer.network), "", *_budget_lines(answer.network, budgets, bound)]
    lines += [f"the next network up, {_from_to('φ', answer.above_at)}:"] if answer.above_at else []
    if answer.above_at and answer.above is None:
        lines[-1] += " cannot be built"
    lines += _budget_lines(answer.above, budgets, None) if answer.above else []
    return "\n".join([*lines, *_doubts(answer.monotone, answer.proven), *_unseen(answer)])


def _unseen(answer: Found) -> list[str]:
    """Return what to say of the networks that were not tried."""
    if answer.looked_to is None:
        return []
    return [f"networks beyond φ = {_show(answer.looked_to)} were not tried: costs are not proved to grow in this spec"]


def _json_phi(answer: Found, budgets: Budgets) -> str:
    above = {**_network(answer.above, budgets), "phi": _place(answer.above_at)} if answer.above else None
    bound = binding(answer.network, answer.above, budgets)
    said = {**_network(answer.network, budgets), "phi": _place(answer.interval), "binding": bound, "above": above}
    return json.dumps(
        {
            **said,
            "monotone": answer.monotone,
            "proven": answer.proven,
            "looked_to": None if answer.looked_to is None else float(answer.looked_to),
        },
        indent=2,
    )


# d, w and r


def _free(arguments: argparse.Namespace, loaded: Loaded, tally: Tally, budgets: Budgets) -> int:
    names = [s.ascii_name(name.strip()) for name in arguments.free.split(",")]
    for name in names:
        if names.count(name) > 1:
            raise usage_error("E104", f"`{name}` is named twice", "--free ", arguments.free)
        if name not in loaded.program.file.constants():
            raise command_error("E501", f"there is no let `{name}` that can be free", "--free ", arguments.free)
    request = request_of(arguments)
    base = make_setting(loaded.program, request)
    low = _positive("--from ", arguments.low)
    try:
        surface = FreeSearch(tally, budgets, names, base, low).run()
    except Entangled as error:
        raise command_error("E501", str(error), "--free ", arguments.free) from None
    if not surface.models:
        where = ", ".join(f"{name} = {_show(low)}" for name in names)
        raise _nothing_fits(arguments, surface.smallest, budgets, where)
    print(_json_free(surface, budgets) if arguments.format == "json" else _text_free(surface, names, budgets))
    if not arguments.emit:
        return 0
    best = max(surface.models, key=lambda model: (model.network.cost.macs, -model.network.memory))
    settled = {name: _show(interval.shortest()) for name, interval in best.at.items()}
    suffix = "_".join(f"{name}{value}" for name, value in settled.items())
    return _emit(arguments, loaded, replace(request, changes=(*request.changes, *settled.items())), suffix)


def _text_free(surface: Surface, names: Sequence[str], budgets: Budgets) -> str:
    best = sum(model.pareto for model in surface.models)
    fit, are = plural(len(surface.models), "network"), "is" if best == 1 else "are"
    verb = "fits" if len(surface.models) == 1 else "fit"
    head = f"{fit} {verb} and cannot grow in {', '.join(names)}; {best} of them (*) {are} the best"
    rows = [("", *names, "input", "FLOPS", "params", "activations", "memory", "used")]
    rows += [_row(model, names, budgets) for model in surface.models]
    tried = f"{surface.tried:,} of {surface.box:,} networks were counted"
    tail = ["", f"{tried}; every d, w or r is the shortest of those that give the same network"]
    lead = [f"{head} in FLOPS, memory and params", ""]
    return "\n".join([*lead, *_table(rows), *tail, *_doubts(surface.monotone, surface.proven)])


def _row(model: Maximal, names: Sequence[str], budgets: Budgets) -> tuple[str, ...]:
    used = max(each.share for each in spent(model.network, budgets))
    where = (_show(model.at[name].shortest()) for name in names)
    figures = (f"{amount(model.network, key):,}" for key in QUANTITIES)
    return ("*" if model.pareto else "", *where, str(model.network.x), *figures, f"{float(100 * used):.1f} %")


def _json_free(surface: Surface, budgets: Budgets) -> str:
    models = [
        {**_network(model.network, budgets), "at": {n: _place(i) for n, i in model.at.items()}, "pareto": model.pareto}
        for model in surface.models
    ]
    more = {"tried": surface.tried, "box": surface.box, "monotone": surface.monotone, "proven": surface.proven}
    return json.dumps({"models": models, **more}, indent=2)


# Scaling that keeps the promise


def _true_to(arguments: argparse.Namespace, loaded: Loaded, tally: Tally) -> int:
    phi = arguments.true_to.split("=", 1)[-1]
    request = replace(request_of(arguments), phi=phi)
    kept = _kept(loaded, tally, request, arguments.target, arguments.within)
    print(_json_true(kept) if arguments.format == "json" else _text_true(loaded, kept, phi))
    suffix = f"phi{phi.strip()}_true"
    return _emit(arguments, loaded, _settled(request, kept), suffix) if arguments.emit else 0


def as_promised(loaded: Loaded, request: Request) -> Request:
    """Return a request with what to set so that it keeps its promise (`compile --true`). Raise `CompileError`."""
    return _settled(request, _kept(loaded, Tally(loaded.program), request))


def _kept(loaded: Loaded, tally: Tally, request: Request, target: str | None = None, within: str | None = None) -> Kept:
    base, phi = make_setting(loaded.program, request), request.phi or ""
    growth_wanted, tolerance = _target(target, base), _positive("--within ", within or "1%")
    try:
        kept = keep_promise(tally, base, growth_wanted, tolerance)
    except Entangled as error:
        raise command_error("E501", str(error), "--true-to ", phi) from None
    if kept is None:
        grown = exact.show(product(**nominal(tally, base)) if growth_wanted is None else growth_wanted, 4)
        message = f"no network near grows in FLOPS by {grown} within {_show(100 * tolerance)} %"
        if within is not None:
            raise command_error("E401", message, "--within ", within, help="allow more")
        raise command_error("E401", message, "--phi ", phi, help="`scalec solve --true-to φ=X --within 2%` allows more")
    return kept


def _target(text: str | None, base: Setting) -> Number | None:
    if text is None or text == "nominal":
        return None
    if s.ascii_name(text.replace(" ", "").replace("2^", "")) == "phi" and "^" in text:
        phi = base.names.get("phi", Fraction(0))
        return exact.power(Fraction(2), phi) if isinstance(phi, Fraction) else None
    return _positive("--target ", text)


def _settled(request: Request, kept: Kept) -> Request:
    return replace(request, changes=(*request.changes, *((moved.name, _here(moved)) for moved in kept.moved)))


def _here(moved: Moved) -> str:
    """Return the value that is taken: the one at φ if that did not move, else the shortest of the same network."""
    shown = exact.show(moved.nominal, 12)
    same = moved.factor == 1 and isinstance(moved.nominal, Fraction) and Fraction(shown) == moved.nominal
    return shown if same else _show(moved.interval.shortest())


def _text_true(loaded: Loaded, kept: Kept, phi: str) -> str:
    baseline = kept.baseline
    before = f"{kept.nominal.cost.macs / baseline:.4f}" if kept.nominal else "cannot be built"
    lines = [
        f"φ = {phi.strip()}: FLOPS are to grow by {exact.show(kept.target, 4)}; by the scale rules: {before}, "
        f"here: {kept.network.cost.macs / baseline:.4f}",
        "",
    ]
    rows = [("", "at φ", "here", "the same network", "moved by")]
    for each in kept.moved:
        where = f"{_show(Fraction(each.interval.low, STEPS))} to below {_show(Fraction(each.interval.high, STEPS))}"
        moved = "not at all" if each.factor == 1 else f"{100 * (each.factor - 1):+.2f} %"
        rows.append((each.name, exact.show(each.nominal, 4), _here(each), where, moved))
    tail = [
        f"distance in logarithms {float(kept.distance):.4f}, the least there is; {kept.tried:,} networks were tried"
    ]
    return "\n".join([*lines, *_table(rows), "", *_network_lines(loaded, kept.network), "", *tail])


def _json_true(kept: Kept) -> str:
    moved = {
        each.name: {"nominal": exact.approximate(each.nominal), **_place(each.interval), "factor": each.factor}
        for each in kept.moved
    }
    realised = kept.network.cost.macs / kept.baseline
    before = kept.nominal.cost.macs / kept.baseline if kept.nominal else None
    ratio = {"target": exact.approximate(kept.target), "realised": realised, "by_the_rules": before}
    more = {"distance": float(kept.distance), "tried": kept.tried}
    return json.dumps({**_network(kept.network, {}), "moved": moved, "ratio": ratio, **more}, indent=2)


# What they share


def _emit(arguments: argparse.Namespace, loaded: Loaded, request: Request, name: str | None) -> int:
    """Compile the answer and write it, as `scalec compile` does."""
    from scalec.emit.file_name import default_name
    from scalec.project.write import write

    compiled = loaded.compile(request)
    own = f"{snake_case(compiled.network.name)}_{name}".replace(".", "_") if name else None
    path = Path(arguments.output or ".")
    path = path / (f"{own}.py" if own else default_name(compiled.network)) if path.is_dir() else path
    if problem := write(path, emit(compiled), arguments.force, arguments.follow_symlinks):
        return fail(problem, NO_ACCESS)
    print(f"{printable(str(path))}: written", file=sys.stderr)
    return 0


def _nothing_fits(
    arguments: argparse.Namespace, smallest: NetworkTally | None, budgets: Budgets, where: str
) -> CompileError:
    """Return which budget the smallest network breaks, and by how much."""
    if smallest is None:
        raise command_error("E401", "there is no network to begin with", "solve ", arguments.spec, where)
    found = []
    for each in spent(smallest, budgets):
        if each.slack < 0:
            option = QUANTITIES[each.quantity].option
            more = f"{each.value:,} at {where}, {_show(-each.slack)} ({float(100 * each.share):.1f} % of it) too much"
            error = command_error("E401", "no network fits", f"--{option} ", getattr(arguments, option), more)
            found += [*error.diagnostics]
    return CompileError(found)


def _show(value: Fraction) -> str:
    """Write a decimal with all its digits, up to four, and thousands apart from 10,000 on."""
    text = exact.show(value, 4)
    return f"{int(text):,}" if text.lstrip("-").isdigit() and abs(int(text)) >= STEPS else text


def _from_to(name: str, interval: Interval | None) -> str:
    if interval is None:
        return ""
    low, high = (_show(Fraction(point, STEPS)) for point in (interval.low, interval.high))
    return f"for {low} ≤ {name} ≤ {MAX_PHI}" if interval.high > MAX_PHI * STEPS else f"for {low} ≤ {name} < {high}"


def _network_lines(loaded: Loaded, network: NetworkTally) -> list[str]:
    rows = [("stage", "layers", "output")]
    rows += [(name, str(stage.layers), str(stage.y)) for name, stage in _named(loaded, network)]
    return [f"input {network.x}", *_table(rows)]


def _named(loaded: Loaded, network: NetworkTally) -> list[tuple[str, Any]]:
    units = loaded.program.network.chain.units
    labels = [unit.label.key if unit.label else f"stage{index + 1}" for index, unit in enumerate(units)]
    return [(spell_name(labels[stage.index]), stage) for stage in network.stages]


def _budget_lines(network: NetworkTally, budgets: Budgets, bound: str | None) -> list[str]:
    rows = [("", "needs", "limit", "used", "left")]
    for each in spent(network, budgets):
        name = f"{each.quantity}{' (binding)' if each.quantity == bound else ''}"
        rows.append((name, f"{each.value:,}", _show(each.limit), f"{float(100 * each.share):.1f} %", _show(each.slack)))
    return _table(rows)


def _doubts(monotone: bool, proven: bool) -> list[str]:
    said = [] if monotone else ["costs fall somewhere on the way up: every network in reach was counted"]
    return said + ([] if proven else ["not every rule is known to be monotone: the axis was sampled every 0.01"])


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lay out rows: the first column to the left."""
    return table(rows, "<" + ">" * (len(rows[0]) - 1))


def _network(network: NetworkTally, budgets: Budgets) -> dict[str, Any]:
    stages = [{"index": each.index, "layers": each.layers, "output": list(each.y.dims)} for each in network.stages]
    used = {
        each.quantity: {"value": each.value, "limit": float(each.limit), "slack": float(each.slack)}
        for each in spent(network, budgets)
    }
    costs = {key: amount(network, key) for key in QUANTITIES}
    return {"input": list(network.x.dims), "stages": stages, **costs, "budgets": used}


def _place(interval: Interval | None) -> dict[str, Any]:
    if interval is None:
        return {}
    low, high = interval.low / STEPS, interval.high / STEPS
    return {"value": float(interval.shortest()), "low": low, "high": high}
