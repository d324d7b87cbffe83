"""What a person installs: from the wheel and editable, in a fresh environment, used from somewhere else."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "specs" / "efficientnet.scl"


def run(*command: str | Path, cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("how", ["wheel", "editable"])
def test_fresh_install(how: str, sources: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", "fresh", cwd=tmp_path)
    python = tmp_path / "fresh" / "bin" / "python"
    if how == "wheel":
        run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, sources, cwd=tmp_path)
        (wheel,) = tmp_path.glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        assert {
            "scalec/grammar/scalec.lark",
            "scalec/templates/model.py.jinja",
            "scalec/specs/mobile.scl",
            "scalec/explanations/E101.md",
        } <= set(names)
        run(python, "-m", "pip", "install", "-q", wheel, cwd=tmp_path)
    else:
        run(python, "-m", "pip", "install", "-q", "-e", sources, cwd=tmp_path)
    installed = run(python, "-m", "pip", "list", cwd=tmp_path).lower()
    assert "torch" not in installed and "black" not in installed
    said = run(python.parent / "scalec", "compile", SPEC, "--variant", "B4", cwd=tmp_path)
    assert said == "efficientnet_b4.py: variant B4, 19,341,616 parameters, 4,393,771,024 multiply-adds\n"
    golden = ROOT / "tests" / "emitted" / "efficientnet_b4.py"
    assert (tmp_path / "efficientnet_b4.py").read_bytes() == golden.read_bytes()


@pytest.mark.slow
def test_readme_is_true(sources: Path, tmp_path: Path) -> None:
    """The README's first command, as it stands there, in a fresh clone; and CI runs its second."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first, second = (line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ "))
    said = run("bash", "-c", first, cwd=sources)
    expected = text.split(first)[1].splitlines()[1]
    assert said.splitlines()[-1] == expected
    emitted = (sources / "efficientnet_phi4.py").read_bytes()
    assert emitted == (ROOT / "tests" / "emitted" / "efficientnet_phi4.py").read_bytes()
    assert second in (ROOT / ".ci" / "run").read_text() and second in (ROOT / "Makefile").read_text()
