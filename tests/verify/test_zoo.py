"""The zoo against strangers: every variant that torchvision or timm has, equal in counts, outputs and gradients.

`zoo.csv` is the table: a spec, its variant, the peer, when it runs (`fast`, `slow`, or `full`: too large for CI), and
what is set besides.
"""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nets import compiled, module
from peers import timm_model, torchvision_model
from scalec.cost.compiled import Compiled
from scalec.cost.count import cost
from scalec.verify.compare import Comparison, observed, ported
from scalec.verify.count import count_macs
from scalec.verify.tensors import disable_drop

ROWS = list(csv.DictReader((Path(__file__).parents[1] / "zoo.csv").open(encoding="utf-8")))
MARKS: dict[str, Any] = {"fast": (), "slow": pytest.mark.slow, "full": pytest.mark.full}
EVEN, ODD = 64, 65


def rows(full: str = "full") -> list[object]:
    """Give the cases of a test; `full` is the mark of those that are too large to be run."""
    marks = [MARKS[full if row["run"] == "full" else row["run"]] for row in ROWS]
    return [
        pytest.param(row, id=f"{row['spec']}-{row['variant']}-{row['peer']}", marks=mark)
        for row, mark in zip(ROWS, marks, strict=True)
    ]


def peer(row: dict[str, str]) -> nn.Module:
    library, name = row["peer"].split(":")
    return timm_model(name) if library == "timm" else torchvision_model(name)


def ours(row: dict[str, str], size: int | None = None) -> Compiled:
    """The row's network, at its own resolution or another."""
    changes = [(name, value) for name, _, value in (each.partition("=") for each in row["set"].split())]
    if size is None:
        return compiled(row["spec"], row["variant"] or None, changes=changes)
    baseline = compiled(row["spec"]).network.x
    return compiled(row["spec"], row["variant"] or None, changes=(*changes, ("r", f"{size}/{baseline.height}")))


def compare(row: dict[str, str]) -> list[Comparison]:
    """Everything randomised and ported by data flow, in float64, at an even and an odd size."""
    source, even, odd = peer(row), module(ours(row, EVEN)), module(ours(row, ODD))
    names = ported(source, even, EVEN)
    first = observed(source, even, names, EVEN)
    odd.double().load_state_dict(even.state_dict())  # now, since a training pass moves running statistics
    disable_drop(odd)
    return [first, observed(source, odd, names, ODD)]


@pytest.mark.parametrize("row", rows())
def test_equal_to_peer(row: dict[str, str]) -> None:
    assert max(comparison.worst for comparison in compare(row)) <= 1e-12


def count(row: dict[str, str]) -> tuple[int, int, int]:
    """Let PyTorch count the peer's parameters, multiply-adds and activations at the variant's own resolution."""
    x = ours(row).network.x
    try:
        with torch.device("meta"):
            built = peer(row)
    except NotImplementedError:  # torchvision's RegNet works out its widths with tensors
        built = peer(row)
    really = count_macs(built, (x.channels, x.height, x.width))
    return sum(parameter.numel() for parameter in built.parameters()), really.macs, really.activations


@pytest.mark.parametrize("row", rows(full="slow"))
def test_counts_of_peer(row: dict[str, str]) -> None:
    """Counting takes no memory: it is done for the largest too."""
    counted = cost(ours(row).network)
    assert (counted.params, counted.macs, counted.activations) == count(row)
