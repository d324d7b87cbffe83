"""What the benchmarks of emitted networks share: who runs, that all are equal, and how rounds become ratios.

Competitors run in turn, in random order, round after round; a figure is the median of the rounds' ratios, with its
quartiles.
"""

import copy
import random
import statistics
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
sys.path.insert(0, str(ROOT / "tests"))

from nets import module, spec
from peers import load_module, timm_model, torchvision_model
from scalec.cost.compiled import Compiled
from scalec.emit.emit import emit
from scalec.program.request import Request
from scalec.verify.compare import compare

OURS, DEPLOYED, TIMM, TORCHVISION = "scalec", "scalec --for inference", "timm", "torchvision"
FUSED = "torchvision, torch.fx conv-BN fusion"
PEERS = (TIMM, TORCHVISION)
TIMM_LIKE = (("epsilon", "0.00001"), ("momentum", "0.1"))
MODELS = {
    "B0": ("efficientnet", "B0", "efficientnet_b0", "efficientnet_b0", ()),
    "B2": ("efficientnet", "B2", "efficientnet_b2", "efficientnet_b2", ()),
    "B4": ("efficientnet", "B4", "efficientnet_b4", "efficientnet_b4", ()),
    "ResNet-50": ("resnet", "ResNet50", "resnet50", "resnet50", ()),
    "MobileNetV3-L": ("mobilenet_v3_large", "x1_0", "mobilenetv3_large_100", "mobilenet_v3_large", TIMM_LIKE),
}
SMALL = 96  # for the comparison in float64

Step = Callable[[], object]


def compiled(name: str, inference: bool = False) -> Compiled:
    """Compile the spec of a model."""
    file, variant, *_ = MODELS[name]
    return spec(file).compile(Request(variant=variant, inference=inference))


def size(name: str) -> int:
    """Give the side of its images."""
    return compiled(name).network.x.height


def ensure_equal(name: str) -> None:
    """Refuse to time what is not equal: outputs, gradients and statistics in float64, with the same weights."""
    file, variant, timm_name, torchvision_name, changes = MODELS[name]
    for peer, changed in ((timm_model(timm_name), changes), (torchvision_model(torchvision_name), ())):
        ours = module(spec(file).compile(Request(variant=variant, changes=tuple(changed))))
        found = compare(peer, ours, SMALL)
        assert found.worst < 1e-9, f"{name} is not its peer's: {found}"
    trained, deployed = module(compiled(name)).double().eval(), deployment(name).double().eval()
    x = torch.randn(2, 3, SMALL, SMALL, dtype=torch.float64)
    with torch.no_grad():
        for _ in range(3):
            trained.train()(x)
        deployed.load_state_dict(folded(name, trained))
        difference = (trained.eval()(x) - deployed(x)).abs().max() / trained(x).abs().max()
    assert difference < 1e-9, f"{name} for inference differs by {difference:.0e}"


def deployment(name: str) -> nn.Module:
    """Build the network of the file for inference."""
    return module(compiled(name, inference=True))


def folded(name: str, trained: nn.Module) -> dict[str, torch.Tensor]:
    """Give its weights, from those of the training file's network."""
    file: Any = load_module(emit(compiled(name, inference=True)), "deployed")
    weights: dict[str, torch.Tensor] = file.fold(trained.state_dict())
    return weights


def competitor(name: str, who: str) -> nn.Module:
    """Build one of those that run; the weights are each one's own, which time does not tell."""
    _, _, timm_name, torchvision_name, _ = MODELS[name]
    if who == OURS:
        return module(compiled(name))
    if who == DEPLOYED:
        return deployment(name)
    if who == TIMM:
        return timm_model(timm_name)
    network = torchvision_model(torchvision_name)
    if who == TORCHVISION:
        return network
    assert who == FUSED
    from torch.fx.experimental.optimization import fuse

    return fuse(copy.deepcopy(network.eval()))


def quartiles(one: list[float], other: list[float]) -> dict[str, Any]:
    """Give the median of the rounds' ratios, and their quartiles."""
    low, middle, high = statistics.quantiles(a / b for a, b in zip(one, other, strict=True))
    return {"median": round(middle, 3), "quartiles": [round(low, 3), round(high, 3)]}


def contest(steps: Mapping[str, Step], rounds: int, seconds: Callable[[Step], float]) -> dict[str, Any]:
    """Run all in turn; give each one's median time in ms, and the ratios of ours to the others'."""
    for run in steps.values():
        run(), run()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name in random.sample(list(steps), len(steps)):
            times[name].append(seconds(steps[name]))
    result: dict[str, Any] = {"ms": {name: round(1000 * statistics.median(each), 3) for name, each in times.items()}}
    for ours in (OURS, DEPLOYED):
        others = [name for name in steps if name not in (ours, DEPLOYED)]
        if ours in steps and others:
            result[ours] = {name: quartiles(times[ours], times[name]) for name in others}
    return result
