"""Which names a spec may define, and what they are called in the emitted file."""

import builtins
import keyword
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LAYER_NAMES = ("layer", "layers")
WRAPPERS = ("residual", "gate", "sum", "concat", "split")

# What every nn.Module has (torch 2.4 to 2.13): a label of that name would hide it.
MODULE_NAMES = frozenset(
    """T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches
    eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict
    modules mtia named_buffers named_children named_modules named_parameters parameters register_backward_hook
    register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook
    register_module register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu zero_grad""".split()
)

# What the emitted file itself uses at its top level, or as the names of arguments and variables.
_FILE_NAMES = frozenset("torch nn F Tensor INPUT_SHAPE FEATURE_INFO PaddedConv2d LayerNorm2d OrderedDict".split())
_LOCAL_NAMES = frozenset("self x y c_in c_out channels torch nn F Tensor super bool int float tuple type".split())


def refusal(key: str, kind: str) -> str | None:
    """Say why a name (in its ASCII spelling) cannot be defined; `kind` is label, block,
    network, parameter, variant or value."""
    if "__" in key or key.startswith("_"):
        return "begins with `_` or holds `__`, which Python keeps for itself"
    if key.endswith("_") and keyword.iskeyword(key[:-1]):
        return "is what a keyword of Python becomes in the emitted file"
    if kind == "label" and key in MODULE_NAMES:
        return "is a name that every nn.Module has"
    if kind in ("label", "parameter", "block", "network") and key in _LOCAL_NAMES:
        return "is a name that the emitted file uses"
    if kind in ("block", "network") and (key in _FILE_NAMES or key in MODULE_NAMES or hasattr(builtins, key)):
        return "is a name that the emitted file or Python uses"
    if kind not in ("parameter", "value", "variant") and keyword.iskeyword(key):
        return "is a keyword of Python"
    return None


_neutral: ContextVar[dict[str, str] | None] = ContextVar("neutral", default=None)


@contextmanager
def neutral_names() -> Iterator[None]:
    """Give every name of the spec a neutral one inside: what is emitted then holds no text of the spec."""
    token = _neutral.set({})
    try:
        yield
    finally:
        _neutral.reset(token)


def python_name(key: str) -> str:
    """Give the name of a spec in the emitted file: `λ` is `lambda`, which Python needs as `lambda_`."""
    names = _neutral.get()
    if names is not None:
        return names.setdefault(key, f"n{len(names)}")
    return f"{key}_" if keyword.iskeyword(key) else key


def snake_case(name: str) -> str:
    """`GlobalAvgPool` as `global_avg_pool`, `MBConv` as `mb_conv`, `ReLU6` as `relu6`."""
    out = ""
    for index, letter in enumerate(name):
        before, after = name[index - 1 : index], name[index + 1 : index + 2]
        starts_word = letter.isupper() and (before.islower() or (before.isupper() and after.islower()))
        out += ("_" if index and starts_word else "") + letter.lower()
    return out.replace("re_lu", "relu").replace("si_lu", "silu").replace("p_relu", "prelu").replace("_net", "net")
