"""W301 to W303: effects of rounding on shapes: conditions that change, paddings that change sides, unusual widths."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from scalec.diagnostics.diagnostic import Diagnostic, Label, plural
from scalec.diagnostics.source import Span
from scalec.language import syntax as s
from scalec.language.visit import names_in
from scalec.lint.scales import Point, Survey
from scalec.network import network as ir
from scalec.ops.convolution import Conv, pads
from scalec.program.dependence import shape_names
from scalec.program.evaluate import describe
from scalec.program.scope import LocalScope
from scalec.record import record
from scalec.solve.cost_table import StageTally

MULTIPLE = 8
MOST = 0.75
"""The share of convolutions whose channels are a multiple of 8 from which on the others are worth a word."""


def place(unit: s.Unit) -> Span:
    """Return the place of a stage that a message points to: its name, or what it calls."""
    if unit.label is not None:
        return unit.label.span
    return unit.head.name.span if isinstance(unit.head, s.Call) else unit.head.span


def called(survey: Survey, index: int) -> str:
    """Name a stage as the emitted file does."""
    label = survey.program.network.chain.units[index].label
    return label.span.text if label else f"stage{index + 1}"


def pairs(point: Point) -> Iterator[tuple[StageTally, StageTally]]:
    """Return each stage without the scale rules and with them."""
    if point.net is not None and point.plain is not None:
        plain = {stage.index: stage for stage in point.plain.stages}
        yield from ((plain[stage.index], stage) for stage in point.net.stages if stage.index in plain)


# W301


@record
class _Turn:
    """A condition of a block that holds in one of two networks."""

    condition: s.Expr
    holds: bool
    values: tuple[str, str]


@dataclass
class _Turns:
    stage: int
    turn: _Turn
    where: list[str] = field(default_factory=list)


def turning_conditions(survey: Survey) -> Iterator[Diagnostic]:
    """Warn where scaling makes a condition on a block's shape hold or fail: a shortcut that comes or goes."""
    found: dict[tuple[int, bool], _Turns] = {}
    for point in survey.points:
        for plain, scaled in pairs(point):
            for before, after in zip(plain.kept[:2], scaled.kept[:2], strict=False):
                for turn in _turns(before.node, after.node, None):
                    key = (scaled.index, turn.holds)
                    found.setdefault(key, _Turns(scaled.index, turn)).where.append(point.where)
    for turns in found.values():
        turn, unit = turns.turn, survey.program.network.chain.units[turns.stage]
        condition = " ".join(turn.condition.span.text.split())
        state = "holds" if turn.holds else "fails"
        stage = f"in {called(survey, turns.stage)} {turns.where[0]}"
        message = f"`{condition}` {state} {stage}, but not in the network as written"
        notes = [f"{turns.where[0]}, {turn.values[1]}; as written, {turn.values[0]}"]
        if more := list(dict.fromkeys(turns.where[1:])):
            notes.append(f"the same {', '.join(more[:6])}" + (" and more" if len(more) > 6 else ""))
        notes.append("a part that depends on this condition, such as a shortcut, exists only at some scales")
        help = "use an argument of the block as the condition, not the widths"
        others = (Label(turn.condition.span, "the condition"),) if _same(turn.condition, survey) else ()
        label = Label(place(unit), "in this stage")
        yield Diagnostic("W301", message, label, others, tuple(notes), help, "warning")


def _same(expr: s.Expr, survey: Survey) -> bool:
    return expr.span.source is survey.spec.span.source


Uses = tuple[ir.Block, ir.Block] | None
"""The block that both parts are in, as written and scaled."""


def _turns(before: ir.Node, after: ir.Node, uses: Uses, head: s.Wrap | None = None) -> Iterator[_Turn]:
    """Compare a part of both networks; `head` is how a wrapper is written."""
    match before, after:
        case ir.Block(), ir.Block() if before.definition is after.definition:
            yield from _chain_turns(before.chain, after.chain, (before, after))
        case ir.Group(), ir.Group():
            yield from _chain_turns(before.chain, after.chain, uses)
        case ir.Wrap(), ir.Wrap() if head is not None:
            for body, old, new in zip(head.bodies, before.bodies, after.bodies, strict=True):
                if old.holds != new.holds:
                    yield from _turn(body.condition, new.holds, uses)
                if old.chain is not None and new.chain is not None:
                    yield from _chain_turns(old.chain, new.chain, uses)


def _chain_turns(before: ir.Chain, after: ir.Chain, uses: Uses) -> Iterator[_Turn]:
    for was, now in zip(before.units, after.units, strict=False):
        if bool(was.nodes) != bool(now.nodes):
            yield from _turn(now.unit.guard, bool(now.nodes), uses)
        head = now.unit.head if isinstance(now.unit.head, s.Wrap) else None
        for old, new in zip(was.nodes[:2], now.nodes[:2], strict=False):
            yield from _turns(old, new, uses, head)


def _turn(condition: s.Expr | None, holds: bool, uses: Uses) -> Iterator[_Turn]:
    """Return a warning about a condition that depends on the input or output shape of a block."""
    if condition is None or uses is None:
        return
    named = sorted(names_in(condition) & shape_names(uses[0].definition.syntax))
    if not named:
        return
    shown = [
        ", ".join(f"{name} = {describe(use.scope.values[name])}" for name in named if name in use.scope.values)
        for use in uses
        if isinstance(use.scope, LocalScope)
    ]
    if len(shown) == len(uses):
        yield _Turn(condition, holds, (shown[0], shown[1]))


# W302


def uneven_paddings(survey: Survey) -> Iterator[Diagnostic]:
    """Warn where TensorFlow's padding is on other sides than as written: a map became odd, or even."""
    found: list[tuple[Point, StageTally, list[str]]] = []
    for point in survey.points:
        moved = [(stage, said) for plain, stage in pairs(point) if (said := _moved(plain, stage))]
        if moved:
            found.append((point, moved[0][0], [f"{called(survey, stage.index)} {said}" for stage, said in moved]))
    if not found:
        return
    point, first, stages = found[0]
    message = f"{point.where}, `same` pads {plural(len(stages), 'stage')} on other sides than as written"
    notes = [f"{point.where}: {'; '.join(stages[:4])}"]
    if len(found) > 1:
        notes.append(f"the same {', '.join(other.where for other, _, _ in found[1:7])}")
    notes.append("weights used at another of these sizes see the image shifted by up to a pixel in each such stage")
    help = "`padding = symmetric`, or resolutions that are multiples of the total stride"
    label = Label(place(survey.program.network.chain.units[first.index]), "from this stage on")
    yield Diagnostic("W302", message, label, notes=tuple(notes), help=help, severity="warning")


def _moved(plain: StageTally, scaled: StageTally) -> str:
    """Return how the first window of a stage whose padding moves is padded in both."""
    windows = zip(ir.leaves(plain.kept[0].node), ir.leaves(scaled.kept[0].node), strict=False)
    for old, new in windows:
        sides = [_sides(leaf) for leaf in (old, new)]
        if sides[0] and sides[1] and sides[0] != sides[1]:
            written, now = (f"{before} + {after}" for before, after in (sides[0], sides[1]))
            return f"pads {now} zeros on {new.x.height} rows, {written} on {old.x.height}"
    return ""


def _sides(leaf: ir.Leaf) -> tuple[int, int] | None:
    """Return the rows of zeros before and after, of a window that strides with TensorFlow's padding."""
    operator = leaf.operator
    stride, padding = getattr(operator, "stride", 1), getattr(operator, "padding", None)
    if padding != "same" or stride == 1 or not leaf.x.is_map:
        return None
    kernel = getattr(operator, "kernel", 1)
    return pads(leaf.x.height, kernel, stride, getattr(operator, "dilation", 1), padding)


# W303


def odd_widths(survey: Survey) -> Iterator[Diagnostic]:
    """Warn of channels that are no multiple of 8, written or scaled, where most are."""
    written = survey.written.net
    if written is not None and _share(written.stages) >= MOST:
        stages = {stage.index: _off(stage) for stage in written.stages if _off(stage)}
        if stages:
            yield _odd(survey, stages, "as written", ())
            return
    found: list[tuple[Point, dict[int, list[int]]]] = []
    for point in survey.points:
        if point.plain is None or _share(point.plain.stages) < MOST:
            continue
        stages = {now.index: _off(now) for was, now in pairs(point) if _off(now) and not _off(was)}
        if stages:
            found.append((point, stages))
    if found:
        yield _odd(survey, found[0][1], found[0][0].where, tuple(point.where for point, _ in found[1:]))


def _odd(survey: Survey, stages: dict[int, list[int]], where: str, also: tuple[str, ...]) -> Diagnostic:
    unit = survey.program.network.chain.units[next(iter(stages))]
    shown = [f"{called(survey, index)} ({', '.join(map(str, sizes[:3]))})" for index, sizes in stages.items()]
    message = (
        f"{where}, convolutions of {plural(len(stages), 'stage')} give channels that are no multiple of {MULTIPLE}"
    )
    notes = [", ".join(shown[:6]) + (f" and {len(shown) - 6} more" if len(shown) > 6 else "")]
    if also:
        notes.append(f"the same {', '.join(also[:6])}" + (" and more" if len(also) > 6 else ""))
    notes.append(
        "in half precision, tensor cores and vector units process 8 channels at a time; a part of the work is wasted"
    )
    help = "round widths: `to_multiple(…, 8)`"
    return Diagnostic("W303", message, Label(place(unit), "here first"), (), tuple(notes), help, "warning")


def _convolutions(stage: StageTally) -> list[int]:
    """Return the channels that convolutions on maps give; what is squeezed to one pixel costs too little to count."""
    return [
        leaf.y.channels
        for layer in stage.kept[:2]
        for leaf in ir.leaves(layer.node)
        if isinstance(leaf.operator, Conv) and leaf.y.height * leaf.y.width > 1
    ]


def _off(stage: StageTally) -> list[int]:
    return list(dict.fromkeys(size for size in _convolutions(stage) if size % MULTIPLE))


def _share(stages: tuple[StageTally, ...]) -> float:
    sizes = [size for stage in stages for size in _convolutions(stage)]
    return sum(size % MULTIPLE == 0 for size in sizes) / len(sizes) if sizes else 0.0
