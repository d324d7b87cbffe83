"""The table that searches count with, against networks that are built; and many scales at once."""

from dataclasses import fields
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hard_specs import NAMED, built, examples, hard, looked_up, steps
from nets import spec
from scalec.compiler import load_text
from scalec.diagnostics.diagnostic import CompileError
from scalec.ops import OPERATORS, OperatorError
from scalec.ops.shape import Shape
from scalec.program.request import Request
from scalec.program.setting import Setting, make_setting
from scalec.solve.axis import STEPS
from scalec.solve.cost_table import Tally
from scalec.solve.vectorized import evaluate_many
from strategies import Written, phis, specs

# The table


@pytest.mark.parametrize("count", [5, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", NAMED)
def test_table_equals_networks_that_are_built(name: str, count: int) -> None:
    loaded = NAMED[name]()
    tally = Tally(loaded.program)

    @examples(count)
    @given(steps(-4, 6), steps(0.5, 2.2), steps(0.5, 2), steps(0.5, 2))
    def check(phi: int, d: int, w: int, r: int) -> None:
        for names in ({"phi": phi}, {"d": d, "w": w, "r": r}):
            setting = Setting(names={key: Fraction(value, STEPS) for key, value in names.items()})
            assert looked_up(tally, setting) == built(loaded, setting)

    check()


@pytest.mark.parametrize("name", ["efficientnet", "efficientnet_lite"])
def test_table_equals_every_variant(name: str) -> None:
    loaded = spec(name)
    tally = Tally(loaded.program)
    for variant in loaded.program.variants:
        setting = make_setting(loaded.program, Request(variant=variant, changes=(("padding", "same"),)))
        assert looked_up(tally, setting) == built(loaded, setting) is not None


@examples(20)
@given(specs(), st.lists(phis(), min_size=1, max_size=3))
def test_table_equals_random_specs(written: Written, texts: list[str]) -> None:
    loaded = load_text("random.scl", written.text.encode())
    tally = Tally(loaded.program)
    for text in texts:
        try:
            setting = make_setting(loaded.program, Request(phi=text))
        except CompileError:
            continue
        assert looked_up(tally, setting) == built(loaded, setting)


def test_a_param_that_enters_blocks_is_part_of_the_key() -> None:
    loaded = hard("params in blocks")
    tally = Tally(loaded.program)
    for wide in (2, 3, 2, 1):
        setting = Setting(names={"wide": Fraction(wide)})
        assert looked_up(tally, setting) == built(loaded, setting) is not None
    assert any(needs.layer for needs in Tally(hard("layers that differ").program).needs)
    assert not any(needs.layer for needs in Tally(spec("efficientnet").program).needs)


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_no_count_depends_on_a_real_parameter(name: str) -> None:
    """What `depends` leaves out of its keys: rates and epsilons."""
    operator = OPERATORS[name]
    real = [key for key, parameter in operator.table.items() if parameter.kind.is_real]
    x = Shape((6, 6, 4))

    def counts(value: Fraction) -> Any:
        whole = {key: 1 for key, p in operator.table.items() if p.required and not p.kind.is_real}
        made = operator(**whole, **dict.fromkeys(real, value))
        y = made.output(x, 4 if operator.given else None)
        kernels = [made.kernels(x, y, training) for training in (False, True)]
        numbers = (
            made.parameters(x, y),
            made.buffers(x, y),
            made.macs(x, y),
            made.activations(x, y),
            made.traits.counters,
        )
        return y, numbers, [[field.name for field in fields(k)] for k in kernels[0]], kernels[0]

    try:
        assert counts(Fraction(1, 100)) == counts(Fraction(9, 10))
    except OperatorError:
        pytest.skip("not for a map of this size")


# Many at once


def figures_equal(tally: Tally, candidates: dict[str, Any], base: Setting | None = None) -> None:
    found = evaluate_many(tally, candidates, base=base)
    for position in range(len(found.exists)):
        names = {key: Fraction(int(points[position]), STEPS) for key, points in candidates.items()}
        network = tally.at(names, base)
        assert (network is not None) == found.exists[position]
        numbers = (found.params, found.buffers, found.macs, found.activations, found.memory)
        if network is not None:
            counted = network.cost
            scalar = (counted.params, counted.buffers, counted.macs, counted.activations, network.memory)
            assert tuple(int(each[position]) for each in numbers) == scalar, names
        else:
            assert not any(each[position] for each in numbers)


@pytest.mark.parametrize("name", NAMED)
def test_many_at_once_equal_one_by_one(name: str) -> None:
    random = np.random.default_rng(3)
    program = NAMED[name]().program
    figures_equal(Tally(program), {"phi": random.integers(-5 * STEPS, 6 * STEPS, 60)})
    figures_equal(Tally(program), {key: random.integers(STEPS // 2, 2 * STEPS, 60) for key in "dwr"})


@examples(15)
@given(specs(), st.integers(0, 999))
def test_many_at_once_equal_one_by_one_for_random_specs(written: Written, seed: int) -> None:
    loaded = load_text("random.scl", written.text.encode())
    assume("phi" in loaded.program.file.params)
    figures_equal(Tally(loaded.program), {"phi": np.random.default_rng(seed).integers(-STEPS, 4 * STEPS, 25)})


def test_a_figure_beyond_63_bits_is_an_error() -> None:
    text = "param φ = 0, n = 1\nnetwork N <8192, 8192, 8192> → <8192, 8192, 8192> = (ReLU ⊙ Conv(63))^=500 → =8192"
    with pytest.raises(OverflowError, match="63 bits"):
        evaluate_many(Tally(load_text("large.scl", text.encode()).program), {"n": [1, 2]})
