"""The inverse against brute force: the largest φ, free dimensions, scaling that keeps the promise."""

import json
import math
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import scalec
from hard_specs import EIGHTHS, NAMED, examples, hard, rounded, steps
from nets import SPECS, spec
from scalec.commands.cli import main
from scalec.compiler import load_text
from scalec.cost.count import cost
from scalec.cost.memory.peak import memory, resident_of
from scalec.language import exact
from scalec.program.quantities import QUANTITIES
from scalec.program.request import Request
from scalec.program.scope import World
from scalec.program.setting import Setting, make_setting
from scalec.solve import true_scaling as promise
from scalec.solve.axis import STEPS
from scalec.solve.cost_table import NetworkTally, Tally
from scalec.solve.monotone import Ends, direction
from scalec.solve.pareto import Entangled, FreeSearch
from scalec.solve.phi import Found, Nothing, PhiSearch, amount, binding
from scalec.solve.true_scaling import keep_promise
from scalec.solve.vectorized import Figures, evaluate_many

# The largest φ

LOW, HIGH = -2, 4


@cache
def everywhere(name: str) -> tuple[Tally, Figures]:
    """Count the networks of every φ with four decimals."""
    tally = Tally(NAMED[name]().program)
    return tally, evaluate_many(tally, {"phi": np.arange(LOW * STEPS, HIGH * STEPS + 1)})


def column(found: Figures, quantity: str) -> Any:
    return {"FLOPS": found.macs, "params": found.params, "activations": found.activations, "memory": found.memory}[
        quantity
    ]


@pytest.mark.parametrize(
    "name",
    [
        "a projection that vanishes", "growth and alternatives",
        pytest.param("lite", marks=pytest.mark.slow), pytest.param("pins and labels", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_largest_phi_is_that_of_brute_force(name: str) -> None:
    tally, found = everywhere(name)

    @examples(12)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(sorted(QUANTITIES)), min_size=1, max_size=3, unique=True))
        budgets = {}
        for quantity in chosen:
            values = column(found, quantity)
            at = data.draw(st.integers(0, len(values) * 3 // 4))
            budgets[quantity] = Fraction(int(values[at]) + data.draw(st.sampled_from([-1, 0, 1, 1000])))
        assume(all(limit > 0 for limit in budgets.values()))
        fitting = found.exists.copy()
        for quantity, limit in budgets.items():
            fitting &= column(found, quantity) <= int(limit)
        last = int(np.flatnonzero(fitting)[-1]) if fitting.any() else None
        answer = PhiSearch(tally, budgets).run()
        if last is None:
            assert isinstance(answer, Nothing) or answer.interval.low < LOW * STEPS
            return
        assert isinstance(answer, Found)
        first, end = answer.interval.low - LOW * STEPS, answer.interval.high - LOW * STEPS
        if last == len(fitting) - 1 and end > len(fitting):
            return  # the answer may lie above what was tried here
        assert end - 1 == last
        same = [int(column(found, q)[max(first, 0)]) for q in QUANTITIES]
        assert [amount(answer.network, key) for key in QUANTITIES] == same
        assert answer.above is None or any(amount(answer.above, q) > limit for q, limit in budgets.items())

    check()


def test_costs_that_fall_are_seen() -> None:
    """Where rounding makes two widths equal, a projection vanishes, and the larger network costs less."""
    tally, found = everywhere("a projection that vanishes")
    falls = np.flatnonzero(np.diff(found.params) < 0)
    assert len(falls)
    before = int(falls[0])
    limit = Fraction(int(found.params[before + 1]))
    answer = PhiSearch(tally, {"params": limit}).run()
    assert (
        isinstance(answer, Found)
        and answer.interval.high - 1 == np.flatnonzero(found.params <= int(limit))[-1] - 2 * STEPS
    )


@pytest.mark.parametrize(
    "limit, low, high, share",
    [("0.5", -0.033, 0, 0.772), ("1", 1.040, 1.066, 0.874), ("2", 2.209, 2.224, 0.939), ("4", 3.460, 3.474, 0.995)],
)
def test_known_answers(limit: str, low: float, high: float, share: float) -> None:
    """Section f of the anchors, with resolutions rounded to multiples of 8."""
    answer = PhiSearch(Tally(EIGHTHS.program), {"FLOPS": Fraction(limit) * 10**9}).run()
    assert isinstance(answer, Found) and answer.monotone and answer.proven
    assert (round(answer.interval.low / STEPS, 3), round(answer.interval.high / STEPS, 3)) == (low, high)
    assert answer.network.cost.macs / float(Fraction(limit) * 10**9) == pytest.approx(share, abs=0.0006)


def test_several_budgets_are_all_kept_and_one_binds() -> None:
    budgets = {"FLOPS": Fraction(3, 2) * 10**9, "params": Fraction(9_000_000), "memory": Fraction(8 << 30)}
    answer = PhiSearch(Tally(spec("efficientnet").program), budgets).run()
    assert isinstance(answer, Found)
    assert binding(answer.network, answer.above, budgets) == "params"
    assert 8_900_000 < answer.network.cost.params <= 9_000_000 < answer.above.cost.params  # type: ignore[union-attr]


def test_nothing_fits() -> None:
    answer = PhiSearch(Tally(spec("efficientnet").program), {"params": Fraction(1)}).run()
    assert isinstance(answer, Nothing) and answer.smallest is not None and answer.at < -10 * STEPS
    assert PhiSearch(Tally(spec("efficientnet").program), {}).at(answer.at - 1) is None


@pytest.mark.parametrize(
    "text, way",
    [
        ("α^φ", 1), ("0.9^φ", -1), ("2 - α^φ", -1), ("1 / α^φ", -1), ("-2 · φ", -1), ("φ · φ", None),
        ("α^φ · 0.9^φ", None), ("φ / 3", 1), ("3 / φ", None),
        ("ceil(φ) - floor(φ)", None), ("max(1, 3 · φ)", 1), ("1 if φ > 0 else 2", None), ("1 if α > 1 else φ", 0),
        ("eight(φ) + 1", 1), ("eight(-φ)", -1), ("α · 3", 0), ("(2 · α^φ)^2", 1), ("φ^2", None),
    ],
)  # fmt: skip
def test_direction_of_an_expression(text: str, way: int | None) -> None:
    spec_text = f"""param φ = 0
let α = 1.2, f = {text}, eight(c) = to_multiple(c, 8, floor = 90%)
network N <8, 8, 3> → <8, 8, 4> = Conv(3) → =4"""
    program = load_text("ways.scl", spec_text.encode()).program
    low, high = (World(program.file, {"phi": Fraction(end)}).main for end in (-2, 3))
    assert direction(program.file.lets["f"].binding.value, Ends(program, "phi", low, high)) == way


def test_an_axis_that_is_not_known_to_be_monotone_is_sampled() -> None:
    text = """param φ = 0
let d = 1.2^φ, w = 2 if φ == 1 else 1
scale L → ceil(d · L)
scale C → round(w · C)
network N <8, 8, 3> → <8, 8, 4> = Conv(3) → 8 ⊙ Conv(3)^1 → =4"""
    tally = Tally(load_text("odd.scl", text.encode()).program)
    answer = PhiSearch(tally, {"params": Fraction(1_000)}).run()
    assert isinstance(answer, Found) and not answer.proven


# d, w and r


@cache
def box() -> tuple[Tally, list[list[int]], Figures]:
    """Count every combination of the classes of d, w and r that are within reach of 1.9 times B0, the slow way."""
    tally, classes = Tally(EIGHTHS.program), []
    for name, top in (("d", 1.8), ("w", 1.5), ("r", 1.45)):
        points = np.arange(STEPS, int(top * STEPS))
        others = {other: np.full(len(points), STEPS) for other in "dwr" if other != name}
        found = evaluate_many(tally, {name: points, **others})
        rows = np.stack([found.params, found.macs, found.activations, found.memory])
        change = np.any(np.diff(rows, axis=1) != 0, axis=0)
        classes.append([STEPS, *(int(p) for p in points[1:][change])])
    cells = np.array(list(product(*classes)))
    return tally, classes, evaluate_many(tally, dict(zip("dwr", cells.T, strict=True)))


def maximal(classes: list[list[int]], fitting: Any) -> set[tuple[int, ...]]:
    """Give the cells that fit and have no larger neighbour that fits, in one dimension."""
    shape = tuple(len(each) for each in classes)
    grid = fitting.reshape(shape)
    best = set()
    for cell in zip(*np.nonzero(grid), strict=True):
        ahead = [grid[tuple(slice(c + 1, None) if i == axis else c for i, c in enumerate(cell))] for axis in range(3)]
        if not any(part.any() for part in ahead):
            best.add(tuple(classes[axis][c] for axis, c in enumerate(cell)))
    return best


@pytest.mark.parametrize("count", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_maximal_networks_are_those_of_brute_force(count: int) -> None:
    tally, classes, found = box()
    base = spec("efficientnet").named("baseline")
    limits = {"FLOPS": cost(base).macs, "params": cost(base).params, "memory": memory(base)}

    @examples(count)
    @given(st.fixed_dictionaries({"FLOPS": steps(1, 1.9)}, optional={"params": steps(1, 2.5), "memory": steps(1, 2)}))
    def check(factors: dict[str, int]) -> None:
        budgets = {quantity: Fraction(limits[quantity] * factor, STEPS) for quantity, factor in factors.items()}
        fitting = found.exists.copy()
        for quantity, limit in budgets.items():
            fitting &= column(found, quantity) <= int(limit)
        surface = FreeSearch(tally, budgets, "dwr", Setting(), Fraction(1)).run()
        assert surface.monotone and surface.proven
        assert {tuple(m.at[name].low for name in "dwr") for m in surface.models} == maximal(classes, fitting)
        rows = [tuple(amount(m.network, q) for q in ("FLOPS", "memory", "params")) for m in surface.models]
        for model, row in zip(surface.models, rows, strict=True):
            assert model.pareto == (
                not any(o != row and all(a <= b for a, b in zip(o, row, strict=True)) for o in rows)
            )

    check()


def test_known_maximal_networks() -> None:
    """At twice B0: 20 networks; 12 of them Pareto-optimal if memory is that of activations, 3 with weights."""
    limit = Fraction(2 * cost(spec("efficientnet").named("baseline")).macs)
    surface = FreeSearch(Tally(EIGHTHS.program), {"FLOPS": limit}, "dwr", Setting(), Fraction(1)).run()
    assert len(surface.models) == 20
    assert sum(model.network.cost.macs >= 0.95 * limit for model in surface.models) == 19
    assert sum(model.pareto for model in surface.models) == 3

    def alone(network: NetworkTally) -> int:
        return network.memory - resident_of(network.cost, sum(stage.counters for stage in network.stages))

    rows = [(m.network.cost.macs, m.network.cost.params, alone(m.network)) for m in surface.models]
    dominated = [any(o != row and all(a <= b for a, b in zip(o, row, strict=True)) for o in rows) for row in rows]
    assert dominated.count(False) == 12


def test_one_free_dimension_leaves_the_others() -> None:
    tally = Tally(spec("efficientnet").program)
    base = make_setting(spec("efficientnet").program, Request(phi="1"))
    (model,) = FreeSearch(tally, {"FLOPS": Fraction(10**9)}, ["r"], base, Fraction(1)).run().models
    depth = [stage.layers for stage in model.network.stages]
    assert depth == [stage.layers for stage in tally.evaluate(base).stages] and model.network.cost.macs <= 10**9
    with pytest.raises(Entangled, match=r"d and phi|phi and d"):
        FreeSearch(tally, {"FLOPS": Fraction(10**9)}, ["d", "phi"], Setting(), Fraction(1))


def test_falling_costs_are_no_hindrance_in_a_box() -> None:
    tally = Tally(hard("a projection that vanishes").program)
    points = np.arange(STEPS, 2 * STEPS)
    params = evaluate_many(tally, {"w": points}).params
    limit = int(params[np.flatnonzero(np.diff(params) < 0)[0] + 1])
    (model,) = FreeSearch(tally, {"params": Fraction(limit)}, ["w"], Setting(), Fraction(1)).run().models
    assert model.at["w"].high - 1 == points[np.flatnonzero(params <= limit)[-1]]


# The grid of the paper

GRID = [Fraction(20 + step, 20) for step in range(21)]


def within(candidate: tuple[Any, ...], tolerance: Any) -> bool:
    alpha, beta, gamma = candidate
    return bool(abs(alpha * beta**2 * gamma**2 - 2) <= tolerance)


@pytest.mark.parametrize(
    "depth, expected",
    [("ceil(d · L)", 12), ("round(d · L)", 67), ("round_even(d · L)", 72)],
    ids=["ceil", "up", "even"],
)
def test_candidates_of_the_small_grid_search(depth: str, expected: int) -> None:
    """Of α, β, γ in steps of 0.05 with α·β²·γ² ≈ 2 ± 0.1, how many really cost twice as much, within 10 %?"""
    exactly = [each for each in product(GRID, repeat=3) if within(each, Fraction(1, 10))]
    floats = [each for each in product([1 + 0.05 * n for n in range(21)], repeat=3) if within(each, 0.1)]
    assert (len(exactly), len(floats)) == (109, 108)
    tally = Tally(rounded("ceil(d · L)", depth).program)
    points = {name: [int(each[i] * STEPS) for each in exactly] for i, name in enumerate("dwr")}
    ratio = evaluate_many(tally, points).macs / cost(spec("efficientnet").named("baseline")).macs
    assert int(np.sum(abs(ratio - 2) <= 0.2)) == expected


# Scaling that keeps the promise


def nearest_by_force(name: str, phi: Fraction, target: float, factor: float) -> tuple[float, set[int]]:
    """Try every combination of classes from 1/factor to factor times d, w and r; give the least distance, and FLOPS."""
    tally = Tally(spec(name).program)
    bases = {"d": 1.2, "w": 1.1, "r": 1.15}
    classes, ends = [], []
    for key, base in bases.items():
        at = base ** float(phi)
        points = np.arange(int(at / factor * STEPS), math.ceil(at * factor * STEPS) + 1)
        others = {other: np.full(len(points), STEPS) for other in "dwr" if other != key}
        found = evaluate_many(tally, {key: points, **others})
        change = np.flatnonzero(np.diff(found.macs) != 0) + 1
        starts = [0, *change.tolist()]
        classes.append([int(points[i]) for i in starts])
        ends.append([int(points[i - 1]) for i in [*starts[1:], len(points)]])
    cells = np.array(list(product(*(range(len(each)) for each in classes))))
    columns = {key: np.array(classes[i])[cells[:, i]] for i, key in enumerate("dwr")}
    figures = evaluate_many(tally, columns)
    macs = figures.macs / cost(spec(name).named("baseline")).macs
    squares = np.zeros(len(cells))
    for i, base in enumerate(bases.values()):
        at = base ** float(phi) * STEPS
        gaps = [0.0 if a <= at < b + 1 else math.log(a / at) if a > at else math.log(b / at)
                for a, b in zip(classes[i], ends[i], strict=True)]  # fmt: skip
        squares += (np.array(gaps) ** 2)[cells[:, i]]
    squares[abs(macs / target - 1) > 0.01] = np.inf
    best = squares.min()
    return math.sqrt(best), {int(figures.macs[row]) for row in np.flatnonzero(squares <= best + 1e-9)}


@pytest.mark.parametrize(
    "name, phi, power",
    [
        pytest.param("efficientnet", "1", False, marks=pytest.mark.slow), ("efficientnet_lite", "1/2", True),
        pytest.param("efficientnet_lite", "2", False, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_nearest_network_is_that_of_brute_force(name: str, phi: str, power: bool) -> None:
    value = Fraction(phi)
    target = exact.power(Fraction(2), value) if power else None
    wanted = 2.0 ** float(value) if power else (1.2 * 1.1**2 * 1.15**2) ** float(value)
    kept = keep_promise(Tally(spec(name).program), make_setting(spec(name).program, Request(phi=phi)), target)
    assert kept is not None
    assert abs(kept.network.cost.macs / kept.baseline / wanted - 1) <= 0.01
    distance, macs = nearest_by_force(name, value, wanted, 1.12)
    assert float(kept.distance) == pytest.approx(distance, abs=1e-9) and distance < math.log(1.12)
    assert kept.network.cost.macs in macs


def test_a_promise_that_rounding_keeps_by_itself_moves_nothing() -> None:
    program = spec("efficientnet_lite").program
    kept = keep_promise(Tally(program), make_setting(program, Request(phi="4")))
    assert kept is not None and kept.distance == 0 and all(moved.factor == 1 for moved in kept.moved)
    assert kept.nominal is not None and kept.network.model == kept.nominal.model


# The command

SPEC = str(SPECS / "efficientnet.scl")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["solve", SPEC, *arguments])
    return code, *capsys.readouterr()


def test_command_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--flops", "1.5G", "--memory", "8GiB", "--format", "json")
    said = json.loads(out)
    assert code == 0 and said["binding"] == "FLOPS" and said["budgets"]["FLOPS"]["slack"] > 0
    assert said["phi"]["low"] <= said["phi"]["value"] < said["phi"]["high"] == said["above"]["phi"]["low"]
    assert said["above"]["budgets"]["FLOPS"]["slack"] < 0
    code, out, _ = run(capsys, "--flops", "0.5G", "--free", "d,w,r", "--format", "json")
    assert code == 0 and all(model["FLOPS"] <= 5 * 10**8 for model in json.loads(out)["models"])


@pytest.mark.parametrize(
    "arguments",
    [("--flops", "1.1G"), ("--flops", "0.5G", "--free", "w,r"), ("--true-to", "φ=4", "--target", "2^φ")],
    ids=["φ", "free", "true"],
)
def test_command_emits_what_it_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    path = tmp_path / "answer.py"
    code, out, _ = run(capsys, *arguments, "--emit", "-o", str(path), "--format", "json")
    said = json.loads(out)
    networks = [said] if "FLOPS" in said else said["models"]
    text = path.read_text()
    assert code == 0 and f"{max(network['FLOPS'] for network in networks):,}" in text


def test_compile_true(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    paths = [tmp_path / "solved.py", tmp_path / "compiled.py"]
    lite = str(SPECS / "efficientnet_lite.scl")
    assert main(["solve", lite, "--true-to", "1", "--emit", "-o", str(paths[0])]) == 0
    assert main(["compile", lite, "--phi", "1", "--true", "-o", str(paths[1])]) == 0
    assert paths[0].read_text() == paths[1].read_text()


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        ((), 2, "needs a budget"),
        (("--params", "1"), 1, "no network fits"),
        (("--params", "9000G", "--free", "d,q"), 1, "q"),
        (("--flops", "0.1G", "--free", "d,w,r"), 1, "too much"),
        (("--flops", "many"), 2, "many"),
        (("--flops", "-1"), 2, "above 0"),
        (("--true-to", "φ=1", "--within", "0.0001%"), 1, "within"),
    ],
)
def test_command_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr(promise, "MOST_TRIED", 100)
    given, _, err = run(capsys, *arguments)
    assert (given, said in err) == (code, True), err


def test_numpy_is_asked_for_only_by_the_grid() -> None:
    modules = sorted(Path(scalec.__file__).parent.glob("solve/*.py"))
    assert [path.name for path in modules if "import numpy" in path.read_text()] == ["vectorized.py"]
