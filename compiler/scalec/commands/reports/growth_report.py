"""The output of `scalec cost --phi 0..7`: how cost grows with φ, why the growth is not 2^φ, and a plot."""

import json
from dataclasses import asdict
from pathlib import Path

from scalec.commands.reports.growth_steps import Drift, drift
from scalec.compiler import Loaded
from scalec.diagnostics.exit_codes import WRONG_USAGE, fail
from scalec.program.request import Request
from scalec.program.setting import make_setting, scales
from scalec.table import table

STEPS = ("operators", "depth", "width", "resolution")


def run(loaded: Loaded, request: Request, picture: str | None, form: str) -> int:
    """Print the table of several φ, and draw the picture. Raises `CompileError`."""
    rows = [
        (phi, drift(loaded, make_setting(loaded.program, Request(phi, changes=request.changes))))
        for phi in scales(request.phi or "")
    ]
    if picture:
        from scalec.commands.reports.growth_plot import plot

        problem = plot(loaded.program.network.name.key, [row for _, row in rows], Path(picture))
        if problem:
            return fail(problem, WRONG_USAGE)
    if form == "json":
        print(json.dumps([_json(row) for _, row in rows], indent=2))
    else:
        print("\n".join(lines(rows)))
    return 0


def _json(row: Drift) -> dict[str, float | None]:
    return asdict(row) | {"power_of_two": row.power_of_two, "effective_phi": row.effective_phi}


def lines(rows: list[tuple[str, Drift]]) -> list[str]:
    """Lay out the table, and say what its columns are."""
    head = ["φ", "d·w²·r²", "2^φ", "realised", "effective φ", *STEPS]
    cells = [head]
    for phi, row in rows:
        figures = [_figure(value) for value in (row.nominal, row.power_of_two, row.realised)]
        steps = [percent(getattr(row, name)) for name in STEPS]
        cells.append([phi, *figures, f"{row.effective_phi:.3f}", *steps])
    return [
        *table(cells, ">" * len(head)), "",
        "realised: multiply-adds over the baseline's; effective φ: log2 of that.",
        "d·w²·r² becomes realised by these steps: operators that do not grow so (depthwise, squeeze, stem, head),",
        "then repeats, channels and map sizes rounded to whole numbers, one after the other.",
    ]  # fmt: skip


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def percent(ratio: float | None) -> str:
    """Write a ratio as what it adds or takes: `+13.4 %`."""
    return "" if ratio is None else f"{100 * (ratio - 1):+.1f} %"
