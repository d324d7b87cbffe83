"""A block's class is the same text at every scale, whatever stands between a condition and the scale."""

from pathlib import Path

import pytest

from scalec.compiler import load
from scalec.emit.emit import emit
from scalec.program.request import Request

HEAD = """param φ = 0
let w = 1.3^φ
scale C → round(w · C)
"""
# W3 of the cases: both widths round to 2 at φ = −3, and differ at φ = 0.
BLOCKS = {
    "two names between": """block B <H, W, C> → <H, W, K>
  where inner = C, outer = K, same = inner == outer
  = residual if same { conv: Conv(3) → K }
network N <8, 8, 3> → <8, 8, 5> = Conv(1) → 4 ⊙ B → 4 ⊙ B → 5
""",
    "three names between": """block B <H, W, C> → <H, W, K>
  where inner = C, outer = K, half = inner / 2, same = 2 · half == outer
  = conv: Conv(3) → K ⊙ act: ReLU when same
network N <8, 8, 3> → <8, 8, 5> = Conv(1) → 4 ⊙ B → 4 ⊙ B → 5
""",
    "an argument made of φ": """block B(rate) <H, W, C> → <H, W, K>
  = conv: Conv(3) → K ⊙ drop: DropPath(rate) when rate > 1/10
network N <8, 8, 3> → <8, 8, 5> = Conv(1) → 4 ⊙ B(w / 8) → 4 ⊙ B(w / 8) → 5
""",
    "an argument made of a shape": """block A(wide) <H, W, C> → <H, W, C> = conv: Depthwise(3) ⊙ act: ReLU when wide > 2
block B <H, W, C> → <H, W, K> where outer = K = inner: A(outer) ⊙ conv: Conv(3) → K
network N <8, 8, 3> → <8, 8, 5> = Conv(1) → 4 ⊙ B → 4 ⊙ B → 5
""",
}


def classes(path: Path, phi: str) -> str:
    """Return the classes of the emitted file but for the network's."""
    text = emit(load(path).compile(Request(phi=phi)))
    return text[text.index("\nclass ") : text.index("\nclass N(")]


@pytest.mark.parametrize("name", BLOCKS)
def test_the_scale_decides_nothing_in_a_class(name: str, tmp_path: Path) -> None:
    path = tmp_path / "n.scl"
    path.write_text(HEAD + BLOCKS[name], encoding="utf-8")
    assert classes(path, "0") == classes(path, "-3")
    assert " if " in classes(path, "0")


def test_an_argument_of_the_architecture_is_decided(tmp_path: Path) -> None:
    """What a variant chooses for a use stands in the class as it is: no `if` for other variants."""
    path = tmp_path / "n.scl"
    path.write_text(
        """param squeeze = 0
block B(squeeze) <H, W, C> → <H, W, C> = conv: Depthwise(3) ⊙ act: ReLU when squeeze > 0
network N <8, 8, 3> → <8, 8, 4> = Conv(1) → 4 ⊙ B(squeeze)
variants (squeeze) { Plain(0) Squeezed(4) }
""",
        encoding="utf-8",
    )
    assert "self.act" not in emit(load(path).compile(Request(variant="Plain")))
    assert "self.act = nn.ReLU(inplace=True)" in emit(load(path).compile(Request(variant="Squeezed")))
