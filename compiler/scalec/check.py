"""Static checks: every name known, every argument with a parameter, before anything is worked out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from scalec import syntax as s
from scalec.diagnostics import Label, Report, suggest
from scalec.expr import FUNCTIONS, TRUTH, WORDS
from scalec.names import LAYER_NAMES, QUANTITIES, WRAPPERS, refusal
from scalec.ops import OPERATORS
from scalec.program import BlockDef, File, Program, bind, missing
from scalec.walk import children, names_in


@dataclass(frozen=True)
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

    def plus(self, names: Iterable[str]) -> "Names":
        """Make more names visible."""
        return replace(self, visible=self.visible | set(names))

    def expr(self, expr: s.Expr | None) -> None:
        """Check an expression."""
        if isinstance(expr, s.Name):
            self._name(expr)
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
        known |= {*QUANTITIES, "memory"} if self.quantities else set()
        if key in known or (self.operators and self.file.callee(key)):
            return
        if key in self.file.lets:
            self.report.error("E105", f"`{name.span.text}` takes arguments", name.span, f"write `{name.span.text}(…)`")
        elif key in LAYER_NAMES:
            place = "in a stage with an exponent, or in a block"
            self.report.error("E101", f"`{key}` has a meaning only {place}", name.span)
        elif self.file.callee(key):
            self.report.error("E203", f"`{name.span.text}` is an operator, not a value", name.span)
        elif key in FUNCTIONS:
            self.report.error("E203", f"`{name.span.text}` is a function", name.span, f"write `{name.span.text}(…)`")
        else:
            self.report.error("E101", f"unknown name `{name.span.text}`", name.span, help=suggest(key, known))

    def _dotted(self, name: s.Name) -> None:
        owner, *rest = name.parts
        attributes = {*QUANTITIES, "memory", *self.file.constants()} if self.quantities else {"C", "H", "W"}
        if owner.key not in self.owners:
            what = "variant" if self.quantities else "earlier label"
            self.report.error("E101", f"no {what} `{owner.span.text}`", owner.span, help=suggest(owner.key, self.owners))
        elif len(rest) > 1 or rest[0].key not in attributes:
            helped = suggest(rest[0].key, attributes) or f"it has {', '.join(sorted(attributes))}"
            self.report.error("E101", f"`{owner.span.text}` has no `{rest[0].span.text}`", rest[0].span, help=helped)

    def _call(self, call: s.Call) -> None:
        key = call.name.key
        if function := FUNCTIONS.get(key):
            positional = sum(argument.name is None for argument in call.arguments)
            if not function.least <= positional <= function.most:
                wanted = str(function.least) if function.least == function.most else f"at least {function.least}"
                self.report.error("E106", f"`{key}` takes {wanted} argument(s), not {positional}", call.span)
            self._named(call, function.named)
        elif key in self.file.lets and self.file.lets[key].binding.parameters:
            wanted = len(self.file.lets[key].binding.parameters)
            if len(call.arguments) != wanted or any(argument.name for argument in call.arguments):
                self.report.error("E106", f"`{call.name.span.text}` takes {wanted} positional argument(s)", call.span)
        elif key in self.file.constants():
            self.report.error("E203", f"`{call.name.span.text}` is a value and takes no arguments", call.name.span)
        elif self.operators and (callee := self.file.callee(key)):
            bind(call, callee, self.report)
        elif not (self.operators and key in self.callees):
            lets = [name for name, let in self.file.lets.items() if let.binding.parameters]
            helped = suggest(key, [*FUNCTIONS, *lets, *(OPERATORS if self.operators else ())])
            self.report.error("E101", f"unknown function `{call.name.span.text}`", call.name.span, help=helped)

    def _named(self, call: s.Call, named: tuple[str, ...]) -> None:
        for argument in call.arguments:
            if argument.name and argument.name.key not in named:
                helped = suggest(argument.name.key, named)
                message = f"`{call.name.key}` has no parameter `{argument.name.span.text}`"
                self.report.error("E103", message, argument.name.span, help=helped)

    def _comparison(self, expr: s.Comparison) -> None:
        if ("~=" in expr.operators) != (expr.tolerance is not None):
            message = "`≈` needs a tolerance" if expr.tolerance is None else "`±` goes with `≈` only"
            self.report.error("E203", message, expr.span, "write `a ≈ b ± 5%`")

    def chain(self, chain: s.Chain | None) -> None:
        """Check every unit of a chain, inside a block."""
        for unit in chain.units if chain else ():
            self.unit(unit, in_network=False)

    def unit(self, unit: s.Unit, in_network: bool) -> None:
        """Check one unit."""
        if unit.label and (problem := refusal(unit.label.key, "label")):
            self.report.error("E108", f"the label `{unit.label.span.text}` {problem}", unit.label.span)
        if unit.repeat and not in_network and not unit.repeat.pinned:
            self.report.error(
                "E307", "inside a block nothing scales with depth", unit.repeat.span, "write `^=` for a fixed number"
            )
        if unit.tap and not in_network:
            self.report.error("E307", "`tap` names outputs of the network only", unit.span)
        self.expr(unit.guard)
        self.expr(unit.repeat.count if unit.repeat else None)
        if isinstance(unit.ascription, s.Shape):
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
                self.report.error("E307", "alternatives need an exponent: `(F, G)^4`", unit.head.span)
            for chain in unit.head.chains:
                for inner in chain.units:
                    self.unit(inner, in_network=False)
        else:
            self._wrap(unit.head)
            if unit.repeat:
                self.report.error("E307", "a wrapper under an exponent needs a name: write it as a block", unit.head.span)

    def _unit_call(self, call: s.Call) -> None:
        arguments = replace(self, operators=True)
        for argument in call.arguments:
            arguments.expr(argument.value)
        if call.name.key in self.callees:
            return
        callee = self.file.callee(call.name.key)
        if callee is None:
            if call.name.key in WRAPPERS:
                self.report.error("E102", f"`{call.name.key}` needs a body", call.span, f"write `{call.name.key} {{ … }}`")
                return
            candidates = [*self.file.blocks, *OPERATORS, *self.callees]
            helped = suggest(call.name.key, candidates)
            self.report.error("E102", f"unknown block or operator `{call.name.span.text}`", call.name.span, help=helped)
            return
        bound = bind(call, callee, self.report)
        missing(call, callee, set(bound) | defaulted(self.file, call.name.key), self.report)

    def _wrap(self, wrap: s.Wrap) -> None:
        name = wrap.call.name
        if name.key not in WRAPPERS:
            self.report.error(
                "E102", f"`{name.span.text}` takes no body", name.span, help=suggest(name.key, WRAPPERS)
            )  # fmt: skip
        if wrap.call.arguments:
            self.report.error("E106", f"`{name.key}` takes no arguments", wrap.call.span)
        if name.key in ("residual", "gate") and len(wrap.bodies) > 1:
            self.report.error("E106", f"`{name.key}` takes one body", wrap.bodies[1].span, help="`sum` takes several")
        if name.key in ("concat", "split", "sum") and len(wrap.bodies) < 2:
            self.report.error("E106", f"`{name.key}` takes several bodies", wrap.span)
        if name.key == "sum" and all(body.condition for body in wrap.bodies):
            self.report.error("E307", "one body of a `sum` has to be there always", wrap.span, "each has an `if`")
        for body in wrap.bodies:
            if body.condition and name.key in ("concat", "split"):
                self.report.error("E307", f"a body of `{name.key}` has no `if`", body.condition.span)
            self.expr(body.condition)
            self.chain(body.chain)


def defaulted(file: File, key: str) -> set[str]:
    """Give the parameters that a `default` of the file sets for a block or operator."""
    setting = file.defaults.get(key)
    return {a.name.key for a in setting.arguments if a.name} if setting else set()


def check_file(file: File, report: Report) -> None:
    """Check params, lets, defaults and blocks of one file."""
    names = Names(file, report)
    for binding in file.params.values():
        replace(names, operators=True).expr(binding.value)
    for let in file.lets.values():
        if let.home is file:
            names.plus(p.key for p in let.binding.parameters).expr(let.binding.value)
    for key, setting in file.defaults.items():
        _check_default(names, key, setting)
    for block in file.blocks.values():
        if block.home is file:
            _check_block(names, block)
            _check_recursion(block, report)


def _check_default(names: Names, key: str, setting: s.Call) -> None:
    callee = names.file.callee(key)
    if callee is None:
        helped = suggest(key, [*names.file.blocks, *OPERATORS])
        names.report.error("E102", f"unknown block or operator `{setting.name.span.text}`", setting.name.span, help=helped)
        return
    for argument in setting.arguments:
        replace(names, operators=True).expr(argument.value)
        if argument.name is None:
            names.report.error("E105", "a default names its parameter", argument.span, "write `name = value`")
    bind(setting, callee, names.report)


def _check_block(names: Names, block: BlockDef) -> None:
    definition, report = block.syntax, names.report
    symbols = {d.value.parts[0].key for d in definition.input.dims if isinstance(d.value, s.Name)}
    inside = names.plus(symbols)
    parameters: set[str] = set()
    for parameter in definition.parameters:
        if parameter.name.key in parameters | symbols:
            report.error("E104", f"`{parameter.name.span.text}` is defined twice", parameter.name.span)
        if problem := refusal(parameter.name.key, "parameter"):
            report.error("E108", f"the parameter `{parameter.name.span.text}` {problem}", parameter.name.span)
        parameters.add(parameter.name.key)
        replace(inside, operators=True).expr(parameter.default)
    inside = replace(inside.plus(parameters), callees=frozenset(parameters))
    gives = block.gives
    for dim in definition.output.dims:
        if not (gives and dim is definition.output.dims[-1]):
            inside.expr(dim.value)
    inside = inside.plus({gives} if gives else ()).plus(LAYER_NAMES)
    for binding in definition.where:
        inside.expr(binding.value)
        inside = inside.plus({binding.name.key})
    for shape in (definition.input, definition.output):
        if len(shape.dims) not in (1, 3):
            report.error("E303", "a shape is <H, W, C> or <C>", shape.span)
    inside.chain(definition.chain)


def _check_recursion(block: BlockDef, report: Report) -> None:
    """A block may not contain itself, directly or through others."""
    seen: set[str] = set()

    def visit(current: BlockDef) -> bool:
        for name in sorted(_callees(current.syntax.chain)):
            inner = current.home.blocks.get(name)
            if inner is block:
                return True
            if inner is not None and inner.name not in seen:
                seen.add(inner.name)
                if visit(inner):
                    return True
        return False

    if visit(block):
        report.error("E107", f"the block `{block.name}` contains itself", block.syntax.name.span)


def _callees(chain: s.Chain | None) -> set[str]:
    found: set[str] = set()
    for unit in chain.units if chain else ():
        match unit.head:
            case s.Call():
                found |= {unit.head.name.key}.union(*(names_in(a.value) for a in unit.head.arguments))
            case s.Group():
                found = found.union(*(_callees(inner) for inner in unit.head.chains))
            case s.Wrap():
                found = found.union(*(_callees(body.chain) for body in unit.head.bodies))
    return found


def check_program(program: Program, report: Report) -> None:
    """Check scale rules, the network, variants and requirements."""
    names = Names(program.file, report)
    for key, scale in program.scales.items():
        names.plus({key}).expr(scale.rule)
    _check_network(names, program)
    settable = set(program.file.constants()) | set(program.network_parameters)
    for row in program.variants.values():
        for column, value in row.items():
            if column not in settable:
                where = value.span
                report.error("E101", f"the column `{column}` is no param, let or network parameter", where, help=suggest(column, settable))
            replace(names, operators=True).expr(value)
    owners = frozenset({*program.variants, "baseline"})
    for condition in program.requirements:
        replace(names, quantities=True, owners=owners).expr(condition)


def _check_network(names: Names, program: Program) -> None:
    network, report = program.network, names.report
    parameters = {p.name.key for p in network.parameters}
    for parameter in network.parameters:
        if problem := refusal(parameter.name.key, "parameter"):
            report.error("E108", f"the parameter `{parameter.name.span.text}` {problem}", parameter.name.span)
        if parameter.name.key in program.file.constants():
            report.error("E104", f"`{parameter.name.span.text}` is a param or let already", parameter.name.span)
        if parameter.default is None:
            report.error("E105", "a network parameter needs a default", parameter.span, "write `name = value`")
        names.expr(parameter.default)
    for shape in (network.input, network.output):
        for dim in shape.dims:
            names.plus(parameters if shape is network.output else ()).expr(dim.value)
    labels: set[str] = set()
    for unit in network.chain.units:
        inside = replace(names, owners=frozenset(labels)).plus(parameters)
        (inside.plus(LAYER_NAMES) if unit.repeat else inside).unit(unit, in_network=True)
        _check_structure(unit, parameters, report)
        if unit.label:
            if unit.label.key in labels:
                report.error("E104", f"the label `{unit.label.span.text}` is taken", unit.label.span)
            labels.add(unit.label.key)


def _check_structure(unit: s.Unit, parameters: set[str], report: Report) -> None:
    """A network parameter is a constructor argument of the emitted class: it can decide no width and no repeat."""
    places: list[s.Expr] = [unit.repeat.count] if unit.repeat else []
    if isinstance(unit.ascription, s.Shape) and len(unit.ascription.dims) == 3:
        places += [dim.value for dim in unit.ascription.dims]
    places += [unit.guard] if unit.guard else []
    for place in places:
        for name in sorted(names_in(place) & parameters):
            report.error(
                "E203", f"the network parameter `{name}` can decide no width, repeat or condition", place.span,
                help=f"write `param {name} = …`, which a variant may set too",
                others=(Label(unit.span, "in this stage"),),
            )  # fmt: skip
