"""The paper's tables and figures come out of the specs: against figures recorded from timm's builder, and timm."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from network.test_efficientnet import FIGURES
from peers import import_peer
from scalec.verify.count import count_macs

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import paper_tables as paper  # noqa: E402

FAMILIES = {"mbv1": paper.V1, "mbv2": paper.V2, "r50": paper.R50, "t7": paper.B0}


def recorded() -> Iterator[Any]:
    for row in (*FIGURES["table3"], *FIGURES["table7"]):
        family = FAMILIES[row["id"].split("_")[0]]
        yield pytest.param(row, paper.Point("", family, str(row["d"]), str(row["w"]), row["res"]), id=row["id"])


@pytest.mark.parametrize(("row", "point"), list(recorded()))
def test_recorded_points(row: dict[str, Any], point: paper.Point) -> None:
    counted = point.cost()
    assert (counted.params, counted.macs) == (row["params"], row["macs"])
    assert point in [paper.Point("", p.spec, p.d, p.w, p.side) for p in (*paper.TABLE_3, *paper.TABLE_7)]


def test_the_sweeps_of_figure_3() -> None:
    points = [point for line in paper.FIGURE_3.values() for point in line]
    expected = [(row["res"], row["params"], row["macs"]) for row in FIGURES["fig3"]]
    found = [(point.side, point.cost().params, point.cost().macs) for point in points]
    assert found == expected


GRID = [point for line in paper.FIGURE_4.values() for point in line]


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(
            p, id=f"d{p.d}-w{p.w}-{p.side}", marks=() if (p.d, p.w) in (("1", "1"), ("2", "1.4")) else pytest.mark.slow
        )
        for p in GRID
    ],
)
def test_the_grid_of_figure_4(point: paper.Point) -> None:
    """timm's own builder, scaled by the same numbers."""
    build = import_peer("timm.models.efficientnet")._gen_efficientnet
    with torch.device("meta"):
        network = build("efficientnet_b0", channel_multiplier=float(point.w), depth_multiplier=float(point.d))
    counted, really = point.cost(), count_macs(network, (3, point.side, point.side))
    assert counted.params == sum(parameter.numel() for parameter in network.parameters())
    assert counted.macs == really.macs


def test_the_page_is_up_to_date() -> None:
    page = paper.PAGE.read_text(encoding="utf-8")
    assert paper.written(page) == page, "run benchmarks/paper_tables.py"
