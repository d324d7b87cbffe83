"""Resolves a call in a chain: the operator or block that it names, and the values of its parameters, before shapes."""

from scalec.diagnostics.diagnostic import Report
from scalec.language import syntax as s
from scalec.program.evaluate import Failure, Partial, Value, describe, evaluate
from scalec.program.program import Callee, bind, callee_of
from scalec.program.scope import FileScope, LocalScope, World
from scalec.record import record

AnyScope = FileScope | LocalScope


@record
class Use:
    """A callee with what is known of its arguments: values from a partial operator, expressions from the call."""

    call: s.Call
    callee: Callee
    known: dict[str, Value]
    bound: dict[str, s.Expr]


class Calls:
    """The calls of one network; what is worked out about a call is kept."""

    def __init__(self, world: World) -> None:
        """Take a world of names."""
        self.world = world
        self._bound: dict[tuple[int, Callee, frozenset[str]], dict[str, s.Expr]] = {}
        self._preset: dict[Callee, dict[str, tuple[s.Expr, FileScope]]] = {}

    def use(self, call: s.Call, scope: AnyScope) -> Use:
        """Return what a call names and gives; raise `Failure` if it is no operator or block, or does not fit."""
        file = scope.parent if isinstance(scope, LocalScope) else scope
        held = scope.values.get(call.name.key) if isinstance(scope, LocalScope) else None
        known_as = file.file.callee(call.name.key)
        if held is None and known_as is None and file.file.is_constant(call.name.key):
            held = file.value(call.name.key)
        partial = held if isinstance(held, Partial) else None
        callee = callee_of(partial) if partial else known_as
        if held is not None and partial is None:
            raise Failure("E203", f"`{call.name.span.text}` is {describe(held)}, not an operator", call.name.span)
        if callee is None:
            raise Failure("E102", f"unknown block or operator `{call.name.span.text}`", call.name.span)
        known = dict(partial.arguments) if partial else {}
        return Use(call, callee, known, self._bind(call, callee, frozenset(known)))

    def _bind(self, call: s.Call, callee: Callee, known: frozenset[str]) -> dict[str, s.Expr]:
        """Return which argument of a call is which parameter; raise `Failure`."""
        key = id(call), callee, known
        if key not in self._bound:
            report = Report()
            bound = bind(call, callee, report, known)
            if report.diagnostics:
                raise Failure.of(report.diagnostics[0])
            self._bound[key] = bound
        return self._bound[key]

    def _presets(self, callee: Callee, home: FileScope) -> dict[str, tuple[s.Expr, FileScope]]:
        """Return what `default` statements set, and in which file: the block's own, then the compiled one."""
        if callee not in self._preset:
            self._preset[callee] = {}
            for scope in (home, self.world.main):
                for key, setting in scope.file.defaults.items():
                    if scope.file.callee(key) is callee:
                        self._preset[callee] |= {a.name.key: (a.value, scope) for a in setting.arguments if a.name}
        return self._preset[callee]

    def arguments(self, use: Use, scope: AnyScope) -> dict[str, Value]:
        """Return the values of the parameters that have one before the declaration's own defaults."""
        home = scope.parent if isinstance(scope, LocalScope) else scope
        preset = self._presets(use.callee, home)
        values = {name: evaluate(expr, file) for name, (expr, file) in preset.items()} | use.known
        return values | {name: evaluate(expr, scope) for name, expr in use.bound.items()}

    def preset_of(self, use: Use, scope: AnyScope) -> dict[str, s.Expr]:
        """Return the expressions of `default` statements that are in force in a use."""
        home = scope.parent if isinstance(scope, LocalScope) else scope
        preset = self._presets(use.callee, home)
        return {name: expr for name, (expr, _) in preset.items() if name not in use.bound and name not in use.known}
