"""The data for the classes of an emitted file: the contents of each line, before templates and layout.

The class of a block is symbolic: it has the same text at every scale. The class of the network has concrete numbers.
`writer.Writer` writes both with the same walk over a chain; this module contains the differences.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain, count

from scalec.emit.classes import Kind, Kinds, module_class
from scalec.emit.symbols import Symbols, Untranslatable
from scalec.language import syntax as s
from scalec.language.unparse import spell_signature
from scalec.language.visit import names_in, units
from scalec.network import network as ir
from scalec.network.forward import Forward
from scalec.network.python_names import python_name, snake_case
from scalec.network.repetition import divisors
from scalec.ops.code import Call, Choice, Code, flag, real, whole
from scalec.program.dependence import ScaleDependence
from scalec.program.evaluate import Failure, Scope, Value, evaluate, number, truth
from scalec.program.scope import LocalScope
from scalec.record import record

CLASS = "type[nn.Module]"


@record
class Parameter:
    """An argument of an emitted constructor. `value` tells what a use of the block passes; nothing: its default."""

    name: str
    annotation: str
    default: Code | None
    value: Callable[[ir.Block], Code | None] | None = None
    key: str | None = None
    """The parameter's name in the spec; nothing for what was lifted out of the block's body."""

    def __str__(self) -> str:
        """Write it as in a `def`."""
        return f"{self.name}: {self.annotation}" + (f" = {self.default}" if self.default else "")


@record
class ClassView:
    """A class to emit."""

    name: str
    doc: str
    positional: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    init: tuple[tuple[str, Code | Call | Choice], ...]
    forward: Forward


def _labels(chain: s.Chain | None) -> set[str]:
    """Return the labels of a chain and of what stands inside its units, as attributes."""
    return {python_name(unit.label.key) for unit in units(chain) if unit.label}


@dataclass
class Naming:
    """Names that are taken in one class."""

    taken: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    """What the spec calls its units: no unit without a label may be called so."""

    def free(self, wanted: str, prefix: str = "", own: bool = False) -> str:
        """Return the wanted name, with the prefix if it is taken, or with a number; `own` if it is a label."""
        taken = self.taken if own else self.taken | self.labels
        numbered = (f"{wanted}_{number}" for number in count(2))
        name = next(n for n in chain((wanted, f"{prefix}_{wanted}" if prefix else wanted), numbered) if n not in taken)
        self.taken.add(name)
        return name


def literal(value: object) -> Code:
    """Print a value that an operator holds or a block was given."""
    if isinstance(value, bool):
        return flag(value)
    if isinstance(value, int):
        return whole(Fraction(value))
    if isinstance(value, Fraction):
        return real(value)
    return Code(str(value))


def unit_name(unit: s.Unit) -> str:
    """Name a unit: its label, or its operator in snake_case."""
    if unit.label:
        return python_name(unit.label.key)
    if isinstance(unit.head, s.Call):
        return python_name(snake_case(unit.head.name.key))
    return unit.head.call.name.key if isinstance(unit.head, s.Wrap) else "group"


class BlockContext:
    """A block's class: channels and parameters are symbols, the rest is lifted into arguments."""

    def __init__(self, kind: Kind, kinds: Kinds, dependence: ScaleDependence, main: Scope) -> None:
        self.definition, uses = kind[0], kinds.uses[kind]
        self.opened = {name for definition, name in kinds.opened if definition is self.definition}
        operators = {name for name, _ in kind[1]} | self.opened
        self.uses, self.main, self.dependence = uses, main, dependence
        block = self.definition.syntax
        gives = self.definition.gives
        source = block.input.dims[-1].value
        self.input_symbol = source.parts[0].key if isinstance(source, s.Name) else None
        self.c_in = Code("c_in" if gives else "channels") if self.input_symbol else literal(uses[0].x.channels)
        codes = {p.name.key: Code(python_name(p.name.key)) for p in block.parameters}
        for name in operators:
            del codes[name]
        if self.input_symbol:
            codes[self.input_symbol] = self.c_in
        if gives:
            codes[gives] = Code("c_out")
        shapes = {d.value.parts[0].key for d in block.input.dims if isinstance(d.value, s.Name)} - set(codes)
        hidden = dependence.names(self.definition) - set(codes) | shapes | operators
        fractional = {name for name in codes if any(not _is_whole(use.arguments.get(name)) for use in uses)}
        self.symbols = Symbols(codes, uses[0].scope, frozenset(hidden), frozenset(fractional))
        self.lifted: list[Parameter] = []
        self.said: dict[tuple[str, str], tuple[Code, dict[int, Code]]] = {}
        self.layer: Iterator[str] | None = None
        """What the arguments that a layer of a repeat lifts say; the next layer says the same."""
        self.naming = Naming(labels=_labels(self.definition.syntax.chain))
        self.arguments = Naming(
            {"self", "x", "c_in", "c_out", "channels"}
            | {python_name(parameter.name.key) for parameter in block.parameters}
            | {python_name(binding.name.key) for binding in block.where}
        )
        self.real_names: set[str] = set()
        self.locals: list[tuple[str, Code]] = []
        self._bind_where(codes)

    def _bind_where(self, codes: dict[str, Code]) -> None:
        self.where_names: dict[str, s.Expr] = {}
        for binding in self.definition.syntax.where:
            key = binding.name.key
            is_flag = isinstance(self.uses[0].scope.name(s.Name(binding.span, (binding.name,))), bool)
            try:
                text = (self.symbols.flag if is_flag else self.symbols.whole)(binding.value)
            except Untranslatable:
                self.symbols.moving |= {key}
                continue
            codes[key] = Code(python_name(key))
            self.where_names[key] = binding.value
            self.locals.append((key, text))

    def depends_on_shape(self, expr: s.Expr) -> bool:
        """Return whether an expression can differ from scale to scale for the same arguments."""
        return self.dependence.differs(expr, self.definition)

    def folded(self, expr: s.Expr) -> s.Expr | bool:
        """Take out of a condition what is decided at every scale, by arguments that all uses share; strides stay."""
        if isinstance(expr, s.Junction):
            decisive = expr.operator == "or"
            parts = [self.folded(operand) for operand in expr.operands]
            if any(part is decisive for part in parts):
                return decisive
            kept = tuple(part for part in parts if not isinstance(part, bool))
            return replace(expr, operands=kept) if len(kept) > 1 else kept[0] if kept else not decisive
        if self.depends_on_shape(expr) or names_in(expr) & divisors(self.definition):
            return expr
        try:
            values = {truth(expr, use.scope) for use in self.uses}
        except Failure:
            return expr
        return values.pop() if len(values) == 1 else expr

    def equal_unless(self, guard: s.Expr, one: Code, other: Code) -> bool:
        """Return whether two numbers are equal wherever a condition does not hold: `C != K`, `not (… and C == K)`."""
        return self._implies(guard, False, {one.text, other.text})

    def _implies(self, condition: s.Expr, holds: bool, sides: set[str]) -> bool:
        match condition:
            case s.Name() if condition.parts[0].key in self.where_names:
                return self._implies(self.where_names[condition.parts[0].key], holds, sides)
            case s.Not():
                return self._implies(condition.operand, not holds, sides)
            case s.Junction() if (condition.operator == "and") == holds:
                return any(self._implies(operand, holds, sides) for operand in condition.operands)
            case s.Comparison() if condition.operators == ("==" if holds else "!=",):
                try:
                    return {self.symbols.whole(operand).text for operand in condition.operands} == sides
                except Untranslatable:
                    return False
        return False

    def is_always(self, expr: s.Expr, channels: Code, position: int) -> bool:
        """Return whether an expression is always the block's input or output channels, with a use's arguments."""
        symbol = {self.c_in.text: self.input_symbol, "c_out": self.definition.gives}.get(channels.text)
        scope = self.uses[position].scope
        if symbol is None or not isinstance(scope, LocalScope):
            return False
        primes = {self.input_symbol: Fraction(10_007), self.definition.gives: Fraction(20_011)}
        local = LocalScope({**scope.values, **{key: prime for key, prime in primes.items() if key}}, scope.parent)
        try:
            for binding in self.definition.syntax.where:
                local.values[binding.name.key] = evaluate(binding.value, local)
            return number(expr, local) == primes[symbol]
        except Failure:
            return False

    def is_lifted(self, value: Code) -> bool:
        """Return whether something is an argument that the compiler made: it says nothing where its unit is absent."""
        return any(parameter.name == value.text for parameter in self.lifted)

    def lift(
        self, name: str, label: str, annotation: str, default: Code | None, values: list[Code | None], said: str = ""
    ) -> Code:
        """Make something an argument of the class; `values` are what each use passes.

        What the spec says in the same words (`said`) is one argument. Equal values do not make it one: at another
        scale they differ.
        """
        by_use = {id(use): value for use, value in zip(self.uses, values, strict=True) if value is not None}
        if not said and self.layer is not None:
            said = next(self.layer)
            earlier = self.said[annotation, said][1] if (annotation, said) in self.said else {}
            said = said if earlier.items() <= by_use.items() else ""  # a stride that became dilation behind it
        if said and (known := self.said.get((annotation, said))):
            known[1].update(by_use)
            return known[0]
        final = Code(self.arguments.free(name, label))
        self.lifted.append(Parameter(final.text, annotation, default, lambda use: by_use.get(id(use))))
        self.said[annotation, said] = final, by_use
        return final

    def evaluate(self, position: int, node: ir.Node) -> Scope:
        """Return the scope in which the arguments of a node were worked out."""
        return self.uses[position].scope

    def view(self, name: str, init: list[tuple[str, Code | Call | Choice]], forward: Forward) -> ClassView:
        """Put the class together: only the arguments that it uses."""
        words = _words(str(value) for _, value in init)
        locals_: list[tuple[str, Code | Call | Choice]] = []
        for key, text in reversed(self.locals):
            if python_name(key) in words:
                locals_.insert(0, (python_name(key), text))
                words |= _words([text.text])
        positional = tuple(name for name in (self.c_in.text, "c_out") if name in words)
        own = (
            p
            for p in self.definition.syntax.parameters
            if p.name.key in self.symbols.codes or p.name.key in self.opened
        )
        parameters = [self._parameter(p) for p in own if python_name(p.name.key) in words]
        doc = spell_signature(self.definition.syntax)  # its parameters in the spec are others than in this class
        return ClassView(name, doc, positional, (*parameters, *self.lifted), (*locals_, *init), forward)

    def _parameter(self, parameter: s.Parameter) -> Parameter:
        key = parameter.name.key
        if key in self.opened:
            return self._class_parameter(parameter)
        values = [use.arguments[key] for use in self.uses]
        if isinstance(values[0], bool):
            annotation = "bool"
        else:
            annotation = "float" if key in self.real_names or key in self.symbols.fractional else "int"
        default = parameter.default
        shown: Code | None = None
        if default is not None and not names_in(default) - {"true", "false"}:
            shown = printed(self.main_value(default), annotation)
        return Parameter(python_name(key), annotation, shown, lambda use: printed(use.arguments[key], annotation), key)

    def _class_parameter(self, parameter: s.Parameter) -> Parameter:
        """Take an activation as a class; its default is the one that is in force where none is said."""
        key = parameter.name.key
        unsaid = [use.arguments[key] for use in self.uses if key not in use.given]
        if not unsaid and parameter.default is not None and not names_in(parameter.default) & set(self.symbols.codes):
            unsaid = [evaluate(parameter.default, self.uses[0].scope)]
        default = module_class(unsaid[0]) if unsaid else None
        return Parameter(python_name(key), CLASS, default, lambda use: module_class(use.arguments[key]), key)

    def main_value(self, expr: s.Expr) -> Value:
        """Work out an expression without names."""
        return evaluate(expr, self.main)


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text)}


def printed(value: Value, annotation: str) -> Code:
    """Print an argument: `4` as `4.0` where a float is expected."""
    if isinstance(value, Fraction) and annotation != "float" and value.denominator == 1:
        return whole(value)
    return literal(value)


def _is_whole(value: Value | None) -> bool:
    return not isinstance(value, Fraction) or value.denominator == 1


class NetworkContext:
    """The network's class: numbers, but for the constructor's own parameters."""

    def __init__(self, network: ir.Network) -> None:
        self.network = network
        self.opened: set[str] = set()
        codes = {key: Code(python_name(key)) for key in network.program.network_parameters}
        self.symbols = Symbols(codes, network.scope, frozenset())
        self.c_in = literal(network.x.channels)
        self.naming = Naming(labels={python_name(stage.name) for stage in network.stages})
        self.real_names: set[str] = set()
        self._scopes = {
            id(layer): scope
            for stage in network.stages
            for layer, scope in zip(stage.layers, stage.scopes, strict=True)
        }

    def depends_on_shape(self, expr: s.Expr) -> bool:
        """A network is of one scale: nothing is open."""
        return False

    def lift(
        self, name: str, label: str, annotation: str, default: Code | None, values: list[Code | None], said: str = ""
    ) -> Code:
        """Say the value itself."""
        return values[0] or default or Code("None")

    def evaluate(self, position: int, node: ir.Node) -> Scope:
        """Return the scope of the layer."""
        return self._scopes.get(id(node), self.network.scope)

    def parameters(self, init: list[tuple[str, Code | Call | Choice]]) -> tuple[Parameter, ...]:
        """Return the constructor's arguments; a body without its head, or without dropout, needs but some of them."""
        shown = []
        used = _words(str(value) for _, value in init)
        for key, value in self.network.parameters.items():
            if (self.network.outputs or self.network.setting.inference) and python_name(key) not in used:
                continue
            real_valued = key in self.real_names or not _is_whole(value)
            annotation = "bool" if isinstance(value, bool) else "float" if real_valued else "int"
            shown.append(Parameter(python_name(key), annotation, printed(value, annotation), key=key))
        return tuple(shown)


Context = BlockContext | NetworkContext
