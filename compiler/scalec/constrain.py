"""What a spec requires, decided on the concrete network: nominal values, realised quantities, and those of variants."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from scalec import exact
from scalec import syntax as s
from scalec.cost import cost
from scalec.diagnostics import Report
from scalec.exact import Number
from scalec.expr import Failure, Scope, Value, evaluate, number, tolerance_of, truth
from scalec.ir import Network
from scalec.memory import memory

QUANTITIES: dict[str, Callable[[Network], int]] = {
    "FLOPS": lambda network: cost(network).macs,
    "params": lambda network: cost(network).params,
    "activations": lambda network: cost(network).activations,
    "memory": memory,
}


@dataclass(frozen=True)
class Requirement:
    """A requirement that was decided: its text, and the value of each side."""

    expr: s.Expr
    holds: bool
    values: tuple[str, ...]


class _Scope:
    """Adds FLOPS, params, activations and memory, of this network and of others by name."""

    def __init__(self, network: Network, other: Callable[[str], Network]) -> None:
        self.network, self.other = network, other

    def name(self, name: s.Name) -> Value:
        """Give the value of a name."""
        network, key = self.network, name.parts[-1].key
        if len(name.parts) == 2:
            network = self.other(name.parts[0].key)
        if key in QUANTITIES:
            return Fraction(QUANTITIES[key](network))
        return network.scope.name(s.Name(name.parts[-1].span, name.parts[-1:]))

    def call(self, call: s.Call) -> Value:
        """Give the value of a let with arguments."""
        return self.network.scope.call(call)


def constrain(network: Network, other: Callable[[str], Network], report: Report) -> tuple[Requirement, ...]:
    """Decide every requirement on a network; `other` gives the network of a variant, or the baseline."""
    decided = []
    for expr in network.program.requirements:
        try:
            decided.append(_decide(expr, _Scope(network, other), report))
        except Failure as failure:
            report.add(failure.diagnostic)
    return tuple(decided)


def _decide(expr: s.Expr, scope: Scope, report: Report) -> Requirement:
    holds = truth(expr, scope)
    if not isinstance(expr, s.Comparison):
        if not holds:
            report.error("E401", "a requirement does not hold", expr.span)
        return Requirement(expr, holds, ())
    values = [evaluate(operand, scope) for operand in expr.operands]
    shown = tuple(exact.show(v) if not isinstance(v, (bool, str)) else str(v) for v in values)  # type: ignore[arg-type]
    if not holds:
        _report(expr, scope, shown, report)
    return Requirement(expr, holds, shown)


def _report(expr: s.Comparison, scope: Scope, shown: tuple[str, ...], report: Report) -> None:
    notes = [f"{operand.span.text} is {value}" for operand, value in zip(expr.operands, shown, strict=True)]
    for index, operator in enumerate(expr.operators):
        left, right = number(expr.operands[index], scope), number(expr.operands[index + 1], scope)
        tolerance = tolerance_of(expr, right, scope)
        if operator == "~=" and tolerance is not None:
            low, high = exact.subtract(right, tolerance), exact.add(right, tolerance)
            notes.append(f"it would hold from {exact.show(low)} to {exact.show(high)}")
        elif operator in ("<", "<=", ">", ">=") and exact.sign(right) != 0:
            notes.append(f"off by {exact.show(_distance(left, right))} ({_percent(left, right)} of the right side)")
    report.error("E401", "a requirement does not hold", expr.span, f"here: {', '.join(shown)}", notes=tuple(notes))


def _distance(left: Number, right: Number) -> Number:
    difference = exact.subtract(left, right)
    return exact.negate(difference) if exact.sign(difference) < 0 else difference


def _percent(left: Number, right: Number) -> str:
    share = abs(exact.approximate(_distance(left, right)) / exact.approximate(right))
    return f"{100 * share:.1f} %"
