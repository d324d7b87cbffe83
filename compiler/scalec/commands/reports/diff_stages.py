"""The differences between two stages, in words: the operator, the arguments of its call, or the inside of a layer."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from scalec.cost.requirement_notes import show
from scalec.language import syntax as s
from scalec.language.exact import Radical
from scalec.language.unparse import spell_name
from scalec.network.network import (
    Block,
    Chain,
    Group,
    Leaf,
    Node,
    Stage,
    Wrap,
    children,
    operator_name,
    takes_part,
)
from scalec.ops import Operator
from scalec.ops.shape import Shape
from scalec.program.evaluate import Partial
from scalec.record import record

MOST = 4
_DROPS = ("Dropout", "DropPath")


@record
class _Step:
    """An operator or wrapper that data goes through."""

    name: str
    fields: tuple[tuple[str, object], ...]
    shape: tuple[Shape, Shape]


def is_same(before: Stage, after: Stage) -> bool:
    """Return whether two stages compute the same: operators, their parameters, shapes, and what joins them."""
    return list(_steps_of(before)) == list(_steps_of(after))


def details(before: Stage, after: Stage) -> list[str]:
    """Return what differs, apart from repeats and widths; nothing if that is all."""
    calls = [list(_alternatives(stage)) for stage in (before, after)]
    if len(calls[0]) != len(calls[1]):
        return [f"{len(calls[0])} → {len(calls[1])} alternatives"]
    found: dict[str, None] = {}
    for old, new in zip(*calls, strict=True):
        found |= dict.fromkeys(_call(before, old, after, new))
    if not found:
        for old, new in zip(before.layers[:2], after.layers[:2], strict=False):
            found |= dict.fromkeys(_inside(list(_steps(old)), list(_steps(new))))
    return list(found)


def _alternatives(stage: Stage) -> list[Node]:
    """Return a layer for each way in which the spec writes one: `(F, G)^L` has two."""
    ways = len(stage.unit.head.chains) if isinstance(stage.unit.head, s.Group) else 1
    return list(stage.layers[:ways])


def _call(before: Stage, old: Node, after: Stage, new: Node) -> Iterator[str]:
    names = [_name(stage, node) for stage, node in ((before, old), (after, new))]
    if names[0] != names[1]:
        yield f"{names[0]} → {names[1]}"
        return
    given = [_arguments(node) for node in (old, new)]
    for key in {**given[1], **given[0]}:
        values = [each.get(key) for each in given]
        if values[0] != values[1]:
            yield f"{spell_name(key)} {' → '.join(_shown(value) for value in values)}"


def _name(stage: Stage, node: Node) -> str:
    match node:
        case Leaf():
            return node.operator.name
        case Block():
            return spell_name(node.definition.name)
    return operator_name(stage.unit, node)


def _arguments(node: Node) -> dict[str, object]:
    """Return what a call says or leaves to defaults; rates are not counted, since they hang on the number of layers."""
    match node:
        case Leaf():
            return dict(_fields(node.operator, rates=False))
        case Block():
            return dict(node.arguments)
    return {}


def _fields(operator: Operator, rates: bool = True) -> tuple[tuple[str, object], ...]:
    drops = operator.name in _DROPS and not rates
    return tuple((name, getattr(operator, name)) for name in operator.table if not drops)


def _shown(value: object) -> str:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value).lower()
    if isinstance(value, Partial):
        callee = value.callee.name
        inner = ", ".join(f"{spell_name(name)} = {_shown(each)}" for name, each in value.arguments)
        return f"{callee}({inner})" if inner else callee
    assert isinstance(value, (bool, str, Fraction, Radical)), value
    return show(value).strip("`")


def _inside(old: list[_Step], new: list[_Step]) -> Iterator[str]:
    """Compare two layers step by step if they have the same ones, else say which came and went."""
    if [step.name for step in old] == [step.name for step in new]:
        for one, other in zip(old, new, strict=True):
            for (key, value), (_, now) in zip(one.fields, other.fields, strict=True):
                if value != now and one.name not in _DROPS:
                    yield f"{one.name} {key} {_shown(value)} → {_shown(now)}"
        return
    counts = [Counter(step.name for step in steps) for steps in (old, new)]
    gone, come = counts[0] - counts[1], counts[1] - counts[0]
    if gone:
        yield f"without {_listed(gone)}"
    if come:
        yield f"with {_listed(come)}"
    if not gone and not come:
        yield "another order inside"


def _listed(names: "Counter[str]") -> str:
    shown = [f"{count} {name}" if count > 1 else name for name, count in names.items()]
    return ", ".join(shown[:MOST]) + (f" and {len(shown) - MOST} more" if len(shown) > MOST else "")


def _steps_of(stage: Stage) -> Iterator[_Step]:
    for layer in stage.layers:
        yield from _steps(layer)


def _steps(node: Node) -> Iterator[_Step]:
    """Return what data goes through, in order; a wrapper stands before its bodies, each of which begins with a step."""
    match node:
        case Leaf():
            yield _Step(node.operator.name, _fields(node.operator), (node.x, node.y))
        case Block() | Group():
            yield from _steps_inside(node)
        case Wrap():
            yield from _wrapped(node)


def _wrapped(wrap: Wrap) -> Iterator[_Step]:
    joins_input = wrap.kind in ("residual", "gate")
    if not joins_input or wrap.bodies[0].holds:
        yield _Step(wrap.kind, (), (wrap.x, wrap.y))
    for body in wrap.bodies:
        if not joins_input and body.holds:
            shape = (body.chain.x, body.chain.y) if body.chain else (Shape(()), Shape(()))
            yield _Step("branch", (), shape)
        if body.chain is not None and takes_part(wrap.kind, body):
            yield from _steps_inside(body.chain)


def _steps_inside(part: Block | Group | Chain) -> Iterator[_Step]:
    for node in children(part):
        yield from _steps(node)
