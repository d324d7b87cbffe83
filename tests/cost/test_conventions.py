"""Each convention against the tool itself, run on the file that we emit."""

import contextlib
import io
import json
import logging
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import peers
from nets import compiled, module
from ops.test_operators import USES
from ops.test_operators import compiled as operator
from scalec.cost.conventions import CONVENTIONS, counted
from scalec.emit.emit import emit


def fvcore(net: nn.Module, x: Tensor) -> int:
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(net, x)
    analysis.unsupported_ops_warnings(False)
    analysis.uncalled_modules_warnings(False)
    return int(analysis.total())


def thop(net: nn.Module, x: Tensor) -> int:
    import thop

    return int(thop.profile(net, inputs=(x,), verbose=False)[0])


def ptflops(net: nn.Module, x: Tensor) -> int:
    peers.import_peer("torchvision")
    from ptflops import get_model_complexity_info

    return int(
        get_model_complexity_info(net, tuple(x.shape[1:]), print_per_layer_stat=False, as_strings=False, verbose=False)[
            0
        ]
    )


TOOLS = {"fvcore": fvcore, "thop": thop, "ptflops": ptflops}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    ("name", "variant", "size"),
    [
        ("efficientnet", "B0", 224),
        ("efficientnet", "B0", 161),
        ("efficientnet", "B4", 380),
        ("efficientnet_lite", "Lite0", 224),
    ],
)
def test_network_as_the_tool_counts_it(tool: str, name: str, variant: str, size: int) -> None:
    net = compiled(name, variant, changes=(("r", f"{size}/224"),))
    assert tool_says(tool, module(net), size, size, 3) == counted(net.network, tool)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(("name", "use"), USES)
def test_operator_as_the_tool_counts_it(tool: str, name: str, use: str) -> None:
    net = operator(use)
    built = peers.load_module(emit(net), "operator").N()
    padded = any(type(m).__name__ == "PaddedConv2d" for m in built.modules())
    if not (padded and tool != "fvcore"):  # these tools pass over subclasses of nn.Conv2d
        assert tool_says(tool, built, 15, 18, 8) == counted(net.network, tool)


def tool_says(tool: str, net: nn.Module, height: int, width: int, channels: int) -> int:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            return TOOLS[tool](net.eval(), torch.randn(1, channels, height, width))
        finally:
            logging.disable(logging.NOTSET)


def test_pycls() -> None:
    """pycls' own figure for its B0, and the definition: multiply-adds and one for each output with a bias."""
    assert counted(compiled("efficientnet", "B0").network, "pycls") == 385_825_092


def test_recorded_fvcore() -> None:
    """The peers' fvcore totals, without the adaptive pools that we emit as a mean."""
    figures = json.loads((Path(__file__).parents[1] / "fvcore.json").read_text())
    for row in figures["rows"]:
        net = compiled("efficientnet", row["variant"], changes=(("r", f"{row['size']}/224"),)).network
        assert counted(net, "fvcore") == row["conv"] + row["batch_norm"] + row["linear"]


def test_every_convention_is_tested() -> None:
    assert set(CONVENTIONS) == {"macs", "pycls", *TOOLS}
