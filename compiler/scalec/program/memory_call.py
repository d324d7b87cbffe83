"""The options of a memory requirement: the arguments in `memory(training, batch = 64, dtype = float16)`.

The words in it (`training`, `float16`, `adamw`) have this meaning only there. Elsewhere a spec may use them as names.
"""

from collections.abc import Callable
from typing import Literal, get_args

from scalec.diagnostics.diagnostic import UNKNOWN, Label, Report
from scalec.diagnostics.suggest import in_words
from scalec.language import syntax as s
from scalec.language.did_you_mean import meant, unknown
from scalec.program.evaluate import Failure, Scope, truth, whole
from scalec.record import record

Dtype = Literal["float32", "float16", "bfloat16"]
Optimizer = Literal["adamw", "sgd", "none"]
WIDTH: dict[Dtype, int] = {"float32": 4, "float16": 2, "bfloat16": 2}
"""Bytes of a number."""
STATES: dict[Optimizer, int] = {"adamw": 2, "sgd": 1, "none": 0}
"""How many numbers an optimizer keeps for each parameter; SGD has momentum."""
MOST_SAMPLES = 1 << 20


@record
class Footprint:
    """A definition of memory. `dtype` is that of all tensors, or with `amp` of what `torch.autocast` lowers.

    `optimizer` counts in training only.
    """

    training: bool = False
    batch: int = 1
    dtype: Dtype = "float32"
    optimizer: Optimizer = "adamw"
    amp: bool = False

    @property
    def width(self) -> int:
        """Bytes of a parameter."""
        return WIDTH["float32" if self.amp else self.dtype]

    def __str__(self) -> str:
        """Put it in words."""
        precision = f"float32 with autocast to {self.dtype}" if self.amp else self.dtype
        if not self.training:
            return f"inference, batch {self.batch}, {precision}: parameters, buffers and the most that is live at once"
        parts = "parameters, buffers, gradients, "
        if self.optimizer == "none":
            return f"training, batch {self.batch}, {precision}, no optimizer: {parts}and the most that is live at once"
        state = {"adamw": "AdamW's two moments", "sgd": "SGD's momentum"}[self.optimizer]
        return (
            f"training, batch {self.batch}, {precision}, {self.optimizer}: {parts}{state} "
            "and the most that is live at once"
        )


INFERENCE = Footprint()
TRAINING = Footprint(training=True)
MODES = ("inference", "training")
_WORDS: dict[str, tuple[str, ...]] = {"dtype": get_args(Dtype), "optimizer": get_args(Optimizer)}
_NAMED = ("batch", "dtype", "optimizer", "amp")


def check_footprint(call: s.Call, check: Callable[[s.Expr], None], report: Report) -> None:
    """Check the arguments of `memory(…)`; `check` looks at those that are ordinary expressions."""
    seen: dict[str, s.Identifier] = {}
    for index, argument in enumerate(call.arguments):
        name = argument.name
        if name is None:
            _check_mode(argument, index, report)
        elif name.key not in _NAMED:
            listed = f"it takes {', '.join(f'`{each}`' for each in _NAMED)}"
            unknown(report, "E103", f"`memory` has no parameter `{name.span.text}`", name, _NAMED, listed)
        elif seen.setdefault(name.key, name) is not name:
            others = (Label(seen[name.key].span, "first here"),)
            report.error("E104", f"`{name.key}` is given twice", name.span, "a second time", others=others)
        elif name.key in _WORDS:
            _check_word(argument.value, name.key, _WORDS[name.key], report)
        else:
            check(argument.value)


def _check_mode(argument: s.Argument, index: int, report: Report) -> None:
    if index:
        help = f"`memory` takes {', '.join(f'`{each}`' for each in _NAMED)}"
        report.error("E106", "only the first argument of `memory` has no name", argument.span, "name it", help=help)
    else:
        _check_word(argument.value, "mode", MODES, report)


def _check_word(value: s.Expr, what: str, words: tuple[str, ...], report: Report) -> None:
    if _word(value) not in words:
        near = meant(value.parts[0], words) if isinstance(value, s.Name) else None
        helped = near or f"write {in_words(words)}"
        report.error("E101", f"`memory` has no {what} `{value.span.text}`", value.span, UNKNOWN, help=helped)


def _word(value: s.Expr) -> str:
    return value.parts[0].key if isinstance(value, s.Name) and len(value.parts) == 1 else ""


def footprint_of(call: s.Call, scope: Scope) -> Footprint:
    """Work out a checked `memory(…)`. Raises `Failure`."""
    given = {argument.name.key if argument.name else "mode": argument.value for argument in call.arguments}
    words = {key: _word(value) for key, value in given.items()}
    made = Footprint(
        words.get("mode") == "training",
        whole(given["batch"], scope, "the batch", most=MOST_SAMPLES) if "batch" in given else 1,
        words.get("dtype", "float32"),  # type: ignore[arg-type]  # `check` knows the words
        words.get("optimizer", "adamw"),  # type: ignore[arg-type]  # the same
        truth(given["amp"], scope) if "amp" in given else False,
    )
    if made.amp and made.dtype == "float32":
        place = given.get("dtype", given["amp"]).span
        help = "write `dtype = float16` or `dtype = bfloat16`"
        raise Failure("E203", "`amp = true` needs a dtype of 16 bits", place, "32 bits", help=help)
    if "optimizer" in given and not made.training:
        raise Failure("E203", "inference has no optimizer", given["optimizer"].span, help="write `memory(training, …)`")
    return made
