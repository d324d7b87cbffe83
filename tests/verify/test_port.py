"""`scalec port`: weights of peers into emitted files, and whatever must not get there."""

import argparse
import contextlib
import importlib
import io
import json
import os
import random
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nets import TENSORFLOW, compiled, module
from network.test_efficientnet import lite0_file, top5_is_as_recorded
from peers import import_peer, timm_model, torchvision_model
from scalec.commands.cli import main
from scalec.cost.compiled import Compiled
from scalec.emit.emit import emit
from scalec.verify.checkpoint import CheckpointError, read, written

PEERS = {
    "torchvision:efficientnet_b0": ("efficientnet", "B0", ()),
    "torchvision:mobilenet_v2": ("mobilenet_v2", "x1_0", ()),
    "torchvision:mobilenet_v3_small": ("mobilenet_v3_small", "x1_0", ()),
    "torchvision:resnet18": ("resnet", "ResNet18", ()),
    "torchvision:squeezenet1_1": ("squeezenet", "V1_1", ()),
    "torchvision:shufflenet_v2_x0_5": ("shufflenet_v2", "X0_5", ()),
    "timm:mobilenetv2_035": ("mobilenet_v2", "x0_35", ()),
    "timm:regnetx_002": ("regnet_x", "X200MF", ()),
    "timm:tinynet_e": ("tinynet", "E", ()),
    "timm:convnext_atto": ("convnext", "Atto", ()),
    "timm:seresnet18": ("resnet", "SEResNet18", ()),
    "timm:tf_mobilenetv3_small_minimal_100": (
        "mobilenet_v3_small", "Minimal", (("padding", "same"), ("momentum", "0.1")),
    ),
}  # fmt: skip


def peer(name: str, classes: int = 1000) -> nn.Module:
    library, _, model = name.partition(":")
    torch.manual_seed(0)
    make = timm_model if library == "timm" else torchvision_model
    return make(model, num_classes=classes)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_peer("torchvision")
    monkeypatch.chdir(tmp_path)


def write(net: Compiled, old: str = "", new: str = "") -> None:
    """Write the emitted file here, as `net.py`, or a mutant of it."""
    assert old in emit(net), "the mutant is not planted"
    Path("net.py").write_text(emit(net).replace(old, new, 1), encoding="utf-8")


@cache
def checkpoint_of(name: str) -> bytes:
    buffer = io.BytesIO()
    torch.save(peer(name).state_dict(), buffer)
    return buffer.getvalue()


def run(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    code = main(["port", "--to", "net.py", *options])
    said = capsys.readouterr()
    return code, said.out, said.err


def refused(capsys: pytest.CaptureFixture[str], code: int, *options: str) -> str:
    """See that a command says in one line what is wrong, and leaves nothing behind."""
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    given, out, err = run(capsys, *options)
    assert (given, out) == (code, "") and err.startswith("scalec: ") and err.count("\n") == 1, (given, out, err)
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
    return err


def outputs(network: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        y: Tensor = network.double().eval()(x)
    return y


QUICK = ("timm:mobilenetv2_035", "torchvision:squeezenet1_1", "torchvision:shufflenet_v2_x0_5")


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in PEERS])
def test_peers(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    spec, variant, changes = PEERS[name]
    net = compiled(spec, variant, changes=changes)
    write(net)
    Path("peer.pth").write_bytes(checkpoint_of(name))
    code, out, err = run(capsys, "--from", "peer.pth", "--like", name)
    assert (code, err) == (0, "") and out.splitlines()[-1].startswith("net.safetensors: ")
    theirs, ours = peer(name), module(net)
    ours.load_state_dict(load_file("net.safetensors"))
    x = torch.randn(2, *(net.network.x.channels, net.network.x.height, net.network.x.width), dtype=torch.float64)
    wanted = outputs(theirs, x)
    assert (outputs(ours, x) - wanted).abs().max() <= 1e-12 * wanted.abs().max()
    rows = [line.split() for line in out.splitlines()[1:-1]]
    counters = {key for key in ours.state_dict() if key.endswith("num_batches_tracked")}
    assert {row[1] for row in rows} == set(ours.state_dict()) - counters
    assert {row[0] for row in rows} == {key for key in theirs.state_dict() if "num_batches" not in key}


def test_the_numbers_are_the_checkpoints_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Of whatever type, and counters too; nothing else in the file depends on when or where it was written."""
    write(compiled("mobilenet_v2", "x0_35"))
    state = peer("timm:mobilenetv2_035").half().state_dict()
    state = {key: value + 7 if key.endswith("num_batches_tracked") else value for key, value in state.items()}
    save_file(state, "half.safetensors")
    for name in ("one", "two"):
        like = "timm:mobilenetv2_035"
        assert run(capsys, "--from", "half.safetensors", "--like", like, "-o", f"{name}.safetensors")[0] == 0
    assert Path("one.safetensors").read_bytes() == Path("two.safetensors").read_bytes()
    ported = load_file("one.safetensors")
    assert {value.dtype for value in ported.values()} == {torch.float16, torch.int64}
    assert torch.equal(ported["stem.conv.weight"], state["conv_stem.weight"])
    assert ported["stem.norm.num_batches_tracked"] == 7


def test_shapes_that_change_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    write(compiled("mobilenet_v3_small", "x1_0"))
    Path("peer.pth").write_bytes(checkpoint_of("torchvision:mobilenet_v3_small"))
    words = ["--from", "peer.pth", "--like", "torchvision:mobilenet_v3_small"]
    code, out, _ = run(capsys, *words, "--format", "json")
    report = json.loads(out)
    assert code == 0 and set(report) == {"from", "like", "to", "output", "said", "tensors"}
    first = {"from": "features.0.0.weight", "to": "stem.conv.weight", "shape": [16, 3, 3, 3]}
    assert report["tensors"][0] == {**first, "from_shape": [16, 3, 3, 3]}
    assert run(capsys, *words, "--quiet")[1].count("\n") == 1
    assert "outputs equal" in report["said"] and len(report["tensors"]) == 210


def test_own_names_of_a_training_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrapped by DistributedDataParallel, beside an optimiser's state, in an entry of several."""
    net = compiled("mobilenet_v2", "x0_35")
    write(net)
    torch.manual_seed(0)
    state, other = module(net).state_dict(), module(net).state_dict()
    wrapped = {f"module.{key}": value for key, value in state.items()}
    torch.save({"epoch": 3, "state_dict": wrapped, "optimizer": {"lr": 0.1}}, "run.pth")
    assert run(capsys, "--from", "run.pth")[0] == 0
    ported = load_file("net.safetensors")
    assert list(ported) != [] and all(torch.equal(ported[key], state[key]) for key in state)
    torch.save({"state_dict": wrapped, "state_dict_ema": other}, "run.pth")
    assert "has tensors by name in state_dict, state_dict_ema: say which" in refused(capsys, 1, "--from", "run.pth")
    assert "is called ema; it has state_dict, " in refused(capsys, 1, "--from", "run.pth", "--entry", "ema")
    assert run(capsys, "--from", "run.pth", "--entry", "state_dict_ema", "--force")[0] == 0
    assert torch.equal(load_file("net.safetensors")["stem.conv.weight"], other["stem.conv.weight"])
    del state["classifier.bias"]
    torch.save(state, "run.pth")
    assert "has classifier.bias, the checkpoint has not" in refused(capsys, 1, "--from", "run.pth")
    state["classifier.bias"] = torch.zeros(3)
    torch.save(state, "run.pth")
    assert "classifier.bias is 3 in the checkpoint, and 1000 in" in refused(capsys, 1, "--from", "run.pth")


def test_weights_that_share_memory(capsys: pytest.CaptureFixture[str]) -> None:
    """As in checkpoints of averaged weights, which are parts of one long vector."""
    net = compiled("mobilenet_v2", "x0_35")
    write(net)
    torch.manual_seed(0)
    state = {name: value.float() for name, value in module(net).state_dict().items()}
    parts = torch.split(torch.cat([v.flatten() for v in state.values()]), [v.numel() for v in state.values()])
    torch.save({name: part.view(state[name].shape) for name, part in zip(state, parts, strict=True)}, "averaged.pth")
    assert run(capsys, "--from", "averaged.pth")[0] == 0
    assert all(torch.equal(value, state[name]) for name, value in load_file("net.safetensors").items())


def test_a_network_that_takes_one_size_alone(capsys: pytest.CaptureFixture[str]) -> None:
    write(compiled("mobilenet_v2", "x0_35"))
    Path("own.py").write_text(OWN, encoding="utf-8")
    torch.save(peer("timm:mobilenetv2_035").state_dict(), "peer.pth")
    assert run(capsys, "--from", "peer.pth", "--like", "own.py:fixed")[0] == 0
    assert "own.py:other does not take the file's images: KeyError" in refused(
        capsys, 1, "--from", "peer.pth", "--like", "own.py:other", "-o", "other.safetensors"
    )


OWN = """
import timm
from torch import nn


def fixed():
    network = timm.create_model("mobilenetv2_035")
    network.global_pool = nn.Sequential(nn.AvgPool2d(7), nn.Flatten())
    return network


def other():
    network = fixed()
    network.forward = no
    return network


def no(x):
    raise KeyError("no")
"""


def test_other_classes(capsys: pytest.CaptureFixture[str]) -> None:
    write(compiled("mobilenet_v2", "x0_35", changes=(("classes", "10"),)))
    torch.save(peer("timm:mobilenetv2_035", classes=10).state_dict(), "ten.pth")
    assert run(capsys, "--from", "ten.pth", "--like", "timm:mobilenetv2_035")[0] == 0
    assert load_file("net.safetensors")["classifier.weight"].shape[0] == 10


MUTANTS = {
    "another activation": ("nn.ReLU6(inplace=True)", "nn.SiLU(inplace=True)", "the outputs differ by"),
    "eps": ("nn.BatchNorm2d(c_out)", "nn.BatchNorm2d(c_out, eps=0.00002)", "the outputs differ by"),
    "padding": (
        "padding=(kernel - 1) // 2,\n",
        'padding=kernel // 2, padding_mode="reflect",\n',
        "the outputs differ by",
    ),
    "another stride": (
        "expansion=6, stride=2)",
        "expansion=6)",
        "part at the target's stage3.0.depthwise.0.weight (48, 1, 3, 3) and the source's blocks.1.0.conv_dw.weight",
    ),
    "no residual": ("return y.add_(x) if", "return y if", "part at the target's stage4.0.expand.conv.weight"),
    "a layer less": ("            InvertedResidual(16, 16, expansion=6),\n", "", "part at the target's "),
    "a width that does not fit": (
        "ConvAct(112, 1280",
        "ConvAct(112, 1288",
        "the file's network does not run: a and b must",
    ),
    "no input": ("x = self.stem(x)", "x = self.stem(x * 0)", "nothing can be proved"),
    "no network": ("class ", "classes ", "net.py: SyntaxError"),
}


FAST = ("another activation", "another stride", "no input", "no network")


@pytest.mark.parametrize("name", [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in MUTANTS])
def test_a_mutated_file_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    old, new, said = MUTANTS[name]
    write(compiled("mobilenet_v2", "x0_35"), old, new)
    torch.save(peer("timm:mobilenetv2_035").state_dict(), "peer.pth")
    error = refused(capsys, 1, "--from", "peer.pth", "--like", "timm:mobilenetv2_035")
    assert said in error, error


class Boom:
    """What a pickle can do to whoever loads it."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("boom",)


def test_code_in_a_checkpoint_is_not_run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write(compiled("mobilenet_v2", "x0_35"))
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    for zipped in (True, False):
        torch.save({"state_dict": Boom()}, "evil.pth", _use_new_zipfile_serialization=zipped)
        for like in ((), ("--like", "timm:mobilenetv2_035")):
            error = refused(capsys, 1, "--from", "evil.pth", *like)
            assert "evil.pth: holds code (posix.mkdir), which is not run" in error, error
    torch.save(nn.Linear(2, 2), "whole.pth")
    assert "holds code (torch.nn.modules.linear.Linear)" in refused(capsys, 1, "--from", "whole.pth")
    assert not Path("boom").exists()


def test_files_that_are_no_checkpoints(capsys: pytest.CaptureFixture[str]) -> None:
    write(compiled("mobilenet_v2", "x0_35"))
    state = peer("timm:mobilenetv2_035").state_dict()
    torch.save(state, "good.pth")
    save_file(state, "good.safetensors")
    wrong = {
        b"": "not a checkpoint", b"# text\n": "not a checkpoint", b"PK\x03\x04": "not a whole checkpoint",
        Path("good.pth").read_bytes()[:90_000]: "not a whole checkpoint",
        Path("good.safetensors").read_bytes()[:90_000]: "not a whole file of safetensors",
        b"\x08" + b"\0" * 7 + b"{}      ": "the checkpoint has not",
    }  # fmt: skip
    for data, said in wrong.items():
        Path("wrong.pth").write_bytes(data)
        assert f"scalec: wrong.pth: {said}" in refused(capsys, 1, "--from", "wrong.pth") or "has not" in said
    for value in (3, [torch.ones(2)], {"a": 1}, {1: torch.ones(1)}, {"a": torch.ones(2).to_sparse()},
                  {"a": torch.ones(2, dtype=torch.complex64)}, {"a": torch.empty(2, device="meta")}):  # fmt: skip
        torch.save(value, "wrong.pth")
        assert "wrong.pth: " in refused(capsys, 1, "--from", "wrong.pth")
    state["bn1.weight"][0] = torch.nan
    torch.save(state, "wrong.pth")
    error = refused(capsys, 1, "--from", "wrong.pth", "--like", "timm:mobilenetv2_035")
    assert "the outputs are no numbers" in error
    assert refused(capsys, 3, "--from", "missing.pth") == "scalec: missing.pth: No such file or directory\n"
    assert "missing.py" in refused(capsys, 3, "--from", "good.pth", "--to", "missing.py")


def test_peers_that_are_not_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write(compiled("mobilenet_v2", "x0_35"))
    torch.save(peer("timm:mobilenetv2_035").state_dict(), "good.pth")
    said = {
        "timm:mobilenetv2_35": "timm has no model mobilenetv2_35; did you mean `mobilenetv2_035`?",
        "timm:hf-hub:somebody/model": "timm has no model hf-hub:somebody/model",
        "torchvision:resnet_18": "torchvision has no model resnet_18; did you mean `resnet18`?",
        "torchvision:load_state_dict_from_url": "torchvision has no model load_state_dict_from_url",
        "torchvision:resnet18.V3": "has no weights V3; there are IMAGENET1K_V1",
    }
    for name, error in said.items():
        assert error in refused(capsys, 2, "--from", name)
        assert error in refused(capsys, 2, "--from", "good.pth", "--like", name)
    Path("own.py").write_text("number = int\nlist_ = 1 / 0 if False else []\n", encoding="utf-8")
    assert "own.py:number gives no network" in refused(capsys, 1, "--from", "good.pth", "--like", "own.py:number")
    assert "own.py:other: AttributeError" in refused(capsys, 1, "--from", "good.pth", "--like", "own.py:other")
    assert "missing.py: No such" in refused(capsys, 3, "--from", "good.pth", "--like", "missing.py:build")
    assert "--like is of a checkpoint" in refused(capsys, 2, "--from", "timm:a", "--like", "timm:a")
    monkeypatch.setitem(sys.modules, "timm", None)
    assert "timm" in refused(capsys, 2, "--from", "timm:mobilenetv2_035")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for name in [name for name in sys.modules if name.startswith(("safetensors.", "scalec.verify.checkpoint"))]:
        monkeypatch.delitem(sys.modules, name)
    error = refused(capsys, 2, "--from", "good.pth")
    assert error == "scalec: port needs safetensors: pip install 'scalec[port]'\n"


@pytest.mark.slow
def test_weights_that_a_library_has_downloaded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is downloaded; what lies where torchvision and timm keep their downloads is used."""
    import huggingface_hub.constants

    monkeypatch.setenv("TORCH_HOME", "cache")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", "cache")
    write(compiled("mobilenet_v2", "x1_0"))
    for name in ("torchvision:mobilenet_v2", "torchvision:mobilenet_v2.IMAGENET1K_V1", "timm:mobilenetv2_100.ra_in1k"):
        error = refused(capsys, 2, "--from", name)
        assert f"{name} are not on this machine, and nothing is downloaded: give them as --from FILE --like" in error
    folder = Path("cache/hub/checkpoints")
    folder.mkdir(parents=True)
    Path(folder / "mobilenet_v2-b0353104.pth").write_bytes(checkpoint_of("torchvision:mobilenet_v2"))
    assert run(capsys, "--from", "torchvision:mobilenet_v2.IMAGENET1K_V1", "-o", "1.safetensors")[0] == 0
    assert "not on this machine" in refused(capsys, 2, "--from", "torchvision:mobilenet_v2")  # that is IMAGENET1K_V2
    repository = Path("cache/models--timm--mobilenetv2_100.ra_in1k")
    (repository / "snapshots" / "0").mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0", encoding="utf-8")
    save_file(peer("timm:mobilenetv2_100").state_dict(), repository / "snapshots" / "0" / "model.safetensors")
    assert run(capsys, "--from", "timm:mobilenetv2_100.ra_in1k", "-o", "2.safetensors")[0] == 0
    wanted = peer("timm:mobilenetv2_100").get_parameter("conv_stem.weight")
    assert torch.equal(load_file("2.safetensors")["stem.conv.weight"], wanted)


def test_where_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    net = compiled("mobilenet_v2", "x0_35")
    write(net)
    torch.save(module(net).state_dict(), "own.pth")
    assert "to a name that ends in .safetensors" in refused(capsys, 2, "--from", "own.pth", "-o", "net.pth")
    assert "there is no folder none" in refused(capsys, 3, "--from", "own.pth", "-o", "none/net.safetensors")
    Path("models").mkdir()
    assert run(capsys, "--from", "own.pth", "-o", "models")[0] == 0
    target = Path("models/net.safetensors")
    data, time = target.read_bytes(), target.stat().st_mtime_ns
    assert run(capsys, "--from", "own.pth", "-o", "models")[0] == 0 and target.stat().st_mtime_ns == time
    target.write_bytes(b"mine")
    assert "--force overwrites it" in refused(capsys, 3, "--from", "own.pth", "-o", "models")
    assert run(capsys, "--from", "own.pth", "-o", "models", "--force")[0] == 0 and target.read_bytes() == data
    Path("link.safetensors").symlink_to(target)
    assert "is a link" in refused(capsys, 3, "--from", "own.pth", "-o", "link.safetensors")
    os.mkfifo("pipe.safetensors")
    assert main(["port", "--to", "net.py", "--from", "own.pth", "-o", "pipe.safetensors"]) == 3
    assert not list(Path().rglob("*.scalec-tmp"))


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6.0).reshape(2, 3).t(), "b": torch.tensor(2)}
    (path := tmp_path / "x.safetensors").write_bytes(written(tensors))
    assert all(torch.equal(value, tensors[key]) for key, value in read(path).items())
    with pytest.raises(CheckpointError):
        path.write_bytes(written(tensors)[:-1])
        read(path)


THEIRS = """
from efficientnet_lite_pytorch import EfficientNet


def lite0():
    return EfficientNet.from_name("efficientnet-lite0")
"""


@pytest.mark.slow  # by default tests/network/test_efficientnet.py has them
def test_trained_weights_give_the_recorded_top5(capsys: pytest.CaptureFixture[str]) -> None:
    """EfficientNet-Lite0's real weights, in the file that their authors publish, by their authors' own network."""
    net = compiled("efficientnet_lite", "Lite0", changes=TENSORFLOW)
    write(net)
    Path("theirs.py").write_text(THEIRS, encoding="utf-8")
    code, out, _ = run(capsys, "--from", str(lite0_file()), "--like", "theirs.py:lite0")
    assert code == 0 and out.splitlines()[1].split()[:2] == ["_conv_stem.weight", "stem.conv.weight"]
    ours = module(net)
    ours.load_state_dict(load_file("net.safetensors"))
    top5_is_as_recorded(ours.double().eval())
    write(compiled("efficientnet_lite", "Lite0"))  # pads otherwise
    assert "the outputs differ" in refused(capsys, 1, "--from", str(lite0_file()), "--like", "theirs.py:lite0")


def test_damaged_files_are_said_to_be_so(tmp_path: Path) -> None:
    """Whatever bytes are in the way: tensors come out, or a `CheckpointError`."""
    generator, path = random.Random(0), tmp_path / "x"
    whole = []
    for zipped in (True, False):
        buffer = io.BytesIO()
        state = {"epoch": 1, "state_dict": {"a": torch.ones(3, 4), "b": torch.tensor(2)}}
        torch.save(state, buffer, _use_new_zipfile_serialization=zipped)
        whole.append(buffer.getvalue())
    whole.append(written({"a": torch.ones(3, 4), "b": torch.tensor(2)}))
    read_well = 0
    for number in range(600):
        data = bytearray(whole[number % 3])
        for _ in range(generator.choice((1, 1, 3))):
            data[generator.randrange(len(data))] = generator.randrange(256)
        path.write_bytes(data[: generator.choice((len(data), len(data), generator.randrange(len(data))))])
        with contextlib.suppress(CheckpointError):
            read_well += bool(read(path))
    assert 0 < read_well < 600


def test_what_training_scripts_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """timm's CheckpointSaver and torchvision's reference script save options; wrappers put a prefix first."""
    import_peer("timm")
    checkpoint_saver: Any = importlib.import_module("timm.utils").CheckpointSaver

    monkeypatch.chdir(tmp_path)
    net = compiled("mobilenet_v2", "x0_35")
    write(net)
    network = module(net)
    state = network.state_dict()
    options = argparse.Namespace(lr=0.1, model="mobilenet_v2", output_dir=Path("runs/one"))
    saver = checkpoint_saver(network, torch.optim.SGD(network.parameters(), 0.1), args=options, checkpoint_dir=".")
    saver.save_checkpoint(0, 0.5)
    (timms,) = tmp_path.glob("checkpoint-*.pth.tar")
    saved = {
        "timm": (timms, "state_dict"), "reference": (tmp_path / "reference.pth", "model"),
        "lightning": (tmp_path / "lightning.ckpt", None), "detector": (tmp_path / "detector.pth", None),
    }  # fmt: skip
    torch.save({"model": state, "optimizer": {"state": {}}, "epoch": 3, "args": options}, saved["reference"][0])
    behind = {f"model.{name}": tensor for name, tensor in state.items()}
    torch.save({"state_dict": behind, "hyper_parameters": {"lr": 0.1}, "epoch": 3}, saved["lightning"][0])
    torch.save({f"module.backbone.{name}": tensor for name, tensor in state.items()}, saved["detector"][0])
    for name, (path, entry) in saved.items():
        words = ["--entry", entry] if entry else []
        assert (
            main(["port", "--from", str(path), "--to", "net.py", "-o", f"{name}.safetensors", "--quiet", *words]) == 0
        )
        found = read(tmp_path / f"{name}.safetensors")
        assert all(torch.equal(found[key], tensor) for key, tensor in state.items()), name
