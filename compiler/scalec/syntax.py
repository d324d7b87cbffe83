"""What was written: frozen nodes, each with its span. Nothing is looked up or worked out here."""

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from scalec.source import Span

GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψω",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon "
        "phi chi psi omega".split(),
        strict=True,
    )
)
GREEK |= {letter.upper(): name.capitalize() for letter, name in GREEK.items()} | {"ϕ": "phi"}
STATEMENTS = "import param let default scale require block network variants search".split()
KEYWORDS = [*STATEMENTS, *"from where when if else and or not tap within to by match with".split()]


def ascii_name(text: str) -> str:
    """Spell a name in ASCII: `φ`, `ϕ` and `phi` are one name. This is the key by which names are known."""
    return "".join(GREEK.get(character, character) for character in text)


@dataclass(frozen=True, slots=True)
class Node:
    """Anything written, with the place where it stands."""

    span: Span


@dataclass(frozen=True, slots=True)
class Identifier(Node):
    """A name. `key` is its ASCII spelling; `span.text` is as written."""

    key: str


# Expressions


@dataclass(frozen=True, slots=True)
class Expr(Node):
    """An expression."""


@dataclass(frozen=True, slots=True)
class Number(Expr):
    """`0.7G`: an exact rational, units and per cent worked in."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Name(Expr):
    """`α`, or `B4.params`: one or more parts."""

    parts: tuple[Identifier, ...]


@dataclass(frozen=True, slots=True)
class Argument(Node):
    """`3` or `kernel = 3` in a call."""

    name: Identifier | None
    value: Expr


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """`max(1, 2^φ)` in an expression, `Conv(3)` at the head of a unit; `ReLU` there has no arguments."""

    name: Identifier
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Sum(Expr):
    """`a + b - c`: terms with their signs."""

    terms: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Product(Expr):
    """`a · b / c`: factors with their operators."""

    factors: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Negative(Expr):
    """`-a`."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Power(Expr):
    """`a^b`."""

    base: Expr
    exponent: Expr


@dataclass(frozen=True, slots=True)
class Comparison(Expr):
    """`a ≤ b`, `a < b < c`, `a ≈ b ± c`. Operators are in their ASCII spelling."""

    operands: tuple[Expr, ...]
    operators: tuple[str, ...]
    tolerance: Expr | None


@dataclass(frozen=True, slots=True)
class Junction(Expr):
    """`a and b`, `a or b`."""

    operator: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Not(Expr):
    """`not a`."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Conditional(Expr):
    """`a if condition else b`."""

    value: Expr
    condition: Expr
    otherwise: Expr


# Shapes and chains


@dataclass(frozen=True, slots=True)
class Dim(Node):
    """One dimension; `=` pins it: scaling leaves it alone."""

    pinned: bool
    value: Expr


@dataclass(frozen=True, slots=True)
class Shape(Node):
    """`<H, W, C>` or `<C>`."""

    dims: tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class Repeat(Node):
    """`^2`, or `^=1`, which depth does not scale."""

    pinned: bool
    count: Expr


@dataclass(frozen=True, slots=True)
class Body(Node):
    """`{ … }` of a wrapper. Without a chain it is the identity."""

    condition: Expr | None
    chain: "Chain | None"


@dataclass(frozen=True, slots=True)
class Wrap(Node):
    """`residual`, `gate`, `sum`, `concat` or `split` with its bodies."""

    call: Call
    bodies: tuple[Body, ...]


@dataclass(frozen=True, slots=True)
class Group(Node):
    """`(F ⊙ G)`, or `(F, G)`, whose chains are alternatives for the layers of a repeat."""

    chains: tuple["Chain", ...]


@dataclass(frozen=True, slots=True)
class Unit(Node):
    """One element of a chain."""

    label: Identifier | None
    head: Call | Wrap | Group
    repeat: Repeat | None
    ascription: Shape | Dim | None
    guard: Expr | None
    tap: bool


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """Units composed with ⊙, in the order in which the data flows."""

    units: tuple[Unit, ...]


# Statements


@dataclass(frozen=True, slots=True)
class Statement(Node):
    """A statement; `keyword` is its first word."""

    keyword: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Binding(Node):
    """`φ = 0` in `param`, `where` and, with `parameters`, in `let`."""

    name: Identifier
    parameters: tuple[Identifier, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class Import(Statement):
    """`import ConvAct, MBConv from mobile`."""

    keyword = "import"
    names: tuple[Identifier, ...]
    module: Identifier


@dataclass(frozen=True, slots=True)
class Param(Statement):
    """`param φ = 0`."""

    keyword = "param"
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class Let(Statement):
    """`let d = α^φ, width(c) = to_multiple(w · c, 8)`."""

    keyword = "let"
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class Default(Statement):
    """`default BatchNorm(eps = 0.001)`."""

    keyword = "default"
    settings: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Scale(Statement):
    """`scale L → ceil(d · L)`."""

    keyword = "scale"
    symbol: Identifier
    rule: Expr


@dataclass(frozen=True, slots=True)
class Require(Statement):
    """`require α ≥ 1, FLOPS ≤ 4.2G`."""

    keyword = "require"
    conditions: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """`kernel` or `stride = 1` where a block or network is defined."""

    name: Identifier
    default: Expr | None


@dataclass(frozen=True, slots=True)
class Definition(Statement):
    """A block or a network: name, parameters, signature, local names, chain."""

    name: Identifier
    parameters: tuple[Parameter, ...]
    input: Shape
    output: Shape
    where: tuple[Binding, ...]
    chain: Chain


@dataclass(frozen=True, slots=True)
class Block(Definition):
    """`block ConvAct(kernel, stride = 1) <H, W, C> → <H/stride, W/stride, K> = …`."""

    keyword = "block"


@dataclass(frozen=True, slots=True)
class Network(Definition):
    """`network EfficientNet(classes = 1000) <224, 224, 3> → <classes> = …`."""

    keyword = "network"


@dataclass(frozen=True, slots=True)
class Variant(Node):
    """One row of `variants`."""

    name: Identifier
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Variants(Statement):
    """`variants (φ, d, w) { B4 (4, 1.8, 1.4) }`."""

    keyword = "variants"
    columns: tuple[Identifier, ...]
    rows: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class Axis(Node):
    """`α from 1 to 2 by 0.05`; without a range it has that of the next axis."""

    name: Identifier
    range: tuple[Expr, Expr, Expr] | None


@dataclass(frozen=True, slots=True)
class Match(Node):
    """`match FLOPS ± 10%`."""

    quantity: Identifier
    tolerance: Expr


@dataclass(frozen=True, slots=True)
class Search(Statement):
    """`search α, β from 1 to 2 by 0.05 where α · β² ≈ 2 ± 0.1 match FLOPS ± 10% with φ = 1, seeds = 3`."""

    keyword = "search"
    axes: tuple[Axis, ...]
    conditions: tuple[Expr, ...]
    match: Match | None
    settings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class Spec(Node):
    """A whole file. `canonical` is the text of each statement without comments and layout, in ASCII."""

    statements: tuple[Statement, ...]
    canonical: tuple[str, ...]
