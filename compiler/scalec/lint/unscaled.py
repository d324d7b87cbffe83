"""W406: squeezes and heads that do not scale with the rest."""

from collections.abc import Iterator
from fractions import Fraction

from scalec.diagnostics.diagnostic import Diagnostic, Label, plural
from scalec.language.visit import names_in
from scalec.lint.scales import Survey
from scalec.lint.shapes import called, place
from scalec.network import network as ir
from scalec.network.scale import channel_dim, scales_channels
from scalec.ops.convolution import Conv
from scalec.ops.linear import Linear
from scalec.record import record

WIDE = Fraction(8)
"""The w at which a width that is the same as at 1 is a constant: beyond what a minimum such as `max(8, …)` holds."""


def unscaled_parts(survey: Survey) -> Iterator[Diagnostic]:
    """Warn of a squeeze, or a head, whose width is a constant inside a block while all else grows with w."""
    program = survey.program
    if "w" not in program.file.constants() or "w" not in survey.tally.rule_names.get("C", ()):
        return
    one = survey.unscaled(survey.written)
    two = survey.tally.at({"w": WIDE}, one.setting)
    if one.net is None or two is None or len(one.net.stages) != len(two.stages):
        return
    last = max((index for index, unit in enumerate(program.network.chain.units) if unit.repeat), default=0)
    grown = total = 0
    found: list[_Constant] = []
    for before, after in zip(one.net.stages, two.stages, strict=True):
        unit = program.network.chain.units[before.index]
        fixed = channel_dim(unit) is not None and not scales_channels(program, before.index)
        free = frozenset(program.network_parameters)
        parts = (_widths(stage.kept[0].node, fixed, free) for stage in (before, after))
        widths = zip(*parts, strict=False)
        for (old, gated, pinned), (new, _, _) in widths:
            total += 1
            grown += new.y.channels > old.y.channels
            constant = new.y.channels == old.y.channels and new.x.channels > old.x.channels and not pinned
            # A squeeze may be a share of what the stage takes, or gives.
            grows = after.x.channels > before.x.channels and after.y.channels > before.y.channels
            if constant and (grows if gated else before.index > last):
                found.append(_Constant(before.index, gated, old.y.channels, (old.x.channels, new.x.channels)))
    if 2 * grown > total:
        yield from _constants(survey, found)


@record
class _Constant:
    """Something with weights that keeps its channels though it takes more of them: at w = 1 and at `WIDE`."""

    stage: int
    gated: bool
    channels: int
    takes: tuple[int, int]


def _widths(
    node: ir.Node | ir.Chain, fixed: bool, free: frozenset[str], gated: bool = False, given: str | None = None
) -> Iterator[tuple[ir.Leaf, bool, bool]]:
    """Give what has weights, whether it stands in a `gate`, and whether the network fixes its width by what it writes.

    `free` are the network's parameters; `given` is the symbol by which a block knows the channels that it is to give.
    """
    match node:
        case ir.Leaf() if isinstance(node.operator, (Conv, Linear)):
            yield node, gated, fixed
        case ir.Block():
            yield from _widths(node.chain, fixed, free, gated, node.definition.gives or "")
        case ir.Group():
            yield from _widths(node.chain, fixed, free, gated, given)
        case ir.Wrap():
            for chain in node.present:
                yield from _widths(chain, fixed, free, gated or node.kind == "gate", given)
        case ir.Chain():
            for placed in node.units:
                dim = channel_dim(placed.unit)
                names = names_in(dim.value) if dim is not None else set()
                passed = fixed and (dim is None or given is None or given in names)
                own = dim is not None and (dim.pinned or (given is None and bool(names & free)))
                for inner in placed.nodes[:1]:
                    yield from _widths(inner, passed or own, free, gated, given)


def _constants(survey: Survey, found: list[_Constant]) -> Iterator[Diagnostic]:
    units = survey.program.network.chain.units
    for gated in (True, False):
        here = [each for each in found if each.gated == gated]
        if not here:
            continue
        what, first = "squeeze" if gated else "head", here[0]
        stages = list(dict.fromkeys(called(survey, each.stage) for each in here))
        message = f"the {what} in {stages[0]} keeps {plural(first.channels, 'channel')} whatever w is"
        notes = [f"it takes {first.takes[0]:,} channels at w = 1 and {first.takes[1]:,} at w = {WIDE}"]
        if len(stages) > 1:
            notes.append(f"the same in {', '.join(stages[1:7])}")
        help = (
            "make it a share of the block's channels, as in `floor(C/4)`"
            if gated
            else "let the network write it after `→`, where width scales it; or pin it there with `=`"
        )
        label = Label(place(units[first.stage]), "in this stage")
        yield Diagnostic("W406", message, label, (), tuple(notes), help, "warning")
