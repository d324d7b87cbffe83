"""A wrapper that a part of the compiler does not know is an error there: it is not taken for another one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from scalec.compiler import load_text
from scalec.cost.memory.peak import memory
from scalec.emit.emit import emit
from scalec.emit.flat import flat_source
from scalec.emit.trace import NetworkTrace, Trace
from scalec.network.flow import Flow, network_forward
from scalec.network.inference import deploy
from scalec.network.joins import joined
from scalec.network.network import Network, Wrap
from scalec.program import check_names, names

BODIES = "{ Conv(3) → 4 } { Conv(1) → 4 }"


def spec(wrapper: str) -> bytes:
    return f"network Net <8, 8, 4> → <8, 8, 4> = {wrapper} {BODIES}\n".encode()


def shape(network: Network) -> Any:
    (wrap,), unit = network.stages[0].layers, network.stages[0].unit
    assert isinstance(wrap, Wrap)
    return joined(wrap.kind, unit.head, wrap.x, list(wrap.bodies))  # type: ignore[arg-type]  # the head is a wrapper


def trace(network: Network) -> Any:
    (wrap,) = network.stages[0].layers
    assert isinstance(wrap, Wrap)
    chains = [body.chain for body in wrap.bodies if body.chain is not None]
    attributes = {id(chain.units[0].nodes[0]): f"body{index}" for index, chain in enumerate(chains)}
    return NetworkTrace(Trace(), attributes).network(network)


PARTS: dict[str, Callable[[Network], Any]] = {
    "shape": shape, "forward": lambda network: network_forward(Flow(), network), "memory": memory, "flat": flat_source,
    "trace": trace, "inference": deploy,
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_an_unknown_wrapper_is_taken_for_no_other(part: str) -> None:
    network = load_text("net.scl", spec("sum")).compile().network
    PARTS[part](network)
    (wrap,) = network.stages[0].layers
    assert isinstance(wrap, Wrap)
    kind: Any = "product"
    unknown = replace(network, stages=(replace(network.stages[0], layers=(replace(wrap, kind=kind),)),))
    with pytest.raises(AssertionError, match="product"):
        PARTS[part](unknown)


def test_a_word_that_only_the_table_of_wrappers_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (names, check_names):
        monkeypatch.setattr(module, "WRAPPERS", (*names.WRAPPERS, "product"))
    assert emit(load_text("net.scl", spec("sum")).compile())
    with pytest.raises(AssertionError, match="product"):
        load_text("net.scl", spec("product"))
