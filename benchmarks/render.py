"""Write the tables of docs/performance.md from benchmarks/results/*.json; the words between them are by hand.

python benchmarks/render.py            writes the page
python benchmarks/render.py --check    exits with 1 if a table is not what its JSON says
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS, PAGE = ROOT / "benchmarks" / "results", ROOT / "docs" / "performance.md"
DEPLOYED = "scalec --for inference"

Rows = Iterator[list[str]]


def ratio(found: dict[str, Any] | None) -> str:
    """Write a ratio with its quartiles."""
    if found is None:
        return ""
    low, high = found["quartiles"]
    return f"{found['median']:.2f} ({low:.2f} to {high:.2f})"


def codegen(result: dict[str, Any]) -> Rows:
    """Give the times of `scalec compile`."""
    yield ["`scalec compile --phi 4` against", "ratio (quartiles)"]
    for name, found in result["ratio_of_scalec_to"].items():
        yield [f"`{name}`", ratio(found)]
    yield ["**against one compilation**", ""]
    for name, found in result["ratio_to_one_compile"].items():
        yield [f"`{name.partition(',')[0]}`{''.join(name.partition(',')[1:])}", ratio(found)]


COST = {
    "scale_and_analyse, cold": "scaling and analysis of one network, empty table",
    "scale_and_analyse, search": "the same, one φ after another",
    "analyse, table": "analysis of a scaled network: adding up table entries",
    "analyse, walk": "analysis: walking every operator, nothing kept",
    "many (d, w, r), other candidates later": "100,000 (d, w, r) by NumPy, per network, new ones on a used table",
    "many (d, w, r), cold": "the same, empty table",
    "many (phi), other candidates later": "100,000 φ, new ones on a used table",
    "many (phi), cold": "the same, empty table",
}


def cost(result: dict[str, Any]) -> Rows:
    """Give how many times faster than the peer costs are counted."""
    yield ["", "times faster", "aim"]
    for key, what in COST.items():
        found, aim = result["times_faster"][key], result["aims"][key.partition(",")[0].partition(" (")[0]]
        yield [what, f"{found:,}", f"{aim:,}{'' if found >= aim else ': missed'}"]
    low, high = min(result["solve_over_compile"].values()), max(result["solve_over_compile"].values())
    yield [
        "`scalec solve` as a whole process, of `scalec compile`",
        f"{low:.2f} to {high:.2f} of its time",
        "at most 1.5",
    ]


def contests(cases: list[tuple[list[str], dict[str, Any]]], first: list[str]) -> Rows:
    """Give, for each case, ours over each of the others; and the file for inference over them."""
    yield [*first, "ours / timm", "ours / torchvision", "inference file / timm", "inference file / torchvision"]
    for about, found in cases:
        yield [
            *about,
            *(ratio(found.get(who, {}).get(peer)) for who in ("scalec", DEPLOYED) for peer in ("timm", "torchvision")),
        ]


def cpu(result: dict[str, Any]) -> Rows:
    """Give the table of the CPU."""
    cases = []
    for name, found in result["models"].items():
        for each in found:
            how = "compiled" if each["compiled"] else "eager"
            mode = f"{each['mode']}, {how}, {each['layout']}, batch {each['batch']}"
            cases.append(([name, mode, f"{max(each['load']) / result['cores']:.1f}"], each))
    yield from contests(cases, ["network", "mode", "load a core"])


def cpu_fused(result: dict[str, Any]) -> Rows:
    """Give the file for inference against what a user can do with torch.fx."""
    yield ["network", "mode", "inference file / torchvision after torch.fx's conv-BN fusion"]
    for name, found in result["models"].items():
        for each in found:
            for other, value in each.get(DEPLOYED, {}).items():
                if "fx" in other:
                    yield [name, f"eager, {each['layout']}, batch {each['batch']}", ratio(value)]


def gpu(result: dict[str, Any]) -> Rows:
    """Give the tables of the GPU, without and with a compiler."""
    cases = []
    for each in result["eager"]:
        for how in ("eager", "graph"):
            if how in each:
                name = f"{each['mode']}, {'CUDA graph' if how == 'graph' else 'eager'}, batch {each['batch']}"
                cases.append(([each["model"], name], each[how]))
    for each in result["compiled"]:
        cases.append(([each["model"], f"{each['mode']}, torch.compile, batch {each['batch']}"], each["steady"]))
    yield from contests(cases, ["network", "mode"])


def gpu_first(result: dict[str, Any]) -> Rows:
    """Give how long the first step takes under torch.compile."""
    yield ["network", "mode", "who", "first step, cold cache", "warm cache", "ms a step"]
    for each in result["compiled"]:
        for who, found in each["first_step"].items():
            times = [
                f"{found[s]['first_s']:.1f} s" if isinstance(found.get(s), dict) else "failed" for s in ("cold", "warm")
            ]
            steady = each["steady"]["ms"].get(who)
            mode = f"{each['mode']}, batch {each['batch']}"
            yield [each["model"], mode, who, *times, "" if steady is None else f"{steady:.2f}"]


def gpu_roofline(result: dict[str, Any]) -> Rows:
    """Give how far from the card's limits it runs."""
    steady = {(each["model"], each["mode"], each["batch"]): each["steady"]["ms"] for each in result["compiled"]}
    yield [
        "network",
        "batch",
        "roofline, every operator",
        "the same, element-wise ones fused",
        "CUDA graph",
        "compiled",
    ]
    for each in result["eager"]:
        if "roofline_ms" in each:
            key = (each["model"], each["mode"], each["batch"])
            figures = [*each["roofline_ms"].values(), each["graph"]["ms"]["scalec"], steady.get(key, {}).get("scalec")]
            yield [each["model"], str(each["batch"]), *("" if ms is None else f"{ms:.2f} ms" for ms in figures)]


def gpu_memory(result: dict[str, Any]) -> Rows:
    """Give what PyTorch allocates and what was predicted."""
    yield ["network", "what", "predicted", "allocated", "ratio"]
    for each in result["memory"]:
        sizes = [f"{each[key] / 2**20:,.1f} MiB" for key in ("predicted", "allocated")]
        yield [each["model"], each["what"].partition(":")[0], *sizes, f"{each['ratio']:.3f}"]


TABLES: dict[str, tuple[str, Callable[[dict[str, Any]], Rows]]] = {
    "codegen": ("codegen", codegen), "cost": ("cost", cost), "cpu": ("cpu", cpu), "cpu-fused": ("cpu", cpu_fused),
    "gpu": ("gpu", gpu), "gpu-first": ("gpu", gpu_first), "gpu-roofline": ("gpu", gpu_roofline),
    "gpu-memory": ("gpu", gpu_memory),
}  # fmt: skip


def table(name: str) -> str:
    """Write one table, and what it was measured on."""
    file, rows_of = TABLES[name]
    result = json.loads((RESULTS / f"{file}.json").read_text(encoding="utf-8"))
    head, *rows = rows_of(result)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def rendered(page: str) -> str:
    """Put every table into the page."""
    for name in TABLES:
        begin, end = f"<!-- {name}: written by benchmarks/render.py -->", "<!-- end -->"
        before, found, rest = page.partition(begin)
        assert found, f"docs/performance.md has no place for {name}"
        page = f"{before}{begin}\n\n{table(name)}\n\n{end}{re.split(re.escape(end), rest, maxsplit=1)[1]}"
    return page


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    page = PAGE.read_text(encoding="utf-8")
    if parser.parse_args().check:
        return int(rendered(page) != page)
    PAGE.write_text(rendered(page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
