"""Compiled networks for tests: shared specs are read once, each emitted module is built on demand."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from torch import nn

from peers import load_module
from scalec.compiler import Loaded, load
from scalec.cost.compiled import Compiled
from scalec.emit.emit import emit
from scalec.program.request import Request

SPECS = Path(__file__).parent.parent / "specs"
TENSORFLOW = (("padding", "same"), ("epsilon", "0.001"), ("momentum", "0.01"))


@cache
def spec(name: str) -> Loaded:
    return load(SPECS / f"{name}.scl")


def compiled(
    name: str, variant: str | None = None, phi: str | None = None, changes: Sequence[tuple[str, str]] = ()
) -> Compiled:
    return spec(name).compile(Request(phi=phi, variant=variant, changes=tuple(changes)))


def module(net: Compiled, **arguments: Any) -> nn.Module:
    """Execute the emitted file and build its network."""
    loaded = load_module(emit(net), "emitted")
    built: nn.Module = getattr(loaded, net.network.name)(**arguments)
    return built
