"""`scalec cost --phi 0..7`: how cost grows with φ, why it is not 2^φ, and a picture of it."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from scalec.compiler import load
from scalec.diagnostics import CompileError, Diagnostic, Label
from scalec.drift import Drift, drift
from scalec.setting import make_setting
from scalec.source import Source, Span
from scalec.table import table

MOST = 200
STEPS = ("operators", "depth", "width", "resolution")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; give its exit code."""
    loaded = load(Path(arguments.spec))
    rows = [
        (phi, drift(loaded, make_setting(loaded.program, phi, None, arguments.changes)))
        for phi in scales(arguments.phi)
    ]
    if arguments.plot:
        from scalec.plot import plot

        problem = plot(loaded.program.network.name.key, [row for _, row in rows], Path(arguments.plot))
        if problem:
            print(f"scalec: {problem}", file=sys.stderr)
            return 2
    if arguments.format == "json":
        print(json.dumps([_json(row) for _, row in rows], indent=2))
    else:
        print("\n".join(lines(rows)))
    return 0


def scales(text: str) -> list[str]:
    """Read `0..7` (whole steps) and `0,0.5,1`. Raises `CompileError`."""
    found: list[str] = []
    for part in text.split(","):
        low, dots, high = part.partition("..")
        if not dots:
            found.append(part.strip())
            continue
        try:
            found += [str(phi) for phi in range(int(low), int(high) + 1)]
        except ValueError:
            raise _wrong(text, "a range has whole ends: `0..7`") from None
    if not found or len(found) > MOST:
        raise _wrong(text, f"from one to {MOST} scales")
    return found


def _wrong(text: str, message: str) -> CompileError:
    head = "--phi "
    span = Span(Source("command line", head + text), len(head), len(head) + len(text))
    return CompileError([Diagnostic("E501", message, Label(span))])


def _json(row: Drift) -> dict[str, float | None]:
    return asdict(row) | {"power_of_two": row.power_of_two, "effective_phi": row.effective_phi}


def lines(rows: list[tuple[str, Drift]]) -> list[str]:
    """Lay out the table, and say what its columns are."""
    head = ["φ", "d·w²·r²", "2^φ", "realised", "effective φ", *STEPS]
    cells = [head]
    for phi, row in rows:
        figures = [_figure(value) for value in (row.nominal, row.power_of_two, row.realised)]
        steps = [_percent(getattr(row, name)) for name in STEPS]
        cells.append([phi, *figures, f"{row.effective_phi:.3f}", *steps])
    return [
        *table(cells, ">" * len(head)), "",
        "realised: multiply-adds over the baseline's; effective φ: log2 of that.",
        "d·w²·r² becomes realised by these steps: operators that do not grow so (depthwise, squeeze, stem, head),",
        "then repeats, channels and map sizes rounded to whole numbers, one after the other.",
    ]  # fmt: skip


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _percent(ratio: float | None) -> str:
    return "" if ratio is None else f"{100 * (ratio - 1):+.1f} %"
