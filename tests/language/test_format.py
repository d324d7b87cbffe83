"""`scalec fmt`: one layout, no other meaning, every comment where it was; and what the command does to files."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from scalec.commands.cli import main
from scalec.diagnostics.diagnostic import CompileError, Report
from scalec.diagnostics.source import Source
from scalec.language.format import layout as format_layout
from scalec.language.format.formatter import format_spec
from scalec.language.parse import parse, words
from strategies import Written, attached, examples, mangled, specs

SPECS = Path(__file__).parents[2] / "specs"


def formatted(text: str, spelling: str | None = None) -> str:
    return format_spec("spec.scl", text.encode(), spelling)


def canonical(text: str) -> str:
    """The words in ASCII: what the hash in the head of an emitted file is taken of."""
    return " ".join(word for _, word, _ in words(Source("spec.scl", text)))


def spelled(text: str) -> list[str]:
    """The words as they are spelled."""
    return [span.text for _, _, span in words(Source("spec.scl", text))]


def check(text: str, spelling: str | None = None) -> str:
    """Format a spec and look at all that holds for every one."""
    result = formatted(text, spelling)
    assert canonical(result) == canonical(text)
    assert attached(result) == attached(text)
    assert formatted(result, spelling) == result
    assert not re.search(r"[ \t]$|\r|\n\n\n|\A\n|\n\n\Z", result, re.MULTILINE) and result.endswith("\n")
    return result


@examples(50, specs(), st.integers(0, 10**6), more=40)
def test_a_layout_changes_nothing_and_is_final(written: Written, seed: int) -> None:
    check(mangled(written.text, seed))


@examples(8, specs(), st.integers(0, 10**6), more=25)
def test_spellings_lead_to_each_other(written: Written, seed: int) -> None:
    text = mangled(written.text, seed)
    plain, symbols = check(text, "ascii"), check(text, "unicode")
    assert re.sub(r"#[^\n]*", "", plain).isascii()
    assert not re.search(r"\|>|->|~=|\*|[<>]=|\bphi\b|\balpha\b|\bwithin\b", re.sub(r"#[^\n]*", "", symbols))
    assert spelled(formatted(symbols, "ascii")) == spelled(plain)
    assert spelled(formatted(plain, "unicode")) == spelled(symbols)


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.scl")), ids=lambda path: path.stem)
def test_specs_laid_out_anyhow(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    check(mangled(text, len(path.stem)))
    assert formatted(text) == text
    assert all(len(re.sub(r" *#.*", "", line)) <= format_layout.WIDTH for line in text.splitlines())


def test_the_words_are_what_a_program_is_made_of() -> None:
    spec = parse(Source("spec.scl", text := (SPECS / "residual.scl").read_text(encoding="utf-8")), Report())
    assert canonical(text) == " ".join(spec.canonical)


def test_specs_are_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fmt", "--check", str(SPECS)]) == 0
    assert capsys.readouterr() == ("", "")


LAYOUTS = {
    "stages": (
        """network   N ( classes=10 )<32,32,3>->< classes > =stem:Conv( 3,stride=2 )-><16,16,=8>
|> Conv(3)^2-> < 8 ,16,  128>  |> GlobalAvgPool |> Linear -> <classes>""",
        """network N(classes = 10) <32, 32, 3> -> <classes>
  = stem: Conv(3, stride = 2)   -> <16, 16, =8>
  |> Conv(3)^2 -> <8, 16, 128> |> GlobalAvgPool |> Linear -> <classes>
""",
    ),
    "columns": (
        """network N <32, 32, 3> → <32, 32, 128> = stem: Conv(3) → <32, 32, =8> # the stem
⊙ Conv(3)^2 → <8, 160, 128> when deep
⊙ a: (Conv(3), Conv(1, bias = true))^2 → <8, 160, max(128, 3)> when not deep
⊙ ReLU ⊙ last: Conv(1) → 8
⊙ ReLU when deep""",
        """network N <32, 32, 3> → <32, 32, 128>
  = stem: Conv(3)                          → <32,  32,  =8>  # the stem
  ⊙ Conv(3)^2                              → < 8, 160, 128>           when deep
  ⊙ a: (Conv(3), Conv(1, bias = true))^2   → < 8, 160, max(128, 3)>   when not deep
  ⊙ ReLU ⊙ last: Conv(1)                   → 8
  ⊙ ReLU                                                              when deep
""",
    ),
    "variants": (
        """variants(φ,width,r){B0(0,2,224/224) # the first
# big
LongName(10,200,1)}""",
        """variants   ( φ, width,       r) {
  B0       ( 0,     2, 224/224)  # the first
  # big
  LongName (10,   200,       1)
}
""",
    ),
    "a single row": ("variants(φ){B0(0)}", "variants (φ) { B0 (0) }\n"),
    "expressions": (
        "let a=- b*c/ 2-(d +e)^ -2·f ²,g( x )=1  if not x==-1 and y≤2 else max( x ,1 ), h=B4 . C·2^ 0.5",
        "let a = -b * c/2 - (d + e)^-2 · f², g(x) = 1 if not x == -1 and y ≤ 2 else max(x, 1), h = B4.C · 2^0.5\n",
    ),
    "wrappers": (
        """block B(s=1)<H,W,C>→<H/s,W/s,K>where k=K/2 , j = 2=sum{a: Conv(1)→ k ⊙ReLU}{
b:Conv(1)→K when s>1}⊙residual if s==1{ReLU}⊙concat{}{Conv(3) → 4 ⊙ ReLU
}
block D <H, W, C> → <H, W, C> = split { Depthwise(3) }
{ Depthwise(5) }""",
        """block B(s = 1) <H, W, C> → <H/s, W/s, K>
  where k = K/2, j = 2
  = sum {
      a: Conv(1) → k
    ⊙ ReLU
    } {
      b: Conv(1) → K   when s > 1
    }
  ⊙ residual if s == 1 { ReLU }
  ⊙ concat { } {
      Conv(3) → 4 ⊙ ReLU
  }

block D <H, W, C> → <H, W, C>
  = split { Depthwise(3) }
          { Depthwise(5) }
""",
    ),
    "comments": (
        """

# head


param φ = 0# compound
     # of b
,  b = 1
param long_name = 3 # three
block B <H, W, C> → <H, W, C> = # first
ReLU ⊙ # about ReLU
# about SiLU

SiLU
# done
let x = 1
""",
        """# head

param φ = 0,  # compound
      # of b
      b = 1
param long_name = 3  # three

block B <H, W, C> → <H, W, C>  # first
  = ReLU  # about ReLU
  # about SiLU

  ⊙ SiLU

# done
let x = 1
""",
    ),
    "a comment behind a leading ⊙": (
        "block B <H, W, C> → <H, W, C> = ReLU\n⊙ # about SiLU\nSiLU",
        "block B <H, W, C> → <H, W, C>\n  = ReLU\n  # about SiLU\n  ⊙ SiLU\n",
    ),
    "what is too long": (
        "param " + ", ".join(f"parameter_{n} = {n}" for n in range(9)),
        "param " + ",\n      ".join(f"parameter_{n} = {n}" for n in range(9)) + "\n",
    ),
    "a value that is too wide": (
        f"variants (φ, c) {{ A (0, {'+'.join('123456789')}{'+1' * 9}) B (1, 20) }}",
        f"variants (φ,  c) {{\n  A      (0, {' + '.join('123456789')}{' + 1' * 9})\n  B      (1, 20)\n}}\n",
    ),
    "a pin of one dimension": (
        "network N <3> → <=3> = Linear".replace("<=", "< ="),
        "network N <3> → < =3>\n  = Linear\n",
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(name: str) -> None:
    text, wanted = LAYOUTS[name]
    assert check(text) == wanted


def test_spellings() -> None:
    text = "let a = alpha * β^2 + phi_1 · ϕ2 × αx^-2, b = x^12 if a <= 2 ~= 3 within 5% else Conv² # -> ≤\n"
    assert (
        formatted(text, "unicode")
        == "let a = α · β² + φ_1 · φ2 · αx^-2, b = x¹² if a ≤ 2 ≈ 3 ± 5% else Conv²  # -> ≤\n"
    )
    assert (
        formatted(text, "ascii")
        == "let a = alpha * beta^2 + phi_1 * phi2 * alphax^-2, b = x^12 if a <= 2 ~= 3 within 5% else Conv^2  # -> ≤\n"
    )
    assert "α" * 60 in formatted(f"let {'α' * 60} = 1\n", "ascii")  # a name has 64 characters at most
    network = "network N <4, 4, 3> → <4, 4, 3> = ReLU²"
    assert "ReLU^2" in formatted(network, "unicode") and "ReLU^2" in formatted(network, "ascii")


def test_the_example_in_the_docs() -> None:
    section = (SPECS.parent / "docs" / "commands.md").read_text(encoding="utf-8").split("## `scalec fmt")[1]
    before, after = re.findall(r"```scl\n(.*?)```", section, re.DOTALL)[:2]
    assert check(before, "unicode") == after


DEEP = {
    "parentheses": "let a = " + "(1 + 2 · max(3, " * 31 + "1" + "))" * 31,
    "groups": "block B <H, W, C> → <H, W, C> = " + "label: (" * 64 + "ReLU" + " ⊙ ReLU)" * 64,
    "wrappers": "block B <H, W, C> → <H, W, C> = " + "sum { ReLU } { " * 64 + "ReLU" + " ⊙ ReLU }" * 64,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_nesting(text: str) -> None:
    lines = check(text).splitlines()
    assert max(len(line) - len(line.lstrip()) for line in lines) <= format_layout.DEEPEST


def test_what_would_be_too_large_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"let a = max({','.join('1' for _ in range(100))})"
    assert len(formatted(text)) > 2 * len(text)
    monkeypatch.setattr("scalec.language.parse.MAX_BYTES", 2 * len(text))
    with pytest.raises(CompileError, match="more than"):
        formatted(text)


# The command

UGLY = "param φ=0# compound\nlet   w = 1.1^φ\n"
TIDY = "param φ = 0  # compound\nlet w = 1.1^φ\n"
WRONG = "param φ = = 0\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An untidy spec, a tidy one, and what is none, in the working folder."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"ugly.scl": UGLY, "tidy.scl": TIDY, "other.txt": UGLY}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        os.utime(tmp_path / name, (1, 1))
    return tmp_path


def state(folder: Path) -> dict[str, tuple[str, float]]:
    return {path.name: (path.read_text(encoding="utf-8"), path.stat().st_mtime) for path in sorted(folder.iterdir())}


def run(*arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "scalec", "fmt", *arguments]
    return subprocess.run(
        command, input=stdin, capture_output=True, timeout=60, check=False, env={**os.environ, **environment}
    )


def test_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ugly.scl").chmod(0o640)
    before = state(folder)
    assert main(["fmt", "."]) == 0
    assert capsys.readouterr() == ("ugly.scl: formatted\n", "")
    after = state(folder)
    assert after.pop("ugly.scl")[0] == TIDY and stat.S_IMODE((folder / "ugly.scl").stat().st_mode) == 0o640
    assert before.pop("ugly.scl") and before == after
    assert main(["fmt", ".", "ugly.scl"]) == 0
    assert capsys.readouterr() == ("", "") and (folder / "ugly.scl").stat().st_mtime > 1


def test_check_names_what_would_change(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = state(folder)
    assert main(["fmt", "--check", "tidy.scl", "ugly.scl", "ugly.scl", str(folder)]) == 1
    assert capsys.readouterr() == (f"ugly.scl\n{folder / 'ugly.scl'}\n", "")
    assert main(["fmt", "--check", "tidy.scl"]) == 0
    assert capsys.readouterr() == ("", "") and state(folder) == before


def test_diff(folder: Path) -> None:
    before = state(folder)
    ran = run("--diff", "tidy.scl", "ugly.scl", LC_ALL="C", PYTHONUTF8="0")
    assert (ran.returncode, ran.stderr) == (1, b"") and state(folder) == before
    assert ran.stdout.decode() == (
        "--- ugly.scl\n+++ ugly.scl (formatted)\n@@ -1,2 +1,2 @@\n"
        "-param φ=0# compound\n-let   w = 1.1^φ\n+param φ = 0  # compound\n+let w = 1.1^φ\n"
    )
    assert run("--diff", "tidy.scl").returncode == 0
    ran = run("--diff", "-", stdin=TIDY.rstrip("\n").encode())
    assert ran.returncode == 1 and ran.stdout.decode().endswith(
        "-let w = 1.1^φ\n\\ No newline at end of file\n+let w = 1.1^φ\n"
    )


def test_standard_input(folder: Path) -> None:
    before = state(folder)
    ran = run("-", stdin=b"\xef\xbb\xbf" + UGLY.replace("\n", "\r\n").encode(), LC_ALL="C", PYTHONUTF8="0")
    assert (ran.returncode, ran.stdout.decode(), ran.stderr) == (0, TIDY, b"")
    assert run("-", "--ascii", stdin=UGLY.encode()).stdout == b"param phi = 0  # compound\nlet w = 1.1^phi\n"
    ran = run("--check", "-", stdin=UGLY.encode())
    assert (ran.returncode, ran.stdout) == (1, b"<stdin>\n")
    ran = run("-", stdin=WRONG.encode())
    assert (ran.returncode, ran.stdout) == (1, b"") and b"<stdin>:1:11" in ran.stderr
    assert state(folder) == before


def test_a_wrong_spec_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a_wrong.scl").write_text(WRONG, encoding="utf-8")
    for options in ([], ["--check"], ["--diff"]):
        assert main(["fmt", *options, "a_wrong.scl"]) == 1
        said = capsys.readouterr()
        assert not said.out and "a_wrong.scl:1:11" in said.err and "error[E001]" in said.err
    assert main(["fmt", "."]) == 1
    assert (folder / "a_wrong.scl").read_text(encoding="utf-8") == WRONG
    assert (folder / "ugly.scl").read_text(encoding="utf-8") == TIDY, "the others are formatted all the same"


def test_links(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inside = folder / "inside"
    inside.mkdir()
    (inside / "away.scl").symlink_to(folder / "ugly.scl")
    (inside / "gone.scl").symlink_to(folder / "nowhere.scl")
    assert main(["fmt", "inside"]) == 0
    assert main(["fmt", "inside/away.scl"]) == 3
    assert "leads out of its folder" in capsys.readouterr().err
    assert (folder / "ugly.scl").read_text(encoding="utf-8") == UGLY
    (folder / "near.scl").symlink_to("ugly.scl")
    assert main(["fmt", "near.scl"]) == 0
    assert (folder / "near.scl").is_symlink() and (folder / "ugly.scl").read_text(encoding="utf-8") == TIDY


def test_no_access(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["fmt", "nowhere.scl", "ugly.scl"]) == 3
    said = capsys.readouterr()
    assert said.err == "scalec: nowhere.scl: No such file or directory\n" and said.out == "ugly.scl: formatted\n"
    (folder / "ugly.scl").write_text(UGLY, encoding="utf-8")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert main(["fmt", "ugly.scl"]) == 3
    assert capsys.readouterr().err == "scalec: ugly.scl: No space left on device\n"
    assert sorted(state(folder)) == ["other.txt", "tidy.scl", "ugly.scl"] and state(folder)["ugly.scl"][0] == UGLY


@pytest.mark.parametrize("wrong", [["fmt"], ["fmt", "--check", "--diff", "-"], ["fmt", "--ascii", "--unicode", "-"]])
def test_wrong_usage(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(wrong)
    assert stopped.value.code == 2
