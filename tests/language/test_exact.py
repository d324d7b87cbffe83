"""Tests of ``scalec.exact``: rounding decisions against an integer-only oracle, and properties."""

from fractions import Fraction
from functools import cmp_to_key
from itertools import pairwise
from math import gcd

import mpmath
import pytest
from hypothesis import strategies as st

from scalec.language import exact
from scalec.language.exact import (
    ArithmeticFailure,
    Number,
    Radical,
    add,
    approximate,
    ceil,
    compare,
    divide,
    floor,
    maximum,
    minimum,
    multiply,
    negate,
    parse_decimal,
    power,
    round_half_even,
    round_half_up,
    show,
    sign,
    subtract,
    to_multiple,
    truncate,
)
from strategies import examples

F = Fraction
HALF = F(1, 2)
SQRT2, SQRT3 = power(F(2), HALF), power(F(3), HALF)

# ---------------------------------------------------------------- millions of rounding decisions

ODD_PHIS = [F(p, q) for p, q in ((1, 3), (7, 12), (22, 7), (5, 16), (13, 6), (-1, 2), (-7, 10))]
ODD_PHIS += [F(p, q) for p, q in ((-1, 1), (-2, 1), (-3, 1), (-13, 6), (-1, 3), (-5, 2), (-9, 10))]
PHIS = [F(i, 10) for i in range(101)] + ODD_PHIS
LONGEST = 1600


class Oracle:
    """Checks decisions about x = (a/100)^phi * size in integers: x^q = size^q * num / den."""

    def __init__(self, a: int, phi: Fraction) -> None:
        p, self.q = abs(phi.numerator), phi.denominator
        self.num, self.den = (a**p, 100**p) if phi >= 0 else (100**p, a**p)
        common = gcd(self.num, self.den)
        self.num, self.den = self.num // common, self.den // common

    def against(self, power_of_size: int, top: int, bottom: int = 1) -> int:
        """Sign of x - top/bottom, for top >= 0."""
        left: int = power_of_size * self.num * bottom**self.q
        right: int = top**self.q * self.den
        return (left > right) - (left < right)

    def ceil_is(self, power_of_size: int, n: int) -> tuple[bool, bool]:
        """(n is right, x is a tie)."""
        upper = self.against(power_of_size, n)
        return n >= 1 and upper <= 0 < self.against(power_of_size, n - 1), upper == 0

    def half_up_is(self, power_of_size: int, n: int) -> tuple[bool, bool]:
        """(n is right, x is half way)."""
        if n == 0:
            return self.against(power_of_size, 1, 2) < 0, False
        lower = self.against(power_of_size, 2 * n - 1, 2)
        return n > 0 and lower >= 0 > self.against(power_of_size, 2 * n + 1, 2), lower == 0

    def eights_is(self, power_of_size: int, n: int) -> tuple[bool, bool]:
        """(n is right for multiples of 8 and at least 90%, x is at one of the two borders)."""
        k, rest = divmod(n, 8)
        if rest or k < 0:
            return False, False
        border = k > 0 and self.against(power_of_size, 8 * k - 4) == 0
        share = self.against(power_of_size, 80 * k, 9)
        nearest = k == 0 or self.against(power_of_size, 8 * k - 4) >= 0
        nearest = nearest and self.against(power_of_size, 8 * k + 4) < 0
        if nearest:
            return share <= 0, border or share == 0
        one_more = k == 1 or (k > 1 and self.against(power_of_size, 8 * k - 12) >= 0)
        one_more = one_more and self.against(power_of_size, 8 * k - 4) < 0
        return one_more and self.against(power_of_size, 80 * (k - 1), 9) > 0, False


def test_the_oracle_rejects_wrong_decisions() -> None:
    oracle = Oracle(110, F(1))  # x = 55, 5.5, 33
    assert [n for n in range(100) if oracle.ceil_is(50, n)[0]] == [55]
    assert [n for n in range(100) if oracle.half_up_is(5, n)[0]] == [6]
    assert [n for n in range(100) if oracle.eights_is(30, n)[0]] == [32]
    assert oracle.ceil_is(50, 55) == (True, True)
    assert oracle.half_up_is(5, 6) == (True, True)
    assert Oracle(100, F(1)).eights_is(36, 40) == (True, True)  # 36 is half way
    assert Oracle(100, F(1)).eights_is(80, 72) == (False, False)
    assert Oracle(100, F(1)).eights_is(19, 24) == (True, False)  # 16 would be below 90%


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_two_million_decisions(every: int) -> None:
    """Each α from 1 to 2 by hundredths with each φ; by default a seventh of them."""
    sizes = [F(n) for n in range(LONGEST + 1)]
    powers = {q: [n**q for n in range(LONGEST + 1)] for q in {phi.denominator for phi in PHIS}}
    share = F(9, 10)
    decisions = 0
    ties = {"ceil": 0, "half up": 0, "eights": 0}
    turn = 0
    for a in range(100, 201):
        for phi in PHIS:
            turn += 1
            if turn % every:
                continue
            oracle, table = Oracle(a, phi), powers[phi.denominator]
            scale = power(F(a, 100), phi)
            counted = a > 100 and phi != 0  # x = size is a tie of no interest
            start = 1 + turn * 37 % (LONGEST - 121)
            for n in range(start, start + 120):
                ok, tie = oracle.ceil_is(table[n], ceil(multiply(scale, sizes[n])))
                assert ok, ("ceil", a, phi, n)
                ties["ceil"] += tie and counted
            for n in range(start % 50 + 1, LONGEST, 44):
                ok, tie = oracle.half_up_is(table[n], round_half_up(multiply(scale, sizes[n])))
                assert ok, ("half up", a, phi, n)
                ties["half up"] += tie and counted
                decisions += 1
            for n in range(start % 100 + 1, LONGEST, 80):
                ok, tie = oracle.eights_is(table[n], to_multiple(multiply(scale, sizes[n]), 8, share))
                assert ok, ("eights", a, phi, n)
                ties["eights"] += tie and counted
                decisions += 1
            decisions += 120
    assert decisions >= 2_000_000 // every
    assert all(ties[each] * every >= least for each, least in {"ceil": 500, "half up": 100, "eights": 20}.items()), ties


@pytest.mark.parametrize("phi", [F(355, 113), F(-17, 97), F(1, 1000), F(3141, 1000), F(7, 9999)])
def test_decisions_with_large_denominators(phi: Fraction) -> None:
    for a in (101, 113, 144, 150, 200):
        oracle, scale = Oracle(a, phi), power(F(a, 100), phi)
        for n in (1, 25, 600):
            size = n**phi.denominator
            assert oracle.ceil_is(size, ceil(multiply(scale, F(n))))[0]
            assert oracle.half_up_is(size, round_half_up(multiply(scale, F(n))))[0]


def exact_root(n: int, q: int) -> int | None:
    """The integer q-th root of n if there is one, by bisection."""
    low, high = 1, 1 << (n.bit_length() // q + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**q < n else (low, middle)
    return low if low**q == n else None


def test_a_power_is_a_fraction_exactly_when_it_is_rational() -> None:
    rational = 0
    for a in range(100, 201):
        for phi in PHIS:
            oracle, value = Oracle(a, phi), power(F(a, 100), phi)
            top, bottom = exact_root(oracle.num, oracle.q), exact_root(oracle.den, oracle.q)
            if top is not None and bottom is not None:
                assert type(value) is Fraction and value == F(top, bottom)
                rational += phi.denominator > 1 and a > 100
            else:
                assert isinstance(value, Radical)
    assert rational >= 30


@pytest.mark.parametrize(
    ("rounding", "size", "base", "exponent", "expected"),
    [
        (ceil, 50, "1.1", 1, 55),
        (ceil, 25, "1.12", 1, 28),
        (ceil, 25, "1.6", 2, 64),
        (ceil, 25, "2.2", 1, 55),
        (floor, 300, "1.13", 1, 339),
        (floor, 380, "1.15", 1, 437),
        (ceil, 600, "1.1", 2, 726),
    ],
)
def test_products_that_floats_round_wrongly(rounding, size, base, exponent, expected) -> None:  # type: ignore[no-untyped-def]
    scale = power(parse_decimal(base), F(exponent))
    assert rounding(multiply(F(size), scale)) == expected
    root = power(power(parse_decimal(base), F(exponent, 7)), F(7))  # the same through a radical
    assert rounding(multiply(root, F(size))) == expected


# ---------------------------------------------------------------- properties

fractions = st.fractions(-30, 30, max_denominator=60)
positive = st.fractions(F(1, 60), 60, max_denominator=60)
exponents = st.builds(F, st.integers(-5, 5), st.integers(1, 6))


@st.composite
def numbers(draw: st.DrawFn, most: int = 3) -> Number:
    """Sums of at most ``most`` scaled roots, over few bases so that like terms meet."""
    total: Number = draw(fractions)
    for _ in range(draw(st.integers(0, most))):
        base = draw(st.sampled_from([F(n, 100) for n in (200, 300, 500, 600, 800, 1200, 144, 113)]))
        exponent = draw(st.sampled_from([F(1, 2), F(3, 2), F(-1, 2), F(1, 3), F(2, 3), F(7, 10)]))
        total = add(total, multiply(draw(fractions), power(base, exponent)))
    return total


def high_precision(a: Number) -> mpmath.mpf:
    """The value to 60 digits, computed by mpmath from the terms."""
    terms = a.terms if isinstance(a, Radical) else (((1, ()), a),)
    total = mpmath.mpf(0)
    for (q, bases), c in terms:
        value = mpmath.mpf(c.numerator) / c.denominator
        for base, p in bases:
            value *= mpmath.power(base, mpmath.mpf(p) / q)
        total += value
    return total


def expected_sign(value: mpmath.mpf) -> int:
    return 0 if abs(value) < mpmath.mpf(10) ** -45 else int(mpmath.sign(value))


@pytest.fixture(autouse=True, scope="module")
def _sixty_digits():  # type: ignore[no-untyped-def]
    with mpmath.workdps(70):
        yield


@examples(100, numbers(2), numbers(1), numbers(1))
def test_ring_identities(a: Number, b: Number, c: Number) -> None:
    assert add(a, b) == add(b, a)
    assert hash(add(a, b)) == hash(add(b, a))
    assert add(add(a, b), c) == add(a, add(b, c))
    assert multiply(a, b) == multiply(b, a)
    assert multiply(a, add(b, c)) == add(multiply(a, b), multiply(a, c))
    assert subtract(a, a) == 0 and add(a, negate(a)) == 0
    assert add(subtract(a, b), b) == a
    assert multiply(a, F(1)) == a and multiply(a, F(0)) == 0 and add(a, F(0)) == a
    difference = multiply(add(a, b), subtract(a, b))
    assert difference == subtract(multiply(a, a), multiply(b, b))


@examples(100, numbers(), numbers())
def test_values_agree_with_mpmath(a: Number, b: Number) -> None:
    x, y = high_precision(a), high_precision(b)
    assert expected_sign(high_precision(add(a, b)) - (x + y)) == 0
    assert expected_sign(high_precision(subtract(a, b)) - (x - y)) == 0
    assert expected_sign(high_precision(multiply(a, b)) - x * y) == 0
    assert compare(a, b) == expected_sign(x - y) == sign(subtract(a, b))
    assert (compare(a, b) == 0) == (a == b)
    assert approximate(a) == pytest.approx(float(x), rel=1e-14, abs=0)


@examples(100, positive, exponents, exponents, positive)
def test_powers(base: Fraction, s: Fraction, t: Fraction, other: Fraction) -> None:
    root = power(base, s)
    want = mpmath.power(mpmath.mpf(base.numerator) / base.denominator, mpmath.mpf(s.numerator) / s.denominator)
    assert abs(high_precision(root) / want - 1) < mpmath.mpf(10) ** -50
    assert multiply(root, power(base, t)) == power(base, s + t)
    assert multiply(root, power(other, s)) == power(base * other, s)
    assert power(root, t) == power(base, s * t)
    assert power(root, F(1)) == root
    if s:
        assert power(root, 1 / s) == base
    assert multiply(root, power(base, -s)) == 1 == divide(root, root)
    assert divide(power(other, t), root) == multiply(power(other, t), power(root, F(-1)))


@examples(100, numbers())
def test_results_are_normalised(a: Number) -> None:
    for value in (a, add(a, a), multiply(a, a), negate(a)):
        if isinstance(value, Radical):
            assert all(c != 0 for _, c in value.terms)
            assert any(bases for (_, bases), _ in value.terms)
            for (q, bases), _ in value.terms:
                assert gcd(q, *(p for _, p in bases)) == 1
                assert all(base > 1 and 0 < p < q for base, p in bases)
                assert all(gcd(x, y) == 1 for (x, _), (y, _) in pairwise(bases))
        else:
            assert type(value) is Fraction


@examples(100, st.lists(numbers(), min_size=1, max_size=6))
def test_compare_is_a_total_order(xs: list[Number]) -> None:
    ordered = sorted(xs, key=cmp_to_key(compare))
    for i, a in enumerate(ordered):
        for b in ordered[i:]:
            assert compare(a, b) <= 0 <= compare(b, a)
            assert compare(a, b) == -compare(b, a)
    assert minimum(*xs) == ordered[0] and maximum(*xs) == ordered[-1]


@examples(100, numbers(), st.integers(1, 40))
def test_roundings_bracket_the_number(a: Number, m: int) -> None:
    low, high = floor(a), ceil(a)
    assert compare(F(low), a) <= 0 < compare(F(low + 1), a)
    assert high == low + (compare(F(low), a) != 0)
    assert truncate(a) == (low if sign(a) >= 0 else high)
    assert negate(a) == 0 or floor(negate(a)) == -high
    up, even = round_half_up(a), round_half_even(a)
    assert compare(F(2 * up - 1, 2), a) <= 0 < compare(F(2 * up + 1, 2), a)
    assert even == up or (a == F(2 * up - 1, 2) and even % 2 == 0 and even == up - 1)
    multiple = to_multiple(a, m)
    assert multiple % m == 0
    assert compare(F(2 * multiple - m, 2), a) <= 0 < compare(F(2 * multiple + m, 2), a)
    assert to_multiple(a, F(m), F(9, 10)) in (multiple, multiple + m)


@examples(100, numbers())
def test_show_is_within_half_a_unit(a: Number) -> None:
    text = show(a)
    shown = F(text)
    places = len(text.partition(".")[2])
    assert "e" not in text and not text.endswith(".")
    assert places == 0 or text[-1] != "0"
    unit = F(1, 2 * 10 ** max(6, places))
    assert compare(subtract(a, shown), unit) <= 0 <= compare(subtract(a, shown), -unit)


@examples(100, st.integers(0, 10**9), st.integers(0, 999_999))
def test_literals_round_trip(whole: int, part: int) -> None:
    text = f"{whole}.{part:06d}"
    assert parse_decimal(text) == F(whole * 10**6 + part, 10**6)
    assert parse_decimal(show(parse_decimal(text))) == parse_decimal(text)
    assert parse_decimal(f"{whole:_}") == whole


# ---------------------------------------------------------------- equality and near ties


def test_rational_results_come_back_as_fractions() -> None:
    for value, expected in [
        (power(F(36, 25), HALF), F(6, 5)),
        (multiply(SQRT2, power(F(8), HALF)), F(4)),
        (subtract(SQRT2, SQRT2), F(0)),
        (power(SQRT2, F(4)), F(4)),
        (divide(power(F(12), HALF), SQRT3), F(2)),
        (multiply(add(SQRT2, F(1)), subtract(SQRT2, F(1))), F(1)),
        (power(F(2**60), F(7, 60)), F(128)),
        (power(add(SQRT2, F(1)), F(0)), F(1)),
    ]:
        assert type(value) is Fraction and value == expected


def test_equal_values_written_differently_are_equal_and_hash_alike() -> None:
    six = power(F(6), HALF)
    product = multiply(SQRT2, SQRT3)
    assert six == product and hash(six) == hash(product) and len({six, product}) == 1
    twelve = power(F(12), HALF)
    assert twelve == multiply(SQRT3, F(2)) and hash(twelve) == hash(multiply(F(2), SQRT3))
    assert subtract(six, product) == 0 and subtract(add(six, F(1)), product) == 1
    assert power(add(SQRT2, SQRT3), F(2)) == add(F(5), multiply(F(2), six))
    assert SQRT2 != SQRT3 and F(7, 5) != SQRT2 and SQRT2 != "text"


@pytest.mark.parametrize("steps", [20, 21, 60, 61, 300, 301, 1500])
def test_convergents_of_the_square_root_of_two(steps: int) -> None:
    h, k = 1, 1
    for _ in range(steps):
        h, k = h + 2 * k, h + k
    side = 1 if 2 * k * k > h * h else -1  # 2 k^2 - h^2 is 1 or -1
    assert compare(SQRT2, F(h, k)) == side == -compare(F(h, k), SQRT2)
    assert floor(multiply(SQRT2, F(k))) == (h if side > 0 else h - 1)
    assert compare(negate(SQRT2), F(-h, k)) == -side
    assert compare(multiply(SQRT3, SQRT2), multiply(SQRT3, F(h, k))) == side


def test_a_near_tie_too_large_for_integers() -> None:
    with mpmath.workdps(700):
        near = int(mpmath.floor(mpmath.power(2, mpmath.mpf(1) / 9999) * mpmath.mpf(10) ** 600))
    root = power(F(2), F(1, 9999))
    assert compare(root, F(near, 10**600)) == 1
    assert compare(root, F(near + 1, 10**600)) == -1
    assert floor(multiply(root, F(10**600))) == near


def test_near_ties_between_sums() -> None:
    n = 10**60
    outer = add(power(F(n), F(1, 3)), power(F(n + 2), HALF))
    assert compare(outer, add(F(10**20), power(F(n + 1), HALF))) == 1
    x, y, z = (power(F(n + i), HALF) for i in (1, 2, 3))
    assert compare(add(x, z), multiply(F(2), y)) == -1  # concave, by 10^-91
    assert compare(add(x, y), add(y, x)) == 0


# ---------------------------------------------------------------- limits, errors, text

BIG = F(2**4095)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: divide(F(1), F(0)), "^division by zero$"),
        (lambda: divide(SQRT2, F(0)), "^division by zero$"),
        (lambda: divide(F(1), add(SQRT2, F(1))), "added, multiplied and compared, not divided by"),
        (lambda: power(F(2), SQRT2), "exponent must be rational"),
        (lambda: power(F(2), F(33)), "between -32 and 32"),
        (lambda: power(F(2), F(-65, 2)), "between -32 and 32"),
        (lambda: power(F(2), F(1, 10_001)), "denominator above 10000"),
        (lambda: power(power(F(2), F(1, 101)), F(1, 100)), "denominator above 10000"),
        (lambda: multiply(power(F(2), F(1, 9999)), power(F(3), F(1, 9998))), "above 10000"),
        (lambda: power(F(0), F(0)), "power above zero"),
        (lambda: power(F(0), F(-1)), "power above zero"),
        (lambda: power(F(0), HALF), "base must be above zero"),
        (lambda: power(F(-2), HALF), "base must be above zero"),
        (lambda: power(negate(SQRT2), HALF), "base must be above zero"),
        (lambda: power(add(SQRT2, F(1)), HALF), "whole power from 0 to 8"),
        (lambda: power(add(SQRT2, F(1)), F(-1)), "whole power from 0 to 8"),
        (lambda: power(add(SQRT2, F(1)), F(9)), "whole power from 0 to 8"),
        (lambda: add(BIG, BIG), "4096 bits"),
        (lambda: subtract(BIG, -BIG), "4096 bits"),
        (lambda: multiply(BIG, F(2)), "4096 bits"),
        (lambda: divide(F(1, 2**4095), F(2)), "4096 bits"),
        (lambda: power(BIG, F(2)), "4096 bits"),
        (lambda: power(F(2**200 + 1), F(63, 2)), "4096 bits"),
        (lambda: multiply(multiply(SQRT2, BIG), F(2)), "4096 bits"),
        (lambda: to_multiple(F(1), F(0)), "positive whole number"),
        (lambda: to_multiple(F(1), -8), "positive whole number"),
        (lambda: to_multiple(F(1), F(5, 2)), "positive whole number"),
        (minimum, "no numbers"),
        (maximum, "no numbers"),
    ],
)
def test_failures(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ArithmeticFailure, match=message) as caught:
        call()
    text = str(caught.value)
    assert text[0].islower() and not text.endswith(".")


def test_too_many_terms_and_too_large_a_radicand() -> None:
    primes = [n for n in range(2, 100) if all(n % k for k in range(2, n))]
    total: Number = F(0)
    for prime in primes[:16]:
        total = add(total, power(F(prime), HALF))
    assert isinstance(total, Radical) and len(total.terms) == 16
    with pytest.raises(ArithmeticFailure, match="more than 16 terms"):
        add(total, F(1))
    with pytest.raises(ArithmeticFailure, match="more than 16 terms"):
        power(total, F(2))
    assert compare(total, F(floor(total))) == 1
    wide = multiply(power(F(2**4095 + 1), F(1, 3)), power(F(3**2500 + 2), F(1, 5)))
    assert compare(wide, F(1)) == 1
    with pytest.raises(ArithmeticFailure, match="radicand needs more than 8192 bits"):
        multiply(wide, power(F(5**1700 + 4), F(1, 7)))


def test_a_comparison_beyond_the_cap_fails_rather_than_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exact, "_MAX_DIGITS", 80)
    n = 10**70
    x, y, z = (power(F(n + i), HALF) for i in (1, 2, 3))
    with pytest.raises(ArithmeticFailure, match="agree to 80 digits"):
        compare(add(x, z), multiply(F(2), y))


def test_comparisons_are_exempt_from_the_bit_limit() -> None:
    assert compare(multiply(SQRT2, F(1, 2**4095)), multiply(SQRT2, F(1, 3**2580))) != 0
    assert compare(multiply(SQRT2, BIG), F(1)) == 1
    assert ceil(multiply(SQRT2, BIG)).bit_length() == 4096
    assert sign(power(F(2), F(31, 9973))) == 1


def test_halves() -> None:
    halves = [F(n, 2) for n in (-5, -3, -1, 1, 3, 5)]
    assert [round_half_up(x) for x in halves] == [-2, -1, 0, 1, 2, 3]
    assert [round_half_even(x) for x in halves] == [-2, -2, 0, 0, 2, 2]
    assert [truncate(x) for x in halves] == [-2, -1, 0, 0, 1, 2]
    assert [truncate(x) for x in (SQRT3, negate(SQRT3))] == [1, -1]


def test_multiples() -> None:
    assert [to_multiple(F(x), 8) for x in (0, 3, 4, 11, 12, 20)] == [0, 0, 8, 8, 16, 24]
    assert [to_multiple(F(x), 8, F(9, 10)) for x in (3, 11, 19, 80)] == [8, 16, 24, 80]
    assert to_multiple(F(80, 9), 8, F(9, 10)) == 8 and to_multiple(F(10), 9, F(9, 10)) == 9
    assert to_multiple(multiply(SQRT2, F(100)), 8) == 144
    assert to_multiple(multiply(SQRT2, F(8)), 8, F(9, 10)) == 16  # 11.3 rounds to 8, below 90%


def test_extremes_keep_the_first_of_equals() -> None:
    assert minimum(SQRT3, SQRT2, F(3, 2)) is SQRT2
    assert maximum(SQRT2, F(3, 2), SQRT3) is SQRT3


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", F(12)), ("0.25", F(1, 4)), ("1_000", F(1000)), ("0", F(0)), ("0.10", F(1, 10))]
    + [("1" * 19, F(int("1" * 19))), ("1_0.5_0", F(21, 2))],
)
def test_literals(text: str, value: Fraction) -> None:
    assert parse_decimal(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "007",
        "00",
        "1e3",
        "-1",
        "+1",
        ".5",
        "1.",
        "1__0",
        "_1",
        "1_",
        "1._5",
        "1.5_",
        " 1",
        "1\n",
    ]
    + ["1" * 20, "0." + "1" * 19, "١٢", "1/2", "0x1", "nan", "1.2.3", "0_1", "²"],
)
def test_malformed_literals(text: str) -> None:
    with pytest.raises(ArithmeticFailure):
        parse_decimal(text)


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [
        (F(5), 6, "5"),
        (F(-5), 6, "-5"),
        (F(0), 6, "0"),
        (F(1, 4), 6, "0.25"),
        (F(-1, 64), 6, "-0.015625"),
        (F(1, 3), 6, "0.333333"),
        (F(2, 3), 3, "0.667"),
        (F(29999999, 10**7), 6, "3"),
        (F(1, 10**9), 6, "0.000000001"),
        (SQRT2, 6, "1.414214"),
        (negate(SQRT2), 2, "-1.41"),
        (add(SQRT2, SQRT3), 20, "3.14626436994197234233"),
    ],
)
def test_show(number: Number, digits: int, text: str) -> None:
    assert show(number, digits) == text


def test_approximate() -> None:
    assert approximate(SQRT2) == 2**0.5 and approximate(F(1, 3)) == 1 / 3
    assert approximate(multiply(SQRT2, BIG)) == float("inf") == approximate(BIG)
    assert approximate(multiply(SQRT2, F(1, 10**200))) == pytest.approx(2**0.5 * 1e-200)
