"""Self test of the comparison tools: agreement where it is due, and failure where it is due."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

import peers
from scalec.verify.compare import LEAST, VacuousComparison, compare, relative, sensitivities
from scalec.verify.count import count_macs
from scalec.verify.port import PortError, port
from scalec.verify.tensors import disable_drop, named_tensors, randomise

FIGURES: dict[str, Any] = json.loads((Path(__file__).parents[1] / "figures.json").read_text("utf-8"))
TOLERANCE = 1e-12


class Unit(nn.Sequential):
    """Convolution, batch norm, activation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            nn.SiLU(),
        )


class Block(nn.Module):
    """A small inverted residual with squeeze-and-excitation and two symmetric branches."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.expand = Unit(width, 4 * width, 1, 1)
        self.depthwise = Unit(4 * width, 4 * width, 3, 1, groups=4 * width)
        self.squeeze = nn.Conv2d(4 * width, width, 1)
        self.excite = nn.Conv2d(width, 4 * width, 1)
        self.gate: nn.Module = nn.Sigmoid()
        self.left = Unit(4 * width, width, 1, 1)
        self.right = Unit(4 * width, width, 1, 1)
        self.drop = nn.Dropout(0.2)
        self.residual = True

    def forward(self, x: Tensor) -> Tensor:
        """The residual block."""
        y = self.depthwise(self.expand(x))
        y = y * self.gate(self.excite(torch.relu(self.squeeze(y.mean((2, 3), keepdim=True)))))
        y = cast(Tensor, self.drop(self.left(y) + self.right(y)))
        return y + x if self.residual else y


class Small(nn.Module):
    """A network small enough to be compared many times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Unit(3, 8, 3, 2)
        self.block = Block(8)
        self.down = Unit(8, 16, 3, 2)
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores."""
        scores: Tensor = self.head(self.down(self.block(self.stem(x))).mean((2, 3)))
        return scores


class Renamed(nn.Module):
    """`Small` with other names and registration order, a 1x1 convolution as its linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Conv2d(16, 10, 1)
        parts = Small()
        self.last, self.middle, self.first = parts.down, parts.block, parts.stem
        self.middle.left, self.middle.right = self.middle.right, self.middle.left

    def forward(self, x: Tensor) -> Tensor:
        """Class scores."""
        features = self.last(self.middle(self.first(x)))
        scores: Tensor = self.classifier(features.mean((2, 3), keepdim=True)).flatten(1)
        return scores


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_torchvision_and_timm_agree() -> None:
    source = peers.torchvision_model("efficientnet_b0")
    target: Any = peers.timm_model("efficientnet_b0")
    comparison = compare(source, target.to(memory_format=torch.channels_last), size=64)
    assert 0 < comparison.worst <= TOLERANCE  # another layout, so other kernels and rounding


def test_names_order_and_symmetric_branches_do_not_matter() -> None:
    comparison = compare(Small(), Renamed(), size=32)
    assert comparison.worst <= TOLERANCE
    assert comparison.worst > 0  # other operations, so really two computations


def _set(path: str, attribute: str, value: Any) -> Callable[[Small], None]:
    return lambda network: setattr(network.get_submodule(path), attribute, value)


def test_numbers_that_are_none_never_agree() -> None:
    good, bad = torch.ones(2), torch.tensor([1.0, math.nan])
    assert relative([(good, good), (bad, bad)]) == math.inf
    assert relative([(good, good)]) == 0


NUMERIC_MUTANTS = {
    "eps": (_set("down.1", "eps", 1e-3), "eval_output"),
    "small eps": (_set("block.left.1", "eps", 1.001e-5), "eval_output"),
    "activation": (_set("stem", "2", nn.ReLU()), "eval_output"),
    "gate": (_set("block", "gate", nn.Hardsigmoid()), "eval_output"),
    "padding mode": (_set("down.0", "padding_mode", "reflect"), "eval_output"),
    "momentum": (_set("block.right.1", "momentum", 0.11), "running_statistics"),
}


@pytest.mark.parametrize("mutant", NUMERIC_MUTANTS)
def test_numeric_mutants_are_seen(mutant: str) -> None:
    mutate, field = NUMERIC_MUTANTS[mutant]
    target = Small()
    mutate(target)
    assert getattr(compare(Small(), target, size=32), field) > 1e-9


def _dilate(network: Small) -> None:
    for attribute in ("dilation", "padding"):
        _set("block.depthwise.0", attribute, (2, 2))(network)


GRAPH_MUTANTS = {
    "stride": _set("down.0", "stride", (1, 1)),
    "residual": _set("block", "residual", False),
    "dilation": _dilate,
    "no head bias": _set("head", "bias", None),
}


@pytest.mark.parametrize("mutant", GRAPH_MUTANTS)
def test_graph_mutants_are_refused(mutant: str) -> None:
    target = Small()
    GRAPH_MUTANTS[mutant](target)
    with pytest.raises(PortError, match="graphs differ"):
        compare(Small(), target, size=32)


def test_a_dropped_residual_in_training_only_is_seen() -> None:
    class OnlyEval(Block):
        def forward(self, x: Tensor) -> Tensor:
            self.residual = not self.training
            return super().forward(x)

    target = Small()
    target.block = OnlyEval(8)
    comparison = compare(Small(), target, size=32)
    assert comparison.eval_output <= TOLERANCE < 1e-3 < comparison.train_output


def test_unread_target_tensors_are_refused() -> None:
    target = Small()
    target.register_parameter("spare", nn.Parameter(torch.ones(3)))
    with pytest.raises(PortError, match="spare"):
        compare(Small(), target, size=32)


def test_port_copies_values_and_restores_modes() -> None:
    source, target = Small().double(), Renamed().double()
    randomise(source, seed=3)
    target.first.eval()
    names = port(source, target, torch.randn(1, 3, 32, 32, dtype=torch.float64))
    assert names["classifier.weight"] == "head.weight"
    assert names["first.1.running_var"] == "stem.1.running_var"
    assert set(names) == set(named_tensors(target))
    assert len(set(names.values())) == len(names)
    assert source.stem.training and target.last.training and not target.first.training


def test_port_keeps_the_order_of_concatenated_branches() -> None:
    class Joined(nn.Module):
        def __init__(self, swap: bool) -> None:
            super().__init__()
            self.a, self.b, self.swap = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1), swap

        def forward(self, x: Tensor) -> Tensor:
            parts = [self.a(x), self.b(x)]
            return torch.cat(parts[::-1] if self.swap else parts, 1) ** 2

    source, target = Joined(False), Joined(True)
    names = port(source, target, torch.randn(1, 3, 4, 4))
    assert names["a.weight"] == "b.weight" and names["b.weight"] == "a.weight"


def test_randomise_is_deterministic_and_well_scaled() -> None:
    first, second, other = Small(), Small(), Small()
    for network, seed in ((first, 1), (second, 1), (other, 2)):
        randomise(network, seed)
    state, again, different = (named_tensors(n) for n in (first, second, other))
    assert all(torch.equal(state[name], again[name]) for name in state)
    assert not any(torch.equal(state[name], different[name]) for name in state)
    variance = state["down.1.running_var"]
    assert 0.75 <= float(variance.min()) < float(variance.max()) <= 1.25


def test_a_fresh_network_is_a_vacuous_target() -> None:
    image = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    network = peers.torchvision_model("efficientnet_b0").double()
    assert not min(sensitivities(network, image).values()) > LEAST
    disable_drop(network)
    randomise(network, 0, torch.randn(16, 3, 64, 64, dtype=torch.float64))
    assert min(sensitivities(network, image).values()) > LEAST


def test_sensitivities_follow_finite_differences_of_running_statistics() -> None:
    network, image = Small().double(), torch.randn(2, 3, 32, 32, dtype=torch.float64)
    randomise(network, 0, image)
    effects = sensitivities(network, image)
    network.eval()
    before = network(image)
    for name, tensor in named_tensors(network).items():
        kept = tensor.detach().clone()
        with torch.no_grad():
            tensor.add_(1e-3)
            change = float((network(image) - before).abs().max() / before.abs().max())
            tensor.copy_(kept)
        assert change > 1e-9 and effects[name] > 1e-6, name


def test_compare_refuses_a_target_that_ignores_a_tensor_or_the_input() -> None:
    class Saturated(nn.Sigmoid):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x + 60)

    network = Small()
    network.block.gate = Saturated()
    with pytest.raises(VacuousComparison, match="hardly depends"):
        compare(network, copy.deepcopy(network), size=32)
    constant = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Threshold(9, 1), nn.Linear(3, 4))
    with pytest.raises(VacuousComparison, match="another input"):
        compare(constant, copy.deepcopy(constant), size=32)


def test_drops_are_disabled_whatever_they_are_called() -> None:
    for network in (
        peers.torchvision_model("efficientnet_b0", stochastic_depth_prob=0.5),
        peers.timm_model("efficientnet_b0", drop_rate=0.5, drop_path_rate=0.5),
    ):
        disable_drop(network)
        image = torch.randn(2, 3, 64, 64)
        assert torch.equal(network(image), network(image))


def _row(name: str) -> dict[str, Any]:
    return next(row for row in FIGURES["models"] if row["id"] == name)


@pytest.mark.parametrize("size", [224, 160, 257])
@pytest.mark.parametrize("package", ["torchvision", "timm"])
def test_counts_are_the_recorded_ones(package: str, size: int) -> None:
    build = peers.torchvision_model if package == "torchvision" else peers.timm_model
    counted = count_macs(build("efficientnet_b0"), (3, size, size))
    figures = _row(f"{package}:efficientnet_b0")["at"][str(size)]
    acts = sum(figures[key] for key in ("acts_conv", "acts_linear", "acts_pool"))
    assert (counted.macs, counted.activations) == (figures["macs"], acts)
    if size == 224:
        assert (counted.macs, counted.activations) == (385814752, 6748036)


def test_windowed_pools_count_as_activations() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.AvgPool2d(2))
    counted = count_macs(network, (3, 10, 10))
    assert counted.macs == 4 * 8 * 8 * 27
    assert counted.activations == 4 * (64 + 16 + 4)


def test_load_module_from_a_path_and_from_source(tmp_path: Path) -> None:
    source = (
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "@dataclass(frozen=True)\n"
        "class Config:\n"
        "    width: int = 8\n"
    )
    path = tmp_path / "emitted.py"
    path.write_text(source, "utf-8")
    modules = [peers.load_module(given, "config") for given in (source, path, str(path))]
    assert len({module.__name__ for module in modules}) == len(modules)
    assert all(module.Config().width == 8 for module in modules)
