"""`scalec study`: which networks it measures, what it writes, and what it refuses."""

import fcntl
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from fractions import Fraction
from io import StringIO
from itertools import pairwise
from pathlib import Path
from statistics import fmean, stdev
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalec.commands.cli import main
from scalec.compiler import Loaded, load
from scalec.cost.count import cost
from scalec.diagnostics import exit_codes as exits
from scalec.program.request import Request
from scalec.program.setting import Setting
from scalec.search.study.chart import spread
from scalec.search.study.ladder import COMPOUND, SHARES, Ladder
from scalec.search.study.observations import Blocks, Line, observation_1, observation_2, under
from scalec.search.study.report import report, verdicts
from scalec.search.study.study import Plan, Wanted, make_plan
from scalec.search.trainer.idx_images import PLACE
from searching import SPEC as SMALL

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "specs" / "fashion.scl"
TRAINER = """\
import json, math, sys
from pathlib import Path

request = json.loads(Path(sys.argv[-1]).read_text())
with Path("calls").open("a") as file:
    file.write(f"{request['input']} {request['seed']}\\n")
text = Path(request["file"]).read_text()
accuracy = 0.5 + 0.1 * math.log2(request["resolution"] / 10) + 0.01 * request["seed"]
accuracy += 0.001 * (sum(map(ord, text)) % 20)
behave = Path("behave").read_text() if Path("behave").exists() else ""
second = request["seed"] == 1
if behave == "stop" or (behave == "half" and second) or (behave == "nan" and second and request["resolution"] == 16):
    accuracy = float("nan")
Path(request["response"]).write_text(json.dumps({"accuracy": accuracy}))
"""
TARGETS = tuple(map(Fraction, (2, 4, 8, 16)))


def prepare(folder: Path) -> Path:
    """Put two specs and a trainer that trains nothing into a folder."""
    (folder / "trainer.py").write_text(TRAINER, encoding="utf-8")
    (folder / "fashion.scl").write_bytes(SPEC.read_bytes())
    (folder / "small.scl").write_text(SMALL, encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in."""
    monkeypatch.chdir(tmp_path)
    return prepare(tmp_path)


def study(*options: str, spec: str = "small.scl") -> int:
    how = ["--accuracy", f"{sys.executable} trainer.py", "--growth", "2,4", "--seeds", "2", "--jobs", "2"]
    return main(["study", spec, *how, *options])


@pytest.fixture(scope="module")
def fashion() -> Loaded:
    return load(SPEC)


@pytest.mark.parametrize("way", [*SHARES, COMPOUND])
def test_networks_cost_what_they_are_meant_to(fashion: Loaded, way: str) -> None:
    ladder = Ladder(fashion, Setting(), (28, 28))
    rungs = ladder.climb(way, TARGETS)
    assert len(rungs) == (3 if way == "r" else 4)  # 28 rows are r = 2.8, and 8x
    for rung, target in zip(rungs, TARGETS, strict=False):
        assert target / Fraction(5, 4) < rung.growth < target * Fraction(5, 4)
        changes = [(name, str(float(value))) for name, value in rung.at]
        made = fashion.compile(Request(changes=tuple(changes))).network
        assert cost(made).macs == rung.network.cost.macs == rung.growth * ladder.flops
        assert made.x.height <= 28 and ladder.point(rung).input == (1, made.x.height, made.x.width)
        assert all(value == 1 for name, value in rung.at if name not in ("phi", *SHARES.get(way, ())))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Give a folder in which one whole study has been made, in `one`, and what it printed."""
    folder = prepare(tmp_path_factory.mktemp("finished"))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as printed:
        patch.chdir(folder)
        assert study("-o", "one", "--png") == exits.DONE
    return folder, printed.getvalue()


def test_no_other_value_of_two_decimals_comes_nearer(fashion: Loaded) -> None:
    ladder = Ladder(fashion, Setting(), (28, 28))
    (rung,) = ladder.climb("w", [Fraction(3)])
    near = [ladder.rung({"w": Fraction(n, 100)}) for n in range(101, 400)]
    assert min(abs(float(each.growth) / 3 - 1) for each in near if each) == abs(float(rung.growth) / 3 - 1)


def test_equal_shares_are_equal(fashion: Loaded) -> None:
    for rung in Ladder(fashion, Setting()).climb("d = w² = r²", TARGETS):
        at = {name: float(value) for name, value in rung.at}
        assert at["d"] == pytest.approx(at["w"] ** 2, rel=0.03) and at["w"] == at["r"]


def test_a_network_is_measured_once_however_many_lines_it_is_on(fashion: Loaded) -> None:
    plan = make_plan(fashion, Setting(), Wanted(TARGETS[:3]), (28, 28))
    models = [rung.network.model for rung in plan.rungs]
    assert len(models) == len(set(models))
    for line in (*plan.scaled.values(), *plan.widths.values()):
        growths = [rung.growth for rung in line]
        assert growths == sorted(set(growths)) and max(growths) < 10
    assert all(line[0] is plan.ladder.bottom for line in plan.scaled.values())
    assert list(plan.widths) == ["d = 1, r = 1", "d = 1, r = 1.8", "d = 2, r = 1", "d = 2, r = 1.8"]
    assert plan.widths["d = 1, r = 1"] == plan.scaled["w"]
    assert plan.widths["d = 2, r = 1.8"][0].name == "d = 2, r = 1.8"


def test_the_specs_own_way_is_there_where_it_is_another(folder: Path) -> None:
    def plan(constants: str) -> Plan:
        text = re.sub(r"α = [0-9.]+, β = [0-9.]+, γ = [0-9.]+", constants, SPEC.read_text(encoding="utf-8"))
        assert constants in text
        (folder / "other.scl").write_text(text, encoding="utf-8")
        return make_plan(load(folder / "other.scl"), Setting(), Wanted(TARGETS[:2]), (28, 28))

    assert COMPOUND not in plan("α = 1.26, β = 1.12, γ = 1.12").scaled  # equal shares
    own = plan("α = 1, β = 1.3, γ = 1.09").scaled[COMPOUND]
    assert len(own) == 3 and own[1].name.startswith("φ = ")


def test_what_a_spec_requires_is_not_asked(folder: Path) -> None:
    text = SPEC.read_text(encoding="utf-8")
    tight = text.replace("require baseline.FLOPS", "require FLOPS ≤ 0.1M\nrequire baseline.FLOPS")
    (folder / "tight.scl").write_text(tight, encoding="utf-8")
    assert main(["compile", "tight.scl", "--set", "d=2"]) == exits.WRONG_INPUT
    assert study("--dry-run", spec="tight.scl") == exits.DONE


def test_a_dry_run_refuses_what_the_run_refuses(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--storage", "sqlite:///study.db"], ["--accuracy", "./train.sh"]):
        said = []
        for dry in ([], ["--dry-run"]):
            capsys.readouterr()
            assert study(*words, *dry) == exits.NO_ACCESS
            said.append(capsys.readouterr().err)
        assert said[0] == said[1] and said[0].count("\n") == 1


def test_it_writes_what_it_found(finished: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, printed = finished
    monkeypatch.chdir(folder)
    names = ["small.figure3.png", "small.figure3.svg", "small.figure4.png", "small.figure4.svg",
             "small.study.json", "small.study.txt"]  # fmt: skip
    assert sorted(path.name for path in Path("one").iterdir()) == names
    assert printed == Path("one/small.study.txt").read_text(encoding="utf-8")
    assert "Observation 1: " in printed and "Observation 2: " in printed
    found = json.loads(Path("one/small.study.json").read_text(encoding="utf-8"))
    assert found["schema"] == 1 and found["seeds"] == [0, 1] and found["network"] == "Small"
    assert len(found["networks"]) * 2 == len(Path("calls").read_text().splitlines())
    by_name = {each["name"]: each for each in found["networks"]}
    assert {name for key in ("figure3", "figure4") for each in found[key] for name in each["networks"]} == set(by_name)
    for each in found["networks"]:
        assert each["mean"] == pytest.approx(sum(each["accuracy"].values()) / 2, abs=1e-6)
        assert set(each["accuracy"]) == {"0", "1"} and "missing" not in each
    text = Path("one/small.study.json").read_text(encoding="utf-8")
    assert str(folder) not in text and str(Path(sys.executable).parent) not in text
    for name in names[1:4:2]:
        drawn = ElementTree.parse(f"one/{name}").getroot()
        assert drawn.tag.endswith("svg") and "Date" not in Path("one", name).read_text() and drawn.get("width")


def test_a_second_run_is_free_and_the_files_are_the_same_bytes(
    finished: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished[0])
    calls = Path("calls").read_text()
    words = ["study", "small.scl", "--accuracy", f"{sys.executable} trainer.py", "--growth", "2,4", "--seeds", "2"]
    again = subprocess.run(
        [sys.executable, "-m", "scalec", *words, "-o", "two"], env={**os.environ, "PYTHONHASHSEED": "7"}, check=False
    )
    assert again.returncode == exits.DONE and Path("calls").read_text() == calls
    assert len(list(Path("two").iterdir())) == 4
    for path in Path("two").iterdir():
        assert path.read_bytes() == Path("one", path.name).read_bytes(), path.name


def test_a_network_that_diverges_is_said_and_counts_in_no_test(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("behave").write_text("nan")
    assert study() == exits.DONE
    out = capsys.readouterr().out
    assert "r = 2: nan, seed 1" in out
    found = json.loads(Path("small.study.json").read_text(encoding="utf-8"))
    (network,) = [each for each in found["networks"] if each["name"] == "r = 2"]
    assert network["missing"] == ["nan, seed 1"] and list(network["accuracy"]) == ["0"] and network["deviation"] is None
    along_r = found["findings"][0]["parts"][2]
    assert along_r["verdict"] == "undecided" and "because" not in along_r  # too few are left


@pytest.mark.slow
def test_a_seed_that_diverges_everywhere_leaves_nothing_to_test(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("behave").write_text("half")
    assert study() == exits.DONE
    found = json.loads(Path("small.study.json").read_text(encoding="utf-8"))
    assert {each["verdict"] for each in found["findings"]} == {"undecided"}
    assert all(list(each["accuracy"]) == ["0"] for each in found["networks"])
    assert "d = 2: nan, seed 1" in capsys.readouterr().out


def test_nothing_trained_is_an_error_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("behave").write_text("stop")
    assert study("-o", "out") == exits.WRONG_INPUT
    assert "nothing could be trained: nan: " in capsys.readouterr().err and not Path("out").exists()


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (("let d = α^φ, w", "let depth = α^φ, w"), [], "the spec has no let `d`"),
        (None, ["--set", "d=2"], "`d` is what a study scales"),
        (None, ["--set", "q=2"], "there is no param, let or network parameter `q`"),
    ],
)
def test_specs_that_cannot_be_studied(
    folder: Path, change: tuple[str, str] | None, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SPEC.read_text(encoding="utf-8")
    if change:
        text = text.replace(*change).replace("round(d · L)", "round(depth · L)")
    Path("fashion.scl").write_text(text, encoding="utf-8")
    assert study(*options, spec="fashion.scl") == (exits.WRONG_USAGE if "d=2" in options else exits.WRONG_INPUT)
    assert said in capsys.readouterr().err and not Path("calls").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--growth", "2"], "two growths or more"),
        (["--growth", "1,2"], "numbers above 1"),
        (["--growth", "2,x"], "numbers above 1"),
        (["--depth", "1"], "numbers above 1"),
        (["--seeds", "1"], "two seeds or more"),
    ],
)
def test_wrong_usage(folder: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        study(*options)
    assert stopped.value.code == exits.WRONG_USAGE and said in capsys.readouterr().err


def test_standard_input_has_no_name_for_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "-"]) == exits.WRONG_USAGE and "give its name" in capsys.readouterr().err


@given(st.lists(st.floats(-500, 500), min_size=1, max_size=7))
def test_labels_are_apart_in_order_and_moved_no_more_than_need_be(heights: list[float]) -> None:
    placed = spread(heights, 10)
    order = sorted(range(len(heights)), key=lambda index: (heights[index], index))
    gaps = [placed[b] - placed[a] for a, b in pairwise(order)]
    assert all(gap >= 10 - 1e-6 for gap in gaps)
    assert sum(placed) == pytest.approx(sum(heights), abs=1e-6)
    far = sorted(heights)
    if all(b - a >= 10 for a, b in pairwise(far)):
        assert placed == pytest.approx(heights)


@pytest.mark.slow
@pytest.mark.skipif(not PLACE.is_dir() and "CI" not in os.environ, reason="needs Debian's dataset-fashion-mnist")
def test_quick_for_real(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole, with trainings: `--quick` on two cores."""
    assert main(["study", "fashion.scl", "--quick", "--jobs", "2"]) == exits.DONE
    found: dict[str, Any] = json.loads(Path("fashion.study.json").read_text(encoding="utf-8"))
    assert all(each["mean"] > 0.15 for each in found["networks"])
    assert found["accuracy_from"]["regime"].startswith("4 epochs on 1,000 images of Fashion-MNIST")


def test_the_study_in_the_docs_follows_from_its_runs() -> None:
    """The text is the JSON's, every mean is that of its seeds, and the findings are what the tests say of them now."""
    kept = ROOT / "docs" / "study"
    found = json.loads((kept / "fashion.study.json").read_text(encoding="utf-8"))
    assert report(found) == (kept / "fashion.study.txt").read_text(encoding="utf-8")
    by_name = {each["name"]: each for each in found["networks"]}
    for each in found["networks"]:
        figures = list(each["accuracy"].values())
        assert each["mean"] == pytest.approx(fmean(figures), abs=1e-6)
        assert each["deviation"] == pytest.approx(stdev(figures), abs=1e-6)
    blocks = Blocks({n: {int(s): a for s, a in each["accuracy"].items()} for n, each in by_name.items()})
    lines = [
        [Line(each["line"], tuple((by_name[n]["growth"], n) for n in each["networks"])) for each in found[figure]]
        for figure in ("figure3", "figure4")
    ]
    single, balanced = ([each for each in lines[0] if (each.name in "dwr") == alone] for alone in (True, False))
    again = [observation_1(blocks, single), observation_2(blocks, single, balanced, 16)]
    again += under(blocks, lines[1][0], lines[1][1:])
    assert [each.verdict for each in again] == [each["verdict"] for each in found["findings"]]
    for new, old in zip(again, found["findings"], strict=True):
        assert [part.verdict for part in new.parts] == [part["verdict"] for part in old.get("parts", [])]
    page = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
    assert "\n".join(verdicts(found)) in page, "docs/study.md quotes the verdicts"


def test_the_project_may_say_where_accuracy_is_from(folder: Path) -> None:
    words = json.dumps(f"{sys.executable} trainer.py")
    Path("pyproject.toml").write_text(f"[tool.scalec.search]\naccuracy = {words}\n", encoding="utf-8")
    assert main(["study", "small.scl", "--growth", "1.5,2", "--seeds", "2", "--jobs", "2"]) == exits.DONE
    assert Path("calls").is_file()


def test_another_driver_has_the_store(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".scalec/search").mkdir(parents=True)
    with Path(".scalec/search/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert study("-o", "out") == exits.NO_ACCESS
    assert ".scalec/search" in capsys.readouterr().err and not Path("out").exists() and not Path("calls").exists()


def test_a_source_that_cannot_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "small.scl", "--data", "nowhere"]) == exits.NO_ACCESS
    assert "nowhere is no folder" in capsys.readouterr().err
