"""The request of `scalec compile` and its options. Each option is described once, for reading and for writing.

The command line, the command in the header of an emitted file, `[[tool.scalec.generate]]` in pyproject.toml and the
names of files all use OPTIONS. A new option is a field of `Request` and a row in OPTIONS. Every start imports this
module, so it imports little.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from scalec.record import record


@record
class Request:
    """A network that is asked for, and what its file is for. Texts are as the user wrote them."""

    phi: str | None = None
    variant: str | None = None
    changes: tuple[tuple[str, str], ...] = ()
    """Names and what they are set to."""
    taps: tuple[str, ...] | None = None
    """The stages whose maps are the outputs, none of them named for the usual ones; nothing: the whole network."""
    output_stride: int | None = None
    """The most that maps may be smaller than the image: further strides become dilation."""
    inference: bool = False
    """Whether only what inference needs is there."""


Words = Mapping[str, Sequence[str]]
"""What stands behind each option, once for each time that it is given; an empty word behind a switch."""


def _last(words: Sequence[str]) -> Any:
    return words[-1]


def _text(value: str | None) -> Iterable[str]:
    return () if value is None else (value,)


def _on(words: Sequence[str]) -> Any:
    return True


def _switch(value: bool) -> Iterable[str]:
    return ("",) if value else ()


@record
class Option:
    """An option of `compile`: what people read of it, and how it is read from words and written as words.

    `read` raises `ValueError`, which says what was expected. Without a `metavar` or `choices` it is a switch.
    """

    name: str
    group: str
    """`scale`, `body` or `purpose`: commands take some of these groups."""
    help: str
    expected: str
    """What its key in pyproject.toml is, as errors say it."""
    metavar: str = ""
    choices: tuple[str, ...] = ()
    several: str = ""
    """How more than one is written, behind the help of commands that take several scales."""
    field: str = ""
    """The field of `Request`, unless that has the option's name."""
    read: Callable[[Sequence[str]], Any] = _on
    write: Callable[[Any], Iterable[str]] = _switch
    types: tuple[type, ...] = (bool,)
    """What TOML may have for it."""

    @property
    def is_switch(self) -> bool:
        """Whether nothing stands behind it."""
        return not self.metavar and not self.choices

    @property
    def key(self) -> str:
        """The field of `Request` that it is about."""
        return self.field or self.name.replace("-", "_")

    def words(self, request: Request) -> list[str]:
        """Return what stands behind the option in a command for this request; nothing: it does not stand there."""
        return list(self.write(getattr(request, self.key)))

    def from_toml(self, value: object) -> list[str] | None:
        """Return a value of pyproject.toml as words, or None if the option does not take it."""
        if not isinstance(value, self.types) or isinstance(value, bool) != (bool in self.types):
            return None
        if isinstance(value, bool):
            return [""] if value else []
        values = list(value.values()) if isinstance(value, dict) else [value]
        if not all(isinstance(each, str | int | float) and each != "" for each in values):
            return None
        words = [spelled(value)] if not isinstance(value, dict) else [f"{n}={spelled(v)}" for n, v in value.items()]
        try:
            self.read(words)
        except ValueError:
            return None
        return words


def spelled(value: object) -> str:
    """Return a value as the command line has it: a float as its shortest decimal, without an exponent."""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return str(value).lower() if isinstance(value, bool) else str(value)


def from_words(words: Words) -> Request:
    """Return the request that options stand for. Raise `ValueError` for a word that means nothing."""
    fields = {option.key: option.read(words[option.name]) for option in OPTIONS if words.get(option.name)}
    return Request(**fields)


def change(text: str) -> tuple[str, str]:
    """Return the parts of `NAME=VALUE`. Raise `ValueError` if it has another form."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise ValueError(f"expected NAME=VALUE, not {text!r}")
    return name.strip(), value.strip()


def _changes(words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple(map(change, words))


def _stages(words: Sequence[str]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in words[-1].split(","))
    if not all(names):
        raise ValueError(f"expected names of stages, as in `stage3,stage5`, not {words[-1]!r}")
    return names


def _stride(words: Sequence[str]) -> int:
    if words[-1] not in ("1", "2", "4", "8", "16", "32", "64"):
        raise ValueError(f"expected a power of two such as 8 or 16, not {words[-1]!r}")
    return int(words[-1])


_PURPOSES = ("training", "inference")


def _is_inference(words: Sequence[str]) -> bool:
    if words[-1] not in _PURPOSES:
        raise ValueError(f"expected {' or '.join(_PURPOSES)}, not {words[-1]!r}")
    return words[-1] == "inference"


OPTIONS = (
    Option(
        "phi", "scale", "the compound coefficient: 4, 0.5, -1, 1/3",
        'φ, or several, as in `phi = "1/3"` and `phi = "0..7"`', "X", several="; several: 0..7 or 0,0.5,1",
        read=_last, write=_text, types=(str, int, float),
    ),
    Option(
        "variant", "scale", "a row of `variants`", 'a row of `variants`, or several, as in `variant = "B0,B4"`', "NAME",
        several=", or several: B0,B4", read=_last, write=_text, types=(str,),
    ),
    Option(
        "set", "scale", "set a param, a let or a network parameter",
        'names and values, as in `set = { classes = 10, r = "256/224" }`', "NAME=VALUE", field="changes",
        read=_changes, write=lambda changes: ("=".join(each) for each in changes), types=(dict,),
    ),
    Option(
        "features", "body", "return feature maps, for detection and segmentation", "true or false",
        field="taps", read=lambda _: (), write=lambda taps: _switch(taps is not None),
    ),
    Option(
        "tap", "body", "with --features: return the maps of these stages",
        'names of stages, as in `tap = "stage3,stage5"`', "STAGE,…", field="taps",
        read=_stages, write=lambda taps: _text(",".join(taps or ()) or None), types=(str,),
    ),
    Option(
        "output-stride", "body", "keep maps at least 1/N of the image size: further strides become dilation",
        "a power of two, as in `output-stride = 16`", "N",
        read=_stride, write=lambda stride: () if stride is None else (str(stride),), types=(int,),
    ),
    Option(
        "for", "purpose", "inference: batch norms folded, no dropout, channels-last, tensors reused",
        'either "training" or "inference"', choices=_PURPOSES, field="inference",
        read=_is_inference, write=lambda inference: _text("inference" if inference else None), types=(str,),
    ),
)  # fmt: skip
"""In the order in which a command has them. `tap` says more of the same field than `features`, and stands behind it."""
