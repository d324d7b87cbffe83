"""The module classes that emitted files construct: their arguments, their defaults and their output sizes.

`ops` has the same facts. They are written here a second time, independently, so that a mistake in one of the two is
found.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from scalec.record import record

Dims = tuple[int, int, int]
"""Height, width and channels; a vector is <1, 1, C>."""
Values = Mapping[str, Any]


@record
class Signature:
    """A module class: its parameters with their defaults, the rank that it takes, and the size that it gives."""

    kind: str
    parameters: Mapping[str, Any]
    takes: str = "any"
    gives: Callable[[Values, Dims], Dims] = lambda values, dims: dims


@record
class Module:
    """A module that was constructed. `in_place`: it writes over its input."""

    signature: Signature
    values: Values
    detail: tuple[Any, ...]
    in_place: bool


def _windows(size: int, kernel: int, stride: int, padding: int, dilation: int = 1, ceil: bool = False) -> int:
    """Count the windows on `size` numbers with `padding` zeros in all, by PyTorch's documentation."""
    room = size + padding - dilation * (kernel - 1) - 1
    count = (-(-room // stride) if ceil else room // stride) + 1
    return count - 1 if ceil and (count - 1) * stride >= size + padding // 2 else count


def _convolved(values: Values, dims: Dims) -> Dims:
    left, right, top, bottom = values["padding"]
    window = values["kernel"], values["stride"]
    height = _windows(dims[0], *window, top + bottom, values["dilation"])
    return height, _windows(dims[1], *window, left + right, values["dilation"]), values["c_out"]


def _pooled(values: Values, dims: Dims) -> Dims:
    window = values["kernel"], values["stride"], 2 * values["padding"], 1, values["ceil_mode"]
    return _windows(dims[0], *window), _windows(dims[1], *window), dims[2]


def _blurred(values: Values, dims: Dims) -> Dims:
    window = values["kernel"], values["stride"], values["kernel"] // 2 * 2
    return _windows(dims[0], *window), _windows(dims[1], *window), dims[2]


def _unshuffled(values: Values, dims: Dims) -> Dims:
    block = values["block"]
    return dims[0] // block, dims[1] // block, dims[2] * block**2


_NEEDED = object()


def _signature(kind: str, needed: str = "", takes: str = "any", gives: Any = None, **defaults: Any) -> Signature:
    parameters = {**dict.fromkeys(needed.split(), _NEEDED), **defaults}
    return Signature(kind, parameters, takes, gives) if gives else Signature(kind, parameters, takes)


_CONV = {"stride": 1, "dilation": 1, "groups": 1, "bias": True}
_EPS = Fraction(1, 100_000)
_NORM = {"eps": _EPS, "momentum": Fraction(1, 10)}
_ACTIVATIONS: dict[str, dict[str, Any]] = {
    "ReLU": {}, "ReLU6": {}, "LeakyReLU": {"negative_slope": Fraction(1, 100)}, "ELU": {"alpha": 1},
    "CELU": {"alpha": 1}, "SELU": {}, "SiLU": {}, "Hardswish": {}, "Mish": {}, "Hardsigmoid": {},
    "Hardtanh": {"min_val": -1, "max_val": 1},
}  # fmt: skip
SIGNATURES = {
    "nn.Conv2d": _signature("Conv2d", "c_in c_out kernel", "map", _convolved, padding=0, **_CONV),
    "PaddedConv2d": _signature("Conv2d", "c_in c_out kernel", "map", _convolved, padding=None, **_CONV),
    "nn.Linear": _signature("Linear", "c_in c_out", "vector", lambda values, _: (1, 1, values["c_out"]), bias=True),
    "nn.BatchNorm2d": _signature("BatchNorm", "channels", "map", **_NORM),
    "nn.BatchNorm1d": _signature("BatchNorm", "channels", "vector", **_NORM),
    "LayerNorm2d": _signature("LayerNorm", "channels", "map", eps=_EPS),
    "nn.LayerNorm": _signature("LayerNorm", "channels", "vector", eps=_EPS),
    "nn.GroupNorm": _signature("GroupNorm", "groups channels", eps=_EPS),
    "GlobalResponseNorm": _signature("GlobalResponseNorm", "channels", "map", eps=_EPS / 10),
    "nn.MaxPool2d": _signature("MaxPool2d", "kernel", "map", _pooled, stride=None, padding=0, ceil_mode=False),
    "nn.AvgPool2d": _signature(
        "AvgPool2d", "kernel", "map", _pooled, stride=None, padding=0, ceil_mode=False, count_include_pad=True
    ),
    "nn.AdaptiveAvgPool2d": _signature(
        "AdaptiveAvgPool2d", "size", "map", lambda values, dims: (values["size"], values["size"], dims[2])
    ),
    "BlurPool": _signature("BlurPool", "channels", "map", _blurred, kernel=3, stride=2),
    "nn.PixelUnshuffle": _signature("PixelUnshuffle", "block", "map", _unshuffled),
    "nn.ChannelShuffle": _signature("ChannelShuffle", "groups", "map"),
    "nn.Dropout": _signature("Dropout", p=Fraction(1, 2)),
    "DropPath": _signature("DropPath", "drop", "map"),
    "LayerScale": _signature("LayerScale", "channels initial", "map"),
    "nn.PReLU": _signature("PReLU", num_parameters=1, init=Fraction(1, 4)),
    "nn.Softplus": _signature("Softplus", beta=1),
    **{f"nn.{name}": _signature(name) for name in ("GELU", "Sigmoid", "Tanh", "Identity")},
    **{f"nn.{name}": _signature(name, **own, inplace=False) for name, own in _ACTIVATIONS.items()},
}
"""The module classes that emitted files construct, with PyTorch's own defaults."""


class Misfit(ValueError):
    """A module is constructed, or given what, it cannot take."""


def construct(name: str, positional: Sequence[Any], keywords: Mapping[str, Any]) -> Module:
    """Construct a module. Raises `Misfit` for arguments that it does not have."""
    if name not in SIGNATURES:
        raise Misfit(f"{name} has no row in emit/torch_modules.py: the walk does not know what it gives")
    signature = SIGNATURES[name]
    values = dict(signature.parameters)
    if len(positional) > len(values) or not keywords.keys() <= values.keys():
        raise Misfit(f"{name} has no such argument")
    values.update(zip(values, positional, strict=False))
    values.update(keywords)
    if _NEEDED in values.values():
        raise Misfit(f"{name} is not given all that it needs")
    in_place = bool(values.pop("inplace", False))
    if signature.gives is _convolved and not isinstance(values["padding"], tuple):
        side = values["padding"]
        values["padding"] = (values["dilation"] * (values["kernel"] - 1) // 2 if side is None else side,) * 4
    if signature.gives is _pooled and values["stride"] is None:
        values["stride"] = values["kernel"]
    return Module(signature, values, tuple(map(_rounded, values.values())), in_place)


def _rounded(value: Any) -> Any:
    """Take a real number to twelve digits: what the file writes of a root is not exact."""
    return float(f"{float(value):.12g}") if type(value) is Fraction and value.denominator != 1 else value
