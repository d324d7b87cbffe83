"""Reads timm's architecture definitions: lists of lists of strings such as `ir_r2_k3_s2_e6_c24_se0.25`.

Nothing is executed. timm silently ignores unknown parts (`_sr0.25` removes the squeeze); here they are errors.
"""

import re
from collections.abc import Mapping
from dataclasses import field
from fractions import Fraction

from scalec.diagnostics.diagnostic import Label, Report
from scalec.diagnostics.source import Source, Span
from scalec.diagnostics.suggest import did_you_mean, suggest
from scalec.importer.lists import Lists
from scalec.ops import OPERATORS
from scalec.record import record

ACTIVATIONS = {
    "relu": "ReLU", "relu6": "ReLU6", "hard_swish": "HardSwish", "swish": "SiLU", "silu": "SiLU", "gelu": "GELU",
    "mish": "Mish",
}  # fmt: skip
"""timm's names of activations, and ours."""
_SHORT = {"re": "relu", "r6": "relu6", "hs": "hard_swish", "sw": "swish", "mi": "mish"}
_KINDS = {
    "cn": "r k s e c n skip noskip",
    "ds": "r k s e c se p gs n noskip",
    "dsa": "r k s e c se p gs n noskip",
    "ir": "r k s e c se a p gs n noskip",
    "er": "r k s e c se p gs fc n noskip",
    "uir": "r k s e c se a p n noskip",
}
_NEEDED = {"cn": "rksc", "ds": "rksc", "dsa": "rksc", "ir": "rksec", "er": "rksec", "uir": "rksec"}
_MEANING = {
    "r": "number of repeats", "k": "kernel", "s": "stride", "e": "expansion", "c": "number of channels",
    "se": "squeeze", "n": "activation",
    "a": "kernel before", "p": "kernel after", "gs": "group size", "fc": "forced input channels",
}  # fmt: skip
_BEYOND = {"mqa": "attention", "mha": "attention"}
_BEYOND_FIELD = {
    "d": "space to depth", "cc": "conditionally parameterised convolution", "h": "attention", "v": "attention",
}  # fmt: skip
_FORM = {"e": r"\d{1,6}(\.\d{1,6})?", "se": r"\d{1,6}(\.\d{1,6})?", "n": "[a-z0-9]+"}
_KERNELS = r"\d{1,3}(\.\d{1,3})*"


@record
class Block:
    """One block definition, decoded as timm decodes it."""

    kind: str
    span: Span
    repeats: int
    kernels: tuple[int, ...]
    stride: int
    channels: int
    expansion: Fraction = Fraction(1)
    squeeze: Fraction = Fraction(0)
    act: str | None = None
    skip: bool = True
    before: tuple[int, ...] = (1,)
    """The kernels of the convolution before the depthwise one (`a`), of `uir` the depthwise start."""
    after: tuple[int, ...] = (1,)
    group_size: int | None = None
    forced: int = 0
    spans: Mapping[str, Span] = field(default_factory=dict, compare=False, repr=False)


def read_arch(source: Source, report: Report) -> list[list[Block]]:
    """Read stages of block definitions. Raises `CompileError` with everything that is wrong."""
    stages = []
    for strings in Lists(source, report).read():
        blocks = [block for span in strings if (block := _decode(span, report))]
        for block in blocks[1:]:
            if block.stride > 1:
                report.error(
                    "E204", "only the first block of a stage has a stride", block.spans["s"], "timm ignores this one",
                    help="write `s1`, or begin a new stage here",
                )  # fmt: skip
        stages.append(blocks)
    report.stop_on_error()
    return stages


def _decode(span: Span, report: Report) -> Block | None:
    """Decode one string; nothing if it is wrong."""
    before = len(report.diagnostics)
    parts, place = [], span.start
    for text in span.text.split("_"):
        parts.append(Span(span.source, place, place + len(text)))
        place += len(text) + 1
    kind, fields = parts[0].text, dict[str, tuple[str, Span]]()
    if kind not in _KINDS:
        if kind in _BEYOND:
            report.error("E102", f"`{kind}` is {_BEYOND[kind]}, which a spec cannot say", parts[0])
        else:
            known = f"timm's blocks are {', '.join(_KINDS)}"
            report.error("E102", f"unknown block `{kind}`", parts[0], help=did_you_mean(parts[0], _KINDS) or known)
        return None
    for part in parts[1:]:
        _field(kind, part, fields, report)
    for key in _NEEDED[kind]:
        if key not in fields and len(report.diagnostics) == before:
            report.error("E105", f"`{kind}` needs `{key}`: {_MEANING[key]}", span)
    return _block(kind, span, fields, report) if len(report.diagnostics) == before else None


def _field(kind: str, part: Span, fields: dict[str, tuple[str, Span]], report: Report) -> None:
    """Take one field such as `k3` or `noskip`; report what timm would pass over."""
    match = re.fullmatch(r"(skip|noskip|n(?!oskip))(.*)|([a-z]+)(\d.*)", part.text)
    key = (match[1] or match[3]) if match else part.text
    value = (match[2] if match[1] else match[4]) if match else ""
    allowed = _KINDS[kind].split()
    if key in fields:
        report.error(
            "E104", f"`{key}` stands twice", part, "timm takes the last", others=(Label(fields[key][1], "first"),)
        )
    elif key == "n" and ACTIVATIONS.get(_SHORT.get(value, "")) not in OPERATORS:
        help = suggest(part.text, [each for each in allowed if each == "noskip"]) or f"one of {_activations()}"
        report.error("E204", f"unknown activation `{part.text}`", part, "timm ignores this", help=help)
        return
    elif key in _BEYOND_FIELD:
        report.error("E103", f"`{part.text}` is {_BEYOND_FIELD[key]}, which a spec cannot say", part)
    elif key not in allowed or (key in ("skip", "noskip") and value):
        known = f"`{kind}` takes {', '.join(allowed)}"
        help = _near(part.text, kind, fields) or known
        report.error("E103", f"`{kind}` has no `{part.text}`", part, "timm ignores this", help=help)
    elif value and not re.fullmatch(_FORM.get(key, _KERNELS if key in "kap" else r"\d{1,6}"), value):
        report.error("E204", f"`{value}` is no {_MEANING[key]}", part)
    fields.setdefault(key, (value, part))


def _near(text: str, kind: str, fields: Mapping[str, object]) -> str | None:
    """Suggest a field that is still free and takes such a value."""
    if text.startswith(("i", "o")) and text[1:].isdigit():
        return "timm writes the output's channels `c`; the input's come from the block before"
    digits = re.search(r"\d.*|$", text)
    value = digits[0] if digits else ""
    free = [key for key in _KINDS[kind].split() if key not in fields]
    takes = [key for key in free if re.fullmatch(_FORM.get(key, _KERNELS if key in "kap" else r"\d{1,6}"), value)]
    flags = [key for key in free if key in ("skip", "noskip")]
    return suggest(text, [f"{key}{value}" for key in takes if key != "n"] + flags)


def _block(kind: str, span: Span, fields: dict[str, tuple[str, Span]], report: Report) -> Block | None:
    """Put decoded fields together, with timm's defaults."""
    before = len(report.diagnostics)

    def kernels(key: str, default: str) -> tuple[int, ...]:
        return tuple(int(kernel) for kernel in fields.get(key, (default,))[0].split("."))

    def whole(key: str, default: str = "0") -> int:
        return int(fields.get(key, (default,))[0])

    absent = "0" if kind == "uir" else "1"
    act = ACTIVATIONS[_SHORT[fields["n"][0]]] if "n" in fields else None
    block = Block(
        kind, span, whole("r"), kernels("k", "1"), whole("s"), whole("c"), Fraction(fields.get("e", ("1",))[0]),
        Fraction(fields.get("se", ("0",))[0]), act, "skip" in fields if kind == "cn" else "noskip" not in fields,
        kernels("a", absent), kernels("p", absent), whole("gs") if "gs" in fields else None, whole("fc"),
        {key: place for key, (_, place) in fields.items()},
    )  # fmt: skip
    _check(block, report)
    return block if len(report.diagnostics) == before else None


def _activations() -> str:
    return ", ".join(f"n{short}" for short, name in _SHORT.items() if ACTIVATIONS[name] in OPERATORS)


def _check(block: Block, report: Report) -> None:
    """Refuse what timm would ignore, or build and then fail on."""

    def wrong(key: str, message: str, help: str | None = None) -> None:
        report.error("E204", message, block.spans.get(key, block.span), help=help)

    simple, universal = block.kind in ("cn", "ds", "dsa"), block.kind == "uir"
    for key in ("r", "c"):
        if getattr(block, {"r": "repeats", "c": "channels"}[key]) < 1:
            wrong(key, f"the {_MEANING[key]} cannot be 0")
    if block.stride not in (1, 2):
        wrong("s", f"timm builds strides of 1 and 2, not {block.stride}")
    if simple and block.expansion != 1:
        wrong("e", f"`{block.kind}` has no expansion", "timm ignores it: write `e1`, or `ir` for the block")
    if not simple and block.expansion <= 0:
        wrong("e", "the expansion cannot be 0")
    if block.squeeze > 1:
        wrong("se", "the squeeze is a share, from 0 to 1")
    for key, kernels in (("k", block.kernels), ("a", block.before), ("p", block.after)):
        if any(kernel % 2 == 0 and not (universal and kernel == 0 and len(kernels) == 1) for kernel in kernels):
            wrong(key, "a kernel is odd, so that it has a centre")
    if len(block.kernels) > 1 and (block.kind not in ("ds", "dsa", "ir") or block.group_size not in (None, 1)):
        wrong("k", "mixed kernels are for the depthwise convolution of `ds`, `dsa` and `ir`")
    for key, kernels in (("a", block.before), ("p", block.after)):
        if universal and len(kernels) > 1:
            wrong(key, "`uir` has one kernel at each place")
        elif not universal and set(kernels) != {1}:
            wrong(key, f"the {_MEANING[key]} is 1, or `{key}1.1` for two groups")
    if universal and block.stride > 1 and not any(block.before + block.kernels + block.after):
        wrong("s", "there is no depthwise convolution to stride")
