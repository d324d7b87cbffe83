"""The command line: exit codes, what is printed where, and what happens to files."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from scalec import compiler
from scalec.commands.cli import main
from scalec.diagnostics import exit_codes as exits
from scalec.emit import head as recipe

SPECS = Path(__file__).parents[2] / "specs"
SPEC = """param φ = 0, bias = false
let d = 1.2^φ, w = 1.1^φ

scale L → ceil(d · L)
scale C → to_multiple(w · C, 8)

network Tiny(classes = 10) <8, 8, 3> → <classes>
  = stem: Conv(3, stride = 2, bias = bias) → <4, 4, 16>
  ⊙ ReLU^2
  ⊙ GlobalAvgPool ⊙ Linear → <classes>

variants (φ, w) {
  B0 (0, 1.0)
  B4 (4, 1.4)
}
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec in an empty folder, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.scl"
    path.write_text(SPEC, encoding="utf-8")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "tiny.scl")


def run(*arguments: str, stdin: str | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run scalec as a user does."""
    command = [sys.executable, "-m", "scalec", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False, input=stdin, **options
    )


def test_compile_writes_one_file_and_says_so(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "tiny.scl", "--phi", "4"]) == 0
    said = capsys.readouterr()
    assert names(spec.parent) == ["tiny_phi4.py"]
    assert said.out.count("\n") == 1 and said.out.startswith("tiny_phi4.py: ") and not said.err
    source = Path("tiny_phi4.py").read_text(encoding="utf-8")
    assert source.startswith(recipe.MARK) and "class Tiny(nn.Module):" in source


@pytest.mark.parametrize(
    ("line", "usage", "said"),
    [
        ("compile tiny.scl --phy 4", "scalec compile", "--phy 4 (did you mean `--phi`?)"),
        ("compile -phi 4 tiny.scl", "scalec compile", "-phi (did you mean `--phi`?)"),
        ("cost tiny.scl --feat", "scalec cost", "--feat (did you mean `--features`?)"),
        ("cost tiny.scl --vraiant=B0", "scalec cost", "--vraiant=B0 (did you mean `--variant`?)"),
        ("search tiny.scl --storge d", "scalec search", "--storge d (did you mean `--storage` or `--store`?)"),
        ("solve tiny.scl --fre d --dryrun", "scalec solve", "--fre d --dryrun (did you mean `--free`?)"),
        ("check --stric --dif", "scalec check",
         "--stric --dif (--stric: did you mean `--strict`? --dif: did you mean `--diff`?)"),
        ("cost tiny.scl other.scl", "scalec cost", "unrecognized arguments: other.scl"),
        ("cost tiny.scl --nothing-like-it", "scalec cost", "unrecognized arguments: --nothing-like-it"),
        ("compile tiny.scl --for infernce", "scalec compile", "; did you mean `inference`?"),
        ("chekc tiny.scl", "scalec", "'completion'); did you mean `check`?"),
        ("--verson", "scalec", "--verson (did you mean `--version`?)"),
        ("--phi 4 compile tiny.scl", "scalec", "unrecognized arguments: --phi"),
    ],
)  # fmt: skip
def test_a_wrong_word_of_the_command_line_is_not_only_named(
    line: str, usage: str, said: str, spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(line.split())
    assert stopped.value.code == exits.WRONG_USAGE and names(spec.parent) == []
    err = capsys.readouterr().err
    assert err.startswith(f"usage: {usage} [-h]"), "the usage of the command"
    assert err.splitlines()[-1].startswith(f"{usage}: error: ") and err.endswith(f"{said}\n")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ([], "tiny.py"), (["--phi", "0"], "tiny_phi0.py"), (["--phi", "0.5"], "tiny_phi0_point_5.py"),
        (["--phi", "1/3"], "tiny_phi1_over_3.py"), (["--phi", "-1"], "tiny_phi_minus_1.py"),
        (["--variant", "B4"], "tiny_b4.py"), (["--set", "classes=3"], "tiny_classes3.py"),
        (["--phi", "1.0"], "tiny_phi1.py"),
    ],
)  # fmt: skip
def test_default_names(spec: Path, options: list[str], name: str) -> None:
    assert main(["compile", "tiny.scl", *options]) == 0
    assert names(spec.parent) == [name]


@pytest.mark.parametrize(
    "written", [["--phi", "-1/2"], ["--phi=-1/2"], ["--phi", " -1/2"], ["--phi", "-0.5"], ["--phi=-.5"]]
)
def test_negative_phi(spec: Path, written: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["cost", "tiny.scl", "--format", "json", *written])
    if written == ["--phi=-.5"]:
        assert code == exits.WRONG_USAGE and "digits on both sides" in capsys.readouterr().err
    else:
        assert code == 0 and json.loads(capsys.readouterr().out)["phi"] == -0.5


def test_phi_may_be_greek_or_not(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for name in ("φ", "ϕ", "phi"):
        spec.write_text(SPEC.replace("φ", name), encoding="utf-8")
        assert main(["compile", "tiny.scl", "--phi", "2", "-o", "-"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] == said[2]


@pytest.mark.parametrize(
    ("change", "params"),
    [
        ("classes=3", 483), ("classes = 3", 483), ("w=2", 1194), ("w=3/2", 898), ("bias=true", 618),
        ("bias=false", 602), ("phi=4", 602), ("φ=4", 602), ("w=1.1^7", 1194),
    ],
)  # fmt: skip
def test_set(spec: Path, change: str, params: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "tiny.scl", "--format", "json", "--set", change]) == 0
    counted = json.loads(capsys.readouterr().out)["params"]
    assert counted == params if not change.startswith(("phi", "φ")) else counted > 602


def test_set_beats_a_variant(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "tiny.scl", "--format", "json", "--variant", "B4", "--set", "w=1"]) == 0
    assert json.loads(capsys.readouterr().out)["params"] == 602


@pytest.mark.parametrize(
    "words",
    [
        [], ["nothing"], ["compile"], ["compile", "tiny.scl", "--phi", "1", "--variant", "B0"],
        ["compile", "tiny.scl", "--ph", "1"], ["compile", "tiny.scl", "--phi"],
        ["compile", "tiny.scl", "--set", "classes"], ["compile", "tiny.scl", "--set", "=3"],
        ["compile", "tiny.scl", "--set", "classes="], ["check"], ["completion", "fish"],
        ["cost", "tiny.scl", "--format", "yaml"], ["cost", "tiny.scl", "-o", "x"],
    ],
)  # fmt: skip
def test_wrong_usage(spec: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == exits.WRONG_USAGE
    said = capsys.readouterr()
    assert not said.out and said.err.startswith("usage: ") and "Traceback" not in said.err
    assert names(spec.parent) == []


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["compile", "--help"]])
def test_help_goes_to_standard_output(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    said = capsys.readouterr()
    assert stopped.value.code == 0 and said.out and not said.err


@pytest.mark.parametrize("command", ["compile", "cost", "check"])
def test_wrong_input(spec: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    spec.write_text(SPEC.replace("stride = 2", "strdie = 2"), encoding="utf-8")
    assert main([command, "tiny.scl"]) == exits.WRONG_INPUT
    said = capsys.readouterr()
    assert not said.out and said.err.startswith("error[E103]: ") and "did you mean `stride`?" in said.err
    assert names(spec.parent) == []


def test_an_error_leaves_the_old_file(spec: Path) -> None:
    assert main(["compile", "tiny.scl"]) == 0
    before = Path("tiny.py").read_bytes()
    spec.write_text(SPEC.replace("<4, 4, 16>", "<5, 4, 16>"), encoding="utf-8")
    assert main(["compile", "tiny.scl"]) == exits.WRONG_INPUT
    assert Path("tiny.py").read_bytes() == before and names(spec.parent) == ["tiny.py"]


@pytest.mark.parametrize("command", ["compile", "cost", "check"])
def test_a_spec_that_cannot_be_read(spec: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "missing.scl"]) == exits.NO_ACCESS
    Path("empty").mkdir()
    assert main([command, "empty"]) == exits.NO_ACCESS
    said = capsys.readouterr()
    assert not said.out and said.err.startswith("scalec: missing.scl: No such file") and said.err.count("\n") == 2


def test_a_bug_says_that_it_is_one(
    spec: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise AssertionError("the text\nof the bug")

    monkeypatch.setattr(compiler, "load", broken)
    monkeypatch.delenv("SCALEC_DEBUG", raising=False)
    assert main(["compile", "tiny.scl"]) == exits.BUG
    said = capsys.readouterr()
    assert (
        said.err.startswith("scalec: a bug of scalec, not of your spec: AssertionError") and "Traceback" not in said.err
    )
    monkeypatch.setenv("SCALEC_DEBUG", "1")
    with pytest.raises(AssertionError):
        main(["compile", "tiny.scl"])


def test_check_speaks_of_each_file(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("wrong.scl").write_text("param a = \n", encoding="utf-8")
    assert main(["check", "tiny.scl", "wrong.scl", str(SPECS / "mobile.scl")]) == exits.WRONG_INPUT
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "tiny.scl: the network Tiny and 2 variants hold"
    assert said.out.count("\n") == 2 and "blocks" in said.out and "wrong.scl:1:10" in said.err


def test_standard_output(spec: Path) -> None:
    """`-o -` gives the file and nothing else, the same bytes as the file on disk, whatever the locale."""
    assert main(["compile", "tiny.scl"]) == 0
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "scalec", "compile", "tiny.scl", "-o", "-"]
    shown = subprocess.run(command, capture_output=True, timeout=60, check=False, env=environment)
    assert shown.returncode == 0 and not shown.stderr
    assert shown.stdout == Path("tiny.py").read_bytes()


def test_messages_in_a_locale_without_greek(spec: Path) -> None:
    """What cannot be shown is escaped; it is no bug and no traceback."""
    spec.write_text(SPEC.replace("<4, 4, 16>", "<5, 4, 16>"), encoding="utf-8")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    said = run("compile", "tiny.scl", env=environment)
    assert said.returncode == exits.WRONG_INPUT and "error[E301]" in said.stderr and "Traceback" not in said.stderr
    spec.write_text(SPEC, encoding="utf-8")
    for encoding in ("ascii", "latin-1"):
        said = run("cost", "tiny.scl", "--phi", "1", env={**environment, "PYTHONIOENCODING": encoding})
        assert said.returncode == 0 and "parameters" in said.stdout and not said.stderr


def test_a_foreign_file_stays(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("tiny.py").write_text("mine = 1\n", encoding="utf-8")
    assert main(["compile", "tiny.scl"]) == exits.NO_ACCESS
    assert Path("tiny.py").read_text(encoding="utf-8") == "mine = 1\n"
    assert "--force" in capsys.readouterr().err
    assert main(["compile", "tiny.scl", "--force"]) == 0
    assert Path("tiny.py").read_text(encoding="utf-8").startswith(recipe.MARK)
    assert main(["compile", "tiny.scl", "--phi", "1", "-o", "tiny.py"]) == 0


def test_an_equal_file_is_left_alone(spec: Path) -> None:
    assert main(["compile", "tiny.scl"]) == 0
    os.utime("tiny.py", ns=(1, 1))
    assert main(["compile", "tiny.scl"]) == 0
    assert Path("tiny.py").stat().st_mtime_ns == 1
    assert main(["compile", "tiny.scl", "--set", "classes=11", "-o", "tiny.py"]) == 0
    assert Path("tiny.py").stat().st_mtime_ns != 1


@pytest.mark.parametrize("step", ["replace", "fsync", "chmod"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EXDEV])
def test_a_failing_write_leaves_the_old_file(
    spec: Path, step: str, number: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["compile", "tiny.scl"]) == 0
    before = Path("tiny.py").read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "tiny.py")

    monkeypatch.setattr(os, step, fail)
    capsys.readouterr()
    assert main(["compile", "tiny.scl", "--set", "classes=11", "-o", "tiny.py"]) == exits.NO_ACCESS
    said = capsys.readouterr()
    assert not said.out and said.err == f"scalec: tiny.py: {os.strerror(number)}\n"
    assert Path("tiny.py").read_bytes() == before
    assert names(spec.parent) == ["tiny.py"], "a temporary file is left"


def test_outputs_that_cannot_be(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("folder").mkdir()
    for target in ("missing/", "missing/tiny.py", "tiny.scl/x.py", "x" * 300 + ".py"):
        assert main(["compile", "tiny.scl", "-o", target]) == exits.NO_ACCESS, target
    said = capsys.readouterr()
    assert not said.out and said.err.count("\n") == 4 and "Traceback" not in said.err
    assert names(spec.parent) == ["folder"] and not list(Path("folder").iterdir())


def test_the_spec_itself_is_no_output(spec: Path) -> None:
    assert main(["compile", "tiny.scl", "-o", "tiny.scl"]) == exits.NO_ACCESS
    assert spec.read_text(encoding="utf-8") == SPEC


def test_through_a_link(spec: Path) -> None:
    """A link stays one; what it points to is written."""
    Path("real").mkdir()
    Path("tiny.py").symlink_to("real/tiny.py")
    Path("real/tiny.py").write_text("", encoding="utf-8")
    assert main(["compile", "tiny.scl"]) == 0
    assert Path("tiny.py").is_symlink() and "class Tiny" in Path("real/tiny.py").read_text(encoding="utf-8")
    assert [path.name for path in Path("real").iterdir()] == ["tiny.py"]


def test_permissions_follow_the_umask(spec: Path) -> None:
    old = os.umask(0o027)
    try:
        assert main(["compile", "tiny.scl"]) == 0
    finally:
        os.umask(old)
    assert Path("tiny.py").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
@pytest.mark.parametrize("words", [["compile", "tiny.scl", "-o", "-"], ["compile", "tiny.scl"], ["cost", "tiny.scl"]])
def test_a_full_disk_behind_standard_output(spec: Path, words: list[str]) -> None:
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "scalec", *words]
        said = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, env=buffered, text=True, timeout=60, check=False
        )
    assert said.returncode == exits.NO_ACCESS
    assert said.stderr == f"scalec: output: {os.strerror(errno.ENOSPC)}\n"


@pytest.mark.parametrize("words", [["compile", "tiny.scl", "-o", "-"], ["cost", "tiny.scl"], ["check", "tiny.scl"]])
def test_a_closed_pipe_is_quiet(spec: Path, words: list[str]) -> None:
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "scalec", *words]
        said = subprocess.run(
            command, stdout=writer, stderr=subprocess.PIPE, env=buffered, text=True, timeout=60, check=False
        )
    finally:
        os.close(writer)
    assert said.returncode == exits.DONE and not said.stderr


def test_json_of_cost(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "tiny.scl", "--variant", "B4", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {
        "network", "phi", "variant", "input", "params", "macs", "flops", "activations", "memory", "stages", "ratio",
    } <= set(report)  # fmt: skip
    assert (report["network"], report["phi"], report["variant"], report["input"]) == ("Tiny", 4, "B4", [8, 8, 3])
    assert report["flops"] == 2 * report["macs"]
    promised = {"name", "operator", "layers", "output", "params", "macs", "activations"}
    assert len(report["stages"]) == 4 and all(promised <= set(stage) for stage in report["stages"])
    assert [stage["output"] for stage in report["stages"]] == [[4, 4, 24], [4, 4, 24], [1, 1, 24], [10]]
    for key in ("params", "macs", "activations"):
        assert sum(stage[key] for stage in report["stages"]) == report[key]
    assert set(report["ratio"]) == {"nominal", "power_of_two", "realised"}
    assert report["ratio"]["power_of_two"] == 16 and report["memory"]["inference"] > 4 * report["params"]


def test_table_of_cost(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "tiny.scl"]) == 0
    table = capsys.readouterr().out
    assert table.startswith("Tiny, input <8, 8, 3>, batch 1\n") and "602" in table and "total" in table


def test_the_same_bytes_wherever_it_is_run(spec: Path, tmp_path: Path) -> None:
    """No path, clock, hash seed, line end or byte order mark of the spec is in the file."""
    wanted = None
    other = tmp_path / "elsewhere"
    other.mkdir()
    for number, data in enumerate((SPEC, SPEC.replace("\n", "\r\n"), "\ufeff" + SPEC)):
        (other / "tiny.scl").write_bytes(data.encode("utf-8"))
        environment = {**os.environ, "PYTHONHASHSEED": str(number), "TZ": "Asia/Tokyo"}
        made = run("compile", str(other / "tiny.scl"), "--phi", "2", "-o", "-", env=environment, cwd=other)
        assert made.returncode == 0, made.stderr
        wanted = wanted or made.stdout
        assert made.stdout == wanted and str(other) not in wanted


def test_several_scales_and_specs(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.scl").write_text(SPEC, encoding="utf-8")
    Path("models").mkdir()
    assert main(["compile", "tiny.scl", "--phi", "0..2", "-o", "models"]) == 0
    assert main(["compile", "tiny.scl", "other.scl", "--variant", "B0,B4", "-o", "models/"]) == 0
    assert capsys.readouterr().out.count("\n") == 7
    scales = [f"{name}_{b}.py" for name in ("other", "tiny") for b in ("b0", "b4")]
    assert names(Path("models")) == sorted([*scales, "tiny_phi0.py", "tiny_phi1.py", "tiny_phi2.py"])
    assert main(["compile", "tiny.scl", "--phi", "1", "-o", "-"]) == 0
    assert capsys.readouterr().out == Path("models/tiny_phi1.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--phi", "0..2", "-o", "one.py"], exits.NO_ACCESS), (["--phi", "0..2", "-o", "-"], exits.WRONG_USAGE),
        (["--phi", "1,1"], exits.WRONG_USAGE), (["--phi", "2..1"], exits.WRONG_USAGE),
        (["--phi", "0..x"], exits.WRONG_USAGE),
        (["--phi", "0..9999"], exits.WRONG_USAGE),
        (["--phi", "0,nothing"], exits.WRONG_USAGE),
        (["--variant", "B0,B9"], exits.WRONG_INPUT), (["-o", "-", "--check"], exits.WRONG_USAGE),
        (["no.scl"], exits.NO_ACCESS), (["wrong.scl"], exits.WRONG_INPUT),
    ],
)  # fmt: skip
def test_all_or_nothing(spec: Path, words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    Path("wrong.scl").write_text("param a = \n", encoding="utf-8")
    assert main(["compile", "tiny.scl", *words]) == code
    assert not capsys.readouterr().out and names(spec.parent) == ["wrong.scl"]


MEANINGLESS = [
    ("compile --phi abc", "E101"), ("compile --phi 1/0", "E201"), ("compile --phi 33", "E004"),
    ("compile --phi 1/10001", "E004"), ("compile --phi true", "E203"), ("compile --phi 4.5.6", "E001"),
    ("compile --phi 0..x", "E001"), ("compile --phi 2..1", "E004"), ("compile --phi 1 --set phi=2", "E104"),
    ("compile --set classes=ten", "E101"), ("compile --set nothing=(", "E001"), ("cost --phi abc", "E101"),
    ("cost --phi 0..x", "E001"), ("diff --phi abc", "E101"), ("solve --flops lots", "E101"),
    ("solve --flops 0", "E203"), ("solve --flops 1M --free w --from -1", "E203"),
    ("solve --flops 1M --free w,w", "E104"), ("solve --true-to φ=abc", "E101"),
    ("search --free w --flops lots", "E101"), ("search --free w,w --flops 1M", "E104"),
    ("search --free w --flops 1M --set classes=ten", "E101"),
]  # fmt: skip
"""Whatever the spec says."""
USELESS = [
    ("compile --variant B9", "E501"), ("cost --variant B9", "E501"), ("diff --variant B9", "E501"),
    ("compile --set nothing=1", "E501"), ("compile --set bias=1", "E203"),
    ("compile --features --tap nowhere", "E501"), ("solve --flops 1M --free nothing", "E501"),
    ("search --free nothing --flops 1M", "E501"), ("solve --flops 1", "E401"),
]  # fmt: skip
"""For the spec at hand: another one might have a use for it."""


@pytest.mark.parametrize(
    ("line", "found", "code"),
    [*((*each, exits.WRONG_USAGE) for each in MEANINGLESS), *((*each, exits.WRONG_INPUT) for each in USELESS)],
)
def test_where_wrong_usage_ends_and_wrong_input_begins(
    line: str, found: str, code: int, spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, *words = line.split()
    if command == "search":
        pytest.importorskip("numpy")
        words += ["--accuracy", "true", "--dry-run"]
    assert main([command, "tiny.scl", *words]) == code
    said = capsys.readouterr()
    assert said.err.startswith(f"error[{found}]: ") and "--> command line:1:" in said.err
    assert not said.out and names(spec.parent) == []


def test_check_goes_on(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "missing.scl", "tiny.scl"]) == exits.NO_ACCESS
    said = capsys.readouterr()
    assert said.err == "scalec: missing.scl: No such file or directory\n" and said.out.startswith("tiny.scl: ")
    assert main(["check", str(spec.parent)]) == 0 and f"{spec}: " in capsys.readouterr().out
    Path("empty").mkdir()
    assert main(["check", "empty"]) == exits.NO_ACCESS


def test_nothing_is_written_if_one_file_cannot_be(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("tiny_phi1.py").write_text("mine = 1\n", encoding="utf-8")
    assert main(["compile", "tiny.scl", "--phi", "0..2"]) == exits.NO_ACCESS
    assert "not written by scalec" in capsys.readouterr().err and names(spec.parent) == ["tiny_phi1.py"]
    assert main(["compile", "tiny.scl", "--phi", "0..2", "--force"]) == 0


def test_check_and_diff_of_what_was_written(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compile", "tiny.scl", "--phi", "0..1"]
    assert main(words) == 0 and main([*words, "--check"]) == 0 and main([*words, "--diff"]) == 0
    capsys.readouterr()
    path = Path("tiny_phi1.py")
    path.write_text(path.read_text(encoding="utf-8").replace("nn.ReLU", "nn.SiLU", 1), encoding="utf-8")
    edited = path.read_bytes()
    Path("tiny_phi0.py").unlink()
    assert main([*words, "--check"]) == exits.WRONG_INPUT
    said = capsys.readouterr()
    assert said.err == "tiny_phi0.py: missing\ntiny_phi1.py: edited by hand\n" and not said.out
    assert main([*words, "--diff"]) == exits.WRONG_INPUT
    said = capsys.readouterr()
    assert "--- /dev/null\n+++ b/tiny_phi0.py\n" in said.out
    assert [line for line in said.out.split("+++ b/tiny_phi1.py")[1].splitlines() if line[:1] in "+-" and line] == [
        "-            nn.SiLU(),", "+            nn.ReLU(),",
    ]  # fmt: skip
    assert path.read_bytes() == edited and names(spec.parent) == ["tiny_phi1.py"]


def test_standard_input(spec: Path) -> None:
    for words in (
        ["compile", "-"],
        ["check", "-"],
        ["cost", "-", "--format", "json"],
        ["solve", "-", "--params", "9k"],
    ):
        assert run(*words, stdin=SPEC).returncode == 0, words
    assert names(spec.parent) == ["tiny.py"], "it is named after the network"
    Path("part.scl").write_text("block Part <H, W, C> -> <H, W, C> = ReLU\n", encoding="utf-8")
    text = "import Part from part\nnetwork N <8, 8, 3> -> <8, 8, 3> = Part ⊙ Prat\n"
    said = run("check", "-", "--stdin-filename", "folder/net.scl", stdin=text)
    assert said.returncode == exits.WRONG_INPUT and "folder/net.scl:1:18" in said.stderr, "no part.scl beside that"
    said = run("check", "-", stdin=text)
    assert said.returncode == exits.WRONG_INPUT and "<stdin>:2:43" in said.stderr and "`Part`?" in said.stderr


def test_the_project_says_where_to_write(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pyproject.toml").write_text('[tool.scalec]\noutput = "models"\n', encoding="utf-8")
    Path("models").mkdir()
    inner = spec.parent / "inner"
    inner.mkdir()
    assert main(["compile", "tiny.scl"]) == 0 and names(Path("models")) == ["tiny.py"]
    os.chdir(inner)
    assert main(["compile", "../tiny.scl", "--phi", "1"]) == 0
    assert main(["compile", "../tiny.scl", "--phi", "2", "-o", "mine.py"]) == 0
    assert main(["compile", "../tiny.scl", "--phi", "3", "--isolated"]) == 0
    assert names(inner) == ["mine.py", "tiny_phi3.py"] and names(spec.parent / "models") == ["tiny.py", "tiny_phi1.py"]
    assert "../models/tiny_phi1.py: " in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion(shell: str, tmp_path: Path) -> None:
    said = run("completion", shell)
    assert said.returncode == 0 and not said.stderr
    assert all(word in said.stdout for word in ("compile", "solve", "variant", "output-stride"))
    if shell == "bash":
        script = tmp_path / "scalec.bash"
        script.write_text(said.stdout, encoding="utf-8")
        ask = f"source {script}; COMP_WORDS=(scalec comp); COMP_CWORD=1; _shtab_scalec; echo ${{COMPREPLY[@]}}"
        shown = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, timeout=60, check=False)
        assert shown.stdout.split() == ["compile", "completion"]


def test_the_project_s_folder_must_be_there(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pyproject.toml").write_text('[tool.scalec]\noutput = "models"\n', encoding="utf-8")
    assert main(["compile", "tiny.scl"]) == exits.NO_ACCESS and not Path("models").exists()
    assert "there is no such folder" in capsys.readouterr().err
    Path("models").mkdir()
    assert main(["solve", "tiny.scl", "--params", "1G", "--emit"]) == 0 and len(list(Path().glob("tiny*.py"))) == 1


def test_solve_writes_to_files(spec: Path) -> None:
    budget = ["solve", "tiny.scl", "--params", "1G"]
    assert main([*budget, "-o", "x.py"]) == main([*budget, "--emit", "-o", "-"]) == exits.WRONG_USAGE
    Path("models").mkdir()
    assert main([*budget, "--emit", "-o", "models"]) == 0
    assert not Path("-").exists() and not Path("x.py").exists() and len(names(Path("models"))) == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(closed: str, spec: Path) -> None:
    """As a shell closes them: there is nobody to read or to write to, which is no bug."""
    for words, code in (("check tiny.scl", 0), ("check -", 0), ("check missing.scl", 3), ("cost tiny.scl", 0)):
        command = ["bash", "-c", f'"$0" -m scalec {words} {closed}', sys.executable]
        said = subprocess.run(command, capture_output=True, text=True, input=SPEC, timeout=60, check=False)
        assert said.returncode == code and "bug" not in said.stderr, (words, said)


def test_control_c_is_quiet(spec: Path) -> None:
    """Standard input stays open, so that the command waits."""
    command = [sys.executable, "-m", "scalec", "check", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as waiting:
        assert waiting.stdin and waiting.stdout and waiting.stderr
        waiting.stdin.write(b"#\n")
        waiting.stdin.flush()
        while waiting.poll() is None and any(fcntl.ioctl(waiting.stdin, termios.FIONREAD, bytes(4))):
            time.sleep(0.05)  # until it reads, and so has begun
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(timeout=60) == exits.INTERRUPTED
        assert not waiting.stdout.read() and not waiting.stderr.read()
