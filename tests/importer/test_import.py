"""`scalec import`: what timm builds from its definitions, and pycls from its configurations, built again from a spec.

timm's definitions are taken from timm while it builds a model: none is copied here.
"""

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nets import module
from peers import import_peer, timm_model, torchvision_model
from scalec.commands.cli import main
from scalec.compiler import load
from scalec.cost.compiled import Compiled
from scalec.cost.count import cost
from scalec.emit.emit import emit
from scalec.program.request import Request
from scalec.project.spec_check import check
from scalec.verify.compare import observed, ported
from scalec.verify.count import count_macs
from scalec.verify.tensors import disable_drop

FAST = """
    efficientnet_lite0 tf_efficientnetv2_b0 mobilenetv1_100 mobilenetv3_small_050 mnasnet_small mixnet_s tinynet_e
    lcnet_100 mobilenetv4_conv_small mobilenet_edgetpu_v2_s
""".split()
SLOW = """
    efficientnet_b4 efficientnet_es mobilenetv2_140 fbnetv3_b
    efficientnet_b0 efficientnet_em efficientnetv2_rw_t tf_efficientnetv2_s mobilenetv2_100 mobilenetv3_large_100
    mobilenetv3_small_100 mobilenetv3_rw mnasnet_100 semnasnet_100 spnasnet_100 fbnetc_100 mixnet_m tinynet_a
    mobilenetv4_conv_medium tf_mobilenetv3_large_minimal_100 efficientnet_b1 efficientnet_b2 efficientnet_b3
    efficientnet_b5 efficientnet_b6 efficientnet_b7 efficientnet_b8 tf_efficientnet_b0 tf_efficientnet_b3
    efficientnet_lite1 efficientnet_lite2 efficientnet_lite3 efficientnet_lite4 tf_efficientnet_lite0
    efficientnet_el tf_efficientnet_es efficientnetv2_rw_s efficientnetv2_rw_m efficientnetv2_s efficientnetv2_m
    efficientnetv2_l efficientnetv2_xl tf_efficientnetv2_b1 tf_efficientnetv2_b2 tf_efficientnetv2_b3
    mobilenetv1_125 mobilenetv2_035 mobilenetv2_050 mobilenetv2_075 mobilenetv2_110d mobilenetv2_120d
    mobilenetv3_large_075 mobilenetv3_large_150d mobilenetv3_small_075 tf_mobilenetv3_small_minimal_100 mnasnet_050
    mnasnet_075 mnasnet_140 semnasnet_050 semnasnet_075 semnasnet_140 fbnetv3_d fbnetv3_g mixnet_l mixnet_xl
    mixnet_xxl tinynet_b tinynet_c tinynet_d lcnet_035 lcnet_050 lcnet_075 lcnet_150 mobilenetv4_conv_small_035
    mobilenetv4_conv_small_050 mobilenetv4_conv_large mobilenet_edgetpu_100 mobilenet_edgetpu_v2_xs
    mobilenet_edgetpu_v2_m mobilenet_edgetpu_v2_l test_efficientnet
""".split()
NUMERIC = [
    "mobilenetv3_small_050",
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in "mixnet_s efficientnet_b0 efficientnet_es mobilenetv4_conv_small mnasnet_small".split()
    ),
]
MODELS = [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
ACTIVATIONS = {
    "ReLU": "relu", "ReLU6": "relu6", "Hardswish": "hard_swish", "HardSwish": "hard_swish", "SiLU": "silu",
    "Swish": "silu", "GELU": "gelu", "HardSwishMe": "hard_swish", "SwishMe": "silu",
}  # fmt: skip


@dataclass
class Captured:
    """What timm's own function passed on while it built a model."""

    arch: list[list[str]] = field(default_factory=list)
    decoding: dict[str, Any] = field(default_factory=dict)
    building: dict[str, Any] = field(default_factory=dict)
    model: nn.Module | None = None
    efficient: bool = True


@cache
def captured(name: str) -> Captured:
    """Build a timm model without numbers, and listen."""
    timm = import_peer("timm")
    found = Captured()
    with pytest.MonkeyPatch.context() as patch, torch.device("meta"):
        for file, cls in ((timm.models.efficientnet, "EfficientNet"), (timm.models.mobilenetv3, "MobileNetV3")):
            patch.setattr(file, "decode_arch_def", partial(_decode, file.decode_arch_def, found))
            _listen(patch, getattr(file, cls), found)
        found.model = timm_model(name)
    return found


def _decode(decode: Callable[..., Any], found: Captured, arch: Any, *arguments: Any, **named: Any) -> Any:
    order = ("depth_multiplier", "depth_trunc", "experts_multiplier", "fix_first_last", "group_size")
    found.arch, found.decoding = arch, dict(zip(order, arguments, strict=False)) | named
    return decode(arch, *arguments, **named)


def _listen(patch: pytest.MonkeyPatch, cls: Any, found: Captured) -> None:
    build = cls.__init__

    def init(self: nn.Module, **named: Any) -> None:
        found.building, found.efficient = named, cls.__name__ == "EfficientNet"
        build(self, **named)

    patch.setattr(cls, "__init__", init)


def words(found: Captured, size: int) -> list[str]:
    """Say on the command line what timm's function passed."""
    passed = {key: value for key, value in found.building.items() if value is not None}
    rounding = passed["round_chs_fn"].keywords
    multiplier = rounding.get("multiplier", 1.0)
    options: dict[str, Any] = {
        "resolution": size, "model": "efficientnet" if found.efficient else "mobilenetv3",
        "channel-multiplier": multiplier, "channel-divisor": rounding.get("divisor", 8),
        "round-limit": rounding.get("round_limit", 0.9), "depth-multiplier": found.decoding.get("depth_multiplier", 1),
        "depth-trunc": found.decoding.get("depth_trunc", "ceil"), "stem": passed.get("stem_size"),
        "stem-kernel": passed.get("stem_kernel_size"), "group-size": found.decoding.get("group_size"),
        "padding": passed.get("pad_type") or None, "head": passed.get("num_features"),
        "fix-stem": passed.get("fix_stem", False), "fix-first-last": found.decoding.get("fix_first_last", False),
        "head-norm": passed.get("head_norm", False), "no-head-bias": not passed.get("head_bias", True),
        "dropout": passed.get("drop_rate"), "drop-path": passed.get("drop_path_rate"),
    }  # fmt: skip
    if found.efficient and multiplier != 1 and passed.get("num_features", 1280):
        scales = passed["round_chs_fn"](1280) == passed.get("num_features", 1280)
        options |= {"head": 1280, "head-scaling": "scaled"} if scales else {"head-scaling": "fixed"}
    if act := passed.get("act_layer"):
        options["activation"] = ACTIVATIONS[act.__name__]
    if norm := getattr(passed.get("norm_layer"), "keywords", None):
        options |= {"bn-eps": norm.get("eps"), "bn-momentum": norm.get("momentum")}
    options |= squeeze(passed)
    given = {key: value for key, value in options.items() if value is not None and value is not False}
    return [
        word for key, value in given.items() for word in ([f"--{key}"] if value is True else [f"--{key}", shown(value)])
    ]


def shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(shown, value))
    return f"{value:.5f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def squeeze(passed: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if "se_from_exp" in passed:
        options["squeeze-from"] = "expanded" if passed["se_from_exp"] else "input"
    layer = getattr(passed.get("se_layer"), "keywords", {})
    options["squeeze-gate"] = layer.get("gate_layer")
    if act := layer.get("force_act_layer"):
        options["squeeze-activation"] = ACTIVATIONS[act.__name__]
    if rule := layer.get("rd_round_fn"):
        options |= {"squeeze-divisor": 8, "squeeze-limit": getattr(rule, "keywords", {}).get("round_limit", 0.9)}
    return options


def imported(name: str, folder: Path, size: int | None = None) -> Path:
    """Import what timm builds under a name, by the command."""
    found = captured(name)
    assert found.model is not None
    settings: Any = found.model.default_cfg
    definition, spec = folder / f"{name}.txt", folder / f"{name}.scl"
    definition.write_text(repr(found.arch), encoding="utf-8")
    assert main(["import", str(definition), "-o", str(spec), *words(found, size or settings["input_size"][1])]) == 0
    return spec


def counts(network: Compiled) -> tuple[int, int]:
    counted = cost(network.network)
    return counted.params, counted.macs


@pytest.mark.parametrize("name", MODELS)
def test_timm(name: str, tmp_path: Path) -> None:
    """The spec counts what timm's model counts, at timm's resolution; it holds and can be scaled at once."""
    spec = imported(name, tmp_path)
    model = captured(name).model
    assert model is not None
    loaded = load(spec)
    network = loaded.compile().network
    params, macs = counts(loaded.compile())
    assert params == sum(parameter.numel() for parameter in model.parameters())
    assert macs == count_macs(model, (3, network.x.height, network.x.width)).macs
    check(spec)
    if "group_size" not in spec.read_text(encoding="utf-8"):  # groups have to divide the widths, in timm too
        assert counts(loaded.compile(Request(phi="1")))[1] > macs
    assert all(len(line) <= 120 for line in spec.read_text(encoding="utf-8").splitlines()), spec


def merge_groups(model: nn.Module) -> None:
    """Write timm's lists of equal 1×1 convolutions as one in groups, which is what they compute."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            parts: list[Any] = list(child.values()) if isinstance(child, nn.ModuleDict) else []
            if parts and {part.kernel_size for part in parts} == {(1, 1)}:
                whole = nn.Conv2d(
                    sum(part.in_channels for part in parts), sum(part.out_channels for part in parts), 1,
                    groups=len(parts), bias=False,
                )  # fmt: skip
                setattr(parent, name, whole)


@pytest.mark.parametrize("name", NUMERIC)
def test_timm_numerically(name: str, tmp_path: Path) -> None:
    """With timm's weights, ported by data flow: outputs, gradients and statistics, at an even and an odd size."""
    spec = load(imported(name, tmp_path, 64))
    even, odd = module(spec.compile()), module(spec.compile(Request(changes=(("r", "65/64"),))))
    source = timm_model(name)
    merge_groups(source)
    names = ported(source, even, 64)
    first = observed(source, even, names, 64)
    odd.double().load_state_dict(even.state_dict())
    disable_drop(odd)
    assert max(first.worst, observed(source, odd, names, 65).worst) <= 1e-12


def test_merged_groups_are_the_same() -> None:
    """What `merge_groups` does to a model leaves its output alone."""
    model = timm_model("mixnet_s").double().eval()
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        before = model(x)
        lists = {}
        for name, child in model.named_modules():
            parts: list[Any] = list(child.values()) if isinstance(child, nn.ModuleDict) else []
            if parts and {part.kernel_size for part in parts} == {(1, 1)}:
                lists[name] = torch.cat([part.weight for part in parts])
        merge_groups(model)
        for name, weight in lists.items():
            merged: Any = model.get_submodule(name).double()
            merged.weight.copy_(weight)
        assert torch.allclose(before, model(x), rtol=1e-10, atol=1e-10)
    assert lists


ODD = [
    ["cn_r2_k3_s1_c24_skip", "dsa_r2_k3.5_s1_c24_nhs_se0.5"],
    [
        "er_r2_k3_s2_e2.5_c32_se0.1_nsw_noskip",
        "ir_r2_k5_s1_e0.5_c32_a1.1_p1.1_se0.3",
        "er_r1_k3_s1_e4_c32_gs32_fc24_p1.1",
    ],
    [
        "uir_r2_a3_k5_p3_s2_e2_c40_se0.25_nre",
        "uir_r1_a5_k0_s1_e3_c40",
        "uir_r1_a0_k3_s1_e3_c40",
        "ds_r2_k3_s1_c40_gs8_se0.5_nre",
    ],
    ["uir_r2_a3_k0_s2_e2_c48", "ir_r1_k3.5.7_s1_e2_c48", "cn_r1_k1_s1_c64"],
]


@pytest.mark.parametrize("expanded", [False, True])
def test_rare_fields_numerically(expanded: bool, tmp_path: Path) -> None:
    """A definition of all that is rare, built by timm's classes and by ours."""
    timm = import_peer("timm")
    builder = timm.models._efficientnet_builder
    rounding = partial(builder.round_channels, multiplier=1.25)
    cls: Any = timm.models.mobilenetv3.MobileNetV3 if expanded else timm.models.efficientnet.EfficientNet
    squeeze = partial(
        timm.models.efficientnet.SqueezeExcite, gate_layer="hard_sigmoid", rd_round_fn=builder.round_channels
    )
    source = cls(
        builder.decode_arch_def(ODD, fix_first_last=True), num_features=96, stem_size=20, round_chs_fn=rounding,
        act_layer=nn.ReLU6, **({"se_layer": squeeze, "fix_stem": True} if expanded else {}),
    )  # fmt: skip
    merge_groups(source)
    definition, spec = tmp_path / "odd.json", tmp_path / "odd.scl"
    definition.write_text(json.dumps(ODD), encoding="utf-8")
    words = "--stem 20 --head 96 --channel-multiplier 1.25 --activation relu6 --resolution 64 --fix-first-last".split()
    more = (
        "--model mobilenetv3 --squeeze-gate hard_sigmoid --squeeze-divisor 8 --fix-stem"
        if expanded
        else "--head-scaling fixed"
    )
    assert main(["import", str(definition), "-o", str(spec), *words, *more.split()]) == 0
    assert all(len(line) <= 120 for line in spec.read_text(encoding="utf-8").splitlines())
    built = load(spec).compile()
    assert built.network.name == "Odd"
    target = module(built)
    assert observed(source, target, ported(source, target, 64), 64).worst <= 1e-12


def regnet_yaml(name: str) -> str:
    """Write a RegNet of timm's table as pycls' configuration."""
    cfg = import_peer("timm.models.regnet").model_cfgs[name]
    return f"""
MODEL: {{TYPE: regnet, NUM_CLASSES: 1000}}
REGNET:
  DEPTH: {cfg.depth}
  W0: {cfg.w0}
  WA: {cfg.wa}
  WM: {cfg.wm}
  GROUP_W: {cfg.group_size}
  BOT_MUL: {cfg.bottle_ratio}
  SE_ON: {cfg.se_ratio > 0}
OPTIM: {{LR_POLICY: cos, WEIGHT_DECAY: 5e-5}}
NUM_GPUS: 8
"""


EN_B0 = """
MODEL:
  TYPE: effnet
  NUM_CLASSES: 1000
  ACTIVATION_FUN: silu
EN:
  STEM_W: 32
  STRIDES: [1, 2, 2, 2, 1, 2, 1]
  DEPTHS: [1, 2, 2, 3, 3, 4, 1]
  WIDTHS: [16, 24, 40, 80, 112, 192, 320]
  EXP_RATIOS: [1, 6, 6, 6, 6, 6, 6]
  KERNELS: [3, 3, 5, 3, 5, 5, 3]
  HEAD_W: 1280
TRAIN:
  IM_SIZE: 224
"""
RESNET_50 = """
MODEL: {TYPE: resnet, DEPTH: 50, NUM_CLASSES: 1000}
RESNET: {TRANS_FUN: bottleneck_transform, STRIDE_1X1: False}
"""
RESNEXT_50 = """
MODEL: {TYPE: anynet, NUM_CLASSES: 1000}
ANYNET:
  STEM_TYPE: res_stem_in
  STEM_W: 64
  STRIDES: [1, 2, 2, 2]
  DEPTHS: [3, 4, 6, 3]
  WIDTHS: [256, 512, 1024, 2048]
  BOT_MULS: [0.5, 0.5, 0.5, 0.5]
  GROUP_WS: [4, 8, 16, 32]
"""
BASIC = """
MODEL: {TYPE: anynet, NUM_CLASSES: 1000}
ANYNET:
  {STEM_TYPE: res_stem_in, STEM_W: 64, BLOCK_TYPE: res_basic_block, STRIDES: [1, 2, 2, 2], DEPTHS: [2, 2, 2, 2],
   WIDTHS: [64, 128, 256, 512]}
"""
REGNETS = ["x_002", "x_004", "x_006", "x_008", "x_016", "x_032", "x_040", "x_064", "x_080", "x_120", "x_160", "x_320"]
REGNETS += [name.replace("x", "y") for name in REGNETS]
PYCLS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "EN_B0": (EN_B0, partial(torchvision_model, "efficientnet_b0")),
    "R_50": (RESNET_50, partial(torchvision_model, "resnet50")),
    "X_50": (RESNEXT_50, partial(torchvision_model, "resnext50_32x4d")),
    "R_18": (BASIC, partial(torchvision_model, "resnet18")),
    "RegNetX_800MF": (regnet_yaml("regnetx_008"), partial(torchvision_model, "regnet_x_800mf")),
    "RegNetY_400MF": (regnet_yaml("regnety_004"), partial(torchvision_model, "regnet_y_400mf")),
    **{f"regnet{name}": (regnet_yaml(f"regnet{name}"), partial(timm_model, f"regnet{name}")) for name in REGNETS},
}


def imported_pycls(text: str, folder: Path, *words: str) -> Path:
    config, spec = folder / "net.yaml", folder / "net.scl"
    config.write_text(text, encoding="utf-8")
    assert main(["import", str(config), "-o", str(spec), *words]) == 0
    return spec


def often(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.slow if re.search(r"_0(0[26]|16|3|4|6)|_[123]", name) else ())


@pytest.mark.parametrize("name", [often(name) for name in PYCLS])
def test_pycls(name: str, tmp_path: Path) -> None:
    text, peer = PYCLS[name]
    spec = imported_pycls(text, tmp_path)
    with torch.device("meta" if name.startswith("regnet") else "cpu"):  # torchvision's do not build without numbers
        built = peer()
    params, macs = counts(load(spec).compile())
    assert params == sum(parameter.numel() for parameter in built.parameters())
    assert macs == count_macs(built, (3, 224, 224)).macs
    check(spec)
    assert counts(load(spec).compile(Request(phi="2")))[1] > macs
    assert all(len(line) <= 120 for line in spec.read_text(encoding="utf-8").splitlines()), spec


@pytest.mark.parametrize(
    "name", [*(pytest.param(name, marks=pytest.mark.slow) for name in ("X_50", "EN_B0")), "R_18", "RegNetY_400MF"]
)
def test_pycls_numerically(name: str, tmp_path: Path) -> None:
    text, peer = PYCLS[name]
    target, source = module(load(imported_pycls(text, tmp_path, "--resolution", "64")).compile()), peer()
    assert observed(source, target, ported(source, target, 64), 64).worst <= 1e-12


def test_pycls_stages_drop_alike(tmp_path: Path) -> None:
    """pycls' DC_RATIO is the same for every layer; expansions and squeezes are cut off to whole channels."""
    text = EN_B0.replace("STEM_W", "DC_RATIO: 0.2\n  SE_R: 0.3\n  STEM_W").replace(
        "EXP_RATIOS: [1, 6", "EXP_RATIOS: [1, 2.3"
    )
    spec = imported_pycls(text, tmp_path)
    source = emit(load(spec).compile())
    assert "DropPath" in source and "self.drop_path = 0.2" not in source
    net = module(load(spec).compile())
    assert {each.drop for each in net.modules() if type(each).__name__ == "DropPath"} == {0.2}
    shapes = [tuple(each.weight.shape[:2]) for each in net.modules() if isinstance(each, nn.Conv2d)]
    assert (int(16 * 2.3), 16) in shapes and (int(24 * 0.3), 24 * 6) in shapes


def test_pycls_other_blocks(tmp_path: Path) -> None:
    vanilla = BASIC.replace("res_basic_block", "vanilla_block").replace("res_stem_in", "res_stem_cifar")
    assert "block Vanilla" in imported_pycls(vanilla, tmp_path).read_text(encoding="utf-8")
    (tmp_path / "net.scl").unlink()
    linear = RESNEXT_50.replace("ANYNET:", "ANYNET:\n  BLOCK_TYPE: res_bottleneck_linear_block\n  HEAD_W: 512")
    text = imported_pycls(linear, tmp_path).read_text(encoding="utf-8")
    assert "residual if stride == 1 and C == K" in text and "=512" in text
    (tmp_path / "net.scl").unlink()
    cifar = "MODEL: {TYPE: resnet, DEPTH: 20}\nTRAIN: {DATASET: cifar10, IM_SIZE: 32}\n"
    assert counts(load(imported_pycls(cifar, tmp_path)).compile())[0] == 272_474  # ResNet-20 with projections


def told(capsys: pytest.CaptureFixture[str], folder: Path, name: str, text: str | bytes, *words: str) -> str:
    """Import what is wrong; give what the user is told. Nothing is written."""
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    assert main(["import", str(file), "-o", str(folder / "out.scl"), *words]) == 1
    said = capsys.readouterr()
    assert not said.out and not (folder / "out.scl").exists()
    return said.err.replace(f"{folder}{os.sep}", "")


def test_a_typo_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """timm deletes the squeeze here, and says nothing."""
    text = """[
    ["ds_r1_k3_s1_c16_se0.25"],
    ["ir_r2_k3_s2_e6_c24_sr0.25"],
]
"""
    assert told(capsys, tmp_path, "b0.json", text) == """\
error[E103]: `ir` has no `sr0.25`
 --> b0.json:3:26
  |
3 |     ["ir_r2_k3_s2_e6_c24_sr0.25"],
  |                          ^^^^^^ timm ignores this
  = help: did you mean `se0.25`?
"""


WRONG = [
    ("[['mbconv_r1_k3_s1_c16']]", "E102", "mbconv", "timm's blocks are"),
    ("[['irr_r1_k3_s1_e1_c16']]", "E102", "irr", "did you mean `ir`?"),
    ("[['mqa_r1_k3_h4_s1_d64_c160']]", "E102", "mqa", "attention"),
    ("[['ir_r2_k3_s2_e6_se0.25']]", "E105", "ir_r2_k3_s2_e6_se0.25", "number of channels"),
    ("[['ir_r2_k3_s2_e6_i16_c24']]", "E103", "i16", "the block before"),
    ("[['ir_r2_k3_s2_e6_c24_noskp']]", "E204", "noskp", "did you mean `noskip`?"),
    ("[['ir_r2_k3_s2_e6_c24_nxx']]", "E204", "nxx", "one of nre"),
    ("[['ir_r2_k3_s2_e6_c24_x9']]", "E103", "x9", "`ir` takes"),
    ("[['ir_r2_k3_s2_e6_c24_cc4']]", "E103", "cc4", "convolution"),
    ("[['ds_r1_k3_s1_c16_d1']]", "E103", "d1", "space to depth"),
    ("[['ir_r2_k3_k5_s2_e6_c24']]", "E104", "k5", "stands twice"),
    ("[['ir_r0_k3_s2_e6_c24']]", "E204", "r0", "cannot be 0"),
    ("[['ir_r1_k4_s2_e6_c24']]", "E204", "k4", "odd"),
    ("[['ir_r1_k3_s3_e6_c24']]", "E204", "s3", "strides of 1 and 2"),
    ("[['ir_r1_k3_s22_e6_c24']]", "E204", "s22", "strides of 1 and 2"),
    ("[['ir_r1_k3_s1_e6_c24.5']]", "E204", "c24.5", "no number of channels"),
    ("[['ds_r1_k3_s1_e6_c24']]", "E204", "e6", "no expansion"),
    ("[['ir_r1_k3_s1_e0_c24']]", "E204", "e0", "cannot be 0"),
    ("[['ir_r1_k3_s1_e1_c24_se2']]", "E204", "se2", "from 0 to 1"),
    ("[['ir_r1_k3_s1_e1_c24_a3']]", "E204", "a3", "a1.1"),
    ("[['er_r1_k3.5_s1_e1_c24']]", "E204", "k3.5", "depthwise"),
    ("[['uir_r1_a3.5_k3_s1_e1_c24']]", "E204", "a3.5", "one kernel"),
    ("[['uir_r1_a0_k0_s2_e1_c24']]", "E204", "s2", "no depthwise"),
    ("[['ir_r1_k3_s1_e1_c24', 'ir_r1_k3_s2_e1_c24']]", "E204", "s2", "begin a new stage"),
    ("[['er_r1_k3_s1_e4_c24_gs7']]", "E304", "gs7", "do not divide"),
    ("[['ir_r1_k3_s1_e1_c16_se0.01']]", "E305", "se0.01", "no channel"),
    ("[['ir_r1_k3_s1_e1_c24' 'ir_r1_k3_s1_e1_c24']]", "E001", "'ir_r1_k3_s1_e1_c24'", "expected `,` or `]`"),
    ("[['ir_r1_k3_s1_e1_c24']", "E001", "", "the file ends here"),
    ("['ir_r1_k3_s1_e1_c24']", "E001", "'ir_r1_k3_s1_e1_c24'", "a stage is a list"),
    ("[[['ir_r1_k3_s1_e1_c24']]]", "E001", "[", "a stage holds strings"),
    ("__import__('os').system('true')", "E001", "_", "strings in lists"),
    ("[['ir_r1_k3_s1_e1_c24'], f()]", "E001", "f", "strings in lists"),
    ("[[]]", "E109", "[]", "no blocks"),
    ("[]", "E001", "", "from one to"),
    ("", "E001", "", "the file ends here"),
    ("[" * 100_000, "E001", "[", "a stage holds strings"),
    (b"\xff", "E003", "", "UTF-8"),
]


@pytest.mark.parametrize(("text", "code", "at", "said"), WRONG)
def test_wrong_definitions(
    text: str | bytes, code: str, at: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One error, at the right place, in words that help."""
    message = told(capsys, tmp_path, "wrong.txt", text)
    assert message.startswith(f"error[{code}]: ") and said in message, message
    assert len(re.findall(r"^error", message, re.MULTILINE)) == 1, message
    if at:
        column = int(re.search(r"wrong\.txt:1:(\d+)", message)[1])  # type: ignore[index]
        marked = message.splitlines()[4].count("^")
        assert isinstance(text, str)
        assert text[column - 1 :][:marked] in (at, at[1:]) or (len(text) > 1000 and marked == 1), message


WRONG_YAML = [
    (EN_B0.replace("EXP_RATIOS", "EXP_RATIO"), "E103", "did you mean `EXP_RATIOS`?"),
    (EN_B0.replace("DEPTHS: [1, 2, ", "DEPTHS: ["), "E106", "pycls drops the rest"),
    (EN_B0.replace("KERNELS: [3, 3", "KERNELS: [3, 4"), "E204", "odd"),
    (EN_B0.replace("EN:", "ENN:"), "E103", "`ENN`"),
    (EN_B0.replace("effnet", "effnett"), "E204", "did you mean `effnet`?"),
    (EN_B0.replace("silu", "gelu"), "E204", "relu, silu, swish"),
    (EN_B0.replace("  HEAD_W: 1280", "  HEAD_W: big"), "E204", "a number of at least 1"),
    (EN_B0 + "EN: {}\n", "E104", "stands twice"),
    (EN_B0.replace("  WIDTHS: [16, 24, 40, 80, 112, 192, 320]\n", ""), "E105", "needs `WIDTHS`"),
    (EN_B0.replace("WIDTHS: [16", "WIDTHS: [[16]"), "E204", "a value or a list"),
    (EN_B0.replace("WIDTHS: [16", "WIDTHS: [16.5"), "E204", "whole"),
    ("MODEL: {TYPE: regnet}\nREGNET: {W0: 33}\n", "E204", "a multiple of 8"),
    ("MODEL: {TYPE: regnet}\nREGNET: {WM: 1.0}\n", "E204", "more than 1"),
    ("MODEL: {TYPE: resnet, DEPTH: 51}\n", "E204", "50, 101 or 152"),
    ("MODEL: {NUM_CLASSES: 1000}\n", "E105", "needs `TYPE`"),
    ("a: [\n", "E001", "no YAML"),
    ("- 1\n", "E001", "sections"),
    ("", "E109", "empty"),
    ("MODEL: !!python/object/apply:os.system ['true']\n", "E001", "settings of `MODEL`"),
    ("[" * 50_000, "E001", "no YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "said"), WRONG_YAML)
def test_wrong_configurations(
    text: str, code: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = told(capsys, tmp_path, "wrong.yaml", text)
    assert f"error[{code}]: " in message and said in message, message


def test_python_and_json_are_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With comments, tuples and a name in front: what one copies out of timm's source."""
    one, two = tmp_path / "a.txt", tmp_path / "b" / "a.txt"
    two.parent.mkdir()
    one.write_text(json.dumps([["ds_r1_k3_s1_e1_c16"], ["ir_r2_k3_s2_e6_c24_se0.25"]]), encoding="utf-8")
    two.write_text(
        "arch_def = [  # timm\n ('ds_r1_k3_s1_e1_c16',),\n ['ir_r2_k3_s2_e6_c24_se0.25'],  # 112\n]", encoding="utf-8"
    )
    said = []
    for file in (one, two):
        assert main(["import", str(file), "-o", "-"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


def test_a_file_that_is_there_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = imported_pycls(EN_B0, tmp_path)
    text = spec.read_bytes()
    words = ["import", str(tmp_path / "net.yaml"), "-o", str(spec)]
    assert main(words) == 0  # the same again
    spec.write_bytes(text + b"# mine\n")
    assert main(words) == 3
    assert "--force" in capsys.readouterr().err and spec.read_bytes().endswith(b"# mine\n")
    assert main([*words, "--force"]) == 0 and spec.read_bytes() == text
    assert main([*words, "--stem", "32"]) == 2
    assert main(["import", str(tmp_path / "none.txt")]) == 3


def test_pycls_without_yaml_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    for name in ("yaml", "config", "pycls"):
        monkeypatch.delitem(sys.modules, f"scalec.importer.{name}", raising=False)
    (tmp_path / "net.yaml").write_text(EN_B0, encoding="utf-8")
    assert main(["import", str(tmp_path / "net.yaml")]) == 2
    assert "pip install 'scalec[import]'" in capsys.readouterr().err
