"""The output of `scalec cost`: a table for people, JSON for machines. pydantic defines the JSON's stable schema."""

from pydantic import BaseModel

from scalec.cost.compiled import Compiled
from scalec.cost.conventions import CONVENTIONS
from scalec.cost.conventions import counted as counted_by
from scalec.cost.count import Cost, cost, total
from scalec.cost.growth import growth
from scalec.cost.memory.peak import memory
from scalec.cost.receptive_field import bytes_moved, receptive_fields
from scalec.language import exact
from scalec.network.network import Leaf, Network, leaves, operator_name
from scalec.ops.shape import Shape
from scalec.program.memory_call import INFERENCE, TRAINING
from scalec.record import record
from scalec.table import table


class StageCost(BaseModel):
    """One stage. Shapes are [height, width, channels], or [channels]."""

    name: str
    operator: str
    layers: int
    output: list[int]
    params: int
    buffers: int
    macs: int
    activations: int
    bytes_moved: int
    receptive_field: int | None
    """Rows of the input that one output sees; nothing for parts of a stage."""


class Convention(BaseModel):
    """The whole network as another tool counts it."""

    name: str
    definition: str
    count: int


class MemoryPeak(BaseModel):
    """Peak memory in bytes, of inference and of one step of training."""

    inference: int
    training: int


class MemoryDefinitions(BaseModel):
    """What the figures of the same name are: batch, precision, optimizer, and what is counted."""

    inference: str = str(INFERENCE)
    training: str = str(TRAINING)


class Memory(MemoryPeak):
    """Peak memory in bytes as `memory` predicts it; `exact` is what PyTorch allocates, if that was asked for."""

    definitions: MemoryDefinitions = MemoryDefinitions()
    exact: MemoryPeak | None = None


class Ratio(BaseModel):
    """Growth over the baseline: of d·w²·r² by the spec's lets, 2^φ, and of the multiply-adds as they are."""

    nominal: float | None
    power_of_two: float | None
    realised: float


class CostReport(BaseModel):
    """The JSON of `scalec cost`: for a batch of one; `macs` are the paper's FLOPS, `flops` twice that."""

    network: str
    phi: float | None
    variant: str | None
    input: list[int]
    params: int
    buffers: int
    macs: int
    flops: int
    activations: int
    memory: Memory
    bytes_moved: int
    receptive_field: int
    convention: Convention
    stages: list[StageCost]
    ratio: Ratio


@record
class Wanted:
    """What to report: the rows (`stage`, `layer`, `operator`), whose convention, the memory if it was measured."""

    detail: str = "stage"
    convention: str = "macs"
    exact: MemoryPeak | None = None


def cost_report(compiled: Compiled, wanted: Wanted) -> CostReport:
    """Count a compiled network."""
    network = compiled.network
    counted = cost(network)
    return CostReport(
        network=network.name,
        phi=_lookup(network, "phi"),
        variant=network.setting.variant,
        input=list(network.x.dims),
        params=counted.params,
        buffers=counted.buffers,
        macs=counted.macs,
        flops=2 * counted.macs,
        activations=counted.activations,
        memory=Memory(inference=memory(network), training=memory(network, TRAINING), exact=wanted.exact),
        bytes_moved=bytes_moved(network),
        receptive_field=receptive_fields(network)[-1],
        convention=Convention(
            name=wanted.convention,
            definition=CONVENTIONS[wanted.convention],
            count=counted_by(network, wanted.convention),
        ),
        stages=_rows(network, wanted.detail),
        ratio=_ratio(compiled, counted),
    )


def _rows(network: Network, detail: str) -> list[StageCost]:
    rows: list[StageCost] = []
    for stage, field in zip(network.stages, receptive_fields(network), strict=True):
        named = operator_name(stage.unit, stage.layers[0])
        rows.append(_row(stage.name, named, len(stage.layers), stage.y, list(leaves(stage)), field))
        for position, layer in enumerate(stage.layers if detail != "stage" else ()):
            name = f"{stage.name}.{position}" if stage.unit.repeat else stage.name
            parts = list(leaves(layer))
            if len(stage.layers) > 1:
                rows.append(_row(name, operator_name(stage.unit, layer), 1, layer.y, parts))
            if detail == "operator" and len(parts) > 1:
                rows += [_row(f"{name} {n}", p.operator.name, 1, p.y, [p]) for n, p in enumerate(parts, 1)]
    return rows


def _row(name: str, operator: str, layers: int, y: Shape, parts: list[Leaf], field: int | None = None) -> StageCost:
    counted = total(parts)
    return StageCost(
        name=name, operator=operator, layers=layers, output=list(y.dims), params=counted.params,
        buffers=counted.buffers, macs=counted.macs, activations=counted.activations,
        bytes_moved=sum(map(bytes_moved, parts)), receptive_field=field,
    )  # fmt: skip


def _lookup(network: Network, key: str) -> float | None:
    value = network.number(key)
    return None if value is None else exact.approximate(value)


def _ratio(compiled: Compiled, counted: Cost) -> Ratio:
    network = compiled.network
    nominal = growth(*(network.number(key) for key in "dwr"))
    phi = _lookup(network, "phi")
    baseline = cost(compiled.baseline).macs
    return Ratio(
        nominal=None if nominal is None else exact.approximate(nominal),
        power_of_two=None if phi is None else 2.0**phi,
        realised=counted.macs / baseline if baseline else 1.0,
    )


def cost_json(compiled: Compiled, wanted: Wanted) -> str:
    """Return the report as JSON."""
    return cost_report(compiled, wanted).model_dump_json(indent=2)


def cost_table(compiled: Compiled, wanted: Wanted) -> str:
    """Return the report as a table."""
    report = cost_report(compiled, wanted)
    rows = [["stage", "operator", "layers", "output", "parameters", "multiply-adds", "activations", "sees"]]
    for stage in report.stages:
        figures = [f"{n:,}" if n else "" for n in (stage.params, stage.macs, stage.activations)]
        seen = f"{stage.receptive_field:,}" if stage.receptive_field else ""
        rows.append([stage.name, stage.operator, str(stage.layers), str(Shape(tuple(stage.output))), *figures, seen])
    rows.append(["total", "", "", "", f"{report.params:,}", f"{report.macs:,}", f"{report.activations:,}", ""])
    return "\n".join([_head(compiled, report), "", *table(rows, "<<><>>>>"), "", *_foot(report)])


def _head(compiled: Compiled, report: CostReport) -> str:
    setting = compiled.network.setting
    scale = f" {setting.variant}" if setting.variant else f", φ = {setting.phi}" if setting.phi else ""
    return f"{report.network}{scale}, input <{', '.join(map(str, report.input))}>, batch 1"


def _foot(report: CostReport) -> list[str]:
    ratio, counted = report.ratio, report.convention
    grown = [f"realised {ratio.realised:.3f}"]
    grown += [f"d·w²·r² {ratio.nominal:.3f}"] if ratio.nominal is not None else []
    grown += [f"2^φ {ratio.power_of_two:.3f}"] if ratio.power_of_two is not None else []
    return [
        f"multiply-adds of convolutions and linear layers (the paper's FLOPS); twice that: {report.flops:,}",
        f"growth of multiply-adds over the baseline: {', '.join(grown)}",
        f"receptive field: {report.receptive_field:,} rows, the input has {report.input[0]:,}",
        f"bytes moved: {report.bytes_moved / 1e6:,.1f} MB (float32, each operator's input, output and parameters)",
        *([f"{counted.name}: {counted.count:,} ({counted.definition})"] if counted.name != "macs" else []),
        *_memory_lines(report.memory),
    ]


def _memory_lines(memory: Memory) -> list[str]:
    lines = []
    for key in ("inference", "training"):
        line = f"memory: {getattr(memory, key) / 2**20:,.1f} MiB ({getattr(memory.definitions, key)})"
        found = f"; PyTorch: {getattr(memory.exact, key) / 2**20:,.1f} MiB" if memory.exact else ""
        lines.append(line + found)
    return lines
