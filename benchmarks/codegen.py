"""How long `scalec compile` takes as a whole process, against importing torch and building timm's EfficientNet-B4.

    python benchmarks/codegen.py     writes benchmarks/results/codegen.json; benchmarks/render.py makes the page of it

All are run in turn, in random order, several rounds in one go; a figure is the median of the rounds' ratios. Every
package has its bytecode, as pip leaves it: the first run of each writes what is missing.
"""

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

OURS = "scalec compile --phi 4"
UNCHANGED, EIGHT = f"{OURS}, nothing changed", "scalec compile --phi 0..7"
ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "codegen.json"
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
    "scalec, all of the compile path": "import scalec.emit.emit, scalec.compiler, scalec.project.write",
    "and build the parser": "import scalec.emit.emit, scalec.compiler, scalec.language.parse as p; p._lark()",
}


def commands(folder: str) -> dict[str, list[str]]:
    """Give what is timed."""

    def scalec(*words: str) -> list[str]:
        return ["-c", f"{BASE}from scalec.cli import main; main({['compile', str(SPEC), *words]})"]

    return {
        OURS: scalec("--phi", "4", "-o", f"{folder}/phi4.py", "--force"),
        UNCHANGED: scalec("--phi", "4", "-o", f"{folder}/kept.py"),
        EIGHT: scalec("--phi", "0..7", "-o", folder),
        "import torch": ["-c", "import torch"],
        "timm.create_model('efficientnet_b4')": ["-c", TIMM],
        **{f"import: {name}": ["-c", BASE + code] for name, code in PARTS.items()},
    }


def seconds(arguments: list[str]) -> float:
    """Run a process; give its CPU seconds, which other work on the machine disturbs less than wall time."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments], check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratio(one: list[float], other: list[float]) -> dict[str, Any]:
    """Give the median of the rounds' ratios, and their quartiles."""
    low, middle, high = statistics.quantiles(a / b for a, b in zip(one, other, strict=True))
    return {"median": round(middle, 3), "quartiles": [round(low, 3), round(high, 3)]}


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
    ours = measured[OURS]
    result = {
        "job": "codegen",
        "what": "CPU seconds of whole processes",
        "rounds": rounds,
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "cpu_seconds": {name: round(statistics.median(times), 3) for name, times in measured.items()},
        "ratio_of_scalec_to": {
            name: ratio(ours, times) for name, times in measured.items() if not name.startswith(("scalec", "import:"))
        },
        "ratio_to_one_compile": {name: ratio(measured[name], ours) for name in (UNCHANGED, EIGHT)},
        "took_s": round(time.time() - started),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
