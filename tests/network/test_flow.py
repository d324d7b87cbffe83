"""The statements of a `forward`: what stands under which condition."""

from scalec.compiler import load_text
from scalec.emit.emit import emit

SPEC = """
block Branch(stride = 1) <H, W, C> → <H/stride, W/stride, K>
  = sum if stride == 1 and C == K { }
        { Conv(3, stride) → C ⊙ (ReLU ⊙ step: Tanh) when stride == 1 and C == K ⊙ project: Conv(1) → K }
network Net <8, 8, 4> → <4, 4, 4> = Branch(stride = 2) → 8 ⊙ Branch → 8 ⊙ Conv(1) → 4
"""


def test_a_group_under_a_condition_in_a_branch_is_written() -> None:
    lines = [line.strip() for line in emit(load_text("net.scl", SPEC.encode()).compile()).splitlines()]
    start = lines.index("if self.branch:")
    assert [line.partition("  #")[0] for line in lines[start + 1 : start + 3]] == [
        "y = self.relu(y)",
        "y = self.step(y)",
    ]
