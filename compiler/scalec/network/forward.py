"""The body of a `forward` as data: statements that contain expressions, the same for all uses of a class.

`flow` makes it once. `emit.layout` prints it, `cost.memory.execution` runs it on sizes, and the names of modules are
read from its calls. Facts that differ between uses (the nodes of a call, whether a flag is true) are in a tuple with
one entry for each use.
"""

from collections.abc import Iterator

from scalec.language import syntax as s
from scalec.network.network import Leaf, Node, Wrap
from scalec.ops.code import Code
from scalec.record import record, unique


@record
class Condition:
    """A `when` or `if` that is decided when a module is built; `code` says it in Python, if that is written."""

    code: Code | None
    holds: tuple[bool | None, ...]


@record
class Flag:
    """An attribute that keeps a condition."""

    name: str
    holds: tuple[bool | None, ...]


@record
class Variable:
    """A local variable."""

    name: str


@unique
class Call:
    """A module of the class, called. `layers` are its nodes: none if absent (an `nn.Identity`), several under `^`."""

    attribute: str
    unit: s.Unit
    layers: tuple[tuple[Node, ...], ...]
    x: Variable
    flatten: bool = False


@unique
class Apply:
    """An operator without a module; `flat`: a vector is all that is needed of what it gives."""

    operator: Leaf
    layers: tuple[tuple[Node, ...], ...]
    x: Variable
    flat: bool = False


@record
class Sum:
    """`a + b + …`; in place, the second is added to the first."""

    terms: tuple["Expression", ...]
    in_place: bool = False


@record
class Product:
    """`x * y`; in place, x is overwritten."""

    x: Variable
    y: Variable
    in_place: bool = False


@record
class Concatenation:
    """Channels side by side."""

    parts: tuple["Expression", ...]


@record
class Conditional:
    """One of two, by a flag."""

    then: "Expression"
    flag: Flag
    otherwise: Variable


@unique
class Split:
    """The channels of a tensor in parts: two halves, or by the attribute that keeps their sizes."""

    x: Variable
    attribute: str | None
    wraps: tuple[Wrap | None, ...]


Expression = Variable | Call | Apply | Sum | Product | Concatenation | Conditional


@record
class Bind:
    """Bind a variable; `declares`: for the first time."""

    variable: Variable
    value: Expression
    comment: str
    declares: bool


@record
class Unpack:
    """Bind several variables."""

    variables: tuple[Variable, ...]
    value: Split


@record
class If:
    """Do something where a flag holds."""

    flag: Flag
    body: tuple["Statement", ...]


Statement = Bind | Unpack | If


@record
class Forward:
    """A whole body. `result` is what it returns; `maps`: a tuple of variables, the outputs of a network of features."""

    statements: tuple[Statement, ...]
    result: Expression
    maps: tuple[Variable, ...] = ()


def parts(expression: Expression) -> tuple[Expression, ...]:
    """Return the expressions of which one is made."""
    match expression:
        case Variable():
            return ()
        case Call() | Apply():
            return (expression.x,)
        case Sum():
            return expression.terms
        case Product():
            return expression.x, expression.y
        case Concatenation():
            return expression.parts
        case Conditional():
            return expression.then, expression.otherwise


def has_call(expression: Expression) -> bool:
    """Return whether an expression is more than variables and operators between them."""
    match expression:
        case Variable():
            return False
        case Sum(terms=terms, in_place=in_place):
            return in_place or any(map(has_call, terms))
    return True


def calls(expression: Expression) -> Iterator[Call]:
    """Yield the calls of modules in an expression."""
    if isinstance(expression, Call):
        yield expression
    for part in parts(expression):
        yield from calls(part)


def attributes(forward: Forward) -> dict[int, str]:
    """Return what a class calls the module that a node becomes, or is a part of, by the node's identity."""
    found: dict[int, str] = {}
    open_ = list(forward.statements)
    values = [forward.result]
    while open_:
        match open_.pop():
            case If() as conditional:
                open_ += conditional.body
            case Bind() as bind:
                values.append(bind.value)
            case Unpack():
                pass
    for value in values:
        for call in calls(value):
            found.update((id(node), call.attribute) for layers in call.layers for node in layers)
    return found
