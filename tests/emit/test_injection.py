"""Hostile text by every way into the compiler: file names, output names, settings, and random text in every slot.

`test_guards.py` has the payloads, puts each into every slot of a spec, and plants bugs in the emitter that the guards
must catch. Here are the ways around the spec, the filters one by one, and very many whole compilations.
"""

import ast
import random
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from emit.test_guards import ELSEWHERE, IN_THE_SPEC, MORE_NAMES, NAMES, NEUTRAL, PAYLOADS, SPEC, attempt
from scalec.commands import cli
from scalec.compiler import load_text
from scalec.diagnostics import exit_codes as exits
from scalec.diagnostics.text import printable
from scalec.emit import emit
from scalec.emit import guards as audit
from scalec.emit.header import header
from scalec.language.parse import _lark
from scalec.language.syntax import ascii_name
from scalec.network.python_names import python_name
from scalec.program.names import refusal

FILE_NAMES = [p for p in PAYLOADS if p not in ("", ".", "..") and not set("/\0") & set(p) and len(p.encode()) < 200]
TEXT = SPEC.format(**NEUTRAL)
EVERY = pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])  # 7: no kind of them is left out
HOSTILE = "\"'`\\\r\n\t\0\x0b\x0c\x1b\x1c\x85\u2028\u2029\u202e\u200b\ufeff{}%$#()[]<>=:;,.+-*/&|!?@~^_ abexyzαφ⊙→±012"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    return tmp_path


def there(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def plain(text: str) -> bool:
    """Tell whether a terminal would show this, and nothing else would happen."""
    return all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)


def hostile(chance: random.Random) -> str:
    """Give text: payloads and odd characters in any order."""
    pieces = [chance.choice((chance.choice(PAYLOADS), chance.choice(MORE_NAMES), _odd(chance))) for _ in range(4)]
    return chance.choice(("", "", " ", "\n")).join(pieces[: chance.choice((1, 1, 2, 3))])


def _odd(chance: random.Random) -> str:
    letters = chance.choices(HOSTILE, k=chance.randrange(1, 8))
    return "".join(letters) + (chr(chance.randrange(0x110000)) if chance.random() < 0.2 else "")


# Around the spec


@EVERY
def test_names_of_spec_files(every: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The name of the spec stands in the header only if it is harmless, and names the output only then."""
    neutral = emit.emit(load_text("spec.scl", TEXT.encode()).compile())
    for name in FILE_NAMES[::every]:
        spec = Path(f"{name}.scl")
        try:
            spec.write_text(TEXT, encoding="utf-8")
        except (OSError, UnicodeEncodeError):
            continue
        before = there(folder)
        assert cli.main(["compile", "--", str(spec)]) == exits.DONE, name
        (made,) = there(folder) - before
        assert re.fullmatch(r"inner/[A-Za-z_][A-Za-z0-9_]*\.py", made), made
        source = Path(made.removeprefix("inner/")).read_text(encoding="utf-8")
        audit.audit(source)
        audit.same_skeleton(source, neutral)
        (folder / made).unlink()
        spec.write_text(TEXT.replace("Linear", "Linaer"), encoding="utf-8")
        assert cli.main(["check", "--", str(spec)]) == exits.WRONG_INPUT
        spec.unlink()
        assert cli.main(["check", "--", str(spec)]) == exits.NO_ACCESS
        said = capsys.readouterr()
        assert plain(said.out + said.err), (name, said)
        assert said.err.count("\n") < 20 and "Traceback" not in said.err


@EVERY
def test_names_of_outputs(every: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An output lies where `-o` says, or nothing is written."""
    Path("spec.scl").write_text(TEXT, encoding="utf-8")
    for name in filter(None, PAYLOADS[::every]):
        before = there(folder)
        try:
            code = cli.main(["compile", "spec.scl", f"--output={name}"])
        except SystemExit as error:
            code = int(str(error.code))
        said = capsys.readouterr()
        made = there(folder) - before
        if code == exits.DONE and not said.out.startswith("# Generated"):
            assert len(made) == 1 and Path(name).is_file(), (name, made)
        else:
            assert not made, (name, made)
        assert plain(said.err) and (plain(said.out)), (name, said)
        for path in made:
            (folder / path).unlink()


@EVERY
def test_settings_on_the_command_line(every: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("spec.scl").write_text(TEXT, encoding="utf-8")
    for payload in PAYLOADS[::every]:
        for words in (
            ["--set", f"rate={payload}"],
            ["--set", f"{payload}=1"],
            ["--phi", payload],
            ["--variant", payload],
        ):
            try:
                code = cli.main(["compile", "spec.scl", *words])
            except SystemExit as error:
                code = int(str(error.code))
            said = capsys.readouterr()
            assert code in (exits.DONE, exits.WRONG_INPUT, exits.WRONG_USAGE), (words, said.err)
            assert "Traceback" not in said.err
            made = [path for path in Path().iterdir() if path.name != "spec.scl"]
            assert len(made) == (code == exits.DONE)
            for path in made:
                assert re.fullmatch(r"[A-Za-z0-9_]+\.py", path.name)
                audit.audit(path.read_text(encoding="utf-8"))
                path.unlink()


# The filters


def test_texts_through_the_filters() -> None:
    for number in range(3000):
        through_the_filters(hostile(random.Random(number)))


@pytest.mark.full
def test_a_million_texts_through_the_filters() -> None:
    chance = random.Random(20261123)
    for _ in range(1_000_000):
        through_the_filters(hostile(chance))


NAME = re.compile(next(t.pattern.to_regexp() for t in _lark().terminals if t.name == "NAME"))
FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")  # header.py lets these through
KINDS = ("label", "block", "network", "parameter", "variant", "value")


def through_the_filters(text: str) -> None:
    """What a filter lets through cannot end a comment, a docstring, a line or a name."""
    assert plain(printable(text).replace("\n", ""))
    try:
        passed: str | None = emit.checked(text)
    except AssertionError:
        passed = None
    if passed is not None:
        assert '"""' not in passed and passed.splitlines() in ([passed], []) and "\\" not in passed
        if not passed.endswith('"'):  # templates put a line end, a full stop or `"""` on its own line behind it
            (node,) = ast.parse(f'"""\n{passed}\n"""  # {passed}'.encode()).body
            assert isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if NAME.fullmatch(text):
        key = ascii_name(text)
        assert key.isidentifier() and key.isascii(), text
        if refusal(key, "label") is None:
            assert python_name(key).isidentifier() and "__" not in key and not key.startswith("_")
            ast.parse(f"self.{python_name(key)} = 1")


def test_the_header_names_only_harmless_files() -> None:
    for name in (*FILE_NAMES, "a.scl", "a b.scl", "coding: utf-7.scl", "x" * 65 + ".scl"):
        lines = header(load_text(name, TEXT.encode()).compile())
        file = name.replace("\\", "/").rpartition("/")[2]
        assert f" from {file if FILE.fullmatch(file) else 'spec.scl'}, canonical" in "\n".join(lines)


# Whole compilations


@pytest.mark.parametrize(
    "count", [150, pytest.param(2_000, marks=pytest.mark.slow), pytest.param(20_000, marks=pytest.mark.full)]
)
def test_whole_compilations(count: int) -> None:
    """Random text in a random slot: an error with a place, or a file that passes both guards and runs harmlessly."""
    chance, made = random.Random(count), 0
    for _ in range(count):
        slot = chance.choice([*IN_THE_SPEC, *ELSEWHERE])
        text = chance.choice((hostile(chance), chance.choice(NAMES), chance.choice(MORE_NAMES)))
        source = attempt(slot, text)
        if source is not None:
            made += 1
            audit.audit(source)
    print(f"\n{count:,} compilations, {made:,} files")
    assert made > count / 20


def test_the_guards_stand_without_assertions() -> None:
    """`python -O` drops `assert`: no guard may be one."""
    program = """
from scalec.emit import guards as audit
from scalec.emit import emit
from scalec.compiler import load_text
assert False, "assertions are on"
net = load_text("x.scl", b"network X <8, 8, 3> -> <8, 8, 3> = ReLU").compile()
good = emit.emit(net)
for bad in (good + "import os\\n", good.replace("super()", "exec()"), "x = 1\\n" + good):
    try:
        audit.audit(bad)
    except audit.Unsafe:
        print("caught")
emit.checked = str
try:
    emit.emit(net)
except audit.Unsafe:
    print("caught")
"""
    done = subprocess.run([sys.executable, "-O", "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "caught\n" * 4, done.stderr
