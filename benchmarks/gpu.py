"""How fast emitted networks run on a GPU, in bfloat16 and channels-last, against timm's and torchvision's.

    python benchmarks/gpu.py                    writes benchmarks/results/gpu.json; at most eight minutes
    python benchmarks/gpu.py --seconds 240      less: what does not fit in time is left out, and said

Eager, and replayed as a CUDA graph; under torch.compile, with compile times of a cold and of a warm cache, each in a
process of its own; against the roofline of our own bytes and multiply-adds on this card; and the memory that PyTorch
allocates against what scalec predicts. Times are those of CUDA events, the competitors in turn.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from contest import (
    DEPLOYED,
    OURS,
    PEERS,
    RESULTS,
    TORCHVISION,
    Step,
    competitor,
    compiled,
    contest,
    ensure_equal,
    size,
)
from scalec.cost.memory.peak import memory
from scalec.network.network import Network, leaves
from scalec.program.memory_call import Footprint

REGIONS = "scalec, a nested region for each kind of block"
EAGER = [
    ("B0", "inference", 1), ("B0", "inference", 64), ("B4", "inference", 1), ("B4", "inference", 32),
    ("ResNet-50", "inference", 64), ("B0", "training", 64), ("B4", "training", 16), ("ResNet-50", "training", 64),
]  # fmt: skip
COMPILED = [
    ("B0", "inference", 1, (OURS, DEPLOYED, REGIONS, *PEERS)),
    ("B0", "inference", 64, (OURS, DEPLOYED, *PEERS)),
    ("B4", "inference", 32, (OURS, DEPLOYED, REGIONS, TORCHVISION)),
    ("B0", "training", 64, (OURS, *PEERS)),  # last: it alone compiles for minutes
]
MEMORY = [("B0", Footprint(batch=1)), ("B0", Footprint(batch=64)), ("B4", Footprint(batch=16)),
          ("B0", Footprint(True, 32, optimizer="sgd")), ("B4", Footprint(True, 8, optimizer="sgd")),
          ("B0", Footprint(True, 32, "bfloat16", "adamw", amp=True))]  # fmt: skip
WORKER_SECONDS = 240
CUDA: Any = torch.cuda
RUNS = 5


def autocast() -> AbstractContextManager[Any]:
    """Run in mixed precision, as people train on a GPU."""
    return torch.autocast("cuda", torch.bfloat16)


def placed(net: nn.Module, mode: str) -> nn.Module:
    """Put a network on the card: bfloat16 throughout for inference, mixed precision for training."""
    net = net.to("cuda", torch.bfloat16 if mode == "inference" else torch.float32)
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's stub has no such overload
    return net.train(mode == "training")


def image(name: str, mode: str, batch: int) -> Tensor:
    """Make a batch on the card."""
    side = size(name)
    x = torch.randn(batch, 3, side, side, device="cuda", dtype=torch.bfloat16 if mode == "inference" else torch.float32)
    return x.to(memory_format=torch.channels_last)


def step(run: Callable[[Tensor], Any], net: nn.Module, x: Tensor, mode: str) -> Step:
    """Give what is timed: a forward pass, or one with its gradients."""
    if mode == "inference":

        def infer() -> object:
            with torch.inference_mode():
                return run(x)

        return infer

    def train() -> object:
        net.zero_grad(set_to_none=True)
        with autocast():
            loss = run(x).float().square().mean()
        return loss.backward()

    return train


def seconds(run: Step) -> float:
    """Time one round with events: so many runs that the clock's resolution does not matter."""
    start, end = CUDA.Event(enable_timing=True), CUDA.Event(enable_timing=True)
    torch.cuda.synchronize()
    start.record()
    for _ in range(RUNS):
        run()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / 1000 / RUNS


def graphed(run: Step) -> Step:
    """Record what a step launches, to be replayed at once."""
    stream = CUDA.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def card() -> dict[str, Any]:
    """Measure what the roofline needs: bytes and operations a second."""
    one = torch.empty(1 << 30, dtype=torch.bfloat16, device="cuda")
    other = torch.empty_like(one)
    a, b = (torch.randn(8192, 8192, dtype=torch.bfloat16, device="cuda") for _ in range(2))

    def copy() -> Tensor:
        return other.copy_(one)

    def multiply() -> Tensor:
        return a @ b

    found = {}
    for key, work, run in (("bytes_per_s", 2.0 * one.nbytes, copy), ("flops_per_s", 2.0 * 8192**3, multiply)):
        run(), run()
        found[key] = work / sorted(seconds(run) for _ in range(5))[2]
    return found


def roofline(network: Network, batch: int, rates: dict[str, Any], fused: bool) -> float:
    """Give the least ms that inference in bfloat16 takes: each operator at the rate of its bytes or of its FLOPs.

    `fused` leaves out what works element by element, which a compiler can do on the way. Additions and products of
    wrappers are not in it.
    """
    total = 0.0
    for leaf in leaves(network):
        operator, x, y = leaf.operator, leaf.x, leaf.y
        if operator.rewriting.only_in_training or (fused and operator.rewriting.per_element):
            continue
        moved = 2 * (batch * (x.elements + y.elements) + operator.parameters(x, y))
        total += max(moved / rates["bytes_per_s"], 2 * batch * operator.macs(x, y) / rates["flops_per_s"])
    return 1000 * total


def eager(name: str, mode: str, batch: int, rounds: int, rates: dict[str, Any]) -> dict[str, Any]:
    """Time one mode without a compiler, and for inference as a CUDA graph as well."""
    who = (OURS, DEPLOYED, *PEERS) if mode == "inference" else (OURS, *PEERS)
    nets = {each: placed(competitor(name, each), mode) for each in who}
    x = image(name, mode, batch)
    steps = {each: step(net, net, x, mode) for each, net in nets.items()}
    result = {"model": name, "mode": mode, "batch": batch, "eager": contest(steps, rounds, seconds)}
    if mode == "inference":
        result["graph"] = contest({each: graphed(run) for each, run in steps.items()}, rounds, seconds)
        network = compiled(name).network
        result["roofline_ms"] = {
            "every operator": round(roofline(network, batch, rates, False), 3),
            "element-wise ones fused": round(roofline(network, batch, rates, True), 3),
        }
    return result


def allocated(name: str, footprint: Footprint) -> dict[str, Any]:
    """Compare the most that PyTorch allocates with what scalec predicts."""
    torch.cuda.empty_cache()
    base = torch.cuda.memory_allocated()
    net = competitor(name, OURS).cuda().train(footprint.training)
    side = size(name)
    x = torch.randn(footprint.batch, 3, side, side, device="cuda")
    optimizer = None
    if footprint.training:
        kind: Any = torch.optim.AdamW if footprint.optimizer == "adamw" else torch.optim.SGD
        optimizer = kind(net.parameters(), lr=0.0, **({} if footprint.optimizer == "adamw" else {"momentum": 0.9}))
    for _ in range(3):
        torch.cuda.reset_peak_memory_stats()
        if optimizer is None:
            with torch.inference_mode():
                net(x)
            continue
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16, enabled=footprint.amp):
            y = net(x)
        y.backward(torch.ones_like(y))
        del y
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    found = torch.cuda.max_memory_allocated() - base
    predicted = memory(compiled(name).network, footprint)
    return {"model": name, "what": str(footprint), "predicted": predicted, "allocated": found,
            "ratio": round(predicted / found, 3)}  # fmt: skip


def split_blocks(net: nn.Module) -> None:
    """Make a nested region of each kind of block: the first layer of a stage, and those behind it."""
    for stage in net.children():
        for position, block in enumerate(stage if isinstance(stage, nn.Sequential) else ()):
            own: Any = type(block).forward
            key = f"{id(stage)}_{min(position, 1)}"
            code = own.__code__.replace(co_name=f"forward_{key}")  # PyTorch reuses by code, for eight shapes at most
            made = _REGIONS.setdefault(key, types.FunctionType(code, own.__globals__))
            block.forward = types.MethodType(torch.compiler.nested_compile_region(made), block)


_REGIONS: dict[str, Any] = {}


def under_compile(name: str, who: str, mode: str, batch: int) -> tuple[nn.Module, Step]:
    """Build a competitor under torch.compile: with CUDA graphs for inference, as it comes for training."""
    torch._dynamo.reset()
    net = placed(competitor(name, OURS if who == REGIONS else who), mode)
    if who == REGIONS:
        split_blocks(net)
    run = torch.compile(net, mode="reduce-overhead" if mode == "inference" else None, fullgraph=True)
    return net, step(run, net, image(name, mode, batch), mode)


def worker(name: str, who: str, mode: str, batch: int) -> None:
    """Be a process that compiles one network: print how long the first step took."""
    torch.compile(lambda x: x * 2 + 1)(torch.ones(8, device="cuda"))  # what every first compilation looks for
    from torch._dynamo.utils import counters

    _, run = under_compile(name, who, mode, batch)
    torch.cuda.synchronize()
    start = time.perf_counter()
    run()
    torch.cuda.synchronize()
    print(
        json.dumps({"first_s": round(time.perf_counter() - start, 2), "breaks": sum(counters["graph_break"].values())})
    )


def workers(case: tuple[str, str, int, tuple[str, ...]], folder: Path) -> dict[str, Any]:
    """Let all competitors of a case compile at once, each with a cache of its own; then again, with what it left."""
    name, mode, batch, who = case
    found: dict[str, Any] = {each: {} for each in who}
    for state in ("cold", "warm"):
        running = {}
        for index, each in enumerate(who):
            cache = {
                "TORCHINDUCTOR_CACHE_DIR": str(folder / f"{name}{mode}{batch}_{index}"),
                "TORCHINDUCTOR_COMPILE_THREADS": "4",
            }
            command = [sys.executable, __file__, "--worker", json.dumps([name, each, mode, batch])]
            running[each] = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **cache}
            )
        for each, process in running.items():
            try:
                out, errors = process.communicate(timeout=WORKER_SECONDS)
                found[each][state] = json.loads(out.splitlines()[-1]) if process.returncode == 0 else _last(errors)
            except subprocess.TimeoutExpired:
                process.kill()
                found[each][state] = f"more than {WORKER_SECONDS} s"
    return found


def _last(errors: str) -> str:
    return next((line for line in reversed(errors.splitlines()) if line.strip()), "no output")[:300]


def compiled_case(case: tuple[str, str, int, tuple[str, ...]], folder: Path, rounds: int) -> dict[str, Any]:
    """Compile in processes of their own, then time all in this one, from the caches that they left."""
    name, mode, batch, who = case
    result: dict[str, Any] = {"model": name, "mode": mode, "batch": batch, "first_step": workers(case, folder)}
    steps: dict[str, Step] = {}
    kept = []
    for index, each in enumerate(who):
        if isinstance(result["first_step"][each].get("warm"), dict):
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / f"{name}{mode}{batch}_{index}")
            net, steps[each] = under_compile(name, each, mode, batch)
            kept.append(net)
            steps[each]()
    result["steady"] = contest(steps, rounds, seconds)
    return result


def main() -> int:
    """Run, and write the result as far as it has come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=480, help="start nothing new after so long")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "gpu.json")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("gpu.py: PyTorch sees no CUDA device; nothing was run or written", file=sys.stderr)
        return 1
    torch.backends.cudnn.benchmark = False
    if arguments.worker:
        worker(*json.loads(arguments.worker))
        return 0
    started = time.time()
    result: dict[str, Any] = {
        "job": "gpu", "device": torch.cuda.get_device_name(), "torch": torch.__version__, "rounds": arguments.rounds,
        "python": platform.python_version(), "precision": "bfloat16; training with autocast", "layout": "channels-last",
        "left_out": [], "failed": [], "card": card(), "eager": [], "memory": [], "compiled": [],
    }  # fmt: skip
    folder = Path(tempfile.mkdtemp())
    rounds, rates = arguments.rounds, result["card"]
    jobs: list[tuple[str, str, Callable[[], Any]]] = [
        *(("eager", str(each), partial(eager, *each, rounds, rates)) for each in EAGER),
        *(("memory", f"{name}, {what}", partial(allocated, name, what)) for name, what in MEMORY),
        *(("compiled", str(case[:3]), partial(compiled_case, case, folder, rounds)) for case in COMPILED),
    ]
    for name in sorted({case[0] for case in EAGER}):
        ensure_equal(name)
    for kind, what, job in jobs:
        if time.time() - started > arguments.seconds:
            result["left_out"].append(f"{kind}: {what}")
            continue
        try:
            result[kind].append(job())
        except (RuntimeError, AssertionError, KeyError, TypeError) as error:  # one case is not worth the others
            result["failed"].append(f"{kind}: {what}: {type(error).__name__}: {str(error)[:300]}")
            print(result["failed"][-1], flush=True)
            continue
        result["took_s"] = round(time.time() - started)
        print(f"{result['took_s']:4d} s  {kind}: {what}: {json.dumps(result[kind][-1])}", flush=True)
        arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        torch.cuda.empty_cache()
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
