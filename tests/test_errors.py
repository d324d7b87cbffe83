"""Every diagnostic, as a user sees it: `errors/NAME.scl` gives exactly `errors/NAME.txt` on standard error.

`pytest --update` writes the .txt files anew. Read what changed: these files are what the user reads.
"""

import os
import re
import shlex
from pathlib import Path

import pytest

from scalec.cli import main
from scalec.exits import WRONG_INPUT
from scalec.ops import OPERATORS

FOLDER = Path(__file__).parent / "errors"
COMPILER = Path(__file__).parents[1] / "compiler" / "scalec"
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
WRITTEN = sorted(path.stem for path in FOLDER.glob("*.scl"))


def command(spec: Path) -> list[str]:
    """Give the command line: `# args: --phi 4` in the first line adds to `compile SPEC`; `check` may stand first."""
    first = spec.read_bytes().split(b"\n", 1)[0].decode("utf-8", "replace")
    words = shlex.split(first.removeprefix("# args:")) if first.startswith("# args:") else []
    name = words.pop(0) if words[:1] in (["check"], ["cost"]) else "compile"
    return [name, str(spec), *words]


@pytest.mark.parametrize("name", [*WRITTEN, *MADE])
def test_error(
    name: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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
    code = main(command(spec))
    said = capsys.readouterr()
    told = said.err.replace(f"{spec.parent}{os.sep}", "")  # messages name the file as it was given
    assert not said.out
    assert not list(work.iterdir())
    assert "Traceback" not in said.err
    assert code == WRONG_INPUT, said.err
    expected = FOLDER / f"{name}.txt"
    if request.config.getoption("--update"):
        expected.write_text(told, encoding="utf-8", newline="")
    assert told == expected.read_text(encoding="utf-8")


def test_no_text_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {*WRITTEN, *MADE}


def test_every_code_has_a_file() -> None:
    raised = {
        code for path in COMPILER.rglob("*.py") for code in re.findall(r'"(E\d{3})"', path.read_text(encoding="utf-8"))
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
