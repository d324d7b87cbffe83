"""Predicted memory against what PyTorch allocates: writes the table in docs/memory.md, between its two markers.

The measure is `scalec.memory_oracle`: fake tensors, no GPU. `--cuda` runs everything on the GPU at hand as well, with
numbers, and prints what `torch.cuda.max_memory_allocated` says instead of writing the table.
"""

import argparse
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from memory_nets import SHIPPED, WRITTEN, network
from scalec.cost.compiled import Compiled
from scalec.cost.memory.peak import memory
from scalec.program.memory_call import INFERENCE, Footprint
from scalec.verify.memory_oracle import measure, prepare

PAGE = ROOT / "docs" / "memory.md"
BEGIN, END = "<!-- written by benchmarks/memory_table.py -->", "<!-- end -->"
COLUMNS = {
    "inference": INFERENCE,
    "training, float32, SGD": Footprint(training=True, batch=4, optimizer="sgd"),
    "training, mixed, AdamW": Footprint(training=True, batch=4, dtype="bfloat16", amp=True),
}
HEAD = ["network", "input", *(cell for name in COLUMNS for cell in (name, "PyTorch", "error"))]


def row(name: str) -> tuple[list[str], list[float]]:
    """Give a row of the table, and its errors."""
    net = network(name)
    x = net.network.x
    cells = [name, f"{x.height} × {x.width}"]
    errors = []
    for footprint in COLUMNS.values():
        predicted, measured = memory(net.network, footprint), measure(net, footprint)
        errors.append(predicted / measured - 1)
        shown = "0" if predicted == measured else f"{errors[-1] * 100:+.3f} %"
        cells += [f"{predicted / 2**20:,.1f}", f"{measured / 2**20:,.1f}", shown]
    print(" | ".join(cells), flush=True)
    return cells, errors


def table() -> str:
    """Measure everything, and lay it out."""
    rows = [row(name) for name in (*SHIPPED, *WRITTEN)]
    lines = [HEAD, ["---", *["---:"] * (len(HEAD) - 1)], *(cells for cells, _ in rows)]
    worst = [max((errors[index] for _, errors in rows), key=abs) for index in range(len(COLUMNS))]
    said = ", ".join(f"{name} {error * 100:+.3f} %" for name, error in zip(COLUMNS, worst, strict=True))
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{text}\n\nWorst errors: {said}. PyTorch {torch.__version__}; {len(rows)} networks.\n"


def on_gpu(net: Compiled, footprint: Footprint) -> int:
    """Run on the GPU, once to warm up and once to measure; give the peak in bytes."""
    before = torch.cuda.memory_allocated()
    step = prepare(net, footprint, "cuda")
    step.run()
    torch.cuda.reset_peak_memory_stats()
    step.run()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def print_on_gpu() -> None:
    """Print predicted, fake and real."""
    for name in (*SHIPPED, *WRITTEN):
        for said, footprint in COLUMNS.items():
            net = network(name)
            predicted, measured, real = memory(net.network, footprint), measure(net, footprint), on_gpu(net, footprint)
            figures = " ".join(f"{each / 2**20:10,.1f}" for each in (predicted, measured, real))
            print(f"{name:20} {said:24} {figures} {(predicted / real - 1) * 100:+.2f} %", flush=True)


def main() -> None:
    """Write the table, or with `--cuda` print what the GPU says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuda", action="store_true", help="compare with a real GPU, and write nothing")
    if parser.parse_args().cuda:
        print_on_gpu()
        return
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table()}\n{END}{after}", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
