"""The table of a network's stages, like Table 1 of the paper."""

from scalec.cost.count import Cost, cost
from scalec.network.network import Network, Stage, operator_name
from scalec.table import table


def stage_table(network: Network) -> list[str]:
    """Return the table's lines: layers, output shape, parameters and multiply-adds of each stage, and the total."""
    rows: list[tuple[str, ...]] = [("stage", "operator", "layers", "output", "parameters", "multiply-adds")]
    rows += [_row(stage, cost(stage)) for stage in network.stages]
    total = cost(network)
    rows.append(("total", "", "", "", f"{total.params:,}", f"{total.macs:,}"))
    return table(rows, "<<><>>")


def _row(stage: Stage, counted: Cost) -> tuple[str, ...]:
    layers = str(len(stage.layers)) if stage.unit.repeat else ""
    figures = (f"{counted.params:,}" if counted.params else "", f"{counted.macs:,}" if counted.macs else "")
    return stage.name, operator_name(stage.unit, stage.layers[0]), layers, str(stage.y), *figures
