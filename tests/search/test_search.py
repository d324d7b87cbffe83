"""The search where nothing breaks: candidates, keys, statistics, what is written, and the command line."""

import json
import math
import random
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalec.commands.cli import main
from scalec.compiler import load, load_text
from scalec.cost.count import cost
from scalec.diagnostics.diagnostic import CompileError, Report
from scalec.diagnostics.exit_codes import DONE, NO_ACCESS, WRONG_INPUT, WRONG_USAGE
from scalec.emit.emit import emit
from scalec.emit.state_dict import state_dict
from scalec.language.format.formatter import format_spec
from scalec.program import request as asked
from scalec.program.search_statement import sought
from scalec.project.spec_check import check
from searching import SPEC, calls, prepare, result, search, start

pytest.importorskip("optuna")
import optuna

from scalec.search import selection as hunt
from scalec.search.candidates import candidates, shown
from scalec.search.contract import Garbage, Request, read_response, write_response
from scalec.search.engine import Options, Outcome, Point, code_of, run, task_of
from scalec.search.ledger import Ledger, Task
from scalec.search.progress import MOST_LINES, Progress
from scalec.search.source import Source, SourceError, code_digest, find_source
from scalec.search.statistics import pick, standings, worse
from scalec.search.store import Store, StoreError, mend
from scalec.search.trial import Ended
from scalec.search.writeback import NotWritten, write_back

SPECS = Path(__file__).parents[2] / "specs"


# The statement


def test_a_search_changes_no_emitted_file() -> None:
    without = SPEC.replace(SPEC[SPEC.index("search α") : SPEC.index("block ConvAct")], "")
    assert "search" not in without
    request = asked.Request(phi="2")
    one, other = (emit(load_text("small.scl", text.encode()).compile(request)) for text in (SPEC, without))
    assert one == other


@pytest.mark.parametrize("text", ["by", "match", "search"])
def test_its_keywords_may_be_labels(text: str) -> None:
    spec = f"network Tiny <8, 8, 3> → <8, 8, 3>\n  = {text}: ReLU\n"
    assert "Tiny" in emit(load_text("tiny.scl", spec.encode()).compile())


# Candidates


def _by_hand(realised: bool) -> set[tuple[object, ...]]:
    """Compile every point of the grid, and keep what the statement asks for, told apart by all of its shapes."""
    loaded = load_text("small.scl", SPEC.encode())
    baseline = cost(loaded.named("baseline")).macs
    values = [Fraction(4 + step, 4) for step in range(5)]
    kept: set[tuple[object, ...]] = set()
    for a, b, c in product(values, repeat=3):
        changes = [("alpha", str(float(a))), ("beta", str(float(b))), ("gamma", str(float(c)))]
        network = loaded.compile(asked.Request(phi="1", changes=tuple(changes))).network
        growth = Fraction(cost(network).macs, baseline)
        nominal = abs(a * b**2 * c**2 - 2) <= Fraction(1, 2)
        if abs(growth - 2) <= Fraction(15, 100) * 2 if realised else nominal:
            kept.add((network.x, tuple(state_dict(network).items())))
    return kept


@pytest.mark.parametrize("match", ["realised", "nominal"])
def test_candidates_are_those_found_by_compiling_every_point(match: str) -> None:
    loaded = load_text("small.scl", SPEC.encode())
    wanted = sought(loaded.program, Report())
    assert wanted is not None
    found = candidates(loaded, wanted, match)
    networks = [loaded.compile(asked.Request(phi="1", changes=tuple(each.changes))).network for each in found.chosen]
    distinct = {(network.x, tuple(state_dict(network).items())) for network in networks}
    assert len(distinct) == len(found.chosen), "no network is there twice"
    assert distinct == _by_hand(match == "realised")
    assert sum(each.merged for each in found.chosen) + sum(found.dropped.values()) == found.points == 125


def _growths(tolerance: str) -> list[Fraction]:
    loaded = load_text("small.scl", SPEC.replace("FLOPS ± 15%", f"FLOPS ± {tolerance}").encode())
    wanted = sought(loaded.program, Report())
    assert wanted is not None
    return sorted(each.growth for each in candidates(loaded, wanted, "realised").chosen)


def test_the_window_holds_its_ends_exactly() -> None:
    """Just at the tolerance is within it; a hundred-millionth less is not."""
    least, *_, most = _growths("15%")
    for end in (least, most):
        distance = abs(end - 2)
        exactly = f"({distance.numerator} / {distance.denominator})"
        assert end in _growths(exactly)
        assert end not in _growths(f"({exactly} - 1/100_000_000)")


def test_the_paper_s_grid() -> None:
    """109 points of EfficientNet's lattice keep α · β² · γ² within 0.1 of 2: shared/anchors/search.md, section d."""
    text = (SPECS / "efficientnet.scl").read_text(encoding="utf-8").replace("± 5%\n", "± 0.1\n", 1)
    text = text.replace("round(r · H)", "to_multiple(r · H, 8)").replace("round(r · W)", "to_multiple(r · W, 8)")
    text += "search α, β, γ from 1 to 2 by 0.05\n  where α · β² · γ² ≈ 2 ± 0.1\n"
    loaded = load_text("efficientnet.scl", text.encode())
    wanted = sought(loaded.program, Report())
    assert wanted is not None
    found = candidates(loaded, wanted, "nominal")
    assert found.points == 9261
    assert found.dropped["`α · β² · γ² ≈ 2 ± 0.1` does not hold"] == 9261 - 109
    growths = sorted(each.growth for each in found.chosen)
    assert (round(float(growths[0]), 2), round(float(growths[-1]), 2)) == (1.89, 3.25)
    assert len(found.chosen) == 65


def test_what_breaks_a_requirement_is_no_candidate() -> None:
    text = SPEC.replace("block ConvAct", "require params ≤ 2500\n\nblock ConvAct")
    loaded = load_text("small.scl", text.encode())
    wanted = sought(loaded.program, Report())
    assert wanted is not None
    found = candidates(loaded, wanted, "realised")
    assert found.dropped["a requirement does not hold: `params ≤ 2500`"] == 5
    assert all(each.network.cost.params <= 2500 for each in found.chosen) and len(found.chosen) == 2


@pytest.mark.parametrize(("value", "text"), [("6/5", "1.2"), ("7/6", "7/6"), ("1", "1"), ("41/40", "1.025")])
def test_a_value_is_written_exactly(value: str, text: str) -> None:
    assert shown(Fraction(value)) == text


# The contract


def test_a_request_comes_back_as_it_was(tmp_path: Path) -> None:
    request = Request("net.py", "Net", (3, 32, 24), 4, {"epochs": 2}, None, "test", 2, "cpu", "out.json")
    (tmp_path / "request.json").write_text(json.dumps(request.as_json()), encoding="utf-8")
    assert Request.read(tmp_path / "request.json") == request
    assert request.as_json()["resolution"] == request.resolution == 32
    (tmp_path / "request.json").write_text(json.dumps({**request.as_json(), "contract": 2}), encoding="utf-8")
    with pytest.raises(Garbage, match="no request of contract 1"):
        Request.read(tmp_path / "request.json")


def test_a_response_comes_back_as_it_was(tmp_path: Path) -> None:
    write_response(tmp_path / "response.json", 0.25, loss=1.5)
    found = read_response((tmp_path / "response.json").read_text(encoding="utf-8"))
    assert (found.accuracy, found.report) == (0.25, {"loss": 1.5})


@given(st.one_of(st.text(), st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["accuracy", "contract", "x"]), inner),
).map(json.dumps)))  # fmt: skip
def test_any_response_is_a_figure_or_garbage(text: str) -> None:
    try:
        found = read_response(text)
    except Garbage:
        return
    assert found.accuracy != found.accuracy or 0 <= found.accuracy <= 1


def test_a_response_nested_too_deep_is_garbage() -> None:
    with pytest.raises(Garbage):
        read_response("[" * 200_000)


# Keys


EMITTED = '# Compiled\n"""Net at φ = 1."""\n\nimport torch\n\nX = 1\n'
SOURCE = Source("a command", ("true",), None, {}, {"code": "1"})


def _key(text: str = EMITTED, seed: int = 0, source: Source = SOURCE, options: Options | None = None) -> str:
    return task_of(Point("any", text, "Net", (3, 8, 8)), seed, source, options or Options()).key


def test_a_key_is_of_all_that_matters_and_nothing_else() -> None:
    from dataclasses import replace

    assert _key() == _key(EMITTED.replace("φ = 1", "φ = 2")), "the head of the file says where it is from"
    assert _key() == _key(options=Options(jobs=4, timeout=3, retries=0, progress=True))
    others = [
        _key(EMITTED.replace("X = 1", "X = 2")), _key(seed=1), _key(source=replace(SOURCE, identity={"code": "2"})),
        _key(options=Options(split="test")), _key(options=Options(gpus=("0",))),
    ]  # fmt: skip
    assert len({_key(), *others}) == 6


def test_the_code_of_an_emitted_file_is_all_below_its_docstring() -> None:
    source = emit(load_text("small.scl", SPEC.encode()).compile(asked.Request(phi="1")))
    assert code_of(source).lstrip().startswith("from torch import")
    assert source.endswith(code_of(source)) and "class Small(nn.Module)" in code_of(source)


def test_a_trainer_s_hash_is_of_what_it_imports_too(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("from helper import x\nimport json\n")
    (tmp_path / "helper.py").write_text("x = 1\n")
    before = code_digest(tmp_path / "train.py")
    (tmp_path / "other.py").write_text("y = 1\n")
    assert code_digest(tmp_path / "train.py") == before
    (tmp_path / "helper.py").write_text("x = 2\n")
    assert code_digest(tmp_path / "train.py") != before


def test_a_source_that_cannot_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="nowhere:at_all cannot run: ModuleNotFoundError"):
        find_source("nowhere:at_all")
    with pytest.raises(SourceError, match="empty"):
        find_source(" ")
    with pytest.raises(SourceError, match="no such folder"):
        find_source("true", data="missing")


def test_a_function_may_say_what_else_it_depends_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "def identify(asked): return {'data': 'abc', 'epochs': asked['budget']['epochs']}\nf = 1\n"
    )
    source = find_source("mine:f", budget={"epochs": 3})
    assert (source.identity["data"], source.identity["epochs"], source.identity["budget"]) == ("abc", 3, {"epochs": 3})


# The ledger


def test_an_empty_queue_stays_empty(tmp_path: Path) -> None:
    """Optuna's `ask` would make up a trial."""
    with Store(tmp_path).opened() as storage:
        ledger = Ledger(storage, "scalec-1-x-y")
        assert ledger.claim({}) is None
        assert not ledger.study.trials
        ledger.study.enqueue_trial({"x": 1})
        assert ledger.claim({}) is None and not ledger.open(), "not one of ours"


def test_of_two_that_are_enqueued_alike_one_runs(tmp_path: Path) -> None:
    task = task_of(Point("any", EMITTED, "Net", (3, 8, 8)), 0, SOURCE, Options())
    with Store(tmp_path).opened() as storage:
        ledger = Ledger(storage, "scalec-1-x-y")
        ledger.queue([task, task], share_texts=False)
        ledger.queue([task], share_texts=False)
        assert len(ledger.study.trials) == 2
        assert ledger.claim({task.key: EMITTED}) is not None
        assert ledger.claim({task.key: EMITTED}) is None


def test_who_dies_before_the_first_sign_of_life_is_missed(tmp_path: Path) -> None:
    """Optuna alone never begins such a trial anew. One of which there are signs of life is not taken away."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{tmp_path / 'one.db'}", heartbeat_interval=1, grace_period=1,
            heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=5),
        )  # fmt: skip
    ledger = Ledger(storage, "scalec-1-s-x")
    ledger.queue([Task(key, key, key, "Net", (1, 8, 8), 0, "validation") for key in "ab"], share_texts=True)
    alive = ledger.claim({})
    assert alive is not None and alive.task.key == "a"
    for attempt in range(2):
        dead = ledger.study.ask()  # and is gone
        assert dead.user_attrs["key"] == "b"
        end, claim = time.monotonic() + 30, None
        while claim is None and time.monotonic() < end:
            ledger.beat([alive])
            claim = ledger.claim({})
            time.sleep(0.1)
        assert claim is not None and claim.task.key == "b", f"missed after accident {attempt}"
        assert ledger.settle(claim, Ended("killed"), again=attempt == 0)
    assert ledger.settle(alive, Ended("complete", 0.5)), "still ours"


def test_sqlite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="SQLite runs a trial twice"), Store(tmp_path, "sqlite:///x.db").opened():
        pass


@pytest.mark.parametrize(("before", "after"), [(b"", b""), (b"{}\n", b"{}\n"), (b"{}\n{", b"{}\n"), (b"{", b"")])
def test_a_torn_line_is_taken_off(before: bytes, after: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    path.write_bytes(before)
    mend(path)
    assert path.read_bytes() == after


def test_sixty_trials_run_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time is free. What a trial costs besides its training, benchmarks/trial_overhead.py measures."""
    monkeypatch.chdir(tmp_path)
    answer = 'echo x >> asked\necho \'{"accuracy": 0.5}\' > "$(dirname "$1")/response.json"\n'
    (tmp_path / "answer.sh").write_text(answer)
    points = [Point(f"p{i}", f"X = {i}\n", "Net", (3, 8, 8)) for i in range(60)]
    source, store = find_source("sh answer.sh"), Store(tmp_path / "store")
    found = run(points, [0], source, store)
    assert [each.state for each in found] == ["complete"] * 60
    assert run(points, [0], source, store) == found
    assert len((tmp_path / "asked").read_text().split()) == 60


def test_each_gpu_gets_its_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answer.py").write_text(
        "import json, os, sys, time\nr = json.load(open(sys.argv[1]))\ntime.sleep(0.3)\n"
        "told = {name: os.environ[name] for name in ('CUDA_VISIBLE_DEVICES', 'OMP_NUM_THREADS')}\n"
        "json.dump({'accuracy': 1, **told, 'device': r['device'], 'n': r['threads']}, open(r['response'], 'w'))\n"
    )
    points = [Point(f"p{i}", f"X = {i}\n", "Net", (3, 8, 8)) for i in range(6)]
    source = find_source(f"{sys.executable} answer.py")
    options = Options(jobs=2, threads=3, gpus=("4", "7"))
    found = [each.report for each in run(points, [0], source, Store(tmp_path / "store"), options)]
    assert {each["CUDA_VISIBLE_DEVICES"] for each in found} == {"4", "7"}
    assert all((each["device"], each["OMP_NUM_THREADS"], each["n"]) == ("cuda", "3", 3) for each in found)


# Statistics


RUNS = st.integers(3, 8).flatmap(
    lambda seeds: st.lists(
        st.lists(st.integers(0, 1000).map(lambda x: x / 1000), min_size=seeds, max_size=seeds).map(
            lambda values: dict(enumerate(values))
        ),
        min_size=1,
        max_size=6,
    )
)


@given(RUNS)
@example([{0: 0.0, 1: 0.0, 2: 0.0, 3: 0.233, 4: 1.0}, {0: 0.0, 1: 0.0, 2: 0.0, 3: 0.546, 4: 0.687}])
def test_the_best_has_the_highest_mean_and_is_tied_with_itself(results: list[dict[int, float]]) -> None:
    ranked = standings(results)
    best = ranked[0]
    assert best.tied and best.behind == 0
    assert all(best.mean >= each.mean for each in ranked)
    assert sorted(each.index for each in ranked) == list(range(len(results)))


@given(RUNS, st.lists(st.integers(-500, 500), min_size=8, max_size=8))
def test_what_a_seed_does_to_all_changes_no_tie(results: list[dict[int, float]], shifts: list[int]) -> None:
    """Pairing takes out what the candidates have in common."""
    moved = [{seed: value + shifts[seed] for seed, value in runs.items()} for runs in results]
    before, after = ({s.index: s.behind for s in standings(each)} for each in (results, moved))
    assert before == pytest.approx(after, abs=1e-9)


def test_a_tie_is_within_one_standard_error() -> None:
    best = {0: 0.80, 1: 0.82, 2: 0.84}
    near = {0: 0.81, 1: 0.80, 2: 0.83}  # differences -0.01, 0.02, 0.01: mean 0.0067, standard error 0.0088
    far = {0: 0.79, 1: 0.81, 2: 0.83}  # always 0.01 behind
    ranked = {each.index: each for each in standings([best, near, far])}
    assert ranked[1].behind == pytest.approx(0.02 / 3) and ranked[1].error == pytest.approx(0.00882, abs=1e-5)
    assert (ranked[0].tied, ranked[1].tied, ranked[2].tied) == (True, True, False)
    assert pick(list(ranked.values()), [(3,), (2,), (1,)]).index == 1, "the last is not tied"
    assert pick(list(ranked.values()), [(2,), (3,), (1,)]).index == 0


def test_who_has_fewer_seeds_is_never_the_best() -> None:
    ranked = standings([{0: 0.5, 1: 0.5, 2: 0.5, 3: 0.5}, {0: 0.9, 1: 0.9, 2: 0.9}, {}])
    assert [each.index for each in ranked if each.tied] == [0]
    assert len(ranked) == 2


@pytest.mark.parametrize(
    ("behind", "is_worse"),
    [([0.1] * 3, False), ([0.1, 0.2, 0.3, 0.4], True), ([0.1, -0.2, 0.3, 0.4], False), ([0.0] * 6, False)],
)
def test_wilcoxon_needs_four_pairs(behind: list[float], is_worse: bool) -> None:
    best = dict.fromkeys(range(len(behind)), 0.9)
    assert worse({seed: 0.9 - less for seed, less in enumerate(behind)}, best) is is_worse


def test_who_is_behind_beyond_doubt_gets_no_more_seeds() -> None:
    points = [Point(name, name, "Net", (3, 8, 8)) for name in ("good", "equal", "bad", "broken")]
    asked: list[tuple[list[str], list[int]]] = []

    def measure(some: Sequence[Point], seeds: Sequence[int]) -> list[Outcome]:
        asked.append(([point.name for point in some], list(seeds)))
        figures = {"good": 0.9, "equal": 0.899, "bad": 0.5}
        noise = random.Random(7)
        return [
            Outcome(point, seed, "nan") if point.name == "broken"
            else Outcome(point, seed, "complete", figures[point.name] + noise.choice([-0.01, 0.01]))
            for point in some for seed in seeds
        ]  # fmt: skip

    found = hunt._rounds(points, 6, measure)
    assert asked[0] == (["good", "equal", "bad", "broken"], [0, 1, 2])
    assert asked[1] == (["good", "equal", "bad"], [3])
    assert asked[2][1] == [4] and asked[3][1] == [5]
    assert "bad" not in asked[2][0]
    assert [len(each) for each in found][2:] == [4, 3]


# Writing back


VALUES = {"alpha": Fraction(1), "beta": Fraction(5, 4), "gamma": Fraction(7, 6)}


def test_the_constants_are_put_in(tmp_path: Path) -> None:
    spec = prepare(tmp_path)
    assert write_back(load(spec), spec, VALUES, "among 5 networks")
    text = spec.read_text(encoding="utf-8")
    assert "let α = 1, β = 1.25, γ = 7/6  # the paper's\n" in text
    comment = text.splitlines()[1]
    assert comment.startswith("# scalec: searched ") and comment.endswith(" among 5 networks")
    assert format_spec("small.scl", text.encode()) == text, "the layout was canonical, and stays so"
    assert "W501" not in [each.code for each in check(spec)[1]]
    assert not write_back(load(spec), spec, VALUES, "among 5 networks"), "nothing is left to do"
    assert write_back(load(spec), spec, {**VALUES, "beta": Fraction(1)}, "among 6 networks")
    assert spec.read_text(encoding="utf-8").count("# scalec: searched ") == 1
    spec.write_text(spec.read_text(encoding="utf-8").replace("β = 1,", "β = 2,"), encoding="utf-8")
    assert "W501" in [each.code for each in check(spec)[1]]


def test_a_layout_of_the_author_s_own_is_left_alone(tmp_path: Path) -> None:
    spec = prepare(tmp_path)
    spec.write_text(SPEC.replace("let d = α^φ", "let  d=α^φ"), encoding="utf-8")
    write_back(load(spec), spec, VALUES, "…")
    lines = spec.read_text(encoding="utf-8").splitlines()
    expected = SPEC.replace("let d = α^φ", "let  d=α^φ").replace(
        "α = 1.2, β = 1.1, γ = 1.15", "α = 1, β = 1.25, γ = 7/6"
    )
    assert [line for line in lines if not line.startswith("# scalec:")] == expected.splitlines()


def test_a_spec_that_was_edited_meanwhile_is_not_written(tmp_path: Path) -> None:
    spec = prepare(tmp_path)
    loaded = load(spec)
    spec.write_text(SPEC + "# a thought\n", encoding="utf-8")
    with pytest.raises(NotWritten, match="was edited while the search ran"):
        write_back(loaded, spec, VALUES, "…")
    assert spec.read_text(encoding="utf-8") == SPEC + "# a thought\n"


def test_constants_with_which_the_spec_would_not_hold_are_not_written(tmp_path: Path) -> None:
    spec = prepare(tmp_path)
    text = SPEC.replace("to_multiple(w · C, 2)", "w · C")
    spec.write_text(text, encoding="utf-8")
    write_back(load(spec), spec, VALUES, "…")  # the baseline has no such rule
    spec.write_text(SPEC.replace("search α", "require baseline.FLOPS ≥ 1G\n\nsearch α"), encoding="utf-8")
    with pytest.raises(CompileError):
        load(spec).compile()


# The command


def test_a_search_from_end_to_end(tmp_path: Path) -> None:
    spec = prepare(tmp_path)
    code, out, err = search(tmp_path, "--jobs", "2", "--write")
    assert code == DONE, err
    found = result(tmp_path)
    winner = found["constants"]
    for name, letter in (("alpha", "α"), ("beta", "β"), ("gamma", "γ")):
        assert f"{letter} = {winner[name]}" in spec.read_text(encoding="utf-8").split("# the paper's")[0]
    assert "see small.search-result.json" in spec.read_text(encoding="utf-8")
    assert found["sentence"] in out.replace("\n", " ")
    assert "other data or another schedule may rank otherwise" in found["sentence"]
    assert {len(each["accuracy"]["by_seed"]) for each in found["ranking"]["candidates"]} == {3}
    assert found["validation"]["at"] == {"phi": "3"} and len(found["validation"]["candidates"]) == 4
    assert len(found["test"]["by_seed"]) == 3
    assert str(tmp_path) not in json.dumps(found), "no path"
    before, text = calls(tmp_path), spec.read_bytes()
    code, _, err = search(tmp_path, "--jobs", "2", "--write")
    assert code == DONE and "has these constants already" in err
    assert calls(tmp_path) == before and spec.read_bytes() == text and result(tmp_path) == found


@pytest.mark.slow
def test_a_pipe_gets_a_line_for_each_training(tmp_path: Path) -> None:
    """Unbuffered, while others still train; who has measured all of it before gets none."""
    prepare(tmp_path, {"slow": 0.05, "1": "kill", "2": "nan"})
    process = start(tmp_path)
    assert process.stderr is not None
    lines = [process.stderr.readline(), process.stderr.readline()]
    assert process.poll() is None, "not only at its end"
    out, rest = process.communicate(timeout=120)
    assert process.returncode == DONE, rest
    lines += rest.splitlines(keepends=True)
    assert lines[0] == "0 of 15 trials, 1 running\n"
    named = r"α = [\d.]+, β = [\d.]+, γ = [\d.]+"
    assert re.fullmatch(rf"1 of 15 trials: {named}, seed 0: \d+\.\d\d %, about .* left\n", lines[1])
    assert sum(": α = " in line and ", seed " in line for line in lines) == 15 + 12 + 3
    assert sum("1 killed, 1 nan: " in line and "seed 2: nan" in line for line in lines) == 1
    assert sum(" at φ = 3, seed " in line for line in lines) == 12
    assert sum(" % on the test set" in line for line in lines) == 3
    assert "trials" not in out
    _, _, err = search(tmp_path)
    assert err == "small.search-result.json: written\n"


def test_progress_has_so_many_lines_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    task = Task("k", "α = 1", "", "Net", (1, 8, 8), 0, "validation")
    progress = Progress(10_003, 3, wanted=True)
    for _ in range(10_000):
        progress.ended(task, Ended("killed"), again=True)
        progress.ended(task, Ended("complete", 0.5), again=False)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == MOST_LINES
    assert lines[-1] == "10003 of 10003 trials, 10000 killed: α = 1, seed 0: 50.00 %"


@pytest.mark.slow
def test_a_search_goes_on_where_nobody_listens(tmp_path: Path) -> None:
    prepare(tmp_path)
    process = start(tmp_path, "--finalists", "0")
    assert process.stderr is not None
    process.stderr.close()
    process.wait(timeout=120)
    assert (tmp_path / "small.search-result.json").is_file()


def test_a_command_is_a_source(tmp_path: Path) -> None:
    prepare(tmp_path)
    script = tmp_path / "measure.py"
    script.write_text(
        "import json, sys\nr = json.load(open(sys.argv[-1]))\nassert r['contract'] == 1\n"
        "json.dump({'accuracy': r['input'][1] / 100 + r['seed'] / 1000}, open(r['response'], 'w'))\n"
    )
    code, out, err = search(tmp_path, "--accuracy", f"{sys.executable} measure.py", "--finalists", "0")
    assert code == DONE, err
    assert result(tmp_path)["validation"] == {"verdict": "not validated"}
    assert result(tmp_path)["constants"] == {"alpha": "1", "beta": "1", "gamma": "1.5"}, "the most pixels win"
    assert "ahead of all others" in out


def test_a_dry_run_trains_nothing(tmp_path: Path) -> None:
    prepare(tmp_path)
    code, out, _ = search(tmp_path, "--dry-run")
    assert code == DONE and calls(tmp_path) == 0 and not (tmp_path / ".scalec").exists()
    assert "5 networks of 125 scales" in out
    assert "15 trainings: 5 networks, 3 seeds each" in out
    assert "12 trainings at φ = 3, to validate the choice" in out
    assert "117 left out: FLOPS do not grow by 2 ± 0.3" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--accuracy", "./train.sh"], "--accuracy ./train.sh: there is no such program"),
        (["--accuracy", "sh 'train"], "--accuracy sh 'train: no closing quotation"),
        (["--accuracy", "trainer:acuracy"], "trainer:acuracy cannot run: "),
        (["--data", "nowhere"], "--data nowhere: there is no such folder"),
        (["--storage", "sqlite:///search.db"], "SQLite runs a trial twice now and then"),
        (["--storage", "my-server"], "--storage is no URL of a database"),
        (["--storage", "mssql://me@host/db"], "--storage needs pyodbc"),
        (["--storage", "postgresql+psycopg://me:secret@127.0.0.1:9/none"], ""),
    ],
)
def test_a_dry_run_refuses_what_the_run_refuses(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    asked = ["search", "small.scl", "--accuracy", "trainer:accuracy"]
    assert main([*asked, *words]) == NO_ACCESS
    refused = capsys.readouterr()
    assert refused.err.startswith(f"scalec: {said}") and refused.err.count("\n") == 1 and not refused.out
    assert main([*asked, "--dry-run", *words]) == NO_ACCESS
    dry = capsys.readouterr()
    assert dry.err == refused.err
    assert "5 networks of 125 scales" in dry.out, "what can be said is said"
    assert calls(tmp_path) == 0 and not (tmp_path / "search.db").exists()


@pytest.mark.slow
def test_a_dry_run_refuses_a_budget_that_the_trainer_does_not_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    (tmp_path / "images").mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        sizes = (6, 8, 8)[: int(name[-1])]
        head = bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)
        (tmp_path / "images" / f"{name}-ubyte").write_bytes(head + bytes(math.prod(sizes)))
    monkeypatch.chdir(tmp_path)
    words = ["search", str(prepare(tmp_path / "in")), "--data", "images", "--budget"]
    assert main([*words, "epochs=3", "--dry-run"]) == DONE
    said = "the built-in trainer has a budget of `epochs` and `images`, not of `epoch`\n"
    for dry in ([], ["--dry-run"]):
        capsys.readouterr()
        assert main([*words, "epoch=3", *dry]) == NO_ACCESS
        assert capsys.readouterr().err.endswith(said)


def test_a_budget_instead_of_a_search(tmp_path: Path) -> None:
    prepare(tmp_path)
    code, out, err = search(tmp_path, "--free", "d,w,r", "--flops", "0.2M", "--jobs", "2", "--finalists", "0")
    assert code == DONE, err
    asked = "solve small.scl --free d,w,r --flops 0.2M --format json".split()
    command = [sys.executable, "-m", "scalec", *asked]
    solved = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    models = {tuple(model["FLOPS"] for model in json.loads(solved.stdout)["models"])}
    assert {tuple(each["FLOPS"] for each in result(tmp_path)["ranking"]["candidates"])} == models
    assert set(result(tmp_path)["constants"]) == {"d", "w", "r"}
    assert "that fill the budget and cannot grow" in out


def test_the_project_says_where_accuracy_comes_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.scalec.search]\naccuracy = "trainer:accuracy"\nstore = "kept"\n')
    command = [sys.executable, "-m", "scalec", "search", "small.scl", "--finalists", "0"]
    run_ = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert run_.returncode == DONE, run_.stderr
    assert (tmp_path / "kept" / "journal.log").is_file() and calls(tmp_path) > 0
    (tmp_path / "pyproject.toml").write_text('[tool.scalec.search]\nacuracy = "trainer:accuracy"\n')
    run_ = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert run_.returncode == WRONG_INPUT
    assert "[tool.scalec.search] has no key `acuracy`" in run_.stderr and "did you mean `accuracy`?" in run_.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--free", "d,w,r"], "--free needs a budget"),
        (["--flops", "1G"], "--flops goes with --free"),
        (["--set", "w=1"], "--set goes with --free"),
        (["--free", "d", "--flops", "1M", "--write"], "--write puts in the constants of the spec's own search"),
        (["--quick", "--write"], "--quick is to see one run"),
        (["--seeds", "2"], "expected a whole number from 3 to 100, not '2'"),
        (["--budget", "epochs:3"], "expected names and numbers"),
        (["--gpus", ";"], "expected numbers of GPUs"),
        (["--timeout", "0"], "expected seconds"),
    ],
)
def test_wrong_usage(words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = prepare(tmp_path)
    try:
        code = main(["search", str(spec), *words])
    except SystemExit as left:
        code = int(left.code or 0)
    assert code == WRONG_USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["optuna", "numpy"])
def test_what_is_not_installed_is_named(missing: str, tmp_path: Path) -> None:
    prepare(tmp_path)
    code = f"import sys; sys.modules[{missing!r}] = None; from scalec.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "search", "small.scl", "--accuracy", "trainer:accuracy"]
    found = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == WRONG_USAGE
    assert found.stderr == f"scalec: search needs {missing}: pip install 'scalec[search]'\n"


def test_a_worker_needs_a_database(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "worker"]) == WRONG_USAGE
    assert "a worker needs --storage" in capsys.readouterr().err


def test_a_spec_without_a_search(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", str(SPECS / "vgg.scl"), "--dry-run"]) == WRONG_INPUT
    assert "the spec has no `search`" in capsys.readouterr().err


@pytest.mark.slow
def test_a_job_of_submitit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a cluster here, submitit runs the very same job as a process."""
    pytest.importorskip("submitit")
    from scalec.search.slurm import SlurmTrial
    from scalec.search.trial import Ended, Files

    monkeypatch.chdir(tmp_path)
    (tmp_path / "answer.sh").write_text(
        '[ $2 = fail ] && exit 3\necho \'{"accuracy": 0.5}\' > "$(dirname "$1")/response.json"\n'
    )

    def ended(word: str) -> Ended:
        files = Files.make(tmp_path / "trials", "", Request("", "Net", (3, 8, 8), 0, {}, None, "test", 1, "cpu", ""))
        source = Source("sh", ("sh", "-c", f"exec sh answer.sh $0 {word}"), None, {}, {})
        trial = SlurmTrial(files, source, {"OMP_NUM_THREADS": "1"}, 60, 0, cluster="local")
        end = time.monotonic() + 60
        while (found := trial.poll()) is None:
            assert time.monotonic() < end
            time.sleep(0.1)
        trial.close()
        return found

    assert ended("well") == Ended("complete", 0.5, {})
    assert ended("fail").state == "failed"


# The documents


def test_the_states_of_a_trial_are_documented() -> None:
    from scalec.search.trial import STATES

    text = (SPECS.parent / "docs" / "search.md").read_text(encoding="utf-8")
    missing = [state for state in STATES if f"`{state}`" not in text and state not in ("complete", "interrupted")]
    assert not missing


def test_the_request_is_documented() -> None:
    text = (SPECS.parent / "docs" / "search.md").read_text(encoding="utf-8")
    request = Request("net.py", "Net", (3, 32, 32), 4, {"epochs": 2}, None, "test", 2, "cpu", "out.json")
    keys = [
        line.split("`")[1]
        for line in text.split("The request:")[1].split("The response:")[0].splitlines()
        if "| `" in line
    ]
    assert sorted(keys) == sorted(request.as_json())


def test_the_dry_run_of_the_documents_is_what_is_printed(tmp_path: Path) -> None:
    text = (SPECS.parent / "docs" / "search.md").read_text(encoding="utf-8")
    shown_ = text.split("$ scalec search specs/fashion.scl --dry-run\n")[1].split("```")[0].splitlines()
    command = [sys.executable, "-m", "scalec", "search", str(SPECS / "fashion.scl"), "--dry-run", "--accuracy", "true"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line for line in shown_ if line != "…"] and set(shown_) - {"…"} <= set(printed)
