"""Warns during compilation if cost does not grow with φ as the paper's rule promises.

The other warnings are in `lint`, for `scalec check`.
"""

from fractions import Fraction

from scalec.cost.count import cost
from scalec.diagnostics.diagnostic import Diagnostic, Label
from scalec.language import exact
from scalec.language.exact import Number
from scalec.network.network import Network

FAR = Fraction(1, 4)
"""How far from 2^φ the growth of FLOPS may be before it is worth a warning."""


def growth_warning(network: Network, baseline: Network, phi: Fraction) -> list[Diagnostic]:
    """Warn where FLOPS do not grow by about 2^φ though d·w²·r², as the paper wants it, does."""
    base, nominal = cost(baseline).macs, growth(*(network.number(key) for key in "dwr"))
    if not base or nominal is None or not promises(nominal, phi):
        return []
    realised, promised = Fraction(cost(network).macs, base), exact.power(Fraction(2), phi)
    if not far(realised, phi):
        return []
    name = network.program.network.name
    message = f"at φ = {exact.show(phi)} FLOPS grow by {exact.show(realised, 3)}, and 2^φ is {exact.show(promised, 3)}"
    notes = ("`scalec cost --phi` says which rounding does it, `--true` moves d, w and r until they keep the promise",)
    helped = "`require FLOPS ≈ 2^φ · baseline.FLOPS ± 25%` makes this an error"
    return [Diagnostic("W401", message, Label(name.span), notes=notes, help=helped, severity="warning")]


def growth(d: Number | None, w: Number | None, r: Number | None) -> Number | None:
    """Return d·w²·r², or None where one of them is not there."""
    return None if d is None or w is None or r is None else product(d, w, r)


def product(d: Number, w: Number, r: Number) -> Number:
    """Return d·w²·r², the growth of FLOPS that the paper's rule promises."""
    area = exact.multiply(w, r)
    return exact.multiply(d, exact.multiply(area, area))


def promises(nominal: Number, phi: Fraction) -> bool:
    """Return whether d·w²·r² is between 1.8^φ and 2.2^φ: whether the spec scales as Section 3.3 says."""
    ends = [exact.power(Fraction(base, 10), phi) for base in (18, 22)]
    return exact.compare(exact.minimum(*ends), nominal) <= 0 <= exact.compare(exact.maximum(*ends), nominal)


def far(realised: Fraction, phi: Fraction) -> bool:
    """Return whether a growth is more than a quarter from 2^φ."""
    ratio = exact.divide(realised, exact.power(Fraction(2), phi))
    return exact.compare(ratio, 1 + FAR) > 0 or exact.compare(ratio, 1 - FAR) < 0
