"""What the command line asks for, as values: φ, a variant, and `--set name=value`."""

from collections.abc import Sequence
from fractions import Fraction

from scalec import syntax as s
from scalec.diagnostics import CompileError, Diagnostic, Label, Report, suggest
from scalec.exact import MAX_DENOMINATOR
from scalec.expr import Failure, Value, evaluate
from scalec.ir import Setting
from scalec.parse import parse
from scalec.program import Program
from scalec.scope import World
from scalec.source import Source, Span

MAX_PHI = 32


def make_setting(
    program: Program, phi: str | None = None, variant: str | None = None, changes: Sequence[tuple[str, str]] = ()
) -> Setting:
    """Work out a setting; a `--set` beats a variant. Raises `CompileError`."""
    world = World(program.file, {})
    names: dict[str, Value] = {}
    parameters: dict[str, Value] = {}
    settable = program.file.constants() | set(program.network_parameters)

    def put(key: str, value: Value) -> None:
        (parameters if key in program.network_parameters else names)[key] = value

    if variant is not None:
        key = s.ascii_name(variant)
        if key not in program.variants:
            listed = ", ".join(program.variants) or "none"
            raise _error("E501", f"no variant `{variant}`", variant, suggest(key, program.variants) or f"there are: {listed}")
        for column, expr in program.variants[key].items():
            put(column, evaluate(expr, world.main))
    if phi is not None:
        if "phi" not in program.file.params:
            raise _error("E501", "the spec has no `param φ`", phi, "write `param φ = 0` to scale by φ")
        put("phi", _phi(phi))
    for name, text in changes:
        key = s.ascii_name(name)
        if key not in settable:
            helped = suggest(key, settable) or f"there are: {', '.join(sorted(settable))}"
            raise _error("E501", f"nothing to set is called `{name}`", name, helped)
        put(key, _constant(f"--set {name}", text))
    return Setting(
        s.ascii_name(variant) if variant else None, phi.strip() if phi else None, names, parameters,
        tuple((s.ascii_name(name), text.strip()) for name, text in changes),
    )  # fmt: skip


def _error(code: str, message: str, text: str, help: str | None) -> CompileError:
    source = Source("command line", text)
    return CompileError([Diagnostic(code, message, Label(Span(source, 0, len(text))), help=help)])


def _phi(text: str) -> Fraction:
    value = _constant("--phi", text)
    if not isinstance(value, Fraction):
        raise _error("E203", "φ is a number", text, "write `4`, `0.5` or `1/3`")
    if abs(value) > MAX_PHI or value.denominator > MAX_DENOMINATOR:
        raise _error("E004", f"φ lies between -{MAX_PHI} and {MAX_PHI}, its denominator at most {MAX_DENOMINATOR:,}", text, None)
    return value


def _constant(origin: str, text: str) -> Value:
    """Work out a value given on the command line, by the grammar of specs."""
    report = Report()
    head = "param value = "
    spec = parse(Source(origin, head + text), report)
    bindings = [b for st in spec.statements if isinstance(st, s.Param) for b in st.bindings]
    if len(spec.statements) != 1 or len(bindings) != 1:
        raise _error("E001", f"`{text}` is not one value", text, None)
    try:
        return evaluate(bindings[0].value, _NoNames())
    except Failure as failure:
        raise CompileError([failure.diagnostic]) from None


class _NoNames:
    """Words alone: a value from the command line refers to nothing in the spec."""

    def name(self, name: s.Name) -> Value:
        if name.parts[0].key in ("same", "symmetric"):
            return name.parts[0].key
        raise Failure("E101", f"`{name.span.text}` is not a value", name.span, "expected a number or a word")

    def call(self, call: s.Call) -> Value:
        raise Failure("E101", f"unknown function `{call.name.span.text}`", call.name.span)
