"""Scopes: the meaning of each name during evaluation."""

from collections.abc import Mapping

from scalec.diagnostics.diagnostic import Report
from scalec.diagnostics.source import Span
from scalec.language import syntax as s
from scalec.language.exact import Number
from scalec.program.evaluate import WORDS, Failure, Partial, Value, evaluate
from scalec.program.names import LAYER_NAMES
from scalec.program.program import File, LetDef, bind, callee_of


class World:
    """The file scopes of one compilation; `overrides` are values of the main file's params and lets."""

    def __init__(self, main: File, overrides: Mapping[str, Value]) -> None:
        self._scopes: dict[int, FileScope] = {}
        self.main = FileScope(main, self, overrides)
        self._scopes[id(main)] = self.main

    def of(self, file: File) -> "FileScope":
        """Return the scope of a file."""
        if id(file) not in self._scopes:
            self._scopes[id(file)] = FileScope(file, self, {})
        return self._scopes[id(file)]


class FileScope:
    """Params, lets, words and operators of one file. Lets are worked out when asked for, and once."""

    def __init__(self, file: File, world: World, overrides: Mapping[str, Value]) -> None:
        self.file, self.world = file, world
        self._known: dict[str, Value] = dict(overrides)
        self.open: set[str] = set()
        """What is being worked out: to meet one of these again is a circle."""

    def value(self, key: str) -> Value:
        """Return the value of a param or let by its name alone; raise `Failure`, as `name` does."""
        place = Span(self.file.source, 0, 0)
        return self.name(s.Name(place, (s.Identifier(place, key),)))

    def number(self, key: str) -> Number | None:
        """Return a param or let that is a number, or None if there is none of that name."""
        value = self.value(key) if self.file.is_constant(key) else None
        return None if value is None or isinstance(value, (bool, str, Partial)) else value

    def name(self, name: s.Name) -> Value:
        """Return the value of a name."""
        key = name.parts[0].key
        if len(name.parts) == 1:
            if key in self._known:
                return self._known[key]
            if (binding := self.file.params.get(key)) is not None:
                return self._work_out(key, LetDef(binding, self.file), name)
            if (let := self.file.lets.get(key)) is not None:
                return self._work_out(key, let, name)
            if key in WORDS:
                return key
            if (callee := self.file.callee(key)) is not None:
                return Partial(callee, ())
        raise Failure("E101", f"`{name.span.text}` has no value here", name.span)

    def _work_out(self, key: str, let: LetDef, name: s.Name) -> Value:
        if key in self.open:
            raise Failure("E107", f"`{name.span.text}` is defined by itself", let.binding.span)
        self.open.add(key)
        try:
            value = evaluate(let.binding.value, self.world.of(let.home))
        finally:
            self.open.discard(key)
        self._known[key] = value
        return value

    def call(self, call: s.Call) -> Value:
        """Return the value of a let with arguments, or an operator with some of its arguments."""
        return apply(call, self, self)

    def let(self, key: str) -> LetDef | None:
        """Return a let by name."""
        return self.file.lets.get(key)


class LocalScope:
    """Names of one place (a block's, a rule's, a let's arguments) over those of a file."""

    def __init__(self, values: dict[str, Value], parent: FileScope) -> None:
        self.values, self.parent = values, parent

    def name(self, name: s.Name) -> Value:
        """Return the value of a name, dotted ones as they are kept here."""
        key = ".".join(part.key for part in name.parts)
        if key in self.values:
            return self.values[key]
        if key in LAYER_NAMES:
            raise Failure("E101", f"`{key}` has a meaning only in a stage with an exponent", name.span)
        return self.parent.name(name)

    def call(self, call: s.Call) -> Value:
        """As `FileScope.call`, the arguments worked out here."""
        held = self.values.get(call.name.key)
        if isinstance(held, Partial):
            return extend(held, call, self)
        return apply(call, self.parent, self)


def apply(call: s.Call, file: FileScope, scope: FileScope | LocalScope) -> Value:
    """Work out a call of a let or an operator of `file`, its arguments in `scope`."""
    let = file.let(call.name.key)
    if let is not None and let.binding.parameters:
        given = {p.key: evaluate(a.value, scope) for p, a in zip(let.binding.parameters, call.arguments, strict=True)}
        return _inside(call, let, given, file.world)
    callee = file.file.callee(call.name.key)
    if callee is None:
        raise Failure("E101", f"unknown function `{call.name.span.text}`", call.name.span)
    return extend(Partial(callee, ()), call, scope)


def _inside(call: s.Call, let: LetDef, given: dict[str, Value], world: World) -> Value:
    key = f"{call.name.key}()"
    home = world.of(let.home)
    if key in home.open:
        raise Failure("E107", f"`{call.name.span.text}` is defined by itself", let.binding.span)
    home.open.add(key)
    try:
        return evaluate(let.binding.value, LocalScope(given, home))
    finally:
        home.open.discard(key)


def extend(partial: Partial, call: s.Call, scope: FileScope | LocalScope) -> Partial:
    """Return an operator more of its arguments."""
    report = Report()
    known = dict(partial.arguments)
    bound = bind(call, callee_of(partial), report, frozenset(known))
    if report.diagnostics:
        raise Failure.of(report.diagnostics[0])
    known |= {name: evaluate(expr, scope) for name, expr in bound.items()}
    return Partial(partial.callee, tuple(sorted(known.items(), key=lambda item: item[0])))
