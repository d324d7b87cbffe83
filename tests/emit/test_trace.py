"""An emitted file is run on sizes, without torch, and held to its network before it is written."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scalec.compiler import load, load_text
from scalec.cost.count import cost
from scalec.diagnostics import exit_codes
from scalec.diagnostics.diagnostic import CompileError
from scalec.emit import emit as emitter
from scalec.emit import modules
from scalec.emit.classes import Kinds
from scalec.emit.emit import emit
from scalec.emit.guards import Unsafe, audit
from scalec.emit.seal import sealed
from scalec.emit.walk import check_file
from scalec.network.network import Leaf
from scalec.ops.code import Code
from scalec.program.request import Request
from strategies import Written, examples, handing_specs, phis, specs, striding_specs

SPECS = Path(__file__).parents[2] / "specs"
WAYS: list[dict[str, Any]] = [
    {}, {"taps": ()}, {"inference": True}, {"output_stride": 8}, {"output_stride": 16, "taps": (), "inference": True},
    {"phi": "1"}, {"phi": "-1/2"}, {"phi": "3", "inference": True}, {"output_stride": 2},
]  # fmt: skip


def networks() -> list[Path]:
    return [path for path in sorted(SPECS.glob("*.scl")) if "\nnetwork " in path.read_text(encoding="utf-8")]


def hold(path: Path, ways: list[dict[str, Any]], variants: bool) -> int:
    """Emit a spec in several ways, which raises if a file is not its network; give how often."""
    loaded = load(path)
    found = 0
    for variant in (None, *loaded.program.variants) if variants else (None,):
        for way in ways:
            if "phi" in way and variant:
                continue
            found += emitted(loaded, variant, way)
    return found


def emitted(loaded: Any, variant: str | None, way: dict[str, Any]) -> bool:
    try:
        return bool(emit(loaded.compile(Request(variant=variant, **way))))
    except CompileError:  # it requires what it is not here, or has no such stride
        return False


@pytest.mark.parametrize("path", networks(), ids=lambda path: path.stem)
def test_files_are_their_networks(path: Path) -> None:
    assert hold(path, WAYS[:3], variants=False) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("path", networks(), ids=lambda path: path.stem)
def test_every_variant_in_every_way_is_its_network(path: Path) -> None:
    assert hold(path, WAYS, variants=True) >= 6


HANDED_ON = """block Inner(op) <H, W, C> → <H, W, C> = op: op ⊙ act: ReLU
block Outer(kernel) <H, W, C> → <H, W, C> = inner: Inner({operator})
network N <8, 8, 3> → <8, 8, 8> = Conv(1) → 8 ⊙ Outer(3) ⊙ Outer(5)
"""


@pytest.mark.parametrize("operator", ["Depthwise(kernel)", "LeakyReLU(1/kernel)", "Depthwise(kernel = kernel)"])
def test_an_operator_that_is_handed_on_is_that_of_its_use(operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """W1: both uses had the first one's kernel, or slope."""
    loaded = load_text("spec.scl", HANDED_ON.format(operator=operator).encode())
    assert "class OuterDepthwise5" in emit(loaded.compile()) or "LeakyReLU(negative_slope=0.2)" in emit(
        loaded.compile()
    )
    monkeypatch.setattr(Kinds, "compare", lambda self, blocks: None)
    with pytest.raises(Unsafe, match="the file is not the network"):
        emit(load_text("spec.scl", HANDED_ON.format(operator=operator).encode()).compile())


STRIDING = """block D <H, W, C> → <floor((H - 1)/2), floor((W - 1)/2), K> = conv: Conv({window}) → K
network N <33, 33, 3> → <7, 7, 8> = D → 8 ⊙ D → 8
"""


@pytest.mark.parametrize("window", ["3, stride = 2, padding = 0", "kernel = 3, stride = 2, padding = 0, groups = 1"])
def test_a_use_that_keeps_its_stride_keeps_its_padding(window: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """W2: a use without its stride is padded by half its window, and the others were so with it."""
    loaded = load_text("spec.scl", STRIDING.format(window=window).encode())
    assert "D(3, 8, stride=2, padding=(0, 0, 0, 0))" in emit(loaded.compile(Request(output_stride=2)))
    fixed_of = modules.fixed_of

    def forgetting(leaf: Leaf, is_padded: bool) -> dict[str, Code]:
        return {} if getattr(leaf.operator, "padding", None) == 0 else fixed_of(leaf, is_padded)

    monkeypatch.setattr(modules, "fixed_of", forgetting)
    with pytest.raises(Unsafe, match=r"`stage1\.conv` of D has Conv2d.padding=\(1, 1, 1, 1\)"):
        emit(loaded.compile(Request(output_stride=2)))


@pytest.mark.parametrize("spec", ["convnext", "convnext_v2"])
def test_convnext_at_output_stride_2(spec: str) -> None:
    assert emit(load(SPECS / f"{spec}.scl").compile(Request(output_stride=2)))


REPEATS = """let w = 1.1^φ, wide(c) = to_multiple(w · c, 8)
param φ = 0
scale C → to_multiple(w · C, 8)
block Squeeze(hidden, stride = 1) <H, W, C> → <H/stride, W/stride, K>
  = Conv(1) → hidden ⊙ Conv(3, stride) → K
block Dense(growth) <H, W, C> → <H, W, C + growth> = concat { } { Conv(3) → growth }
block Growing(n) <H, W, C> → <H, W, K> = layers: Dense(4)^=n ⊙ Conv(1) → K
block Alternating(n) <H, W, C> → <H, W, K> = layers: (Squeeze(4), Squeeze(8))^=n → K
block Lifted(n, stride = 1) <H, W, C> → <H/stride, W/stride, C>
  = first: Squeeze(hidden = wide(C/4), stride = stride)^=max(2, n) → C
  ⊙ grouped: (Squeeze(hidden = wide(C/4)) → C ⊙ Squeeze(hidden = wide(C/8)) → C ⊙ ReLU)^=n when n > 2
  ⊙ fixed: Squeeze(4)^=5 → C
block Outer(n) <H, W, C> → <H, W, C>
  = residual { Lifted(n)^=n }
  ⊙ sum { Lifted(n)^=max(1, wide(4)) ⊙ Conv(1) → C } { inner: (Lifted(n) ⊙ Conv(1) → C) when n > 1 ⊙ Conv(1) → C }
network N <16, 16, 3> → <4, 4, 40>
  = Conv(3) → 16 ⊙ Growing(1) → 16 ⊙ Growing(3) → 32 ⊙ Alternating(1) → 32 ⊙ Alternating(3) → 40
  ⊙ Lifted(2, stride = 2) ⊙ Lifted(1, stride = 2) ⊙ Lifted(3) ⊙ Outer(1) ⊙ Outer(3) ⊙ Conv(1) → 40
"""


@pytest.mark.parametrize("way", [{}, {"phi": "5"}, {"inference": True}, {"output_stride": 2, "taps": ()}])
def test_repeats_inside_blocks_are_loops_where_their_layers_are_one_text(way: dict[str, Any]) -> None:
    """Layers that get more channels than those before them are none, nor is `(F, G)^=n`."""
    text = emit(load_text("spec.scl", REPEATS.encode()).compile(Request(**way)))
    names = {each.name for each in ast.parse(text).body if isinstance(each, ast.ClassDef)}
    blocks = {"Squeeze", "Dense", "Growing", "Growing2", "Alternating", "Alternating2", "Lifted", "Outer"}
    assert names == {*blocks, "N"}


# Planted faults of emission: in the text of a file, which the guards let through.

BESIDE = "../tests/emitted/cross_stage"
B0: dict[str, Any] = {"variant": "B0"}
FAULTS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "an argument of another use": ("efficientnet", B0, "MBConv(16, 24, expansion=6", "MBConv(16, 24, expansion=4"),
    "a kernel of another use": ("efficientnet", B0, "expansion=6, kernel=5, stride=2)",
        "expansion=6, kernel=3, stride=2)"),
    "a lost residual": ("efficientnet", B0, "return y.add_(x) if self.residual else y", "return y"),
    "a residual too many": ("efficientnet", B0, "stride == 1 and c_in == c_out", "c_in == c_out or stride == 1"),
    "a lost activation": ("efficientnet", B0, "        x = self.act(x)\n        return x", "        return x"),
    "a lost gate": ("efficientnet", B0, "        return x * y\n", "        return x\n"),
    "a sum for a gate": ("efficientnet", B0, "        return x * y\n", "        return x + y\n"),
    "another squeeze": ("efficientnet", B0, "hidden=max(1, c_in // 4)", "hidden=max(1, expanded // 4)"),
    "a missing drop": ("efficientnet", B0, "        y = self.drop(y)\n", ""),
    "another drop": ("efficientnet", B0, "drop=0.2 * 4 / 16", "drop=0.2 * 5 / 16"),
    "a wrong default": ("efficientnet", B0, "kernel: int, stride: int = 1)", "kernel: int, stride: int = 2)"),
    "another default of the network": ("efficientnet", B0, "dropout: float = 0.2", "dropout: float = 0.3"),
    "an expansion that never is": ("efficientnet", B0, "if expansion > 1 else", "if expansion > 6 else"),
    "no padding": ("efficientnet", B0, "padding=(kernel - 1) // 2", "padding=0"),
    "a bias": ("efficientnet", B0, "nn.Conv2d(expanded, c_out, 1, bias=False)", "nn.Conv2d(expanded, c_out, 1)"),
    "no groups": ("efficientnet", B0, "                groups=expanded,\n", ""),
    "another norm": ("efficientnet", B0, "nn.BatchNorm2d(expanded)", "nn.BatchNorm2d(expanded, eps=0.001)"),
    "another activation": ("efficientnet", B0, "self.gate = nn.Sigmoid()", "self.gate = nn.Hardsigmoid()"),
    "a layer too few": ("efficientnet", B0, "            MBConv(40, 40, expansion=6, kernel=5, drop=0.2 * 4 / 16),\n",
        ""),
    "a module that never runs": (
        "efficientnet", B0, "self.act = nn.SiLU(inplace=True)\n\n",
            "self.act = nn.SiLU(inplace=True)\n        self.spare = nn.Linear(1, 1)\n\n"
    ),
    "two stages swapped": (
        "efficientnet", B0, "x = self.stage5(x)  # <14, 14, 80>\n        x = self.stage6(x)",
            "x = self.stage6(x)  # <14, 14, 80>\n        x = self.stage5(x)"
    ),
    "another name": ("efficientnet", B0, "self.classifier", "self.fc"),
    "another input": ("efficientnet", B0, "INPUT_SHAPE = (3, 224, 224)", "INPUT_SHAPE = (3, 240, 224)"),
    "another helper": ("efficientnet", B0, "return x * mask / keep", "return x * mask"),
    "outputs in another order": (
        "efficientnet", {**B0, "taps": ()}, "(stage2, stage3, stage4, stage6, stage8)",
            "(stage3, stage2, stage4, stage6, stage8)"
    ),
    "an output too few": (
        "efficientnet", {**B0, "taps": ()}, "(stage2, stage3, stage4, stage6, stage8)",
            "(stage2, stage3, stage4, stage6)"
    ),
    "in place where it must not be": (
        "resnet_preact", {}, "nn.ReLU()", "nn.ReLU(inplace=True)"
    ),
    "a concat in another order": ("densenet", {}, "torch.cat((x, y), dim=1)", "torch.cat((y, x), dim=1)"),
    "another pool": ("densenet", {}, "nn.AvgPool2d(2)", "nn.MaxPool2d(2)"),
    "branches swapped": (
        "shufflenet_v2", {}, "torch.cat((y, self.right(z)), dim=1)", "torch.cat((z, self.right(y)), dim=1)"
    ),
    "a stride on the wrong layer": (
        "resnet", {"variant": "R50"},
            "kernel=1)\n        self.spatial = ConvNormAct(inner, inner, kernel=3, stride=stride,",
            "kernel=1, stride=stride)\n        self.spatial = ConvNormAct(inner, inner, kernel=3,"
    ),
    "a batch norm that was folded": (
        "resnet", {"inference": True}, "x = self.conv(x)  # <H/stride, W/stride, K>\n        x = self.act(x)",
            "x = self.act(x)\n        x = self.conv(x)"
    ),
    "a layer too many in a loop": (BESIDE, {}, "range(n - 1)", "range(n)"),
    "a loop that ends too soon": ("densenet", {}, "range(64, 256, 32)", "range(64, 224, 32)"),
    "a loop that grows otherwise": ("densenet", {}, "range(64, 256, 32)", "range(64, 100, 6)"),
    "a repeat of another use": (BESIDE, {}, "CrossStage(256, 256, n=4)", "CrossStage(256, 256, n=2)"),
    "a piece too few": (BESIDE, {}, "y, z, self.second(z)", "z, self.second(z)"),
    "no pool before the vector": ("efficientnet", B0, "x.mean((2, 3))  # <1280>", "x.flatten(1)"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught_by_the_walk_alone(fault: str) -> None:
    spec, way, old, new = FAULTS[fault]
    loaded = load(SPECS / f"{spec}.scl")
    if way.get("variant") not in (None, *loaded.program.variants):
        way = {key: value for key, value in way.items() if key != "variant"}
    compiled = loaded.compile(Request(**way))
    text, attributes = emitter._render(compiled)
    good = sealed(text)
    check_file(good, ast.parse(good), compiled.network, attributes)
    assert old in text
    bad = sealed(text.replace(old, new))
    audit(bad)
    with pytest.raises(Unsafe, match="the file is not the network"):
        check_file(bad, ast.parse(bad), compiled.network, attributes)


def test_nothing_is_written_and_torch_is_not_imported(tmp_path: Path) -> None:
    program = """
import sys
from scalec.emit import emit
from scalec.commands.cli import main
render = emit._render
def wrong(compiled):
    text, attributes = render(compiled)
    return text.replace("self.act(x)", "x"), attributes
emit._render = wrong
code = main(["compile", sys.argv[1], "-o", sys.argv[2]])
assert "torch" not in sys.modules
sys.exit(code)
"""
    out = tmp_path / "b0.py"
    command = [sys.executable, "-c", program, str(SPECS / "efficientnet.scl"), str(out)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, out.exists()) == (exit_codes.BUG, False)
    assert "a bug of scalec" in ran.stderr and "`stem.act` of ConvAct has norm" in ran.stderr


# Random specs


@examples(15, handing_specs(), more=6)
def test_operators_that_are_handed_on_are_those_of_the_network(text: str) -> None:
    held(text, [{}, {"phi": "2"}, {"inference": True}, {"taps": ()}])


@examples(15, striding_specs(), more=6)
def test_strides_that_are_taken_out(text: str) -> None:
    held(text, [{}, {"output_stride": 1}, {"output_stride": 2}, {"output_stride": 4, "inference": True, "taps": ()}])


@examples(10, specs(), more=6)
def test_random_files_are_their_networks(written: Written) -> None:
    held(written.text, [{}, {"phi": "1.5"}, {"inference": True}, {"output_stride": 2, "taps": ()}])


def held(text: str, ways: list[dict[str, Any]]) -> None:
    try:
        loaded = load_text("spec.scl", text.encode())
    except CompileError:
        return
    for way in ways:
        emitted(loaded, None, way)


@examples(3, handing_specs(), more=6)
def test_what_torch_counts_is_what_was_counted(text: str) -> None:
    try:
        compiled = load_text("spec.scl", text.encode()).compile()
    except CompileError:
        return
    import torch

    from scalec.verify.count import count_macs

    names: dict[str, Any] = {}
    exec(compile(emit(compiled), "spec.py", "exec"), names)
    with torch.device("meta"):
        model = names[compiled.network.name]()
    counted = cost(compiled.network)
    assert sum(parameter.numel() for parameter in model.parameters()) == counted.params
    assert count_macs(model, names["INPUT_SHAPE"]).macs == counted.macs


@examples(10, specs(), phis(3), phis(3), more=20)
def test_a_class_is_the_same_text_at_every_scale(written: Written, one: str, other: str) -> None:
    """W3's kind: a block's class says nothing that scaling changes."""
    loaded = load_text("spec.scl", written.text.encode())
    classes: list[dict[str, str]] = []
    ways: list[dict[str, Any]] = [{"phi": one}, {"phi": other}, *({"variant": v} for v in loaded.program.variants)]
    for way in ways:
        try:
            source = emit(loaded.compile(Request(**way)))
        except CompileError:
            continue
        found = {each.name: ast.unparse(each) for each in ast.parse(source).body if isinstance(each, ast.ClassDef)}
        del found[list(found)[-1]]  # the network's own
        classes.append(found)
    for found in classes[1:]:
        for name in found.keys() & classes[0].keys():
            assert found[name] == classes[0][name]
