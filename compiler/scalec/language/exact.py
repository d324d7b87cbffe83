"""Exact real numbers for scaling rules such as ``ceil(d * L)`` with ``d = alpha ^ phi``.

A number is a ``Fraction`` or a ``Radical``. No decision uses floats, so rounding cannot differ between platforms.
Every result is normalised: a rational value is a ``Fraction``.

A root is written over pairwise coprime integers that are not perfect powers. They are found only with gcds and
integer roots (no factoring). The exponents are strictly between 0 and 1. Such a product is rational only if it is
empty. Two roots have a rational ratio ("alike") only if the exponents of their refined quotient are whole. Positive
real radicals with pairwise irrational ratios are linearly independent over Q (Besicovitch 1940; Carr & O'Sullivan
2009). So after like terms are combined, a ``Radical`` is never rational and never zero. Therefore the refinement of
an interval around it always ends with a sign.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import cmp_to_key, lru_cache
from math import gcd, isqrt, lcm, prod

from scalec.limits import MAX_BITS, MAX_DENOMINATOR, MAX_EXPONENT, MAX_LITERAL_DIGITS, MAX_SUM_POWER, MAX_TERMS

_FIRST_DIGITS, _INTEGER_DIGITS, _MAX_DIGITS = 40, 160, 20_000  # decimals of an enclosure
_INTEGER_BITS = 1 << 20  # largest integers worth building to decide one comparison
_GUARD = 10
_LITERAL = re.compile(r"(?:0|[1-9][0-9]*(?:_[0-9]+)*)(?:\.[0-9]+(?:_[0-9]+)*)?")

Root = tuple[int, tuple[tuple[int, int], ...]]  # (q, ((base, p), ...)): product of base^(p/q)
Term = tuple[Root, Fraction]
_UNIT: Root = (1, ())


class ArithmeticFailure(ValueError):
    """An operation without an exact result here; the message is meant for the user."""


@dataclass(frozen=True, slots=True, eq=False)
class Radical:
    """An irrational real: a sum of rational coefficients times roots, no two roots alike.

    Build one with the functions of this module only.  It equals another ``Radical`` exactly when
    the values are equal, however they were reached, and never equals a ``Fraction``.  ``<`` is
    not defined: use ``compare``.
    """

    terms: tuple[Term, ...]

    def __eq__(self, other: object) -> bool:
        """Compare by value."""
        if not isinstance(other, Radical):
            return NotImplemented
        return self.terms == other.terms or compare(self, other) == 0

    def __hash__(self) -> int:
        """Hash the value, not the way it is written."""
        return hash(floor(_scaled(self, 1 << 32)))


Number = Fraction | Radical


_SMALL = 1 << 64
"""Far below every limit: what most numbers are."""


def _terms(a: Number) -> tuple[Term, ...]:
    return a.terms if isinstance(a, Radical) else ((_UNIT, a),)


def _scaled(a: Number, factor: Fraction | int) -> Number:
    """Multiply by a nonzero rational, without checking limits."""
    if isinstance(a, Radical):
        return Radical(tuple((root, c * factor) for root, c in a.terms))
    return a * factor


def _checked(a: Number) -> Number:
    """Return ``a``; raise ArithmeticFailure if it is over a limit."""
    if isinstance(a, Fraction) and -_SMALL < a.numerator < _SMALL > a.denominator:
        return a
    terms = _terms(a)
    if len(terms) > MAX_TERMS:
        raise ArithmeticFailure(f"an irrational sum has more than {MAX_TERMS} terms")
    for _, c in terms:
        if max(c.numerator.bit_length(), c.denominator.bit_length()) > MAX_BITS:
            raise ArithmeticFailure(f"an exact number needs more than {MAX_BITS} bits")
    return a


def _integer_root(n: int, k: int) -> int:
    """Return floor(n ** (1 / k)) by bisection."""
    if k == 2:
        return isqrt(n)
    low, high = 1 << (n.bit_length() - 1) // k, 1 << -(-n.bit_length() // k)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**k <= n else (low, middle)
    return low


@lru_cache(maxsize=4096)
def _primitive(n: int) -> tuple[int, int]:
    """Return (r, k) with n = r ** k, n > 1 and k as large as possible."""
    exponent, k = 1, 2
    while k < n.bit_length():
        root = _integer_root(n, k) if all(k % j for j in range(2, isqrt(k) + 1)) else 1
        if root**k == n:
            n, exponent = root, exponent * k
        else:
            k += 1
    return n, exponent


def _refine(pairs: Iterable[tuple[int, Fraction]]) -> dict[int, Fraction]:
    """Rewrite a product of powers over pairwise coprime integers that are no perfect powers."""
    todo, done = list(pairs), dict[int, Fraction]()
    while todo:
        n, e = todo.pop()
        if n == 1 or not e:
            continue
        for m in done:
            if (g := gcd(m, n)) > 1:
                f = done.pop(m)
                todo += [(m // g, f), (g, e + f), (n // g, e)]
                break
        else:
            base, k = _primitive(n)
            done[base] = e * k
    return done


def _pairs(root: Root, exponent: Fraction) -> list[tuple[int, Fraction]]:
    return [(base, Fraction(p, root[0]) * exponent) for base, p in root[1]]


def _product(c: Fraction, pairs: Iterable[tuple[int, Fraction]]) -> Term:
    """Return c times a product of powers as one term; raise ArithmeticFailure over a limit."""
    powers = []
    for base, e in sorted(_refine(pairs).items()):
        whole = e.numerator // e.denominator
        c *= Fraction(base) ** whole
        if e != whole:
            powers.append((base, e - whole))
    q = lcm(*(e.denominator for _, e in powers))
    if q > MAX_DENOMINATOR:
        raise ArithmeticFailure(f"an exponent has a denominator above {MAX_DENOMINATOR}")
    if sum(base.bit_length() for base, _ in powers) > 2 * MAX_BITS:
        raise ArithmeticFailure(f"a radicand needs more than {2 * MAX_BITS} bits")
    return (q, tuple((base, int(e * q)) for base, e in powers)), c


@lru_cache(maxsize=4096)
def _ratio(a: Root, b: Root) -> Fraction | None:
    """Return a / b if it is rational, else None."""
    if a[0] != b[0]:  # q is the least exponent that makes a root rational: alike roots share it
        return None
    powers = _refine(_pairs(a, Fraction(1)) + _pairs(b, Fraction(-1)))
    if any(e.denominator > 1 for e in powers.values()):
        return None
    return prod((Fraction(n) ** int(e) for n, e in powers.items()), start=Fraction(1))


def _sum(terms: Iterable[Term]) -> Number:
    """Combine like terms without checking bits; raise ArithmeticFailure on far too many terms."""
    kept: list[Term] = []
    for root, c in terms:
        for i, (other, d) in enumerate(kept):
            ratio = Fraction(1) if root == other else _ratio(root, other)
            if ratio is not None:
                kept[i] = other, d + c * ratio
                break
        else:
            kept.append((root, c))
        if len(kept) > 2 * MAX_TERMS:
            raise ArithmeticFailure(f"an irrational sum has more than {MAX_TERMS} terms")
    kept = sorted(term for term in kept if term[1])
    if all(root == _UNIT for root, _ in kept):
        return kept[0][1] if kept else Fraction(0)
    return Radical(tuple(kept))


def add(a: Number, b: Number) -> Number:
    """Return a + b; raise ArithmeticFailure over MAX_BITS or MAX_TERMS."""
    if isinstance(a, Radical) or isinstance(b, Radical):
        return _checked(_sum(_terms(a) + _terms(b)))
    return _checked(a + b)


def negate(a: Number) -> Number:
    """Return -a."""
    return _scaled(a, -1)


def subtract(a: Number, b: Number) -> Number:
    """Return a - b; raise ArithmeticFailure over MAX_BITS or MAX_TERMS."""
    return add(a, negate(b))


def multiply(a: Number, b: Number) -> Number:
    """Return a * b; raise ArithmeticFailure if the result is over a limit of this module."""
    if not isinstance(b, Radical):
        return _checked(_scaled(a, b)) if b else Fraction(0)
    if not isinstance(a, Radical):
        return multiply(b, a)
    one = Fraction(1)
    products = (_product(c * d, _pairs(x, one) + _pairs(y, one)) for x, c in a.terms for y, d in b.terms)
    return _checked(_sum(products))


def divide(a: Number, b: Number) -> Number:
    """Return a / b; raise ArithmeticFailure if b is zero or a sum, or over a limit."""
    if isinstance(b, Radical):
        if len(b.terms) > 1:
            raise ArithmeticFailure("an irrational sum can be added, multiplied and compared, not divided by")
        return multiply(a, power(b, Fraction(-1)))
    if not b:
        raise ArithmeticFailure("division by zero")
    return multiply(a, 1 / b)


def power(base: Number, exponent: Number) -> Number:
    """Return base ^ exponent, the positive real root where the exponent is not whole.

    Raise ArithmeticFailure if the exponent is irrational, above MAX_EXPONENT in size or has a
    denominator above MAX_DENOMINATOR; on 0 to a power <= 0; on a base <= 0 to a power that is not
    whole; on a sum to a power that is not a whole number from 0 to MAX_SUM_POWER; over a limit.
    """
    if isinstance(exponent, Radical):
        raise ArithmeticFailure("an exponent must be rational")
    if abs(exponent) > MAX_EXPONENT:
        raise ArithmeticFailure(f"an exponent must be between -{MAX_EXPONENT} and {MAX_EXPONENT}")
    if exponent.denominator > MAX_DENOMINATOR:
        raise ArithmeticFailure(f"an exponent has a denominator above {MAX_DENOMINATOR}")
    if base == 0 and exponent <= 0:
        raise ArithmeticFailure("zero can only be raised to a power above zero")
    whole = exponent.denominator == 1
    if isinstance(base, Radical) and len(base.terms) > 1:
        if not whole or not 0 <= exponent <= MAX_SUM_POWER:
            limit = f"a whole power from 0 to {MAX_SUM_POWER}"
            raise ArithmeticFailure(f"an irrational sum can only be raised to {limit}")
        result: Number = Fraction(1)
        for _ in range(int(exponent)):
            result = multiply(result, base)
        return result
    ((root, c),) = _terms(base)
    if whole:
        return _checked(_sum([_product(c ** int(exponent), _pairs(root, exponent))]))
    if c <= 0:
        raise ArithmeticFailure("a base must be above zero when the exponent is not a whole number")
    pairs = [(c.numerator, exponent), (c.denominator, -exponent), *_pairs(root, exponent)]
    return _checked(_sum([_product(Fraction(1), pairs)]))


@lru_cache(maxsize=4096)
def _root_bounds(root: Root, digits: int) -> tuple[int, int]:
    """Return integers low <= root * 10 ** digits <= high, at most 3 apart.

    With B bits of bases in all there are n <= B / 2 bases, and s = log(root) < 0.7 B is a sum of
    positive parts.  ``decimal`` rounds ln and exp correctly; allowing u = 10^(1-P) relative error
    for each step at precision P, the computed s is off by at most s (n + 2) u, hence the
    exponential by a relative 1.1 (s (n + 2) + 1) u < 10^(9-P) for B <= 2 MAX_BITS = 8192.  With
    root < 10^whole and P = digits + whole + 10 the result is off by less than 10^-digits.
    """
    whole = sum(base.bit_length() for base, _ in root[1]) // 3 + 1
    prec = digits + whole + _GUARD
    context = Context(prec=prec, rounding=ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX)
    total = Decimal(0)
    for base, p in root[1]:
        total = context.add(total, context.multiply(Decimal(p), context.ln(Decimal(base))))
    value = context.exp(context.divide(total, Decimal(root[0])))
    nearest = int(value.scaleb(digits, context))
    return nearest - 1, nearest + 2


def _enclosure(a: Radical, digits: int) -> tuple[int, int]:
    """Return integers low <= a * 10 ** digits <= high."""
    low = high = 0
    for root, c in a.terms:
        bounds = _root_bounds(root, digits) if root[1] else (10**digits, 10**digits)
        n, d = c.numerator, c.denominator
        low += n * bounds[n < 0] // d
        high -= -n * bounds[n > 0] // d
    return low, high


def _precisions() -> Iterator[int]:
    """Yield doubling numbers of digits; raise ArithmeticFailure in place of one over the cap."""
    digits = _FIRST_DIGITS
    while digits <= _MAX_DIGITS:
        yield digits
        digits *= 2
    raise ArithmeticFailure(f"two numbers agree to {digits // 2} digits: too close to compare")


def _sign_in_integers(a: Radical) -> int:
    """Return the sign of ``rational + coefficient * root`` by integer powers; 0 if too large."""
    (unit, rational), (root, c) = a.terms[0], a.terms[-1]
    ratio, q = abs(c / rational), root[0]
    size = max(ratio.numerator, ratio.denominator).bit_length()
    size += sum(base.bit_length() for base, _ in root[1])
    if unit != _UNIT or len(a.terms) != 2 or q * size > _INTEGER_BITS:
        return 0
    left = ratio.numerator**q * prod(base**p for base, p in root[1])
    leader = c if left > ratio.denominator**q else rational
    return 1 if leader > 0 else -1


def sign(a: Number) -> int:
    """Return -1, 0 or 1, exactly; raise ArithmeticFailure only if 10,000 digits do not decide."""
    if not isinstance(a, Radical):
        return (a > 0) - (a < 0)
    if len({c > 0 for _, c in a.terms}) == 1:
        return 1 if a.terms[0][1] > 0 else -1
    for digits in _precisions():
        low, high = _enclosure(a, digits)
        if low >= 0 or high <= 0:
            return 1 if low >= 0 else -1
        if digits == _INTEGER_DIGITS and (decided := _sign_in_integers(a)):
            return decided
    raise AssertionError("unreachable: _precisions raises")


def compare(a: Number, b: Number) -> int:
    """Return the sign of a - b, whatever its size; raise as ``sign`` does."""
    if isinstance(a, Radical) or isinstance(b, Radical):
        return sign(_sum(_terms(a) + _terms(negate(b))))
    difference = a.numerator * b.denominator - b.numerator * a.denominator
    return (difference > 0) - (difference < 0)


def floor(a: Number) -> int:
    """Return the largest integer <= a; raise as ``sign`` does."""
    if not isinstance(a, Radical):
        return a.numerator // a.denominator
    for digits in _precisions():
        low, high = _enclosure(a, digits)
        scale: int = 10**digits
        if high - low < scale:
            n = high // scale
            return n if low >= n * scale or compare(a, Fraction(n)) > 0 else n - 1
    raise AssertionError("unreachable: _precisions raises")


def ceil(a: Number) -> int:
    """Return the smallest integer >= a; raise as ``sign`` does."""
    if isinstance(a, Radical):
        return floor(a) + 1
    return -(-a.numerator // a.denominator)


def truncate(a: Number) -> int:
    """Return the integer part of a, towards zero; raise as ``sign`` does."""
    return floor(a) if sign(a) >= 0 else ceil(a)


def round_half_up(a: Number) -> int:
    """Return floor(a + 1/2); raise as ``sign`` does."""
    if isinstance(a, Radical):
        return floor(_sum((*a.terms, (_UNIT, Fraction(1, 2)))))
    return (2 * a.numerator + a.denominator) // (2 * a.denominator)


def round_half_even(a: Number) -> int:
    """Return the nearest integer, the even one at a tie; raise as ``sign`` does."""
    return round_half_up(a) if isinstance(a, Radical) else round(a)


def to_multiple(x: Number, m: Number | int, floor_share: Number | None = None) -> int:
    """Return m * floor(x / m + 1/2), one m more if that is below floor_share * x.

    Zero is possible: there is no minimum.  Raise ArithmeticFailure if m is not a positive whole
    number, or over a limit.
    """
    if isinstance(m, Radical) or m <= 0 or m.denominator != 1:
        raise ArithmeticFailure("a multiple must be a positive whole number")
    result = int(m) * round_half_up(multiply(x, Fraction(1, int(m))))
    if floor_share is not None and compare(Fraction(result), multiply(x, floor_share)) < 0:
        result += int(m)
    return result


def minimum(*xs: Number) -> Number:
    """Return the first smallest number; raise ArithmeticFailure if there is none."""
    if not xs:
        raise ArithmeticFailure("the minimum of no numbers")
    return min(xs, key=cmp_to_key(compare))


def maximum(*xs: Number) -> Number:
    """Return the first largest number; raise ArithmeticFailure if there is none."""
    if not xs:
        raise ArithmeticFailure("the maximum of no numbers")
    return max(xs, key=cmp_to_key(compare))


def parse_decimal(text: str) -> Fraction:
    """Read ``12``, ``0.25`` or ``1_000``.

    Raise ArithmeticFailure on anything else (sign, exponent, leading zero, digits that are not
    ASCII) and on more than MAX_LITERAL_DIGITS digits.
    """
    if not _LITERAL.fullmatch(text):
        raise ArithmeticFailure(f"not a decimal number: {text[:40]!r}")
    if sum(c.isdigit() for c in text) > MAX_LITERAL_DIGITS:
        raise ArithmeticFailure(f"a number has more than {MAX_LITERAL_DIGITS} digits")
    return Fraction(text.replace("_", ""))


def show(a: Number, digits: int = 6) -> str:
    """Write a number for a message, rounded half-even to ``digits`` >= 1 decimals.

    An integer, or a decimal that fits, is exact.  A number that would round to 0 gets more
    decimals, a multiple of ``digits``, until it does not.  Raise as ``sign`` does.
    """
    if not isinstance(a, Radical) and a.denominator == 1:
        return str(a.numerator)
    places = digits
    while not (scaled := round_half_even(_scaled(a, 10**places))):
        places += digits
    whole, part = divmod(abs(scaled), 10**places)
    text = f"{whole}.{part:0{places}d}".rstrip("0").rstrip(".")
    return f"-{text}" if scaled < 0 else text


def approximate(a: Number) -> float:
    """Return a float near a, for reports only, never for a decision; infinite if too large.

    Deterministic: the value is taken to 25 digits or more first.  Raise as ``sign`` does.
    """
    context = Context(prec=40, rounding=ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX)
    if not isinstance(a, Radical):
        return float(context.divide(Decimal(a.numerator), Decimal(a.denominator)))
    for digits in _precisions():
        low, high = _enclosure(a, digits)
        if (high - low) * 10**25 < abs(low):
            return float(context.plus(Decimal(low)).scaleb(-digits, context))
    raise AssertionError("unreachable: _precisions raises")
