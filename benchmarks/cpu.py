"""How fast emitted networks run on a CPU, against timm's and torchvision's, at the same layout and mode.

    python benchmarks/cpu.py                    writes benchmarks/results/cpu.json, and docs/performance.md's table
    python benchmarks/cpu.py --compiled         under torch.compile as well: minutes more
    python benchmarks/cpu.py --models B0 --rounds 3 --dry-run

First ours gets each peer's weights, and outputs, gradients and statistics must be equal in float64. Then all run in
turn, in random order, round after round, in one process on one thread; a figure is the median of the rounds' ratios.
"""

import argparse
import gc
import json
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from nets import module, spec
from peers import timm_model, torchvision_model
from scalec.verify.compare import compare

RESULT, PAGE = ROOT / "benchmarks" / "results" / "cpu.json", ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- written by benchmarks/cpu.py -->", "<!-- end -->"
TIMM_LIKE = (("epsilon", "0.00001"), ("momentum", "0.1"))
MODELS = {
    "B0": ("efficientnet", "B0", "efficientnet_b0", "efficientnet_b0", ()),
    "B2": ("efficientnet", "B2", "efficientnet_b2", "efficientnet_b2", ()),
    "B4": ("efficientnet", "B4", "efficientnet_b4", "efficientnet_b4", ()),
    "ResNet-50": ("resnet", "ResNet50", "resnet50", "resnet50", ()),
    "MobileNetV3-L": ("mobilenet_v3_large", "x1_0", "mobilenetv3_large_100", "mobilenet_v3_large", TIMM_LIKE),
}
SMALL = 96  # for the comparison in float64
BATCH = {"inference": 1, "training": 4}
LAYOUTS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}

Step = Callable[[], object]


def networks(name: str) -> dict[str, nn.Module]:
    """Build ours and both peers'; refuse to time what is not equal."""
    file, variant, timm_name, torchvision_name, changes = MODELS[name]
    makers: dict[str, Callable[[], nn.Module]] = {
        "scalec": lambda: module(spec(file).compile(variant=variant)),
        "timm": lambda: timm_model(timm_name),
        "torchvision": lambda: torchvision_model(torchvision_name),
    }
    like = {"timm": changes, "torchvision": ()}
    for peer, changed in like.items():
        ours = module(spec(file).compile(variant=variant, changes=changed))
        found = compare(makers[peer](), ours, SMALL)
        assert found.worst < 1e-9, f"{name} is not {peer}'s: {found}"
    return {key: make() for key, make in makers.items()}


def step(net: nn.Module, x: Tensor, mode: str) -> Step:
    """Give what is timed: a forward pass, or one with its gradients."""
    if mode == "inference":
        net.eval()

        def infer() -> object:
            with torch.inference_mode():
                return net(x)

        return infer
    net.train()

    def train() -> object:
        net.zero_grad(set_to_none=True)
        total: Any = net(x).square().mean()
        return total.backward()

    return train


def seconds(run: Step) -> float:
    """Time one run."""
    gc.collect()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def ratios(steps: dict[str, Step], rounds: int) -> dict[str, Any]:
    """Run all in turn; give the ratios of ours to each peer: median and quartiles."""
    for run in steps.values():
        run(), run()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name in random.sample(list(steps), len(steps)):
            times[name].append(seconds(steps[name]))
    result: dict[str, Any] = {"ms": {name: round(1000 * statistics.median(each), 1) for name, each in times.items()}}
    for peer in times.keys() - {"scalec"}:
        each = [ours / theirs for ours, theirs in zip(times["scalec"], times[peer], strict=True)]
        low, middle, high = statistics.quantiles(each)
        result[peer] = {"median": round(middle, 3), "quartiles": [round(low, 3), round(high, 3)]}
    return result


def case(nets: dict[str, nn.Module], size: int, mode: str, layout: str, compiled: bool, rounds: int) -> dict[str, Any]:
    """Time one mode at one layout."""
    x = torch.randn(BATCH[mode], 3, size, size).to(memory_format=LAYOUTS[layout])
    steps = {}
    for name, net in nets.items():
        net.to(memory_format=LAYOUTS[layout])  # type: ignore[call-overload]  # PyTorch's stub wants more arguments
        torch._dynamo.reset()
        run: Any = torch.compile(net) if compiled else net
        steps[name] = step(run, x, mode)
    return {"mode": mode, "layout": layout, "compiled": compiled, "batch": BATCH[mode], **ratios(steps, rounds)}


def table(result: dict[str, Any]) -> str:
    """Write the ratios as a table; below 1 ours is faster."""
    lines = ["| network | mode | layout | ours / timm | quartiles | ours / torchvision | quartiles |"]
    lines.append("| --- | --- | --- | ---: | --- | ---: | --- |")
    for name, cases in result["models"].items():
        for each in cases:
            mode = f"{each['mode']}, {'compiled' if each['compiled'] else 'eager'}"
            cells = [name, mode, each["layout"]]
            for peer in ("timm", "torchvision"):
                low, high = each[peer]["quartiles"]
                cells += [f"{each[peer]['median']:.2f}", f"{low:.2f} to {high:.2f}"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=lambda text: text.split(","), default=list(MODELS))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--dry-run", action="store_true", help="print the result; write nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result: dict[str, Any] = {
        "job": "cpu", "torch": torch.__version__, "python": platform.python_version(), "threads": 1,
        "rounds": arguments.rounds, "load": os.getloadavg(), "models": {},
    }  # fmt: skip
    for name in arguments.models:
        nets = networks(name)
        size = spec(MODELS[name][0]).compile(variant=MODELS[name][1]).network.x.height
        result["models"][name] = [
            case(nets, size, mode, layout, compiled, arguments.rounds)
            for compiled in ((False, True) if arguments.compiled else (False,)) for mode in BATCH for layout in LAYOUTS
        ]  # fmt: skip
        print(table({"models": {name: result["models"][name]}}), flush=True)
        if not arguments.dry_run:
            write(result)


def write(result: dict[str, Any]) -> None:
    """Write what there is by now, to both files."""
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n\n{table(result)}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
