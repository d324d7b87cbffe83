"""The name of an emitted file, made from the spec's name and the request."""

import re
from collections.abc import Callable

from scalec.emit.header import changes
from scalec.network.network import Network
from scalec.network.python_names import snake_case
from scalec.program.request import OPTIONS, Request

_IN_OTHER_WORDS = ("phi", "variant", "set", "output-stride", "features", "tap", "for")


def default_name(network: Network) -> str:
    """Return a name after the spec and the scale: `efficientnet_b4.py`, `efficientnet_phi_minus_1_over_3.py`."""
    return file_name(network.program.file.source.file, network.setting, lambda: network.name)


def file_name(spec: str, request: Request, network: Callable[[], str]) -> str:
    """Return a file's name; the network's is asked for where the name of the spec's file is none for a module."""
    stem = spec.removesuffix(".scl")
    parts = [stem if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", stem) else snake_case(network())]
    if request.variant:
        variant = snake_case(request.variant)
        parts = [variant] if variant.startswith(parts[0]) else [*parts, variant]
    elif request.phi is not None:
        parts.append(f"phi{_spelled(request.phi)}")
    parts += [f"{key}{_spelled(text)}" for key, text in dict(request.changes).items()]
    parts += [f"stride{request.output_stride}"] if request.output_stride is not None else []
    parts += ["features", *request.taps] if request.taps is not None else []
    parts += ["inference"] if request.inference else []
    parts += [f"{o.key}{_spelled(word)}" for o in OPTIONS if o.name not in _IN_OTHER_WORDS for word in o.words(request)]
    return "_".join(parts)[:200] + ".py"


def _spelled(number: str) -> str:
    """Return a number or a word so that `1/3` (`1_over_3`) and `1.3` (`1_point_3`) do not look alike."""
    text = re.sub(r"\.0+$", "", number.strip().lstrip("+"))
    for sign, word in (("-", "_minus_"), ("/", "_over_"), (".", "_point_")):
        text = text.replace(sign, word)
    return re.sub(r"[^A-Za-z0-9_]+", "_", text)


def scale_of(network: Network) -> str:
    """Return which scale a network is of, for the line that a command prints."""
    setting = network.setting
    scale = f"variant {setting.variant}" if setting.variant else f"phi = {setting.phi}" if setting.phi else ""
    changed = ", ".join(changes(network))
    return f"{scale} with {changed}" if scale and changed else scale or changed or "baseline"
