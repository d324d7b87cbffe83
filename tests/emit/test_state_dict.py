"""The `state_dict` that the compiler foretells, compared with PyTorch's."""

import csv
from pathlib import Path

import pytest
import torch

from nets import compiled, spec
from ops.test_operators import USES
from ops.test_operators import compiled as compiled_operator
from peers import load_module
from scalec.compiler import load, load_text
from scalec.cost.compiled import Compiled
from scalec.diagnostics.diagnostic import CompileError
from scalec.emit.emit import emit
from scalec.emit.state_dict import state_dict
from scalec.limits import MAX_LINES
from scalec.program.request import Request
from strategies import Written, examples, phis, specs

Row = tuple[str, str, str]
ROWS: dict[Row, str] = {
    (row["spec"], row["variant"], row["set"]): row["run"]
    for row in csv.DictReader((Path(__file__).parents[1] / "zoo.csv").open(encoding="utf-8"))
}
FAST = [row for row, run in ROWS.items() if run == "fast"]
SLOW = [row for row, run in ROWS.items() if run == "slow"]


def theirs(net: Compiled) -> list[tuple[str, tuple[int, ...]]]:
    """Build the emitted network without numbers, and ask PyTorch."""
    with torch.device("meta"):
        built = getattr(load_module(emit(net), "state"), net.network.name)()
    return [(key, tuple(value.shape)) for key, value in built.state_dict().items()]


def of_row(row: Row) -> Compiled:
    spec, variant, changed = row
    changes = [(name, value) for name, _, value in (each.partition("=") for each in changed.split())]
    return compiled(spec, variant or None, changes=changes)


@pytest.mark.parametrize("row", FAST, ids="-".join)
def test_of_the_zoo(row: Row) -> None:
    net = of_row(row)
    foretold = list(state_dict(net.network).items())
    assert len(foretold) > 20 and foretold == theirs(net)


@pytest.mark.slow
def test_of_more_of_the_zoo() -> None:
    for row in SLOW:
        net = of_row(row)
        assert list(state_dict(net.network).items()) == theirs(net), row


@pytest.mark.parametrize("phi", [None, "4"])
def test_of_repeats_inside_blocks(phi: str | None) -> None:
    """One class says them all, in a loop."""
    net = load(Path(__file__).parents[1] / "emitted" / "cross_stage.scl").compile(Request(phi=phi))
    assert list(state_dict(net.network).items()) == theirs(net)
    assert emit(net).count("class CrossStage(") == 1 and "class CrossStage2" not in emit(net)


@pytest.mark.parametrize("phi", ["-1", "1/2", "4"])
def test_of_scales(phi: str) -> None:
    net = compiled("efficientnet", phi=phi)
    assert list(state_dict(net.network).items()) == theirs(net)


@pytest.mark.parametrize("stride", [None, 16, 8])
def test_of_feature_maps(stride: int | None) -> None:
    net = spec("resnet").compile(Request(variant="ResNet50", taps=(), output_stride=stride))
    foretold = list(state_dict(net.network).items())
    assert foretold == theirs(net) and not any(key.startswith("classifier") for key, _ in foretold)


@pytest.mark.parametrize(("name", "use"), USES)
def test_of_operators(name: str, use: str) -> None:
    net = compiled_operator(use)
    assert list(state_dict(net.network).items()) == theirs(net), name


@examples(25, specs(), phis(), more=16)
def test_of_random_specs(written: Written, phi: str) -> None:
    loaded = load_text("net.scl", written.text.encode())
    for scale in (None, phi):
        try:
            net = loaded.compile(Request(phi=scale))
        except CompileError:
            continue
        assert list(state_dict(net.network).items()) == theirs(net)


def test_the_order_is_that_of_the_emitted_file() -> None:
    """As the optimizer numbers parameters: a test above compares lists, this one a list that is known."""
    net = load_text("n.scl", b"network N <8, 8, 3> -> <8, 8, 4> = a: Conv(1) -> 4 |> b: (BatchNorm |> ReLU)").compile()
    assert state_dict(net.network) == {
        "a.weight": (4, 3, 1, 1), "b.0.weight": (4,), "b.0.bias": (4,), "b.0.running_mean": (4,),
        "b.0.running_var": (4,), "b.0.num_batches_tracked": (),
    }  # fmt: skip


def test_too_large_a_network_is_an_error_here_too() -> None:
    text = f"network N <8, 8, 3> -> <8, 8, 3> = (ReLU |> ReLU)^{MAX_LINES * 2 // 3}".encode()
    with pytest.raises(CompileError, match="lines"):
        state_dict(load_text("n.scl", text).compile().network)
