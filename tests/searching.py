"""What the tests of the search share: a spec with few candidates, a trainer that can misbehave, and how to run both."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SPEC = """\
param φ = 0
let α = 1.2, β = 1.1, γ = 1.15  # the paper's
let d = α^φ, w = β^φ, r = γ^φ

scale L → round(d · L)
scale C → to_multiple(w · C, 2)
scale H → to_multiple(r · H, 2)
scale W → to_multiple(r · W, 2)

search α, β, γ from 1 to 2 by 0.25
  where α · β² · γ² ≈ 2 ± 0.5
  match FLOPS ± 15%

block ConvAct <H, W, C> → <H, W, K>
  = conv: Conv(3) → K ⊙ norm: BatchNorm ⊙ act: ReLU

network Small(classes = 10) <8, 8, 1> → <classes>
  = stem: ConvAct   → <8, 8, 8>
  ⊙ ConvAct^2       → <8, 8, 8>
  ⊙ pool: GlobalAvgPool ⊙ classifier: Linear → <classes>
"""
# Every call is noted. `behave.json` maps the number of a call, from 0, to what goes wrong; `slow` is in seconds.
TRAINER = """\
import json, os, signal, sys, time
from pathlib import Path

def accuracy(request):
    text = Path(request["file"]).read_text(encoding="utf-8")
    body = text[text.index('\"\"\"', 10) + 3:]
    figure = (sum(map(ord, body)) * 37 + request["seed"] * 11 + 5 * (request["split"] == "test")) % 1000 / 1000
    plan = json.loads(Path("behave.json").read_text()) if Path("behave.json").is_file() else {}
    time.sleep(plan.get("slow", 0))
    number = None
    while number is None:
        count = len(list(Path("calls").iterdir()))
        try:
            os.close(os.open(f"calls/{count:04}", os.O_CREAT | os.O_EXCL))
            number = count
        except FileExistsError:
            pass
    what = plan.get(str(number), plan.get("all"))
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "grandchild":
        import subprocess
        subprocess.Popen(["sleep", "600"])
        Path("hung").write_text("")
        time.sleep(600)
    if what == "hang":
        Path("hung").write_text(str(os.getpid()))
        time.sleep(600)
    if what == "raise":
        raise RuntimeError("no such luck")
    if what == "memory":
        raise MemoryError("DefaultCPUAllocator: can't allocate memory")
    if what == "exit":
        os._exit(0)
    if what == "nan":
        return float("nan")
    if what == "garbage":
        return {"accuracy": "very good"}
    if what == "percent":
        return 87.5
    Path("done").open("a").write(f"{request['file']}\\n")
    return {"accuracy": figure, "loss": 1 - figure}
"""


def prepare(folder: Path, behave: dict[str, Any] | None = None) -> Path:
    """Put spec and trainer into a folder; give the spec."""
    (folder / "calls").mkdir(parents=True)
    (folder / "trainer.py").write_text(TRAINER, encoding="utf-8")
    spec = folder / "small.scl"
    spec.write_text(SPEC, encoding="utf-8")
    plan(folder, behave or {})
    return spec


def plan(folder: Path, behave: dict[str, Any]) -> None:
    """Say what goes wrong in the next run."""
    (folder / "behave.json").write_text(json.dumps(behave), encoding="utf-8")


def calls(folder: Path) -> int:
    """Count how often the trainer was called."""
    return len(list((folder / "calls").iterdir()))


def start(folder: Path, *options: str, **more: Any) -> "subprocess.Popen[str]":
    """Start a search in a folder."""
    command = [sys.executable, "-m", "scalec", "search", "small.scl", "--accuracy", "trainer:accuracy", *options]
    return subprocess.Popen(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **more
    )


def search(folder: Path, *options: str, **more: Any) -> tuple[int, str, str]:
    """Run a search in a folder; give its code and what it printed."""
    process = start(folder, *options, **more)
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        raise
    return process.returncode, out, err


def result(folder: Path) -> dict[str, Any]:
    """Read the result."""
    found: dict[str, Any] = json.loads((folder / "small.search-result.json").read_text(encoding="utf-8"))
    return found
