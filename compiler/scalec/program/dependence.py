"""Finds the names on which an expression depends, and whether its value can differ between scales.

Only this module answers this question. The emitted classes, the memory run, the cost tables, the search along an axis
and the lints all use it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import TypeVar

from scalec.diagnostics.diagnostic import Report
from scalec.language import syntax as s
from scalec.language.visit import calls, children, expressions, names, names_in
from scalec.program.evaluate import FUNCTIONS, Partial, Value
from scalec.program.names import LAYER_NAMES
from scalec.program.program import BlockDef, File, Program, bind, parameters_of

PHI = "phi"
T = TypeVar("T")


def closure(start: Iterable[T], step: Callable[[T], Iterable[T]]) -> set[T]:
    """Return all that is reached from `start` in any number of steps, the start included."""
    found: set[T] = set()
    todo = list(start)
    while todo:
        item = todo.pop()
        if item not in found:
            found.add(item)
            todo += step(item)
    return found


def dependents(sources: Iterable[str], definitions: Mapping[str, set[str]]) -> set[str]:
    """Return the sources and the names that mention one of them, directly or through others."""
    users: dict[str, list[str]] = {}
    for key, mentioned in definitions.items():
        for name in mentioned:
            users.setdefault(name, []).append(key)
    return closure(sources, lambda name: users.get(name, ()))


def depends_on(program: Program, expr: s.Expr, file: File | None = None) -> set[str]:
    """Return the params and lets of the main file that an expression depends on, directly or through lets."""

    def step(item: tuple[File, str]) -> Iterable[tuple[File, str]]:
        home, name = item
        if name in home.params:
            return [(home, inner) for inner in names_in(home.params[name].value)]
        if (let := home.lets.get(name)) is None:
            return []
        known = {parameter.key for parameter in let.binding.parameters}
        return [(let.home, inner) for inner in names_in(let.binding.value) - known]

    start = [(file or program.file, name) for name in names_in(expr)]
    constants = program.file.constants()
    return {name for home, name in closure(start, step) if home is program.file and name in constants}


def moved_by(sources: Iterable[str], file: File) -> set[str]:
    """Return the sources and the params and lets of a file that depend on them."""
    definitions = {key: names_in(binding.value) for key, binding in file.params.items()}
    for key, let in file.lets.items():
        if let.home is file:
            definitions[key] = names_in(let.binding.value) - {parameter.key for parameter in let.binding.parameters}
    return dependents(sources, definitions)


def shape_symbols(definition: s.Definition) -> set[str]:
    """Return the names that a signature gives to sizes: `H`, `W`, `C`, `K`."""
    dims = (*definition.input.dims, *definition.output.dims)
    symbols = {dim.value.parts[0].key for dim in dims if isinstance(dim.value, s.Name)}
    return symbols - {parameter.name.key for parameter in definition.parameters}


def shape_names(definition: s.Definition) -> set[str]:
    """Return the names of a block that depend on the shape it is put on, or gives."""
    return dependents(shape_symbols(definition), _local_definitions(definition))


def _local_definitions(definition: s.Definition) -> dict[str, set[str]]:
    return {binding.name.key: names_in(binding.value) for binding in definition.where}


class ScaleDependence:
    """Which names of a program can have another value at another scale, for each block.

    These are sizes, `layer`, what φ or a variant changes, parameters that some use gives such an argument, and what is
    made of these. A block's class has to be the same text at every scale, so it may decide nothing by them. A column of
    `variants` that no scale rule depends on chooses between architectures (`squeeze`, `groups`): an argument of the
    network made of it is no difference in scale.
    """

    def __init__(self, program: Program) -> None:
        columns = set(chain(*program.variants.values()))
        self.moving = frozenset(moved_by({PHI, *columns}, program.file))
        """The params and lets of the main file."""
        self._file = program.file
        self._open: dict[BlockDef, set[str]] = {}
        """The parameters of a block that some use gives an argument that differs."""
        self._names: dict[BlockDef, frozenset[str]] = {}
        self._arguments: dict[BlockDef, list[_Argument]] = {}
        self._all_open = False
        """Whether such an argument goes to a block that is known only when the network is built."""
        labels = {unit.label.key for unit in program.network.chain.units if unit.label}  # as in `stem.C`
        defaults = {p.name.key: names_in(p.default) for p in program.network.parameters}
        factors = columns & set(chain(*(depends_on(program, scale.rule) for scale in program.scales.values())))
        network = dependents({*moved_by({PHI, *factors}, program.file), *labels, *LAYER_NAMES}, defaults)
        todo = dict.fromkeys(program.file.blocks.values())
        todo |= self._give([*_arguments(program.network, program.file), *_statement_arguments(program.file)], network)
        while todo:
            block, _ = todo.popitem()
            if block not in self._arguments:
                self._arguments[block] = list(_arguments(block.syntax, block.home))
            self._names[block] = frozenset(self._find(block))
            todo |= self._give(self._arguments[block], self._names[block])

    def names(self, block: BlockDef) -> frozenset[str]:
        """Return the names in a block that can differ."""
        if block not in self._names:  # one that is only a value, in another file
            self._names[block] = frozenset(self._find(block))
        return self._names[block]

    def differs(self, expr: s.Expr, block: BlockDef) -> bool:
        """Return whether an expression in a block can have another value at another scale."""
        return not self.names(block).isdisjoint(names_in(expr))

    def _find(self, block: BlockDef) -> set[str]:
        syntax = block.syntax
        definitions = _local_definitions(syntax)
        definitions |= {p.name.key: names_in(p.default) for p in syntax.parameters if p.default is not None}
        parameters, symbols = set(parameters_of(block)), shape_symbols(syntax)
        given = parameters if self._all_open else self._open.get(block, set())
        outer = self.moving - parameters - symbols - set(definitions) if block.home is self._file else frozenset()
        return dependents({*symbols, *given, *LAYER_NAMES, *outer}, definitions)

    def _give(self, arguments: Iterable["_Argument"], names: Iterable[str]) -> dict[BlockDef, None]:
        """Open the parameters that are given something made of `names`; return the blocks to look at (again)."""
        differing = frozenset(names)
        todo: dict[BlockDef, None] = {}
        for block, parameter, mentioned in arguments:
            if block is not None and block not in self._arguments:
                todo[block] = None
            if differing.isdisjoint(mentioned):
                continue
            if block is None:
                todo |= {} if self._all_open else dict.fromkeys(self._arguments)
                self._all_open = True
            elif parameter not in self._open.setdefault(block, set()):
                self._open[block].add(parameter)
                todo[block] = None
        return todo


_Argument = tuple[BlockDef | None, str, frozenset[str]]
"""A block (None: any), one of its parameters, and the names that stand in what a use gives it."""


def _arguments(definition: s.Definition, file: File) -> Iterator[_Argument]:
    """Yield what a block or network gives to the blocks that it names."""
    values = [*expressions(definition.chain), *(binding.value for binding in definition.where)]
    values += [parameter.default for parameter in definition.parameters if parameter.default is not None]
    for call in chain(calls(definition.chain), *map(_calls_in, values)):
        yield from _bound(call, file)


def _statement_arguments(file: File) -> Iterator[_Argument]:
    """Yield what params, lets and `default` statements of a file give to blocks: `let act = Inner(φ)`."""
    values = [binding.value for binding in file.params.values()]
    values += [let.binding.value for let in file.lets.values() if let.home is file]
    for call in chain(file.defaults.values(), *map(_calls_in, values)):
        yield from _bound(call, file)


def _bound(call: s.Call, file: File) -> Iterator[_Argument]:
    """Yield what a call gives; a callee that is a parameter, or a value of the file, may be any block."""
    callee = file.callee(call.name.key)
    if isinstance(callee, BlockDef):
        for name, expr in bind(call, callee, Report()).items():
            yield callee, name, frozenset(names_in(expr))
    elif callee is None and call.name.key not in FUNCTIONS and not file.takes_arguments(call.name.key):
        for argument in call.arguments:
            yield None, "", frozenset(names_in(argument.value))


def _calls_in(expr: s.Expr) -> Iterator[s.Call]:
    if isinstance(expr, s.Call):
        yield expr
    for child in children(expr):
        yield from _calls_in(child)


def reads_layer(block: BlockDef, arguments: Iterable[Value] = ()) -> bool:
    """Return whether `layer` or `layers` stands in a block, or in one that it uses or is given as an argument."""

    def step(each: BlockDef) -> Iterable[BlockDef]:
        mentioned = closure(_mentioned(each), lambda name: names_in(_value(each.home, name)))
        return [inner for name in mentioned if (inner := each.home.blocks.get(name)) is not None]

    used = closure([block, *chain(*map(_blocks_in, arguments))], step)
    return any(not _mentioned(each).isdisjoint(LAYER_NAMES) for each in used)


def _value(file: File, name: str) -> s.Expr | None:
    binding = file.params.get(name) or (file.lets[name].binding if name in file.lets else None)
    return binding.value if binding else None


def _mentioned(block: BlockDef) -> set[str]:
    syntax = block.syntax
    values = [binding.value for binding in syntax.where]
    values += [parameter.default for parameter in syntax.parameters if parameter.default is not None]
    return names(syntax.chain).union(*map(names_in, values))


def _blocks_in(value: Value) -> Iterator[BlockDef]:
    """Yield the blocks in a value: an operator or block with some of its arguments."""
    if isinstance(value, Partial):
        if isinstance(value.callee, BlockDef):
            yield value.callee
        for _, argument in value.arguments:
            yield from _blocks_in(argument)


@lru_cache(maxsize=16)
def scale_dependence(program: Program) -> ScaleDependence:
    """Return the dependence of a program, worked out once for all of its networks."""
    return ScaleDependence(program)
