"""`scalec check` of emitted files, and `scalec compile --update`: every way in which a file and its spec come apart."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import scalec
from scalec.commands import cli
from scalec.compiler import load
from scalec.diagnostics import exit_codes as exits
from scalec.emit import header
from scalec.emit.emit import emit
from scalec.emit.head import head
from scalec.emit.seal import is_untouched, sealed
from scalec.program.request import Request
from scalec.project import cache, verdict
from scalec.project import up_to_date as derive

ROOT = Path(__file__).parents[2]
SPEC = """import Unit from part

param φ = 0
let w = 2^φ
scale C → w · C
network Tiny(classes = 10) <8, 8, 3> → <classes>
  = stem: Conv(3, 2) → <4, 4, 8> ⊙ Unit → <4, 4, 8> ⊙ GlobalAvgPool ⊙ Linear → <classes>
variants (φ) { B0 (0) B1 (1) }
"""
PART = "block Unit <H, W, C> → <H, W, K> = Conv(1) → K ⊙ BatchNorm ⊙ ReLU\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Specs in one folder, and models in another: two variants of a spec, and a test."""
    monkeypatch.chdir(tmp_path)
    Path("specs").mkdir()
    Path("models").mkdir()
    Path("specs/tiny.scl").write_text(SPEC, encoding="utf-8")
    Path("specs/part.scl").write_text(PART, encoding="utf-8")
    words = ["compile", "specs/tiny.scl", "--set", "classes=7", "-o"]
    assert cli.main([*words, "models/b0.py", "--variant", "B0", "--with-tests"]) == exits.DONE
    assert cli.main([*words, "models/b1.py", "--variant", "B1"]) == exits.DONE
    return tmp_path


B0, B1, TEST = Path("models/b0.py"), Path("models/b1.py"), Path("models/test_b0.py")
CHECK = ["check", "models", "--specs", "specs"]


def edit(path: Path | str, old: str, new: str) -> None:
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    Path(path).write_text(text.replace(old, new, 1), encoding="utf-8")


def checked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, str], list[str]]:
    """Check the models: the exit code, what each file is said to be, and the codes of the findings in order."""
    capsys.readouterr()
    code = cli.main([*CHECK, *words])
    said = capsys.readouterr()
    lines = [line.split(": ", 1) for line in said.out.splitlines() if ": " in line]
    states = {name: state for name, state in lines if state != "up to date"}
    return code, states, re.findall(r"^(?:error|warning)\[(\w+)\]", said.err, re.MULTILINE)


def reseal(path: Path, old: str, new: str) -> None:
    """Edit a file as another scalec would have written it: the seal fits."""
    edit(path, old, new)
    text = re.sub(r"(?<=content-sha256: )[0-9a-f]{16}", "0" * 16, path.read_text(encoding="utf-8"))
    path.write_text(sealed(text), encoding="utf-8")
    assert is_untouched(path.read_bytes())


# What has become of a file


def test_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(capsys) == (exits.DONE, {}, [])
    assert cli.main(CHECK) == exits.DONE and capsys.readouterr().out == "3 emitted files up to date\n"
    assert cli.main(["check", str(B0.parent / "b1.py"), "--specs", "specs"]) == exits.DONE
    assert capsys.readouterr().out == "models/b1.py: up to date\n"


def test_line_ends_of_a_checkout_are_no_drift(capsys: pytest.CaptureFixture[str]) -> None:
    for path in (B0, TEST):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert checked(capsys) == (exits.DONE, {}, [])


@pytest.mark.parametrize(
    "change",
    [("specs/tiny.scl", "→ <4, 4, 8> ⊙ Unit", "→ <4, 4, 16> ⊙ Unit"), ("specs/part.scl", "ReLU", "SiLU"),
     ("specs/tiny.scl", "(classes = 10)", "(classes = 11)"),
     ("specs/tiny.scl", "param φ", "cite arXiv:1905.11946\nparam φ"),
     ("specs/part.scl", "block", "cite arXiv:1905.11946\nblock")],
)  # fmt: skip
def test_the_spec_has_changed(change: tuple[str, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    edit(*change)
    code, states, found = checked(capsys)
    assert code == exits.WRONG_INPUT and set(found) == {"E602"}
    assert states["models/b0.py"] == states["models/b1.py"] == "stale spec"
    assert states.get("models/test_b0.py", "stale spec") == "stale spec" and len(found) == len(states)


def test_a_comment_in_the_spec_is_no_change(capsys: pytest.CaptureFixture[str]) -> None:
    edit("specs/tiny.scl", "param φ = 0", "# by hand\nparam   phi = 0  # at first")
    assert checked(capsys) == (exits.DONE, {}, [])


def test_edited_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    edit(B1, "nn.ReLU(inplace=True)", "nn.SiLU()")
    assert checked(capsys) == (exits.WRONG_INPUT, {"models/b1.py": "edited by hand"}, ["E603"])
    assert cli.main([*CHECK, "--diff"]) == exits.WRONG_INPUT
    said = capsys.readouterr()
    assert "-        self.re_lu = nn.SiLU()\n" in said.out or "nn.SiLU()\n+" in said.out
    assert "--- a/models/b1.py\n+++ b/models/b1.py\n" in said.out and "nn.SiLU" in said.err, "the line is shown"


@pytest.mark.parametrize("added", ["\n", "# mine\n", "import os\n", "\n\n# type: ignore\n"])
def test_whatever_is_put_around_it(added: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = B1.read_text(encoding="utf-8")
    for edited in (added + text, text + added):
        B1.write_text(edited, encoding="utf-8")
        code, states, found = checked(capsys)
        assert code == exits.WRONG_INPUT
        assert (states["models/b1.py"], found) in (("edited by hand", ["E603"]), ("orphan", ["E605"]))
        assert states["models/b1.py"] == "edited by hand" or "import" in added


def test_both(capsys: pytest.CaptureFixture[str]) -> None:
    edit(B1, "nn.ReLU(inplace=True)", "nn.SiLU()")
    edit("specs/part.scl", "Conv(1)", "Conv(3)")
    code, states, found = checked(capsys)
    assert code == exits.WRONG_INPUT and sorted(found) == ["E602", "E602", "E602", "E603"]
    assert states["models/b0.py"] == "stale spec" and states["models/b1.py"] == "stale spec, and edited by hand"


def test_a_spec_that_does_not_compile(capsys: pytest.CaptureFixture[str]) -> None:
    edit("specs/part.scl", "BatchNorm", "BathcNorm")
    code, states, found = checked(capsys)
    assert code == exits.WRONG_INPUT and found.count("E102") == 1 and found.count("E602") == 2
    assert states["models/b0.py"] == "stale spec"
    assert cli.main(["check", "models", "specs"]) == exits.WRONG_INPUT
    said = capsys.readouterr().err
    assert said.count("error[E102]") == 1, "not again for each that needs it"


def test_what_cannot_be_compared_may_be_edited_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    edit(B1, "nn.ReLU(inplace=True)", "nn.SiLU()")
    Path("models/b2.py").write_bytes(B1.read_bytes().replace(b"# content-sha256", b"# no hash"))
    edit("specs/part.scl", "BatchNorm", "BathcNorm")
    code, states, found = checked(capsys)
    assert code == exits.WRONG_INPUT and sorted(set(found)) == ["E102", "E602", "E603"] and found.count("E603") == 1
    assert states["models/b0.py"] == "stale spec" and states["models/b1.py"] == "stale spec, and edited by hand"
    assert states["models/b2.py"] == "stale spec", "without a hash nobody knows"
    Path("specs/tiny.scl").unlink()
    code, states, found = checked(capsys)
    assert code == exits.WRONG_INPUT and sorted(found) == ["E603", "E605", "E605", "E605"]
    assert states["models/b0.py"] == "orphan" and states["models/b1.py"] == "orphan, and edited by hand"
    B1.write_bytes(B1.read_bytes().replace(b"nn.SiLU()", b"nn.ReLU(inplace=True)").replace(b"\n", b"\r\n"))
    assert checked(capsys)[1]["models/b1.py"] == "orphan", "the edit is taken back; line ends are none"


def test_orphans(capsys: pytest.CaptureFixture[str]) -> None:
    Path("specs/tiny.scl").rename("tiny.scl")
    assert checked(capsys)[:2] == (exits.WRONG_INPUT, {"models/b0.py": "orphan", "models/b1.py": "orphan"})
    Path("part.scl").write_text(PART, encoding="utf-8")
    assert cli.main(["check", "models", "tiny.scl"]) == exits.DONE, "a spec that is given counts"


def test_beside_a_file_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("tiny.scl", "part.scl"):
        shutil.copy(Path("specs") / name, "models")
    edit("specs/tiny.scl", "Conv(3, 2)", "Conv(5, 2)")
    assert checked(capsys)[0] == exits.DONE


def test_two_specs_of_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    Path("others").mkdir()
    for name in ("tiny.scl", "part.scl"):
        shutil.copy(Path("specs") / name, "others")
    assert checked(capsys, "--specs", "others")[0] == exits.DONE, "they are the same"
    edit("others/tiny.scl", "Conv(3, 2)", "Conv(5, 2)")
    code, states, found = checked(capsys, "--specs", "others")
    assert (code, states["models/b0.py"], found) == (exits.WRONG_INPUT, "orphan", ["E605", "E605"])
    assert cli.main([*CHECK, "--specs", "others"]) == 1 and "several specs of that name" in capsys.readouterr().err


@pytest.mark.parametrize(("written", "age"), [("0.0.9", "older"), ("9.0", "newer"), ("0.1.0.dev3", "newer")])
def test_a_version_bump(
    written: str, age: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written by another version, which gives the same code: said, and no failure unless --strict."""
    monkeypatch.setattr(header, "__version__", written)
    assert cli.main(["compile", "--update", "models", "--specs", "specs"]) == exits.DONE
    assert f"Compiled by scalec {written} from" in B0.read_text(encoding="utf-8")
    monkeypatch.setattr(header, "__version__", scalec.__version__)
    state = f"{age} compiler, same meaning"
    assert checked(capsys) == (exits.DONE, {"models/b0.py": state, "models/b1.py": state}, ["W601", "W601"])
    assert checked(capsys, "--strict")[0] == exits.WRONG_INPUT
    reseal(B1, "nn.ReLU(inplace=True)", "nn.SiLU()")
    code, states, found = checked(capsys)
    assert code == exits.WRONG_INPUT and sorted(found) == ["E604", "W601"]
    assert states["models/b1.py"] == f"{age} compiler, other meaning"


@pytest.mark.parametrize(
    ("change", "loads"),
    [
        (("return x", "return +x"), True), (("torch", "torch"), True), (("8, 8", "9, 9"), False),
        (("self.conv", "self.first"), False), (("classes: int = 7", "classes: int = 8"), False),
    ],
)  # fmt: skip
def test_whether_weights_still_load(change: tuple[str, str], loads: bool, capsys: pytest.CaptureFixture[str]) -> None:
    reseal(B0, *change)
    if change[0] == "torch":
        reseal(B0, "INPUT_SHAPE = (3, 8, 8)", "INPUT_SHAPE = (3, 9, 9)")
    elif change[0] == "8, 8":
        reseal(B0, "(3, 9, 9)", "(3, 8, 8)")
        reseal(B0, "(8, 8", "(9, 9")
    assert cli.main([*CHECK]) == exits.WRONG_INPUT
    said = capsys.readouterr().err
    assert "E604" in said and ("so weights still load" in said) == loads
    assert ("keys or shapes of weights may be others" in said) != loads


def test_code_is_compared_without_what_is_said_of_it() -> None:
    text = B0.read_text(encoding="utf-8")
    spoken = re.sub(r'"""Tiny[^"]*"""', '"""Something else."""  # and more', text)
    assert (
        spoken != text and verdict.same_code(text, spoken) and verdict.same_code(text, text.replace("  # <", "  # >"))
    )
    for other in (text.replace("ReLU", "SiLU"), text + "x = 1\n", "(" * 9999, "\0", text.replace("classes", "many")):
        assert not verdict.same_code(text, other)


# Tests beside the files


def test_the_test_beside_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    edit(TEST, "max_examples=10", "max_examples=1")
    assert checked(capsys) == (exits.WRONG_INPUT, {"models/test_b0.py": "edited by hand"}, ["E603"])
    assert cli.main(["check", str(TEST), "--specs", "specs"]) == exits.WRONG_INPUT
    TEST.unlink()
    assert checked(capsys)[0] == exits.DONE, "nobody has asked for it"
    edit("specs/part.scl", "Conv(1)", "Conv(3)")
    assert cli.main(["compile", "--update", "models", "--specs", "specs"]) == exits.DONE and not TEST.exists()


def test_a_test_without_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    B0.unlink()
    assert checked(capsys) == (exits.WRONG_INPUT, {"models/test_b0.py": "orphan"}, ["E605"])


# What is looked at


def test_never_nothing_and_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    Path("foreign").mkdir()
    Path("foreign/mine.py").write_text("x = 1\n", encoding="utf-8")
    for words in (["empty"], ["foreign"], ["models", "empty", "--specs", "specs"], ["gone.py"], ["gone"]):
        assert cli.main(["check", *words]) == exits.NO_ACCESS, words
    assert cli.main(["check", "foreign/mine.py"]) == exits.WRONG_INPUT
    assert "scalec did not write this file" in capsys.readouterr().err
    for words in (["check"], ["compile"], ["compile", "--update"]):
        with pytest.raises(SystemExit) as stopped:
            cli.main(words)
        assert stopped.value.code == exits.WRONG_USAGE
    for words in (["empty"], ["gone.py"], ["foreign"]):
        assert cli.main(["compile", "--update", *words]) == exits.NO_ACCESS


def test_folders_are_looked_through(capsys: pytest.CaptureFixture[str]) -> None:
    deep = Path("models/a/b")
    deep.mkdir(parents=True)
    B1.rename(deep / "b1.py")
    edit(deep / "b1.py", "nn.ReLU(inplace=True)", "nn.SiLU()")
    assert checked(capsys)[1] == {"models/a/b/b1.py": "edited by hand"}
    for left_out in (".venv", "build", "site-packages", "__pycache__", "env"):
        (Path("models") / left_out).mkdir()
        shutil.copy(deep / "b1.py", Path("models") / left_out)
    Path("models/env/pyvenv.cfg").touch()
    assert checked(capsys)[1] == {"models/a/b/b1.py": "edited by hand"}
    assert cli.main(["check", "."]) == exits.WRONG_INPUT
    assert "specs/tiny.scl: the network Tiny and 2 variants hold" in capsys.readouterr().out


def test_formats_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    edit(B1, "nn.ReLU(inplace=True)", "nn.SiLU()")
    capsys.readouterr()
    for form in ("json", "sarif", "github", "gitlab", "jsonl"):
        assert cli.main([*CHECK, "--diff", "--format", form]) == exits.WRONG_INPUT
        said = capsys.readouterr()
        assert not said.err and "models/b1.py" in said.out and "E603" in said.out, form
        assert "nn.SiLU()" in said.out.replace("\\n", "\n"), f"no difference in {form}"
    assert cli.main([*CHECK, "--format", "json"]) == exits.WRONG_INPUT
    report = json.loads(capsys.readouterr().out)
    (found,) = report["diagnostics"]
    assert not report["valid"] and found["start"]["line"] > 20 and not found["notes"]
    assert cli.main([*CHECK, "--format", "github"]) == exits.WRONG_INPUT
    assert capsys.readouterr().out.startswith("::error title=E603,file=models/b1.py,line=")


def test_the_order_is_that_of_the_names_whatever_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        assert (
            cli.main(["compile", "specs/tiny.scl", "--set", f"classes={number + 1}", "-o", f"models/n{number}.py"]) == 0
        )
    edit("models/n13.py", "nn.ReLU(inplace=True)", "nn.SiLU()")
    found = derive.plan(sorted(Path("models").iterdir()), [], [Path("specs")]).jobs
    alone, shared = (derive.examined(found, processes=count) for count in (1, 2))
    assert len(alone) == 23 and [each.path for each in alone] == sorted((e.path for e in alone), key=str)
    assert [(e.path, e.verdict.state, e.new) for e in alone] == [(e.path, e.verdict.state, e.new) for e in shared]
    assert [e.path.name for e in shared if e.new is not None] == ["n13.py"]


# What is declared

DECLARED = """
[tool.scalec]
specs = ["specs"]

[[tool.scalec.generate]]
spec = "specs/tiny.scl"
variant = "B0"
set = { classes = 7 }
output = "models/b0.py"
tests = true

[[tool.scalec.generate]]
spec = "specs/tiny.scl"
phi = "1,2"
output = "models"
"""


def test_declared_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    Path("pyproject.toml").write_text(DECLARED, encoding="utf-8")
    B1.unlink()
    for words in (["check"], ["check", "models"], ["check", "specs/tiny.scl"], ["check", "."]):
        assert cli.main(words) == exits.WRONG_INPUT, words
        said = capsys.readouterr()
        assert "models/tiny_phi1.py: missing\nmodels/tiny_phi2.py: missing\n2 emitted files up to date\n" in said.out
        assert said.err.count("error[E601]") == 2 and "--> pyproject.toml:15:1" in said.err
    assert cli.main(["check", "models/b0.py"]) == exits.DONE, "the others are not meant"
    assert cli.main(["compile", "--update"]) == exits.DONE
    assert capsys.readouterr().out.endswith(
        "models/tiny_phi1.py: was missing; written\nmodels/tiny_phi2.py: was missing; written\n"
    )
    assert cli.main(["check"]) == exits.DONE
    TEST.unlink()
    assert cli.main(["check"]) == exits.WRONG_INPUT and "models/test_b0.py: missing" in capsys.readouterr().out
    os.chdir("models")
    assert cli.main(["compile", "--update"]) == exits.DONE and TEST.name in os.listdir()
    assert cli.main(["check"]) == exits.DONE and cli.main(["check", "--isolated", "b0.py"]) == exits.WRONG_INPUT


def test_a_file_in_a_declared_folder_is_checked_as_declared(capsys: pytest.CaptureFixture[str]) -> None:
    """Although its own head names no spec; the others that the entry is about are not meant."""
    shutil.copy("specs/tiny.scl", "specs/my net.scl")
    entry = '[[tool.scalec.generate]]\nspec = "specs/my net.scl"\nphi = "0..2"\noutput = "models"\n'
    Path("pyproject.toml").write_text(entry, encoding="utf-8")
    assert cli.main(["compile", "specs/my net.scl", "--phi", "1", "-o", "models"]) == exits.DONE
    assert cli.main(["check", "models/tiny_phi1.py"]) == exits.DONE
    assert capsys.readouterr().out.endswith("models/tiny_phi1.py: up to date\n")
    assert cli.main(["check", "models/tiny_phi1.py", "models/b0.py"]) == exits.WRONG_INPUT, "b0.py has no such entry"
    assert cli.main(["check", "models"]) == exits.WRONG_INPUT
    assert "models/tiny_phi0.py: missing" in capsys.readouterr().out


def test_other_settings_than_declared(capsys: pytest.CaptureFixture[str]) -> None:
    Path("pyproject.toml").write_text(DECLARED.replace("classes = 7", "classes = 8"), encoding="utf-8")
    assert cli.main(["check", "models/b0.py"]) == exits.WRONG_INPUT
    said = capsys.readouterr()
    assert "models/b0.py: stale spec\n" in said.out and "in another way than pyproject.toml says" in said.err
    assert cli.main(["compile", "--update", "models/b0.py"]) == exits.DONE
    found = head(B0.read_text(encoding="utf-8"))
    assert found and found.request == Request(variant="B0", changes=(("classes", "8"),))


def test_a_declared_spec_needs_no_name_that_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """A file from standard input says so, and can be checked only where it is declared."""
    shutil.copy("specs/tiny.scl", "specs/my net.scl")
    assert cli.main(["compile", "specs/my net.scl", "-o", "models/net.py"]) == exits.DONE
    assert cli.main(["check", "models/net.py"]) == exits.WRONG_INPUT
    assert "its spec came from standard input, or has a name that is not kept" in capsys.readouterr().err
    entry = '[[tool.scalec.generate]]\nspec = "specs/my net.scl"\noutput = "models/net.py"\n'
    Path("pyproject.toml").write_text(entry, encoding="utf-8")
    assert cli.main(["check", "models/net.py"]) == exits.DONE
    edit("specs/my net.scl", "Conv(3, 2)", "Conv(5, 2)")
    assert cli.main(["check", "models/net.py"]) == exits.WRONG_INPUT
    assert cli.main(["compile", "--update", "models/net.py"]) == exits.DONE


def test_a_file_is_declared_once(capsys: pytest.CaptureFixture[str]) -> None:
    entry = '[[tool.scalec.generate]]\nspec = "specs/tiny.scl"\n{}\n'
    one, two = entry.format('variant = "B0"\noutput = "x.py"'), entry.format('variant = "B0,B1"\noutput = "x.py"')
    for text in (one + one, two):
        Path("pyproject.toml").write_text(text, encoding="utf-8")
        for words in (["check"], ["compile", "--update"]):
            assert cli.main(words) == exits.WRONG_INPUT
            said = capsys.readouterr().err
            assert "error[E502]: x.py is declared more than once" in said and not Path("x.py").exists()


def test_a_declared_spec_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    Path("pyproject.toml").write_text(
        DECLARED.replace('specs/tiny.scl"\nphi', 'specs/gone.scl"\nphi'), encoding="utf-8"
    )
    assert cli.main(["check", "models"]) == exits.WRONG_INPUT
    said = capsys.readouterr()
    assert (
        "models/gone_phi1.py: orphan\nmodels/gone_phi2.py: orphan" in said.out and "cannot be read: No such" in said.err
    )
    assert "--> pyproject.toml:15:1" in said.err
    assert cli.main(["check"]) == exits.NO_ACCESS and cli.main(["compile", "--update"]) == exits.WRONG_INPUT


@pytest.mark.parametrize(
    "change", ['variant = "B9"', 'variant = "B0"\nset = { clases = 1 }', 'phi = "x"', 'phi = "1;"']
)
def test_a_declaration_that_the_spec_does_not_take(change: str, capsys: pytest.CaptureFixture[str]) -> None:
    entry = f'[[tool.scalec.generate]]\nspec = "specs/tiny.scl"\n{change}\noutput = "models/x.py"\n'
    Path("pyproject.toml").write_text(entry, encoding="utf-8")
    for words in (["check"], ["compile", "--update"]):
        assert cli.main(words) == exits.WRONG_INPUT
        assert re.search(r"error\[E\d+\]", capsys.readouterr().err) and not Path("models/x.py").exists()


ENTRY, OF = "[[tool.scalec.generate]]\n", 'spec = "specs/tiny.scl"\n'
OTHER = f'{ENTRY}{OF}output = "models/other.py"\nphi = "1"\n'
PLACES = [
    (f'{ENTRY}{OF}phi = "abc"\n', "E101", 3, "abc"),
    (f"{ENTRY}{OF}phi = 33 # 33\n", "E004", 3, "33"),
    (f'[tool.other]\nphi = "abc"\n{ENTRY}{OF}phi = "abc"\n', "E101", 5, "abc"),
    (f'{ENTRY}{OF}phi = "0, 1, 133,33"\n', "E004", 3, "133"),
    (f"{ENTRY}{OF}phi = '0..x'\n", "E001", 3, "0..x"),
    (f'{ENTRY}{OF}phi = """\n4.5.6"""\n', "E001", 4, "."),
    (f"{ENTRY}{OF}phi = 99e0\n", "E004", 3, "99e0"),
    (f'{ENTRY}{OF}# variant = "B0, B9"\n"variant" = "B0, B9"\n', "E501", 4, "B9"),
    (f'{OTHER}{ENTRY}{OF}variant = "B9"\n{OTHER}', "E501", 7, "B9"),
    (f"{ENTRY}{OF}tap = 'stem,nowhere'\n", "E501", 3, "nowhere"),
    (f"{ENTRY}{OF}set = {{ classes = 3, clases = 1 }}\n", "E501", 3, "clases"),
    (f"{ENTRY}{OF}set.classes = 'ten'\n", "E101", 3, "ten"),
    (f"{ENTRY}{OF}phi = 1\nset = {{ phi   =   2 }}\n", "E104", 4, "phi"),
    (f"{ENTRY}{OF}set . 'classes' = '1/0'\n", "E201", 3, "0"),
    (f"{ENTRY}{OF}[tool.scalec.generate.set]\nw = true\nclasses = 3\n", "E203", 4, "true"),
    (f"{ENTRY}{OF}[tool.scalec.generate.set]\n'clas' = true\n", "E501", 4, "clas"),
    (f"[tool.scalec]\ngenerate = [\n{{ {OF.strip()}, variant = 'B9' }},\n]\n", "E501", 3, "B9"),
    (f"[tool]\nscalec.generate = [\n{{ {OF.strip()} }},\n{{ {OF.strip()}, phi = true }}]\n", "E502", 4, "true"),
    (f'{ENTRY}spec = [\n"a" ]\nphi = "1"\n', "E502", 2, "["),
    (f'{ENTRY}{OF}out = "x"\n', "E502", 3, "out"),
    ('[tool.scalec]\ncolor = "pink"\n', "E502", 2, '"pink"'),
    ('tool.scalec.color = "pink"\n', "E502", 1, '"pink"'),
]
"""What is declared, the error in it, and which letters of which line are to blame."""


@pytest.mark.parametrize(("text", "code", "line", "letters"), PLACES)
def test_what_is_declared_wrong_is_underlined(
    text: str, code: str, line: int, letters: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("pyproject.toml").write_text(text, encoding="utf-8")
    assert cli.main(["check"]) == exits.WRONG_INPUT
    said = capsys.readouterr().err
    found = re.search(rf"error\[{code}\]: .*\n *--> pyproject\.toml:{line}:(\d+)\n.*\n.*\n *\| +(\^+)", said)
    assert found, said
    start = int(found[1]) - 1
    assert text.splitlines()[line - 1][start : start + len(found[2])] == letters


@pytest.mark.parametrize(
    ("entry", "said", "line"),
    [
        ("variant = 'B0'", "needs a `spec`", 1), ("spec = 'x.scl'\noutptu = 'a'", "did you mean `output`?", 3),
        ("spec = 'x.scl'\nphi = true", "`phi` is φ, or several", 3), ("spec = 'x.scl'\ntests = 1", "true or false", 3),
        ("spec = 'x.scl'\nphi = 1\nvariant = 'B0'", "either `phi` or `variant`", 4),
        ("spec = 'x.scl'\noutput-stride = 3", "a power of two", 3), ("spec = ''", "`spec` is a file", 2),
        ("spec = 'x.scl'\nset = { a = [1] }", "names and values", 3),
        ("spec = 'x.scl'\noutput = '../x.py'", "`output` lies in the project", 3),
        ("spec = 'x.scl'\noutput = '/etc/x.py'", "`output` lies in the project", 3),
    ],
)  # fmt: skip
def test_a_wrong_declaration(entry: str, said: str, line: int, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pyproject.toml").write_text(f"[[tool.scalec.generate]]\n{entry}\n", encoding="utf-8")
    assert cli.main(["check"]) == exits.WRONG_INPUT
    shown = capsys.readouterr().err
    assert "error[E502]" in shown and said in shown and f"pyproject.toml:{line}:" in shown


@pytest.mark.parametrize(
    "text", ["[tool.scalec]\nspecs = 'specs'\n", "[[tool.scalec]]\n", "[tool.scalec]\ngenerate = 1\n"]
)
def test_a_wrong_table(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pyproject.toml").write_text(text, encoding="utf-8")
    assert cli.main(["check"]) == exits.WRONG_INPUT and "error[E502]" in capsys.readouterr().err


def test_numbers_as_toml_has_them() -> None:
    entry = 'spec = "specs/tiny.scl"\noutput = "models/x.py"\nphi = {}\nset = {{ classes = 3, w = 1e-3 }}\n'
    for phi, text in (("2", "2"), ("0.5", "0.5"), ("-1", "-1"), ('"1/3"', "1/3")):
        Path("pyproject.toml").write_text(f"[[tool.scalec.generate]]\n{entry.format(phi)}", encoding="utf-8")
        from scalec.project.declarations import declared
        from scalec.project.pyproject import nearest

        (found,) = declared(nearest(Path()))
        assert (found.request.phi, found.request.changes) == (text, (("classes", "3"), ("w", "0.001")))


# Writing anew


def test_update(capsys: pytest.CaptureFixture[str]) -> None:
    update = ["compile", "--update", "models", "--specs", "specs"]
    edit("specs/part.scl", "Conv(1)", "Conv(3)")
    capsys.readouterr()
    assert cli.main(update) == exits.DONE
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [str(B0), str(B1), str(TEST)]
    assert cli.main(update) == exits.DONE and capsys.readouterr().out == "3 emitted files up to date\n"
    assert cli.main(CHECK) == exits.DONE
    loaded = load(Path("specs/tiny.scl"))
    assert B1.read_text(encoding="utf-8") == emit(loaded.compile(Request(variant="B1", changes=(("classes", "7"),))))


def test_update_refuses_what_was_edited(capsys: pytest.CaptureFixture[str]) -> None:
    update = ["compile", "--update", "models", "--specs", "specs"]
    edit(B1, "nn.ReLU(inplace=True)", "nn.SiLU()")
    edit("specs/part.scl", "Conv(1)", "Conv(3)")
    edited = B1.read_bytes()
    capsys.readouterr()
    for again in (False, True):
        assert cli.main(update) == exits.WRONG_INPUT
        said = capsys.readouterr()
        assert said.err == (
            "scalec: models/b1.py was edited since scalec wrote it; --force overwrites it and keeps it as b1.py.orig\n"
        )
        others = "" if again else "models/b0.py: was stale spec; written\nmodels/test_b0.py: was stale spec; written\n"
        assert said.out == others and B1.read_bytes() == edited
    assert cli.main(CHECK) == exits.WRONG_INPUT and cli.main(["check", str(B0), *CHECK[2:]]) == exits.DONE
    assert cli.main([*update, "--force"]) == exits.DONE and Path("models/b1.py.orig").read_bytes() == edited
    assert cli.main(CHECK) == exits.DONE


def test_update_leaves_a_test_with_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    update = ["compile", "--update", "models", "--specs", "specs"]
    edit(B0, "nn.ReLU(inplace=True)", "nn.SiLU()")
    edit("specs/part.scl", "Conv(1)", "Conv(3)")
    before = TEST.read_bytes()
    capsys.readouterr()
    assert cli.main(update) == exits.WRONG_INPUT and TEST.read_bytes() == before
    said = capsys.readouterr()
    assert said.out == "models/b1.py: was stale spec; written\n"
    assert said.err.splitlines()[1] == "scalec: models/test_b0.py is left as it is, with b0.py"
    assert cli.main([*update, "--force"]) == exits.DONE and cli.main(CHECK) == exits.DONE


def test_update_goes_on_where_something_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(B0, "models/other.py")
    edit("models/other.py", "compile tiny.scl", "compile gone.scl")
    edit("specs/part.scl", "Conv(1)", "Conv(3)")
    before, other = B0.read_bytes(), Path("models/other.py").read_bytes()
    assert cli.main(["compile", "--update", "models", "--specs", "specs"]) == exits.WRONG_INPUT
    assert "error[E605]" in capsys.readouterr().err
    assert B0.read_bytes() != before and Path("models/other.py").read_bytes() == other
    Path("models/other.py").unlink()
    assert cli.main(CHECK) == exits.DONE
    before = B0.read_bytes()
    edit("specs/part.scl", "BatchNorm", "BathcNorm")
    assert cli.main(["compile", "--update", "models", "--specs", "specs"]) == exits.WRONG_INPUT
    assert "error[E102]" in capsys.readouterr().err and B0.read_bytes() == before


@pytest.mark.parametrize("words", [["--phi", "1"], ["--set", "a=1"], ["-o", "x"], ["--check"], ["--with-tests"]])
def test_update_takes_no_settings(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compile", "--update", "models", *words]) == exits.WRONG_USAGE
    assert cli.main(["compile", "--update", "specs/tiny.scl"]) == exits.WRONG_USAGE
    assert cli.main(["compile", "specs/tiny.scl", "--specs", "specs"]) == exits.WRONG_USAGE


def test_compile_check_uses_the_same_words(capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "compile",
        "specs/tiny.scl",
        "--variant",
        "B0",
        "--set",
        "classes=7",
        "-o",
        str(B0),
        "--with-tests",
        "--check",
    ]
    assert cli.main(words) == exits.DONE
    edit("specs/part.scl", "Conv(1)", "Conv(3)")
    capsys.readouterr()
    assert cli.main(words) == exits.WRONG_INPUT
    assert capsys.readouterr().err == "models/b0.py: stale spec\nmodels/test_b0.py: stale spec\n"


# What is kept from run to run


@pytest.fixture
def kept(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the cache, which knows all of the project."""
    folder = project / "cache"
    monkeypatch.setenv("SCALEC_CACHE_DIR", str(folder))
    assert cli.main(CHECK) == exits.DONE and len(list(folder.iterdir())) == 1
    return folder


def forbid(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Note what is examined in spite of the cache."""
    seen: list[Path] = []
    real = derive.examine

    def examine(job: derive.Job, specs: derive.Specs) -> Iterator[derive.Result]:
        seen.append(job.path)
        return real(job, specs)

    monkeypatch.setattr(derive, "examine", examine)
    return seen


def test_what_is_known_is_not_emitted_again(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = forbid(monkeypatch)
    assert cli.main(CHECK) == exits.DONE and not seen
    assert cli.main([*CHECK, "--no-cache"]) == exits.DONE and seen == [B0, B1]


@pytest.mark.parametrize(
    ("path", "change", "examined"),
    [
        (B1, ("nn.ReLU(inplace=True)", "nn.SiLU()"), [B1]), (TEST, ("max_examples=10", "max_examples=1"), [B0]),
        ("specs/part.scl", ("ReLU", "SiLU"), [B0, B1]), ("specs/tiny.scl", ("Conv(3, 2)", "Conv(5, 2)"), [B0, B1]),
        (B0, ("--variant B0", "--variant B1"), [B0]), (B0, ("a91", "a92"), []),
    ],
)  # fmt: skip
def test_every_change_is_seen_through_the_cache(
    kept: Path, path: Path, change: tuple[str, str], examined: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not examined:
        change, examined = (head(B0.read_text(encoding="utf-8")).digest[:8], "0" * 8), [B0]  # type: ignore[union-attr]
    edit(path, *change)
    seen = forbid(monkeypatch)
    assert cli.main(CHECK) == exits.WRONG_INPUT and seen == examined
    assert cli.main(CHECK) == exits.WRONG_INPUT, "and the second time, too"


def test_a_file_that_comes_before_the_library_is_seen(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import from the library changes its meaning when a file of that name appears beside the spec."""
    Path("specs/lib.scl").write_text(
        "import ConvAct from mobile\nnetwork L <8, 8, 3> → <8, 8, 4> = ConvAct(3) → 4\n", encoding="utf-8"
    )
    assert cli.main(["compile", "specs/lib.scl", "-o", "models/lib.py"]) == exits.DONE
    seen = forbid(monkeypatch)
    assert cli.main(CHECK) == exits.DONE and seen == [Path("models/lib.py")]
    assert cli.main(CHECK) == exits.DONE and seen == [Path("models/lib.py")]
    shutil.copy(ROOT / "specs" / "mobile.scl", "specs/mobile.scl")
    edit("specs/mobile.scl", "norm: BatchNorm", "norm: LayerNorm")
    assert cli.main(CHECK) == exits.WRONG_INPUT


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"x": 1}', b"[" * 100_000, b"\xff"])
def test_a_spoilt_cache_is_no_cache(kept: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = kept.iterdir()
    whole = path.read_bytes()
    path.write_bytes(data)
    seen = forbid(monkeypatch)
    assert cli.main(CHECK) == exits.DONE and seen == [B0, B1]
    assert json.loads(path.read_bytes()).items() >= json.loads(whole).items()
    path.write_text(json.dumps({key: [None, {}] for key in json.loads(whole)}), encoding="utf-8")
    assert cli.main(CHECK) == exits.DONE and len(seen) == 4


def test_a_cache_that_cannot_be_written(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").touch()
    monkeypatch.setenv("SCALEC_CACHE_DIR", "file/in/it")
    assert cli.main(CHECK) == exits.DONE


def test_where_the_cache_lies() -> None:
    home = Path.home() / ".cache" / "scalec"
    assert cache.folder({"SCALEC_CACHE_DIR": "x"}) == Path("x") and cache.folder({"SCALEC_CACHE_DIR": ""}) is None
    assert cache.folder({"XDG_CACHE_HOME": "/y"}) == Path("/y/scalec") and cache.folder({}) == home


def test_old_caches_go(kept: Path) -> None:
    for number in range(20):
        (kept / f"{number}.json").write_text("{}", encoding="utf-8")
        os.utime(kept / f"{number}.json", (number, number))
    edit("specs/part.scl", "ReLU", "SiLU")
    assert cli.main(CHECK) == exits.WRONG_INPUT and len(list(kept.iterdir())) == 8


# Another compiler


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of scalec that a test may change, with its folders inside the package as in a wheel."""
    place = tmp_path / "site" / "scalec"
    shutil.copytree(ROOT / "compiler" / "scalec", place, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("grammar", "templates", "specs"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def with_copy(copied: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from scalec import cli; sys.exit(cli.main(sys.argv[1:]))"
    )
    environment = {**os.environ, "SCALEC_CACHE_DIR": str(copied.parent / "cache")}
    command = [sys.executable, "-c", program, str(copied.parent), *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)


@pytest.mark.parametrize(
    ("name", "change", "code", "state"),
    [
        pytest.param(
            "templates/model.py.jinja", ("scalec claims no rights in what it emits", "and nobody else's"), 0,
            "another build of the compiler, same meaning", marks=pytest.mark.slow),
        ("templates/model.py.jinja", ("super().__init__()\n", "super().__init__()\n        self.x = 1\n"), 1,
         "another build of the compiler, other meaning"),
        ("ops/activation.py", ("nn.ReLU", "nn.ELU"), 1, "another build of the compiler, other meaning"),
        pytest.param("version.py", ('"0.1.0"', '"0.2.0"'), 0, "older compiler, same meaning", marks=pytest.mark.slow),
        pytest.param("emit/header.py", ("Requirements, all met", "All met"), 0, "", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_a_change_of_the_compiler_is_seen(
    name: str, change: tuple[str, str], code: int, state: str, copied: Path
) -> None:
    """A template, an operator, the version: after a run that has put everything into the cache."""
    before = with_copy(copied, *CHECK)
    assert before.returncode == 0 and before.stdout == "3 emitted files up to date\n", before.stderr
    assert with_copy(copied, *CHECK).stdout == before.stdout
    edit(copied / name, *change)
    after = with_copy(copied, *CHECK)
    assert after.returncode == code, after.stdout + after.stderr
    lines = [f"models/b0.py: {state}", f"models/b1.py: {state}"] if state else ["3 emitted files up to date"]
    assert after.stdout.splitlines()[: len(lines)] == lines, after.stderr
