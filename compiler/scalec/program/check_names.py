"""Static checks of names, before evaluation: every name is known, and every argument has a parameter."""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import assert_never

from scalec.diagnostics.diagnostic import UNKNOWN, Edit, Fix, Mark, Report, advise, plural
from scalec.diagnostics.source import Span
from scalec.language import syntax as s
from scalec.language.did_you_mean import listed, meant, unknown
from scalec.language.unparse import spell_name
from scalec.language.visit import children
from scalec.ops import OPERATORS
from scalec.program.evaluate import FUNCTIONS, TRUTH, WORDS
from scalec.program.memory_call import check_footprint
from scalec.program.names import LAYER_NAMES, WRAPPERS, imported, refusal, twice, wrapper_kind
from scalec.program.program import File, bind, missing, wanted
from scalec.program.quantities import QUANTITIES
from scalec.record import record

MOST_LISTED = 10  # names: more are no help


@record
class Names:
    """What may be named at one place of a spec."""

    file: File
    report: Report
    visible: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    """What may stand before a dot: labels in a network, variants in a requirement."""
    quantities: bool = False
    operators: bool = False
    callees: frozenset[str] = frozenset()
    """Block parameters: each may hold an operator."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """Names that are known elsewhere only, and what to do about it."""
    labels: frozenset[str] = frozenset()
    """The units of this chain so far that have a name."""
    wanted: str = ""
    """What an operator's parameter may be, in words, where its argument stands."""

    def plus(self, names: Iterable[str]) -> "Names":
        """Make more names visible."""
        return replace(self, visible=self.visible | set(names))

    def expr(self, expr: s.Expr | None) -> None:
        """Check an expression."""
        if isinstance(expr, s.Name):
            self._name(expr)
        elif isinstance(expr, s.Call) and expr.name.key == "memory":
            self._memory(expr)
            return
        elif isinstance(expr, s.Call):
            self._call(expr)
        elif isinstance(expr, s.Comparison):
            self._comparison(expr)
        for child in children(expr):
            self.expr(child)

    def _name(self, name: s.Name) -> None:
        key = name.parts[0].key
        if len(name.parts) > 1:
            self._dotted(name)
            return
        known = self.visible | self.file.constants() | set(TRUTH) | set(WORDS) | self.callees
        known |= set(QUANTITIES) if self.quantities else set()
        if key in known | self.file.broken or (self.operators and self.file.callee(key)):
            return
        shown, place = name.span.text, name.span
        if key in self.file.lets:
            self.report.error("E105", f"`{shown}` takes arguments", place, f"write `{shown}(…)`")
        elif key in LAYER_NAMES:
            self._layer(place)
        elif self.file.callee(key):
            self.report.error("E203", f"`{shown}` is an operator", place, "expected a value")
        elif key in FUNCTIONS:
            self.report.error("E203", f"`{shown}` is a function", place, f"write `{shown}(…)`")
        elif key in QUANTITIES:
            self.report.error(
                "E101", f"`{shown}` has a value only in `require`", place, "the network is not known here"
            )
        elif key in self.hints:
            self.report.error("E101", f"`{shown}` {self.hints[key]}", place, Mark("unknown here"))
        elif key in self.labels:
            channels = advise(f"write `{shown}.C` for its channels", Edit(place, f"{shown}.C"))
            helped = channels if key in self.owners else None
            self.report.error("E101", f"`{shown}` is a label, not a value", place, "expected a value", help=helped)
        else:
            candidates = known | self._callees() if self.operators else known
            otherwise = self._values(name.parts[0], known - set(TRUTH) - set(WORDS))
            unknown(self.report, "E101", f"unknown name `{shown}`", name.parts[0], candidates, otherwise)

    def _callees(self) -> set[str]:
        """Return every name of a block or operator, and of what may hold one."""
        held = {key for key in self.file.constants() if self.file.may_hold_callee(key)}
        return {*self.file.blocks, *OPERATORS, *self.callees, *held}

    def _values(self, name: s.Identifier, known: Iterable[str]) -> str | None:
        """Return what could stand where an unknown name does."""
        if self.wanted:
            return self.wanted
        known = list(known)
        short = [key for key in known if len(spell_name(key)) <= len(name.span.text)] if len(name.span.text) < 3 else []
        if 1 < len(known) <= MOST_LISTED:
            return f"known here: {listed(name, known)}"
        if 1 < len(short) <= MOST_LISTED:
            return f"names of this length: {listed(name, short)}"
        return f"known here: {listed(name, self.visible)}, params and lets" if self.visible else None

    def _memory(self, call: s.Call) -> None:
        if self.quantities:
            check_footprint(call, self.expr, self.report)
        else:
            message = "`memory` has a value only in `require`"
            self.report.error("E101", message, call.name.span, "the network is not known here")

    def _layer(self, place: Span) -> None:
        """Report `layer / layers` once."""
        message = "`layer` and `layers` have a value only in a stage with an exponent, or in a block"
        line = place.source.position(place.start)[0]
        said = (d.label.span for d in self.report.diagnostics if d.message == message)
        if all(span.source.position(span.start)[0] != line for span in said):
            self.report.error("E101", message, place, "write `^1` behind the stage to count it")

    def _dotted(self, name: s.Name) -> None:
        owner, *rest = name.parts
        attributes = {*QUANTITIES, *self.file.constants()} if self.quantities else {"C", "H", "W"}
        if owner.key not in self.owners:
            what = "variant" if self.quantities else "earlier label"
            otherwise = f"there are {listed(owner, self.owners)}" if self.owners else None
            unknown(self.report, "E101", f"there is no {what} `{owner.span.text}`", owner, self.owners, otherwise)
        elif len(rest) > 1 or rest[0].key not in attributes:
            message = f"`{owner.span.text}` has no `{rest[0].span.text}`"
            unknown(self.report, "E101", message, rest[0], attributes, f"it has {listed(owner, attributes)}")

    def _call(self, call: s.Call) -> None:
        key = call.name.key
        if function := FUNCTIONS.get(key):
            positional = sum(argument.name is None for argument in call.arguments)
            if not function.least <= positional <= function.most:
                least = "" if function.least == function.most else "at least "
                wanted = f"{least}{plural(function.least, 'argument')}"
                self.report.error("E106", f"`{key}` takes {wanted}", call.span, f"{positional} given")
            self._named(call, function.named)
        elif key in self.file.lets and self.file.lets[key].binding.parameters:
            count = len(self.file.lets[key].binding.parameters)
            if len(call.arguments) != count or any(argument.name for argument in call.arguments):
                given = "named here" if any(a.name for a in call.arguments) else f"{len(call.arguments)} given"
                named = plural(count, "argument") + " without a name"
                self.report.error("E106", f"`{call.name.span.text}` takes {named}", call.span, given)
        elif self.file.is_constant(key):
            self.report.error(
                "E203", f"`{call.name.span.text}` is a value and takes no arguments", call.span, "not a function"
            )
        elif self.operators and (callee := self.file.callee(key)):
            bind(call, callee, self.report)
        elif key not in self.file.broken and not (self.operators and key in self.callees):
            lets = [name for name, let in self.file.lets.items() if let.binding.parameters]
            candidates = {*FUNCTIONS, *lets} | (self._callees() if self.operators else set())
            unknown(self.report, "E101", f"unknown function `{call.name.span.text}`", call.name, candidates)

    def _named(self, call: s.Call, named: tuple[str, ...]) -> None:
        for argument in call.arguments:
            if argument.name and argument.name.key not in named:
                message = f"`{call.name.key}` has no parameter `{argument.name.span.text}`"
                unknown(self.report, "E103", message, argument.name, named)

    def _comparison(self, expr: s.Comparison) -> None:
        if ("~=" in expr.operators) != (expr.tolerance is not None):
            message = "`≈` needs a tolerance" if expr.tolerance is None else "`±` can be used only with `≈`"
            place = expr.span.after if expr.tolerance is None else expr.tolerance.span
            label = "write `± 5%`" if expr.tolerance is None else "a tolerance"
            help = "`a ≈ b ± 5%`: the two differ by at most 5% of b"
            advice = advise(help, Edit(place, " ± 5%")) if expr.tolerance is None else help
            self.report.error("E203", message, place, label, help=advice)

    def chain(self, chain: s.Chain | None) -> None:
        """Check every unit of a chain, inside a block."""
        labels: dict[str, s.Identifier] = {}
        for unit in chain.units if chain else ():
            replace(self, labels=self.labels | set(labels)).unit(unit, in_network=False)
            if unit.label and labels.setdefault(unit.label.key, unit.label) is not unit.label:
                twice(unit.label, labels[unit.label.key], self.report)

    def unit(self, unit: s.Unit, in_network: bool) -> None:
        """Check one unit."""
        if unit.label and (problem := refusal(unit.label.key, "label")):
            self.report.error(
                "E108", f"the label `{unit.label.span.text}` {problem}", unit.label.span, "choose another name"
            )
        if unit.repeat and not in_network and not unit.repeat.pinned:
            place, message = unit.repeat.span, "depth does not scale a repeat inside a block"
            fix = Fix("write `^=` here", (Edit(Span(place.source, place.start, place.start + 1), "^="),))
            fixes = (fix,) if place.text.startswith("^") else ()
            self.report.error("E307", message, place, "write `^=` for a fixed number", fixes=fixes)
        if unit.tap and not in_network:
            self.report.error("E307", "`tap` can be used only in the network", unit.span, "inside a block")
        self.expr(unit.guard)
        self.expr(unit.repeat.count if unit.repeat else None)
        if isinstance(unit.ascription, s.Shape):
            if len(unit.ascription.dims) not in (1, 3):
                self.report.error("E303", "a shape is <H, W, C> or <C>", unit.ascription.span)
            for dim in unit.ascription.dims:
                self.expr(dim.value)
        elif unit.ascription:
            self.expr(unit.ascription.value)
        self._head(unit, in_network)

    def _head(self, unit: s.Unit, in_network: bool) -> None:
        if isinstance(unit.head, s.Call):
            self._unit_call(unit.head)
        elif isinstance(unit.head, s.Group):
            if len(unit.head.chains) > 1 and not unit.repeat:
                self.report.error("E307", "alternatives need an exponent", unit.head.span.after, "write `^4` here")
            for chain in unit.head.chains:
                for inner in chain.units:
                    self.unit(inner, in_network=False)
        else:
            self._wrap(unit.head)
            if unit.repeat:
                message = "a wrapper cannot be repeated where it stands"
                self.report.error("E307", message, unit.head.span, "write it as a block, and repeat that")

    def _unit_call(self, call: s.Call) -> None:
        arguments = replace(self, operators=True)
        callee = self.file.callee(call.name.key)
        for index, argument in enumerate(call.arguments):
            alone = isinstance(argument.value, s.Name)
            may_be = wanted(callee, argument.name.key if argument.name else index) if alone else ""
            replace(arguments, wanted=may_be).expr(argument.value)
        if call.name.key in self.callees | self.file.broken:
            return
        if callee is None:
            if not self.file.may_hold_callee(call.name.key):
                self._unknown(call.name)
            return
        before = len(self.report.diagnostics)
        bound = bind(call, callee, self.report)
        if len(self.report.diagnostics) == before:
            missing(call, callee, set(bound) | defaulted(self.file, call.name.key), self.report)

    def _unknown(self, name: s.Identifier) -> None:
        shown = name.span.text
        if name.key in WRAPPERS:
            self.report.error("E102", f"`{shown}` needs a body", name.span, f"write `{shown} {{ … }}`")
        elif name.key in FUNCTIONS or name.key in self.file.lets or name.key in self.file.params:
            what = "a value" if self.file.is_constant(name.key) else "a function"
            self.report.error("E102", f"`{shown}` is {what}", name.span, "expected a block or operator")
        elif name.key in self.labels:
            help = "a layer can be used only once: write it again, or make it a block"
            self.report.error("E102", f"`{shown}` is a label", name.span, "expected a block or operator", help=help)
        else:
            helped = imported(name) or meant(name, self._callees() | set(WRAPPERS))
            self.report.error("E102", f"unknown block or operator `{shown}`", name.span, UNKNOWN, help=helped)

    def _wrap(self, wrap: s.Wrap) -> None:
        name = wrap.call.name
        if name.key not in WRAPPERS:
            wrappers = ", ".join(f"`{each}`" for each in WRAPPERS)
            helped = meant(name, WRAPPERS) or f"only wrappers have bodies: {wrappers}"
            self.report.error("E102", f"`{name.span.text}` takes no body", name.span, Mark("unknown here"), help=helped)
            return
        if wrap.call.arguments:
            place = wrap.call.arguments[0].span.to(wrap.call.arguments[-1].span)
            self.report.error("E106", f"`{name.key}` takes no arguments", place, f"write `{name.key} {{ … }}`")
        self._count_bodies(wrap)
        if name.key == "sum" and all(body.condition for body in wrap.bodies):
            self.report.error("E307", "one body of a `sum` has to be there always", name.span, "each has an `if`")
        for body in wrap.bodies:
            if body.condition and name.key in ("concat", "split"):
                self.report.error(
                    "E307", f"a body of `{name.key}` cannot have an `if`", body.condition.span, "only one of `sum` can"
                )
            self.expr(body.condition)
            self.chain(body.chain)

    def _count_bodies(self, wrap: s.Wrap) -> None:
        kind = wrapper_kind(wrap)
        match kind:
            case "residual" | "gate":
                if len(wrap.bodies) > 1:
                    place, help = wrap.bodies[1].span, "`sum` takes several"
                    self.report.error("E106", f"`{kind}` takes one body", place, "one too many", help=help)
            case "concat" | "split" | "sum":
                if len(wrap.bodies) < 2:
                    self.report.error("E106", f"`{kind}` takes several bodies", wrap.span.after, "write `{ … }` here")
            case _:
                assert_never(kind)


def defaulted(file: File, key: str) -> set[str]:
    """Return the parameters that a `default` of the file sets for a block or operator."""
    setting = file.defaults.get(key)
    return {a.name.key for a in setting.arguments if a.name} if setting else set()
