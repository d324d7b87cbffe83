"""Diagnostics for machines: what each format says, and that nothing of a spec breaks out of it."""

import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import scalec
from scalec.commands.cli import main
from scalec.diagnostics import exit_codes as exits
from scalec.diagnostics.diagnostic import UNKNOWN, Diagnostic, Edit, Fix, Label
from scalec.diagnostics.machine import fingerprints
from scalec.diagnostics.show import FOR_PEOPLE, FORMATS
from scalec.diagnostics.source import COMMAND_LINE, Source, Span

GOOD = "network Tiny <8, 8, 3> → <10>\n  = pool: GlobalAvgPool ⊙ classifier: Linear → <10>\n"
BAD = "let 𝛼 = 1\n\n" + GOOD
HOSTILE = '100%\r\n::error file=x,line=1::planted\n\x1b[31m\u202e{0} [here](http://evil) %0A::x "quoted" <b> \ud800'
MACHINES = [name for name in FORMATS if name not in FOR_PEOPLE]


def finding(
    message: str = "unknown name `a`", source: Source | None = None, at: tuple[int, int] = (4, 5), **more: Any
) -> Diagnostic:
    span = Span(source or Source("a.scl", "let a = 1\nlet β = a\n"), *at)
    return Diagnostic("E101", message, Label(span, UNKNOWN), **more)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.scl").write_text(GOOD, encoding="utf-8")
    (tmp_path / "bad.scl").write_text(BAD, encoding="utf-8")
    (tmp_path / "worse.scl").write_text(BAD.replace("𝛼", "a").replace("Linear", "Linaer"), encoding="utf-8")
    return tmp_path


def rendered(name: str, findings: list[Diagnostic], whole: bool = True) -> str:
    return str(import_module(f"scalec.diagnostics.formats.{name}").render(findings, whole))


def test_the_choices_are_the_formats() -> None:
    assert FORMATS == ("text", "concise", "github", "gitlab", "json", "jsonl", "sarif")


def test_a_new_format_is_one_file(tmp_path: Path) -> None:
    """A copy of the compiler with one more file has one more format."""
    shutil.copytree(Path(scalec.__file__).parent, tmp_path / "scalec", ignore=shutil.ignore_patterns("__pycache__"))
    text = "def render(diagnostics, whole):\n    return ''.join(f'{d.code};' for d in diagnostics) + str(whole)\n"
    (tmp_path / "scalec" / "diagnostics" / "formats" / "csv.py").write_text(text, encoding="utf-8")
    (tmp_path / "bad.scl").write_text(BAD, encoding="utf-8")
    run = "import sys; sys.path[0] = '.'; from scalec.cli import main; main(['check', 'bad.scl', '--format', 'csv'])"
    done = subprocess.run([sys.executable, "-c", run], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "E002;True"


def test_concise(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "bad.scl", "worse.scl", "good.scl", "--format", "concise"]) == 1
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "bad.scl:1:5: error[E002]: `𝛼` is not part of the language (U+1D6FC MATHEMATICAL ITALIC SMALL ALPHA)",
        "worse.scl:4:39: error[E102]: unknown block or operator `Linaer`",
    ]
    assert said.out == "good.scl: the network Tiny holds\n"


@pytest.mark.parametrize("name", MACHINES)
def test_check_prints_nothing_but_its_findings(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "good.scl", "bad.scl", "worse.scl", "--format", name]) == 1
    said = capsys.readouterr()
    assert not said.err
    assert said.out.isascii() or name == "github"
    if name == "github":
        assert all(line.startswith("::error ") for line in said.out.splitlines())
        assert len(said.out.splitlines()) == 2
    else:
        found = [json.loads(line) for line in said.out.splitlines()]
        assert len(found) == (2 if name == "jsonl" else 1)


@pytest.mark.parametrize(("name", "empty"), [("jsonl", ""), ("github", ""), ("gitlab", "[]\n")])
def test_nothing_wrong(name: str, empty: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "good.scl", "--format", name]) == 0
    assert capsys.readouterr() == (empty, "")


def test_nothing_wrong_in_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "good.scl", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema": "scalec.diagnostics/1", "valid": True, "error_count": 0, "warning_count": 0, "diagnostics": [],
    }  # fmt: skip
    assert main(["check", "good.scl", "--format", "sarif"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["results"] == []


@pytest.mark.parametrize(
    "words",
    [["compile", "-o", "-"], ["cost"], ["cost", "--format", "json"], ["solve", "--params", "1G", "--format", "json"]],
)
def test_other_commands_keep_their_output(words: list[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What they make goes to standard output; what is wrong to standard error, in the format asked for."""
    (here / "good.scl").write_text("param φ = 0\nscale C → 2^φ · C\n" + GOOD, encoding="utf-8")
    assert main([words[0], "good.scl", *words[1:], "--error-format", "json"]) == 0
    said = capsys.readouterr()
    assert said.out and json.loads(said.err)["valid"] is True
    if "json" in words:
        json.loads(said.out)
    assert main([words[0], "bad.scl", *words[1:], "--error-format", "json"]) == 1
    said = capsys.readouterr()
    assert not said.out and json.loads(said.err)["error_count"] == 1


def test_the_json_of_a_finding() -> None:
    """The contract: docs/diagnostics.md."""
    source = Source("specs/a.scl", "let 𝛼 = 1\nlet β = a\n")
    name, first = Span(source, 18, 19), Span(source, 4, 5)
    fix = Fix("write `α`", (Edit(name, "α"),), "maybe")
    found = Diagnostic(
        "E101", "unknown", Label(name, "here"), (Label(first, "first"),), ("a note",), "a help", fixes=(fix,)
    )
    start, end = {"line": 2, "column": 9, "offset": 18}, {"line": 2, "column": 10, "offset": 19}
    expected = {
        "severity": "error", "code": "E101", "message": "unknown", "path": "specs/a.scl", "start": start, "end": end,
        "label": "here",
        "labels": [
            {
                "path": "specs/a.scl", "start": {"line": 1, "column": 5, "offset": 4},
                "end": {"line": 1, "column": 6, "offset": 5}, "text": "first",
            }
        ],
        "notes": ["a note"], "help": "a help",
        "fixes": [
            {
                "message": "write `α`", "applicability": "maybe",
                "edits": [{"path": "specs/a.scl", "start": start, "end": end, "text": "α"}],
            }
        ],
    }  # fmt: skip
    assert source.text[18:19] == "a"
    report = json.loads(rendered("json", [found]))
    counts = {"valid": False, "error_count": 1, "warning_count": 0}
    assert report == {"schema": "scalec.diagnostics/1", **counts, "diagnostics": [expected]}
    assert json.loads(rendered("jsonl", [found])) == {"schema": "scalec.diagnostic/1"} | expected


def test_a_warning_is_valid() -> None:
    report = json.loads(rendered("json", [finding(severity="warning")]))
    assert (report["valid"], report["error_count"], report["warning_count"]) == (True, 0, 1)


def test_offsets_are_those_of_the_text(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Code points, from 0: an emoji is one, and a byte order mark none."""
    text = "# 🙂\r\nlet \N{CYRILLIC SMALL LETTER A} = 1\r\n" + GOOD
    (here / "bad.scl").write_bytes(b"\xef\xbb\xbf" + text.encode())
    main(["check", "bad.scl", "--format", "jsonl"])
    found = json.loads(capsys.readouterr().out)
    assert found["start"] == {"line": 2, "column": 5, "offset": text.index("\N{CYRILLIC SMALL LETTER A}")}


@pytest.mark.parametrize("words", [["empty"], ["good.scl", "gone.scl"], ["good.scl", "empty"], ["gone.py"]])
def test_what_could_not_be_read_is_not_valid(words: list[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in the text form, the exit code is 3; where all could be read it is 0."""
    (here / "empty").mkdir()
    assert main(["check", *words]) == exits.NO_ACCESS
    text = capsys.readouterr().err
    for name in MACHINES:
        assert main(["check", *words, "--format", name]) == exits.NO_ACCESS
        said = capsys.readouterr()
        assert said.err == text
        if name == "json":
            assert json.loads(said.out)["valid"] is False and json.loads(said.out)["error_count"] == 0
        if name == "sarif":
            assert json.loads(said.out)["runs"][0]["invocations"] == [{"executionSuccessful": False}]
    assert main(["check", "good.scl", "--format", "json"]) == exits.DONE
    assert json.loads(capsys.readouterr().out)["valid"] is True
    assert main(["check", "good.scl", "--format", "sarif"]) == exits.DONE
    assert "invocations" not in json.loads(capsys.readouterr().out)["runs"][0]


def test_sarif(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "dir with space").mkdir()
    (here / "dir with space" / "b.scl").write_text("let a = 1, a = 2\n" + GOOD, encoding="utf-8")
    main(["check", "bad.scl", "worse.scl", "dir with space/b.scl", str(here / "worse.scl"), "--format", "sarif"])
    log = json.loads(capsys.readouterr().out)
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["E002", "E102", "E104"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == "error" and result["message"]["text"]
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert set(region) == {"startLine", "startColumn", "endLine", "endColumn"} and min(region.values()) >= 1
        assert re.fullmatch("[0-9a-f]{32}", result["partialFingerprints"]["scalec/v1"])
        for fix in result.get("fixes", []):
            assert fix["description"]["text"]
            for change in fix["artifactChanges"]:
                assert change["artifactLocation"] == location["physicalLocation"]["artifactLocation"]
                assert all({"deletedRegion", "insertedContent"} == set(each) for each in change["replacements"])
    uris = [r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]]
    assert sorted(uris) == sorted([(here / "worse.scl").as_uri(), "bad.scl", "dir%20with%20space/b.scl", "worse.scl"])
    (twice,) = (result for result in run["results"] if result["ruleId"] == "E104")
    (related,) = twice["relatedLocations"]
    assert related["id"] == 1 and related["message"]["text"] == "first here"
    (typo,) = (r for r in run["results"] if r["ruleId"] == "E102" and "file:" not in json.dumps(r))
    (change,) = typo["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 4, "startColumn": 39, "endLine": 4, "endColumn": 45},
            "insertedContent": {"text": "Linear"},
        }
    ]


def test_sarif_text_holds_no_placeholder_and_no_link() -> None:
    """Sections 3.11.5 and 3.11.6: braces are doubled, brackets that could be a link escaped."""
    log = json.loads(rendered("sarif", [finding("write `sum { … }`"), finding(HOSTILE)]))
    texts = [result["message"]["text"] for result in log["runs"][0]["results"]]
    assert texts[0].startswith("write `sum {{ … }}`")
    assert "{{0}}" in texts[1] and r"\[here\](http" in texts[1]
    assert "\x1b" not in texts[1] and "\u202e" not in texts[1]


@pytest.mark.parametrize("name", FORMATS[1:])
def test_hostile_text_stays_what_it_is(name: str) -> None:
    """In messages, file names, labels, notes and helps: no second command, no broken document, no escape sequence."""
    source = Source(f"dir,a:b\n::error::{HOSTILE}.scl", f"let {HOSTILE}\n")
    span = Span(source, 4, 9)
    hostile = finding(
        HOSTILE, source, others=(Label(span, HOSTILE),), notes=(HOSTILE,), help=HOSTILE,
        fixes=(Fix(HOSTILE, (Edit(span, HOSTILE),)),),
    )  # fmt: skip
    written = rendered(name, [hostile, hostile])
    written.encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", written)
    lines = written.split("\n")
    assert lines.pop() == ""
    if name in ("json", "sarif", "gitlab"):
        (document,) = lines
        json.dumps(json.loads(document), ensure_ascii=False).encode()
    else:
        assert len(lines) == 2 and lines[0] == lines[1]
    if name == "github":
        head, _, data = lines[0].removeprefix("::error ").partition("::")
        properties = dict(each.split("=", 1) for each in head.split(","))
        assert set(properties) == {"title", "file", "line", "col", "endLine", "endColumn"}
        assert "%3A" in properties["file"] and "%2C" in properties["file"]
        assert data.count("%0A") == 2 + 3 * HOSTILE.count("\n") and "100%25" in data


def test_github_command() -> None:
    found = finding(notes=("50% of it",), help="did you mean `b`?")
    assert rendered("github", [found]) == (
        "::error title=E101,file=a.scl,line=1,col=5,endLine=1,endColumn=6::unknown name `a`%0A"
        "note: 50%25 of it%0Ahelp: did you mean `b`?\n"
    )
    assert rendered("github", [finding(severity="warning")]).startswith("::warning ")


def test_the_command_line_is_no_file() -> None:
    """An annotation without a file, a result without a location."""
    found = finding(source=Source(COMMAND_LINE, "--phi x"), at=(6, 7))
    assert rendered("github", [found]).startswith("::error title=E101::")
    assert "locations" not in json.loads(rendered("sarif", [found]))["runs"][0]["results"][0]


def test_gitlab() -> None:
    (issue,) = json.loads(rendered("gitlab", [finding()]))
    assert issue.pop("fingerprint") == fingerprints([finding()])[0]
    assert issue == {
        "type": "issue", "check_name": "E101", "description": "E101: unknown name `a`", "severity": "major",
        "content": {"body": "unknown name `a`"},
        "location": {"path": "a.scl", "lines": {"begin": 1, "end": 1}},
    }  # fmt: skip


def test_fingerprints_are_stable_and_distinct() -> None:
    """A line put in above, or white space, changes none; two on one line differ; so do two files."""
    text = "let b = a + a\nlet c = a\n"
    moved = "# new\n\n" + text.replace("let b", "  let  b")
    one, other = Source("a.scl", text), Source("a.scl", moved)
    places = [match.start() for match in re.finditer(r"\ba\b", text)]
    places_moved = [match.start() for match in re.finditer(r"\ba\b", moved)]
    before = fingerprints([finding(source=one, at=(place, place + 1)) for place in places])
    after = fingerprints([finding(source=other, at=(place, place + 1)) for place in places_moved])
    assert before == after and len(set(before)) == 3
    assert not set(before) & set(fingerprints([finding(source=Source("b.scl", text), at=(8, 9))]))


def test_paths_have_forward_slashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sep", "\\")
    found = finding(source=Source(r"specs\sub\a.scl", "let a = 1"))
    for name in ("concise", "json", "github", "gitlab", "sarif"):
        assert "specs/sub/a.scl" in rendered(name, [found])
    drive = finding(source=Source(r"C:\a b\c.scl", "let a = 1"))
    assert "file:///C%3A/a%20b/c.scl" in rendered("sarif", [drive])


def test_the_documented_example_is_true(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "diagnostics.md").read_text(encoding="utf-8")
    tiny = (
        "param φ = 0\nlet α = 1.2, β = 1.1, γ = 1.3\nrequire α · β² · γ² ≈ 2 ± 5%\n\nnetwork Tiny <8, 8, 3> → <10>\n"
        "  = stem: Conv(3, strdie = 2) → <4, 4, 16>\n  ⊙ pool: GlobalAvgPool ⊙ classifier: Linear → <10>\n"
    )
    (here / "tiny.scl").write_text(tiny, encoding="utf-8")
    main(["check", "tiny.scl", "--format", "json"])
    (example,) = re.findall("```json\n(.*?)```", text, re.DOTALL)
    assert json.loads(example) == json.loads(capsys.readouterr().out)
    (here / "tiny.scl").write_text(tiny.replace("strdie", "stride"), encoding="utf-8")
    main(["check", "tiny.scl"])
    assert f"```\n{capsys.readouterr().err}```" in text
