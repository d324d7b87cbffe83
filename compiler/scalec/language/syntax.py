"""The syntax tree: frozen nodes with spans, as written. No name is looked up and nothing is evaluated here."""

from fractions import Fraction

from scalec.diagnostics.source import Span
from scalec.record import record

GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψω",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon "
        "phi chi psi omega".split(),
        strict=True,
    )
)
GREEK |= {letter.upper(): name.capitalize() for letter, name in GREEK.items()} | {"ϕ": "phi"}
STATEMENTS = "import param let default scale require block network variants search cite".split()
KEYWORDS = [*STATEMENTS, *"from where when if else and or not tap within to by match with for".split()]


def ascii_name(text: str) -> str:
    """Spell a name in ASCII: `φ`, `ϕ` and `phi` are one name. This is the key by which names are known."""
    return "".join(GREEK.get(character, character) for character in text)


@record
class Node:
    """Anything written, with the place where it stands."""

    span: Span


@record
class Identifier(Node):
    """A name. `key` is its ASCII spelling; `span.text` is as written."""

    key: str


# Expressions


@record
class Expr(Node):
    """An expression."""


@record
class Number(Expr):
    """`0.7G`: an exact rational, units and per cent worked in."""

    value: Fraction


@record
class Name(Expr):
    """`α`, or `B4.params`: one or more parts."""

    parts: tuple[Identifier, ...]


@record
class Argument(Node):
    """`3` or `kernel = 3` in a call."""

    name: Identifier | None
    value: Expr


@record
class Call(Expr):
    """`max(1, 2^φ)` in an expression, `Conv(3)` at the head of a unit; `ReLU` there has no arguments."""

    name: Identifier
    arguments: tuple[Argument, ...]


@record
class Sum(Expr):
    """`a + b - c`: terms with their signs."""

    terms: tuple[tuple[str, Expr], ...]


@record
class Product(Expr):
    """`a · b / c`: factors with their operators."""

    factors: tuple[tuple[str, Expr], ...]


@record
class Negative(Expr):
    """`-a`."""

    operand: Expr


@record
class Power(Expr):
    """`a^b`."""

    base: Expr
    exponent: Expr


@record
class Comparison(Expr):
    """`a ≤ b`, `a < b < c`, `a ≈ b ± c`. Operators are in their ASCII spelling."""

    operands: tuple[Expr, ...]
    operators: tuple[str, ...]
    tolerance: Expr | None


@record
class Junction(Expr):
    """`a and b`, `a or b`."""

    operator: str
    operands: tuple[Expr, ...]


@record
class Not(Expr):
    """`not a`."""

    operand: Expr


@record
class Conditional(Expr):
    """`a if condition else b`."""

    value: Expr
    condition: Expr
    otherwise: Expr


# Shapes and chains


@record
class Dim(Node):
    """One dimension; `=` pins it: scaling leaves it alone."""

    pinned: bool
    value: Expr


@record
class Shape(Node):
    """`<H, W, C>` or `<C>`."""

    dims: tuple[Dim, ...]


@record
class Repeat(Node):
    """`^2`, or `^=1`, which depth does not scale."""

    pinned: bool
    count: Expr


@record
class Body(Node):
    """`{ … }` of a wrapper. Without a chain it is the identity."""

    condition: Expr | None
    chain: "Chain | None"


@record
class Wrap(Node):
    """`residual`, `gate`, `sum`, `concat` or `split` with its bodies."""

    call: Call
    bodies: tuple[Body, ...]


@record
class Group(Node):
    """`(F ⊙ G)`, or `(F, G)`, whose chains are alternatives for the layers of a repeat."""

    chains: tuple["Chain", ...]


@record
class Unit(Node):
    """One element of a chain."""

    label: Identifier | None
    head: Call | Wrap | Group
    repeat: Repeat | None
    ascription: Shape | Dim | None
    guard: Expr | None
    tap: bool


@record
class Chain(Node):
    """Units composed with ⊙, in the order in which the data flows."""

    units: tuple[Unit, ...]


# Statements


@record
class Statement(Node):
    """A statement."""


@record
class Binding(Node):
    """`φ = 0` in `param`, `where` and, with `parameters`, in `let`."""

    name: Identifier
    parameters: tuple[Identifier, ...]
    value: Expr


@record
class Import(Statement):
    """`import ConvAct, MBConv from mobile`."""

    names: tuple[Identifier, ...]
    module: Identifier


@record
class Param(Statement):
    """`param φ = 0`."""

    bindings: tuple[Binding, ...]


@record
class Let(Statement):
    """`let d = α^φ, width(c) = to_multiple(w · c, 8)`."""

    bindings: tuple[Binding, ...]


@record
class Default(Statement):
    """`default BatchNorm(eps = 0.001)`."""

    settings: tuple[Call, ...]


@record
class Scale(Statement):
    """`scale L → ceil(d · L)`."""

    symbol: Identifier
    rule: Expr


@record
class Require(Statement):
    """`require α ≥ 1, FLOPS ≤ 4.2G`."""

    conditions: tuple[Expr, ...]


@record
class Parameter(Node):
    """`kernel` or `stride = 1` where a block or network is defined."""

    name: Identifier
    default: Expr | None


@record
class Definition(Statement):
    """A block or a network: name, parameters, signature, local names, chain."""

    name: Identifier
    parameters: tuple[Parameter, ...]
    input: Shape
    output: Shape
    where: tuple[Binding, ...]
    chain: Chain


@record
class Block(Definition):
    """`block ConvAct(kernel, stride = 1) <H, W, C> → <H/stride, W/stride, K> = …`."""


@record
class Network(Definition):
    """`network EfficientNet(classes = 1000) <224, 224, 3> → <classes> = …`."""


@record
class Variant(Node):
    """One row of `variants`."""

    name: Identifier
    values: tuple[Expr, ...]


@record
class Variants(Statement):
    """`variants (φ, d, w) { B4 (4, 1.8, 1.4) }`."""

    columns: tuple[Identifier, ...]
    rows: tuple[Variant, ...]


@record
class Axis(Node):
    """`α from 1 to 2 by 0.05`; without a range it has that of the next axis."""

    name: Identifier
    range: tuple[Expr, Expr, Expr] | None


@record
class Match(Node):
    """`match FLOPS ± 10%`."""

    quantity: Identifier
    tolerance: Expr


@record
class Search(Statement):
    """`search α, β from 1 to 2 by 0.05 where α · β² ≈ 2 ± 0.1 match FLOPS ± 10% with φ = 1, seeds = 3`."""

    axes: tuple[Axis, ...]
    conditions: tuple[Expr, ...]
    match: Match | None
    settings: tuple[Binding, ...]


@record
class Citation(Node):
    """`arXiv:1905.11946`: `key` is as written, once it has been checked."""

    key: str


@record
class Cite(Statement):
    """`cite arXiv:1709.01507 for SqueezeExcite`; without blocks it is for all that the file has."""

    papers: tuple[Citation, ...]
    blocks: tuple[Identifier, ...]


@record
class Spec(Node):
    """A whole file. `canonical` is the text of each statement without comments and layout, in ASCII."""

    statements: tuple[Statement, ...]
    canonical: tuple[str, ...]
