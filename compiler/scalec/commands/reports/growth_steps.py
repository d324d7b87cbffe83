"""Explains why the cost of a scaled network is not 2^φ: which rounding moves it away from d·w²·r², and how far.

The cost is a sum over operators of channels × area, over layers. Each factor can have its rounded value (whole) or
the exact value of the formula (real): repeats d·L; channels that grow by w, by w² or not at all; areas that grow by
r² or not at all. The factors change from real to whole one after the other. This splits the difference into steps:

    d·w²·r²  —operators→  all real  —depth→  whole repeats  —width→  whole channels  —resolution→  realised

The steps are ratios: their product is realised / (d·w²·r²). The order of the steps is fixed. Another order would give
slightly different steps.
"""

from fractions import Fraction
from math import log2

from scalec.compiler import Loaded
from scalec.cost.count import cost
from scalec.cost.growth import growth
from scalec.language import exact
from scalec.network.network import Leaf, Network, Node, leaves
from scalec.program.evaluate import Value
from scalec.program.setting import Setting
from scalec.record import record


@record
class Drift:
    """Growth of multiply-adds over the baseline at one scale; the four steps are ratios, or nothing if not split."""

    phi: float | None
    nominal: float | None
    realised: float
    operators: float | None = None
    depth: float | None = None
    width: float | None = None
    resolution: float | None = None

    @property
    def power_of_two(self) -> float | None:
        """2^φ: what the paper promises."""
        return None if self.phi is None else 2.0**self.phi

    @property
    def effective_phi(self) -> float:
        """The φ that this cost would be worth: log2 of the growth."""
        return log2(self.realised)


@record
class _Term:
    """One operator of a stage: channels (and kernel) and area, as whole numbers and as the formula has them."""

    channels: int
    area: int
    real_channels: float
    real_area: float

    @property
    def macs(self) -> int:
        """Multiply-adds as they came out."""
        return self.channels * self.area


def drift(loaded: Loaded, setting: Setting) -> Drift:
    """Explain one scale. Raises `CompileError` if it cannot be built."""
    network, baseline = loaded.network(setting), loaded.named("baseline")
    base = cost(baseline).macs
    realised = cost(network).macs / base
    phi, d, w, r = (_value(network, key) for key in ("phi", "d", "w", "r"))
    promised = growth(*(network.number(key) for key in "dwr"))
    if promised is None or d is None or w is None or r is None:
        return Drift(phi, None, realised)
    nominal = exact.approximate(promised)
    steps = _steps(loaded, network, baseline, (d, w, r))
    if steps is None:
        return Drift(phi, nominal, realised)
    real, deep, wide = (step / base for step in steps)
    return Drift(phi, nominal, realised, real / nominal, deep / real, wide / deep, realised / wide)


def _value(network: Network, key: str) -> float | None:
    value = network.number(key)
    return None if value is None else exact.approximate(value)


def _steps(
    loaded: Loaded, network: Network, baseline: Network, scale: tuple[float, float, float]
) -> list[float] | None:
    """Return the cost with all factors real, with whole repeats, and with whole repeats and channels."""
    terms = _terms(loaded, network, scale)
    if terms is None or len(network.stages) != len(baseline.stages):
        return None
    totals = [0.0, 0.0, 0.0]
    whole = 0
    for stage, base, (first, rest) in zip(network.stages, baseline.stages, terms, strict=True):
        scales = stage.unit.repeat is not None and not stage.unit.repeat.pinned
        real_count = scale[0] * len(base.layers) if scales else len(base.layers)
        for index, count in enumerate((real_count, len(stage.layers), len(stage.layers))):
            use_whole = index == 2
            totals[index] += _sum(first, use_whole) + (count - 1) * _sum(rest, use_whole)
        whole += sum(t.macs for t in first) + (len(stage.layers) - 1) * sum(t.macs for t in rest)
    return totals if whole == cost(network).macs else None


def _sum(terms: list[_Term], whole_channels: bool) -> float:
    return sum((t.channels if whole_channels else t.real_channels) * t.real_area for t in terms)


def _terms(
    loaded: Loaded, network: Network, scale: tuple[float, float, float]
) -> list[tuple[list[_Term], list[_Term]]] | None:
    """Return each stage's operators, of its first layer and of a later one."""
    two = Fraction(2)

    def at(**values: Value) -> Network:
        names = {"d": Fraction(1), "w": Fraction(1), "r": Fraction(1), "phi": Fraction(0)} | values
        known = loaded.program.file.constants()
        return loaded.network(Setting(names={k: v for k, v in names.items() if k in known}))

    setting = network.setting
    scaled = loaded.network(Setting(names={**setting.names, "d": two}, parameters=setting.parameters))
    probes = [at(d=two), at(d=two, w=two), at(d=two, r=two), scaled]
    split = []
    for stages in zip(*(probe.stages for probe in probes), strict=False):
        layers = [[_counted(layer) for layer in stage.layers[:2]] for stage in stages]
        if len({tuple(len(layer) for layer in probe) for probe in layers}) != 1:
            return None
        columns = [[_term(row, scale) for row in zip(*column, strict=True)] for column in zip(*layers, strict=True)]
        split.append((columns[0], columns[1] if len(columns) > 1 else []))
    return split


def _counted(layer: Node) -> list[Leaf]:
    """Return the operators that cost something: others come and go with the shortcuts that rounding makes."""
    return [leaf for leaf in leaves(layer) if leaf.operator.macs(leaf.x, leaf.y)]


def _term(probes: tuple[Leaf, ...], scale: tuple[float, float, float]) -> _Term:
    """Find from probes at w = 2 and r = 2 how an operator grows; then say what it is at the scale asked for."""
    base, wide, big, scaled = probes
    channels, area = _factors(base)
    by_width, by_size = log2(_factors(wide)[0] / channels), log2(_factors(big)[1] / area)
    _, w, r = scale
    return _Term(*_factors(scaled), channels * w**by_width, area * r**by_size)


def _factors(leaf: Leaf) -> tuple[int, int]:
    area = leaf.y.height * leaf.y.width
    macs = leaf.operator.macs(leaf.x, leaf.y)
    return macs // area, area
