"""How long `scalec check` takes on 200 emitted files with nothing changed: seconds of whole processes, wall and CPU.

The files are variants of the families in `specs/`. Twice: each emitted anew (`--no-cache`), and as on a machine that
has checked them before. Beside it, in the same rounds, importing torch. The result is JSON.
"""

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from scalec.compiler import load

ROOT = Path(__file__).parent.parent
SPECS = ROOT / "specs"
# The tests' environment has interegular, which Lark then spends a quarter of a second on; a base install has not.
BASE = "import sys; sys.modules['interegular'] = None; from scalec.cli import main; sys.exit(main({}))"


def files(count: int) -> Iterator[tuple[str, str]]:
    """Give specs and variants, of each family as many as of the others while it has some."""
    families = {path.name: list(load(path).program.variants) for path in sorted(SPECS.glob("*.scl")) if _compiles(path)}
    listed = [(name, rows[turn]) for turn in range(100) for name, rows in families.items() if turn < len(rows)]
    assert len(listed) >= count, len(listed)
    yield from listed[:count]


def _compiles(path: Path) -> bool:
    return "\nnetwork " in path.read_text(encoding="utf-8")


def make(folder: Path, count: int) -> int:
    """Write specs and emitted files; give how many."""
    shutil.copytree(SPECS, folder / "specs", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (folder / "models").mkdir()
    wanted: dict[str, list[str]] = {}
    for name, variant in files(count):
        wanted.setdefault(name, []).append(variant)
    for name, variants in wanted.items():
        words = ["compile", f"specs/{name}", "--variant", ",".join(variants), "-o", "models"]
        subprocess.run([sys.executable, "-c", BASE.format(words)], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return len(list((folder / "models").iterdir()))


def seconds(code: str, folder: Path, expected: int = 0) -> tuple[float, float]:
    """Run a process; give its wall seconds, and the CPU seconds of it and its children."""
    before, start = os.times(), time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - start, os.times()
    assert done.returncode == expected, done.stderr
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def summary(times: list[float]) -> dict[str, float]:
    """Give the median, the least and the most."""
    return {name: round(of(times), 3) for name, of in (("median", statistics.median), ("least", min), ("most", max))}


def main() -> None:
    """Run the rounds and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--files", type=int, default=200)
    arguments = parser.parse_args()
    measured: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["SCALEC_CACHE_DIR"] = str(folder / "cache")
        count = make(folder, arguments.files)
        first = sorted((folder / "models").iterdir())[0].name
        cases = {
            "seen before": BASE.format(["check", "models", "--specs", "specs"]),
            "each emitted anew": BASE.format(["check", "models", "--specs", "specs", "--no-cache"]),
            "one file, emitted anew": BASE.format(["check", f"models/{first}", "--specs", "specs", "--no-cache"]),
            "import torch": "import torch",
        }
        for code in cases.values():
            seconds(code, folder)  # warms the disk cache
        for _ in range(arguments.rounds):
            for case in random.sample(list(cases), len(cases)):
                measured.setdefault(case, []).append(seconds(cases[case], folder))
        edited = folder / "models" / first
        edited.write_text(edited.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        for case in ("seen before", "each emitted anew"):
            seconds(cases[case], folder, expected=1)  # it does look
    result = {
        "job": "check_speed",
        "what": "seconds of whole processes",
        "files": count,
        "rounds": arguments.rounds,
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "wall_seconds": {case: summary([wall for wall, _ in pairs]) for case, pairs in measured.items()},
        "cpu_seconds": {case: summary([cpu for _, cpu in pairs]) for case, pairs in measured.items()},
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
