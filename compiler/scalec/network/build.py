"""Builds nodes from units: an operator or block with its arguments and input shape, at the baseline and scaled."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import assert_never

from scalec.diagnostics.diagnostic import Context, Label
from scalec.diagnostics.source import Span
from scalec.language import syntax as s
from scalec.language.visit import calls, chains_in
from scalec.limits import MAX_DEPTH, MAX_NODES
from scalec.network import dilation
from scalec.network import network as ir
from scalec.network.calls import AnyScope, Calls, Use
from scalec.network.in_place import adds_in_place, is_own
from scalec.network.joins import joined, pieces
from scalec.network.repetition import division, divisors, repeatable
from scalec.ops import Operator, OperatorError
from scalec.ops.shape import Shape
from scalec.program.dependence import reads_layer
from scalec.program.evaluate import Failure, Partial, Value, describe, evaluate, number, truth, whole
from scalec.program.names import wrapper_kind
from scalec.program.program import BlockDef
from scalec.program.scope import LocalScope, World


class Builder:
    """Builds nodes in one world of names.

    `scaled` works out the channels that the network itself writes inside a group or wrapper; a block's stay as they
    are. `checked` says whether the shapes written there are those of the baseline, to compare with. Strides that
    would make maps smaller than `limit` allows become dilation.
    """

    def __init__(
        self, world: World, scaled: Callable[[s.Dim, AnyScope], int] | None = None, checked: bool = True,
        limit: int | None = None,
    ) -> None:  # fmt: skip
        self.world, self.scaled, self.checked, self.limit = world, scaled, checked, limit
        self.depth = 0
        self.nodes = 0
        self._built: dict[tuple[object, ...], tuple[ir.Block, int]] = {}
        """Blocks that are the same in every layer."""
        self._layered: dict[tuple[BlockDef, tuple[Partial, ...]], bool] = {}
        self._striding: dict[int, LocalScope] = {}
        """The scopes of blocks that lost a stride, as they were with it."""
        self.calls = Calls(world)

    def layer(self, unit: s.Unit, x: Shape, channels: int | None, scope: AnyScope, position: int) -> ir.Node:
        """Build the node of a network's unit, its `position`-th repetition; from the second on it keeps the size."""
        strip = position > 0
        if unit.repeat is None:
            return self._head(unit, x, channels, scope, position, strip)
        self._check_divisors(unit, scope)
        return repeatable(unit, self._head(unit, x, channels, scope, position, strip))

    def _head(
        self, unit: s.Unit, x: Shape, channels: int | None, scope: AnyScope, position: int = 0, strip: bool = False
    ) -> ir.Node:
        self._count(1, unit.span)
        match unit.head:
            case s.Call():
                return self._call(unit.head, x, channels, scope, strip)
            case s.Group():
                chain = unit.head.chains[min(position, len(unit.head.chains) - 1)]
                later = strip or min(position, len(unit.head.chains) - 1) > 0
                made = self.chain(chain, x, scope, channels, later)
                if len(unit.head.chains) > 1 and len(made.units) == 1 and len(made.units[0].nodes) == 1:
                    return made.units[0].nodes[0]
                return ir.Group(made, x, made.y)
            case s.Wrap():
                return self._wrap(unit.head, x, channels, scope)

    def _count(self, nodes: int, span: Span) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise Failure(
                "E004", f"the network has more than {MAX_NODES:,} operators", span, "the limit is exceeded here"
            )

    def chain(
        self, chain: s.Chain | None, x: Shape, scope: AnyScope, channels: int | None = None, strip: bool = False
    ) -> ir.Chain:
        """Build a chain; `channels` go to its last unit if that says none itself."""
        placed: list[ir.Placed] = []
        y = x
        units = chain.units if chain else ()
        for index, unit in enumerate(units):
            if unit.guard is not None and not self._holds(unit.guard, scope):
                passed = channels if index == len(units) - 1 else None
                ghost = self._ghost(unit, y, passed, scope, strip)
                placed.append(ir.Placed(unit, (), y, y, _overwriting(ghost, placed) if ghost else None))
                continue
            given = self._ascribed(unit, scope)
            if given is None and index == len(units) - 1:
                given = channels
            before, nodes = y, []
            for position in range(whole(unit.repeat.count, scope, "the number of layers") if unit.repeat else 1):
                node = self._head(unit, y, given, scope, position, strip or position > 0)
                nodes.append(_overwriting(node, placed) if unit.repeat is None else repeatable(unit, node))
                y = nodes[-1].y
            self._check(unit, y, scope)
            placed.append(ir.Placed(unit, tuple(nodes), before, y))
        return ir.Chain(tuple(placed), x, y)

    def _holds(self, condition: s.Expr, scope: AnyScope) -> bool:
        """Return whether a condition holds; one that hangs on a stride that is taken out would change what there is."""
        holds = truth(condition, scope)
        if id(scope) in self._striding and truth(condition, self._striding[id(scope)]) != holds:
            raise Failure(
                "E304", "a stride that `--output-stride` takes out decides what this block has", condition.span,
                "so it would be another network", help="leave this stride in: a larger output stride",
            )  # fmt: skip
        return holds

    def _ghost(self, unit: s.Unit, x: Shape, channels: int | None, scope: AnyScope, strip: bool) -> ir.Node | None:
        """Build what a unit would be if its `when` held: the emitted class shows it, whatever the scale."""
        try:
            given = self._ascribed(unit, scope)
            return self._head(unit, x, channels if given is None else given, scope, 0, strip)
        except Failure:
            return None

    def _ascribed(self, unit: s.Unit, scope: AnyScope) -> int | None:
        if unit.ascription is None:
            return None
        dim = unit.ascription.dims[-1] if isinstance(unit.ascription, s.Shape) else unit.ascription
        if self.depth == 0 and self.scaled is not None:
            return self.scaled(dim, scope)
        return whole(dim.value, scope, "the number of channels")

    def _check(self, unit: s.Unit, y: Shape, scope: AnyScope) -> None:
        if unit.ascription is None or (self.depth == 0 and not self.checked):
            return
        dims = unit.ascription.dims if isinstance(unit.ascription, s.Shape) else (unit.ascription,)
        for dim, given in zip(reversed(dims), reversed(y.dims), strict=False):
            stated = number(dim.value, scope)
            if stated != given:
                raise Failure("E301", f"the unit gives {y}", dim.span, f"{given}, not {describe(stated)}")

    def _call(self, call: s.Call, x: Shape, channels: int | None, scope: AnyScope, strip: bool) -> ir.Node:
        use = self.calls.use(call, scope)
        if isinstance(use.callee, BlockDef):
            return self._block(use, use.callee, x, channels, scope, strip)
        return self._leaf(use, use.callee, x, channels, scope, strip)

    def _leaf(
        self, use: Use, callee: type[Operator], x: Shape, channels: int | None, scope: AnyScope, strip: bool
    ) -> ir.Leaf:
        values = self.calls.arguments(use, scope)
        if strip:
            values |= {name: Fraction(1) for name in callee.strides}
        converted: dict[str, object] = {}
        for name, parameter in callee.table.items():
            if name not in values:
                if parameter.required:
                    raise Failure("E105", f"`{callee.name}` needs `{name}`", use.call.span)
                continue
            try:
                converted[name] = parameter.kind.convert(values[name])
            except OperatorError:
                given = self.calls.preset_of(use, scope) | use.bound
                place = given[name].span if name in given else use.call.span
                message = f"`{name}` of {callee.name} must be {parameter.kind.wanted}"
                raise Failure("E204", message, place, f"this is {describe(values[name])}") from None
        operator = callee(**converted)
        if callee.given and channels is None:
            raise Failure(
                "E302", f"`{callee.name}` must be given its channels", use.call.span.after, "write `→ …` here"
            )
        try:
            if self.limit is not None:
                return self._dilated(use, operator, x, channels, values, self.calls.preset_of(use, scope))
            y = operator.output(x, channels if callee.given else None)
        except OperatorError as error:
            place = next((use.bound[key].span for key in error.parameters if key in use.bound), use.call.span)
            raise Failure("E304", str(error), place, f"on {x}") from None
        return ir.Leaf(operator, x, y, use.bound, self.calls.preset_of(use, scope))

    def _dilated(
        self, use: Use, operator: Operator, x: Shape, channels: int | None, values: dict[str, Value],
        preset: dict[str, s.Expr],
    ) -> ir.Leaf:  # fmt: skip
        """Put an operator on a map that is larger than it would be without a limit to strides."""
        assert self.limit is not None
        changed, removed = dilation.dilated(operator, x, self.limit, values)
        made = replace(operator, **changed)
        y = dilation.behind(made.output(x, channels if operator.given else None), x, made, removed)
        return ir.Leaf(made, x, y, use.bound, preset, frozenset(changed))

    def _block(
        self, use: Use, block: BlockDef, x: Shape, channels: int | None, scope: AnyScope, strip: bool
    ) -> ir.Block:
        if self.depth >= MAX_DEPTH:
            raise Failure("E107", f"blocks nested deeper than {MAX_DEPTH}", use.call.span)
        self.depth += 1
        try:
            return self._build_block(use, block, x, channels, scope, strip)
        except Failure as failure:
            if use.call.span.holds(failure.diagnostic.label.span):
                raise
            raise failure.within(Context(f"in this use, on {x}", use.call.span)) from None
        finally:
            self.depth -= 1

    def _build_block(
        self, use: Use, block: BlockDef, x: Shape, channels: int | None, scope: AnyScope, strip: bool
    ) -> ir.Block:
        values = self.calls.arguments(use, scope)
        key = (id(use.call), block, tuple(values.items()), x, x.stride, x.dilation, channels, strip)
        if key not in self._built:
            before = self.nodes
            made = self._build_body(use, block, values, x, channels, scope, strip)
            if self._reads_layer(block, values):
                return made
            self._built[key] = made, self.nodes - before
            return made
        made, nodes = self._built[key]
        self._count(nodes, use.call.span)
        return made

    def _reads_layer(self, block: BlockDef, values: dict[str, Value]) -> bool:
        key = block, tuple(value for value in values.values() if isinstance(value, Partial))
        return self._layered[key] if key in self._layered else self._layered.setdefault(key, reads_layer(*key))

    def _build_body(
        self, use: Use, block: BlockDef, values: dict[str, Value], x: Shape, channels: int | None, scope: AnyScope,
        strip: bool,
    ) -> ir.Block:  # fmt: skip
        local = LocalScope({}, self.world.of(block.home))
        self._match_input(block, x, local, use)
        if strip:
            values |= {name: Fraction(1) for name in divisors(block) & set(values)}
        for parameter in block.syntax.parameters:
            key = parameter.name.key
            if key in values:
                local.values[key] = values[key]
            elif parameter.default is None:
                raise Failure("E105", f"`{block.name}` needs `{key}`", use.call.span)
            elif strip and key in divisors(block):
                local.values[key] = Fraction(1)
            else:
                local.values[key] = evaluate(parameter.default, local)
        changed = self._remove_strides(block, x, local)
        arguments = {p.name.key: local.values[p.name.key] for p in block.syntax.parameters}
        self._give_channels(block, channels, local, use)
        if isinstance(scope, LocalScope):
            local.values |= {k: scope.values[k] for k in ("layer", "layers") if k in scope.values}
        for binding in block.syntax.where:
            local.values[binding.name.key] = evaluate(binding.value, local)
        if any(isinstance(value, dilation.Removed) for value in local.values.values()):
            self._striding[id(local)] = dilation.striding(local, block.syntax.where)
        chain = self.chain(block.syntax.chain, x, local)
        self._check_signature(block, chain.y, local)
        return ir.Block(
            block, arguments, use.bound, self.calls.preset_of(use, scope), local, chain, x, chain.y, changed
        )

    def _remove_strides(self, block: BlockDef, x: Shape, local: LocalScope) -> frozenset[str]:
        """Take out what a block would stride by beyond the limit; give the arguments that this changes."""
        if self.limit is None:
            return frozenset()
        found = {key for key in divisors(block) if dilation.goes(local.values[key], x, self.limit)}
        local.values |= {key: dilation.Removed.of(local.values[key]) for key in found}
        return frozenset(found)

    def _match_input(self, block: BlockDef, x: Shape, local: LocalScope, use: Use) -> None:
        dims = block.syntax.input.dims
        if len(dims) != len(x.dims):
            raise Failure("E303", f"`{block.name}` takes {block.syntax.input.span.text}", use.call.span, f"on {x}")
        for dim, size in zip(dims, x.dims, strict=True):
            if isinstance(dim.value, s.Name) and len(dim.value.parts) == 1:
                local.values.setdefault(dim.value.parts[0].key, Fraction(size))
        for dim, size in zip(dims, x.dims, strict=True):
            if number(dim.value, local) != size:
                others = (Label(dim.span, f"{size} here"),)
                raise Failure(
                    "E303",
                    f"`{block.name}` takes {block.syntax.input.span.text}",
                    use.call.span,
                    f"on {x}",
                    others=others,
                )

    def _give_channels(self, block: BlockDef, channels: int | None, local: LocalScope, use: Use) -> None:
        if (symbol := block.gives) is None:
            return
        if channels is None:
            raise Failure("E302", f"`{block.name}` must be given its channels", use.call.span.after, "write `→ …` here")
        local.values[symbol] = Fraction(channels)

    def _check_signature(self, block: BlockDef, y: Shape, local: LocalScope) -> None:
        """Compare what a block gives with its signature; height and width round up, channels must be whole."""
        dims = block.syntax.output.dims
        if len(dims) != len(y.dims):
            raise Failure("E303", f"`{block.name}` gives {y}", block.syntax.output.span, "its signature says otherwise")
        for position, (dim, given) in enumerate(zip(dims, y.dims, strict=True)):
            value = number(dim.value, local)
            if self.limit is not None and position < 2:
                continue  # a stride may have become dilation; it was compared at the baseline
            if isinstance(value, Fraction) and len(dims) == 3 and position < 2:
                value = Fraction(-(-value.numerator // value.denominator))
            if value != given:
                raise Failure(
                    "E303", f"`{block.name}` gives {y}", dim.span, f"this is {describe(value)}, the body gives {given}"
                )

    def _check_divisors(self, unit: s.Unit, scope: AnyScope) -> None:
        """A block that always divides by a number cannot be repeated: its signature has to name the stride."""
        for call in _calls(unit):
            use = self.calls.use(call, scope)
            if not isinstance(use.callee, BlockDef):
                continue
            for dim in use.callee.syntax.output.dims[:-1]:
                if division(dim.value)[0]:
                    raise Failure(
                        "E307", f"`{use.callee.name}` divides by a number at every repetition", dim.span,
                        "under an exponent this must be a parameter", others=(Label(unit.span, "repeated here"),),
                        help=f"write `block {use.callee.name}(…, stride = 2)` and `H/stride`",
                    )  # fmt: skip

    def _wrap(self, wrap: s.Wrap, x: Shape, channels: int | None, scope: AnyScope) -> ir.Wrap:
        kind = wrapper_kind(wrap)
        match kind:
            case "residual" | "gate" | "sum":
                passed = channels
            case "concat" | "split":
                passed = None
            case _:
                assert_never(kind)
        parts = pieces(x, len(wrap.bodies), wrap) if kind == "split" else [x] * len(wrap.bodies)
        bodies: list[ir.Body] = []
        for body, piece in zip(wrap.bodies, parts, strict=True):
            holds = body.condition is None or self._holds(body.condition, scope)
            try:
                chain = self.chain(body.chain, piece, scope, passed)
            except Failure:
                if holds or kind in ("residual", "gate"):
                    raise
                chain = None
            bodies.append(ir.Body(holds, chain))
        return ir.Wrap(kind, tuple(bodies), x, joined(kind, wrap, x, bodies), adds_in_place(wrap, bodies))


def _overwriting(node: ir.Node, before: list[ir.Placed]) -> ir.Node:
    """Let an activation write over its input if it can, and nothing else needs that."""
    if isinstance(node, ir.Leaf) and node.operator.rewriting.in_place and is_own(before):
        return replace(node, in_place=True)
    return node


def _calls(unit: s.Unit) -> list[s.Call]:
    if isinstance(unit.head, s.Call):
        return [unit.head]
    return [call for chain in chains_in(unit.head) for call in calls(chain)]
