"""The hash in the head of an emitted file: it changes with what the network is made of, and with nothing else."""

import re
from pathlib import Path

import pytest

from scalec.compiler import load
from scalec.emit.emit import emit

MAIN = """import Unit from blocks
network Net <32, 32, 3> → <10> = Unit → 8 ⊙ GlobalAvgPool ⊙ Linear → <10>
"""
BLOCKS = """import Inner from more
let size = 3, other = 5
default BatchNorm(eps = share)
let share = 1/1000
block Unit <H, W, C> → <H, W, K> = Conv(size) → K ⊙ BatchNorm ⊙ Inner → K
block Unused <H, W, C> → <H, W, K> = Conv(other) → K
"""
MORE = """block Inner <H, W, C> → <H, W, K> = Conv(1) → K ⊙ ReLU
block Away <H, W, C> → <H, W, C> = SiLU
"""


def digest(folder: Path, main: str = MAIN, blocks: str = BLOCKS, more: str = MORE) -> str:
    for name, text in {"main": main, "blocks": blocks, "more": more}.items():
        (folder / f"{name}.scl").write_text(text, encoding="utf-8")
    found = re.search(r"^[0-9a-f]{64}$", emit(load(folder / "main.scl").compile()), re.MULTILINE)
    assert found
    return found[0]


@pytest.mark.parametrize(
    "changed",
    [
        {"main": MAIN.replace("→ 8", "→ 16")},
        {"blocks": BLOCKS.replace("size = 3", "size = 5")},
        {"blocks": BLOCKS.replace("1/1000", "1/100")},
        {"more": MORE.replace("⊙ ReLU", "⊙ ReLU6")},
        {"main": f"cite arXiv:1905.11946\n{MAIN}"},
        {"blocks": f"cite arXiv:1905.11946\n{BLOCKS}"},
        {"more": f"{MORE}cite arXiv:1905.11946 for Away, Inner\n"},
    ],
)
def test_what_a_network_is_made_of_counts(changed: dict[str, str], tmp_path: Path) -> None:
    assert digest(tmp_path, **changed) != digest(tmp_path)


@pytest.mark.parametrize(
    "changed",
    [
        {"main": MAIN.replace("→", "->").replace("⊙", "|>") + "# a comment\n"},
        {"blocks": BLOCKS.replace("Conv(other)", "Conv(7)")},
        {"blocks": BLOCKS + "block New <H, W, C> → <H, W, C> = SiLU\n"},
        {"more": MORE.replace("= SiLU", "= Tanh")},
        {"blocks": f"{BLOCKS}cite arXiv:1905.11946 for Unused\n"},
        {"more": f"cite arXiv:1905.11946 for Away\n{MORE}"},
    ],
)
def test_nothing_else_does(changed: dict[str, str], tmp_path: Path) -> None:
    assert digest(tmp_path, **changed) == digest(tmp_path)
