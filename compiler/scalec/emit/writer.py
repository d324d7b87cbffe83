"""The walk over a chain that writes a class: attributes for `__init__`, lines for `forward`."""

from collections.abc import Callable, Sequence

from scalec.emit.classes import Kind, Kinds
from scalec.emit.contexts import BlockContext, ClassView, Context, unit_name
from scalec.emit.modules import Modules, Uses, uses
from scalec.emit.shape_comments import Comment, channel_dim
from scalec.emit.symbols import Untranslatable
from scalec.emit.wrapper import Wrappers
from scalec.language import syntax as s
from scalec.language.unparse import spell
from scalec.network import network as ir
from scalec.network.forward import Forward
from scalec.network.repetition import is_sequential
from scalec.ops.code import NOT, OR, Call, Choice, Code, call, flag, sequential

IDENTITY = call("nn.Identity")
Placed = Sequence[ir.Placed | None]


class Writer(Wrappers):
    """Writes one class."""

    def __init__(self, context: Context, kinds: Kinds, views: dict[Kind, ClassView]) -> None:
        self.context = context
        self.modules = Modules(context, kinds, views)
        self.init: list[tuple[str, Code | Call | Choice]] = []
        self.flags: dict[str, str] = {}
        self.forward = Forward()
        self.optional = False
        self.unknown = False
        self.branches: tuple[str, ...] = ()
        """The flags under which what is being written exists at all."""
        self.comment = Comment(context.definition.syntax.input) if isinstance(context, BlockContext) else None

    def chain(
        self, chain: s.Chain | None, chains: Sequence[ir.Chain | None], value: str, target: str, prefix: str = "",
        shadows: Sequence[ir.Chain | None] | None = None,
    ) -> str:  # fmt: skip
        """Write a chain that starts from `value`, binding `target` on the way; give the value at its end.

        A chain that not all uses have is optional and comes with its `shadows`: what would stand there.
        """
        outer, self.optional = self.optional, self.optional or shadows is not None
        units = chain.units if chain else ()
        placed, shaded = (
            [[c.units[index] if c is not None else None for c in each] for index in range(len(units))]
            for each in (chains, shadows or chains)
        )
        found = [uses(u, p, q, optional=self.optional) for u, p, q in zip(units, placed, shaded, strict=True)]
        for index, (unit, use) in enumerate(zip(units, found, strict=True)):
            condition = self._guard(unit, placed[index], shaded[index])
            if use is None or condition is False:
                continue
            later = [each for each in found[index + 1 :] if each is not None]
            open_ = None if condition is True else condition
            value = self._unit(use, placed[index], shaded[index], open_, value, target, prefix, later)
        self.optional = outer
        return value

    def _guard(self, unit: s.Unit, placed: Placed, shaded: Placed) -> Code | bool:
        """Give the guard of a unit, or whether it holds if that is the same at every scale."""
        if unit.guard is None:
            return True
        if not isinstance(self.context, BlockContext):
            return any(p is not None and p.nodes for p in placed)
        present = [bool(p.nodes) for p in shaded if p is not None]
        if not self.context.depends_on_shape(unit.guard) and len(set(present)) == 1:
            return present[0]
        guard = self.context.folded(unit.guard)
        if isinstance(guard, bool):
            return guard
        try:
            return self.context.symbols.flag(guard)
        except Untranslatable:
            values = [None if p is None else flag(bool(p.nodes)) for p in placed]
            return self.context.lift(f"use_{unit_name(unit)}", "", "bool", flag(False), values, spell(unit.guard))

    def _unit(
        self, use: Uses, placed: Placed, shaded: Placed, condition: Code | None, value: str, target: str, prefix: str,
        later: list[Uses],
    ) -> str:  # fmt: skip
        node = use.sample
        if isinstance(node, ir.Wrap):
            return self._guarded_wrap(use, shaded, condition, value, target, prefix)
        value = self.forward.variable(value, target)
        if isinstance(node, ir.Group) and not is_sequential(use.unit, node):
            return self._spliced(use, shaded, condition, value, target, prefix)
        before = self.modules.channels
        if isinstance(node, ir.Leaf) and node.operator.rewriting.to_vector and self.modules.flat:
            self.modules.flat = False
            return value
        if isinstance(node, ir.Leaf) and node.operator.functional:
            text = self._function(use, node, value, later)
            if condition is not None:
                text = f"{text} if self.{self.flag(use.unit, condition, prefix)} else {value}"
        else:
            name = self.context.naming.free(prefix + unit_name(use.unit), own=use.unit.label is not None)
            flat = self.modules.flat
            self._attribute(name, self._layers(use, placed, shaded, name), condition)
            nodes = (node for each in placed if each is not None for node in each.nodes)
            self.modules.kinds.attributes.update((id(node), name) for node in nodes)
            flatten = isinstance(node, ir.Leaf) and node.operator.rewriting.takes_vector and node.x.is_map and not flat
            text = f"self.{name}({value}{'.flatten(1)' if flatten else ''})"
        if condition is not None:
            self._settle(use, shaded, condition, before)
        return self.forward.assign(target, text, self._shape(use, placed))

    def _guarded_wrap(
        self, use: Uses, shaded: Placed, condition: Code | None, value: str, target: str, prefix: str
    ) -> str:
        if condition is None:
            return self.wrap(use, value, target, prefix)
        before = self.modules.channels
        value = self.forward.variable(value, target)
        outer, self.optional = self.optional, True
        name = self.flag(use.unit, condition, prefix, "wrapped")
        result = self._only_if(name, value, target, lambda: self.wrap(use, value, target, prefix))
        self.optional = outer
        self._settle(use, shaded, condition, before)
        return result

    def _only_if(self, name: str, value: str, target: str, write: Callable[[], str]) -> str:
        """Write lines that run where a flag holds, from `value` to `target`."""
        if target != value:
            self.forward.assign(target, value)
        outer, self.branches = self.branches, (*self.branches, name)
        start = len(self.forward.lines)
        result = write()
        if result != target:
            self.forward.assign(target, result)
        self.branches = outer
        self.forward.only_if(name, self.forward.since(start))
        return target

    def _layers(self, use: Uses, placed: Placed, shaded: Placed, name: str) -> Call:
        """Give what makes a unit: one module, or under an exponent one line a layer."""
        if use.unit.repeat is None:
            return self.modules.module(use, name)
        count = max([1, *(len(p.nodes) for p in shaded if p is not None)])
        layers = []
        for position in range(count):
            each = uses(_alternative(use.unit, position), placed, shaded, position, use.guarded)
            assert each is not None
            layers.append(self.modules.module(each, name))
        return sequential(layers)

    def _attribute(self, name: str, module: Call, condition: Code | None) -> None:
        terms = [f"self.{name}" for name in dict.fromkeys(self.branches)]
        if condition is not None and condition.text in self.flags:
            condition = Code(f"self.{self.flags[condition.text]}")
        if condition is not None and condition.text not in terms:
            terms.append(condition.inside(NOT if terms else OR))
        condition = Code(" and ".join(terms)) if terms else None
        self.init.append((f"self.{name}", module if condition is None else Choice(module, condition, IDENTITY)))

    def _settle(self, use: Uses, shaded: Placed, condition: Code, before: Code | None) -> None:
        """Behind a unit that may be absent, go on with the channels that there are: its own, or those before it."""
        after = self.modules.channels
        if before is None or after is None:
            self.modules.channels = None
        elif before.text != after.text and not self._same_if_absent(use.unit, shaded, before, after):
            assert isinstance(self.context, BlockContext)
            name = self.context.arguments.free(f"{unit_name(use.unit)}_width")
            then, test = Code(after.inside(OR)), Code(condition.inside(OR))
            self.init.append((name, Choice(then, test, before)))
            self.modules.channels = Code(name)
            self.unknown = True

    def _same_if_absent(self, unit: s.Unit, shaded: Placed, before: Code, after: Code) -> bool:
        """Tell whether a unit gives the channels that it gets wherever its `when` does not hold, at every scale."""
        assert isinstance(self.context, BlockContext) and unit.guard is not None
        if self.context.equal_unless(unit.guard, before, after):
            return True
        dim = channel_dim(unit)
        if dim is None or self.context.is_lifted(after) or self.context.depends_on_shape(unit.guard):
            return False
        absent = [position for position, each in enumerate(shaded) if each is not None and not each.nodes]
        return all(self.context.is_always(dim.value, before, position) for position in absent)

    def _function(self, use: Uses, node: ir.Leaf, value: str, later: list[Uses]) -> str:
        """Write an operator that is an expression in `forward`."""
        modules = self.modules
        if modules.channels is not None:
            modules.channels = modules.passed_on(use, node, unit_name(use.unit), modules.channels)
        if node.operator.rewriting.flat_forward and _leads_to_vector(later):
            modules.flat = True
            return node.operator.rewriting.flat_forward.format(value)
        return node.operator.forward(value)

    def _spliced(self, use: Uses, shaded: Placed, condition: Code | None, value: str, target: str, prefix: str) -> str:
        """Write a group's units as if they stood in the chain; its label goes before their names."""
        assert isinstance(use.unit.head, s.Group) and isinstance(use.sample, ir.Group)
        chains, shadows = (
            [node.chain if isinstance(node, ir.Group) else None for node in nodes] for nodes in (use.nodes, use.shadows)
        )
        inside = f"{prefix}{unit_name(use.unit)}_" if use.unit.label else prefix
        if condition is None:
            around = shadows if self.optional else None
            return self.chain(use.unit.head.chains[0], chains, value, target, inside, around)
        before, chain = self.modules.channels, use.unit.head.chains[0]
        name = self.flag(use.unit, condition, prefix)
        result = self._only_if(name, value, target, lambda: self.chain(chain, chains, value, target, inside, shadows))
        self._settle(use, shaded, condition, before)
        return result

    def flag(self, unit: s.Unit, condition: Code, prefix: str, kind: str = "") -> str:
        """Keep a condition as an attribute, once; give its name."""
        if condition.text not in self.flags:
            labelled = unit.label and isinstance(unit.head, s.Wrap)
            named = condition.text if condition.text.isidentifier() else ""
            wanted = unit_name(unit) if labelled else named or kind or f"use_{unit_name(unit)}"
            self.flags[condition.text] = self.context.naming.free(prefix + wanted, own=bool(labelled))
            self.init.append((f"self.{self.flags[condition.text]}", condition))
        return self.flags[condition.text]

    def _shape(self, use: Uses, placed: Placed) -> str:
        if self.comment is None:
            shape = use.sample.y
            return (
                f"<{shape.channels}>" if self.modules.flat else str(shape) if use.unit.repeat is None else _last(placed)
            )
        text = self.comment.after(use.unit, use.sample)
        if self.unknown:  # two widths have no one spelling
            self.comment.dims, text, self.unknown = None, "", False
        return text


def _last(placed: Placed) -> str:
    return str(placed[0].y) if placed[0] is not None else ""


def _alternative(unit: s.Unit, position: int) -> s.Unit:
    """Give the unit that stands for one layer of `(F, G)^L`."""
    if not isinstance(unit.head, s.Group) or len(unit.head.chains) < 2:
        return unit
    chain = unit.head.chains[min(position, len(unit.head.chains) - 1)]
    if len(chain.units) == 1:
        inner = chain.units[0]
        return s.Unit(inner.span, inner.label, inner.head, None, inner.ascription or unit.ascription, None, False)
    head = s.Group(chain.span, (chain,))
    return s.Unit(unit.span, unit.label, head, None, unit.ascription, None, False)


def _leads_to_vector(later: list[Uses]) -> bool:
    """Tell whether a pool's output reaches a layer on vectors through nothing but element-wise modules."""
    for use in later:
        if not isinstance(use.sample, ir.Leaf):
            return False
        if use.sample.operator.rewriting.takes_vector or (use.sample.operator.rewriting.to_vector and not use.guarded):
            return True
        if not use.sample.operator.rewriting.per_element:
            return False
    return False
