"""Checks that no network parameter decides structure, because the structure of the emitted class is fixed."""

from scalec.diagnostics.diagnostic import Report
from scalec.language import syntax as s
from scalec.language.visit import names_in
from scalec.program.program import BlockDef, File, bind


def check_structure(unit: s.Unit, parameters: set[str], file: File, report: Report) -> None:
    """A network parameter is a constructor argument of the emitted class: structure cannot hang on it.

    It may be the channels of an operator, `Conv(1) → classes`, or the output, `→ <classes>`: there the constructor
    follows it. The rule is the same in groups and wrappers, and for what a block is given.
    """
    places = [unit.repeat.count] if unit.repeat else []
    shape = unit.ascription.dims if isinstance(unit.ascription, s.Shape) else (unit.ascription,)
    dims = [dim for dim in shape if dim is not None]
    alone = len(dims) == 1 and isinstance(dims[0].value, s.Name)
    if not alone or not (isinstance(unit.ascription, s.Shape) or _ends_in_operator(unit, file)):
        places += [dim.value for dim in dims]
    places += [unit.guard] if unit.guard else []
    if isinstance(unit.head, s.Wrap):
        places += [body.condition for body in unit.head.bodies if body.condition]
    if isinstance(unit.head, s.Call):
        places += _structural(unit.head, file, parameters, set())
    for place in places:
        for name in sorted(names_in(place) & parameters):
            report.error(
                "E203", f"the network parameter `{name}` cannot decide a width, a repeat or a condition", place.span,
                "an argument of the emitted class", help=f"write `param {name} = …`, which a variant may set too",
            )  # fmt: skip
    for inner in _inside(unit):
        check_structure(inner, parameters, file, report)


def _inside(unit: s.Unit) -> list[s.Unit]:
    """Return the units in the chains of a group or wrapper."""
    if isinstance(unit.head, s.Group):
        return [inner for chain in unit.head.chains for inner in chain.units]
    if isinstance(unit.head, s.Wrap):
        return [inner for body in unit.head.bodies if body.chain for inner in body.chain.units]
    return []


def _ends_in_operator(unit: s.Unit, file: File) -> bool:
    """Return whether what takes the channels of a unit is an operator: a block may work out other numbers from them."""
    if isinstance(unit.head, s.Group):
        return all(_ends_in_operator(chain.units[-1], file) for chain in unit.head.chains)
    return isinstance(unit.head, s.Call) and not isinstance(file.callee(unit.head.name.key), BlockDef)


Seen = set[tuple[int, str]]
"""Parameters of blocks that were looked at, by the block's identity."""


def _structural(call: s.Call, file: File, names: set[str], seen: Seen) -> list[s.Expr]:
    """Return the arguments of a call that name one of `names` and decide a repeat or condition inside a block."""
    block = file.callee(call.name.key)
    if not isinstance(block, BlockDef):
        return []
    given = bind(call, block, Report())
    return [value for key, value in given.items() if names_in(value) & names and _decides(block, key, seen)]


def _decides(block: BlockDef, key: str, seen: Seen) -> bool:
    """Return whether a parameter of a block decides a repeat or a condition in it, or in a block inside it."""
    if (id(block), key) in seen:
        return False
    seen.add((id(block), key))
    names = {key}
    for binding in block.syntax.where:
        names |= {binding.name.key} if names_in(binding.value) & names else set()
    open_ = list(block.syntax.chain.units) if block.syntax.chain else []
    while open_:
        unit = open_.pop()
        conditions = [body.condition for body in unit.head.bodies] if isinstance(unit.head, s.Wrap) else []
        places = [unit.guard, unit.repeat.count if unit.repeat else None, *conditions]
        if any(names_in(place) & names for place in places if place is not None):
            return True
        if isinstance(unit.head, s.Call) and _structural(unit.head, block.home, names, seen):
            return True
        open_ += _inside(unit)
    return False
