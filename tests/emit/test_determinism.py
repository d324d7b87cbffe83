"""The same bytes from every Python, locale, time zone, hash seed and folder."""

import os
import shutil
import subprocess
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

import scalec
from nets import SPECS, compiled, spec
from scalec.compiler import load_text
from scalec.diagnostics.diagnostic import CompileError
from scalec.diagnostics.text import render
from scalec.emit.emit import emit
from scalec.program.request import Request

ROOT = Path(__file__).parents[2]
SCALES = {
    ("efficientnet", "B4", None), ("efficientnet", None, "0.3"), ("resnet", "ResNet50", None),
    ("convnext", "Tiny", None), ("mobilenet_v3_large", "x1_0", None), ("regnet_y", "Y400MF", None),
}  # fmt: skip
WRONG = "let α = 1.1\nlet b = c + d\nnetwork Tiny <8, 8, 3> → <8, 8, 3> = Relu ⊙ Conv(kernal = 3)\n"

PROGRAM = """
import site, sys
from hashlib import sha256
from pathlib import Path
for folder in sys.argv[4:]:
    site.addsitedir(folder)
import scalec
if scalec.__file__ != sys.argv[3]:
    sys.exit(f"another scalec: {scalec.__file__}")
from scalec.compiler import load, load_text
from scalec.diagnostics.diagnostic import CompileError
from scalec.diagnostics.text import render
from scalec.emit.emit import emit
from scalec.program.request import Request
for line in sys.argv[2].split(";"):
    name, variant, phi = line.split(",")
    made = load(Path(sys.argv[1]) / f"{name}.scl").compile(Request(phi=phi or None, variant=variant or None))
    print(line, sha256(emit(made).encode()).hexdigest())
try:
    load_text("wrong.scl", sys.stdin.buffer.read())
except CompileError as error:
    print("wrong", sha256(render(error.diagnostics).encode()).hexdigest())
"""

ENVIRONMENTS = {
    "plain": {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"},
    "turkish": {"PYTHONHASHSEED": "4711", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"},
    "german": {"PYTHONHASHSEED": "99", "LC_ALL": "de_DE.ISO-8859-1", "TZ": "Pacific/Apia", "PYTHONUTF8": "0"},
    "optimised": {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "America/St_Johns", "PYTHONOPTIMIZE": "2"},
    "random": {"PYTHONHASHSEED": "random", "LC_ALL": "POSIX", "TZ": "", "PYTHONDONTWRITEBYTECODE": "1"},
}


def lines() -> list[str]:
    return [f"{name},{variant or ''},{phi or ''}" for name, variant, phi in sorted(SCALES, key=str)]


@cache
def expected() -> str:
    """Give what this very process makes of them."""
    found = []
    for line in lines():
        name, variant, phi = line.split(",")
        found.append(f"{line} {sha256(emit(compiled(name, variant or None, phi or None)).encode()).hexdigest()}")
    with pytest.raises(CompileError) as error:
        load_text("wrong.scl", WRONG.encode())
    found.append(f"wrong {sha256(render(error.value.diagnostics).encode()).hexdigest()}")
    return "\n".join(found) + "\n"


def interpreter(version: str) -> str | None:
    """Find a Python of that version, on the path or where pyenv keeps it."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for found in (*sorted(kept.glob(f"{version}.*/bin/python")), shutil.which(f"python{version}")):
        works = found and subprocess.run([found, "-c", "import sqlite3"], capture_output=True, check=False)
        if works and works.returncode == 0:
            return str(found)
    return None


def libraries() -> list[str]:
    """Give the folders that hold lark, jinja2 and scalec: they are plain Python, so any version reads them."""
    return [path for path in sys.path if path.endswith("site-packages")]


def made(python: str, environment: str, cwd: Path) -> str:
    command = [python, "-c", PROGRAM, str(SPECS.resolve()), ";".join(lines()), str(scalec.__file__), *libraries()]
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "TMPDIR")}
    done = subprocess.run(
        command, input=WRONG.encode(), capture_output=True, env=kept | ENVIRONMENTS[environment], cwd=cwd, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.mark.parametrize(
    "environment",
    [pytest.param(e, marks=pytest.mark.slow) if e in ("turkish", "random") else e for e in ENVIRONMENTS],
)
def test_environments(environment: str, tmp_path: Path) -> None:
    assert made(sys.executable, environment, tmp_path if environment != "plain" else Path("/")) == expected()


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize(
    "environment", ["plain", *(pytest.param(e, marks=pytest.mark.slow) for e in [*ENVIRONMENTS][1:])]
)
def test_pythons(version: str, environment: str, tmp_path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    assert made(python, environment, tmp_path) == expected()


def test_golden_files_are_the_same() -> None:
    """What is compared here is what `tests/emitted` has: B4 among it."""
    golden = (ROOT / "tests" / "emitted" / "efficientnet_b4.py").read_text(encoding="utf-8")
    assert emit(spec("efficientnet").compile(Request(variant="B4"))) == golden
