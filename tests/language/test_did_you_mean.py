"""Single slips in the specs that ship: no traceback, the right line and word. The figures: `fuzz/typos.py`."""

import contextlib

import pytest

import typos
from mutants import SPECS, tokens
from scalec.compiler import load_text
from scalec.diagnostics.diagnostic import CompileError


def figures(count: int, seed: int) -> typos.Figures:
    found = typos.Figures()
    for made in typos.sample(count, seed):
        found.take(made)
    assert found.slowest < typos.MOST_SECONDS
    return found


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_slips(count: int) -> None:
    found = figures(count, seed=5)
    print(f"\n{found}")
    assert found.wrong > 0.9 * count
    assert found.on_line >= 0.95 * found.wrong


@pytest.mark.parametrize("count", [25, pytest.param(300, marks=pytest.mark.slow)])
def test_misspelt_words(count: int) -> None:
    found = typos.Figures()
    for made in typos.misspelt_words(count, seed=5):
        found.take(made)
    print(f"\n{found}")
    assert found.words > 0.7 * count and found.offered >= 0.6 * found.words


@pytest.mark.parametrize(("kind", "least"), [("syntax", 0.9), ("names", 0.9), ("any", 0.75)])
@pytest.mark.parametrize("count", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_three_errors_are_three(kind: str, least: float, count: int) -> None:
    """Of any kind: a requirement cannot be held against a network that does not read."""
    hit, tried = typos.planted(count, 5, kind)
    print(f"\n{hit} of {tried}")
    assert hit >= least * tried


@pytest.mark.full
def test_every_slip() -> None:
    found = typos.Figures()
    for made in typos.every():
        found.take(made)
    print(f"\n{found}")
    assert found.slowest < typos.MOST_SECONDS and found.on_line >= 0.95 * found.wrong


def test_what_a_slip_is() -> None:
    spec = typos.Spec("x.scl", tuple(tokens("let a = 1\nlet b = a\n")), ())
    assert "".join(spec.words) == spec.text() and spec.line(0) == 1 and spec.line(len(spec.words)) == 3
    assert all("".join(each.words) == (SPECS / each.name).read_text(encoding="utf-8") for each in typos.specs())


ELSEWHERE = {
    "Swish": "SiLU", "hswish": "HardSwish", "h_swish": "HardSwish", "Hardswish": "HardSwish", "BN": "BatchNorm",
    "BatchNorm2d": "BatchNorm", "BatchNormalization": "BatchNorm", "LN": "LayerNorm", "GN": "GroupNorm",
    "Dense": "Linear", "FC": "Linear", "FullyConnected": "Linear", "Conv2d": "Conv", "Conv2D": "Conv",
    "DepthwiseConv2D": "Depthwise", "DWConv": "Depthwise",
    "GlobalAveragePooling2D": "GlobalAvgPool", "GAP": "GlobalAvgPool",
    "MaxPooling2D": "MaxPool", "AveragePooling2D": "AvgPool",
    "AdaptiveAvgPool2d": "AdaptiveAvgPool", "Shuffle": "ChannelShuffle",
    "PixelUnshuffle": "SpaceToDepth", "StochasticDepth": "DropPath", "DropConnect": "DropPath", "Dropout2d": "Dropout",
    "relu": "ReLU", "gelu": "GELU", "Hardsigmoid": "HardSigmoid", "LeakyRelu": "LeakyReLU",
}  # fmt: skip


@pytest.mark.parametrize("word", [*ELSEWHERE, "GlobalMaxPool", "Upsample", "Softmax"])
def test_words_of_other_tools(word: str) -> None:
    """The right operator is offered, and the spec compiles further with it; for what scalec lacks, none is."""
    text = f"network N <8, 8, 4> → <8, 8, 4> = {word}"
    with pytest.raises(CompileError) as error:
        load_text("spec.scl", text.encode())
    (found,) = error.value.diagnostics
    offered = [edit.text for fix in found.fixes for edit in fix.edits]
    assert offered == ([ELSEWHERE[word]] if word in ELSEWHERE else [])
    for name in offered:
        with contextlib.suppress(CompileError):
            load_text("spec.scl", text.replace(word, name).encode())
            continue
        with pytest.raises(CompileError) as error:
            load_text("spec.scl", text.replace(word, name).encode())
        assert all(each.code != "E102" for each in error.value.diagnostics)
