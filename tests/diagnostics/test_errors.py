"""Every diagnostic, as a user sees it: `errors/NAME.scl` gives exactly `errors/NAME.txt` on standard error.

`errors/NAME.json` is the same for machines. `pytest --update` writes both anew. Read what changed: the .txt files are
what the user reads, the .json files what an editor may count on.
"""

import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from scalec.commands.cli import main
from scalec.compiler import load
from scalec.diagnostics.diagnostic import CompileError, Diagnostic, Fix
from scalec.diagnostics.exit_codes import WRONG_INPUT, WRONG_USAGE
from scalec.ops import OPERATORS

FOLDER = Path(__file__).parents[1] / "errors"
COMPILER = Path(__file__).parents[2] / "compiler" / "scalec"
NETWORK = b"network Tiny <8, 8, 3> -> <8, 8, 3>\n  = ReLU\n"

# What is better not in a file of the repository: no editor and no version control would leave it alone.
MADE = {
    "E003_not_utf8": b"# caf\xe9\n" + NETWORK,
    "E003_null": b"let a = 1\0\n" + NETWORK,
    "E003_utf16": NETWORK.decode().encode("utf-16"),
    "E003_surrogate": b"# \xed\xa0\x80\n" + NETWORK,
    "E003_escape_sequence": b"let a = 1 # \x1b[31mred\x1b[0m\n" + NETWORK,
    "E003_lone_carriage_return": b"# one\rlet a = 1\n" + NETWORK,
    "E004_file": b"#" * (256 * 1024) + b"\n" + NETWORK,
    "E004_tokens": b"let a = 1" + b" + 1" * 25_000 + b"\n" + NETWORK,
    "E001_conditions_nested": b"let a = " + b"1 if true else " * 500 + b"0\n" + NETWORK,
    "E004_powers": b"let a = 2" + b"^(1" * 100 + b")" * 100 + b"\n" + NETWORK,
    "E002_many": b"let a = $$$$$$$$$$$$$$$$$$$$$$$$$$$$$$\n" + NETWORK,
    "E002_long_line": b"let a = 1" + b" + 1" * 200 + b" + $" + b" + 1" * 200 + b"\n" + NETWORK,
}  # fmt: skip
USAGE = {
    "E001_set_not_a_value", "E001_set_two_values", "E004_phi", "E004_phi_denominator", "E101_set_function",
    "E101_set_name_as_value", "E203_phi_word",
}  # fmt: skip
"""Where the command line means nothing, whatever the spec: wrong usage."""
WRITTEN = sorted(path.stem for path in FOLDER.glob("*.scl"))


def command(spec: Path) -> list[str]:
    """Give the command line: `# args: --phi 4` in the first line adds to `compile SPEC`; `check` may stand first."""
    first = spec.read_bytes().split(b"\n", 1)[0].decode("utf-8", "replace")
    words = shlex.split(first.removeprefix("# args:")) if first.startswith("# args:") else []
    name = words.pop(0) if words[:1] in (["check"], ["cost"]) else "compile"
    return [name, str(spec), *words]


@pytest.fixture
def case(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the file of a case, an empty folder beside it being the current one."""
    spec = FOLDER / f"{name}.scl"
    if name in MADE:
        (tmp_path / "in").mkdir()
        spec = tmp_path / "in" / f"{name}.scl"
        spec.write_bytes(MADE[name])
    settings = FOLDER / f"{name}.toml"
    if settings.exists():
        (tmp_path / "pyproject.toml").write_bytes(settings.read_bytes())
    work = tmp_path / "out"
    work.mkdir()
    monkeypatch.chdir(work)
    return spec


def said(spec: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """Give the exit code and what a case says of itself, without the folder that it lies in."""
    words = command(spec)
    code = main([*words, *options])
    out, err = capsys.readouterr()
    assert not list(Path.cwd().iterdir())
    assert "Traceback" not in err
    assert not (err if "--format" in options else out), "what does not belong there"
    return code, (out + err).replace(f"{spec.parent}{os.sep}", "")


@pytest.mark.parametrize("name", [*WRITTEN, *MADE])
def test_error(name: str, case: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = said(case, capsys)
    assert code == (WRONG_USAGE if name in USAGE else WRONG_INPUT), told
    expected = FOLDER / f"{name}.txt"
    if request.config.getoption("--update"):
        expected.write_text(told, encoding="utf-8", newline="")
    assert told == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*WRITTEN, *MADE])
def test_error_as_json(
    name: str, case: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    option = "--format" if command(case)[0] == "check" else "--error-format"
    code, told = said(case, capsys, option, "json")
    assert code == (WRONG_USAGE if name in USAGE else WRONG_INPUT) and told.count("\n") == 1
    expected = FOLDER / f"{name}.json"
    if request.config.getoption("--update"):
        expected.write_text(laid_out(json.loads(told)), encoding="utf-8", newline="")
    assert json.loads(told) == json.loads(expected.read_text(encoding="utf-8"))


def laid_out(report: dict[str, Any]) -> str:
    """Write a report so that it can be reviewed: a line for each field of a finding."""

    def fields(found: dict[str, Any], indent: str) -> str:
        return ",\n".join(f"{indent}{json.dumps(key)}: {json.dumps(found[key], ensure_ascii=False)}" for key in found)

    head = fields({key: report[key] for key in report if key != "diagnostics"}, " ")
    found = ",\n".join("  {\n" + fields(each, "   ") + "\n  }" for each in report["diagnostics"])
    return f'{{\n{head},\n "diagnostics": [\n{found}\n ]\n}}\n'


@pytest.mark.parametrize("name", [*WRITTEN, *MADE])
def test_a_safe_fix_mends_what_it_says(name: str, case: Path, tmp_path: Path) -> None:
    """Each, applied alone, takes its own diagnostic away, and brings no further ones."""
    before = findings(case)
    for diagnostic in before:
        for fix in (each for each in diagnostic.fixes if each.applicability == "safe"):
            mended = case.with_name(f"mended_{name}.scl") if name in MADE else tmp_path / case.name
            mended.write_bytes(applied(fix, case).encode())
            after = findings(mended)
            place = diagnostic.label.span.start
            assert (diagnostic.code, diagnostic.message, place) not in [
                (d.code, d.message, d.label.span.start) for d in after
            ], fix
            assert len(after) <= len(before), fix


@pytest.mark.parametrize("name", [*WRITTEN, *MADE])
def test_a_fix_changes_the_file_that_is_wrong(name: str, case: Path) -> None:
    for fix in (fix for diagnostic in findings(case) for fix in diagnostic.fixes):
        assert fix.edits and {edit.span.source.name for edit in fix.edits} <= {
            str(case),
            str(FOLDER / "E001_brace_open.scl"),
        }
        assert applied(fix, case) != case.read_bytes().decode("utf-8-sig")


def findings(spec: Path) -> tuple[Diagnostic, ...]:
    """Give what `compile` finds: everything that a stage says before it stops."""
    try:
        load(spec).compile()
    except CompileError as error:
        return error.diagnostics
    return ()


def applied(fix: Fix, spec: Path) -> str:
    text = fix.edits[0].span.source.text
    for edit in sorted(fix.edits, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def test_there_are_fixes_of_both_kinds() -> None:
    """What has to be offered at least: one of each kind of mistake."""
    offered: dict[str, set[str]] = {"safe": set(), "maybe": set()}
    for path in FOLDER.glob("*.json"):
        for found in json.loads(path.read_text(encoding="utf-8"))["diagnostics"]:
            for fix in found["fixes"]:
                offered[fix["applicability"]].add(path.stem)
    assert offered["safe"] >= {
        "E001_assign_for_compare", "E001_comma_after_row", "E001_number_without_digits", "E001_python_power",
        "E001_shape_equals", "E002_cyrillic", "E002_fullwidth", "E002_no_break_space", "E002_semicolon", "E002_string",
        "E002_sun", "E003_bidi_in_comment", "E003_zero_width", "E001_pair",
    }  # fmt: skip
    assert offered["maybe"] >= {
        "E001_bracket_open", "E001_compose_missing", "E001_comma_missing", "E001_statement_misspelt", "E005_unit",
        "E101_typo", "E101_function", "E101_import_name", "E102_typo", "E102_not_imported", "E103_typo",
        "E109_no_such_file", "E203_tolerance_missing", "E301_stride", "E102_wrapper_typo", "E103_memory",
        "E101_memory_mode", "E001_keyword_misspelt", "E101_label_as_value", "E101_greek_as_latin",
    }  # fmt: skip


def test_no_text_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {*WRITTEN, *MADE}
    assert {path.stem for path in FOLDER.glob("*.json")} == {*WRITTEN, *MADE}


def test_every_code_has_a_file() -> None:
    raised = {  # E6 is about emitted files: tests/project/test_up_to_date.py
        code
        for path in COMPILER.rglob("*.py")
        for code in re.findall(r'"(E[0-5]\d{2})"', path.read_text(encoding="utf-8"))
    }
    shown = {
        code
        for path in FOLDER.glob("*.txt")
        for code in re.findall(r"error\[(E\d{3})\]", path.read_text(encoding="utf-8"))
    }
    assert raised == shown


@pytest.mark.parametrize("name", [*WRITTEN, *MADE])
def test_the_file_is_named_after_its_code(name: str) -> None:
    code, _, _ = name.partition("_")
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    assert code == "several" or f"error[{code}]" in text


def test_messages_are_in_one_style() -> None:
    """Lower case at the start, no full stop at the end, no word of the compiler's own insides."""
    lines = [line for path in FOLDER.glob("*.txt") for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if match := re.match(r"(?:error\[E\d{3}\]|\s*= (?:note|help)): (.*)", line):
            message = match[1]
            assert message == message.rstrip(" .:!"), line
            first = re.split(r"\W", message)[0]
            assert not first[:1].isupper() or first in OPERATORS or re.match(r"U\+[0-9A-F]{4}", message), line
            assert not re.search(r"\b(token|terminal|ascription|unparse|None|Fraction|Radical|node)\b", message), line
