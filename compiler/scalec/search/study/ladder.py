"""Chooses the networks of a study: for each way to scale, those nearest to a few multiples of the FLOPS.

Growth is computed from the real network: its FLOPS divided by those of the network with d = w = r = 1. The
requirements of the spec are not checked, because these networks are only compared, and most of them are not on the
spec's own path.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import log

from scalec.compiler import Loaded
from scalec.cost.compiled import Compiled
from scalec.program.evaluate import Value
from scalec.program.setting import Setting
from scalec.record import unique
from scalec.search.candidates import point_of, shown
from scalec.search.engine import Point
from scalec.solve.cost_table import NetworkTally, Tally

STEP = Fraction(1, 100)
"""Values are tried in such steps: two decimals."""
MOST = 64
"""No dimension is tried beyond so many times its baseline, and no φ beyond."""
At = tuple[tuple[str, Fraction], ...]
"""Lets, or φ, and what they are."""
SHARES: Mapping[str, Mapping[str, Fraction]] = {
    "d": {"d": Fraction(1)},
    "w": {"w": Fraction(1)},
    "r": {"r": Fraction(1)},
    "w = r": {"w": Fraction(1, 2), "r": Fraction(1, 2)},
    "d = w² = r²": {"d": Fraction(1, 3), "w": Fraction(1, 3), "r": Fraction(1, 3)},
}
"""Ways to scale: each dimension's share in the growth d · w² · r², as an exponent of it."""
COMPOUND = "α, β, γ"
"""The spec's own way: along φ."""
POWER = {"d": 1, "w": 2, "r": 2}


@unique
class Rung:
    """A network on the way up: where, what it costs, and its growth."""

    at: At
    network: NetworkTally
    growth: Fraction

    @property
    def name(self) -> str:
        """Return where it is in words."""
        return ", ".join(f"{'φ' if name == 'phi' else name} = {shown(value)}" for name, value in self.at)


class Ladder:
    """Finds the networks of one spec, and keeps one of each: equal whole numbers are one network."""

    def __init__(self, loaded: Loaded, base: Setting, pixels: Sequence[int] | None = None) -> None:
        """Start at d = w = r = 1, over what `base` sets. No image is larger than `pixels`: it would show no more."""
        self.loaded, self.base, self.pixels = loaded, base, pixels
        self.tally = Tally(loaded.program)
        self.rungs: dict[object, Rung] = {}
        first = self.tally.evaluate(self._setting(dict.fromkeys(POWER, Fraction(1))))
        self.flops = first.cost.macs
        self.bottom = self.rungs[first.model] = Rung(tuple((name, Fraction(1)) for name in POWER), first, Fraction(1))

    def climb(self, way: str, targets: Sequence[Fraction], under: Mapping[str, Fraction] | None = None) -> list[Rung]:
        """Return the network nearest to each growth, in logarithms, along a way, over fixed values of other lets.

        Networks too large for the data are none; and where two growths get the same network, it is there once.
        """
        most, found = max(targets), list[Rung]()
        tried = list(self._tried(way, most, under or {}))
        for target in targets:
            near = min(tried, key=lambda rung: (_far(rung.growth, target), len(rung.name), rung.at), default=None)
            if near is not None and near.growth > 1 and (kept := self._kept(near)) not in found:
                found.append(kept)
        return sorted(found, key=lambda rung: rung.growth)

    def rung(self, values: Mapping[str, Fraction]) -> Rung | None:
        """Return the network at some values, or None if there is none, or its image is too large."""
        found = self._rung(values)
        return self._kept(found) if isinstance(found, Rung) else None

    def point(self, rung: Rung) -> Point:
        """Compile a network for the engine. Raises `CompileError`."""
        network = self.loaded.network(self._setting(dict(rung.at)))
        return point_of(Compiled(network, (), self.loaded.named("baseline")), rung.name)

    def _setting(self, values: Mapping[str, Fraction]) -> Setting:
        names: dict[str, Value] = {**self.base.names, **values}
        return Setting(names=names, parameters=self.base.parameters)

    def _kept(self, rung: Rung) -> Rung:
        return self.rungs.setdefault(rung.network.model, rung)

    def _rung(self, values: Mapping[str, Fraction]) -> "Rung | bool":
        """Count the network at some values; else tell whether there is one, with too large an image."""
        network = self.tally.at({**self.base.names, **values}, self.base)
        if network is None:
            return False
        if self.pixels and (network.x.height > self.pixels[0] or network.x.width > self.pixels[1]):
            return True
        at = tuple((name, values[name]) for name in (*POWER, "phi") if name in values)
        return Rung(at, network, Fraction(network.cost.macs, self.flops))

    def _tried(self, way: str, most: Fraction, under: Mapping[str, Fraction]) -> Iterator[Rung]:
        """Go up until growth is beyond what is asked for, or the image is larger than the data's."""
        for values in _values(way, under):
            found = self._rung(values)
            if isinstance(found, Rung):
                yield found
            if found is True or (isinstance(found, Rung) and found.growth > 2 * most):
                return


def _values(way: str, under: Mapping[str, Fraction]) -> Iterator[dict[str, Fraction]]:
    """Return settings along a way, in small steps: two decimals of one dimension or φ, equal shares of several."""
    shares = {} if way == COMPOUND else SHARES[way]
    for step in range(1, int((MOST - 1) / STEP) + 1):
        if way == COMPOUND:
            yield {**under, "phi": step * STEP}
        elif len(shares) == 1:
            (name,) = shares
            yield {**under, name: 1 + step * STEP}
        else:
            growth = float((1 + STEP) ** step)
            sizes = {name: growth ** float(share / POWER[name]) for name, share in shares.items()}
            yield {**under, **{name: Fraction(round(size, 2)).limit_denominator(100) for name, size in sizes.items()}}


def _far(growth: Fraction, target: Fraction) -> float:
    return round(abs(log(growth / target)), 9)
