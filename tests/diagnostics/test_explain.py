"""`scalec explain`: every code has a page, and what its examples show is so."""

import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scalec.commands.cli import main
from scalec.diagnostics.exit_codes import DONE, WRONG_INPUT, WRONG_USAGE
from scalec.diagnostics.explain import Example, Page, codes, page
from scalec.lint.allow import CODES

COMMANDS = Path(__file__).parents[2] / "docs" / "commands.md"
MARK = "<!-- warnings: written by tests/diagnostics/test_explain.py --update -->\n"
COMPILER = Path(__file__).parents[2] / "compiler" / "scalec"
GIVEN = {
    code
    for path in COMPILER.rglob("*.py")
    for code in re.findall(r'"([EW]\d{3})"', path.read_text(encoding="utf-8"))
}  # fmt: skip
PAGES = [page(code) for code in codes()]


PLAIN = "network Tiny <8, 8, 3> → <8, 8, 3> = ReLU\n"


def told(example: Example, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Run an example; give the exit code and the codes of what is said on standard error, one for each finding."""
    if example.language in ("console", "py"):
        (folder / "net.scl").write_text(PLAIN, encoding="utf-8")
        (folder / "net.py").write_text(example.spec, encoding="utf-8")
        script = example.spec.replace("$ ", "") if example.language == "console" else "scalec check net.py"
        shell = ["bash", "-ec", f'rm -rf specs; scalec() {{ {sys.executable} -m scalec "$@"; }}\n{script}']
        if example.language == "console":
            (folder / "net.py").unlink()
        done = subprocess.run(shell, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, codes_in(done.stderr)
    if example.language == "toml":
        (folder / "pyproject.toml").write_text(example.spec, encoding="utf-8")
        example = replace(example, language="scl", spec=PLAIN)
    text = re.sub(r"<U\+([0-9A-F]{4})>", lambda match: chr(int(match[1], 16)), example.spec)
    (folder / "example.scl").write_text(text, encoding="utf-8")
    words = shlex.split(example.arguments)
    command = ["check"] if words[:1] == ["check"] else ["compile", "-o", str(folder / "out.py"), "--force", *words]
    code = main([*command, str(folder / "example.scl")])
    return code, codes_in(capsys.readouterr().err)


def codes_in(said: str) -> list[str]:
    found = re.findall(r"^(?:error|warning)\[(\w+)\]", said, re.MULTILINE)
    assert bool(found) == bool(said), said
    return found


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(codes()) == GIVEN | CODES
    assert {code for code in GIVEN if code.startswith("W")} <= CODES | {"W601"}, "W601 is about an emitted file"


@pytest.mark.parametrize("each", PAGES, ids=lambda each: each.code)
def test_a_page_is_whole(each: Page) -> None:
    assert each.title[0].islower() or each.title[0] in "α`"
    assert not each.title.endswith(".")
    assert [example.kind for example in each.examples] == ["wrong", "right"]
    lines = each.text.splitlines()
    prose = re.sub(r"```.*?```", "", each.text, flags=re.DOTALL).strip().splitlines()
    assert len(prose) >= 4 and len(lines) <= 64
    assert all(len(line) <= 140 for line in lines)
    assert each.text.count("```") == 4


@pytest.mark.parametrize("each", PAGES, ids=lambda each: each.code)
def test_the_wrong_example_gives_this_code_alone(
    each: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, found = told(each.examples[0], tmp_path, capsys)
    assert set(found) == {each.code}
    assert code == (WRONG_INPUT if each.severity == "error" else DONE)


@pytest.mark.parametrize("each", PAGES, ids=lambda each: each.code)
def test_the_right_example_gives_nothing(
    each: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    right = each.examples[1]
    assert told(right, tmp_path, capsys) == (DONE, [])
    if right.language not in ("console", "py"):  # they say themselves what is run
        assert told(replace(right, arguments="check"), tmp_path, capsys) == (DONE, []), "a warning"


@pytest.mark.parametrize("code", ["E202", "E305"])
def test_a_page_speaks_of_every_number_that_has_its_code(code: str) -> None:
    """Of those that the golden errors are about: `the number of seeds` and so on."""
    text = next(each.text for each in PAGES if each.code == code).lower()
    said = "".join(
        path.read_text(encoding="utf-8") for path in (Path(__file__).parents[1] / "errors").glob(f"{code}_*.txt")
    )
    about = set(re.findall(rf"^error\[{code}\]: the (?:number of )?(\w+) must be", said, re.MULTILINE))
    assert {"channels", "height", "layers", "seeds"} <= about
    assert not [word for word in about if word not in text]


def test_a_page_is_printed_as_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "e301"]) == DONE
    said = capsys.readouterr()
    assert not said.err and "```" not in said.out
    assert said.out.startswith("error E301: a stage has another output shape than written\n\n")
    assert "Wrong:\n\n    network Tiny" in said.out and "Right:\n\n    network Tiny" in said.out
    assert main(["explain", "E401"]) == DONE
    assert "Wrong, with `scalec compile --phi 4`:" in capsys.readouterr().out


def test_all_codes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == codes()
    assert "E301  a stage has another output shape than written" in lines


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "W404", "--format", "json"]) == DONE
    one = json.loads(capsys.readouterr().out)
    assert (one["code"], one["severity"]) == ("W404", "warning")
    assert [example["kind"] for example in one["examples"]] == ["wrong", "right"]
    assert main(["explain", "--format", "json"]) == DONE
    assert [each["code"] for each in json.loads(capsys.readouterr().out)] == codes()


@pytest.mark.parametrize(("wrong", "help"), [("E41", "did you mean `E401`?"), ("banana", "lists all codes"), ("", "")])
def test_a_wrong_code(wrong: str, help: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", wrong]) == WRONG_USAGE
    said = capsys.readouterr()
    assert not said.out and help in said.err and len(said.err.splitlines()) == 1


def test_table_of_warnings(request: pytest.FixtureRequest) -> None:
    head, mark, old = COMMANDS.read_text(encoding="utf-8").partition(MARK)
    rows = [f"| {each.code} | {each.title} |" for each in PAGES if each.severity == "warning"]
    table = "\n".join(["", "| code | what it is about |", "| --- | --- |", *rows, ""])
    if request.config.getoption("--update"):
        COMMANDS.write_text(head + mark + table, encoding="utf-8")
        old = table
    assert old == table


def test_the_example_in_the_documentation_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    text = COMMANDS.read_text(encoding="utf-8").split("$ scalec explain E202\n")[1].split("\n…\n")[0]
    assert main(["explain", "E202"]) == DONE
    assert capsys.readouterr().out.startswith(text)
