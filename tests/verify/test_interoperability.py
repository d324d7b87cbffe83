"""What others make of an emitted file as it is: ONNX, AOTInductor, safetensors, DDP, FSDP2, torchao."""

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from nets import compiled, module
from scalec.verify.tensors import noise, randomise

pytestmark = pytest.mark.slow
SIDE = 64


@cache
def made() -> nn.Module:
    network = module(compiled("efficientnet", "B0"))
    randomise(network.double(), 0, noise((16, 3, SIDE, SIDE), 0))
    return network.float().eval()


def b0() -> nn.Module:
    """Give a B0 of its own, in which every weight matters."""
    return copy.deepcopy(made())


def images(count: int) -> Tensor:
    return noise((count, 3, SIDE, SIDE), count).float()


def outputs(network: Any, x: Tensor) -> Tensor:
    with torch.no_grad():
        y: Tensor = network(x)
    return y


def close(given: Tensor, wanted: Tensor, tolerance: float) -> None:
    """See that two outputs are equal but for rounding, and that this says something."""
    assert (wanted[0] - wanted[-1]).abs().max() > 0.01 * wanted.abs().max() or len(wanted) == 1
    assert (given - wanted).abs().max() <= tolerance * wanted.abs().max()


def exported(network: nn.Module) -> Any:
    return torch.export.export(network, (images(2),), dynamic_shapes=({0: torch.export.Dim("batch", max=64)},))


def test_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    runtime, network = pytest.importorskip("onnxruntime"), b0()
    path = tmp_path / "b0.onnx"
    batch = torch.export.Dim("batch", max=64)
    torch.onnx.export(network, (images(2),), path, dynamo=True, dynamic_shapes=({0: batch},), verbose=False)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    assert entry.shape[1:] == [3, SIDE, SIDE] and not isinstance(entry.shape[0], int)
    for count in (1, 3):
        (given,) = session.run(None, {entry.name: images(count).numpy()})
        close(torch.from_numpy(given), outputs(network, images(count)), 1e-4)


def test_aot_inductor(tmp_path: Path) -> None:
    network = b0()
    path = torch._inductor.aoti_compile_and_package(exported(network), package_path=str(tmp_path / "b0.pt2"))
    package = torch._inductor.aoti_load_package(path)
    for count in (2, 3):
        close(outputs(package, images(count)), outputs(network, images(count)), 1e-4)


def test_exported_programs_are_kept(tmp_path: Path) -> None:
    network, path = b0(), tmp_path / "b0.pt2"
    torch.export.save(exported(network), path)
    close(outputs(torch.export.load(path).module(), images(3)), outputs(network, images(3)), 1e-6)


def test_safetensors(tmp_path: Path) -> None:
    """`save_model` refuses weights that share memory: there are none."""
    safetensors = pytest.importorskip("safetensors.torch")
    network, path = b0(), tmp_path / "b0.safetensors"
    safetensors.save_model(network, str(path))
    other = module(compiled("efficientnet", "B0")).eval()
    assert safetensors.load_model(other, str(path)) == (set(), [])
    assert torch.equal(outputs(other, images(2)), outputs(network, images(2)))


@pytest.fixture
def world() -> Iterator[None]:
    """A world of one process."""
    dist.init_process_group("gloo", store=torch._C._distributed_c10d.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def gradients(network: nn.Module) -> list[Tensor]:
    """Train for a moment, dropout and all, by the same random numbers each time."""
    torch.manual_seed(0)
    network.train()(images(4)).square().mean().backward()
    found: list[Any] = [parameter.grad for parameter in network.parameters()]
    return [each.full_tensor() if hasattr(each, "full_tensor") else each for each in found]


def same_training(network: nn.Module, wrapped: nn.Module) -> None:
    for given, wanted in zip(gradients(wrapped), gradients(network), strict=True):
        assert (given - wanted).abs().max() <= 1e-5 * wanted.abs().max() + 1e-7


def test_ddp(world: None) -> None:
    network = b0()
    wrapped = nn.parallel.DistributedDataParallel(b0())
    close(outputs(wrapped.eval(), images(2)), outputs(network, images(2)), 1e-6)
    same_training(network, wrapped)


def test_fsdp2(world: None) -> None:
    """Each stage is a unit of its own: they are attributes of the network."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    network, wrapped = b0(), b0()
    mesh = init_device_mesh("cpu", (1,))
    for stage in wrapped.children():
        if list(stage.parameters()):
            fully_shard(stage, mesh=mesh)
    fully_shard(wrapped, mesh=mesh)
    assert isinstance(wrapped, FSDPModule) and isinstance(wrapped.get_submodule("stage5"), FSDPModule)
    close(outputs(wrapped, images(2)), outputs(network, images(2)), 1e-6)
    same_training(network, wrapped)


def test_torchao() -> None:
    quantization = pytest.importorskip("torchao.quantization")
    network, quantised = b0(), b0()
    quantization.quantize_(quantised, quantization.Int8WeightOnlyConfig())
    weight = quantised.get_submodule("classifier").weight
    assert type(weight) is not nn.Parameter and weight.shape == (1000, 1280)
    close(outputs(quantised, images(2)), outputs(network, images(2)), 0.02)
    assert not torch.equal(outputs(quantised, images(2)), outputs(network, images(2)))
