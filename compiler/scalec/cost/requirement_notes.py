"""For a requirement that fails: the places in the spec that cause its values."""

from collections.abc import Iterator
from fractions import Fraction

from scalec.cost.count import total
from scalec.diagnostics.diagnostic import Label
from scalec.diagnostics.source import Span
from scalec.language import exact
from scalec.language import syntax as s
from scalec.language.visit import children
from scalec.network.network import Network, leaves
from scalec.program.evaluate import Scope, Value, describe, evaluate
from scalec.program.program import Program
from scalec.program.quantities import QUANTITIES
from scalec.record import record

MOST = 4


@record
class Cause:
    """Where a name of a requirement, as written there, has its value from; whether the label says the value."""

    name: str
    label: Label
    says_value: bool = False


def causes(expr: s.Expr, network: Network, scope: Scope) -> list[Cause]:
    """Return where the names of an expression have their values from: at most `MOST` places."""
    found: dict[str, Cause] = {}
    for name in _names(expr):
        place = _place(name, network)
        if place is not None and not expr.span.holds(place):
            row = len(name.parts) > 1 or name.parts[0].key in QUANTITIES
            value = place.text if place.text[:1].isdigit() else show(evaluate(name, scope))
            label = Label(place, "in this variant" if row else f"this is {value}")
            found[name.span.text] = Cause(name.span.text, label, says_value=not row)
    if not found and isinstance(expr, s.Comparison) and (heavy := _heaviest(_larger(expr, scope), network)):
        return [Cause("", heavy)]
    distinct = {cause.label.span: cause for cause in reversed(found.values())}
    return list(reversed(distinct.values()))[:MOST]


def show(value: Value) -> str:
    """Return a value as text, the digits of a number in groups."""
    return grouped(exact.show(value)) if isinstance(value, (Fraction, exact.Radical)) else describe(value)


def grouped(shown: str) -> str:
    """Write a number's digits in groups of three."""
    whole, point, part = shown.partition(".")
    return f"{int(whole):,}{point}{part}" if whole.lstrip("-").isdigit() and whole != "-0" else shown


def _names(expr: s.Expr) -> Iterator[s.Name]:
    if isinstance(expr, s.Name):
        yield expr
    for child in children(expr):
        yield from _names(child)


def _place(name: s.Name, network: Network) -> Span | None:
    """Return where a name has its value from: a variant's row, or its own line; None if from the command line."""
    program, setting, key = network.program, network.setting, name.parts[0].key
    if len(name.parts) > 1:
        return _row(program, key)
    if key in QUANTITIES:
        return _row(program, setting.variant) if setting.variant else None
    if key in setting.names:
        changed = key in dict(setting.changes) or (key == "phi" and setting.phi)
        column = program.variants[setting.variant].get(key) if setting.variant and not changed else None
        return column.span if column else None
    let = program.file.lets.get(key)
    binding = let.binding if let else program.file.params.get(key)
    return binding.value.span if binding else None


def _row(program: Program, variant: str) -> Span | None:
    values = list(program.variants.get(variant, {}).values())
    return values[0].span.to(values[-1].span) if values else None


def _larger(expr: s.Comparison, scope: Scope) -> s.Expr:
    """Return the larger side of a comparison."""
    left, right = expr.operands
    values = [v for v in (evaluate(left, scope), evaluate(right, scope)) if isinstance(v, (Fraction, exact.Radical))]
    return right if len(values) == 2 and exact.compare(values[0], values[1]) < 0 else left


def _heaviest(expr: s.Expr, network: Network) -> Label | None:
    """Return a label at the stage that has most of a quantity; None if it is not counted by stage."""
    key = expr.parts[0].key if isinstance(expr, s.Name) and len(expr.parts) == 1 else ""
    field = QUANTITIES[key].field if key in QUANTITIES else None
    if field is None or len(network.stages) < 2:
        return None
    counts = [(stage, int(getattr(total(leaves(stage)), field))) for stage in network.stages]
    stage, most = max(counts, key=lambda each: each[1])
    return Label(stage.unit.head.span, f"{most:,} of them here, the maximum of all stages")
