"""`--for inference`: the same outputs as the training file with its weights, and no tensor reused that is needed."""

import re
from collections.abc import Sequence
from pathlib import Path

import black
import pytest
import torch

from nets import SPECS, spec
from scalec.commands.cli import main
from scalec.compiler import load_text
from scalec.cost.compiled import Compiled
from scalec.diagnostics.diagnostic import CompileError
from scalec.emit.emit import emit
from scalec.emit.guards import Unsafe, audit
from scalec.emit.head import Expected
from scalec.program.request import Request
from scalec.verify import checks
from scalec.verify.expected import from_spec
from scalec.verify.loading import as_file, load, network_class
from scalec.verify.tensors import disable_drop, joined, noise, randomise
from strategies import Written, examples, phis, specs

QUICK = ("efficientnet", "resnet_preact", "shufflenet_v2")
NETWORKS = sorted(path.stem for path in SPECS.glob("*.scl") if "\nnetwork " in path.read_text(encoding="utf-8"))


def subject(net: Compiled, source: str | None = None) -> checks.Subject:
    """Load an emitted file, or what was made of it."""
    text = source or emit(net)
    with as_file(text) as path:
        module = load(path)
    expected = from_spec(net) if source else Expected(0, 0, {}, inference=net.deployment is not None)
    return checks.Subject(text, network_class(module), module.INPUT_SHAPE, expected, getattr(module, "fold", None))


def difference(trained: Compiled, deployed: Compiled) -> float:
    """Give both the same weights; compare outputs in float64. The image stays as it is, and black changes nothing."""
    assert black.format_str(emit(deployed), mode=black.Mode()) == emit(deployed)
    one, other = subject(trained), subject(deployed)
    reference, own = one.make().double(), other.make().double().eval()
    disable_drop(reference)
    randomise(reference, 0, noise((16, *one.size), 0))
    state = reference.eval().state_dict()
    own.load_state_dict(other.fold(state) if other.fold else state)
    x = noise((2, *one.size), 1)
    kept = x.clone()
    with torch.no_grad():
        wanted, given = joined(reference(x)), joined(own(x))
    assert torch.equal(x, kept), "it writes over the image"
    scale = float(wanted.abs().max())
    return float((wanted - given).abs().max()) / (scale or 1.0)


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NETWORKS])
@pytest.mark.parametrize("taps", [None, ()], ids=["whole", "features"])
def test_outputs_are_those_of_the_training_file(name: str, taps: tuple[str, ...] | None) -> None:
    loaded = spec(name)
    variant = next(iter(loaded.program.variants), None)
    trained, deployed = (loaded.compile(Request(variant=variant, taps=taps, inference=i)) for i in (False, True))
    assert difference(trained, deployed) < checks.CLOSE


@examples(12, specs(), phis(3), more=20)
def test_random_networks_give_the_same(written: Written, phi: str) -> None:
    loaded = load_text("spec.scl", written.text.encode())
    try:
        trained = loaded.compile(Request(phi=phi))
    except CompileError:
        return
    if trained.network.x.elements < 40_000 and sum(len(stage.layers) for stage in trained.network.stages) < 40:
        assert difference(trained, loaded.compile(Request(phi=phi, inference=True))) < checks.CLOSE


HEAD = "block Block <H, W, C> → <H, W, C>\n  = {}\n"


def small(chain: str, block: str = "") -> tuple[Compiled, Compiled]:
    """Compile a small network both ways."""
    text = f"{HEAD.format(block) if block else ''}network Net <8, 8, 4> → <8, 8, 4>\n  = {chain}\n"
    loaded = load_text("net.scl", text.encode())
    return loaded.compile(), loaded.compile(Request(inference=True))


# What may be written over, and what not: each chain with the calls that its file has.
OWNED = {
    "an activation of the image": ("ReLU ⊙ Conv(3) → 4", 0),
    "one behind a convolution": ("Conv(3) → 4 ⊙ ReLU", 1),
    "one behind a batch norm that stays": ("BatchNorm ⊙ ReLU", 1),
    "one that begins a branch": ("Conv(3) → 4 ⊙ residual { ReLU ⊙ Conv(1) → 4 }", 1),
    "one that ends a branch": ("Conv(3) → 4 ⊙ residual { Conv(1) → 4 ⊙ ReLU }", 2),
    "two branches of one map, the first of them new": ("Conv(3) → 4 ⊙ sum { ReLU } { Conv(1) → 4 }", 1),
    "what branches add up to": ("Conv(3) → 4 ⊙ sum { } { Conv(1) → 4 } ⊙ ReLU", 1),
    "a branch that is added to": ("Conv(3) → 4 ⊙ sum { Conv(3) → 4 } { Conv(1) → 4 }", 1),
    "a branch that is the input": ("Conv(3) → 4 ⊙ sum { Conv(3) → 4 } { }", 1),
    "an input that is no branch": ("Conv(3) → 4 ⊙ sum { } { Conv(3) → 4 }", 0),
    "three branches": ("Conv(3) → 4 ⊙ sum { Conv(3) → 4 } { Conv(1) → 4 } { }", 0),
    "a gate on a map of its own": ("Conv(3) → 4 ⊙ gate { GlobalAvgPool ⊙ Sigmoid }", 1),
    "a gate on the image": ("gate { GlobalAvgPool ⊙ Sigmoid }", 0),
    "a residual of nothing": ("Conv(3) → 4 ⊙ residual { }", 0),
    "a map that is given as well": ("tap one: Conv(3) → 4 ⊙ ReLU ⊙ Conv(3) → 4", 0),
    "an activation that cannot": ("Conv(3) → 4 ⊙ GELU", 0),
    "a part of a split": ("Conv(3) → 4 ⊙ split { ReLU } { }", 0),
}


@pytest.mark.parametrize("name", OWNED)
def test_only_what_nobody_needs_is_written_over(name: str) -> None:
    chain, count = OWNED[name]
    trained, deployed = small(chain)
    source = emit(deployed)
    assert len(re.findall(r"inplace=True|\.mul_\(|\.add_\(", source)) == count, source
    assert difference(trained, deployed) < 1e-12


def test_a_block_writes_over_its_input_only_where_all_uses_let_it() -> None:
    block = "act: ReLU ⊙ conv: Conv(3) → C"
    _, once = small("Conv(3) → 4 ⊙ Block", block)
    assert "nn.ReLU(inplace=True)" in emit(once)
    trained, twice = small("Conv(3) → 4 ⊙ Block ⊙ residual { Block }", block)
    assert "inplace" not in emit(twice)
    assert difference(trained, twice) < 1e-12


@pytest.mark.parametrize("chain", ["Conv(1) → 4", "(Conv(1) → 4 ⊙ BatchNorm)", "(Conv(1) → 4 ⊙ ReLU ⊙ Conv(3) → 4)"])
def test_names_of_any_length_are_laid_out_as_black_does(chain: str) -> None:
    for length in range(48, 65):
        for net in small(f"{'a' * length}: {chain}"):
            assert black.format_str(emit(net), mode=black.Mode()) == emit(net), length


FOLDS = {
    "a convolution": ("Conv(3) → 4 ⊙ BatchNorm", 1, 0),
    "one with a bias": ("Conv(3, bias = true) → 4 ⊙ BatchNorm(eps = 0.01)", 1, 0),
    "depthwise": ("Depthwise(3) ⊙ BatchNorm", 1, 0),
    "a linear layer": ("GlobalAvgPool ⊙ Linear → <4> ⊙ BatchNorm", 1, 0),
    "an activation between": ("Conv(3) → 4 ⊙ ReLU ⊙ BatchNorm", 0, 1),
    "a batch norm before": ("BatchNorm ⊙ Conv(3) → 4", 0, 1),
    "a map that is given as well": ("tap one: Conv(3) → 4 ⊙ BatchNorm", 0, 1),
    "dropout between, which is gone": ("Conv(3) → 4 ⊙ Dropout(0.1) ⊙ BatchNorm", 0, 1),
    "one row that is a little too long": ("pointwise_a: (Conv(1) → 4 ⊙ BatchNorm)", 1, 0),
    "names that are very long": (f"{'a' * 60}: (Conv(1) → 4 ⊙ BatchNorm)", 1, 0),
    "two of them": ("Conv(3) → 4 ⊙ BatchNorm ⊙ BatchNorm", 1, 1),
    "from group to group": ("(ReLU ⊙ Conv(1) → 4) ⊙ (BatchNorm ⊙ ReLU ⊙ Conv(3) → 4)", 1, 0),
    "groups with names": ("one: (Conv(1) → 4) ⊙ two: (BatchNorm ⊙ ReLU ⊙ Conv(3) → 4 ⊙ ReLU)", 1, 0),
    "into a group": ("(ReLU ⊙ Conv(1) → 4) ⊙ BatchNorm ⊙ ReLU", 1, 0),
    "out of a group": ("Conv(1) → 4 ⊙ (BatchNorm ⊙ ReLU ⊙ Conv(3) → 4)", 1, 0),
    "through groups in groups": ("(ReLU ⊙ (SiLU ⊙ Conv(1) → 4)) ⊙ ((BatchNorm ⊙ ReLU) ⊙ Conv(3) → 4)", 1, 0),
    "three in a row": ("(ReLU ⊙ Conv(1) → 4) ⊙ (BatchNorm ⊙ Conv(3) → 4) ⊙ (BatchNorm ⊙ Conv(3) → 4)", 2, 0),
    "a group that is nothing else": ("(ReLU ⊙ Conv(1) → 4) ⊙ (BatchNorm) ⊙ Conv(3) → 4", 0, 1),
    "positions in a stage without a label": ("(Conv(1) → 4 ⊙ BatchNorm ⊙ Dropout(0.1) ⊙ Conv(3) → 4)", 1, 0),
    "inside a branch": ("concat { } { (BatchNorm ⊙ Conv(1) → 4) ⊙ (BatchNorm ⊙ Conv(1) → 4) } ⊙ Conv(1) → 4", 1, 1),
    "a group that is repeated": ("(ReLU ⊙ Conv(1) → 4)^2 → 4 ⊙ (BatchNorm ⊙ Conv(3) → 4)", 0, 1),
    "a norm that is repeated": ("(ReLU ⊙ Conv(1) → 4) ⊙ (BatchNorm ⊙ Conv(3) → 4)^2 → 4", 0, 2),
    "a group that is given as well": ("tap one: (ReLU ⊙ Conv(1) → 4) ⊙ (BatchNorm ⊙ Conv(3) → 4)", 0, 1),
    "a norm that is given as well": ("Conv(1) → 4 ⊙ tap one: BatchNorm ⊙ Conv(3) → 4", 0, 1),
    "a group with a condition": ("(ReLU ⊙ Conv(1) → 4) ⊙ (BatchNorm ⊙ Conv(3) → 4) when 1 < 2", 0, 1),
    "positions that count": ("part: (Conv(1) → 4 ⊙ BatchNorm ⊙ ReLU ⊙ Dropout(0.1) ⊙ Conv(3) → 4 ⊙ BatchNorm)", 2, 0),
}


@pytest.mark.parametrize("name", FOLDS)
def test_batch_norms_go_into_the_layer_before(name: str) -> None:
    chain, folded, left = FOLDS[name]
    end = "<4>" if "Linear" in chain else "<8, 8, 4>"
    loaded = load_text("net.scl", f"network Net <8, 8, 4> → {end}\n  = {chain}\n".encode())
    trained, deployed = loaded.compile(), loaded.compile(Request(inference=True))
    assert emit(trained).count("nn.BatchNorm") - emit(deployed).count("nn.BatchNorm") == folded
    assert emit(deployed).count("nn.BatchNorm") == left
    assert "Dropout" not in emit(deployed).partition("import torch")[2]
    assert difference(trained, deployed) < 1e-12


@pytest.mark.parametrize("name", ["resnet_preact", "densenet"])
def test_modules_keep_their_names(name: str) -> None:
    trained, deployed = (spec(name).compile(Request(inference=i)) for i in (False, True))
    before, after = (set(subject(net).make().state_dict()) for net in (trained, deployed))
    assert {name for name in after if not name.endswith("bias")} < before


def test_a_row_that_would_take_a_wrong_batch_norm_is_written_out() -> None:
    text = """block One <H, W, C> → <H, W, K>
  = conv: Conv(3) → K
  ⊙ norm: BatchNorm
block Two <H, W, C> → <H, W, C>
  = norm: BatchNorm
  ⊙ conv: Conv(1) → C
network Net <8, 8, 4> → <8, 8, 4>
  = first: One → <8, 8, 4>
  ⊙ second: Two
"""
    loaded = load_text("net.scl", text.encode())
    trained, deployed = loaded.compile(), loaded.compile(Request(inference=True))
    assert '("first.norm", "first.conv", 1e-05)' in emit(deployed)
    assert difference(trained, deployed) < 1e-12


def test_a_batch_norm_that_is_absent_is_not_folded() -> None:
    chain = "sum { Conv(3) → 4 } { shortcut: (Conv(1) → 4 ⊙ BatchNorm) when C > 4 }"
    trained, deployed = small("Conv(3) → 4 ⊙ Block", chain)
    assert "FOLDED" not in emit(deployed) and "as they are" in emit(deployed)
    assert difference(trained, deployed) < 1e-12


def test_weights_are_scaled_in_float64_and_keep_their_type() -> None:
    trained, deployed = (spec("efficientnet").compile(Request(variant="B0", inference=i)) for i in (False, True))
    net, file = subject(trained).make().to(torch.bfloat16), subject(deployed)
    assert file.fold is not None
    state = net.state_dict()
    kept = {name: value.clone() for name, value in state.items()}
    made = file.fold(state)
    assert all(torch.equal(state[name], kept[name]) for name in state), "fold changed what it was given"
    assert {value.dtype for value in made.values()} == {torch.bfloat16}


def test_weights_lie_channels_last() -> None:
    net = subject(spec("resnet").compile(Request(variant="ResNet18", inference=True))).make()
    weights = [p for p in net.parameters() if p.dim() == 4]
    assert weights and all(w.is_contiguous(memory_format=torch.channels_last) for w in weights)
    assert net(torch.randn(2, 3, 64, 64)).shape == (2, 1000)


SMALL = spec("efficientnet").compile(Request(changes=(("r", "2/7"), ("d", "1"), ("w", "1/2")), inference=True))


def test_the_right_file_is_right() -> None:
    checks.folded(subject(SMALL, emit(SMALL)))


# Each as somebody might edit the file, or a broken emitter write it.
MUTANTS = {
    "another eps": ('"depthwise.0", 1e-05', '"depthwise.0", 0.001'),
    "another layer": ('("project.1", "project.0"', '("project.1", "depthwise.0"'),
    "a batch norm forgotten": ('    ("norm", "conv", 1e-05),\n', ""),
    "no shift": ("(bias - mean) * scale + shift", "(bias - mean) * scale"),
    "no mean": ("(bias - mean) * scale", "bias * scale"),
    "no root": ("torch.sqrt(variance + eps)", "(variance + eps)"),
    "the input reused too early": ("y: Tensor = self.expand(x)", "y: Tensor = self.expand(x.mul_(2))"),
    "the image written over": ("x = self.stem(x)", "x = self.stem(x.mul_(1.5).div_(1.5).add_(1e-12))"),
    "no gate": ("return x.mul_(y)", "return x"),
    "no residual": ("return y.add_(x) if self.residual else y", "return y"),
    "ReLU for SiLU": ("self.act = nn.SiLU(inplace=True)", "self.act = nn.ReLU(inplace=True)"),
    "groups": ("groups=expanded", "groups=expanded // 2"),
}


LESS = ("another eps", "another layer", "no shift", "the image written over", "no residual", "groups")


@pytest.mark.parametrize("name", [n if n in LESS else pytest.param(n, marks=pytest.mark.slow) for n in MUTANTS])
def test_a_mutant_is_caught(name: str) -> None:
    net = SMALL
    old, new = MUTANTS[name]
    assert old in emit(net), "the mutant is not planted"
    with pytest.raises((checks.Wrong, RuntimeError)):
        checks.folded(subject(net, emit(net).replace(old, new, 1)))


def run(*words: str) -> int:
    return main(list(words))


def test_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, path = str(SPECS / "efficientnet.scl"), str(tmp_path / "b0.py")
    scale: Sequence[str] = ("--set", "r=2/7", "--set", "w=1/4", "--set", "d=1/5")
    assert run("compile", source, *scale, "--for", "inference", "-o", path) == 0
    capsys.readouterr()
    assert run("verify", path, "--spec", source, *scale, "--for", "inference") == 0
    said = capsys.readouterr().out
    assert "with the same weights, the outputs of the training file" in said and "gradients" not in said
    assert run("verify", path) == 0
    assert "gradients" not in capsys.readouterr().out
    assert run("verify", path, "--spec", source, *scale) == 0  # it is known by its head
    assert run("verify", path, "--spec", source, *scale, "--for", "training") == 1
    assert "WRONG" in capsys.readouterr().out
    assert run("test-file", path) == 0


def test_the_guards_know_the_functions_of_a_file() -> None:
    source = emit(spec("efficientnet").compile(Request(variant="B0", inference=True)))
    audit(source)
    for old, new in (("torch.sqrt(variance + eps)", "torch.load('x')"), ("def fold(", "def told(")):
        with pytest.raises(Unsafe):
            audit(source.replace(old, new, 1))
