"""Golden emitted files: meant to be read, and reviewed like code. `pytest --update` writes them anew."""

import ast
import difflib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from emit.test_properties import compiled as random_network
from emit.test_properties import sample
from nets import TENSORFLOW, compiled, spec
from scalec.compiler import load
from scalec.emit.emit import emit
from scalec.program.request import Request

GOLDEN = Path(__file__).parents[1] / "emitted"
FILES = {
    "efficientnet_b0": ("efficientnet", "B0", None, ()),
    "efficientnet_b4": ("efficientnet", "B4", None, ()),
    "efficientnet_b7": ("efficientnet", "B7", None, ()),
    "efficientnet_phi4": ("efficientnet", None, "4", ()),
    "efficientnet_phi_minus_1": ("efficientnet", None, "-1", ()),
    "efficientnet_tf_b0": ("efficientnet", "B0", None, TENSORFLOW),
    "efficientnet_lite0": ("efficientnet_lite", "Lite0", None, ()),
    "efficientnet_v2_s": ("efficientnet_v2", "S", None, ()),
    "mobilenet_v3_large": ("mobilenet_v3_large", "x1_0", None, ()),
    "resnet50": ("resnet", "ResNet50", None, ()),
    "resnet18d": ("resnet_d", "ResNet18d", None, ()),
    "regnet_y_400mf": ("regnet_y", "Y400MF", None, ()),
    "convnext_tiny": ("convnext", "Tiny", None, ()),
    "densenet121": ("densenet", "DenseNet121", None, ()),
    "vgg11_bn": ("vgg", "VGG11_bn", None, ()),
    "shufflenet_v2_x1_0": ("shufflenet_v2", "X1_0", None, ()),
    "squeezenet1_1": ("squeezenet", "V1_1", None, ()),
}
BODIES = {
    "resnet50_stride16_features": ("resnet", "ResNet50", 16),
    "efficientnet_b0_features": ("efficientnet", "B0", None),
}
"""Feature maps, and what strides beyond this become."""
DEPLOYED = {"efficientnet_b0_inference": ("efficientnet", "B0"), "resnet50_inference": ("resnet", "ResNet50")}
BESIDE = ("cross_stage",)
"""Specs that lie beside their file: what none of `specs` has."""
COMPANIONS = ("efficientnet_b0", "efficientnet_b0_inference")
"""Files beside which a test lies: tests/emit/test_test_file.py."""


def emitted(name: str) -> str:
    if name in BODIES:
        of, row, stride = BODIES[name]
        return emit(spec(of).compile(Request(variant=row, taps=(), output_stride=stride)))
    if name in DEPLOYED:
        of, row = DEPLOYED[name]
        return emit(spec(of).compile(Request(variant=row, inference=True)))
    if name in BESIDE:
        return emit(load(GOLDEN / f"{name}.scl").compile())
    return emit(compiled(*FILES[name]))


@pytest.mark.parametrize("name", [*FILES, *BODIES, *DEPLOYED, *BESIDE])
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    path, text = GOLDEN / f"{name}.py", emitted(name)
    if request.config.getoption("--update"):
        path.write_text(text, encoding="utf-8", newline="\n")
    old = path.read_text(encoding="utf-8")
    assert text == old, "\n".join(difflib.unified_diff(old.splitlines(), text.splitlines(), "golden", "now"))


def run(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, cwd=GOLDEN, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_tools_find_nothing(tmp_path: Path) -> None:
    """Black leaves the files as they are, ruff and mypy --strict have nothing to say; mypy sees random ones too."""
    names = sorted(str(path) for path in GOLDEN.glob("*.py"))
    assert len(names) == len(FILES) + len(BODIES) + len(DEPLOYED) + len(BESIDE) + len(COMPANIONS)
    run("black", "--quiet", "--check", "--diff", "--line-length", "88", *names)
    run("ruff", "check", "--isolated", "--no-cache", *names)
    run("ruff", "format", "--isolated", "--no-cache", "--check", "--line-length", "88", *names)
    for index, (written, phi) in enumerate(sample(20)):
        if made := random_network(written.text, phi):
            (tmp_path / f"random{index}.py").write_text(emit(made), "utf-8")
    random = sorted(map(str, tmp_path.iterdir()))
    assert len(random) > 5
    cache = GOLDEN.parents[1] / ".mypy_cache"  # torch is read once for all tests that run mypy
    run("mypy", "--strict", "--config-file=", f"--cache-dir={cache}", *names, *random)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["24.1.0", "24.10.0", "25.1.0", "25.12.0"])
def test_other_blacks_agree(version: str, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tmp_path), f"black=={version}"], check=True
    )
    done = subprocess.run(
        [sys.executable, "-m", "black", "-q", "--check", "--diff", "-l", "88", *(str(p) for p in GOLDEN.glob("*.py"))],
        env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_b7_is_short() -> None:
    """At most 250 lines, and one for each paper."""
    head, _, rest = emitted("efficientnet_b7").partition("\nPapers:\n")
    papers, _, body = rest.partition("\n\n")
    assert papers.count("https://") == 3 and len(f"{head}\n{body}".splitlines()) <= 250


@pytest.mark.parametrize("name", [*FILES, *BODIES, *DEPLOYED, *BESIDE])
def test_docstrings_speak_of_their_own_class(name: str) -> None:
    """Of what it does to shapes, in symbols and in names of its arguments: the spec's block may take more."""
    for node in ast.parse(emitted(name)).body:
        text = ast.get_docstring(node) if isinstance(node, ast.ClassDef) else None
        if not isinstance(node, ast.ClassDef) or text is None or "→" not in text:
            continue
        found = re.fullmatch(r"(\w+)\s(<.+> → <.+>)\.", text)
        assert found and node.name.startswith(found[1]), text
        (init,) = (each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
        arguments = {each.arg for each in [*init.args.args, *init.args.kwonlyargs]}
        assert set(re.findall(r"[a-z_]\w*", found[2])) - {"floor"} <= arguments, text


def test_only_network_and_header_change_with_scale() -> None:
    """Block classes are the same text at every φ: a diff shows the scaling and nothing else."""

    def classes(name: str) -> dict[str, str]:
        source = emitted(name)
        found = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
        return {node.name: ast.get_source_segment(source, node) or "" for node in found}

    b0 = classes("efficientnet_b0")
    for other in ("efficientnet_b4", "efficientnet_b7", "efficientnet_phi4", "efficientnet_phi_minus_1"):
        now = classes(other)
        assert list(now) == list(b0)
        assert [name for name in now if now[name] != b0[name]] == ["EfficientNet"]
