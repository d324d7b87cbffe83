"""Finds the values, besides shapes, on which a stage's costs depend. They are part of the key in `cost_table`.

Layers with the same shapes, channels and values of these expressions are the same layer. Expressions that are used
only for real-valued parameters of operators (rates, epsilons) are left out, because no cost depends on them
(`tests/solve/test_solve.py` checks this for each operator). So layers that differ only in stochastic depth are equal.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from scalec.diagnostics.diagnostic import Report
from scalec.language import syntax as s
from scalec.language.visit import children, names_in
from scalec.program.dependence import depends_on
from scalec.program.names import LAYER_NAMES
from scalec.program.program import BlockDef, Callee, File, Program, bind
from scalec.record import record

Atom = tuple[File, s.Expr]
"""An expression that names of one file alone decide."""


@record
class Needs:
    """What counts depend on: `atoms` of files, and `names` of the place (a block's parameters, `layer`)."""

    atoms: frozenset[Atom]
    names: frozenset[str]


@record
class UnitNeeds:
    """What a stage depends on: expressions in the network's scope, atoms, and whether on the layer's index."""

    here: tuple[s.Expr, ...]
    atoms: tuple[Atom, ...]
    layer: bool


@dataclass
class _Found:
    file: File
    local: frozenset[str]
    atoms: set[Atom] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    here: list[s.Expr] = field(default_factory=list)

    @property
    def in_network(self) -> bool:
        """Whether expressions are taken whole, as the network's scope gives them."""
        return not self.local


class Dependence:
    """Finds what the stages of one program depend on. Each block is looked at once."""

    def __init__(self, program: Program) -> None:
        """Take a program; nothing is looked at yet."""
        self.program = program
        self._blocks: dict[BlockDef, Needs | None] = {}
        self._values: list[tuple[File, Callee]] | None = None

    def unit(self, unit: s.Unit) -> UnitNeeds:
        """Return what a unit of the network depends on; its own channels, repeats and `when` are not in it."""
        found = _Found(self.program.file, frozenset())
        self._head(unit.head, found)
        layer = bool(found.names & set(LAYER_NAMES)) or any(names_in(e) & set(LAYER_NAMES) for e in found.here)
        here = tuple(dict.fromkeys(expr for expr in found.here if names_in(expr)))
        return UnitNeeds(here, tuple(sorted(found.atoms, key=lambda a: a[1].span.start)), layer)

    def block(self, block: BlockDef) -> Needs:
        """Return what a block's counts depend on. A block inside itself depends on all of its parameters."""
        if block in self._blocks:
            known = self._blocks[block]
            return known if known is not None else Needs(frozenset(), frozenset(_parameters(block)) | set(LAYER_NAMES))
        self._blocks[block] = None
        syntax = block.syntax
        bindings = {binding.name.key: binding.value for binding in syntax.where}
        bindings |= {p.name.key: p.default for p in syntax.parameters if p.default is not None}
        symbols = {name for dim in (*syntax.input.dims, *syntax.output.dims) for name in names_in(dim.value)}
        local = set(bindings) | _parameters(block) | (symbols - block.home.constants()) | set(LAYER_NAMES)
        found = _Found(block.home, frozenset(local))
        for dim in (*syntax.input.dims, *syntax.output.dims):
            self._expr(dim.value, found)
        self._chain(syntax.chain, found)
        done: set[str] = set()
        while left := (found.names & set(bindings)) - done:
            for name in sorted(left):
                self._expr(bindings[name], found)
            done |= left
        self._blocks[block] = Needs(frozenset(found.atoms), frozenset(found.names))
        return Needs(frozenset(found.atoms), frozenset(found.names))

    def _chain(self, chain: s.Chain | None, found: _Found) -> None:
        for unit in chain.units if chain else ():
            written = unit.ascription.dims if isinstance(unit.ascription, s.Shape) else (unit.ascription,)
            values = [dim.value for dim in written if dim is not None]
            if values and found.in_network:
                self._width_rule(found)
            for expr in (*values, unit.guard, unit.repeat.count if unit.repeat else None):
                self._expr(expr, found)
            self._head(unit.head, found)

    def _width_rule(self, found: _Found) -> None:
        """What the network writes inside a group or wrapper scales: so it depends on what the rule depends on."""
        if (scale := self.program.scales.get("C")) is None:
            return
        span, file = scale.rule.span, self.program.file
        names = depends_on(self.program, scale.rule)
        found.atoms |= {(file, s.Name(span, (s.Identifier(span, name),))) for name in names}

    def _head(self, head: s.Call | s.Wrap | s.Group, found: _Found) -> None:
        match head:
            case s.Call():
                self._call(head, found)
            case s.Group():
                for chain in head.chains:
                    self._chain(chain, found)
            case s.Wrap():
                for body in head.bodies:
                    self._expr(body.condition, found)
                    self._chain(body.chain, found)

    def _call(self, call: s.Call, found: _Found) -> None:
        """Take the arguments that counts depend on, and what the callee itself needs."""
        callee = None if call.name.key in found.local else found.file.callee(call.name.key)
        if callee is None:
            self._expr(s.Name(call.name.span, (call.name,)), found)
            for argument in call.arguments:
                self._expr(argument.value, found)
            self._anything(found)
            return
        self._callee(callee, found)
        wanted = self._wanted(callee)
        for name, expr in bind(call, callee, Report()).items():
            if name in wanted:
                self._expr(expr, found)

    def _callee(self, callee: Callee, found: _Found) -> None:
        if isinstance(callee, BlockDef):
            needs = self.block(callee)
            found.atoms |= needs.atoms
            found.names |= needs.names & set(LAYER_NAMES)
        wanted = self._wanted(callee)
        for file in (found.file, self.program.file):
            for key, setting in file.defaults.items():
                if file.callee(key) is callee:
                    given = [a.value for a in setting.arguments if a.name and a.name.key in wanted]
                    found.atoms |= {(self.program.file, expr) for expr in given if names_in(expr)}

    def _anything(self, found: _Found) -> None:
        """Take what any callee needs that stands somewhere as a value: which it is, is known only when it is built."""
        if self._values is None:
            self._values = _callees_as_values(self.program)
        for home, callee in self._values:
            inner = _Found(home, frozenset({""}))
            self._callee(callee, inner)
            found.atoms |= inner.atoms
            found.names |= inner.names

    def _wanted(self, callee: Callee) -> frozenset[str]:
        if isinstance(callee, BlockDef):
            return self.block(callee).names
        return frozenset(name for name, parameter in callee.table.items() if not parameter.kind.is_real)

    def _expr(self, expr: s.Expr | None, found: _Found) -> None:
        """Take an expression: whole where it names nothing local, else its parts."""
        if expr is None:
            return
        if found.in_network:
            found.here.append(expr)
            return
        names = names_in(expr)
        if not names & found.local:
            if names & (set(found.file.params) | set(found.file.lets)):
                found.atoms.add((found.file, expr))
            return
        if isinstance(expr, s.Name):
            found.names.add(expr.parts[0].key)
        if isinstance(expr, s.Call):
            found.names |= {expr.name.key} & found.local
            let = found.file.lets.get(expr.name.key)
            if let is not None:
                inner = _Found(let.home, frozenset(p.key for p in let.binding.parameters))
                self._expr(let.binding.value, inner)
                found.atoms |= inner.atoms
        for child in children(expr):
            self._expr(child, found)


def _parameters(block: BlockDef) -> set[str]:
    return {parameter.name.key for parameter in block.syntax.parameters}


def _callees_as_values(program: Program) -> list[tuple[File, Callee]]:
    """Return the operators and blocks that are named in an expression, `act = SiLU`, and the file where they are."""
    found: dict[tuple[File, Callee], None] = {}
    for file in _files(program.file):
        parts: list[object] = [
            *file.params.values(),
            *file.defaults.values(),
            *(b.syntax for b in file.blocks.values()),
        ]
        parts += [let.binding for let in file.lets.values()]
        if file is program.file:
            parts += [
                program.network,
                *(s.Argument(e.span, None, e) for row in program.variants.values() for e in row.values()),
            ]
        for expr in _values_in(parts):
            for name in sorted(names_in(expr)):
                if (callee := file.callee(name)) is not None:
                    found[file, callee] = None
    return list(found)


def _values_in(part: object) -> Iterator[s.Expr]:
    """Return the expressions that are arguments, defaults or definitions, somewhere in a piece of syntax."""
    if isinstance(part, (s.Argument, s.Binding)):
        yield part.value
    elif isinstance(part, s.Parameter) and part.default is not None:
        yield part.default
    if isinstance(part, (list, tuple)):
        for inner in part:
            yield from _values_in(inner)
    elif isinstance(part, s.Node):
        for each in fields(part):
            if each.name != "span":
                yield from _values_in(getattr(part, each.name))


def _files(file: File) -> Iterator[File]:
    """Return a file and those that its blocks come from."""
    yield file
    yield from dict.fromkeys(block.home for block in file.blocks.values() if block.home is not file)
