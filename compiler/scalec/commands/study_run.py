"""The run of `scalec study`: it prints a plan, trains the networks, and writes the result files."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from scalec.commands.options import load
from scalec.commands.search_run import options_of, stop_on_terminate, store_of, why_refused
from scalec.compiler import Loaded
from scalec.diagnostics.diagnostic import plural
from scalec.diagnostics.exit_codes import DONE, NO_ACCESS, WRONG_INPUT, fail
from scalec.diagnostics.text import printable
from scalec.files import replace_file
from scalec.program.request import Request
from scalec.program.setting import command_error, make_setting, usage_error
from scalec.search.source import Source, SourceError, find_source
from scalec.search.store import Busy, StoreError
from scalec.search.study import chart
from scalec.search.study.ladder import POWER
from scalec.search.study.report import report
from scalec.search.study.study import Plan, Result, Wanted, as_json, make_plan, measure
from scalec.table import table

SEEDS, QUICK_SEEDS = 4, 2
GROWTHS = (Fraction(2), Fraction(4), Fraction(8), Fraction(16))
QUICK_GROWTHS = (Fraction(2), Fraction(4))
QUICK_BUDGET = {"epochs": 4, "images": 1000}
"""As many steps as batch normalisation needs to settle."""
_TITLES = {
    "figure3": "{}: one dimension scaled, or several",
    "figure4": "{}: width scaled, under other depths and resolutions",
}


def main(arguments: argparse.Namespace) -> int:
    """Study, or say what there is to study. Raises `CompileError`, and `KeyboardInterrupt` when stopped."""
    loaded = load(arguments.spec, arguments)
    loaded.named("baseline")
    _check_lets(loaded, arguments)
    try:
        source = find_source(arguments.accuracy, arguments.data, _budget(arguments), arguments.launcher == "local")
    except SourceError as error:
        return fail(str(error), NO_ACCESS)
    growths = arguments.growth or (QUICK_GROWTHS if arguments.quick else GROWTHS)
    base = make_setting(loaded.program, Request(changes=tuple(arguments.changes)))
    plan = make_plan(loaded, base, Wanted(growths, arguments.depth, arguments.resolution), _pixels(source))
    seeds = range(arguments.seeds or (QUICK_SEEDS if arguments.quick else SEEDS))
    if arguments.dry_run:
        print("\n".join(_planned(plan, len(seeds), source)))
        refused = why_refused(store_of(arguments), options_of(arguments))
        return DONE if not refused else fail(refused, NO_ACCESS)
    stop_on_terminate()
    options = replace(options_of(arguments), split=arguments.split)
    try:
        return _written(measure(plan, seeds, source, store_of(arguments), options), arguments)
    except (Busy, StoreError) as error:
        return fail(str(error), NO_ACCESS)


def _budget(arguments: argparse.Namespace) -> dict[str, float]:
    return {**(QUICK_BUDGET if arguments.quick else {}), **(arguments.budget or {})}


def _check_lets(loaded: Loaded, arguments: argparse.Namespace) -> None:
    """Make sure that the spec has d, w and r, and that they are free. Raises `CompileError`."""
    settable = loaded.program.file.constants()
    missing = [name for name in POWER if name not in settable]
    if missing:
        help = "write `let d = …, w = …, r = …`, and scale rules that use them"
        raise command_error("E501", f"the spec has no let `{missing[0]}`", "study ", arguments.spec, help=help)
    for name, text in arguments.changes:
        if name in POWER:
            raise usage_error("E104", f"`{name}` is what a study scales", "--set ", f"{name}={text}")


def _pixels(source: Source) -> Sequence[int] | None:
    """Return the size of the data's images, if the source says it: a larger input shows nothing more."""
    found = source.identity.get("pixels")
    return found if isinstance(found, list) and all(isinstance(side, int) for side in found) else None


def _planned(plan: Plan, seeds: int, source: Source) -> list[str]:
    """List the networks, and say what a run would cost."""
    rows = [("", "network", "input", "FLOPS", "growth", "params")]
    for lines in (plan.scaled, plan.widths):
        for name, line in lines.items():
            for place, rung in enumerate(line):
                x, cost = rung.network.x, rung.network.cost
                rows.append((
                    "" if place else name, "d = w = r = 1" if rung is plan.ladder.bottom else rung.name,
                    f"{x.height}×{x.width}", f"{cost.macs:,}", f"{float(rung.growth):.2f}x", f"{cost.params:,}",
                ))  # fmt: skip
    count = len(plan.rungs)
    images, epochs = source.identity.get("images"), source.identity.get("epochs")
    once = seeds * sum(rung.network.cost.macs for rung in plan.rungs)
    said = f"{plural(count * seeds, 'training')}: {plural(count, 'network')}, {seeds} seeds each"
    if isinstance(images, int) and isinstance(epochs, int):
        said += f"; {once * images * epochs:,} multiply-adds forward, and about twice that backward"
    return [*table(rows, "<<>>>>"), "", said]


def _written(result: Result, arguments: argparse.Namespace) -> int:
    """Write the files, and print what was found. Raises `OSError`."""
    missing = [rung.name for rung in result.plan.rungs if not result.accuracies(rung)]
    if len(missing) == len(result.plan.rungs):
        what = next(iter(result.outcomes.values()))[0]
        return fail(f"nothing could be trained: {what.state}: {what.report.get('message', '')}", WRONG_INPUT)
    study = as_json(result, Path(arguments.spec).name)
    folder, stem = Path(arguments.output), Path(arguments.spec).stem
    folder.mkdir(parents=True, exist_ok=True)
    text, told = json.dumps(study, indent=1, ensure_ascii=False) + "\n", report(study)
    files = {f"{stem}.study.json": text.encode(), f"{stem}.study.txt": told.encode()}
    for figure, title in _TITLES.items():
        for kind in ("svg", "png") if arguments.png else ("svg",):
            files[f"{stem}.{figure}.{kind}"] = chart.draw(study, figure, title.format(study["network"]), kind)
    for name, data in files.items():
        replace_file(folder / name, data)
    print(text if arguments.format == "json" else told, end="")
    written = ", ".join(sorted(files))
    print(f"{printable(str(folder))}: {written}: written", file=sys.stderr)
    return DONE
