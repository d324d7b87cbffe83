"""Every warning, as a user sees it: `scalec check warnings/NAME.scl` gives exactly `warnings/NAME.txt`.

The specs in `warnings/quiet` come near one, and give none. `pytest --update` writes the .txt files anew: read them.
"""

import os
import re
from pathlib import Path

import pytest

from scalec.commands.cli import main
from scalec.compiler import load
from scalec.diagnostics.exit_codes import DONE, WRONG_INPUT
from scalec.lint.allow import CODES
from scalec.ops import OPERATORS
from scalec.program.request import Request
from scalec.project.spec_check import check

FOLDER = Path(__file__).parents[1] / "warnings"
SPECS = Path(__file__).parents[2] / "specs"
FIRING = sorted(path.stem for path in FOLDER.glob("*.scl"))
QUIET = sorted(path.stem for path in (FOLDER / "quiet").glob("*.scl"))


def codes(path: Path) -> list[str]:
    return [each.code for each in check(path)[1]]


@pytest.mark.parametrize("name", FIRING)
def test_warning(name: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    spec = FOLDER / f"{name}.scl"
    assert main(["check", str(spec)]) == DONE
    said = capsys.readouterr()
    told = said.err.replace(f"{spec.parent}{os.sep}", "")
    assert len(said.out.splitlines()) == 1
    expected = FOLDER / f"{name}.txt"
    if request.config.getoption("--update"):
        expected.write_text(told, encoding="utf-8", newline="")
    assert told == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FIRING)
def test_a_file_gives_the_code_that_it_is_named_after_alone(name: str) -> None:
    assert set(codes(FOLDER / f"{name}.scl")) == {name.partition("_")[0]}


@pytest.mark.parametrize("name", QUIET)
def test_quiet(name: str) -> None:
    assert not codes(FOLDER / "quiet" / f"{name}.scl")


def test_every_code_fires_and_stays_quiet_twice() -> None:
    for code in CODES:
        assert sum(name.startswith(code) for name in FIRING) >= 2, code
        assert sum(name.startswith(code) for name in QUIET) >= 2, code
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(FIRING)


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.scl")), ids=lambda path: path.stem)
def test_shipped_specs_are_clean_or_say_why(path: Path) -> None:
    assert not codes(path)


def test_strict_makes_an_error_of_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    wrong, right = str(FOLDER / "W101_phi.scl"), str(FOLDER / "quiet" / "W101_all_used.scl")
    assert main(["check", "--strict", right]) == DONE
    assert main(["check", "--strict", wrong]) == WRONG_INPUT
    assert main(["check", "--strict", wrong, right]) == WRONG_INPUT
    assert main(["check", wrong, right]) == DONE
    assert "error" not in capsys.readouterr().err


def test_compile_heeds_what_is_allowed(tmp_path: Path) -> None:
    """φ = 1 of EfficientNet costs 2.573 times the baseline: a warning of `compile`, until it is allowed."""
    text = (SPECS / "efficientnet.scl").read_text(encoding="utf-8")
    path = tmp_path / "mine.scl"
    for comment, warned in (("", ["W401"]), ("# scalec: allow W401 the paper's own rounding\n", [])):
        path.write_text(comment + text, encoding="utf-8")
        assert [each.code for each in load(path).compile(Request(phi="1")).warnings] == warned
        assert not codes(path), "compile gives it, so it is not idle"


@pytest.mark.parametrize("code", ["W403", "W404"])
def test_efficientnet_has_what_its_comments_allow(code: str, tmp_path: Path) -> None:
    text = (SPECS / "efficientnet.scl").read_text(encoding="utf-8")
    path = tmp_path / "bare.scl"
    path.write_text(re.sub(rf"# scalec: allow {code} .*\n", "", text), encoding="utf-8")
    assert codes(path) == [code]


def test_figures_of_the_paper_s_network(tmp_path: Path) -> None:
    text = (SPECS / "efficientnet.scl").read_text(encoding="utf-8")
    path = tmp_path / "bare.scl"
    path.write_text(re.sub(r"# scalec: .*\n", "", text), encoding="utf-8")
    found = {each.code: each for each in check(path)[1]}
    assert "FLOPS grow by 2.573, where d·w²·r² is 1.92" in found["W404"].notes
    assert "stage2 and stage8" in found["W404"].message
    assert found["W403"].message == "at φ = 1, 258 pixels cost 15.4 % more than 256"
    documented = (SPECS.parent / "docs" / "commands.md").read_text(encoding="utf-8")
    for line in (found["W403"].message, *found["W403"].notes, found["W403"].help):
        assert line and line in documented
    wide = tmp_path / "wide.scl"
    wide.write_text(
        text.replace("224/224,     0.2)\n  B1", "225/224,     0.2)\n  B1").replace("require B0", "# "), "utf-8"
    )
    stairs = [each for each in check(wide)[1] if each.code == "W403"]
    assert not stairs, "the comment at the head covers the variant, too"
    wide.write_text(re.sub(r"# scalec: .*\n", "", wide.read_text("utf-8")), "utf-8")
    (stair,) = [each for each in check(wide)[1] if each.code == "W403" and each.label.span.text == "B0"]
    assert stair.message == "in B0, 225 pixels cost 16.5 % more than 224"


def test_messages_are_in_one_style() -> None:
    """As those of errors: lower case at the start, no full stop at the end."""
    for path in FOLDER.glob("*.txt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if match := re.match(r"(?:warning\[W\d{3}\]|\s*= (?:note|help)): (.*)", line):
                message = match[1]
                assert message == message.rstrip(" .:!"), line
                first = re.split(r"\W", message)[0]
                assert (
                    not first[:1].isupper() or first in (*OPERATORS, "FLOPS") or first in CODES or first[0] in "E"
                ), line
