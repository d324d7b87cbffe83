"""`scalec verify`: right files pass, and each planted mutant is caught by what the file computes, not by its text."""

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings

from nets import compiled
from peers import import_peer
from scalec.commands.cli import main
from scalec.compiler import load_text
from scalec.cost.compiled import Compiled
from scalec.diagnostics.diagnostic import CompileError
from scalec.emit.emit import emit
from scalec.emit.head import HeadError, from_head
from scalec.program.request import Request
from scalec.verify import checks
from scalec.verify.compare import relative
from scalec.verify.expected import from_spec
from scalec.verify.loading import LoadError, as_file, load, network_class
from scalec.verify.tensors import joined, noise, randomise
from strategies import Written, specs

SMALL = (("r", "2/7"), ("d", "1"), ("w", "1/2"))
FAST = ("parameters", "multiply-adds", "shapes", "meaning", "alive", "gradients", "determinism", "one graph")


@cache
def small(name: str = "efficientnet") -> Compiled:
    return compiled(name, None, None, SMALL if name == "efficientnet" else (("r", "2/7"),))


def subject(text: str, net: Compiled, folder: Path) -> checks.Subject:
    path = folder / "emitted.py"
    path.write_text(text, encoding="utf-8")
    module = load(path)
    return checks.Subject(text, network_class(module), module.INPUT_SHAPE, from_spec(net))


def wrong(subject: checks.Subject, names: tuple[str, ...]) -> dict[str, str]:
    """Give what is wrong with a file, by check, up to the first finding."""
    found = {}
    for name, check in checks.of(subject.expected):
        if name in names:
            try:
                check(subject)
            except Exception as error:
                found[name] = str(error) or type(error).__name__
                break
    return found


# The block of each kind is looked at in one network by default, at the size of `small`.
LARGE = ("mobilenet_v3_large", "convnext", "resnet_d", "densenet")


@pytest.mark.parametrize(
    "name", ["efficientnet", "shufflenet_v2", *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)]
)
def test_what_is_emitted_is_right(name: str, tmp_path: Path) -> None:
    net = compiled(name) if name == "densenet" else small(name)
    names = ("text", "parameters", "multiply-adds", "shapes", "meaning")
    assert not wrong(subject(emit(net), net, tmp_path), names)


# Each as somebody might edit the file, or a broken emitter write it: what to replace, and by what.
MUTANTS = {
    "another stride": ("ConvAct(3, 16, kernel=3, stride=2)", "ConvAct(3, 16, kernel=3, stride=1)"),
    "another kernel": ("MBConv(40, 56, expansion=6, kernel=5)", "MBConv(40, 56, expansion=6, kernel=3)"),
    "another expansion": ("MBConv(96, 160, expansion=6", "MBConv(96, 160, expansion=4"),
    "another width": ("(160, 640, kernel=1)", "(160, 640, kernel=1), nn.Conv2d(1, 1, 1)"),
    "a layer less": ("            MBConv(40, 40, expansion=6, kernel=3, drop=0.2 * 7 / 16),\n", ""),
    "a layer too many": (
        "self.head = ", "self.stage8.append(MBConv(160, 160, expansion=6, kernel=3))\n        self.head = ",
    ),
    "ReLU for SiLU": ("self.act = nn.SiLU(inplace=True)", "self.act = nn.ReLU()"),
    "Hardswish for SiLU": ("self.act = nn.SiLU(inplace=True)", "self.act = nn.Hardswish()"),
    "the squeeze without an activation": ("        y = self.act(y)\n", ""),
    "no gate": ("return x * y", "return x"),
    "a gate that adds": ("return x * y", "return x + y"),
    "another gate": ("self.gate = nn.Sigmoid()", "self.gate = nn.Hardsigmoid()"),
    "max for mean": ("y: Tensor = x.mean((2, 3), keepdim=True)", "y: Tensor = x.amax((2, 3), keepdim=True)"),
    "no residual": ("return y.add_(x) if self.residual else y", "return y"),
    "a residual twice": ("return y.add_(x) if self.residual else y", "return x + x + y if self.residual else y"),
    "the residual's condition": ("stride == 1 and c_in == c_out", "stride == 1 and c_in == c_out and c_in < 90"),
    "eps": ("nn.BatchNorm2d(c_out)", "nn.BatchNorm2d(c_out, eps=0.001)"),
    "momentum": ("nn.BatchNorm2d(c_out)", "nn.BatchNorm2d(c_out, momentum=0.01)"),
    "no statistics": ("nn.BatchNorm2d(c_out)", "nn.BatchNorm2d(c_out, track_running_stats=False)"),
    "no scale and shift": ("nn.BatchNorm2d(c_out)", "nn.BatchNorm2d(c_out, affine=False)"),
    "a bias": ("nn.Conv2d(channels, hidden, 1)", "nn.Conv2d(channels, hidden, 1, bias=False)"),
    "padding": ("padding=(kernel - 1) // 2,\n", "padding=kernel // 2 + 1,\n"),
    "the padding's kind": ("padding=(kernel - 1) // 2,\n", 'padding=kernel // 2, padding_mode="reflect",\n'),
    "groups": ("groups=expanded", "groups=expanded // 2"),
    "dilation": ("padding=(kernel - 1) // 2,\n", "padding=kernel - 1,\n                dilation=2,\n"),
    "a rate of stochastic depth": ("drop=0.2 * 2 / 16", "drop=0.2 * 3 / 16"),
    "stochastic depth that never is": ("DropPath(drop) if self.residual else", "nn.Identity() if self.residual else"),
    "the head's dropout": ("dropout: float = 0.2", "dropout: float = 0.3"),
    "stages exchanged": ("self.dropout(x)\n        x = ", "self.dropout(x.relu())\n        x = "),
    "a frozen parameter": ("self.head = ", "self.stem.requires_grad_(False)\n        self.head = "),
    "no gradient": ("x = self.stem(x)", "x = self.stem(x).detach()"),
    "a dead stage": ("x = self.stage8(x)", "x = self.stage8(x) * 0"),
    "no input": ("x = self.stem(x)", "x = self.stem(x * 0)"),
    "an output that is never the same": ("x = self.head(x)", "x = self.head(x) * (1 + x.new_empty(1).normal_())"),
    "a graph break": ("x = self.head(x)", "x = self.head(x) if float(x.sum()) > 0 else self.head(x)"),
    "other classes": ("classes: int = 1000", "classes: int = 10"),
}  # fmt: skip


LESS = (
    "another stride", "another expansion", "ReLU for SiLU", "no gate", "max for mean", "no residual", "momentum",
    "no statistics", "padding", "groups", "a rate of stochastic depth", "the head's dropout", "a dead stage",
)  # fmt: skip
"""These by default, and those of `test_a_mutant_is_caught_by_the_right_check`."""


@pytest.mark.parametrize("name", [n if n in LESS else pytest.param(n, marks=pytest.mark.slow) for n in MUTANTS])
def test_a_mutant_is_caught(name: str, tmp_path: Path) -> None:
    net = small()
    old, new = MUTANTS[name]
    assert old in emit(net), "the mutant is not planted"
    assert wrong(subject(emit(net).replace(old, new, 1), net, tmp_path), FAST), "not caught"


def test_a_mutant_is_caught_by_the_right_check(tmp_path: Path) -> None:
    net = small()
    for name, check in (("eps", "meaning"), ("a frozen parameter", "parameters"), ("no input", "alive"),
                        ("a graph break", "one graph"), ("an output that is never the same", "determinism"),
                        ("no gradient", "gradients"), ("another kernel", "multiply-adds")):  # fmt: skip
        assert wrong(subject(emit(net).replace(*MUTANTS[name], 1), net, tmp_path), (check,)), name


TINY = """network Tiny(classes = 10) <32, 32, 3> → <classes>
  = stem: (Conv(3, stride = 2) → 8 ⊙ BatchNorm ⊙ SiLU) → <16, 16, 8> ⊙ GlobalAvgPool ⊙ Linear → <classes>
"""


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, spec = str(tmp_path / "tiny.py"), str(tmp_path / "tiny.scl")
    Path(spec).write_text(TINY, encoding="utf-8")
    source = emit(load_text("tiny.scl", TINY.encode()).compile())
    Path(path).write_text(source, encoding="utf-8")
    assert main(["verify", path]) == 0
    said = capsys.readouterr()
    assert said.out.count("ok ") == 8 and "meaning" not in said.out and not said.err
    words = ["verify", path, "--spec", spec, "--format", "json"]
    assert main(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] and len(report["checks"]) == 10 and all(check["ok"] for check in report["checks"])
    Path(path).write_text(source.replace("nn.SiLU", "nn.ReLU"), encoding="utf-8")
    assert main(words) == 1
    report = json.loads(capsys.readouterr().out)
    assert [check["name"] for check in report["checks"] if not check["ok"]] == ["text", "meaning"]


def test_files_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none.py"
    for text in ("", "x = 1\n", "def", "import nothing_of_this_name\n", emit(small()).replace("total ", "sum   ")):
        path.write_text(text, encoding="utf-8")
        assert main(["verify", str(path)]) == 1
        said = capsys.readouterr()
        assert not said.out and said.err.startswith(f"scalec: {path}: ") and said.err.count("\n") == 1
    assert main(["verify", str(tmp_path / "missing.py")]) == 3
    assert main(["verify", str(path), "--phi", "1"]) == 2
    with pytest.raises(HeadError):
        from_head('"""No table."""')
    path.write_text("raise SystemError\n", encoding="utf-8")
    with pytest.raises(LoadError):
        load(path)


@pytest.mark.slow
@pytest.mark.parametrize("peer", ["timm:efficientnet_b0", "torchvision:efficientnet_b0", "timm:efficientnet_b1"])
def test_against_a_peer(peer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import_peer("torchvision"), import_peer("timm")
    path = tmp_path / "b0.py"
    path.write_text(emit(compiled("efficientnet", "B0")), encoding="utf-8")
    assert main(["verify", str(path), "--against", peer]) == (1 if peer.endswith("b1") else 0)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("WRONG  timm:efficientnet_b1" if peer.endswith("b1") else f"ok     {peer}"), last


def same(written: Written) -> None:
    """What an emitted file computes is what its spec says, written out flat."""
    for phi in ("0", "1"):
        try:
            net = load_text("spec.scl", written.text.encode()).compile(Request(phi=phi))
        except CompileError:
            continue
        with as_file(emit(net)) as path:
            module = load(path)
            own = checks.Subject(emit(net), network_class(module), module.INPUT_SHAPE, from_spec(net))
            checks.parameters(own)
            made, reference = own.make().double().eval(), checks._flat(own).eval()
            randomise(made, 0)
            checks._with_values_of(made, reference)
            x = noise((2, *own.shape), 1)
            with torch.no_grad():
                assert relative([(joined(reference(x)), joined(made(x)))]) <= checks.CLOSE


EXAMPLES = settings(
    max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def test_random_networks_compute_what_their_specs_say() -> None:
    EXAMPLES(given(specs())(same))()


@pytest.mark.slow
def test_many_random_networks_compute_what_their_specs_say() -> None:
    settings(EXAMPLES, max_examples=600)(given(specs())(same))()
