"""Run every row of tests/zoo.csv against its peer and write docs/zoo.md: what was compared, and the largest difference.

Takes most of an hour on two cores and up to 12 GB of memory. What was found is kept in a file of lines, so that a run
that was broken off goes on: `python benchmarks/zoo_table.py found.jsonl`.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from scalec.cost.count import cost
from verify.test_zoo import EVEN, ODD, ROWS, compare, count, ours

PAGE = ROOT / "docs" / "zoo.md"
ALONE, TOO_LARGE = 60e6, 250e6
"""Parameters from which a row runs by itself, and from which its outputs are not compared here."""


def key(row: dict[str, str]) -> str:
    """Name a row; when it is tested does not matter."""
    return ",".join(value for column, value in row.items() if column != "run")


def run(row: dict[str, str]) -> dict[str, Any]:
    """Compare one row."""
    torch.set_num_threads(1)
    counted, really = cost(ours(row).network), count(row)
    worst = max(each.worst for each in compare(row)) if counted.params < TOO_LARGE else None
    same = (counted.params, counted.macs, counted.activations) == really
    return {"row": key(row), "params": counted.params, "macs": counted.macs, "same": same, "worst": worst}


def table(found: dict[str, dict[str, Any]]) -> str:
    """Lay out the results, a section for each spec."""
    lines: list[str] = []
    spec = ""
    for row in ROWS:
        result = found[key(row)]
        if row["spec"] != spec:
            spec = row["spec"]
            lines += ["", f"## [{spec}](../specs/{spec}.scl)", ""]
            lines += ["| variant | peer | parameters | multiply-adds | largest difference |"]
            lines += ["| --- | --- | ---: | ---: | ---: |"]
        worst = result["worst"]
        shown = "counts only" if worst is None else "0" if worst == 0 else f"{worst:.1e}"
        peer_name = row["peer"] + (f" ({row['set']})" if row["set"] else "")
        counts = f"{result['params']:,} | {result['macs']:,}" if result["same"] else "DIFFERENT | DIFFERENT"
        lines.append(f"| {row['variant']} | {peer_name} | {counts} | {shown} |")
    return "\n".join(lines)


def page(found: dict[str, dict[str, Any]]) -> str:
    """Write the page."""
    compared = [result["worst"] for result in found.values() if result["worst"] is not None]
    peers = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "timm"))
    same = sum(result["same"] for result in found.values())
    said = f"""# The zoo

Variants of the families in [`specs/`](../specs) that torchvision or timm have too, compiled and compared with theirs.
Of {len(found)} rows of [`tests/zoo.csv`](../tests/zoo.csv), {same} have exactly the parameters, multiply-adds and
activations that PyTorch counts in the peer at the variant's own resolution.

For {len(compared)} of them all weights and statistics were random, and copied by data flow, in float64.
Outputs in eval and train mode, the gradients of all parameters and of the input, and the running statistics, at {EVEN}
and {ODD} pixels, differ by at most {max(compared):.1e} of the largest value. The other networks are the largest: they
were only counted in this run. {peers}.

`python benchmarks/zoo_table.py` writes this page. `tests/verify/test_zoo.py` checks the same rows: a few by default,
most with the marker `slow`, the largest with `full`.
"""
    return f"{said}{table(found)}\n"


def rows_of(found: Iterable[str], params: dict[str, int], small: bool) -> list[dict[str, str]]:
    """Give the rows that are still to be run: those that may run side by side, or the others."""
    done = set(found)
    return [row for row in ROWS if key(row) not in done and (params[key(row)] < ALONE) == small]


def main() -> None:
    """Run what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kept", type=Path, help="the file of results, one a line")
    kept: Path = parser.parse_args().kept
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    found = {result["row"]: result for result in map(json.loads, lines)}
    params = {key(row): cost(ours(row).network).params for row in ROWS}
    for workers, small in ((2, True), (1, False)):
        todo = rows_of(found, params, small)
        with get_context("spawn").Pool(workers, maxtasksperchild=8) as pool, kept.open("a", encoding="utf-8") as file:
            for result in pool.imap_unordered(run, todo):
                found[result["row"]] = result
                print(json.dumps(result), file=file, flush=True)
                print(len(found), result, flush=True)
    PAGE.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
