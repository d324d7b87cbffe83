"""Reads and writes checkpoints that contain only tensors with names. No code in a checkpoint is ever run."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import SimpleNamespace
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save
from torch import Tensor

_CODE = re.compile(r"[Uu]nsupported (?:global: )?GLOBAL ([\w.]+)")
"""How PyTorch says what a pickle would have called."""
_PLAIN: list[Any] = [
    (SimpleNamespace, "argparse.Namespace"),
    (PurePosixPath, "pathlib.PosixPath"),
    (PureWindowsPath, "pathlib.WindowsPath"),
]
"""What training scripts save beside the weights, such as their options, and the classes that are built instead."""
_TORCH = (b"PK\x03\x04", b"\x80")
"""How a file of torch.save begins: a zip archive, or, before PyTorch 1.6, a pickle."""


class CheckpointError(Exception):
    """A file that is no checkpoint, or one that does not fit its network."""


def read(path: Path, entry: str | None = None) -> dict[str, Tensor]:
    """Read the tensors of a file of safetensors or torch.save. Raises `CheckpointError`, and `OSError`."""
    with path.open("rb") as file:
        start = file.read(9)
    if start[8:] != b"{" and not start.startswith(_TORCH):
        raise CheckpointError("not a checkpoint: neither safetensors nor what torch.save writes")
    return _tensors(_safe(path) if start[8:] == b"{" else _unpickled(path), entry)


def without_prefix(values: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a checkpoint under the names of a network, where all of its names are these behind one prefix.

    Training scripts wrap networks: `module.` of DistributedDataParallel, `_orig_mod.` of torch.compile, `model.` of
    Lightning, `backbone.` of a detector. A prefix that the network's own names have too is none.
    """
    own = {name.partition(".")[0] for name in state}
    names, prefix = list(values), ""
    while names and "." in names[0] and (first := names[0].partition(".")[0]) not in own:
        if not all(name.startswith(f"{first}.") for name in names):
            break
        names, prefix = [name.removeprefix(f"{first}.") for name in names], f"{prefix}{first}."
    return {name.removeprefix(prefix): tensor for name, tensor in values.items()}


def written(tensors: Mapping[str, Tensor]) -> bytes:
    """Return a file of safetensors; the same tensors give the same bytes (more than one line of metadata would not)."""
    own = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    return save(own, {"format": "pt"})  # which takes no tensors that share memory


def read_back(data: bytes) -> dict[str, Tensor]:
    """Return the tensors of what `written` has made."""
    return load_safetensors(data)


def need_fit(values: Mapping[str, Tensor], state: Mapping[str, Tensor], whose: str) -> None:
    """See whether a checkpoint has the names and shapes of a network. Raises `CheckpointError`.

    `num_batches_tracked` may be missing, as it is in checkpoints before PyTorch 0.4.1.
    """
    missing = [name for name in state if name not in values and not name.endswith(".num_batches_tracked")]
    if missing:
        raise CheckpointError(f"{whose} has {listed(missing)}, the checkpoint has not")
    surplus = [name for name in values if name not in state]
    if surplus:
        raise CheckpointError(f"the checkpoint has {listed(surplus)}, {whose} has not")
    for name, value in values.items():
        if value.shape != state[name].shape:
            wanted = dims(state[name].shape)
            raise CheckpointError(f"{name} is {dims(value.shape)} in the checkpoint, and {wanted} in {whose}")


def dims(shape: tuple[int, ...]) -> str:
    """Write a shape: 32 × 3 × 3 × 3."""
    return " × ".join(map(str, shape)) or "1"


def listed(names: list[str]) -> str:
    """Name the first of many."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _safe(path: Path) -> dict[str, Tensor]:
    try:
        return load_safetensors(path.read_bytes())
    except (SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(f"not a whole file of safetensors: {error}") from None


def _unpickled(path: Path) -> Any:
    """Let PyTorch read plain data alone; whatever else a pickle would do is refused before it is done."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of strange pickles: what is said of them comes below
            with torch.serialization.safe_globals(_PLAIN):
                return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # damaged files raise what they please
        code = _CODE.search(str(error))
        if code:
            raise CheckpointError(f"holds code ({code[1]}), which is not run: save its state_dict alone") from None
        raise CheckpointError("not a whole checkpoint, or one that holds more than tensors") from None


def _tensors(loaded: Any, entry: str | None) -> dict[str, Tensor]:
    """Find the tensors: all there is, or one entry of what a training script has saved."""
    if entry is None and _is_state(loaded):
        return _plain(loaded)
    inner = {str(name): value for name, value in loaded.items()} if isinstance(loaded, Mapping) else {}
    states = {name: value for name, value in inner.items() if _is_state(value)}
    if entry is not None:
        if entry not in states:
            known = f"it has {', '.join(states)}" if states else "it has none"
            raise CheckpointError(f"no entry with tensors by name is called {entry}; {known}")
        return _plain(states[entry])
    if len(states) > 1:
        raise CheckpointError(f"has tensors by name in {', '.join(states)}: say which with --entry")
    if not states:
        raise CheckpointError("holds no tensors by name: save the state_dict of a network")
    return _plain(next(iter(states.values())))


def _is_state(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in value.items()
    )  # fmt: skip


def _plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    for name, tensor in state.items():
        if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta or tensor.is_complex():
            raise CheckpointError(f"{name} is no dense tensor of plain numbers")
    return {name: tensor.detach() for name, tensor in state.items()}
