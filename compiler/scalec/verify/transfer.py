"""Copies trained weights into the emitted file's network: finds which tensor is which, and proves it."""

from collections.abc import Mapping
from contextlib import suppress

import torch
from torch import Tensor, nn

from scalec.record import record
from scalec.verify.checkpoint import need_fit, read_back, without_prefix, written
from scalec.verify.checks import CLOSE, Subject, Wrong
from scalec.verify.compare import VacuousComparison, ported, relative
from scalec.verify.port import PortError
from scalec.verify.tensors import joined, noise

_COUNTER = "num_batches_tracked"


@record
class Moved:
    """One tensor: its name in the checkpoint and in the file, and its shape in each."""

    source: str
    target: str
    source_shape: tuple[int, ...]
    shape: tuple[int, ...]


@record
class Transfer:
    """The bytes to write, what moved where, and what was seen to be equal."""

    data: bytes
    moved: tuple[Moved, ...]
    said: str


def as_named(values: Mapping[str, Tensor], subject: Subject) -> Transfer:
    """Take a checkpoint that has the file's own names. Raises `CheckpointError` and `Wrong`."""
    state = subject.make().state_dict()
    values = without_prefix(values, state)
    need_fit(values, state, "the file's network")
    tensors = {name: values.get(name, state[name]) for name in state}
    outputs = _outputs(_loaded(subject, written(tensors)), subject)
    _need_numbers(outputs)
    return Transfer(written(tensors), _table({name: name for name in tensors}, values, tensors), "loads as it is")


def by_flow(values: Mapping[str, Tensor], peer: nn.Module, whose: str, subject: Subject) -> Transfer:
    """Take a checkpoint of another network, by that network's flow of data. Raises `CheckpointError` and `Wrong`.

    Nothing is taken on trust: the two give the same outputs with random weights, which let every tensor matter, and
    what would be written gives the same outputs as the checkpoint in its own network.
    """
    values = without_prefix(values, peer.state_dict())
    need_fit(values, peer.state_dict(), whose)
    own, size = subject.make(), _common_size(peer, whose, subject)
    try:
        names = ported(peer, own, size)
    except PortError as error:
        text = str(error).replace("\n", "; ")
        raise Wrong(f"the layers of {whose} do not map to those of the file: {text}") from None
    except VacuousComparison as error:
        raise Wrong(f"nothing can be proved of {whose}: {error}") from None
    random = _difference(peer, own, subject, "random weights")
    tensors = _renamed(values, names, own.state_dict())
    data = written(tensors)
    peer.load_state_dict(_numbers(values), strict=False)  # fits: but for counters
    real = _difference(peer, _loaded(subject, data), subject, "these weights")
    image = " × ".join(map(str, subject.shape[1:])) or str(subject.shape[0])
    said = f"outputs equal at random weights ({random:.0e}) and at these ({real:.0e}), float64, {image}"
    return Transfer(data, _table(names, values, tensors), said)


def _common_size(peer: nn.Module, whose: str, subject: Subject) -> tuple[int, ...]:
    """Return the smallest image that both networks take: the file's own at the most; raise `Wrong`."""
    with torch.no_grad():
        try:
            peer.eval()(torch.zeros(1, *subject.shape))
        except Exception as error:  # the network is anybody's
            said = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            raise Wrong(f"{whose} does not take the file's images: {said}") from None
        with suppress(Exception):
            peer(torch.zeros(1, *subject.size))
            return subject.size
    return subject.shape


def classes(subject: Subject) -> int | None:
    """Count the numbers that the file's network gives for an image; none if it gives maps. Raises `Wrong`."""
    try:
        with torch.device("meta"):
            y = subject.make().eval()(torch.empty(1, *subject.shape))
    except Exception as error:  # the file is anybody's
        raise Wrong(f"the file's network does not run: {str(error).partition(chr(10))[0]}") from None
    return y.shape[1] if isinstance(y, Tensor) and y.dim() == 2 else None


def _renamed(values: Mapping[str, Tensor], names: Mapping[str, str], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the checkpoint's own numbers, bit for bit, in the file's names, shapes and order."""
    tensors = {}
    for name, own in state.items():
        source = names.get(name, "")
        if not source and name.endswith(f".{_COUNTER}"):
            beside = names[name.removesuffix(_COUNTER) + "running_mean"]
            source = beside.removesuffix("running_mean") + _COUNTER
        tensors[name] = values[source].reshape(own.shape) if source in values else own
    return tensors


def _table(names: Mapping[str, str], values: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> tuple[Moved, ...]:
    return tuple(
        Moved(names[name], name, tuple(values[names[name]].shape), tuple(tensor.shape))
        for name, tensor in tensors.items()
        if names.get(name) in values and not name.endswith(f".{_COUNTER}")
    )


def _loaded(subject: Subject, data: bytes) -> nn.Module:
    """Make the network from what would be written."""
    network = subject.make().double()
    network.load_state_dict(_numbers(read_back(data)))
    return network.eval()


def _numbers(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return numbers in float64, which holds those of every smaller type."""
    return {name: value.double() if value.is_floating_point() else value for name, value in values.items()}


def _outputs(network: nn.Module, subject: Subject) -> Tensor:
    with torch.no_grad():
        return joined(network.eval()(noise((2, *subject.shape), 3)))


def _need_numbers(outputs: Tensor) -> None:
    if not outputs.isfinite().all():
        raise Wrong("with these weights the outputs are no numbers")
    if torch.equal(outputs[0], outputs[1]):
        raise Wrong("with these weights the output is the same for any image")


def _difference(peer: nn.Module, own: nn.Module, subject: Subject, which: str) -> float:
    wanted, given = _outputs(peer, subject), _outputs(own, subject)
    _need_numbers(wanted)
    if given.shape != wanted.shape:
        raise Wrong(f"outputs of {tuple(given.shape[1:])} instead of {tuple(wanted.shape[1:])}")
    difference = relative([(wanted, given)])
    if not difference <= CLOSE:
        raise Wrong(
            f"every layer maps, but the outputs differ by {difference:.1e} at {which}: "
            "another activation, eps, padding or wiring"
        )
    return difference
