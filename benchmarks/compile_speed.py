"""How long `scalec compile` takes as a whole process, against importing torch and building timm's EfficientNet-B4.

All are run in turn, in random order, several rounds in one go; a figure is the median of the rounds' ratios. The
result is JSON.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "specs" / "efficientnet.scl"
# torchvision's C extension does not load with every build of torch: timm only needs it to be importable.
TIMM = """
import torch
library = torch.library.Library("torchvision", "FRAGMENT")
try:
    import torchvision
except (ImportError, RuntimeError):
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float threshold) -> Tensor")
import timm
timm.create_model("efficientnet_b4")
"""
# The tests' environment has interegular, which Lark then spends a quarter of a second on; a base install has not.
BASE = "import sys; sys.modules['interegular'] = None; "
PARTS = {
    "python": "pass",
    "argparse": "import argparse",
    "lark": "import lark",
    "jinja2": "import jinja2",
    "pydantic": "import pydantic",
    "black": "import black",
    "scalec, all of the compile path": "import scalec.emit, scalec.compiler, scalec.output",
    "and build the parser": "import scalec.emit, scalec.compiler, scalec.parse; scalec.parse._lark()",
}


def commands(folder: str) -> dict[str, list[str]]:
    """Give what is timed."""
    words = ["compile", str(SPEC), "--phi", "4", "-o", f"{folder}/phi4.py"]
    return {
        "scalec compile --phi 4": ["-c", f"{BASE}from scalec.cli import main; main({words})"],
        "import torch": ["-c", "import torch"],
        "timm.create_model('efficientnet_b4')": ["-c", TIMM],
        **{f"import: {name}": ["-c", BASE + code] for name, code in PARTS.items()},
    }


def seconds(arguments: list[str]) -> float:
    """Run a process; give its CPU seconds, which other work on the machine disturbs less than wall time."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Run the rounds and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    measured: dict[str, list[float]] = {}
    started = time.time()
    with tempfile.TemporaryDirectory() as folder:
        cases = commands(folder)
        for arguments in cases.values():
            seconds(arguments)  # warms the disk cache
        for _ in range(rounds):
            for name in random.sample(list(cases), len(cases)):
                measured.setdefault(name, []).append(seconds(cases[name]))
    ours = measured["scalec compile --phi 4"]
    result = {
        "job": "compile_speed",
        "what": "CPU seconds of whole processes",
        "rounds": rounds,
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "cpu_seconds": {name: round(statistics.median(times), 3) for name, times in measured.items()},
        "ratio_of_scalec_to": {
            name: {
                "median": round(statistics.median(a / b for a, b in zip(ours, times, strict=True)), 3),
                "quartiles": [
                    round(q, 3) for q in statistics.quantiles((a / b for a, b in zip(ours, times, strict=True)))[::2]
                ],
            }
            for name, times in measured.items()
            if not name.startswith(("scalec", "import:"))
        },
        "took_s": round(time.time() - started),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
