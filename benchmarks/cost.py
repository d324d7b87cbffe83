"""How fast costs are, against building timm's EfficientNet-B4 on the meta device and counting it with PyTorch.

    python benchmarks/cost.py     writes benchmarks/results/cost.json; benchmarks/render.py makes the page of it

Everything is run in turn, several rounds in one go; a figure is the median of the rounds' ratios. In the JSON

- `scale_and_analyse`: a loaded spec to parameters, multiply-adds and activations of one network; `cold` with an empty
  table, `search` one φ after the other that no one asked for before, `warm` with everything in the table,
- `analyse`: the same of a network whose whole numbers are known: `walk` by `cost.total` over every operator, `table` by
  adding up its stages,
- `many`: 100,000 candidates of φ, or of d, w and r, through NumPy, each one's share: `cold` with an empty table,
- `solve`: CPU seconds of `scalec solve` as a whole process, over those of `scalec compile`.
"""

import argparse
import gc
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from peers import timm_model
from scalec.compiler import load
from scalec.cost.count import total
from scalec.network.network import leaves
from scalec.program.request import Request
from scalec.program.setting import make_setting
from scalec.solve.cost_table import Tally
from scalec.solve.vectorized import evaluate_many

RESULT = ROOT / "benchmarks" / "results" / "cost.json"
SPEC = ROOT / "specs" / "efficientnet.scl"
MANY = 100_000
AIMS = {"scale_and_analyse": 100, "analyse": 1_000, "many": 50_000}


def build_and_count() -> tuple[int, int]:
    """Build timm's B4 without memory, and count multiply-adds and parameters."""
    with torch.device("meta"):
        model, image = timm_model("efficientnet_b4").eval(), torch.empty(1, 3, 380, 380)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(image)
    return counter.get_total_flops() // 2, sum(parameter.numel() for parameter in model.parameters())


def seconds(work: Callable[[], Any], times: int = 1) -> float:
    """Give the CPU seconds of one run."""
    gc.collect()
    before = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - before) / times


def process(*arguments: str) -> float:
    """Run the command line; give its CPU seconds."""
    before = os.times()
    subprocess.run([sys.executable, "-m", "scalec", *arguments], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


class Round:
    """One round of every measurement; all in seconds."""

    def __init__(self, number: int, folder: str) -> None:
        """Load the spec."""
        self.random, self.folder = random.Random(number), folder
        self.loaded = load(SPEC)
        self.setting = make_setting(self.loaded.program, Request(variant="B4"))

    def measure(self) -> dict[str, float]:
        """Measure everything, each after the peer."""
        found = {"peer": seconds(build_and_count)}
        tables = [Tally(self.loaded.program) for _ in range(5)]
        found["scale_and_analyse, cold"] = seconds(lambda: tables.pop().evaluate(self.setting), 5)
        tally = Tally(self.loaded.program)
        phis = [Fraction(self.random.randrange(0, 70_000), 10_000) for _ in range(300)]
        ahead = iter(phis)
        seconds(lambda: tally.at({"phi": next(ahead)}), 200)
        found["scale_and_analyse, search"] = seconds(lambda: tally.at({"phi": next(ahead)}), 100)
        tally.evaluate(self.setting)
        found["scale_and_analyse, warm"] = seconds(lambda: tally.evaluate(self.setting), 100)
        network, known = self.loaded.network(self.setting), tally.evaluate(self.setting)
        found["analyse, walk"] = seconds(lambda: total(leaves(network)), 20)
        found["analyse, table"] = seconds(lambda: tally.summed(known.x, known.stages), 1_000)
        found |= self._many("phi", {"phi": (0, 70_000)})
        found |= self._many("d, w, r", {"d": (10_000, 20_000), "w": (10_000, 20_000), "r": (10_000, 20_000)})
        path = f"{self.folder}/out.py"
        found["process: compile"] = process("compile", str(SPEC), "--phi", "1", "-o", path)
        for limit in ("0.5G", "1.5G", "10G"):
            found[f"process: solve --flops {limit}"] = process("solve", str(SPEC), "--flops", limit)
        return found

    def _many(self, name: str, ranges: dict[str, tuple[int, int]]) -> dict[str, float]:
        generator = np.random.default_rng(self.random.randrange(1 << 30))
        tally = Tally(self.loaded.program)
        first, second = (
            {key: generator.integers(low, high, MANY) for key, (low, high) in ranges.items()} for _ in range(2)
        )
        cold = seconds(lambda: evaluate_many(tally, first)) / MANY
        return {
            f"many ({name}), cold": cold,
            f"many ({name}), other candidates later": seconds(lambda: evaluate_many(tally, second)) / MANY,
            f"many ({name}), warm": seconds(lambda: evaluate_many(tally, first)) / MANY,
        }


def main() -> None:
    """Run the rounds and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    macs, params = build_and_count()
    counted = Tally(load(SPEC).program).evaluate(make_setting(load(SPEC).program, Request(variant="B4"))).cost
    assert (counted.macs, counted.params) == (macs, params)
    with tempfile.TemporaryDirectory() as folder:
        measured = [Round(number, folder).measure() for number in range(rounds)]
    names = list(measured[0])
    solve = [name for name in names if name.startswith("process: solve")]
    ours = [name for name in names if name != "peer" and not name.startswith("process")]
    result = {
        "job": "cost",
        "what": "CPU seconds, and how many times faster than timm's B4 on the meta device with FlopCounterMode",
        "rounds": rounds,
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cpu_seconds": {name: float(f"{statistics.median(each[name] for each in measured):.4g}") for name in names},
        "times_faster": {name: round(statistics.median(e["peer"] / e[name] for e in measured)) for name in ours},
        "aims": AIMS,
        "solve_over_compile": {
            name: round(statistics.median(each[name] / each["process: compile"] for each in measured), 2)
            for name in solve
        },
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
