"""The other arguments of timm's functions, which are not in the definition, and timm's rounding."""

from collections.abc import Sequence
from fractions import Fraction

from scalec.importer.spec import number
from scalec.record import record

ONE = Fraction(1)


@record
class TimmOptions:
    """What a call in timm passes beside the definition; the names are those of the command line."""

    model: str = "efficientnet"
    channel_multiplier: Fraction = ONE
    channel_divisor: int = 8
    round_limit: Fraction = Fraction(9, 10)
    depth_multiplier: tuple[Fraction, ...] = (ONE,)
    """One for all stages, or one for each."""
    depth_trunc: str = "ceil"
    fix_first_last: bool = False
    stem: int | None = None
    stem_kernel: int = 3
    fix_stem: bool = False
    head: int = 1280
    head_scaling: str | None = None
    head_norm: bool = False
    no_head_bias: bool = False
    group_size: int | None = None
    activation: str = "ReLU"
    squeeze_from: str | None = None
    squeeze_divisor: int = 1
    squeeze_limit: Fraction = Fraction(9, 10)
    squeeze_activation: str | None = None
    squeeze_gate: str = "Sigmoid"
    padding: str = "symmetric"
    bn_eps: Fraction = Fraction(1, 100_000)
    bn_momentum: Fraction = Fraction(1, 10)
    dropout: Fraction = Fraction(0)
    drop_path: Fraction = Fraction(0)
    resolution: int = 224

    @property
    def efficient(self) -> bool:
        """Whether timm's class `EfficientNet` builds it: the head before the pooling."""
        return self.model == "efficientnet"

    @property
    def from_expanded(self) -> bool:
        """Whether a squeeze is a share of the expanded channels: the default of timm's `MobileNetV3`."""
        return not self.efficient if self.squeeze_from is None else self.squeeze_from == "expanded"


def scaled_repeats(repeats: Sequence[int], depth: Fraction, trunc: str) -> list[int]:
    """Scale the repeats of a stage's definitions as timm does: their sum, dealt out from the last to the first."""
    left, product = sum(repeats), sum(repeats) * depth
    total = max(1, round(product)) if trunc == "round" else -(-product.numerator // product.denominator)
    found = []
    for count in reversed(repeats):
        found.append(max(1, round(Fraction(count * total, left))) if left else 1)
        left, total = left - count, total - found[-1]
    return found[::-1]


def make_divisible(value: Fraction, divisor: int = 8, limit: Fraction = Fraction(9, 10)) -> int:
    """Round channels as timm does: to the nearest multiple, at least one, and one more where that is too few."""
    found = max(divisor, int(value + Fraction(divisor, 2)) // divisor * divisor)
    return found + divisor if found < limit * value else found


def to_multiple(x: str, limit: Fraction, divisor: int) -> str:
    """Write timm's `make_divisible`: at least one multiple, which a positive limit sees to by itself."""
    if not limit:
        return f"max({divisor}, to_multiple({x}, {divisor}))"
    return f"to_multiple({x}, {divisor}, floor = {number(limit * 100)}%)"
