"""`scalec test-file`: tests that people keep beside a model pass for what is emitted, and fail for what is broken."""

import difflib
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import black
import pytest
from hypothesis import HealthCheck, given, settings

from emit.test_emitted import COMPANIONS, GOLDEN, emitted
from nets import compiled, spec
from peers import load_module
from scalec.commands.cli import main
from scalec.compiler import load_text
from scalec.cost.compiled import Compiled
from scalec.diagnostics.diagnostic import CompileError
from scalec.emit.emit import emit
from scalec.emit.head import HeadError
from scalec.emit.seal import is_untouched
from scalec.emit.test_file import companion
from scalec.program.request import Request
from strategies import Written, specs

SMALL = compiled("mobilenet_v3_small", "x1_0")
LEAST = (("r", "2/7"), ("w", "1/4"), ("d", "1/5"))
DEPLOYED = spec("mobilenet_v3_small").compile(Request(variant="x1_0", inference=True))


def run(folder: Path, *options: str) -> tuple[int, str]:
    """Run pytest as somebody else would, who has no scalec."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": ""}
    code = "import sys; sys.modules['scalec'] = None; import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line", *options],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def lay(folder: Path, net: Compiled, mutation: tuple[str, str] | None = None, name: str = "net") -> None:
    """Write a model and its test; the model may be broken after that."""
    path, source = folder / f"{name}.py", emit(net)
    (folder / f"test_{name}.py").write_text(companion(source, path), encoding="utf-8")
    if mutation:
        assert mutation[0] in source, "the mutant is not planted"
        source = source.replace(*mutation, 1)
    path.write_text(source, encoding="utf-8")


@pytest.mark.parametrize("name", COMPANIONS)
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    path, text = GOLDEN / f"test_{name}.py", companion(emitted(name), GOLDEN / f"{name}.py")
    if request.config.getoption("--update"):
        path.write_text(text, encoding="utf-8", newline="\n")
    old = path.read_text(encoding="utf-8")
    assert text == old, "\n".join(difflib.unified_diff(old.splitlines(), text.splitlines(), "golden", "now"))
    assert is_untouched(text.encode())


@pytest.mark.parametrize(
    "net",
    [
        pytest.param(compiled("efficientnet", changes=LEAST), id="one layer a stage"),
        pytest.param(SMALL, id="mobilenet_v3_small", marks=pytest.mark.slow),
        pytest.param(compiled("efficientnet", "B0"), id="efficientnet_b0", marks=pytest.mark.slow),
        pytest.param(compiled("resnet", "ResNet18"), id="resnet18", marks=pytest.mark.slow),
        pytest.param(compiled("squeezenet", "V1_1"), id="squeezenet: one size alone", marks=pytest.mark.slow),
    ],
)
def test_what_is_emitted_passes(net: Compiled, tmp_path: Path) -> None:
    lay(tmp_path, net)
    code, said = run(tmp_path)
    assert code == 0 and "12 passed" in said, said


@pytest.mark.slow
def test_feature_maps_pass(tmp_path: Path) -> None:
    """In a package, by the command."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").touch()
    spec = Path(__file__).parents[2] / "specs" / "mobilenet_v3_small.scl"
    words = ["compile", str(spec), "--variant", "x1_0", "--features", "--output-stride", "16", "--with-tests"]
    assert main([*words, "-o", str(tmp_path / "models")]) == 0
    (test,) = (tmp_path / "models").glob("test_*.py")
    assert f"from .{test.stem.removeprefix('test_')} import" in test.read_text(encoding="utf-8")
    code, said = run(tmp_path)
    assert code == 0 and "11 passed" in said, said


# What to replace, by what, and the test that must fail.
MUTANTS = {
    "a shape": ("expanded=96, squeezed=24, kernel=5, stride=2)", "expanded=96, squeezed=24, kernel=5)", "test_shapes"),
    "parameters": ("nn.Conv2d(channels, hidden, 1)", "nn.Conv2d(channels, hidden, 1, bias=False)", "test_parameters"),
    "a frozen parameter": ("self.last = ", "self.stem.requires_grad_(False)\n        self.last = ", "test_parameters"),
    "an unused parameter": ("x = self.stage4(x)", "x = self.stage4[:2](x)", "test_gradients_reach_everything"),
    "no gradient": ("x = self.stem(x)", "x = self.stem(x).detach()", "test_gradients_reach_everything"),
    "a dead stage": ("x = self.last(x)", "x = self.last(x) * 0", "test_gradients_reach_everything[False]"),
    "a kernel": ("squeezed=40, kernel=5", "squeezed=40, kernel=3", "test_multiply_adds"),
    "one batch": ("x = self.last(x)", "x = self.last(x[:8])", "test_any_batch_of_any_size"),
    "a number of classes": ("nn.Linear(1024, classes)", "nn.Linear(1024, 1000)", "test_any_number_of_classes"),
    "images see each other": ("x = self.last(x)", "x = self.last(x - x.mean(0))", "test_an_image_is_seen_alone"),
    "never the same": ("x = self.last(x)", "x = self.last(x + torch.randn(1))", "test_inference_is_deterministic"),
    "a graph break": ("x = self.last(x)", "x = self.last(x if float(x.sum()) else x)", "test_compiles_to_one_graph"),
    "export": ("x = self.last(x)", "x = self.last(x if x.shape[0] != 2 else 2 * x)", "test_exports_with_any_batch"),
}  # fmt: skip
FAST = ("a shape",)


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in FAST else pytest.mark.slow) for n in MUTANTS])
def test_a_mutant_fails(name: str, tmp_path: Path) -> None:
    old, new, test = MUTANTS[name]
    lay(tmp_path, SMALL, (old, new))
    if "torch." in new:
        path = tmp_path / "net.py"
        path.write_text(
            path.read_text(encoding="utf-8").replace("from torch import", "import torch\nfrom torch import")
        )
    code, said = run(tmp_path, "-rf", "-k", test.partition("[")[0])
    assert code == 1 and f"FAILED test_net.py::{test}" in said, said


INFERENCE_MUTANTS = {
    "a shift that is forgotten": ("- mean) * scale + shift", "- mean) * scale", "test_batch_norms_are_folded"),
    "a bias that is forgotten": (
        'state.get(f"{layer}.bias", torch.zeros_like(mean))', "torch.zeros_like(mean)", "test_batch_norms_are_folded"
    ),
    "another eps": ('("norm", "conv", 0.001)', '("norm", "conv", 0.01)', "test_it_gives_what"),
    "a row that is missing": ('    ("project.1", "project.0", 0.001),\n', "", "test_it_gives_what"),
    "weights that are changed": (
        'state[f"{layer}.weight"] = (weight * by', "weight.zero_(); (weight * by", "test_batch_norms_are_folded"
    ),
    "the image is written over": ("x = self.stem(x)", "x = self.stem(x.mul_(2))", "test_the_image_is_left_alone"),
    "another layout": ("        channels_last(self)\n", "", "test_weights_are_channels_last"),
    "an unused parameter": ("x = self.stage4(x)", "x = self.stage4[:2](x)", "test_everything_makes_a_difference"),
    "a dead stage": ("x = self.last(x)", "x = self.last(x) * 0", "test_everything_makes_a_difference"),
    "a graph break": ("x = self.last(x)", "x = self.last(x if float(x.sum()) else x)", "test_compiles_to_one_graph"),
    "a dropout": ("x = self.last(x)", "x = nn.functional.dropout(self.last(x))", "test_inference_is_deterministic"),
}  # fmt: skip
FAST_INFERENCE = ("a row that is missing",)


def lay_for_inference(folder: Path, mutation: tuple[str, str] | None = None) -> None:
    """Write a file for inference with its test, and the training file, where both are looked for."""
    lay(folder, DEPLOYED, mutation, "net_inference")
    (folder / "net.py").write_text(emit(SMALL), encoding="utf-8")


def test_a_small_file_for_inference_passes(tmp_path: Path) -> None:
    trained, deployed = (spec("efficientnet").compile(Request(changes=LEAST, inference=each)) for each in (False, True))
    lay(tmp_path, deployed, None, "net_inference")
    (tmp_path / "net.py").write_text(emit(trained), encoding="utf-8")
    code, said = run(tmp_path)
    assert code == 0 and "14 passed" in said, said


@pytest.mark.slow
def test_a_file_for_inference_passes(tmp_path: Path) -> None:
    lay_for_inference(tmp_path)
    code, said = run(tmp_path)
    assert code == 0 and "14 passed" in said, said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "variant", "taps", "count"),
    [
        ("vgg", "VGG11_bn", None, "14 passed"), ("convnext", "Atto", None, "13 passed"),
        ("densenet", "DenseNet121", None, "14 passed"), ("resnet_d", "ResNet10t", (), "13 passed"),
    ],
)  # fmt: skip
def test_families_for_inference_pass(
    name: str, variant: str, taps: tuple[str, ...] | None, count: str, tmp_path: Path
) -> None:
    """One size alone, no batch norms, batch norms that stay, and feature maps, in a package."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").touch()
    lay(
        tmp_path / "models",
        spec(name).compile(Request(variant=variant, taps=taps, inference=True)),
        None,
        "net_inference",
    )
    training = emit(spec(name).compile(Request(variant=variant, taps=taps)))
    (tmp_path / "models" / "net.py").write_text(training, encoding="utf-8")
    code, said = run(tmp_path)
    assert code == 0 and count in said, said


def test_without_the_training_file(tmp_path: Path) -> None:
    """Beside it, one test compares with it; without it that test is passed over, or is not there."""
    lay(tmp_path, DEPLOYED, None, "net_inference")
    code, said = run(tmp_path, "-k", "test_it_gives_what")
    assert code == 0 and "1 skipped" in said, said
    text = companion(emit(DEPLOYED), tmp_path / "net.py")
    assert "test_batch_norms_are_folded" in text and "training file" not in text


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in FAST_INFERENCE else pytest.mark.slow) for n in INFERENCE_MUTANTS]
)
def test_a_mutant_for_inference_fails(name: str, tmp_path: Path) -> None:
    old, new, test = INFERENCE_MUTANTS[name]
    lay_for_inference(tmp_path, (old, new))
    code, said = run(tmp_path, "-rf", "-k", test)
    assert code == 1 and f"FAILED test_net_inference.py::{test}" in said, said


def check(net: Compiled) -> None:
    """See that black has nothing to say of a test, and that its tests on the meta device pass."""
    text = companion(emit(net), Path("companion_subject.py"))
    assert black.format_str(text, mode=black.Mode()) == text
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "companion_subject", load_module(emit(net), "companion_subject"))
        test = load_module(text, "companion")
    for name in ON_META:
        if hasattr(test, name):
            getattr(test, name)()


ON_META = (
    "test_parameters", "test_multiply_adds", "test_shapes", "test_any_batch", "test_any_batch_of_any_size",
    "test_any_number_of_classes",
)  # fmt: skip
EXAMPLES = settings(
    max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def random_networks(written: Written) -> None:
    """What a test says of sizes and batches is true of any network."""
    with suppress(CompileError):
        check(load_text("spec.scl", written.text.encode()).compile(Request(phi="1")))


def test_random_networks() -> None:
    EXAMPLES(given(specs())(random_networks))()


@pytest.mark.slow
def test_many_random_networks() -> None:
    settings(EXAMPLES, max_examples=80)(given(specs())(random_networks))()


@pytest.mark.parametrize(
    ("spec", "variant"),
    [
        ("tinynet", "E"), ("shufflenet_v2", "X0_5"),
        *(pytest.param(*net, marks=pytest.mark.slow) for net in (
            ("resnet_d", "ResNet10t"), ("densenet", "DenseNet121"), ("vgg", "VGG11"), ("resnet_aa", "ResNetBlur18"),
            ("mixnet_s", "S"), ("convnext_v2", "Atto"),
        )),
    ],
)  # fmt: skip
def test_families(spec: str, variant: str) -> None:
    check(compiled(spec, variant))


def test_long_names_and_small_networks() -> None:
    """Lines stay as black has them, whatever has to be named."""
    long = "N" + 63 * "x"
    text = (
        f"network {long}(classes = 3) <8> → <classes> = {'s' * 64}: Linear → 5 ⊙ ReLU ⊙ {'t' * 64}: Linear → <classes>"
    )
    check(load_text("spec.scl", text.encode()).compile())
    check(load_text("spec.scl", b"network N <8, 6, 3> -> <8, 6, 4> = Conv(3) -> 4").compile())
    check(load_text("spec.scl", b"network N <8, 16, 3> -> <4, 8, 4> = Conv(3, stride = 2) -> 4").compile())
    module = 200 * "m"
    text = companion(emit(SMALL), Path(f"{module}.py"))
    assert f"from {module} import (" in text and black.format_str(text, mode=black.Mode()) == text


HEAD = '"""Net\n\ntotal  1  1\n"""\n'
BAD = {
    "": "no table of stages",
    "x = (": "not Python",
    HEAD: "there is no network in it",
    HEAD + "class N: pass": "no INPUT_SHAPE",
    HEAD + "INPUT_SHAPE = (3, 8, 8)\nclass N: pass": "N has no",
    HEAD + "INPUT_SHAPE = (3, f(), 8)\nclass N: pass": "no INPUT_SHAPE",
    HEAD + "INPUT_SHAPE = (3, 8, 8)\nclass Ñ: pass": "`Ñ` is no name",
}


@pytest.mark.parametrize("source", BAD)
def test_files_that_are_none(source: str) -> None:
    with pytest.raises(HeadError, match=re.escape(BAD[source])):
        companion(source, Path("net.py"))


def test_a_file_that_has_been_made_to_deceive() -> None:
    """What reaches the test is identifiers and whole numbers, however the file that it is made from was edited."""
    evil = "a\nimport os; os.remove('x')"
    for path in ("a b.py", "class.py", "1.py", f"{evil}.py", "é.py"):
        with pytest.raises(HeadError, match="is no name"):
            companion(emit(SMALL), Path(path))
    for old, new in (
        ("stem ", 'x";a '), ('("stem"', '("x\\";import os"'), ("INPUT_SHAPE = (3", "INPUT_SHAPE = ('3'"),
        ("classes: int = 1000", "classes: int = print()"), ("stage2 ", "import "),
    ):  # fmt: skip
        assert old in emit(SMALL)
        with suppress(HeadError):
            text = companion(emit(SMALL).replace(old, new), Path("net.py"))
            assert "import os" not in text and "print" not in text
            compile(text, "test", "exec")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = str(Path(__file__).parents[2] / "specs" / "efficientnet.scl")
    assert main(["compile", spec, "--variant", "B0", "--with-tests"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1:] == ["test_efficientnet_b0.py: tests of efficientnet_b0.py"]
    written = Path("test_efficientnet_b0.py").read_text(encoding="utf-8")
    assert written == (GOLDEN / "test_efficientnet_b0.py").read_text(encoding="utf-8")
    for words in (["efficientnet_b0.py"], [spec, "--variant", "B0"]):
        assert main(["test-file", *words, "-o", "-"]) == 0
        assert capsys.readouterr().out == written
    Path("test_efficientnet_b0.py").unlink()
    assert main(["compile", spec, "--variant", "B0", "--with-tests", "--check"]) == 1
    assert capsys.readouterr().err == "test_efficientnet_b0.py: missing\n"
    assert main(["test-file", "efficientnet_b0.py"]) == 0
    assert main(["compile", spec, "--variant", "B0", "--with-tests", "--check"]) == 0
    Path("test_efficientnet_b0.py").write_text(written + "# mine\n", encoding="utf-8")
    assert main(["test-file", "efficientnet_b0.py"]) == 3 and "was edited" in capsys.readouterr().err
    assert main(["test-file", "efficientnet_b0.py", "--force"]) == 0
    assert Path("test_efficientnet_b0.py.orig").exists()
    Path("other").mkdir()
    assert main(["test-file", "efficientnet_b0.py", "-o", "other"]) == 0 and len(list(Path("other").iterdir())) == 1
    for code, words in (
        (2, ["efficientnet_b0.py", "--phi", "1"]), (2, ["a.py", "b.py", "-o", "-"]), (3, ["a.py", "-o", "none"]),
        (3, ["none.py"]), (1, [spec, "--variant", "B99"]),
    ):  # fmt: skip
        assert main(["test-file", *words]) == code
    assert main(["compile", spec, "--with-tests", "-o", "a-b.py"]) == 2 and not Path("a-b.py").exists()
    assert main(["compile", spec, "--with-tests", "-o", "-"]) == 2


def test_no_torch_is_needed(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(emit(SMALL), encoding="utf-8")
    code = (
        "import sys; sys.modules['torch'] = None; from scalec.cli import main; sys.exit(main(['test-file', 'net.py']))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0
