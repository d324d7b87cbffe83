"""How fast emitted networks run on a CPU, against timm's and torchvision's, at the same layout and mode.

    python benchmarks/cpu.py                    writes benchmarks/results/cpu.json: half an hour
    python benchmarks/cpu.py --compiled B0      under torch.compile as well, which takes minutes for each network
    python benchmarks/cpu.py --prepare --compiled B0    fills torch.compile's cache and times nothing

First ours gets each peer's weights, and outputs, gradients and statistics must be equal in float64. Then all run in
turn, in random order, round after round, in one process; a figure is the median of the rounds' ratios. What is
recorded beside it is the load of the machine, from 0 for a quiet one: above 0.3 a core, differences of some per cent
mean nothing. benchmarks/render.py writes docs/performance.md of the result.
"""

import argparse
import gc
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from contest import (
    DEPLOYED,
    FUSED,
    MODELS,
    OURS,
    PEERS,
    RESULTS,
    Step,
    competitor,
    contest,
    ensure_equal,
    size,
)

LAYOUTS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}
CASES = [
    ("inference", "contiguous", 1), ("inference", "channels-last", 1), ("inference", "channels-last", 8),
    ("training", "contiguous", 4), ("training", "channels-last", 4),
]  # fmt: skip
COMPILED = [("inference", "channels-last", 1), ("training", "channels-last", 4)]


def step(net: nn.Module, run: Any, x: Tensor, mode: str) -> Step:
    """Give what is timed: a forward pass, or one with its gradients."""
    if mode == "inference":
        net.eval()

        def infer() -> object:
            with torch.inference_mode():
                return run(x)

        return infer
    net.train()

    def train() -> object:
        net.zero_grad(set_to_none=True)
        total: Any = run(x).square().mean()
        return total.backward()

    return train


def seconds(run: Step) -> float:
    """Time one run."""
    gc.collect()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def prepared(name: str, mode: str, layout: str, batch: int, compiled: bool) -> dict[str, Step]:
    """Build all that take part in a case."""
    who = [OURS, *PEERS]
    if mode == "inference" and layout == "channels-last":
        who += [DEPLOYED] if compiled else [DEPLOYED, FUSED]
    x = torch.randn(batch, 3, size(name), size(name)).to(memory_format=LAYOUTS[layout])
    steps = {}
    for each in who:
        net = competitor(name, each)
        net.to(memory_format=LAYOUTS[layout])  # type: ignore[call-overload]  # PyTorch's stub has no such overload
        torch._dynamo.reset()
        steps[each] = step(net, torch.compile(net) if compiled else net, x, mode)
        if compiled:
            steps[each]()
    return steps


def case(name: str, mode: str, layout: str, batch: int, compiled: bool, rounds: int) -> dict[str, Any]:
    """Time one mode at one layout."""
    steps, load = prepared(name, mode, layout, batch, compiled), os.getloadavg()[0]
    about = {"mode": mode, "layout": layout, "compiled": compiled, "batch": batch}
    return {**about, **contest(steps, rounds, seconds), "load": [round(load, 2), round(os.getloadavg()[0], 2)]}


def main() -> None:
    """Run, and write the result as far as it has come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=lambda text: text.split(","), default=list(MODELS))
    parser.add_argument("--compiled", type=lambda text: text.split(","), default=[], metavar="MODELS")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prepare", action="store_true", help="compile, and time nothing")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "cpu.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.prepare:
        for name in arguments.compiled:
            for each in COMPILED:
                prepared(name, *each, compiled=True)
        return
    result: dict[str, Any] = {
        "job": "cpu", "torch": torch.__version__, "python": platform.python_version(), "threads": arguments.threads,
        "cores": os.cpu_count(), "rounds": arguments.rounds, "models": {},
    }  # fmt: skip
    for name in arguments.models:
        ensure_equal(name)
        result["models"][name] = []
        for compiled in (False, True) if name in arguments.compiled else (False,):
            for each in COMPILED if compiled else CASES:
                result["models"][name].append(case(name, *each, compiled, arguments.rounds))
                print(name, json.dumps(result["models"][name][-1]), flush=True)
                arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
