"""`residual`, `gate`, `sum`, `concat` and `split` in a `forward`."""

import re
from collections.abc import Sequence
from fractions import Fraction

from scalec.emit.contexts import BlockContext, Context
from scalec.emit.modules import Modules, Uses
from scalec.emit.shape_comments import Comment
from scalec.emit.symbols import Untranslatable
from scalec.language import syntax as s
from scalec.language.unparse import spell
from scalec.network import network as ir
from scalec.network.forward import Forward
from scalec.ops.code import Call, Choice, Code, flag
from scalec.record import record

_JOIN = {"residual": "+", "gate": "*"}
_ATOM = re.compile(r"\w+|self\.\w+\([^()]*(\([^()]*\))?[^()]*\)")
"""A variable, or the call of a module."""
"""A variable, or the call of a module."""


@record
class Bodies:
    """A body of a wrapper in each use: as it is there, and (see `Uses`) as it would be."""

    body: s.Body
    made: list[ir.Body | None]
    shadows: list[ir.Body | None]

    @property
    def chains(self) -> list[ir.Chain | None]:
        """The chains, present or not."""
        return [each.chain if each is not None else None for each in self.shadows]


class Wrappers:
    """The part of `Writer` that writes wrappers."""

    context: Context
    modules: Modules
    forward: Forward
    comment: Comment | None
    branches: tuple[str, ...]
    optional: bool
    init: list[tuple[str, Code | Call | Choice]]

    def chain(
        self, chain: s.Chain | None, chains: Sequence[ir.Chain | None], value: str, target: str, prefix: str = "",
        shadows: Sequence[ir.Chain | None] | None = None,
    ) -> str:  # fmt: skip
        """Write a chain (see `Writer.chain`)."""
        raise NotImplementedError

    def flag(self, unit: s.Unit, condition: Code, prefix: str, kind: str = "") -> str:
        """Keep a condition as an attribute (see `Writer.flag`)."""
        raise NotImplementedError

    def wrap(self, use: Uses, value: str, target: str, prefix: str) -> str:
        """Write a wrapper around `value`; give the expression that joins its bodies."""
        assert isinstance(use.sample, ir.Wrap)
        source = self.forward.variable(value, target)
        if use.sample.kind in _JOIN:
            return self._join_with_input(use, source, target, prefix)
        if use.sample.kind == "sum":
            total = self._sum(use, source, target, prefix)
            # A module's result is Any to a type checker: in a variable it is a Tensor.
            return self.forward.assign(target, total) if "(" in total else total
        return self.forward.assign(
            target, self._concat(use, source, prefix), str(use.sample.y) if self.comment is None else ""
        )

    def _bodies(self, use: Uses) -> list[Bodies]:
        assert isinstance(use.unit.head, s.Wrap)
        bodies = use.unit.head.bodies
        made, shadows = (
            [[node.bodies[i] if isinstance(node, ir.Wrap) else None for node in nodes] for i in range(len(bodies))]
            for nodes in (use.nodes, use.shadows)
        )
        return [Bodies(*each) for each in zip(bodies, made, shadows, strict=True)]

    def _condition(self, of: Bodies, name: str) -> Code | bool:
        """Give the `if` of a body, or whether it holds if that is the same at every scale."""
        body, made = of.body, of.made
        holds = [each.holds for each in of.shadows if each is not None]
        if body.condition is None:
            return True
        if not isinstance(self.context, BlockContext):
            return holds[0]
        if not self.context.depends_on_shape(body.condition) and len(set(holds)) == 1:
            return holds[0]
        condition = self.context.folded(body.condition)
        if isinstance(condition, bool):
            return condition
        try:
            return self.context.symbols.flag(condition)
        except Untranslatable:
            values = [None if each is None else flag(each.holds) for each in made]
            return self.context.lift(f"use_{name}", "", "bool", flag(False), values, spell(body.condition))

    def _body(self, of: Bodies, source: str, prefix: str) -> str:
        """Write a body from its input; one line is given back as an expression."""
        target = self.forward.fresh()
        chains = [each.chain if each is not None and each.holds else None for each in of.made]
        shadows = of.chains if self.optional or of.body.condition is not None else None
        return self.forward.inline(self.chain(of.body.chain, chains, source, target, prefix, shadows), target)

    def _join_with_input(self, use: Uses, source: str, target: str, prefix: str) -> str:
        kind = use.sample.kind if isinstance(use.sample, ir.Wrap) else ""
        (of,) = self._bodies(use)
        condition = self._condition(of, kind)
        chains = [each.chain if each is not None else None for each in of.made]
        shadows = of.chains if self.optional else None
        if condition is False:
            return self.chain(of.body.chain, chains, source, target, prefix, shadows)
        name = None if condition is True else self.flag(use.unit, condition, prefix, kind)
        channels, dims = self.modules.channels, self.comment.dims if self.comment else None
        other = self.forward.fresh()
        result = self.forward.variable(self.chain(of.body.chain, chains, source, other, prefix, shadows), other)
        if kind == "gate" and name is None:
            self.modules.channels = channels
            if self.comment:
                self.comment.dims = dims
        joined = f"{source} {_JOIN[kind]} {result}"
        if _in_place(use):
            joined = f"{source}.mul_({result})" if kind == "gate" else f"{result}.add_({source})"
        return joined if name is None else f"{joined} if self.{name} else {result}"

    def _sum(self, use: Uses, source: str, target: str, prefix: str) -> str:
        channels, dims = self.modules.channels, self.comment.dims if self.comment else None
        always: list[str] = []
        sometimes: list[tuple[str, str, list[tuple[str, str]]]] = []
        after: Code | None = None
        for of in self._bodies(use):
            condition = self._condition(of, "branch")
            if condition is False:
                continue
            name = self.flag(use.unit, condition, prefix, "branch") if isinstance(condition, Code) else None
            self.modules.channels = channels
            if self.comment:
                self.comment.dims = dims
            outer, self.branches = self.branches, (*self.branches, name) if name else self.branches
            start = len(self.forward.lines)
            text = self._body(of, source, prefix)
            self.branches = outer
            if name is None:
                after = after or self.modules.channels  # what is always there knows them best
                always.append(text)
            else:
                sometimes.append((text, name, self.forward.since(start)))
        self.modules.channels = after
        total = " + ".join(always)
        if len(always) == 2 and always[0] != source and _ATOM.fullmatch(always[0]) and _in_place(use):
            total = f"{always[0]}.add_({always[1]})"
        if not sometimes:
            return total
        held = (
            self.forward.assign(self.forward.fresh(), total)
            if total not in self.forward.declared or total == source
            else total
        )
        for text, name, lines in sometimes:
            if lines:
                self.forward.only_if(name, [*lines, (f"{held} = {held} + {text}", "")])
            else:
                self.forward.assign(held, f"{held} + {text} if self.{name} else {held}")
        return held

    def _concat(self, use: Uses, source: str, prefix: str) -> str:
        assert isinstance(use.sample, ir.Wrap)
        bodies = self._bodies(use)
        channels, dims = self.modules.channels, self.comment.dims if self.comment else None
        sources, inputs = [source] * len(bodies), [channels] * len(bodies)
        if use.sample.kind == "split":
            sources, inputs = self._split(source, channels, use.sample, prefix)
        texts: list[str] = []
        total: Code | None = Code("0", value=None)
        kept = True
        for of, piece, given in zip(bodies, sources, inputs, strict=True):
            self.modules.channels = given
            if self.comment:
                self.comment.dims = dims if use.sample.kind == "concat" else None
            texts.append(self._body(of, piece, prefix))
            own = self.modules.channels
            kept = kept and own is not None and given is not None and own.text == given.text
            total = None if total is None or own is None else own if total.text == "0" else total + own
        self.modules.channels = channels if kept and use.sample.kind == "split" else total
        if self.comment:
            self.comment.dims = None
        return f"torch.cat(({', '.join(texts)}), dim=1)"

    def _split(
        self, source: str, channels: Code | None, sample: ir.Wrap, prefix: str
    ) -> tuple[list[str], list[Code | None]]:
        """Divide the channels; the remainder goes to the first part."""
        count = len(sample.bodies)
        if channels is None:
            raise AssertionError("the channels of a split are not known")
        first, share = self._shares(channels, count, prefix)
        names: list[str] = []
        for _ in range(count):
            names.append(self.forward.fresh())
            self.forward.declared.add(names[-1])
        if count == 2:  # the remainder goes to the first here too
            self.forward.split(names, f"{source}.chunk(2, dim=1)")
        else:
            name = self.context.naming.free(f"{prefix}sizes")
            sizes = ", ".join([first.text, *[share.text] * (count - 1)])
            self.init.append((f"self.{name}", Code(f"({sizes})")))
            self.forward.split(names, f"{source}.split_with_sizes(self.{name}, dim=1)")
        return names, [first, *[share] * (count - 1)]

    def _shares(self, channels: Code, count: int, prefix: str) -> tuple[Code, Code]:
        """Give the channels of the first part and of the others; where both are long, each has a name."""
        share = channels // count
        if count == 2 or isinstance(share.value, Fraction):
            return channels - share * (count - 1), share
        assert isinstance(self.context, BlockContext)
        other = Code(self.context.arguments.free(f"{prefix}share"))
        first = Code(self.context.arguments.free(f"{prefix}first"))
        self.init.append((other.text, share))
        self.init.append((first.text, channels - other * (count - 1)))
        return first, other


def _in_place(use: Uses) -> bool:
    """Tell whether all uses let what joins the bodies write over one of them."""
    return all(node.in_place for node in use.shadows if isinstance(node, ir.Wrap))
