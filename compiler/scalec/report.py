"""What `scalec cost` says: as a table for people, as JSON for machines. The JSON is a contract; pydantic states it."""

from fractions import Fraction

from pydantic import BaseModel

from scalec import exact
from scalec import syntax as s
from scalec.compiler import Compiled
from scalec.cost import Cost, cost
from scalec.footprint import INFERENCE, TRAINING
from scalec.header import operator_name
from scalec.ir import Network
from scalec.memory import memory


class StageCost(BaseModel):
    """One stage. Shapes are [height, width, channels], or [channels]."""

    name: str
    operator: str
    layers: int
    output: list[int]
    params: int
    macs: int
    activations: int


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
    stages: list[StageCost]
    ratio: Ratio


def cost_report(compiled: Compiled, exact: MemoryPeak | None = None) -> CostReport:
    """Count a compiled network; `exact` is what its memory was measured to be."""
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
        memory=Memory(inference=memory(network), training=memory(network, TRAINING), exact=exact),
        stages=[
            _stage(stage.name, operator_name(stage.unit), len(stage.layers), list(stage.y.dims), cost(stage))
            for stage in network.stages
        ],
        ratio=_ratio(compiled, counted),
    )


def _stage(name: str, operator: str, layers: int, output: list[int], counted: Cost) -> StageCost:
    return StageCost(
        name=name, operator=operator, layers=layers, output=output, params=counted.params, macs=counted.macs,
        activations=counted.activations,
    )  # fmt: skip


def _number(network: Network, key: str) -> exact.Number | None:
    file = network.program.file
    definition = file.params.get(key) or (file.lets[key].binding if key in file.lets else None)
    if definition is None or definition.parameters:
        return None
    value = network.scope.name(s.Name(definition.span, (definition.name,)))
    return value if isinstance(value, (Fraction, exact.Radical)) else None


def _lookup(network: Network, key: str) -> float | None:
    value = _number(network, key)
    return None if value is None else exact.approximate(value)


def _ratio(compiled: Compiled, counted: Cost) -> Ratio:
    network = compiled.network
    d, w, r = (_lookup(network, key) for key in "dwr")
    phi = _lookup(network, "phi")
    baseline = cost(compiled.baseline).macs
    return Ratio(
        nominal=None if d is None or w is None or r is None else d * w * w * r * r,
        power_of_two=None if phi is None else 2.0**phi,
        realised=counted.macs / baseline if baseline else 1.0,
    )


def cost_json(compiled: Compiled, exact: MemoryPeak | None = None) -> str:
    """Give the report as JSON."""
    return cost_report(compiled, exact).model_dump_json(indent=2)


def cost_table(compiled: Compiled, exact: MemoryPeak | None = None) -> str:
    """Give the report as a table."""
    report = cost_report(compiled, exact)
    rows = [("stage", "operator", "layers", "output", "parameters", "multiply-adds", "activations")]
    for stage in report.stages:
        output = f"<{', '.join(map(str, stage.output))}>"
        figures = (f"{n:,}" for n in (stage.params, stage.macs, stage.activations))
        rows.append((stage.name, stage.operator, str(stage.layers), output, *figures))  # type: ignore[arg-type]
    rows.append(("total", "", "", "", f"{report.params:,}", f"{report.macs:,}", f"{report.activations:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(7)]
    lines = [
        "  ".join(
            c.rjust(w) if i in (2, 4, 5, 6) else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([_head(compiled, report), "", *lines, "", *_foot(report)])


def _head(compiled: Compiled, report: CostReport) -> str:
    setting = compiled.network.setting
    scale = f" {setting.variant}" if setting.variant else f", φ = {setting.phi}" if setting.phi else ""
    return f"{report.network}{scale}, input <{', '.join(map(str, report.input))}>, batch 1"


def _foot(report: CostReport) -> list[str]:
    ratio = report.ratio
    grown = [f"realised {ratio.realised:.3f}"]
    grown += [f"d·w²·r² {ratio.nominal:.3f}"] if ratio.nominal is not None else []
    grown += [f"2^φ {ratio.power_of_two:.3f}"] if ratio.power_of_two is not None else []
    return [
        f"multiply-adds of convolutions and linear layers (the paper's FLOPS); twice that: {report.flops:,}",
        f"growth of multiply-adds over the baseline: {', '.join(grown)}",
        *_memory_lines(report.memory),
    ]


def _memory_lines(memory: Memory) -> list[str]:
    lines = []
    for key in ("inference", "training"):
        line = f"memory: {getattr(memory, key) / 2**20:,.1f} MiB ({getattr(memory.definitions, key)})"
        lines.append(line + (f"; PyTorch allocates {getattr(memory.exact, key):,} bytes" if memory.exact else ""))
    return lines
