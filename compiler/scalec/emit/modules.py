"""Writes operators and blocks as constructor calls.

All uses of a block share one class, so a unit of its chain is written once for all uses (`Uses`). A value that
differs between uses becomes an argument of the class (`Context.lift`). The other values are translated to Python.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from scalec.emit.classes import Kind as BlockKind
from scalec.emit.classes import Kinds
from scalec.emit.contexts import CLASS, BlockContext, ClassView, Context, Parameter, literal
from scalec.emit.shape_comments import channel_dim
from scalec.emit.symbols import Symbols, Untranslatable, concrete_real
from scalec.language import syntax as s
from scalec.language.unparse import spell
from scalec.language.visit import names_in
from scalec.network import network as ir
from scalec.network.python_names import python_name
from scalec.network.repetition import divisors
from scalec.network.uses import Uses
from scalec.ops import Kind, Operands, OperatorError
from scalec.ops.code import Call, Code, code, flag, sequential, whole
from scalec.program.evaluate import FUNCTIONS, TRUTH

_ZERO = {"bool": flag(False), "float": Code("0.0"), "int": code(0), CLASS: Code("nn.Identity")}


def fixed_of(leaf: ir.Leaf, is_padded: bool) -> dict[str, Code]:
    """Return what the resolution alone decides; where another use `is_padded` for its dilation, the written zeros too.

    That use may need none, and one without a word on it is padded by half its window (`PaddedConv2d`).
    """
    operator = leaf.operator
    side = getattr(operator, "padding", None)
    if not is_padded or not isinstance(side, int):
        return operator.fixed(leaf.x)
    half = (operator.window()[0] - 1) // 2
    return {"padding": Code(f"({side}, {side}, {side}, {side})")} if side or half else {}


class Modules:
    """Makes constructor calls for one class; follows the channels along its chain."""

    def __init__(self, context: Context, kinds: Kinds, views: "dict[BlockKind, ClassView]") -> None:
        self.context, self.kinds, self.views = context, kinds, views
        self.channels: Code | None = context.c_in
        self.helpers: set[str] = set()

    def module(self, use: Uses, name: str, flat: bool) -> Call:
        """Return the call that makes a unit: an operator, a block, or an `nn.Sequential` of a group's units."""
        if isinstance(use.sample, ir.Group):
            units = range(len(use.sample.chain.units))
            inner = [use.inner(index, layer) for index in units for layer in range(use.layers(index))]
            return sequential(self.module(each, name, flat) for each in inner if each is not None)
        if isinstance(use.sample, ir.Leaf):
            return self._leaf(use, use.sample, name, flat)
        assert isinstance(use.sample, ir.Block)
        return self._block(use, use.sample, name)

    def _leaf(self, use: Uses, leaf: ir.Leaf, name: str, flat: bool) -> Call:
        leaf = next((n for n in use.nodes if isinstance(n, ir.Leaf) and "padding" in n.changed), leaf)
        operator = leaf.operator
        in_place = all(node.in_place for node in use.shadows if isinstance(node, ir.Leaf))
        over = (("inplace", flag(True)),) if in_place else ()
        if isinstance(use.unit.head, s.Call) and use.unit.head.name.key in self.context.opened:
            return Call(python_name(use.unit.head.name.key), over)
        c_in = self._channels_in(use, name)
        c_out = self._ascribed(use, name) if operator.given else self.passed_on(use, leaf, name, c_in)
        parameters = {key: self._parameter(use, leaf, key, p.kind, name) for key, p in operator.table.items()}
        fixed = self._fixed(use, name)
        if helper := operator.helper(fixed):
            self.helpers.add(helper)
        self.channels = c_out
        made = operator.module(Operands(c_in, c_out, leaf.x.is_map and not flat, parameters, fixed))
        return replace(made, arguments=(*made.arguments, *over))

    def passed_on(self, use: Uses, leaf: ir.Leaf, name: str, c_in: Code) -> Code:
        """Return the channels behind an operator that is not given them."""
        operators = {node.operator for node in use.shadows if isinstance(node, ir.Leaf)}
        try:
            given = {code(operator.out_channels(c_in)).text for operator in operators}
        except OperatorError:
            given = set()
        if len(given) == 1:
            return code(leaf.operator.out_channels(c_in))
        return self._lift_channels(use, f"{name}_channels", lambda node: node.y.channels)

    def _fixed(self, use: Uses, name: str) -> dict[str, Code]:
        """Lift what the resolution alone decides, if any use has such a thing."""
        is_padded = any(isinstance(node, ir.Leaf) and "padding" in node.changed for node in use.nodes)
        each = [fixed_of(node, is_padded) if isinstance(node, ir.Leaf) else {} for node in use.nodes]
        keys = sorted({k for node in use.shadows if isinstance(node, ir.Leaf) for k in fixed_of(node, is_padded)})
        annotation, none = "tuple[int, int, int, int] | None", Code("None")
        return {key: self.context.lift(key, name, annotation, none, [f.get(key) for f in each]) for key in keys}

    def _parameter(self, use: Uses, leaf: ir.Leaf, key: str, kind: Kind, name: str) -> Code:
        value = getattr(leaf.operator, key)
        if isinstance(value, str) or value is None:
            return Code(str(value))
        if use.strip and key in leaf.operator.strides:
            return code(1)
        if any(isinstance(node, ir.Leaf) and key in node.changed for node in use.nodes):
            return self._lift_changed(use, leaf, key, name)
        expr = leaf.given.get(key)
        if expr is None and not self._moves(leaf.preset.get(key)):
            return literal(value)
        if expr is not None:
            try:
                return self._translate(expr, value, kind.is_real)
            except Untranslatable:
                pass
        return self._lift_parameter(use, leaf, key, kind, name)

    def _lift_changed(self, use: Uses, leaf: ir.Leaf, key: str, name: str) -> Code:
        """Lift what dilation changed in some use; all that is dilated alike in a block is one argument."""
        default = code(1) if key == "dilation" else None
        values = use.values(lambda node: literal(getattr(node.operator, key)) if isinstance(node, ir.Leaf) else None)
        said = f"{key}: {[value and value.text for value in values]}"
        return self.context.lift(key, name, "int", default, values, said)

    def _moves(self, preset: s.Expr | None) -> bool:
        """Return whether a `default` says something that scaling changes."""
        if preset is None or not isinstance(self.context, BlockContext):
            return False
        return bool(names_in(preset) & self.context.dependence.moving)

    def _translate(self, expr: s.Expr, value: object, is_real: bool) -> Code:
        symbols = self.context.symbols
        if isinstance(value, bool):
            return symbols.flag(expr)
        if not is_real:
            return symbols.whole(expr)
        translated = symbols.real(expr)
        if isinstance(expr, s.Name) and expr.parts[0].key in symbols.codes:
            self.context.real_names.add(expr.parts[0].key)
        return translated

    def _lift_parameter(self, use: Uses, leaf: ir.Leaf, key: str, kind: Kind, name: str) -> Code:
        def value_of(node: ir.Node) -> Code | None:
            assert isinstance(node, ir.Leaf)
            expr = node.given.get(key)
            if expr is None or not kind.is_real:
                return literal(getattr(node.operator, key))
            return self._concrete(expr, use.nodes.index(node), node)

        value = getattr(leaf.operator, key)
        annotation = "bool" if isinstance(value, bool) else "float" if kind.is_real else "int"
        default = _ZERO[annotation] if use.guarded else None
        wanted = name if len(leaf.operator.table) == 1 else key
        expr = leaf.given.get(key)
        said = f"{wanted}: {spell(expr)}" if expr is not None and annotation == "float" else ""
        return self.context.lift(wanted, name, annotation, default, use.values(value_of), said)

    def _concrete(self, expr: s.Expr, position: int, node: ir.Node) -> Code:
        codes = None if isinstance(self.context, BlockContext) else self.context.symbols.codes
        return concrete_real(expr, self.context.evaluate(position, node), codes)

    def _block(self, use: Uses, block: ir.Block, name: str) -> Call:
        view = self.views[self.kinds.of(block)]
        c_in = self._channels_in(use, name)
        c_out = self._ascribed(use, name) if block.definition.gives else self._computed(use, block, c_in, name)
        codes = {"c_in": c_in, "channels": c_in, "c_out": c_out}
        arguments: list[tuple[str, Code | Call]] = [("", codes[key]) for key in view.positional]
        for parameter in view.parameters:
            passed = self._passed(parameter, use, block, name, c_in)
            if passed is not None and (parameter.default is None or passed.text != parameter.default.text):
                arguments.append((parameter.name, passed))
        self.channels = c_out
        return Call(view.name, tuple(arguments))

    def _passed(self, parameter: Parameter, use: Uses, block: ir.Block, name: str, c_in: Code) -> Code | None:
        value_of = parameter.value
        assert value_of is not None
        values = use.values(lambda node: value_of(node) if isinstance(node, ir.Block) else None)
        if parameter.key is None:
            return self._pass_on(parameter, use, values, name)
        if use.strip and parameter.key in divisors(block.definition):
            return code(1)
        if any(isinstance(node, ir.Block) and parameter.key in node.changed for node in use.nodes):
            return self._changed(parameter, use, block, values, name)
        expr = block.given.get(parameter.key)
        if parameter.annotation == CLASS:
            return self._class(parameter, use, block, values, name)
        if expr is None and not self._moves(block.preset.get(parameter.key)):
            if parameter.key in block.preset or not isinstance(self.context, BlockContext):
                return value_of(block)
            return self._by_default(parameter, use, block, values, name, c_in)
        if expr is not None and (isinstance(self.context, BlockContext) or self._names_own(expr)):
            try:
                return self._translate(expr, block.arguments[parameter.key], parameter.annotation == "float")
            except Untranslatable:
                pass
        if expr is not None and parameter.annotation == "float":
            values = [None if n is None else self._concrete(expr, j, n) for j, n in enumerate(use.nodes)]
        return self._pass_on(parameter, use, values, name)

    def _class(
        self, parameter: Parameter, use: Uses, block: ir.Block, values: list[Code | None], name: str
    ) -> Code | None:
        """Return a module's class: the outer block's own argument, or the only class that is used."""
        assert parameter.key is not None and parameter.value is not None
        expr = block.given.get(parameter.key)
        if isinstance(expr, s.Name) and expr.parts[0].key in self.context.opened:
            return Code(python_name(expr.parts[0].key))
        several = len({value.text for value in values if value is not None}) > 1
        return self._pass_on(parameter, use, values, name) if several else parameter.value(block)

    def _changed(
        self, parameter: Parameter, use: Uses, block: ir.Block, values: list[Code | None], name: str
    ) -> Code | None:
        """Return a stride that became dilation: symbolic if it only passes on an argument of the outer block."""
        assert parameter.key is not None
        expr = block.given.get(parameter.key)
        if isinstance(expr, s.Name) and isinstance(self.context, BlockContext):
            try:
                return self.context.symbols.whole(expr)
            except Untranslatable:
                pass
        return self._pass_on(parameter, use, values, name)

    def _by_default(
        self, parameter: Parameter, use: Uses, block: ir.Block, values: list[Code | None], name: str, c_in: Code
    ) -> Code | None:
        """Return a default: one such as `hidden = C` depends on the input of the inner block."""
        syntax = block.definition.syntax
        default = next(p.default for p in syntax.parameters if p.name.key == parameter.key)
        source = syntax.input.dims[-1].value
        inner = {key for key in names_in(default) if key not in FUNCTIONS and key not in TRUTH}
        if not inner or default is None:
            assert parameter.value is not None
            return parameter.value(block)
        if isinstance(source, s.Name) and inner == {source.parts[0].key} and parameter.annotation == "int":
            try:
                return Symbols({source.parts[0].key: c_in}, block.scope, frozenset()).whole(default)
            except Untranslatable:
                pass
        return self._pass_on(parameter, use, values, name)

    def _names_own(self, expr: s.Expr) -> bool:
        return bool(names_in(expr) & set(self.context.symbols.codes))

    def _pass_on(self, parameter: Parameter, use: Uses, values: list[Code | None], name: str) -> Code | None:
        """Pass on what the inner class could not say itself: lifted again, or a number in a network."""
        if not isinstance(self.context, BlockContext):
            return values[0]
        if all(value is None for value in values) and not (use.guarded and parameter.default is None):
            return None
        said = {value.text for value in values if value is not None}
        if parameter.name.endswith("dilation") and parameter.default and said <= {parameter.default.text}:
            return None  # it does not change with the scale: nothing to pass on at any
        zero = _ZERO.get(parameter.annotation, Code("None"))
        default = parameter.default or (zero if use.guarded else None)
        return self.context.lift(parameter.name, name, parameter.annotation, default, values)

    # Channels

    def _channels_in(self, use: Uses, name: str) -> Code:
        if self.channels is not None:
            return self.channels
        return self._lift_channels(use, f"{name}_in", lambda node: node.x.channels)

    def _lift_channels(self, use: Uses, name: str, count: Callable[[ir.Node], int], said: str = "") -> Code:
        values = use.values(lambda node: whole(Fraction(count(node))))
        return self.context.lift(name, "", "int", code(0) if use.guarded else None, values, said)

    def _ascribed(self, use: Uses, name: str) -> Code:
        dim = channel_dim(use.unit)
        in_block = isinstance(self.context, BlockContext)
        if dim is not None and (in_block or self._names_own(dim.value)):
            try:
                return self.context.symbols.whole(dim.value)
            except Untranslatable:
                pass
        if not in_block:
            return whole(Fraction(use.sample.y.channels))
        said = f"channels: {spell(dim.value)}" if dim is not None else ""
        return self._lift_channels(use, f"{name}_channels", lambda node: node.y.channels, said)

    def _computed(self, use: Uses, block: ir.Block, c_in: Code, name: str) -> Code:
        """Return what comes out of a block that computes its channels."""
        given, gives = (
            shape.dims[-1].value for shape in (block.definition.syntax.input, block.definition.syntax.output)
        )
        if spell(given) == spell(gives):
            return c_in
        if not isinstance(self.context, BlockContext):
            return whole(Fraction(block.y.channels))
        return self._lift_channels(use, f"{name}_channels", lambda node: node.y.channels)
