"""Writes a network without classes, arguments or conditions: each operator is one line of `forward`.

It uses `network.network` directly, and not `classes` or `writer`, so that its result is independent of the emitted
classes. `verify` compares an emitted file with it. Its tensors are in the order of the data flow, as in the file.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import assert_never

from scalec.emit.contexts import literal
from scalec.emit.emit import helper_text
from scalec.emit.modules import fixed_of
from scalec.network.network import Block, Body, Chain, Group, Leaf, Network, Node, Wrap
from scalec.ops import Operands
from scalec.ops.code import Code, whole

NAME = "Flat"


def flat_source(network: Network) -> str:
    """Return a file with one class, `Flat`."""
    flat = _Flat()
    x, maps = "x", []
    for stage in network.stages:
        x = flat.nodes(stage.layers, x)
        maps += [x] if stage.name in network.outputs else []
    result = f"({', '.join(maps)},)" if maps else x
    lines = [
        "import torch", "import torch.nn.functional as F", "from torch import Tensor, nn",
        *(helper_text(name) for name in sorted(flat.helpers)),
        f"class {NAME}(nn.Module):", "    def __init__(self):", "        super().__init__()", *flat.init,
        "    def forward(self, x):", *flat.forward, f"        return {result}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


class _Flat:
    """Collects the lines of `__init__` and `forward`; every value has a variable of its own."""

    def __init__(self) -> None:
        self.init: list[str] = []
        self.forward: list[str] = []
        self.helpers: set[str] = set()
        self.count = 0

    def nodes(self, nodes: Sequence[Node], x: str) -> str:
        """Write layers one after the other; give what holds the last one's output."""
        for node in nodes:
            x = self._node(node, x)
        return x

    def _node(self, node: Node, x: str) -> str:
        match node:
            case Leaf():
                return self._leaf(node, x)
            case Block() | Group():
                return self._chain(node.chain, x)
            case Wrap():
                return self._wrap(node, x)

    def _chain(self, chain: Chain, x: str) -> str:
        return self.nodes([node for placed in chain.units for node in placed.nodes], x)

    def _leaf(self, leaf: Leaf, x: str) -> str:
        operator = leaf.operator
        if operator.functional:
            return self._bind(operator.forward(x))
        parameters = {name: literal(getattr(operator, name)) for name in operator.table}
        fixed = fixed_of(leaf, "padding" in leaf.changed)
        if helper := operator.helper(fixed):
            self.helpers.add(helper)
        channels_in, channels_out = (_channels(shape.channels) for shape in (leaf.x, leaf.y))
        module = operator.module(Operands(channels_in, channels_out, leaf.x.is_map, parameters, fixed))
        self.count += 1
        self.init.append(f"        self.m{self.count} = {module}")
        given = f"{x}.flatten(1)" if operator.rewriting.takes_vector and leaf.x.is_map else x
        return self._bind(f"self.m{self.count}({given})")

    def _wrap(self, wrap: Wrap, x: str) -> str:
        match wrap.kind:
            case "residual" | "gate":
                (body,) = wrap.bodies
                inner = self._body(body, x)
                return self._bind(f"{x} {'+' if wrap.kind == 'residual' else '*'} {inner}") if body.holds else inner
            case "sum":
                return self._bind(" + ".join(self._body(body, x) for body in wrap.bodies if body.holds))
            case "concat" | "split":
                return self._concatenation(wrap, x)
            case _:
                assert_never(wrap.kind)

    def _concatenation(self, wrap: Wrap, x: str) -> str:
        parts = [x] * len(wrap.bodies)
        if wrap.kind == "split":
            sizes = [body.chain.x.channels for body in wrap.bodies if body.chain is not None]
            whole_ = self._bind(f"{x}.split({sizes}, dim=1)")
            parts = [f"{whole_}[{index}]" for index in range(len(sizes))]
        done = [self._body(body, part) for body, part in zip(wrap.bodies, parts, strict=True)]
        return self._bind(f"torch.cat(({', '.join(done)}), dim=1)")

    def _body(self, body: Body, x: str) -> str:
        return x if body.chain is None else self._chain(body.chain, x)

    def _bind(self, value: str) -> str:
        self.forward.append(f"        y{len(self.forward) + 1} = {value}")
        return f"y{len(self.forward)}"


def _channels(count: int) -> Code:
    return whole(Fraction(count))
