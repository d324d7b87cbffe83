"""The same network in another library (a peer), and its trained weights, if they are on this machine."""

import importlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scalec.diagnostics.suggest import in_words, nearest
from scalec.verify.checks import Subject, Wrong, close
from scalec.verify.compare import VacuousComparison, compare
from scalec.verify.loading import LoadError, load
from scalec.verify.port import PortError


class NoPeer(Wrong):
    """A library that is not there, or has no such model."""


def equal(subject: Subject, library: str, name: str) -> str:
    """Return both networks the same weights by the flow of data, and compare what they compute; raise `Wrong`."""
    try:
        return close(compare(build(library, name), subject.make(), subject.size))
    except (PortError, VacuousComparison) as error:
        raise Wrong(str(error).replace("\n", "; ")) from None


def build(library: str, name: str, classes: int | None = None) -> nn.Module:
    """Build a model of timm or torchvision without trained weights, of so many classes. Raises `NoPeer`."""
    module = _imported(library)
    options = {} if classes is None else {"num_classes": classes}
    model, _, tag = name.partition(".")
    _need_model(library, model, module.list_models())
    try:
        if library == "timm":
            built: nn.Module = module.create_model(name, pretrained=False, **options)
        else:
            built = module.get_model(model, weights=None, **options)
            if tag:
                _torchvision_weights(module, name)
    except (TypeError, ValueError, RuntimeError) as error:
        raise NoPeer(f"{library}:{name} cannot be built: {str(error).partition(chr(10))[0]}") from None
    return built


def built(path: Path, name: str) -> nn.Module:
    """Call a function, or a class, of a file, which is run: it gives a network. Raises `LoadError`, and `OSError`."""
    path.stat()
    try:
        network = getattr(load(path), name)()
    except Exception as error:  # the file is anybody's
        said = str(error) if isinstance(error, LoadError) else f"{type(error).__name__}: {error}"
        raise LoadError(f"{path}:{name}: {said.partition(chr(10))[0]}") from None
    if not isinstance(network, nn.Module):
        raise LoadError(f"{path}:{name} gives no network")
    return network


def trained(library: str, name: str, model: nn.Module) -> Path:
    """Find the weights that the library would download, where it keeps downloads. Raises `NoPeer`."""
    found = _timm_files(model) if library == "timm" else _torchvision_files(name)
    for path in found:
        if path.is_file():
            return path
    raise NoPeer(
        f"the weights of {library}:{name} are not on this machine, and nothing is downloaded: "
        f"give them as --from FILE --like {library}:{name}"
    )


def _imported(library: str) -> Any:
    try:
        return importlib.import_module("timm" if library == "timm" else "torchvision.models")
    except ModuleNotFoundError as error:
        if error.name == library:
            raise NoPeer(f"{library} is not installed: pip install {library}") from None
        raise NoPeer(f"{library} cannot be imported: {error}") from None
    except (ImportError, RuntimeError) as error:
        raise NoPeer(f"{library} cannot be imported: {error}") from None


def _need_model(library: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        near = nearest(name, (each for each in known if each[:1] == name[:1]))
        raise NoPeer(f"{library} has no model {name}" + (f"; did you mean {in_words(near)}?" if near else ""))


def _timm_files(model: nn.Module) -> list[Path]:
    config: Any = model.pretrained_cfg
    try:
        from huggingface_hub import try_to_load_from_cache

        names = [config.get("hf_hub_filename") or "model.safetensors", "pytorch_model.bin"]
        cached = [try_to_load_from_cache(config["hf_hub_id"], name) for name in names if config.get("hf_hub_id")]
    except ImportError:
        cached = []
    return [*(Path(path) for path in cached if isinstance(path, str)), *_downloaded(config.get("url"))]


def _torchvision_files(name: str) -> list[Path]:
    return _downloaded(_torchvision_weights(_imported("torchvision"), name).url)


def _torchvision_weights(models: Any, name: str) -> Any:
    """Return the weights of `resnet50`, its best ones, or of `resnet50.IMAGENET1K_V1`. Raises `NoPeer`."""
    model, _, tag = name.partition(".")
    weights = models.get_model_weights(model)
    known = [each.name for each in weights]
    if tag and tag not in known:
        raise NoPeer(f"torchvision:{model} has no weights {tag}; there are {', '.join(known)}")
    return weights[tag] if tag else weights.DEFAULT


def _downloaded(url: str | None) -> list[Path]:
    return [Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]] if url else []
