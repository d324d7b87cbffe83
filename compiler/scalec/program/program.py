"""A whole spec with its names: files, blocks and lets, and the parameter of each argument."""

from dataclasses import field

from scalec.diagnostics.diagnostic import Label, Report
from scalec.diagnostics.source import Source
from scalec.language import syntax as s
from scalec.language.did_you_mean import unknown
from scalec.language.visit import names_in
from scalec.ops import OPERATORS, Operator
from scalec.program.evaluate import Partial
from scalec.record import unique


@unique
class BlockDef:
    """A block, and the file whose params and lets it sees."""

    syntax: s.Block
    home: "File" = field(repr=False)

    @property
    def name(self) -> str:
        """The block's name."""
        return self.syntax.name.key

    @property
    def gives(self) -> str | None:
        """The symbol of the channels that the stage gives (K); nothing if they are computed from the left side."""
        left = {dim.value.parts[0].key for dim in self.syntax.input.dims if isinstance(dim.value, s.Name)}
        last = self.syntax.output.dims[-1].value
        known = left | {parameter.name.key for parameter in self.syntax.parameters}
        if isinstance(last, s.Name) and len(last.parts) == 1 and last.parts[0].key not in known:
            return last.parts[0].key
        return None


Callee = type[Operator] | BlockDef


def callee_of(partial: Partial) -> Callee:
    """Return the operator or block that a value stands for."""
    callee = partial.callee
    assert isinstance(callee, BlockDef) or (isinstance(callee, type) and issubclass(callee, Operator))
    return callee


@unique
class LetDef:
    """A let, and the file in which it is written."""

    binding: s.Binding
    home: "File" = field(repr=False)


@unique
class File:
    """The names of one file, imported ones among them, by their ASCII spelling."""

    source: Source
    params: dict[str, s.Binding] = field(default_factory=dict)
    lets: dict[str, LetDef] = field(default_factory=dict)
    blocks: dict[str, BlockDef] = field(default_factory=dict)
    defaults: dict[str, s.Call] = field(default_factory=dict)
    cites: list[s.Cite] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Names whose definition is wrong: nothing more is said where they are used."""

    def callee(self, key: str) -> Callee | None:
        """Return the block or operator of that name."""
        return self.blocks.get(key) or OPERATORS.get(key)

    def may_hold_callee(self, key: str) -> bool:
        """Return whether a param or let names a block or operator somewhere, so that it can stand where one does."""
        let = self.lets.get(key)
        binding, home = (let.binding, let.home) if let else (self.params.get(key), self)
        return binding is not None and any(home.callee(name) for name in names_in(binding.value))

    def is_constant(self, key: str) -> bool:
        """Return whether a name is a value: a param, or a let without arguments."""
        return key in self.params or (key in self.lets and not self.lets[key].binding.parameters)

    def takes_arguments(self, key: str) -> bool:
        """Return whether a name is a let with arguments."""
        return key in self.lets and bool(self.lets[key].binding.parameters)

    def constants(self) -> set[str]:
        """Return the names that are values: params and lets without arguments."""
        return set(self.params) | {key for key, let in self.lets.items() if not let.binding.parameters}


@unique
class Program:
    """A whole spec, every name known. `canonical` is what its hash is taken of: its text and that of its imports."""

    file: File
    network: s.Network
    scales: dict[str, s.Scale]
    requirements: tuple[s.Expr, ...]
    variants: dict[str, dict[str, s.Expr]]
    canonical: str
    search: s.Search | None = None

    @property
    def network_parameters(self) -> dict[str, s.Parameter]:
        """The constructor arguments of the emitted network."""
        return {parameter.name.key: parameter for parameter in self.network.parameters}


def parameters_of(callee: Callee) -> dict[str, bool]:
    """Return the parameters of an operator or a block, in order, and whether each is required."""
    if isinstance(callee, BlockDef):
        return {p.name.key: p.default is None for p in callee.syntax.parameters}
    return {name: parameter.required for name, parameter in callee.table.items()}


def wanted(callee: Callee | None, which: str | int) -> str:
    """Return what a parameter of an operator may be, which is given by its name, or by its place."""
    table = callee.table if isinstance(callee, type) else {}
    name = list(table)[which : which + 1] if isinstance(which, int) else [which]
    return f"`{name[0]}` is {table[name[0]].kind.wanted}" if name and name[0] in table else ""


def bind(call: s.Call, callee: Callee, report: Report, known: frozenset[str] = frozenset()) -> dict[str, s.Expr]:
    """Return each argument of a call its parameter; report what does not fit. `known` are set elsewhere already."""
    parameters = parameters_of(callee)
    named: s.Argument | None = None
    free = [name for name in parameters if name not in known]
    bound: dict[str, s.Expr] = {}
    for index, argument in enumerate(call.arguments):
        if argument.name is None:
            if named is not None:
                report.error(
                    "E106", "an argument without a name must not follow one with a name", argument.span,
                    "name it, or put it first", others=(Label(named.span, "named"),),
                )  # fmt: skip
                continue
            if index >= len(free):
                listed = f"it takes {', '.join(f'`{each}`' for each in free)}" if free else "it takes no arguments"
                report.error(
                    "E106",
                    f"too many arguments for `{call.name.span.text}`",
                    argument.span,
                    "one too many",
                    help=listed,
                )
                continue
            name = free[index]
        else:
            name, named = argument.name.key, argument
            if name not in parameters:
                listed = (
                    f"it takes {', '.join(f'`{each}`' for each in parameters)}"
                    if parameters
                    else "it takes no arguments"
                )
                message = f"`{call.name.span.text}` has no parameter `{argument.name.span.text}`"
                unknown(report, "E103", message, argument.name, parameters, listed)
                continue
        if name in bound:
            report.error(
                "E104", f"`{name}` is given twice", argument.span, "a second time",
                others=(Label(bound[name].span, "first here"),),
            )  # fmt: skip
            continue
        bound[name] = argument.value
    return bound


def missing(call: s.Call, callee: Callee, have: set[str], report: Report) -> None:
    """Report the required parameters that a call does not give."""
    lacking = [name for name, required in parameters_of(callee).items() if required and name not in have]
    if lacking:
        named = " and ".join(f"`{name}`" for name in lacking)
        written = ", ".join(f"{name} = …" for name in lacking)
        report.error(
            "E105",
            f"`{call.name.span.text}` needs {named}",
            call.name.span,
            f"write `{call.name.span.text}({written})`",
        )
