"""Single slips in the specs that ship: no traceback, the right line and word. The figures: `fuzz/typos.py`."""

import pytest

import typos
from mutants import SPECS, tokens


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
