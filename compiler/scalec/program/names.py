"""Checks that the names of params, lets, blocks, labels, variants and parameters are allowed and defined only once."""

import builtins
import keyword
import re
from collections.abc import Iterable
from importlib.resources import files
from typing import Literal, get_args

from scalec.diagnostics.diagnostic import Edit, Help, Label, Report, advise
from scalec.diagnostics.source import Span
from scalec.language import syntax as s
from scalec.ops import OPERATORS
from scalec.program.evaluate import FUNCTIONS, TRUTH, WORDS
from scalec.program.quantities import QUANTITIES

LAYER_NAMES = ("layer", "layers")
WrapperKind = Literal["residual", "gate", "sum", "concat", "split"]
"""A new word here is a type error at every place that has to know what it means (`assert_never`)."""
WRAPPERS: tuple[WrapperKind, ...] = get_args(WrapperKind)

RESERVED = frozenset({*FUNCTIONS, *TRUTH, *WORDS, *QUANTITIES, *LAYER_NAMES, "baseline"})

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
_LOCAL_NAMES = frozenset("self x y c_in c_out channels torch nn F Tensor super bool int float range tuple type".split())


def wrapper_kind(wrap: s.Wrap) -> WrapperKind:
    """Return which wrapper this is; its name has been checked."""
    return next(kind for kind in WRAPPERS if kind == wrap.call.name.key)


def refusal(key: str, kind: str) -> str | None:
    """Return why a name (in its ASCII spelling) cannot be defined; `kind` is label, block,
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


def check_name(name: s.Identifier, kind: str, report: Report) -> bool:
    """Report a name that cannot be defined; `kind` as in `refusal`. Tell whether it can."""
    local = WORDS if kind == "parameter" else ()  # a name of one block may hide `same`
    if name.key in RESERVED and name.key not in local:
        report.error("E108", f"`{name.span.text}` is a word of the language", name.span, "choose another name")
    elif name.key in OPERATORS:
        report.error("E108", f"`{name.span.text}` is an operator", name.span, "choose another name")
    elif problem := refusal(name.key, kind):
        said = {"value": "name"}.get(kind, kind)
        report.error("E108", f"the {said} `{name.span.text}` {problem}", name.span, "choose another name")
    else:
        return True
    return False


def twice(name: s.Identifier, first: s.Identifier, report: Report) -> None:
    """Report a name that is defined a second time."""
    others = (Label(first.span, "first here"),)
    report.error("E104", f"`{name.span.text}` is defined twice", name.span, "a second time", others=others)


def check_parameters(
    parameters: Iterable[s.Identifier], taken: set[str], report: Report, kind: str = "parameter"
) -> None:
    """Check the parameters of a let, a block or the network, or the names behind `where`."""
    seen: dict[str, s.Identifier] = {}
    for name in parameters:
        if name.key in taken:
            report.error(
                "E104", f"`{name.span.text}` is a symbol of the signature already", name.span, "choose another name"
            )
        elif seen.setdefault(name.key, name) is not name:
            twice(name, seen[name.key], report)
        else:
            check_name(name, kind, report)


def library_with(name: str) -> str | None:
    """Name the file of the library that defines a block, one without a network; looked at only to help."""
    for entry in sorted(files("scalec.specs").iterdir(), key=lambda entry: entry.name):
        text = entry.read_text(encoding="utf-8") if entry.name.endswith(".scl") else ""
        if re.search(rf"^block {name}\b", text, re.MULTILINE) and not re.search("^network ", text, re.MULTILINE):
            return entry.name.removesuffix(".scl")
    return None


def imported(name: s.Identifier) -> Help:
    """Return the help that names the library with this block, or None."""
    library = library_with(name.key)
    if library is None:
        return None
    statement = f"import {name.span.text} from {library}"
    lines = re.match(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*", name.span.source.text)
    place = lines.end() if lines else 0
    return advise(f"write `{statement}`", Edit(Span(name.span.source, place, place), f"{statement}\n"))
