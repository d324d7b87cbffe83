"""`scalec diff`: what it compares, what it says in each format, and commits of git."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scalec.commands.cli import main
from scalec.diagnostics import exit_codes as exits
from scalec.project import git

SPECS = Path(__file__).parents[2] / "specs"
GOLDEN = Path(__file__).parents[1] / "diffs"
SPEC = """param φ = 0, act = SiLU
let d = 1.5^φ, w = 1.1^φ
scale L → ceil(d · L)
scale C → to_multiple(w · C, 8)
require params ≤ 900

block Unit(kernel, stride = 1) <H, W, C> → <H/stride, W/stride, K>
  = residual if stride == 1 and C == K {
      conv: Conv(kernel, stride) → K
    ⊙ norm: BatchNorm ⊙ act
  }

network Tiny(classes = 10) <8, 8, 3> → <classes>
  = stem: Unit(3, stride = 2) → <4, 4, 8>
  ⊙ Unit(1)^2 → <4, 4, 8>
  ⊙ pool: GlobalAvgPool ⊙ classifier: Linear → <classes>

variants (φ, w) {
  Small (0, 1)
  Large (2, 2)
}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a spec, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.scl").write_text(SPEC, encoding="utf-8")
    return tmp_path


def changed(*pairs: tuple[str, str], name: str = "new.scl") -> str:
    text = SPEC
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    Path(name).write_text(text, encoding="utf-8")
    return name


def compared(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["diff", *words, "--format", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["schema"] == "scalec.diff/1"
    return found


def one(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    (comparison,) = compared(capsys, *words)["comparisons"]
    return dict(comparison)


def stages(comparison: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["change"], (each["after"] or each["before"])["name"]) for each in comparison["stages"]]


# Goldens


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_golden(
    form: str, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SPECS)
    assert main(["diff", "efficientnet.scl", "--phi", "1", "--phi", "4", "--format", form]) == 0
    said = capsys.readouterr().out
    path = GOLDEN / f"efficientnet_phi1_phi4.{ {'text': 'txt', 'markdown': 'md', 'json': 'json'}[form] }"
    if request.config.getoption("--update"):
        path.write_text(said, encoding="utf-8", newline="\n")
    assert said == path.read_text(encoding="utf-8")


def test_the_documented_output() -> None:
    page = (SPECS.parent / "docs" / "commands.md").read_text(encoding="utf-8").split("## `scalec diff")[1]
    shown = page.split("```")[1].splitlines()[2:]
    golden = (GOLDEN / "efficientnet_phi1_phi4.txt").read_text(encoding="utf-8").splitlines()
    assert len(shown) > 15 and all(line in golden for line in shown if line not in ("…", "  …"))


# What differs


def test_the_same_is_equal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "tiny.scl", "--phi", "0", "--variant", "Small", "--exit-code"]) == 0
    said = capsys.readouterr()
    assert said.out == "tiny.scl, φ = 0 → Small\nthe same network: every stage, figure, requirement and key\n"
    assert not said.err


def test_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "tiny.scl", "--phi", "0", "--phi", "2"]) == exits.DONE
    assert main(["diff", "tiny.scl", "--phi", "0", "--phi", "2", "--exit-code"]) == exits.WRONG_INPUT
    assert "state_dict, " in capsys.readouterr().out


def test_figures_are_those_of_cost(capsys: pytest.CaptureFixture[str]) -> None:
    found = one(capsys, "tiny.scl", "--phi", "0", "--phi", "2")
    for side, phi in (("before", "0"), ("after", "2")):
        assert main(["cost", "tiny.scl", "--phi", phi, "--format", "json"]) == 0
        counted = json.loads(capsys.readouterr().out)
        given = found[side]
        assert [given[k] for k in ("params", "macs", "flops", "activations", "input")] == [
            counted[k] for k in ("params", "macs", "flops", "activations", "input")
        ]
        assert (given["memory_inference"], given["memory_training"]) == (
            counted["memory"]["inference"], counted["memory"]["training"]
        )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "details"),
    [
        ("Unit(1)^2", "Unit(3)^2", ["kernel 1 → 3"]),
        ("Unit(1)^2", "Conv(3)^2", ["Unit → Conv"]),
        ("act = SiLU", "act = ReLU", ["without SiLU", "with ReLU"]),
        ("norm: BatchNorm ⊙ act", "norm: BatchNorm(eps = 0.001) ⊙ act", ["BatchNorm eps 0.00001 → 0.001"]),
        ("residual if stride == 1 and C == K", "residual if stride == 1 and C > K", ["without residual"]),
        ("(3, stride = 2)", "(5, stride = 2)", ["kernel 3 → 5"]),
    ],
)
def test_details_of_a_stage(old: str, new: str, details: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = one(capsys, "tiny.scl", changed((old, new)))
    said = [each["details"] for each in found["stages"] if each["change"] == "changed"]
    assert details in said and not found["equal"] and not found["state_dict"]["same_network"]


def test_a_stage_that_is_put_in_and_one_that_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    new = changed(("  ⊙ pool", "  ⊙ extra: Unit(3)^1 → <4, 4, 8>\n  ⊙ pool"))
    found = one(capsys, "tiny.scl", new)
    assert stages(found) == [
        ("same", "stem"), ("same", "stage2"), ("added", "extra"), ("same", "pool"), ("same", "classifier")
    ]  # fmt: skip
    assert found["state_dict"]["loads"] == "partial" and found["state_dict"]["groups"] == {
        "extra": {"added": 6, "removed": 0, "reshaped": 0}
    }
    back = one(capsys, new, "tiny.scl")
    assert ("removed", "extra") in stages(back) and back["state_dict"]["groups"]["extra"]["removed"] == 6


def test_a_stage_that_moves(capsys: pytest.CaptureFixture[str]) -> None:
    """Without labels a stage's name is its place: its keys move."""
    found = one(capsys, "tiny.scl", changed(("  ⊙ Unit(1)^2", "  ⊙ Unit(5)^1 → 8\n  ⊙ Unit(1)^2")))
    assert [s for s in stages(found) if s[0] == "added"] == [("added", "stage2")]
    assert next(each for each in found["stages"] if each["after"]["name"] == "stage3")["details"] == ["was stage2"]
    assert main(["diff", "tiny.scl", "new.scl"]) == 0
    assert re.search(r"^~  stage3 .* was stage2$", capsys.readouterr().out, re.MULTILINE)


def test_stages_that_move_and_read_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """Their names overlap with those before: it is the call that tells which was which."""
    twice = changed(("  ⊙ Unit(1)^2 → <4, 4, 8>", "  ⊙ Unit(1)^2 → 8 ⊙ Unit(1)^2 → 8"), name="twice.scl")
    moved = changed(("  ⊙ Unit(1)^2 → <4, 4, 8>", "  ⊙ Unit(5) → 8 ⊙ Unit(1)^2 → 8 ⊙ Unit(1)^2 → 8"))
    found = one(capsys, twice, moved)["stages"]
    assert [each["details"] for each in found] == [[], [], ["was stage2"], ["was stage3"], [], []]


def test_an_argument_that_nothing_uses(capsys: pytest.CaptureFixture[str]) -> None:
    """It is in the constructor all the same."""
    one_, other = (changed(("classes = 10", f"classes = 10, spare = {n}"), name=f"{n}.scl") for n in (1, 2))
    found = one(capsys, one_, other)
    assert not found["equal"] and {kind for kind, _ in stages(found)} == {"same"}


def test_nothing_in_common(capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.scl").write_text("network N <8, 8, 3> → <8, 8, 4> = only: Conv(1) → 4\n", encoding="utf-8")
    state = one(capsys, "tiny.scl", "other.scl")["state_dict"]
    assert state["loads"] == "no" and state["said"].endswith("no key is the same.")


def test_requirements(capsys: pytest.CaptureFixture[str]) -> None:
    """One that breaks is a result, not an error."""
    found = one(capsys, "tiny.scl", changed(("params ≤ 900", "params ≤ 100, FLOPS > 0")))
    by_text = {each["text"]: each for each in found["requirements"]}
    assert by_text["params ≤ 900"]["before"]["holds"] and by_text["params ≤ 900"]["after"] is None
    broken = by_text["params ≤ 100"]
    assert broken["before"] is None
    assert broken["after"] == {"holds": False, "values": [str(found["after"]["params"]), "100"]}
    assert by_text["FLOPS > 0"]["after"]["holds"]
    assert main(["diff", "tiny.scl", "--phi", "0", "--phi", "4"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "params ≤ 900" in line)
    assert "now broken" in line and re.search(r"[\d,]+ ≤ 900 → [\d,]+ ≤ 900", line)


@pytest.mark.parametrize(
    ("pairs", "loads", "said"),
    [
        ([], "strict", "every key and shape is the same."),
        ([("<8, 8, 3>", "<16, 16, 3>"), ("<4, 4", "<8, 8")], "strict", "It is another network all the same"),
        ([("Unit(1)^2", "Unit(1)^3")], "partial", "strict=False only"),
        ([("classes = 10", "classes = 7")], "no", "2 shapes differ"),
    ],
)
def test_whether_checkpoints_load(
    pairs: list[tuple[str, str]], loads: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence is what PyTorch does."""
    from nets import module
    from scalec.compiler import load

    changed(*pairs)
    state = one(capsys, "tiny.scl", "new.scl")["state_dict"]
    assert state["loads"] == loads and said in state["said"]
    old, new = (module(load(Path(name)).compile()) for name in ("tiny.scl", "new.scl"))
    outcome = "no"
    for strict, name in ((False, "partial"), (True, "strict")):
        try:
            new.load_state_dict(old.state_dict(), strict=strict)
            outcome = name
        except RuntimeError:
            break
    assert outcome == loads


def test_labels_inside_a_block_are_keys(capsys: pytest.CaptureFixture[str]) -> None:
    found = one(capsys, "tiny.scl", changed(("conv: Conv", "convolution: Conv")))
    assert not found["equal"] and {kind for kind, _ in stages(found)} == {"same"}
    assert len(found["state_dict"]["added"]) == len(found["state_dict"]["removed"]) == 3


def test_constructor_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "tiny.scl", "--phi", "0", "--set", "classes=7"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("tiny.scl, φ = 0 → φ = 0 with classes = 7\n")
    assert re.search(r"^classes +10 +7$", said, re.MULTILINE)


def test_what_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    def scales(*words: str) -> list[tuple[str, str]]:
        found = compared(capsys, *words)["comparisons"]
        return [(each["before"]["scale"], each["after"]["scale"]) for each in found]

    new = changed(("Large (2, 2)", "Huge (2, 2)"))
    assert scales("tiny.scl", "--phi", "2", "--phi", "-1") == [("φ = 2", "φ = -1")]
    assert scales("tiny.scl", "--variant", "Small,Large") == [("Small", "Large")]
    assert scales("tiny.scl", "--phi", "1", "--variant", "Large") == [("φ = 1", "Large")]
    assert scales("tiny.scl", "--phi", "1") == [("as written", "φ = 1")]
    assert scales("tiny.scl", new, "--phi", "1") == [("φ = 1", "φ = 1")]
    assert scales("tiny.scl", new, "--variant", "Large", "--variant", "Huge") == [("Large", "Huge")]
    assert scales("tiny.scl", new, "--all") == [("as written",) * 2, ("Small", "Small")]
    assert compared(capsys, "tiny.scl", new, "--all")["variants"] == {"added": ["Huge"], "removed": ["Large"]}


@pytest.mark.parametrize(
    "words",
    [
        ["tiny.scl"], ["tiny.scl", "--all"], ["tiny.scl", "--phi", "0..2"], ["-", "-"], ["-", "--against", "HEAD"],
        ["tiny.scl", "tiny.scl", "tiny.scl"], ["tiny.scl", "tiny.scl", "--against", "HEAD"],
        ["tiny.scl", "tiny.scl", "--all", "--phi", "1"], ["tiny.scl", "tiny.scl", "--phi", "0..2"],
    ],
)  # fmt: skip
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *words]) == exits.WRONG_USAGE
    said = capsys.readouterr()
    assert not said.out and said.err.startswith("scalec: ") and said.err.count("\n") == 1


def test_an_error_in_a_spec(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "tiny.scl", changed(("Linear", "Linar"))]) == exits.WRONG_INPUT
    said = capsys.readouterr()
    assert "error[E102]" in said.err and "new.scl" in said.err and not said.out
    assert main(["diff", "tiny.scl", "--variant", "Smal", "--phi", "1"]) == exits.WRONG_INPUT


def test_colours(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "tiny.scl", "--phi", "0", "--phi", "2", "--color", "always"]) == 0
    assert "\x1b[33m~  stage2" in capsys.readouterr().out
    assert main(["diff", "tiny.scl", "--phi", "0", "--phi", "2"]) == 0
    assert "\x1b" not in capsys.readouterr().out


HOSTILE = [
    "a|b`c``d.scl",
    "<img src=x onerror=alert(1)>.scl",
    "](javascript:x) @user.scl",
    "**x**\n# y.scl",
    "\x1b[31m.scl",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In Markdown a name stands in a code span, which is longer than any run of backticks in it."""
    Path(name.replace("/", "")).write_text(SPEC, encoding="utf-8")
    assert main(["diff", "tiny.scl", name, "--phi", "0", "--phi", "1", "--format", "markdown"]) == 0
    said = capsys.readouterr().out
    heading = said.splitlines()[0]
    fence = "```" if "``" in name else "`"
    assert heading.startswith(f"### {fence}") and heading.endswith(fence) and "\x1b" not in said
    assert not re.search(r"\n# y", said)
    bare = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", said, flags=re.DOTALL)
    assert not any(part in bare for part in ("<img", "](", "@user", "**x", "onerror"))
    for row in (line for line in said.splitlines() if line.startswith("|")):
        assert len(re.findall(r"(?<!\\)\|", row)) in (3, 4, 5, 9), row
    assert main(["diff", "tiny.scl", name, "--phi", "1"]) == 0
    assert "\x1b" not in capsys.readouterr().out


# Commits


@pytest.fixture
def repository(folder: Path) -> Path:
    """Two commits: in the second a block, which is imported, and the spec have changed."""
    library = "block Unit(kernel) <H, W, C> → <H, W, K> = Conv(kernel) → K ⊙ BatchNorm\n"
    spec = "import Unit from units\nnetwork Net <8, 8, 3> → <8, 8, 8> = a: Unit(3) → 8 ⊙ b: Unit(3) → 8\n"
    inner = folder / "nets"
    inner.mkdir()
    git_("init", "-q")
    for number in (1, 2):
        (inner / "units.scl").write_text(library, encoding="utf-8")
        (inner / "net.scl").write_text(spec, encoding="utf-8")
        git_("add", "-A")
        git_("commit", "-qm", str(number))
        library, spec = library.replace("⊙ BatchNorm", "⊙ BatchNorm ⊙ ReLU"), spec.replace("b: Unit(3)", "b: Unit(5)")
    return inner


def git_(*words: str) -> None:
    identity = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *words], check=True, capture_output=True, env={**os.environ, **identity})


@pytest.mark.parametrize("inside", [False, True])
def test_against_a_commit(
    repository: Path, inside: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spec and what it imports are as they were then, from whatever folder it is asked."""
    if inside:
        monkeypatch.chdir(repository)
    spec = "net.scl" if inside else "nets/net.scl"
    found = one(capsys, spec, "--against", "HEAD~1")
    assert found["before"]["spec"] == f"HEAD~1:{spec}" and found["after"]["spec"] == spec
    assert [each["details"] for each in found["stages"]] == [["with ReLU"], ["kernel 3 → 5"]]
    assert found["state_dict"]["loads"] == "no" and list(found["state_dict"]["reshaped"]) == ["b.conv.weight"]
    assert "A checkpoint of HEAD~1 does not load into the spec now" in found["state_dict"]["said"]
    assert one(capsys, spec, "--against", "HEAD")["equal"]
    assert main(["diff", spec, "--against", "HEAD~1", "--exit-code"]) == exits.WRONG_INPUT


def test_against_takes_what_is_not_committed(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = repository / "net.scl"
    path.write_text(path.read_text(encoding="utf-8").replace("Unit(5)", "Unit(7)"), encoding="utf-8")
    assert one(capsys, "nets/net.scl", "--against", "HEAD")["stages"][1]["details"] == ["kernel 5 → 7"]


@pytest.mark.parametrize(
    ("ref", "code", "said"),
    [
        ("nowhere", exits.WRONG_USAGE, "no commit is called nowhere"),
        ("HEAD~9", exits.WRONG_USAGE, "no commit is called HEAD~9"),
        ("HEAD:nets", exits.WRONG_USAGE, "no commit is called"),
        ("HEAD x", exits.WRONG_USAGE, "is no name of a commit"),
        ("HEAD\x1b", exits.WRONG_USAGE, "is no name of a commit"),
        ("$(touch owned);`id`", exits.WRONG_USAGE, "is no name of a commit"),
        ("$(touch\towned)", exits.WRONG_USAGE, "is no name of a commit"),
    ],
)
def test_wrong_refs(repository: Path, ref: str, code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "nets/net.scl", "--against", ref]) == code
    told = capsys.readouterr()
    assert said in told.err and told.err.count("\n") == 1 and not told.out and "\x1b" not in told.err
    assert not list(repository.parent.rglob("owned"))


@pytest.mark.parametrize("ref", ["-p", "--output=owned", ""])
def test_refs_that_are_options(repository: Path, ref: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["diff", "nets/net.scl", f"--against={ref}"])
    assert stopped.value.code == exits.WRONG_USAGE and not Path("owned").exists()
    with pytest.raises(git.GitError, match="is no name of a commit"):
        git.commit(Path(), ref)


def test_a_file_that_was_not_there_then(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "later.scl").write_text(SPEC, encoding="utf-8")
    assert main(["diff", "nets/later.scl", "--against", "HEAD"]) == exits.NO_ACCESS
    assert capsys.readouterr().err == "scalec: nets/later.scl is not there at HEAD\n"


def test_a_link_is_not_followed(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "link.scl").symlink_to("net.scl")
    git_("add", "-A")
    git_("commit", "-qm", "3")
    assert main(["diff", "nets/link.scl", "--against", "HEAD"]) == exits.NO_ACCESS
    assert "link.scl at HEAD is no file, but a link" in capsys.readouterr().err


def test_an_error_then(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says in which version it is."""
    path = repository / "units.scl"
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace("BatchNorm", "BatchNrm"), encoding="utf-8")
    git_("commit", "-qam", "3")
    path.write_text(good, encoding="utf-8")
    assert main(["diff", "nets/net.scl", "--against", "HEAD"]) == exits.WRONG_INPUT
    assert "--> HEAD:nets/units.scl:1:" in capsys.readouterr().err


def test_no_repository(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "tiny.scl", "--against", "HEAD"]) == exits.NO_ACCESS
    said = capsys.readouterr().err
    assert "not a git repository" in said and said.count("\n") == 1


def test_no_git(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["diff", "tiny.scl", "--against", "HEAD"]) == exits.NO_ACCESS
    assert capsys.readouterr().err == "scalec: git is not installed, or not on PATH\n"
