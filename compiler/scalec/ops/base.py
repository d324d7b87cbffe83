"""The base class of operators: parameters, shape rule, cost rule and PyTorch expression."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from fractions import Fraction
from math import gcd
from typing import (
    Annotated,
    Any,
    ClassVar,
    TypeVar,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from scalec.limits import MAX_WHOLE
from scalec.ops.code import Call, Code
from scalec.ops.kernel import Kernel, KernelTraits, T, Tape
from scalec.ops.shape import Shape
from scalec.record import record


class OperatorError(ValueError):
    """An operator cannot take what it is given. `parameters` are those at fault, if any, the likeliest first."""

    def __init__(self, message: str, *parameters: str) -> None:
        super().__init__(message)
        self.parameters = parameters


def undivided(groups: int, *channels: int) -> OperatorError:
    """Return the error that groups do not divide channels, with the nearest numbers that would."""
    wrong = next(count for count in channels if count % groups)
    fitting = [n for n in range(1, gcd(*channels) + 1) if not gcd(*channels) % n]
    near = [*[n for n in fitting if n < groups][-1:], *[n for n in fitting if n > groups][:1]]
    fitting_near = " or ".join(map(str, near))
    return OperatorError(f"{groups} groups do not divide {wrong} channels, {fitting_near} would", "groups")


@record
class Kind:
    """What a parameter may be: `wanted` in words, `convert` from a spec's value (raises `OperatorError`)."""

    wanted: str
    convert: Callable[[object], Any]
    is_real: bool = False


def _whole(least: int) -> Callable[[object], int]:
    def convert(value: object) -> int:
        if isinstance(value, Fraction) and value.denominator == 1 and least <= value <= MAX_WHOLE:
            return value.numerator
        raise OperatorError(f"a whole number of at least {least}")

    return convert


def _real(low: Fraction, below: Fraction) -> Callable[[object], Fraction]:
    def convert(value: object) -> Fraction:
        if isinstance(value, Fraction) and low <= value < below:
            return value
        raise OperatorError(f"a number from {low} to below {below}")

    return convert


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise OperatorError("`true` or `false`")


def _padding(value: object) -> str | int:
    if value in ("same", "symmetric"):
        return str(value)
    try:
        return _whole(0)(value)
    except OperatorError:
        raise OperatorError("`same`, `symmetric` or a whole number") from None


Whole = Annotated[int, Kind("a whole number of at least 1", _whole(1))]
Flag = Annotated[bool, Kind("`true` or `false`", _flag)]
Share = Annotated[Fraction, Kind("a number of at least 0 and below 1", _real(Fraction(0), Fraction(1)), is_real=True)]
Positive = Annotated[Fraction, Kind("a number of at least 0", _real(Fraction(0), Fraction(1 << 32)), is_real=True)]
Padding = Annotated[str | int, Kind("`same`, `symmetric` or a whole number", _padding)]


@record
class Parameter:
    """One parameter of an operator."""

    name: str
    kind: Kind
    default: object
    required: bool


@record
class Operands:
    """What a PyTorch expression is made of. `fixed` holds what the resolution alone decides (see `Operator.fixed`)."""

    c_in: Code
    c_out: Code
    is_map: bool
    parameters: Mapping[str, Code]
    fixed: Mapping[str, Code]

    def __getattr__(self, name: str) -> Code:
        """Return a parameter by its name."""
        return self.parameters[name]


@record
class Rewriting:
    """How an operator may be rewritten where it is emitted, folded or joined with others."""

    per_element: bool = False
    """Whether it works on each number by itself (or per channel), so that any rank of tensor will do."""
    in_place: bool = False
    """Whether its module can write over its input (`inplace=True`)."""
    is_linear: bool = False
    """Whether it is W x + b with the parameter `bias`: it can take up a factor and a shift of what it gives."""
    is_affine: bool = False
    """Whether in inference it is a batch norm's factor and shift for each channel."""
    only_in_training: bool = False
    """Whether in inference it gives what it is given."""
    takes_vector: bool = False
    """Whether the emitted module needs <C>: a <1, 1, C> is flattened before it."""
    to_vector: bool = False
    """Whether it makes a vector of a map, and nothing where there is one."""
    flat_forward: str | None = None
    """What `forward` says instead where only a vector is needed of a <1, 1, C>; `{}` is the input."""


@record
class Operator:
    """The base of all operators. An instance has its parameters as whole numbers, fractions, flags or words."""

    name: ClassVar[str] = ""
    """What a spec calls it: the name of its class."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """What PyTorch, Keras, TensorFlow, timm or papers call it: offered where a spec does."""
    table: ClassVar[dict[str, Parameter]] = {}
    given: ClassVar[bool] = False
    """Whether the channels that come out are given from outside (`→ K`); else `out_channels` says them."""
    strides: ClassVar[tuple[str, ...]] = ()
    """The parameters that divide height and width: 1 from the second repetition on."""
    functional: ClassVar[bool] = False
    """Whether it is an expression in `forward` (see `forward`), and no module."""
    counted_by: ClassVar[Mapping[str, tuple[int, int]]] = {}
    """What other tools count beyond multiply-adds and bias: for each element that goes in, and that comes out."""
    traits: ClassVar[KernelTraits] = KernelTraits()
    """What its kernel does."""
    rewriting: ClassVar[Rewriting] = Rewriting()
    """How it may be rewritten."""

    def kernels(self, x: Shape, y: Shape, training: bool) -> tuple[Kernel, ...]:
        """Return what runs, in order, the last one giving the output; nothing where the input itself goes on."""
        return (Kernel(y.elements, self.traits.saves, self.parameters(x, y), autocast=self.traits.autocast),)

    def run(self, tape: Tape[T], given: T, x: Shape, y: Shape) -> T:
        """Run on a tensor that has only a size: the kernels one after the other, unless there is more than one way."""
        made = given
        for kernel in self.kernels(x, y, tape.training):
            made = tape.kernel(kernel, made)
            tape.time.hold(given.storage)
        return made

    def out_channels(self, channels: Any) -> Any:
        """Return the channels that come out, for whole numbers and for `Code` alike."""
        return channels

    def output(self, x: Shape, channels: int | None) -> Shape:
        """Return the shape that comes out; `channels` is set if `given`; raise `OperatorError`."""
        return x if channels is None else x.with_channels(channels)

    def parameters(self, x: Shape, y: Shape) -> int:
        """Count trainable parameters."""
        return 0

    def buffers(self, x: Shape, y: Shape) -> int:
        """Count the elements of buffers."""
        return 0

    def tensors(self, x: Shape, y: Shape) -> dict[str, tuple[int, ...]]:
        """Return what its module has in a `state_dict`: names and shapes, parameters before buffers."""
        return {}

    def macs(self, x: Shape, y: Shape) -> int:
        """Count multiply-adds of convolutions and linear layers, for a batch of one: the paper's FLOPS."""
        return 0

    def activations(self, x: Shape, y: Shape) -> int:
        """Count activations as pycls does: what convolutions, linear layers and windowed pools put out."""
        return 0

    def window(self) -> tuple[int, int]:
        """Return how many rows of its input one of its outputs sees, and by how many rows two outputs are apart."""
        return 1, 1

    def counted(self, convention: str, x: Shape, y: Shape) -> int:
        """Count what a tool reports as its FLOPs or MACs (see `scalec.conventions`), its own blind spots included."""
        bias = y.elements if getattr(self, "bias", False) and convention in ("pycls", "ptflops") else 0
        per_input, per_output = self.counted_by.get(convention, (0, 0))
        return self.macs(x, y) + bias + per_input * x.elements + per_output * y.elements

    def fixed(self, x: Shape) -> dict[str, Code]:
        """Return what the resolution alone decides, as arguments of the emitted class; nothing in most cases."""
        return {}

    def helper(self, fixed: Mapping[str, Code]) -> str | None:
        """Name the helper class that the expression uses: a template in `templates/helpers/`."""
        return None

    def module(self, a: Operands) -> Call:
        """Return the `nn.Module` to construct."""
        raise NotImplementedError

    def forward(self, x: str) -> str:
        """Return the expression in `forward`, if it is `functional`."""
        raise NotImplementedError


Made = TypeVar("Made", bound=Operator)

OPERATORS: dict[str, type[Operator]] = {}
ALIASES: dict[str, str] = {}
"""The operator of each name that others use, in small letters."""


def plain(name: str) -> str:
    """Return a name in small letters and without underscores: `h_swish` is `hswish`."""
    return name.lower().replace("_", "")


@dataclass_transform(frozen_default=True)
def operator(cls: type[Made]) -> type[Made]:
    """Make a class an operator of the language, under its own name."""
    made = record(cls)
    hints = get_type_hints(made, include_extras=True)
    made.table = {}
    for field in fields(made):
        hint = hints[field.name]
        kind = next(k for part in (hint, *get_args(hint)) if get_origin(part) is Annotated for k in get_args(part)[1:])
        made.table[field.name] = Parameter(field.name, kind, field.default, field.default is MISSING)
    made.name = made.__name__
    OPERATORS[made.name] = made
    ALIASES.update((plain(alias), made.name) for alias in vars(made).get("aliases", ()))
    return made
