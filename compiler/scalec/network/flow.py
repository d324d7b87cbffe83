"""Walks over a chain and makes its `forward`: which variable has which value, and how wrappers combine their bodies.

A `Flow` walks over all uses of a chain together. Its own methods, at the top, decide which conditions stay open and how
modules are named. They serve a single use; `emit.writer` overrides them and writes the constructor.
"""

from collections.abc import Callable, Sequence
from itertools import chain, count
from typing import Any, assert_never

from scalec.language import syntax as s
from scalec.network import network as ir
from scalec.network.forward import (
    Apply,
    Bind,
    Call,
    Concatenation,
    Condition,
    Conditional,
    Expression,
    Flag,
    If,
    Product,
    Split,
    Statement,
    Sum,
    Unpack,
    Variable,
    has_call,
)  # fmt: skip
from scalec.network.python_names import python_name
from scalec.network.repetition import is_sequential
from scalec.network.uses import Bodies, Placed, Uses, leads_to_vector, uses

_NAMES = ("x", "y", "z", "u", "v")
INPUT = Variable("x")


class Flow:
    """Collects statements. A value is a variable or, until it is needed as one, the expression that makes it."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.declared = {INPUT.name}
        self.untyped = False
        """Whether a variable holds a part of a split, which is no Tensor to a type checker."""
        self.optional = False
        """Whether what is being written may be absent."""
        self.flags: tuple[str, ...] = ()
        """Those under which what is being written exists at all."""
        self.flat = False
        """Whether a pool has left out height and width already."""

    # What depends on the class

    def presence(self, unit: s.Unit, placed: Placed, shaded: Placed) -> Condition | bool:
        """Return the guard of a unit, or whether it holds if that is the same at every scale."""
        return unit.guard is None or any(each is not None and each.nodes for each in placed)

    def body_presence(self, of: Bodies, kind: str) -> Condition | bool:
        """Return the `if` of a body, or whether it holds if that is the same at every scale."""
        return of.body.condition is None or any(each is not None and each.holds for each in of.shadows)

    def flag(self, unit: s.Unit, condition: Condition, prefix: str, kind: str = "") -> Flag:
        """Keep a condition as an attribute, once."""
        return Flag("", condition.holds)

    def module(self, use: Uses, placed: Placed, shaded: Placed, condition: Condition | None, prefix: str) -> str:
        """Make a unit a module of the class; return what it is called."""
        return ""

    def passed(self, use: Uses, node: ir.Leaf) -> None:
        """Follow the channels through an operator without a module."""

    def channels(self) -> Any:
        """Return what is known of the shape at this point."""

    def back(self, known: Any) -> None:
        """Go on from a point with what was known there."""

    def settle(self, use: Uses, shaded: Placed, condition: Condition, before: Any) -> None:
        """Behind a unit that may be absent, go on with the channels that there are: its own, or those before it."""

    def parts(self, use: Uses, known: Any, prefix: str) -> tuple[str | None, list[Any]]:
        """Return the attribute that keeps the sizes of a split's parts, and what is known of each."""
        return None, [None] * len(use.bodies())

    def summed(self, ends: list[Any]) -> None:
        """Go on behind a sum, with what is known at the ends of the bodies that are always there."""

    def concatenated(self, kind: str, before: Any, starts: list[Any], ends: list[Any]) -> None:
        """Go on behind a `concat` or `split`."""

    def comment(self, use: Uses, placed: Placed) -> str:
        """Return the shape behind a unit, for a comment."""
        return ""

    def joined_comment(self, wrap: ir.Wrap) -> str:
        """Return the shape behind a concatenation, for a comment."""
        return ""

    # Variables

    def fresh(self) -> Variable:
        """Return a variable that is not in use yet."""
        return Variable(next(name for name in chain(_NAMES, map("y{}".format, count(2))) if name not in self.declared))

    def assign(self, target: Variable, value: Expression, comment: str = "") -> Variable:
        """Bind a variable."""
        self.statements.append(Bind(target, value, comment, target.name not in self.declared))
        self.declared.add(target.name)
        return target

    def variable(self, value: Expression, target: Variable) -> Variable:
        """Return a variable that holds the value, binding `target` if it is an expression."""
        return value if isinstance(value, Variable) else self.assign(target, value)

    def inline(self, value: Expression, target: Variable) -> Expression:
        """Take back the only statement that bound `target`, the last one, and return what it was bound to."""
        last = self.statements[-1] if self.statements else None
        # What declares a variable, at the end of all, is the only statement that binds it.
        if value != target or not isinstance(last, Bind) or last.variable != target or not last.declares:
            return self.variable(value, target)
        if isinstance(last.value, Conditional):
            return target
        self.declared.discard(target.name)
        self.statements.pop()
        return last.value

    def renamed(self, value: Expression, wanted: Variable) -> Variable:
        """Let the value that the last statement bound, or an expression, have a variable of another name."""
        last = self.statements[-1] if self.statements else None
        if isinstance(last, Bind) and last.variable == value:
            self.statements.pop()
            return self.assign(wanted, last.value, last.comment)
        return self.assign(wanted, value)

    def typed(self, result: Expression) -> Expression:
        """Return the result as something that mypy knows to be a Tensor: parts of a split are none to it."""
        return self.assign(INPUT, result) if self.untyped and result != INPUT else result

    def since(self, start: int) -> tuple[Statement, ...]:
        """Take back the statements from a place on."""
        taken = tuple(self.statements[start:])
        del self.statements[start:]
        return taken

    # Chains

    def chain(
        self, chain: s.Chain | None, chains: Sequence[ir.Chain | None], value: Expression, target: Variable,
        prefix: str = "", shadows: Sequence[ir.Chain | None] | None = None,
    ) -> Expression:  # fmt: skip
        """Write a chain that starts from `value`, binding `target` on the way; return the value at its end.

        A chain that not all uses have is optional and comes with its `shadows`: what would stand there.
        """
        outer, self.optional = self.optional, self.optional or shadows is not None
        units = chain.units if chain else ()
        placed = _by_unit(units, chains)
        shaded = placed if shadows is None else _by_unit(units, shadows)
        found = [uses(u, p, q, optional=self.optional) for u, p, q in zip(units, placed, shaded, strict=True)]
        for index, (unit, use) in enumerate(zip(units, found, strict=True)):
            condition = self.presence(unit, placed[index], shaded[index])
            if use is None or condition is False:
                continue
            later = [each for each in found[index + 1 :] if each is not None]
            open_ = None if isinstance(condition, bool) else condition
            value = self._unit(use, placed[index], shaded[index], open_, value, target, prefix, later)
        self.optional = outer
        return value

    def _unit(
        self, use: Uses, placed: Placed, shaded: Placed, condition: Condition | None, value: Expression,
        target: Variable, prefix: str, later: list[Uses],
    ) -> Expression:  # fmt: skip
        node = use.sample
        if isinstance(node, ir.Wrap):
            return self._guarded_wrap(use, shaded, condition, value, target, prefix)
        x = self.variable(value, target)
        if isinstance(node, ir.Group) and not is_sequential(use.unit, node):
            return self._spliced(use, shaded, condition, x, target, prefix)
        if isinstance(node, ir.Leaf) and node.operator.rewriting.to_vector and self.flat:
            self.flat = False
            return x
        before = self.channels()
        layers = tuple(each.nodes if each is not None else () for each in placed)
        made: Expression
        if isinstance(node, ir.Leaf) and node.operator.functional:
            self.passed(use, node)
            self.flat = self.flat or (node.operator.rewriting.flat_forward is not None and leads_to_vector(later))
            made = Apply(node, layers, x, self.flat)
            if condition is not None:
                made = Conditional(made, self.flag(use.unit, condition, prefix), x)
        else:
            name = self.module(use, placed, shaded, condition, prefix)
            flatten = (
                isinstance(node, ir.Leaf) and node.operator.rewriting.takes_vector and node.x.is_map and not self.flat
            )
            self.flat = self.flat and isinstance(node, ir.Leaf) and node.operator.rewriting.per_element
            made = Call(name, use.unit, layers, x, flatten)
        if condition is not None:
            self.settle(use, shaded, condition, before)
        return self.assign(target, made, self.comment(use, placed))

    def _spliced(
        self, use: Uses, shaded: Placed, condition: Condition | None, x: Variable, target: Variable, prefix: str
    ) -> Expression:
        """Write a group's units as if they stood in the chain; its label goes before their names."""
        assert isinstance(use.unit.head, s.Group)
        chains, shadows = (
            [node.chain if isinstance(node, ir.Group) else None for node in nodes] for nodes in (use.nodes, use.shadows)
        )
        label, chain = use.unit.label, use.unit.head.chains[0]
        inside = f"{prefix}{python_name(label.key)}_" if label else prefix
        if condition is None:
            around = shadows if self.optional else None
            return self.chain(chain, chains, x, target, inside, around)
        before = self.channels()
        flag = self.flag(use.unit, condition, prefix)
        result = self._only_if(flag, x, target, lambda: self.chain(chain, chains, x, target, inside, shadows))
        self.settle(use, shaded, condition, before)
        return result

    def _only_if(self, flag: Flag, value: Variable, target: Variable, write: Callable[[], Expression]) -> Variable:
        """Write statements that run where a flag holds, from `value` to `target`."""
        if target != value:
            self.assign(target, value)
        outer, self.flags = self.flags, (*self.flags, flag.name)
        start = len(self.statements)
        result = write()
        if result != target:
            self.assign(target, result)
        self.flags = outer
        self.statements.append(If(flag, self.since(start)))
        return target

    # Wrappers

    def _guarded_wrap(
        self, use: Uses, shaded: Placed, condition: Condition | None, value: Expression, target: Variable, prefix: str
    ) -> Expression:
        if condition is None:
            return self._wrap(use, value, target, prefix)
        before = self.channels()
        x = self.variable(value, target)
        outer, self.optional = self.optional, True
        flag = self.flag(use.unit, condition, prefix, "wrapped")
        result = self._only_if(flag, x, target, lambda: self._wrap(use, x, target, prefix))
        self.optional = outer
        self.settle(use, shaded, condition, before)
        return result

    def _wrap(self, use: Uses, value: Expression, target: Variable, prefix: str) -> Expression:
        """Write a wrapper around `value`; return the expression that joins its bodies."""
        wrap, source = use.sample, self.variable(value, target)
        assert isinstance(wrap, ir.Wrap)
        match wrap.kind:
            case "residual" | "gate":
                return self._join_with_input(use, wrap.kind, source, target, prefix)
            case "sum":
                total = self._sum(use, source, prefix)
                # A module's result is Any to a type checker: in a variable it is a Tensor.
                return self.assign(target, total) if has_call(total) else total
            case "concat" | "split":
                return self.assign(target, self._concatenation(use, wrap, source, prefix), self.joined_comment(wrap))
        assert_never(wrap.kind)

    def _body(self, of: Bodies, source: Variable, prefix: str) -> Expression:
        """Write a body from its input; a single statement is given back as an expression."""
        target = self.fresh()
        chains = [each.chain if each is not None and each.holds else None for each in of.made]
        shadows = of.chains if self.optional or of.body.condition is not None else None
        return self.inline(self.chain(of.body.chain, chains, source, target, prefix, shadows), target)

    def _join_with_input(self, use: Uses, kind: str, source: Variable, target: Variable, prefix: str) -> Expression:
        (of,) = use.bodies()
        condition = self.body_presence(of, kind)
        chains = [each.chain if each is not None else None for each in of.made]
        shadows = of.chains if self.optional else None
        if condition is False:
            return self.chain(of.body.chain, chains, source, target, prefix, shadows)
        flag = self.flag(use.unit, condition, prefix, kind) if isinstance(condition, Condition) else None
        before, other = self.channels(), self.fresh()
        result = self.variable(self.chain(of.body.chain, chains, source, other, prefix, shadows), other)
        joined: Expression
        if kind == "gate":
            joined = Product(source, result, use.in_place)
            if flag is None:
                self.back(before)
        else:
            joined = Sum((result, source), True) if use.in_place else Sum((source, result))
        return joined if flag is None else Conditional(joined, flag, result)

    def _sum(self, use: Uses, source: Variable, prefix: str) -> Expression:
        before = self.channels()
        always: list[Expression] = []
        ends: list[Any] = []
        is_first_plain = None  # only a body without an `if` may be written over: the rule is that of all scales
        sometimes: list[tuple[Expression, Flag, tuple[Statement, ...]]] = []
        for of in use.bodies():
            condition = self.body_presence(of, "branch")
            if condition is False:
                continue
            flag = self.flag(use.unit, condition, prefix, "branch") if isinstance(condition, Condition) else None
            self.back(before)
            outer, self.flags = self.flags, (*self.flags, flag.name) if flag else self.flags
            start = len(self.statements)
            term = self._body(of, source, prefix)
            self.flags = outer
            if flag is None:
                ends.append(self.channels())
                always.append(term)
                is_first_plain = of.body.condition is None if is_first_plain is None else is_first_plain
            else:
                sometimes.append((term, flag, self.since(start)))
        self.summed(ends)
        may_be_written = always[0] != source and isinstance(always[0], (Variable, Call)) and bool(is_first_plain)
        over = len(always) == 2 and may_be_written and use.in_place
        total = always[0] if len(always) == 1 else Sum(tuple(always), over)
        return self._with_conditional(total, source, sometimes) if sometimes else total

    def _with_conditional(
        self, total: Expression, source: Variable, sometimes: list[tuple[Expression, Flag, tuple[Statement, ...]]]
    ) -> Variable:
        """Add to a variable the terms that have an `if`."""
        held = total if isinstance(total, Variable) and total != source else self.assign(self.fresh(), total)
        for term, flag, statements in sometimes:
            if statements:
                add = Bind(held, Sum((held, term)), "", False)
                self.statements.append(If(flag, (*statements, add)))
            else:
                self.assign(held, Conditional(Sum((held, term)), flag, held))
        return held

    def _concatenation(self, use: Uses, wrap: ir.Wrap, source: Variable, prefix: str) -> Concatenation:
        bodies, before = use.bodies(), self.channels()
        sources, starts = [source] * len(bodies), [before] * len(bodies)
        if wrap.kind == "split":
            sources, starts = self._split(use, source, before, prefix)
        pieces: list[Expression] = []
        ends: list[Any] = []
        for of, piece, start in zip(bodies, sources, starts, strict=True):
            self.back(start)
            value = self._body(of, piece, prefix)
            last = self.statements[-1] if self.statements and value != piece else None
            if isinstance(last, Bind) and last.variable == value and isinstance(last.value, Concatenation):
                value = last.value  # joined once, with what is around it
                self.statements.pop()
            pieces += value.parts if isinstance(value, Concatenation) else (value,)
            ends.append(self.channels())
        self.concatenated(wrap.kind, before, starts, ends)
        return Concatenation(tuple(pieces))

    def _split(self, use: Uses, source: Variable, before: Any, prefix: str) -> tuple[list[Variable], list[Any]]:
        """Divide the channels; the remainder goes to the first part, as it does with `chunk`."""
        attribute, starts = self.parts(use, before, prefix)
        variables: list[Variable] = []
        for _ in starts:
            variables.append(self.fresh())
            self.declared.add(variables[-1].name)
        self.untyped = True
        wraps = tuple(node if isinstance(node, ir.Wrap) else None for node in use.shadows)
        self.statements.append(Unpack(tuple(variables), Split(source, attribute, wraps)))
        return variables, starts


def _by_unit(units: Sequence[s.Unit], chains: Sequence[ir.Chain | None]) -> list[Placed]:
    """Return each unit in all uses of its chain."""
    return [[each.units[index] if each is not None else None for each in chains] for index in range(len(units))]
