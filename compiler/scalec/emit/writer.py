"""Writes the classes of an emitted file. The walk over a chain (`network.flow`) also writes the constructor.

`network.flow.Flow` documents its methods.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import count as counted

from scalec.emit.classes import Kind, Kinds, has_loop
from scalec.emit.contexts import BlockContext, ClassView, Context, unit_name
from scalec.emit.modules import Modules
from scalec.emit.shape_comments import Comment, channel_dim
from scalec.emit.symbols import Untranslatable
from scalec.language import syntax as s
from scalec.language.unparse import spell
from scalec.network import network as ir
from scalec.network.flow import Flow
from scalec.network.forward import Condition, Flag
from scalec.network.uses import Bodies, Placed, Uses, uses
from scalec.ops.code import NOT, OR, Call, Choice, Code, Several, call, code, flag, sequential, whole
from scalec.record import record

IDENTITY = call("nn.Identity")
SEVERAL = 4
"""From how many lines on that differ in one number, or in nothing, they are a loop."""


@record
class Known:
    """The channels at a point of a chain, and the shape as the signature writes it; nothing: it has no spelling."""

    channels: Code | None
    dims: tuple[str, ...] | None


class Writer(Flow):
    """Writes one class."""

    def __init__(self, context: Context, kinds: Kinds, views: dict[Kind, ClassView]) -> None:
        super().__init__()
        self.context, self.kinds = context, kinds
        self.modules = Modules(context, kinds, views)
        self.init: list[tuple[str, Code | Call | Choice]] = []
        self.flag_names: dict[str, str] = {}
        self.unknown = False
        self.irregular = False
        """Whether there is a repeat that a loop was to say and cannot."""
        self.shapes = Comment(context.definition.syntax.input) if isinstance(context, BlockContext) else None

    # Conditions

    def presence(self, unit: s.Unit, placed: Placed, shaded: Placed) -> Condition | bool:
        if unit.guard is None:
            return True
        there = [None if each is None else bool(each.nodes) for each in placed]
        expected = [bool(each.nodes) for each in shaded if each is not None]
        return self._presence(unit.guard, unit_name(unit), there, expected)

    def body_presence(self, of: Bodies, kind: str) -> Condition | bool:
        if of.body.condition is None:
            return True
        there = [None if each is None else each.holds for each in of.made]
        expected = [each.holds for each in of.shadows if each is not None]
        return self._presence(of.body.condition, kind, there, expected)

    def _presence(
        self, written: s.Expr, name: str, there: Sequence[bool | None], expected: list[bool]
    ) -> Condition | bool:
        """Translate a condition that is open; `there` says whether it holds in each use, `expected` in any class."""
        if not isinstance(self.context, BlockContext):
            return any(expected)
        if not self.context.depends_on_shape(written) and len(set(expected)) == 1:
            return expected[0]
        condition = self.context.folded(written)
        if isinstance(condition, bool):
            return condition
        try:
            code = self.context.symbols.flag(condition)
        except Untranslatable:
            values = [None if holds is None else flag(holds) for holds in there]
            code = self.context.lift(f"use_{name}", "", "bool", flag(False), values, spell(written))
        return Condition(code, tuple(there))

    def flag(self, unit: s.Unit, condition: Condition, prefix: str, kind: str = "") -> Flag:
        code = condition.code
        assert code is not None
        if code.text not in self.flag_names:
            labelled = unit.label and isinstance(unit.head, s.Wrap)
            named = code.text if code.text.isidentifier() else ""
            wanted = unit_name(unit) if labelled else named or kind or f"use_{unit_name(unit)}"
            self.flag_names[code.text] = self.context.naming.free(prefix + wanted, own=bool(labelled))
            self.init.append((f"self.{self.flag_names[code.text]}", code))
        return Flag(self.flag_names[code.text], condition.holds)

    # Modules

    def module(self, use: Uses, placed: Placed, shaded: Placed, condition: Condition | None, prefix: str) -> str:
        name = self.context.naming.free(prefix + unit_name(use.unit), own=use.unit.label is not None)
        made = self._layers(use, placed, shaded, name)
        there = self._existence(condition)
        self.init.append((f"self.{name}", made if there is None else Choice(made, there, IDENTITY)))
        return name

    def _layers(self, use: Uses, placed: Placed, shaded: Placed, name: str) -> Call:
        """Return what makes a unit: one module, or under an exponent one line a layer."""
        if use.unit.repeat is None:
            return self.modules.module(use, name, self.flat)
        context = self.context
        if isinstance(context, BlockContext) and context.definition not in self.kinds.unrolled and has_loop(use.unit):
            count = self._count(use, use.unit.repeat.count, placed, context)
            if not isinstance(count.value, Fraction) or count.value >= SEVERAL:
                return self._loop(use, placed, shaded, name, count, context)
        length = max([1, *(len(p.nodes) for p in shaded if p is not None)])
        layers = [self._layer(use, placed, shaded, name, position) for position in range(length)]
        return sequential(_with_loops(layers) if isinstance(use.sample, ir.Block) else layers)

    def _layer(self, use: Uses, placed: Placed, shaded: Placed, name: str, position: int) -> Call:
        each = uses(_alternative(use.unit, position), placed, shaded, position, use.guarded)
        assert each is not None
        return self.modules.module(each, name, self.flat)

    def _count(self, use: Uses, written: s.Expr, placed: Placed, context: BlockContext) -> Code:
        """Return how many layers there are."""
        try:
            return context.symbols.whole(written)
        except Untranslatable:
            values = [None if each is None or not each.nodes else code(len(each.nodes)) for each in placed]
            return context.lift("count", unit_name(use.unit), "int", code(0) if use.guarded else None, values)

    def _loop(self, use: Uses, placed: Placed, shaded: Placed, name: str, count: Code, context: BlockContext) -> Call:
        """Say all layers at once, or those behind the first: they get what they give, so they are one text."""
        outer, before = context.layer, self.modules.channels
        context.layer = _numbered(f"{name}.0")
        first = self._layer(use, placed, shaded, name, 0)
        between = self.modules.channels
        context.layer = _numbered(f"{name}.{int(before != between)}")
        later = self._layer(use, placed, shaded, name, 1)
        context.layer = outer
        self.irregular = self.irregular or self.modules.channels != between
        if first == later:
            return sequential([Several(first, "_", (count,))])
        return sequential([first, Several(later, "_", (count - 1,))])

    def _existence(self, condition: Condition | None) -> Code | None:
        """Return under which condition a module exists: the flags around it, and its own `when`."""
        terms = [f"self.{name}" for name in dict.fromkeys(self.flags)]
        code = condition.code if condition is not None else None
        if code is not None and code.text in self.flag_names:
            code = Code(f"self.{self.flag_names[code.text]}")
        if code is not None and code.text not in terms:
            terms.append(code.inside(NOT if terms else OR))
        return Code(" and ".join(terms)) if terms else None

    def passed(self, use: Uses, node: ir.Leaf) -> None:
        modules = self.modules
        if modules.channels is not None:
            modules.channels = modules.passed_on(use, node, unit_name(use.unit), modules.channels)

    # Channels and shapes

    def channels(self) -> Known:
        return Known(self.modules.channels, self.shapes.dims if self.shapes else None)

    def back(self, known: Known) -> None:
        self.modules.channels = known.channels
        if self.shapes:
            self.shapes.dims = known.dims

    def settle(self, use: Uses, shaded: Placed, condition: Condition, before: Known) -> None:
        first, after = before.channels, self.modules.channels
        if first is None or after is None:
            self.modules.channels = None
        elif first.text != after.text and not self._same_if_absent(use.unit, shaded, first, after):
            assert isinstance(self.context, BlockContext) and condition.code is not None
            name = self.context.arguments.free(f"{unit_name(use.unit)}_width")
            then, test = Code(after.inside(OR)), Code(condition.code.inside(OR))
            self.init.append((name, Choice(then, test, first)))
            self.modules.channels = Code(name)
            self.unknown = True

    def _same_if_absent(self, unit: s.Unit, shaded: Placed, before: Code, after: Code) -> bool:
        """Return whether a unit gives the channels that it gets wherever its `when` does not hold, at every scale."""
        assert isinstance(self.context, BlockContext) and unit.guard is not None
        if self.context.equal_unless(unit.guard, before, after):
            return True
        dim = channel_dim(unit)
        if dim is None or self.context.is_lifted(after) or self.context.depends_on_shape(unit.guard):
            return False
        absent = [position for position, each in enumerate(shaded) if each is not None and not each.nodes]
        return all(self.context.is_always(dim.value, before, position) for position in absent)

    def summed(self, ends: list[Known]) -> None:
        # What is always there knows the channels best.
        self.modules.channels = next((end.channels for end in ends if end.channels is not None), None)

    def concatenated(self, kind: str, before: Known, starts: list[Known], ends: list[Known]) -> None:
        widths = [end.channels for end in ends if end.channels is not None]
        total = None
        if len(widths) == len(ends):
            total = widths[0]
            for width in widths[1:]:
                total = total + width
        kept = [start.channels and start.channels.text for start in starts]
        if kind == "split" and kept == [end.channels and end.channels.text for end in ends] and None not in kept:
            total = before.channels
        self.back(Known(total, None))

    def parts(self, use: Uses, known: Known, prefix: str) -> tuple[str | None, list[Known]]:
        count = len(use.bodies())
        if known.channels is None:
            raise AssertionError("the channels of a split are not known")
        first, share = self._shares(known.channels, count, prefix)
        starts = [Known(first, None), *[Known(share, None)] * (count - 1)]
        if count == 2:
            return None, starts
        name = self.context.naming.free(f"{prefix}sizes")
        self.init.append((f"self.{name}", Code(f"({', '.join([first.text, *[share.text] * (count - 1)])})")))
        return name, starts

    def _shares(self, channels: Code, count: int, prefix: str) -> tuple[Code, Code]:
        """Return the channels of the first part and of the others; where both are long, each has a name."""
        share = channels // count
        if count == 2 or isinstance(share.value, Fraction):
            return channels - share * (count - 1), share
        assert isinstance(self.context, BlockContext)
        other = Code(self.context.arguments.free(f"{prefix}share"))
        first = Code(self.context.arguments.free(f"{prefix}first"))
        self.init.append((other.text, share))
        self.init.append((first.text, channels - other * (count - 1)))
        return first, other

    def comment(self, use: Uses, placed: Placed) -> str:
        if self.shapes is None:
            node = use.sample if use.unit.repeat is None or placed[0] is None else placed[0]
            pools = isinstance(node, ir.Leaf) and node.operator.rewriting.flat_forward is not None
            if node.x == node.y and not (self.flat and pools):
                return ""
            return f"<{node.y.channels}>" if self.flat else str(node.y)
        text = self.shapes.after(use.unit, use.sample)
        if self.unknown:  # two widths have no one spelling
            self.shapes.dims, text, self.unknown = None, "", False
        return text

    def joined_comment(self, wrap: ir.Wrap) -> str:
        return str(wrap.y) if self.shapes is None and wrap.x != wrap.y else ""


def _alternative(unit: s.Unit, position: int) -> s.Unit:
    """Return the unit that stands for one layer of `(F, G)^L`."""
    if not isinstance(unit.head, s.Group) or len(unit.head.chains) < 2:
        return unit
    chain = unit.head.chains[min(position, len(unit.head.chains) - 1)]
    if len(chain.units) == 1:
        inner = chain.units[0]
        return s.Unit(inner.span, inner.label, inner.head, None, inner.ascription or unit.ascription, None, False)
    head = s.Group(chain.span, (chain,))
    return s.Unit(unit.span, unit.label, head, None, unit.ascription, None, False)


def _numbered(layer: str) -> Iterator[str]:
    """Name what a layer says, in the order in which it does."""
    return map(f"{layer} {{}}".format, counted())


def _with_loops(layers: list[Call]) -> list[Call | Several]:
    """Make loops of layers in a row that differ in one number of channels, which grows evenly."""
    found: list[Call | Several] = []
    start = 0
    while start < len(layers):
        first, end = layers[start], start + 1
        growth = _growth(first, layers[end]) if end < len(layers) else None
        while growth and end < len(layers) and _growth(layers[end - 1], layers[end]) == growth:
            end += 1
        if growth and end - start >= SEVERAL:
            place, step = growth
            found.append(_counting(first, place, step, end - start))
            start = end
        else:
            found.append(first)
            start += 1
    return found


def _growth(one: Call, other: Call) -> tuple[int, Fraction] | None:
    """Return which number given by position is greater in another call that is the same otherwise, and by how much."""
    if (one.name, len(one.arguments)) != (other.name, len(other.arguments)):
        return None
    apart = [place for place, pair in enumerate(zip(one.arguments, other.arguments, strict=True)) if pair[0] != pair[1]]
    if len(apart) != 1:
        return None
    (keyword, before), (_, after) = one.arguments[apart[0]], other.arguments[apart[0]]
    if keyword or not (isinstance(before, Code) and isinstance(after, Code)):
        return None
    if not (isinstance(before.value, Fraction) and isinstance(after.value, Fraction) and before.value < after.value):
        return None
    return apart[0], after.value - before.value


def _counting(first: Call, place: int, step: Fraction, length: int) -> Several:
    """Make a loop over a number of channels, from that of the first layer on."""
    start = first.arguments[place][1]
    assert isinstance(start, Code)
    varied = (*first.arguments[:place], ("", Code("channels")), *first.arguments[place + 1 :])
    made = Call(first.name, varied, first.exploded)
    return Several(made, "channels", (start, start + whole(step * length), whole(step)))
