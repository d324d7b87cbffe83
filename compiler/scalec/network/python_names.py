"""The Python names for the names of a spec."""

import keyword
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_neutral: ContextVar[dict[str, str] | None] = ContextVar("neutral", default=None)


@contextmanager
def neutral_names() -> Iterator[None]:
    """Return every name of the spec a neutral one inside: what is emitted then holds no text of the spec."""
    token = _neutral.set({})
    try:
        yield
    finally:
        _neutral.reset(token)


def python_name(key: str) -> str:
    """Return the name of a spec in the emitted file: `λ` is `lambda`, which Python needs as `lambda_`."""
    names = _neutral.get()
    if names is not None:
        return names.setdefault(key, f"n{len(names)}_")  # the underscore: `n1_` with a number is no other name
    return f"{key}_" if keyword.iskeyword(key) else key


def snake_case(name: str) -> str:
    """`GlobalAvgPool` as `global_avg_pool`, `MBConv` as `mb_conv`, `ReLU6` as `relu6`."""
    out = ""
    for index, letter in enumerate(name):
        before, after = name[index - 1 : index], name[index + 1 : index + 2]
        starts_word = letter.isupper() and (before.islower() or (before.isupper() and after.islower()))
        out += ("_" if index and starts_word else "") + letter.lower()
    return out.replace("re_lu", "relu").replace("si_lu", "silu").replace("p_relu", "prelu").replace("_net", "net")
