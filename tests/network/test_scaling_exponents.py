"""Scaling by shares of a complexity (Dollár et al., 2021), and group widths that repair themselves by either rule."""

from itertools import groupby

import pytest

from nets import compiled
from peers import import_peer
from scalec.cost.count import cost
from scalec.diagnostics.diagnostic import CompileError
from scalec.network.network import Network
from verify.test_zoo import ROWS

TIMM = [row for row in ROWS if row["spec"].startswith("regnet_") and row["peer"].startswith("timm:")]


def network(spec: str, variant: str, *changes: tuple[str, object]) -> Network:
    return compiled(spec, variant, changes=tuple((name, str(value)) for name, value in changes)).network


def widths(net: Network) -> list[int]:
    return [stage.y.channels for stage in net.stages if stage.name.startswith("stage")]


@pytest.mark.parametrize(
    ("spec", "variant", "share", "ratio"),
    [
        ("regnet_x", "X4GF", "0.8", 4.171),
        ("regnet_x", "X4GF", "0", 3.296),
        ("regnet_y", "Y4GF", "0.8", 3.928),
        ("regnet_y", "Y4GF", "0", 3.231),
    ],
)
def test_four_times_as_pycls_scales(spec: str, variant: str, share: str, ratio: float) -> None:
    """What pycls' own scaler makes of `d1_w8_g8_r1` and of `d1_w8_r1`: without wider groups, it falls short."""
    before, after = network(spec, variant), network(spec, variant, ("s", 4), ("e_g", share))
    assert round(cost(after).macs / cost(before).macs, 3) == ratio
    assert after.x.height == 240


@pytest.mark.parametrize(
    ("shares", "depths", "size"),
    [("1 0 0 0", [4, 12, 24, 4], 224), ("0 1 1 0", [2, 6, 12, 2], 224), ("0 0 0 1", [2, 6, 12, 2], 317)],
)
def test_one_dimension_takes_the_whole_budget(shares: str, depths: list[int], size: int) -> None:
    names = ("e_d", "e_w", "e_g", "e_r")
    net = network("regnet_y", "Y4GF", ("s", 2), *zip(names, shares.split(), strict=True))
    assert [len(stage.layers) for stage in net.stages if stage.name.startswith("stage")] == depths
    assert net.x.height == size


def test_shares_are_of_one_budget() -> None:
    with pytest.raises(CompileError, match="a requirement does not hold"):
        network("regnet_y", "Y4GF", ("e_d", "0.5"))


@pytest.mark.parametrize("row", TIMM, ids=lambda row: row["peer"])
def test_repaired_widths_are_the_published_ones(row: dict[str, str]) -> None:
    """RegNet's line of widths w0 + wa · j, quantised, and repaired here: by the rule that the variant names."""
    import_peer("timm")
    from timm.models import regnet

    said = regnet.model_cfgs[row["peer"].removeprefix("timm:")]
    line, _, _ = regnet.generate_regnet(said.wa, said.w0, said.wm, said.depth, said.group_size)
    quantised = [(f"width{j}", width) for j, (width, _) in enumerate(groupby(line), start=1)]
    published = network(row["spec"], row["variant"])
    assert widths(network(row["spec"], row["variant"], *quantised)) == widths(published)
    assert [len(list(same)) for _, same in groupby(line)] == [
        len(stage.layers) for stage in published.stages if stage.name.startswith("stage")
    ]


@pytest.mark.parametrize(("guard", "repaired"), [("false", 384), ("true", 400)])
def test_the_two_rules_differ(guard: str, repaired: int) -> None:
    """392 channels in groups of 16: timm rounds the half to even, torchvision up."""
    assert widths(network("regnet_x", "X400MF", ("width4", 392), ("guard", guard)))[-1] == repaired
