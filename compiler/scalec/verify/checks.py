"""The checks of an emitted file, one function for each property. A check returns its result or raises `Wrong`."""

import itertools
import math
from collections.abc import Callable, Iterator
from functools import cached_property

import torch
from torch import Tensor, nn

from scalec.emit.head import Expected
from scalec.record import record
from scalec.verify.compare import Comparison, VacuousComparison, assert_can_fail, observed, relative
from scalec.verify.count import count_macs
from scalec.verify.loading import as_file, load, network_class
from scalec.verify.tensors import disable_drop, even_out, joined, named_tensors, noise, randomise, training

CLOSE = 1e-9
"""Relative, in float64: what the order of additions may change."""
_DROPS = ("p", "drop", "drop_prob")


class Wrong(Exception):
    """A file is not what it should be."""


@record
class Subject:
    """A file under examination: its text, how its network is made, and what that should be."""

    text: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    expected: Expected
    fold: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None
    """What a file for inference does with the weights of the training file."""

    @cached_property
    def size(self) -> tuple[int, ...]:
        """The smallest image, of whole multiples of 32, that the network takes; the numbers need no larger one."""
        for side in (64, 96, 128):
            if len(self.shape) == 3 and side < min(self.shape[1:]):
                try:
                    with torch.device("meta"):
                        self.make().eval()(torch.empty(2, self.shape[0], side, side))
                    return (self.shape[0], side, side)
                except (RuntimeError, ValueError):
                    continue
        return self.shape

    def alive(self) -> nn.Module:
        """Make the network in float64, without dropout, with values that let every tensor matter."""
        network, images = self.make().double(), noise((16, *self.size), 0)
        disable_drop(network)
        randomise(network, 0, images)
        if self.expected.inference:
            even_out(network, images)
        return network

    def as_made(self) -> nn.Module:
        """Make the network as it is used: in float32, with dropout, and with values that let every tensor matter."""
        network = self.make()
        network.load_state_dict(self.alive().state_dict())
        return network.eval()


def text(subject: Subject) -> str:
    """Compare the file with what scalec writes today."""
    if subject.text != subject.expected.text:
        raise Wrong("not what scalec writes: `scalec compile --diff` shows the difference")
    return "what scalec writes"


def parameters(subject: Subject) -> str:
    """Count trainable parameters; all of them are trained."""
    network = subject.make()
    frozen = [name for name, parameter in network.named_parameters() if not parameter.requires_grad]
    if frozen:
        raise Wrong(f"not trained: {_listed(frozen)}")
    return _equal(sum(parameter.numel() for parameter in network.parameters()), subject.expected.params)


def multiply_adds(subject: Subject) -> str:
    """Count on the operations that PyTorch runs."""
    counted = count_macs(subject.make(), subject.shape)
    said = _equal(counted.macs, subject.expected.macs)
    if subject.expected.activations not in (None, counted.activations):
        raise Wrong(f"{said}, but {counted.activations:,} activations instead of {subject.expected.activations:,}")
    return said


def shapes(subject: Subject) -> str:
    """Compare what each stage gives."""
    with torch.device("meta"):
        network = subject.make().eval()
        found: dict[str, tuple[int, ...]] = {}
        for name, child in network.named_children():
            child.register_forward_hook(lambda _, __, y, name=name: found.update({name: tuple(y.shape[1:])}))
        network(torch.empty(1, *subject.shape))
    compared = [name for name in subject.expected.outputs if name in found]
    for name in compared:
        wanted, given = subject.expected.outputs[name], found[name]
        if wanted not in (given, (*given, 1, 1)):  # a pooled map is a vector already
            raise Wrong(f"{name} gives {given} instead of {wanted}")
    return f"of {len(compared)} stages, as predicted"


def meaning(subject: Subject) -> str:
    """Compare with the spec's own network, written out flat: outputs, gradients, statistics, rates of dropout."""
    own, reference = subject.make(), _flat(subject)
    for given, wanted in itertools.zip_longest(_rates(own), _rates(reference), fillvalue=math.nan):
        if not math.isclose(given, wanted, rel_tol=CLOSE):
            raise Wrong(f"a rate of dropout or stochastic depth is {given} instead of {wanted}")
    own = subject.alive()
    names = _with_values_of(own, reference)
    return close(observed(reference, own, names, subject.size))


def folded(subject: Subject) -> str:
    """Compare a file for inference with the training file, which is compared with the spec: same weights, outputs."""
    training = subject.expected.training
    assert training is not None and training.text is not None
    with as_file(training.text) as path:
        trained = Subject(training.text, network_class(load(path)), subject.shape, training)
    meaning(trained)
    reference, own = trained.alive().eval(), subject.make().double().eval()
    state = reference.state_dict()
    try:
        own.load_state_dict(subject.fold(state) if subject.fold else state)
    except (KeyError, RuntimeError) as error:
        said = " ".join(line.strip() for line in str(error).splitlines()[1:3]) or str(error)
        raise Wrong(f"the file does not take the weights of the training file: {said[:200]}") from None
    x = noise((2, *subject.size), 1)
    kept = x.clone()
    with torch.no_grad():
        difference = relative([(joined(reference(x)), joined(own(x)))])
    if not difference <= CLOSE:
        raise Wrong(f"with the same weights the outputs differ from the training file's by {difference:.1e}")
    if not torch.equal(x, kept):
        raise Wrong("it writes over the image that it is given")
    return f"with the same weights, the outputs of the training file, worst {difference:.0e} (float64)"


def alive(subject: Subject) -> str:
    """See whether the output depends on the input, and on each parameter and buffer."""
    network = subject.alive()
    try:
        assert_can_fail(network, noise((2, *subject.size), 1))
    except VacuousComparison as error:
        raise Wrong(str(error)) from None
    return f"the output depends on the input and on each of {len(named_tensors(network))} tensors"


def gradients(subject: Subject) -> str:
    """See whether training reaches every parameter."""
    network = subject.alive()
    joined(network.train()(noise((2, *subject.size), 2))).sum().backward()  # type: ignore[no-untyped-call]
    missing = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    broken = [
        name for name, parameter in network.named_parameters()
        if parameter.grad is not None and not parameter.grad.isfinite().all()
    ]  # fmt: skip
    if missing or broken:
        raise Wrong(f"no gradient, or none that is a number: {_listed(missing or broken)}")
    return f"reach all {len(list(network.parameters()))} parameters"


def determinism(subject: Subject) -> str:
    """See whether inference gives the same twice, with dropout in the file."""
    network, x = subject.as_made(), torch.randn(2, *subject.size)
    with torch.no_grad():
        first, second = joined(network(x)), joined(network(x))
    if not torch.equal(first, second):
        raise Wrong("the same image twice gives two outputs in eval mode")
    return "the same image gives the same output"


def one_graph(subject: Subject) -> str:
    """See whether `torch.compile` takes it whole, in both modes."""
    network, modes = subject.make(), (False,) if subject.expected.inference else (False, True)
    for mode in modes:
        torch._dynamo.reset()
        compiled = torch.compile(network, fullgraph=True, backend="eager")
        try:
            with training(network, mode=mode):
                compiled(torch.randn(2, *subject.size))
        except torch._dynamo.exc.TorchDynamoException as error:
            raise Wrong(str(error).splitlines()[0]) from None
    torch._dynamo.reset()
    return f"torch.compile(fullgraph=True) takes it, in eval{' and in training' if len(modes) > 1 else ''}"


def export(subject: Subject) -> str:
    """See whether `torch.export` takes it with any batch."""
    network, x = subject.as_made(), torch.randn(3, *subject.shape)
    batch = torch.export.Dim("batch")
    try:
        exported = torch.export.export(network, (x[:2],), dynamic_shapes=({0: batch},)).module()
    except Exception as error:  # it raises what it pleases
        raise Wrong(f"{type(error).__name__}: {str(error).splitlines()[0]}") from None
    with torch.no_grad():
        difference = relative([(joined(network(x)), joined(exported(x)))])
    if not difference <= 1e-4:
        raise Wrong("what is exported gives another output")
    return "torch.export, a batch of any size"


def _rates(network: nn.Module) -> list[float]:
    """Return the rates of all modules that drop something, in their order."""
    droppers = (child for child in network.modules() if "drop" in type(child).__name__.lower())
    return [getattr(child, next(name for name in _DROPS if hasattr(child, name))) for child in droppers]


def _flat(subject: Subject) -> nn.Module:
    assert subject.expected.flat is not None
    with as_file(subject.expected.flat) as path:
        reference: nn.Module = load(path).Flat().double()
    return reference


def _with_values_of(own: nn.Module, reference: nn.Module) -> dict[str, str]:
    """Give the reference the same values, in the order of the data in both; return the pairs of names."""
    disable_drop(reference)
    mine, theirs = own.state_dict(), reference.state_dict()
    names = {}
    for (name, value), (other, wanted) in itertools.zip_longest(mine.items(), theirs.items(), fillvalue=("", None)):
        if value is None or wanted is None or value.shape != wanted.shape or value.dtype != wanted.dtype:
            raise Wrong(f"{name or 'the file'} has {_kind(value)}, where the spec has {_kind(wanted)}")
        names[name] = other
        wanted.copy_(value)
    return names


def _kind(value: Tensor | None) -> str:
    return "nothing" if value is None else f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"


def close(found: Comparison) -> str:
    """Return the finding that two networks are equal; raise `Wrong` if they are not."""
    if not found.worst <= CLOSE:
        fields = {name.replace("_", " "): value for name, value in vars(found).items() if not value <= CLOSE}
        raise Wrong(", ".join(f"the {name} differs by {value:.1e}" for name, value in fields.items()))
    return f"outputs, gradients and statistics equal, worst {found.worst:.0e} (float64)"


def _equal(found: int, wanted: int) -> str:
    if found != wanted:
        raise Wrong(f"{found:,} instead of {wanted:,}")
    return f"{found:,}, as predicted"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def of(expected: Expected) -> Iterator[tuple[str, Callable[[Subject], str]]]:
    """Return the checks that what is known allows."""
    if expected.text is not None:
        yield "text", text
    yield "parameters", parameters
    yield "multiply-adds", multiply_adds
    yield "shapes", shapes
    if expected.flat is not None:
        yield "meaning", meaning
    if expected.training is not None:
        yield "meaning", folded
    yield "alive", alive
    if not expected.inference:
        yield "gradients", gradients
    yield "determinism", determinism
    yield "one graph", one_graph
    yield "export", export
