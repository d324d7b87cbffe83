"""The `forward` of each class of a network: a block's in all of its uses, and the network's own."""

from collections.abc import Sequence
from dataclasses import replace

from scalec.language import syntax as s
from scalec.network import network as ir
from scalec.network.flow import INPUT, Flow
from scalec.network.forward import Expression, Forward, Variable
from scalec.network.python_names import python_name


def block_forward(flow: Flow, chain: s.Chain, chains: Sequence[ir.Chain]) -> Forward:
    """Return the `forward` of a block in all its uses."""
    result = flow.typed(flow.chain(chain, chains, INPUT, INPUT))
    return Forward(tuple(flow.statements), result)


def network_forward(flow: Flow, network: ir.Network) -> Forward:
    """Return the `forward` of a network. Each feature map that is an output has a variable named after its stage."""
    value: Expression = INPUT
    start, maps = 0, []
    placed = stages(network)
    for end, stage in enumerate(network.stages, start=1):
        if stage.name not in network.outputs and end < len(network.stages):
            continue
        part = ir.Chain(tuple(placed[start:end]), network.x, network.y)
        units = s.Chain(network.program.network.chain.span, tuple(each.unit for each in part.units))
        value, start = flow.chain(units, [part], value, INPUT), end
        if stage.name in network.outputs:
            maps.append(flow.renamed(value, Variable(python_name(stage.name))))
            value = maps[-1]
    result = value if maps else flow.typed(value)
    return Forward(tuple(flow.statements), result, tuple(maps))


def stages(network: ir.Network) -> list[ir.Placed]:
    """Return the stages as the units of a chain; each has its name as its label."""
    return [
        ir.Placed(replace(stage.unit, label=s.Identifier(stage.unit.span, stage.name)), stage.layers, stage.x, stage.y)
        for stage in network.stages
    ]
