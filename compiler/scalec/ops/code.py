"""Python expressions as data: an operator's PyTorch call, before it is laid out as text."""

from collections.abc import Iterable
from fractions import Fraction

from scalec.record import record

ATOM, UNARY, TIMES, PLUS, COMPARE, NOT, AND, OR, IF = range(9, 0, -1)


@record
class Code:
    """An expression on one line. `value` is its value if it is a literal; then arithmetic is done here."""

    text: str
    binding: int = ATOM
    value: Fraction | bool | None = None

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    def inside(self, binding: int) -> str:
        """Return the text as an operand of something that binds as strongly as `binding`."""
        return self.text if self.binding >= binding else f"({self.text})"

    def _known(self, other: "Code | int") -> tuple[Fraction, Fraction] | None:
        right = other.value if isinstance(other, Code) else Fraction(other)
        if isinstance(self.value, Fraction) and isinstance(right, Fraction):
            return self.value, right
        return None

    def __add__(self, other: "Code | int") -> "Code":
        """Add; a literal 0 vanishes."""
        if known := self._known(other):
            return whole(known[0] + known[1])
        if _is(other, 0) or self.value == 0:
            return self if _is(other, 0) else code(other)
        return Code(f"{self.inside(PLUS)} + {code(other).inside(PLUS)}", PLUS)

    def __sub__(self, other: "Code | int") -> "Code":
        """Subtract; a literal 0 vanishes."""
        if known := self._known(other):
            return whole(known[0] - known[1])
        return self if _is(other, 0) else _binary(self, "-", other, PLUS)

    def __mul__(self, other: "Code | int") -> "Code":
        """Multiply; a literal 1 vanishes."""
        if known := self._known(other):
            return whole(known[0] * known[1])
        return self if _is(other, 1) else code(other) if _is(self, 1) else _binary(self, "*", other, TIMES)

    def __floordiv__(self, other: "Code | int") -> "Code":
        """Divide, rounding down; by a literal 1 it vanishes."""
        if known := self._known(other):
            return whole(Fraction(known[0] // known[1]))
        return self if _is(other, 1) else _binary(self, "//", other, TIMES)


def _is(operand: "Code | int", number: int) -> bool:
    return (operand.value if isinstance(operand, Code) else operand) == number


def code(operand: Code | int) -> Code:
    """Return a whole number or an expression as an expression."""
    return operand if isinstance(operand, Code) else whole(Fraction(operand))


def _binary(left: Code, operator: str, right: Code | int, binding: int) -> Code:
    return Code(f"{left.inside(binding)} {operator} {code(right).inside(binding + 1)}", binding)


def whole(value: Fraction) -> Code:
    """Print a whole number."""
    assert value.denominator == 1, value
    return Code(str(value.numerator), ATOM if value >= 0 else UNARY, value)


def flag(value: bool) -> Code:
    """Print `True` or `False`."""
    return Code(str(value), ATOM, value)


def real(value: Fraction) -> Code:
    """Print a real number exactly: `0.2`, `1e-05`, `4.0`, or as a quotient where decimals do not end."""
    text = repr(float(value))
    if Fraction(text) == value:
        return Code(text, ATOM if value >= 0 else UNARY, value)
    return Code(f"{value.numerator} / {value.denominator}", TIMES, value)


@record
class Call:
    """`name(positional, …, keyword=value, …)`; an exploded one has a line for each argument."""

    name: str
    arguments: tuple[tuple[str, "Code | Call | Several"], ...]
    exploded: bool = False

    def __str__(self) -> str:
        """Write it on one line."""
        shown = (f"{keyword}={value}" if keyword else str(value) for keyword, value in self.arguments)
        return f"{self.name}({', '.join(shown)})"


@record
class Several:
    """`*(made for name in range(limits))`: arguments that differ in one number, or in nothing."""

    made: Call
    name: str
    limits: tuple[Code, ...]

    def __str__(self) -> str:
        """Write it on one line."""
        return f"*({self.made} {self.loop})"

    @property
    def loop(self) -> str:
        """Write what follows the call."""
        return f"for {self.name} in range({', '.join(map(str, self.limits))})"


@record
class Choice:
    """`then if condition else otherwise`."""

    then: Code | Call
    condition: Code
    otherwise: Code | Call

    def __str__(self) -> str:
        """Write it on one line."""
        return f"{self.then} if {self.condition} else {self.otherwise}"


def call(name: str, *positional: "Code | Call | int", **keywords: "tuple[Code, object] | Code | Call") -> Call:
    """Build a call. A keyword given as (code, default) is left out where the code is that literal."""
    arguments: list[tuple[str, Code | Call]] = [("", code(p) if isinstance(p, int) else p) for p in positional]
    for keyword, given in keywords.items():
        if isinstance(given, tuple):
            value, default = given
            if (
                value.value is None
                or value.value != default
                or isinstance(value.value, bool) != isinstance(default, bool)
            ):
                arguments.append((keyword, value))
        else:
            arguments.append((keyword, given))
    return Call(name, tuple(arguments))


def sequential(parts: Iterable[Code | Call | Several]) -> Call:
    """Build an `nn.Sequential` with a line for each part, if it has more than a loop."""
    arguments = tuple(("", part) for part in parts)
    return Call("nn.Sequential", arguments, not (len(arguments) == 1 and isinstance(arguments[0][1], Several)))
