"""ResNet-50 scaled as in Table 3 of the EfficientNet paper, against timm's ResNet of the same coefficients."""

import pytest

from nets import compiled
from scalec.cost import cost

# d, w, r, and what timm's model of those repeats and widths has: parameters, multiply-adds
SCALED = [
    ("1", "1", "1", 25_557_032, 4_089_184_256),
    ("4", "1", "1", 89_824_040, 14_570_749_952),
    ("1", "2", "1", 97_953_576, 15_870_148_608),
    ("1", "1", "2", 25_557_032, 16_350_593_024),
    ("1.4", "1.2", "1.3", 54_796_040, 15_861_736_832),
]


@pytest.mark.parametrize(("d", "w", "r", "parameters", "macs"), SCALED)
def test_table_3(d: str, w: str, r: str, parameters: int, macs: int) -> None:
    counted = cost(compiled("resnet", "ResNet50", changes=(("d", d), ("w", w), ("r", r))).network)
    assert (counted.params, counted.macs) == (parameters, macs)
