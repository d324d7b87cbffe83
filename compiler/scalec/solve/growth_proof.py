"""Proves that a network's cost only grows along an axis. Then a search can stop at the first network that is too large.

The proof uses the structure. Parameters, multiply-adds and activations of every operator grow with its input shape
and its channels, if its other arguments stay the same (`tests/solve/test_growth_proof.py` tests each operator). So a
network grows if all its sizes, widths and repeats grow, also inside blocks, and if no unit with a cost can disappear.
Nothing is proved about memory, because a residual that disappears frees its input.
"""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import assert_never

from scalec.diagnostics.diagnostic import Report
from scalec.language import syntax as s
from scalec.language.visit import names_in
from scalec.limits import MAX_DEPTH, MAX_WHOLE
from scalec.network.scale import channel_dim
from scalec.ops import Operator
from scalec.program.evaluate import Failure, Partial, Value, evaluate, truth
from scalec.program.names import LAYER_NAMES, wrapper_kind
from scalec.program.program import BlockDef, Callee, File, Program, bind
from scalec.program.scope import LocalScope
from scalec.solve.monotone import Direction, Ends, direction, file_scope

PROVABLE = ("FLOPS", "params", "activations")
"""The quantities that are known to grow where the proof succeeds."""


_Way = tuple[Value, Value, Direction]
"""A name's values at both ends, and how it goes between them."""
_SIZE: _Way = (Fraction(1), Fraction(MAX_WHOLE), 1)
"""Any size or width: it grows, and is at least 1."""


class _Unproven(Exception):
    """The structure says nothing about this part."""


def grows(program: Program, ends: Ends) -> bool:
    """Return whether what the stages of a network are made of can only grow from one end of an axis to the other.

    The sizes, widths and repeats of the stages themselves are the caller's: see `axis.decisions`.
    """
    proof = _Proof(program)
    units = program.network.chain.units
    try:
        known = {key: _value(each.default, ends) or _raise() for key, each in program.network_parameters.items()}
        labels = {unit.label.key for unit in units if unit.label}
        known |= {f"{label}{part}": _SIZE for label in labels for part in ("", ".H", ".W", ".C")}
        local = _inside(ends, program.file, known)
        for unit in units:
            written = channel_dim(unit)
            if written is not None and names_in(written.value) & labels:
                proof.need_width(written, local, in_network=True)
            if unit.guard is not None and names_in(unit.guard) & labels:
                raise _Unproven
            proof.head(unit, local, in_network=True)
    except (_Unproven, Failure):
        return False
    return True


class _Proof:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.depth = 0

    def head(self, unit: s.Unit, ends: Ends, in_network: bool = False) -> None:
        match unit.head:
            case s.Call():
                self._call(unit.head, ends)
            case s.Group():
                for chain in unit.head.chains:
                    self._chain(chain, ends, in_network)
            case s.Wrap():
                self._wrap(unit.head, ends, in_network)

    def _wrap(self, wrap: s.Wrap, ends: Ends, in_network: bool) -> None:
        kind = wrapper_kind(wrap)
        match kind:
            case "residual" | "gate":
                always = True
            case "sum" | "concat" | "split":
                always = False
            case _:
                assert_never(kind)
        if kind == "split" and len(wrap.bodies) > 2:
            raise _Unproven  # the remainder goes to the first part, which can become narrower
        for body in wrap.bodies:
            if body.condition is not None and not always:
                if direction(body.condition, ends) != 0:
                    raise _Unproven
                if not truth(body.condition, ends.low):
                    continue
            self._chain(body.chain, ends, in_network)

    def _chain(self, chain: s.Chain | None, ends: Ends, in_network: bool) -> None:
        for unit in chain.units if chain else ():
            if unit.guard is not None:
                if direction(unit.guard, ends) != 0:
                    self._need_free(unit, ends)
                    continue
                if not truth(unit.guard, ends.low):
                    continue
            if unit.repeat is not None:
                _need_growth(unit.repeat.count, ends)
            written = unit.ascription.dims[-1] if isinstance(unit.ascription, s.Shape) else unit.ascription
            if written is not None:
                self.need_width(written, ends, in_network)
            self.head(unit, ends, in_network)

    def need_width(self, written: s.Dim, ends: Ends, in_network: bool) -> None:
        rule = self.program.scales.get("C") if in_network and not written.pinned else None
        if rule is None:
            _need_growth(written.value, ends)
            return
        width = evaluate(written.value, ends.low)
        if direction(written.value, ends) != 0 or not isinstance(width, Fraction):
            raise _Unproven
        _need_growth(rule.rule, ends.with_values({"C": width}))

    def _need_free(self, unit: s.Unit, ends: Ends) -> None:
        """Raise `_Unproven` unless a unit costs nothing and changes no shape: then it may come and go."""
        callee = self._callee(unit.head, ends)[0] if isinstance(unit.head, s.Call) else None
        free = isinstance(callee, type) and (callee.rewriting.per_element or callee.rewriting.only_in_training)
        if not (free and isinstance(callee, type) and callee.parameters is Operator.parameters):
            raise _Unproven

    def _callee(self, call: s.Call, ends: Ends) -> tuple[Callee, frozenset[str]]:
        """Return what a call names, and which of its arguments it has already."""
        key = call.name.key
        held = ends.low.values.get(key) if isinstance(ends.low, LocalScope) else None
        if isinstance(held, Partial) and direction(s.Name(call.name.span, (call.name,)), ends) == 0:
            assert isinstance(held.callee, type | BlockDef)
            return held.callee, frozenset(name for name, _ in held.arguments)
        callee = ends.file.callee(key)
        if held is not None or callee is None:
            raise _Unproven
        return callee, frozenset()

    def _call(self, call: s.Call, ends: Ends) -> None:
        callee, known = self._callee(call, ends)
        bound = bind(call, callee, Report(), known)
        preset: dict[str, tuple[s.Expr, Ends]] = {}
        for file in (ends.file, self.program.file):
            for key, setting in file.defaults.items():
                if file.callee(key) is callee:
                    outer = _inside(ends, file, {})
                    preset |= {a.name.key: (a.value, outer) for a in setting.arguments if a.name}
        given = preset | {key: (expr, ends) for key, expr in bound.items()}
        if isinstance(callee, BlockDef):
            if known:
                raise _Unproven
            self._block(callee, given, ends)
            return
        for key, (expr, where) in given.items():
            if not callee.table[key].kind.is_real and direction(expr, where) != 0:
                raise _Unproven

    def _block(self, block: BlockDef, given: Mapping[str, tuple[s.Expr, Ends]], ends: Ends) -> None:
        if self.depth >= MAX_DEPTH:
            raise _Unproven
        shapes = (*block.syntax.input.dims, *block.syntax.output.dims)
        symbols = {d.value.parts[0].key for d in shapes if isinstance(d.value, s.Name) and len(d.value.parts) == 1}
        symbols -= {parameter.name.key for parameter in block.syntax.parameters} | block.home.constants()
        known = dict.fromkeys(symbols, _SIZE)
        local = _inside(ends, block.home, known)
        for parameter in block.syntax.parameters:
            expr, where = given.get(parameter.name.key, (parameter.default, local))
            known[parameter.name.key] = _value(expr, where) or _raise()
            local = _inside(ends, block.home, known)
        for binding in block.syntax.where:
            known[binding.name.key] = _value(binding.value, local) or _raise()
            local = _inside(ends, block.home, known)
        self.depth += 1
        self._chain(block.syntax.chain, local, in_network=False)
        self.depth -= 1


def _need_growth(expr: s.Expr, ends: Ends) -> None:
    if direction(expr, ends) not in (0, 1):
        raise _Unproven


def _raise() -> _Way:
    raise _Unproven


def _value(expr: s.Expr | None, ends: Ends) -> _Way | None:
    """Return an expression's values at both ends and how it goes between them."""
    if expr is None:
        return None
    return evaluate(expr, ends.low), evaluate(expr, ends.high), direction(expr, ends)


def _inside(ends: Ends, file: File, values: Mapping[str, _Way]) -> Ends:
    """Return the ends as a place in `file` sees them, with the names of that place."""
    low = LocalScope({key: value for key, (value, _, _) in values.items()}, file_scope(ends.low).world.of(file))
    high = LocalScope({key: value for key, (_, value, _) in values.items()}, file_scope(ends.high).world.of(file))
    known: dict[str, Direction] = {key: way for key, (_, _, way) in values.items()}
    known |= dict.fromkeys(LAYER_NAMES)  # they go up and down
    return replace(ends, low=low, high=high, known=known)
