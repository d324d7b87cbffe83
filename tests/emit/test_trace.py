"""An emitted file is run on sizes, without torch, and held to its network before it is written."""

from pathlib import Path
from typing import Any

import pytest

from scalec.compiler import load, load_text
from scalec.emit import modules
from scalec.emit.classes import Kinds
from scalec.emit.guards import Unsafe
from scalec.network.network import Leaf
from scalec.ops.code import Code

SPECS = Path(__file__).parents[2] / "specs"
WAYS: list[dict[str, Any]] = [
    {}, {"taps": ()}, {"inference": True}, {"output_stride": 8}, {"output_stride": 16, "taps": (), "inference": True},
    {"phi": "1"}, {"phi": "-1/2"}, {"phi": "3", "inference": True}, {"output_stride": 2},
]  # fmt: skip


def networks() -> list[Path]:
    return [path for path in sorted(SPECS.glob("*.scl")) if "\nnetwork " in path.read_text(encoding="utf-8")]


def hold(path: Path, ways: list[dict[str, Any]], variants: bool) -> int:
    """Emit a spec in several ways, which raises if a file is not its network; give how often."""
    loaded = load(path)
    found = 0
    for variant in (None, *loaded.program.variants) if variants else (None,):
        for way in ways:
            if "phi" in way and variant:
                continue
            found += emitted(loaded, variant, way)
    return found


def emitted(loaded: Any, variant: str | None, way: dict[str, Any]) -> bool:
    from scalec.diagnostics.diagnostic import CompileError

    try:
        return bool(loaded.compile(variant=variant, **way).source)
    except CompileError:  # it requires what it is not here, or has no such stride
        return False


@pytest.mark.parametrize("path", networks(), ids=lambda path: path.stem)
def test_files_are_their_networks(path: Path) -> None:
    assert hold(path, WAYS[:3], variants=False) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("path", networks(), ids=lambda path: path.stem)
def test_every_variant_in_every_way_is_its_network(path: Path) -> None:
    assert hold(path, WAYS, variants=True) >= 6


HANDED_ON = """block Inner(op) <H, W, C> → <H, W, C> = op: op ⊙ act: ReLU
block Outer(kernel) <H, W, C> → <H, W, C> = inner: Inner({operator})
network N <8, 8, 3> → <8, 8, 8> = Conv(1) → 8 ⊙ Outer(3) ⊙ Outer(5)
"""


@pytest.mark.parametrize("operator", ["Depthwise(kernel)", "LeakyReLU(1/kernel)", "Depthwise(kernel = kernel)"])
def test_an_operator_that_is_handed_on_is_that_of_its_use(operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """W1: both uses had the first one's kernel, or slope."""
    loaded = load_text("spec.scl", HANDED_ON.format(operator=operator).encode())
    assert (
        "class OuterDepthwise5" in loaded.compile().source or "LeakyReLU(negative_slope=0.2)" in loaded.compile().source
    )
    monkeypatch.setattr(Kinds, "compare", lambda self, blocks: None)
    with pytest.raises(
        Unsafe, match=r"`stage3\.inner\.op` of Inner\w+ has (Conv2d.kernel=3|LeakyReLU.negative_slope=0\.3)"
    ):
        loaded.compile().source  # noqa: B018


STRIDING = """block D <H, W, C> → <floor((H - 1)/2), floor((W - 1)/2), K> = conv: Conv({window}) → K
network N <33, 33, 3> → <7, 7, 8> = D → 8 ⊙ D → 8
"""


@pytest.mark.parametrize("window", ["3, stride = 2, padding = 0", "kernel = 3, stride = 2, padding = 0, groups = 1"])
def test_a_use_that_keeps_its_stride_keeps_its_padding(window: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """W2: a use without its stride is padded by half its window, and the others were so with it."""
    loaded = load_text("spec.scl", STRIDING.format(window=window).encode())
    assert "D(3, 8, stride=2, padding=(0, 0, 0, 0))" in loaded.compile(output_stride=2).source
    fixed_of = modules.fixed_of

    def forgetting(leaf: Leaf, is_padded: bool) -> dict[str, Code]:
        return {} if getattr(leaf.operator, "padding", None) == 0 else fixed_of(leaf, is_padded)

    monkeypatch.setattr(modules, "fixed_of", forgetting)
    with pytest.raises(Unsafe, match=r"`stage1\.conv` of D has Conv2d.padding=\(1, 1, 1, 1\)"):
        loaded.compile(output_stride=2).source  # noqa: B018


@pytest.mark.parametrize("spec", ["convnext", "convnext_v2"])
def test_convnext_at_output_stride_2(spec: str) -> None:
    assert load(SPECS / f"{spec}.scl").compile(output_stride=2).source
