"""W403: resolutions just above a multiple of the total stride."""

from collections.abc import Iterator
from fractions import Fraction

from scalec.diagnostics.diagnostic import Diagnostic, Label
from scalec.diagnostics.source import Span
from scalec.lint.scales import Point, Survey, percent
from scalec.record import record
from scalec.solve.cost_table import NetworkTally

NEAR = Fraction(1, 100)
"""How far above a multiple of the total stride a resolution may be and still be called just above it."""
LESS = Fraction(5, 100)
"""The share of multiply-adds that fewer pixels must save to be worth a word."""


@record
class _Step:
    """A resolution, the one a little below it, and what both cost."""

    point: Point
    size: tuple[int, int]
    less: tuple[int, int]
    macs: int
    less_macs: int
    stride: int

    @property
    def saving(self) -> Fraction:
        return 1 - Fraction(self.less_macs, self.macs)


def staircase(survey: Survey) -> Iterator[Diagnostic]:
    """Warn of a resolution just above a multiple of the total stride, where a few pixels cost much."""
    steps = [step for point in survey.points if (step := _step(point)) is not None]
    by_place: dict[Span, list[_Step]] = {}
    for step in steps:
        by_place.setdefault(_resolution(survey, step.point), []).append(step)
    for span, here in by_place.items():
        yield _stair(survey, span, here)


def _resolution(survey: Survey, point: Point) -> Span:
    if point.span is not None:
        return point.span
    rule = survey.program.scales.get("H") or survey.program.scales.get("W")
    return rule.span if point.phi and rule else survey.program.network.input.span


def _step(point: Point) -> _Step | None:
    net = point.net
    stride = _total_stride(net) if net is not None and net.x.is_map else None
    if net is None or stride is None or not net.cost.macs:
        return None
    near = [max(1, int(NEAR * size)) for size in net.x.dims[:2]]
    above = [size % stride if size % stride <= most else 0 for size, most in zip(net.x.dims, near, strict=False)]
    less = [size - more for size, more in zip(net.x.dims, above, strict=False)]
    if tuple(less) == net.x.dims[:2] or min(less) < 1:
        return None
    smaller = point.at_size(less[0], less[1])
    if smaller is None:
        return None
    step = _Step(point, (net.x.height, net.x.width), (less[0], less[1]), net.cost.macs, smaller.cost.macs, stride)
    return step if step.saving >= LESS else None


def _total_stride(net: NetworkTally) -> int | None:
    """Return the power of two by which the smallest map is smaller than the image, or None if there is none."""
    height = min((stage.y.height for stage in net.stages if stage.y.is_map and stage.y.height > 1), default=0)
    strides = (2**power for power in range(1, 8))
    return next((each for each in strides if -(-net.x.height // each) == height), None)


def _stair(survey: Survey, span: Span, steps: list[_Step]) -> Diagnostic:
    first = steps[0]
    message = (
        f"{first.point.where}, {_size(first.size)} pixels cost {percent(Fraction(first.macs, first.less_macs) - 1)} "
        f"more than {_size(first.less)}"
    )
    notes = [_figures(first), *(f"{step.point.where}, too: {_figures(step)}" for step in steps[1:])]
    above, whole = first.size[0] - first.less[0], first.less[0] // first.stride
    notes.append(
        f"{first.size[0]} is {above} above {whole} · {first.stride}, and each stride rounds the map up to one more row"
    )
    help = _smaller(survey, first)
    return Diagnostic("W403", message, Label(span), notes=tuple(notes), help=help, severity="warning")


def _smaller(survey: Survey, step: _Step) -> str:
    """Return how to have the smaller resolution, where it is written."""
    height, width = step.less
    wide = survey.program.network.input.dims[1].value.span.text
    if step.point is survey.written:
        return f"write <{height}, {width}, …>"
    if step.point.span is not None:
        return (
            f"`r = {width}/{wide}` in this row"
            if "r" in step.point.setting.names
            else f"have {_size(step.less)} pixels"
        )
    help = f"round the resolution to the total stride: `round(r · H / {step.stride}) · {step.stride}`"
    return f"{help}, or `--set r={width}/{wide}`" if "r" in survey.program.file.constants() else help


def _figures(step: _Step) -> str:
    return (
        f"{step.macs:,} multiply-adds at {_size(step.size)}, {step.less_macs:,} at {_size(step.less)}: "
        f"{percent(step.saving)} fewer"
    )


def _size(size: tuple[int, int]) -> str:
    return str(size[0]) if size[0] == size[1] else f"{size[0]} × {size[1]}"
