"""Builds: each project in `examples/` is built as its README would have it, with the wheel of this very commit.

The slow tests install that wheel in a fresh environment. They need cmake and ninja (`.ci/run` installs them).
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from scalec.builds import BuildError, run
from scalec.commands import cli
from scalec.diagnostics import exit_codes as exits
from scalec.project.depfile import depfile

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SMALL, LARGE = "tinynet_small.py", "tinynet_large.py"


def copy(name: str, to: Path) -> Path:
    """Copy an example as git has it."""
    shutil.copytree(EXAMPLES / name, to, ignore=shutil.ignore_patterns("dist", "build", "*.egg-info", "__pycache__"))
    for path in to.rglob("*"):
        if name == "setuptools" and re.fullmatch("tinynet_.*\\.py", path.name):
            path.unlink()  # ignored by git
    return to


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


# What does not need a build


def test_examples_are_up_to_date(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(EXAMPLES / "hatch")
    assert cli.main(["check", "--strict"]) == exits.DONE, capsys.readouterr().err
    specs = {path.read_bytes() for path in EXAMPLES.rglob("tinynet.scl")}
    assert len(specs) == 1


@pytest.mark.parametrize("name", ["hatch", "setuptools"])
def test_check_and_generate(name: str, tmp_path: Path) -> None:
    project = copy(name, tmp_path / name)
    package, spec = project / "src" / "tinynet", next(project.rglob("tinynet.scl"))
    if name == "setuptools":
        with pytest.raises(BuildError, match=r"E601[^$]*tinynet_large.py is missing"):
            run(project, "check")
    made = run(project, "generate")
    assert made == [Path("src/tinynet") / LARGE, Path("src/tinynet") / SMALL] and run(project, "check") == made
    before = (package / SMALL).read_bytes()
    edit(spec, "kernel = 3", "kernel = 5")
    with pytest.raises(BuildError, match=r"E602[^$]*tinynet_small.py: stale spec\n.*`scalec compile --update`"):
        run(project, "check")
    run(project, "generate")
    assert (package / SMALL).read_bytes() != before
    edit(package / SMALL, "nn.SiLU", "nn.ReLU")
    with pytest.raises(BuildError, match=r"E603[^$]*tinynet_small.py: edited by hand"):
        run(project, "check")
    with pytest.raises(BuildError, match="was edited since scalec wrote it"):
        run(project, "generate")


def test_what_a_build_says_when_it_cannot_go_on(tmp_path: Path) -> None:
    project = copy("hatch", tmp_path / "hatch")
    with pytest.raises(BuildError, match="the mode is check or generate, not 'x'"):
        run(project, "x")
    next(project.rglob("tinynet.scl")).rename(project / "elsewhere.scl")
    for mode in ("check", "generate"):
        with pytest.raises(BuildError, match=r"E605.*its spec specs/tinynet.scl cannot be read: No such file"):
            run(project, mode)
    (project / "pyproject.toml").write_text("[tool.scalec]\nspecs = ['specs']\n", encoding="utf-8")
    with pytest.raises(BuildError, match="declares nothing that is generated"):
        run(project, "check")
    (project / "pyproject.toml").write_text("[[tool.scalec.generate]]\nspce = 'x'\n", encoding="utf-8")
    with pytest.raises(BuildError, match="did you mean `spec`"):
        run(project, "check")
    (project / "elsewhere.scl").write_text("network", encoding="utf-8")
    (project / "pyproject.toml").write_text("[[tool.scalec.generate]]\nspec = 'elsewhere.scl'\n", encoding="utf-8")
    for mode in ("check", "generate"):
        with pytest.raises(BuildError, match=r"error\[E001\]"):
            run(project, mode)


def test_depfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert depfile([Path("a b.py")], [Path("$x.scl"), Path("c#.scl")]) == "a\\ b.py: \\\n  $$x.scl \\\n  c\\#.scl\n"
    monkeypatch.chdir(tmp_path)
    Path("part.scl").write_text("block Unit <H, W, C> → <H, W, C> = ReLU\n", encoding="utf-8")
    Path("net.scl").write_text(
        "import Unit from part\nimport ConvAct from mobile\n"
        "network N <8, 8, 3> → <8, 8, 4> = Unit ⊙ ConvAct(3) → 4\n", encoding="utf-8",
    )  # fmt: skip
    assert cli.main(["compile", "net.scl", "-o", "out.py", "--depfile", "out.d"]) == exits.DONE
    first, *read = Path("out.d").read_text(encoding="utf-8").replace(" \\\n", "\n").split("\n")
    assert first == "out.py:" and [line.strip() for line in read[:2]] == ["net.scl", "part.scl"]
    assert [Path(line.strip()).parts[-2:] for line in read[2:4]] == [("specs", "mobile.scl"), ("scalec", "version.py")]
    assert all(Path(line.strip()).is_file() for line in read if line)
    for words in (["-o", "-"], ["--check"]):
        assert cli.main(["compile", "net.scl", "--depfile", "x.d", *words]) == exits.WRONG_USAGE
    assert not Path("x.d").exists()
    Path("net.scl").write_text("network", encoding="utf-8")
    assert cli.main(["compile", "net.scl", "--depfile", "x.d"]) == exits.WRONG_INPUT and not Path("x.d").exists()


def test_hooks_are_named_as_the_example_has_them() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    (repo,) = yaml.safe_load((EXAMPLES / "hatch" / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [hook["id"] for hook in repo["hooks"]] == [hook["id"] for hook in hooks]


def test_the_workflow_of_a_pull_request(tmp_path: Path) -> None:
    """Its commands, in a repository in which a commit changes the spec and not what is generated from it."""
    project = copy("hatch", tmp_path / "hatch")
    shell("git init -q && git add . && git commit -qm one", project)
    edit(project / "specs" / "tinynet.scl", "kernel = 3", "kernel = 5")
    shell("git commit -qam two", project)
    workflow = yaml.safe_load((EXAMPLES / "github-actions" / "scalec.yml").read_text(encoding="utf-8"))
    steps = {step.get("name"): step.get("run", "") for step in workflow["jobs"]["specs"]["steps"]}
    checked = shell(steps["Specs, and the files that are generated from them"], project, code=1)
    found = re.findall(r"^::error title=(\w+),file=([\w/.]+),line=\d+", checked, re.MULTILINE)
    assert found == [("E602", f"src/tinynet/{LARGE}"), ("E602", f"src/tinynet/{SMALL}")]
    assert all(line.startswith("::error ") for line in checked.splitlines()) and "+++ b/src/tinynet" in checked
    shell(steps["What the change means"], project, BASE="HEAD~1")
    meaning = (project / "meaning.md").read_text(encoding="utf-8")
    assert "`stem.*` | 1 reshaped" in meaning and "|" in meaning and "Small" in meaning


# With the wheel of this commit


def shell(command: str, folder: Path, code: int = 0, path: Path | None = None, **variables: str) -> str:
    """Run a line as a user does; give what it prints."""
    identity = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment = {**kept, **identity, "GIT_CONFIG_GLOBAL": os.devnull, **variables}
    environment["PATH"] = f"{path or Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=environment, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600,
    )  # fmt: skip
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def tools(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the programs of an environment with this commit's wheel and the build backends, and nothing else."""
    place = tmp_path_factory.mktemp("tools")
    shell(f"python -m build -q --wheel --outdir {place} {sources}", place)
    (wheel,) = place.glob("scalec-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        entry_points = next(name for name in packed.namelist() if name.endswith("entry_points.txt"))
        assert "[hatch]\nscalec = scalec.builds.hatch" in packed.read(entry_points).decode()
    shell(f"python -m venv {place}/env", place)
    programs = place / "env" / "bin"
    shell(f"pip install -q {wheel} hatchling 'setuptools>=77' build", place, path=programs)
    return programs


def wheel_of(project: Path, tools: Path, seed: str = "0", how: str = "--wheel") -> Path:
    shell(
        f"rm -rf dist build && python -m build -q --no-isolation {how}", project, path=tools, PYTHONHASHSEED=seed,
        SOURCE_DATE_EPOCH="1700000000",
    )  # fmt: skip
    (wheel,) = (project / "dist").glob("*.whl")
    return wheel


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hatch", "setuptools"])
@pytest.mark.parametrize("how", ["--wheel", ""])
def test_python_packages(name: str, how: str, tools: Path, tmp_path: Path) -> None:
    """Two builds give the same bytes, from a checkout and by way of a source distribution."""
    found = set()
    for seed in ("1", "2"):
        wheel = wheel_of(copy(name, tmp_path / seed), tools, seed, how)
        found.add(hashlib.sha256(wheel.read_bytes()).hexdigest())
        with zipfile.ZipFile(wheel) as packed:
            for file in (SMALL, LARGE):
                golden = (EXAMPLES / "hatch" / "src" / "tinynet" / file).read_bytes()
                assert packed.read(f"tinynet/{file}") == golden, "setuptools generates what hatch has committed"
    assert len(found) == 1


@pytest.mark.slow
def test_a_hand_edit_stops_the_build(tools: Path, tmp_path: Path) -> None:
    for name in ("hatch", "setuptools"):
        project = copy(name, tmp_path / name)
        wheel_of(project, tools)
        if name == "setuptools":
            edit(project / "pyproject.toml", "setuptools.Generate", "setuptools.Check")
            wheel_of(project, tools)
        edit(project / "src" / "tinynet" / SMALL, "nn.SiLU", "nn.ReLU")
        said = shell("python -m build --wheel --no-isolation", project, code=1, path=tools)
        assert "error[E603]" in said and f"src/tinynet/{SMALL}: edited by hand" in said
        assert "`scalec compile --update` writes the files anew" in said
        shell("scalec compile --update --force && rm -r src/tinynet/*.orig dist", project, path=tools)
        wheel_of(project, tools)
        edit(next(project.rglob("tinynet.scl")), "kernel = 3", "kernel = 5")
        assert "stale spec" in shell("python -m build --wheel --no-isolation", project, code=1, path=tools)


@pytest.mark.slow
def test_hatch_packs_what_is_generated_and_ignored_by_git(tools: Path, tmp_path: Path) -> None:
    project = copy("hatch", tmp_path / "hatch")
    edit(project / "pyproject.toml", 'mode = "check"', 'mode = "generate"')
    (project / ".gitignore").write_text("src/tinynet/tinynet_*.py\n", encoding="utf-8")
    for file in (SMALL, LARGE):
        (project / "src" / "tinynet" / file).unlink()
    with zipfile.ZipFile(wheel_of(project, tools, how="")) as packed:
        assert {f"tinynet/{SMALL}", f"tinynet/{LARGE}"} <= set(packed.namelist())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hatch", "setuptools"])
def test_editable_installs_run_the_hook(name: str, tools: Path, tmp_path: Path) -> None:
    project = copy(name, tmp_path / name)
    install = "python -m pip install -q --no-build-isolation --no-deps --target where -e ."
    shell("pip install -q editables", project, path=tools)
    shell(install, project, path=tools)
    edit(project / "src" / "tinynet" / SMALL, "nn.SiLU", "nn.ReLU")
    assert "edited" in shell(install, project, code=1, path=tools)


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("cmake") is None or shutil.which("ninja") is None, reason="cmake and ninja are not here"
)
def test_cmake_and_ninja(tools: Path, tmp_path: Path) -> None:
    project = copy("cmake", tmp_path / "cmake")
    shell("cmake -S . -B out -G Ninja", project, path=tools)
    build = "ninja -C out"
    assert "variant Small" in shell(build, project, path=tools)
    assert "no work to do" in shell(build, project, path=tools)
    spec = project / "specs" / "tinynet.scl"
    edit(spec, "# A network", "# The network")
    assert shell(build, project, path=tools).count("multiply-adds") == 2
    assert "no work to do" in shell(build, project, path=tools), "although the outputs stayed the same"
    shutil.copy(ROOT / "specs" / "mobile.scl", project / "specs")
    edit(spec, "# The network", "# A network")
    shell(build, project, path=tools)
    edit(project / "specs" / "mobile.scl", "act = SiLU", "act = ReLU")
    assert shell(build, project, path=tools).count("multiply-adds") == 2, "the depfile has what is imported"
    assert "nn.ReLU" in (project / "out" / "small.py").read_text(encoding="utf-8")
    edit(spec, "classifier: Linear", "classifier: Linaer")
    assert "error[E102]" in shell(build, project, code=1, path=tools)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")
def test_make(tools: Path, tmp_path: Path) -> None:
    project = copy("make", tmp_path / "make")
    assert shell("make", project, path=tools).count("multiply-adds") == 2
    assert "Nothing to be done" in shell("make", project, path=tools)
    edit(project / "specs" / "tinynet.scl", "# A network", "# The network")
    assert shell("make", project, path=tools).count("multiply-adds") == 2
    assert "Nothing to be done" in shell("make", project, path=tools)
    shutil.copy(ROOT / "specs" / "mobile.scl", project / "specs")
    shell("touch specs/tinynet.scl && make", project, path=tools)
    edit(project / "specs" / "mobile.scl", "act = SiLU", "act = ReLU")
    assert shell("make", project, path=tools).count("multiply-adds") == 2, "the depfile has what is imported"


@pytest.mark.slow
def test_pre_commit(sources: Path, tmp_path: Path) -> None:
    """The hooks, out of a repository of scalec, in another repository."""
    home = str(tmp_path / "pre-commit")
    shell("git init -q && git add . && git commit -qm scalec", sources)
    project = copy("hatch", tmp_path / "hatch")
    (project / ".pre-commit-config.yaml").unlink()
    shell("git init -q && git add . && git commit -qm one", project)

    def hooks(code: int) -> dict[str, str]:
        said = shell(f"pre-commit try-repo {sources} --all-files", project, code=code, PRE_COMMIT_HOME=home)
        return dict(re.findall(r"^(scalec .*?)\.{3,}.*?(Passed|Failed|Skipped)", said, re.MULTILINE))

    fmt, check, drift = "scalec fmt", "scalec check", "scalec check (emitted files)"
    assert hooks(0) == {fmt: "Passed", check: "Passed", drift: "Passed"}
    edit(project / "src" / "tinynet" / SMALL, "nn.SiLU", "nn.ReLU")
    assert hooks(1) == {fmt: "Passed", check: "Failed", drift: "Failed"}
    shell("git checkout -q .", project)
    edit(project / "specs" / "tinynet.scl", "kernel = 3", "kernel=3")
    assert hooks(1) == {fmt: "Failed", check: "Passed", drift: "Passed"}, "fmt lays it out anew; it means the same"
    edit(project / "specs" / "tinynet.scl", "100k", "1k")
    assert hooks(1)[check] == "Failed"
