"""A request with its values: its texts are parsed as expressions, checked, and assigned to the spec's names."""

import re
from collections.abc import Iterator
from dataclasses import field, replace
from fractions import Fraction

from scalec.diagnostics.diagnostic import UNKNOWN, CompileError, Diagnostic, Label, Report, UsageError
from scalec.diagnostics.source import COMMAND_LINE, Argument, Part, Source, Span
from scalec.diagnostics.suggest import suggest
from scalec.language import syntax as s
from scalec.language.parse import parse
from scalec.limits import MAX_DENOMINATOR, MAX_PHI, MAX_SCALES, MAX_VALUE
from scalec.program.evaluate import WORDS, Failure, Partial, Value, describe, evaluate
from scalec.program.program import Program
from scalec.program.request import Request
from scalec.program.scope import FileScope, World
from scalec.record import record

_WHOLE = re.compile(r"-?[0-9]{1,3}")
_HEAD = "param value = "
_SPACES = re.compile(r"(?<!\w) | (?!\w)")
PHI, VARIANT = Part("--phi ", "phi"), Part("--variant ", "variant")


@record
class Setting(Request):
    """A request in one spelling, with its values: how the network is scaled.

    `names` are params and lets, `parameters` are those of the network; `scaled` is false for the baseline alone.
    """

    names: dict[str, Value] = field(default_factory=dict)
    parameters: dict[str, Value] = field(default_factory=dict)
    scaled: bool = True

    @property
    def phi_value(self) -> Fraction | None:
        """φ as a number, if the user asked for one."""
        value = self.names.get("phi") if self.phi is not None else None
        return value if isinstance(value, Fraction) else None

    @property
    def place(self) -> str:
        """The words for a message that say at which scale; empty for the file's own values."""
        return f" for the variant `{self.variant}`" if self.variant else f" at φ = {self.phi}" if self.phi else ""


def make_setting(program: Program, request: Request = Request()) -> Setting:
    """Work out a request; a `--set` beats a variant. Raise `CompileError` for what the program has no use for."""
    names: dict[str, Value] = {}
    parameters: dict[str, Value] = {}

    def put(key: str, value: Value) -> None:
        (parameters if key in program.network_parameters else names)[key] = value

    if request.variant is not None:
        for column, value in _row(program, request.variant).items():
            put(column, value)
    if request.phi is not None:
        value = _phi(request.phi)
        if "phi" not in program.file.params:
            raise command_error(
                "E501", "the spec has no `param φ`", PHI, request.phi, help="write `param φ = 0` to scale by φ"
            )
        put("phi", value)
    for name, text in request.changes:
        if request.phi is not None and s.ascii_name(name) == "phi":
            raise usage_error("E104", "φ is set twice", key_part(name), f"{name}={text}", "and --phi")
        put(*_changed(program, name, text))
    return Setting(**vars(respelled(request)), names=names, parameters=parameters)


def respelled(request: Request) -> Request:
    """Return the same request in one spelling, without values. Raise `CompileError` for a text that is no value."""
    changes = {s.ascii_name(name): compact(text, value_part(name)) for name, text in request.changes}
    return replace(
        request, variant=s.ascii_name(request.variant) if request.variant else None,
        phi=compact(request.phi) if request.phi else None, changes=tuple(changes.items()),
    )  # fmt: skip


def key_part(name: str) -> Part:
    """Return the part of the command line in which `--set` names what it sets."""
    return Part("--set ", "set", name, is_key=True)


def value_part(name: str) -> Part:
    """Return the part of the command line in which `--set` says what a name is set to."""
    return Part(f"--set {name}=", "set", name)


def compact(text: str, part: Part = PHI) -> str:
    """Return a value in ASCII, without comments, with spaces between words alone; raise `UsageError` for none."""
    try:
        spec = parse(Source(COMMAND_LINE, _HEAD + text), Report())
    except CompileError as error:
        raise UsageError(_moved(diagnostic, part, text) for diagnostic in error.diagnostics) from None
    return _SPACES.sub("", spec.canonical[0].removeprefix(_HEAD))


def command_error(
    code: str, message: str, part: Part | str, text: str, label: str = "", help: str | None = None
) -> CompileError:
    """Return an error about a part of the command line, or what stands before it, that the spec has no use for."""
    return CompileError([_of_command(code, message, part, text, label, help)])


def usage_error(
    code: str, message: str, part: Part | str, text: str, label: str = "", help: str | None = None
) -> UsageError:
    """Return an error about a part of the command line that means nothing, whatever the spec."""
    return UsageError([_of_command(code, message, part, text, label, help)])


def _of_command(code: str, message: str, part: Part | str, text: str, label: str, help: str | None) -> Diagnostic:
    source = _argument(part, text)
    span = Span(source, len(source.part.head), len(source.text))
    return Diagnostic(code, message, Label(span, label), help=help)


def _argument(part: Part | str, text: str) -> Argument:
    part = Part(part) if isinstance(part, str) else part
    return Argument(COMMAND_LINE, part.head + text, part)


def scales(text: str) -> list[str]:
    """Read several φ, `0..7` (whole steps) and `0,0.5,1`, or one. Raises `UsageError`."""
    found: list[str] = []
    for part in text.split(","):
        low, dots, high = part.partition("..")
        if not dots:
            found.append(part.strip())
        elif not (_WHOLE.fullmatch(low.strip()) and _WHOLE.fullmatch(high.strip())):
            raise usage_error("E001", "a range has whole ends: `0..7`", PHI, text)
        else:
            found += [str(phi) for phi in range(int(low), int(high) + 1)]
    if not found or len(found) > MAX_SCALES:
        raise usage_error("E004", f"from one to {MAX_SCALES} scales", PHI, text)
    return found


def single(request: Request) -> Iterator[Request]:
    """Return the requests of one scale each that a request for several stands for: `0..7`, `B0,B4`."""
    for phi in scales(request.phi) if request.phi is not None else [None]:
        for variant in request.variant.split(",") if request.variant is not None else [None]:
            yield replace(request, phi=phi, variant=variant and variant.strip())


def _row(program: Program, variant: str) -> dict[str, Value]:
    """Work out a row of the variants."""
    key = s.ascii_name(variant)
    if key not in program.variants:
        listed = f"there are {', '.join(program.variants)}" if program.variants else "the spec has no `variants`"
        help = suggest(key, program.variants) or listed
        raise command_error("E501", f"there is no variant `{variant}`", VARIANT, variant, UNKNOWN, help)
    scope = World(program.file, {}).main
    values: dict[str, Value] = {}
    for column, expr in program.variants[key].items():
        try:
            values[column] = evaluate(expr, scope)
        except Failure as failure:
            raise CompileError([failure.diagnostic]) from None
        if problem := _unlike(program, scope, column, values[column]):
            raise CompileError([Diagnostic("E203", problem, Label(expr.span, f"this is {describe(values[column])}"))])
    return values


def _changed(program: Program, name: str, text: str) -> tuple[str, Value]:
    """Work out one `--set`."""
    value = constant(value_part(name), text)
    key = s.ascii_name(name)
    settable = program.file.constants() | set(program.network_parameters)
    if key not in settable:
        listed = (
            f"there {'are' if len(settable) > 1 else 'is'} {', '.join(sorted(settable))}"
            if settable
            else "the spec has no params, lets or network parameters"
        )
        raise command_error(
            "E501",
            f"there is no param, let or network parameter `{name}`",
            key_part(name),
            name,
            UNKNOWN,
            suggest(key, settable) or listed,
        )
    if problem := _unlike(program, World(program.file, {}).main, key, value):
        raise command_error("E203", problem, value_part(name), text, f"this is {describe(value)}")
    return key, value


def _unlike(program: Program, scope: FileScope, key: str, value: Value) -> str | None:
    """Return the message for a value of another kind (truth value, operator, number) than the default, or None."""
    parameter = program.network_parameters.get(key)
    try:
        if parameter is not None and parameter.default is not None:
            default = evaluate(parameter.default, scope)
        else:
            default = scope.value(key)
    except Failure:
        return None
    wanted = _kind(default)
    return None if wanted == _kind(value) else f"`{key}` must be {wanted}, not {_kind(value)}"


def _kind(value: Value) -> str:
    if isinstance(value, Partial):
        return "an operator"
    return "`true` or `false`" if isinstance(value, bool) else "a number or a word"


def _phi(text: str) -> Fraction:
    value = constant(PHI, text)
    if not isinstance(value, Fraction):
        raise usage_error("E203", "φ is a rational number", PHI, text, "not one", "write `4`, `0.5` or `1/3`")
    if abs(value) > MAX_PHI:
        raise usage_error("E004", f"φ lies between -{MAX_PHI} and {MAX_PHI}", PHI, text, "beyond that")
    if value.denominator > MAX_DENOMINATOR:
        message = f"the denominator of φ is at most {MAX_DENOMINATOR:,}"
        raise usage_error("E004", message, PHI, text, f"here it is {value.denominator:,}")
    return value


def constant(part: Part | str, text: str) -> Value:
    """Return a value of the command line, read by the grammar of specs; raise `UsageError` if it is none."""
    if len(text) > MAX_VALUE:
        raise usage_error("E004", f"a value of the command line has at most {MAX_VALUE} characters", part, text)
    source, report = Source(COMMAND_LINE, _HEAD + text), Report()
    try:
        spec = parse(source, report)
        bindings = [b for st in spec.statements if isinstance(st, s.Param) for b in st.bindings]
        if len(spec.statements) == 1 and len(bindings) == 1:
            return evaluate(bindings[0].value, _NoNames())
    except Failure as failure:
        raise UsageError([_moved(failure.diagnostic, part, text)]) from None
    except CompileError as error:
        raise UsageError(_moved(diagnostic, part, text) for diagnostic in error.diagnostics) from None
    raise usage_error("E001", f"`{text}` is not one value", part, text, "write a number or a word")


def _moved(diagnostic: Diagnostic, part: Part | str, text: str) -> Diagnostic:
    """Return a finding in the value, with its place in the command line as it was given."""
    source = _argument(part, text)
    first, place = len(source.part.head), diagnostic.label.span
    start, end = (max(first, offset + first - len(_HEAD)) for offset in (place.start, place.end))
    message, help = diagnostic.message, diagnostic.help
    if diagnostic.code == "E001":
        message = f"`{text}` is not one value"
        help = help if help and "`param" not in help else "write a number or a word"
    label = Label(Span(source, start, end), diagnostic.label.text)
    return replace(diagnostic, message=message, label=label, help=help, fixes=())


class _NoNames:
    """Words alone: a value from the command line refers to nothing in the spec."""

    def name(self, name: s.Name) -> Value:
        if name.parts[0].key in WORDS:
            return name.parts[0].key
        expected = f"expected a number, `true`, `false`, {' or '.join(f'`{word}`' for word in WORDS)}"
        raise Failure("E101", f"`{name.span.text}` is not a value", name.span, expected)

    def call(self, call: s.Call) -> Value:
        raise Failure("E101", f"unknown function `{call.name.span.text}`", call.name.span, UNKNOWN)
