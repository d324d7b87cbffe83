"""Static checks of statements, before evaluation: params, lets, blocks, the network, cited papers."""

from collections.abc import Mapping
from dataclasses import replace

from scalec.diagnostics.diagnostic import UNKNOWN, Edit, Fix, Help, Label, Report, plural
from scalec.diagnostics.source import Span
from scalec.language import syntax as s
from scalec.language.did_you_mean import meant
from scalec.ops import OPERATORS
from scalec.program.check_names import Names
from scalec.program.cycles import check_cycles
from scalec.program.names import LAYER_NAMES, check_parameters, imported, twice
from scalec.program.program import BlockDef, File, Program, bind, parameters_of
from scalec.program.structure import check_structure


def check_file(file: File, report: Report, hints: Mapping[str, str] | None = None) -> None:
    """Check params, lets, defaults and blocks of one file; `hints` say of a name why it is not known here."""
    names = Names(file, report, hints=hints or {})
    for binding in file.params.values():
        replace(names, operators=True).expr(binding.value)
    for let in file.lets.values():
        if let.home is file:
            check_parameters(let.binding.parameters, set(), report, "value")
            constant = replace(names, operators=not let.binding.parameters)
            constant.plus(p.key for p in let.binding.parameters).expr(let.binding.value)
    for key, setting in file.defaults.items():
        _check_default(names, key, setting)
    for block in file.blocks.values():
        if block.home is file:
            _check_block(names, block)
    check_cycles(file, report)


def _check_default(names: Names, key: str, setting: s.Call) -> None:
    callee = names.file.callee(key)
    if callee is None:
        helped = imported(setting.name) or meant(setting.name, [*names.file.blocks, *OPERATORS])
        if key not in names.file.broken:
            shown = setting.name.span.text
            names.report.error("E102", f"unknown block or operator `{shown}`", setting.name.span, UNKNOWN, help=helped)
        return
    for argument in setting.arguments:
        replace(names, operators=True).expr(argument.value)
        if argument.name is None:
            named = next(iter(parameters_of(callee)), "name")
            fix = Fix(
                f"write `{named} =`", (Edit(Span(argument.span.source, *(argument.span.start,) * 2), f"{named} = "),)
            )
            label = f"write `{named} = {argument.span.text}`"
            names.report.error("E105", "in `default` every argument needs a name", argument.span, label, fixes=(fix,))
    bind(setting, callee, names.report)


def _check_block(names: Names, block: BlockDef) -> None:
    definition, report = block.syntax, names.report
    symbols = {d.value.parts[0].key for d in definition.input.dims if isinstance(d.value, s.Name)}
    inside = names.plus(symbols)
    parameters = {parameter.name.key for parameter in definition.parameters}
    check_parameters((parameter.name for parameter in definition.parameters), symbols, report)
    check_parameters((binding.name for binding in definition.where), symbols | parameters, report)
    for parameter in definition.parameters:
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
    check_ranks(definition, report)
    inside.chain(definition.chain)


def check_scales(file: File, scales: Mapping[str, s.Scale], report: Report) -> None:
    """Check scale rules."""
    names = Names(file, report)
    for key, scale in scales.items():
        names.plus({key}).expr(scale.rule)


def check_program(program: Program, report: Report) -> None:
    """Check scale rules, the network, variants and requirements."""
    names = Names(program.file, report)
    check_scales(program.file, program.scales, report)
    _check_network(names, program)
    for row in program.variants.values():
        for value in row.values():
            replace(names, operators=True).expr(value)
    owners = frozenset({*program.variants, "baseline"})
    for condition in program.requirements:
        replace(names, quantities=True, owners=owners).expr(condition)


def _check_network(names: Names, program: Program) -> None:
    network, report = program.network, names.report
    parameters = {p.name.key for p in network.parameters}
    check_parameters((parameter.name for parameter in network.parameters), set(), report)
    check_ranks(network, report)
    for parameter in network.parameters:
        shown = parameter.name.span.text
        if parameter.name.key in program.file.constants():
            report.error("E104", f"`{shown}` is a param or let already", parameter.name.span, "choose another name")
        if parameter.default is None:
            report.error("E105", "a network parameter needs a default", parameter.span.after, f"write `{shown} = …`")
        names.expr(parameter.default)
    for shape in (network.input, network.output):
        for dim in shape.dims:
            names.plus(parameters if shape is network.output else ()).expr(dim.value)
    labels: dict[str, s.Identifier] = {}
    for unit in network.chain.units:
        inside = replace(names, owners=frozenset(labels), labels=frozenset(labels)).plus(parameters)
        (inside.plus(LAYER_NAMES) if unit.repeat else inside).unit(unit, in_network=True)
        check_structure(unit, parameters, program.file, report)
        if unit.label and labels.setdefault(unit.label.key, unit.label) is not unit.label:
            twice(unit.label, labels[unit.label.key], report)


def check_ranks(definition: s.Definition, report: Report) -> None:
    """Check that each shape of a signature has one dimension or three."""
    for shape in (definition.input, definition.output):
        if len(shape.dims) not in (1, 3):
            label = plural(len(shape.dims), "dimension")
            report.error("E303", "a shape has one dimension or three, as <C> or <H, W, C>", shape.span, label)


def check_cites(file: File, report: Report) -> None:
    """Report papers that are cited twice, and blocks that are none."""
    first: dict[str, s.Citation] = {}
    for cite in file.cites:
        for paper in cite.papers:
            if (earlier := first.setdefault(paper.key, paper)) is not paper:
                report.error(
                    "E104", f"`{paper.key}` is cited twice", paper.span, "a second time",
                    others=(Label(earlier.span, "first here"),), help="one `cite` may be `for` several blocks",
                )  # fmt: skip
        for name in cite.blocks:
            if name.key not in file.blocks and name.key not in file.broken:
                _report_unknown(name, file, report)


def _report_unknown(name: s.Identifier, file: File, report: Report) -> None:
    help: Help = meant(name, file.blocks) or "without `for`, a paper is that of the network"
    if name.key in OPERATORS:
        help = "a paper is cited for a block, or, without `for`, for the network"
    label = "an operator" if name.key in OPERATORS else UNKNOWN
    report.error("E102", f"there is no block `{name.span.text}` here", name.span, label, help=help)
