"""The blocks of an imported spec: blocks of the library if they are equal, otherwise written in the spec."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from scalec.importer.arch import Block
from scalec.importer.spec import body, comment, number, share
from scalec.importer.writer import Parameter, Style, Writer, Written


def _stride(use: Block) -> str:
    return str(use.stride)


def _kernel(use: Block) -> str:
    return str(use.kernels[0])


def _expansion(use: Block) -> str:
    return number(use.expansion)


def _squeeze(use: Block) -> str:
    return number(use.squeeze)


def _truth(value: bool) -> str:
    return str(value).lower()


def _common(uses: Sequence[Block], style: Style) -> list[Parameter]:
    """Return the parameters that every block may have, in the order in which they are written."""
    acts = [style.act_of(use) for use in uses]
    usual = max([style.act, *acts], key=acts.count)
    return [
        Parameter("stride", _stride, "1", fixed=False),
        Parameter("squeeze", _squeeze, "0"),
        Parameter("act", style.act_of, usual),
        Parameter("skip", lambda use: _truth(use.skip), "true"),
    ]


def _group_size(use: Block, absent: int) -> str:
    return str(absent if use.group_size is None else use.group_size)


def plain(blocks: Sequence[Block], style: Style) -> bool:
    """Return whether the library's blocks say the same: they expand by whole numbers and squeeze to a quarter."""
    return style.expansion_rule is None and all(
        block.skip and len(block.kernels) == 1 and block.before == block.after == (1,) and not block.forced
        and block.group_size in (None, 0 if block.kind == "er" else 1)
        and (not block.squeeze or (block.squeeze == Fraction(1, 4) and _plain_squeeze(style)))
        and (block.kind in ("er", "ds", "dsa") or block.expansion > 1) and block.expansion.denominator == 1
        for block in blocks
    )  # fmt: skip


def _plain_squeeze(style: Style) -> bool:
    same_act = style.squeeze_act is None
    return (
        not style.from_expanded
        and style.squeeze_rule in ("round_even", "floor")
        and style.gate == "Sigmoid"
        and same_act
    )


def write_blocks(blocks: Sequence[Block], style: Style) -> dict[str, Written]:
    """Decide for each kind of block that is used how it is written."""
    kinds = {block.kind for block in blocks}
    of = {kind: [block for block in blocks if block.kind == kind] for kind in kinds}
    found: dict[str, Written] = {}
    if "cn" in kinds:
        found["cn"] = _conv_act(of["cn"], style)
        if any(use.skip for use in of["cn"]):
            found["cn skip"] = _library("FusedConv", ["kernel"], [use for use in of["cn"] if use.skip], style)
    depthwise = [block for block in blocks if block.kind in ("ds", "ir")]
    if depthwise and plain(depthwise, style):
        name = "MBConv" if style.drops else "InvertedResidual"
        found["ds"] = found["ir"] = _library(name, ["expansion", "kernel"], depthwise, style)
    elif "ds" in kinds and any(use.expansion <= 1 for use in of.get("ir", ())):
        found["ds"] = _inverted("SeparableResidual", of["ds"], style)
        found["ir"] = _inverted("MBConv", of["ir"], style)
    elif depthwise:
        name = "MBConv" if "ir" in kinds else "SeparableResidual"
        found["ds"] = found["ir"] = _inverted(name, depthwise, style)
    if "dsa" in kinds:
        separable = plain(of["dsa"], style) and not any(use.squeeze for use in of["dsa"])
        called = _library("DepthwiseSeparable", ["kernel"], of["dsa"], style) if separable else None
        found["dsa"] = called or _separable(of["dsa"], style)
    if "er" in kinds:
        fused = plain(of["er"], style) and not any(use.squeeze for use in of["er"])
        names = ["expansion", "kernel"]
        found["er"] = _library("FusedMBConv", names, of["er"], style) if fused else _fused(of["er"], style)
    if "uir" in kinds:
        found["uir"] = _universal(of["uir"], style)
    return found


def written_for(block: Block, found: dict[str, Written]) -> Written:
    """Return how a block is written."""
    return found["cn skip" if block.kind == "cn" and block.skip else block.kind]


_LIBRARY = {
    "MBConv": ("SiLU", "true", True), "InvertedResidual": ("ReLU6", "false", False),
    "FusedMBConv": ("SiLU", "", True), "FusedConv": ("SiLU", "", True), "DepthwiseSeparable": ("ReLU6", "", False),
}  # fmt: skip
"""Blocks of the library: their activation, whether they squeeze (nothing: never), whether layers may be skipped."""


def _conv_act(uses: Sequence[Block], style: Style) -> Written:
    writer = Writer("ConvAct", uses, [
        Parameter("kernel", _kernel, fixed=False), Parameter("stride", _stride, "1", fixed=False),
        Parameter("act", style.act_of, style.act, fixed=False),
    ])  # fmt: skip
    return Written(writer.call, imports=("ConvAct",))


def _library(name: str, first: Sequence[str], uses: Sequence[Block], style: Style) -> Written:
    """Call a block of the library; what all uses share is set by `default`."""
    get = {"expansion": _expansion, "kernel": _kernel}
    act, squeeze, drops = _LIBRARY[name]
    parameters = [Parameter(each, get[each], fixed=False) for each in first]
    parameters += [Parameter("stride", _stride, "1", fixed=False), Parameter("act", style.act_of, style.act, False)]
    given = [f"act = {style.act}"] if style.act != act else []
    if squeeze:
        squeezes = {_truth(bool(use.squeeze)) for use in uses}
        if len(squeezes) > 1:
            parameters.append(Parameter("squeeze", lambda use: _truth(bool(use.squeeze)), squeeze, fixed=False))
        elif squeezes != {squeeze}:
            given.append(f"squeeze = {squeezes.pop()}")
    if drops:
        given.append("rate = drop_path" if style.drops else "rate = 0")
    writer = Writer(name, uses, parameters)
    return Written(writer.call, imports=(name,), defaults=(f"{name}({', '.join(given)})",) if given else ())


def _hidden(writer: Writer, style: Style, expanded: str, expansion: str | None) -> str:
    """Write a squeeze's channels: a share of the block's input, or of what it was expanded to."""
    if style.from_expanded or expanded == "C":
        of = expanded
    else:
        of = "C" if style.expansion_rule is None or not expansion else f"{expanded} / {expansion}"
    if writer.varies("squeeze"):
        return f"{style.squeeze_rule}(squeeze · {of})"
    return f"{style.squeeze_rule}({share(writer.uses[0].squeeze, of)})"


def _squeeze_units(writer: Writer, hidden: str, style: Style) -> Iterator[tuple[str, str]]:
    if any(use.squeeze for use in writer.uses):
        act = _act_argument(writer, style) if style.squeeze_act is None else ""
        yield f"squeeze: SqueezeExcite({hidden}{act})", "squeeze > 0" if writer.varies("squeeze") else ""


def _end(writer: Writer, style: Style) -> tuple[str | None, str, list[tuple[str, str]]]:
    """Return the residual's condition, what `where` says of it, and the units that drop it."""
    if not any(use.skip for use in writer.uses):
        return None, "", []
    same = "stride == 1 and C == K" + (" and skip" if writer.varies("skip") else "")
    if not style.drops:
        return same, "", []
    rate = "drop_path · layer / layers" if style.linear_drop else "drop_path"
    return "same", f"same = {same}", [(f"drop: DropPath({rate})", "same")]


def _imports(writer: Writer, *others: str) -> tuple[str, ...]:
    squeezes = ("SqueezeExcite",) if any(use.squeeze for use in writer.uses) else ()
    return (*others, *squeezes)


def _written(
    writer: Writer,
    style: Style,
    said: str,
    where: Sequence[str],
    units: Sequence[tuple[str, str]],
    imports: Sequence[str],
) -> Written:
    residual, same, drop = _end(writer, style)
    names = [*where, *([same] if same else [])]
    joined = ", ".join(names) if sum(map(len, names)) < 100 else ",\n        ".join(names)
    lines = [*comment(said), writer.head(), *([f"  where {joined}"] if names else [])]
    text = "\n".join([*lines, body([*units, *drop], residual)])
    return Written(writer.call, text, tuple(imports))


def _act_argument(writer: Writer, style: Style) -> str:
    """Pass the activation on to a block of the library, where `default` does not set it."""
    act = writer.value("act")
    return "" if act == style.act else f", act = {act}"


def _conv_unit(label: str, writer: Writer, style: Style, out: str, groups: str) -> str:
    """Write a 1×1 convolution with normalisation and activation; ConvAct where it has no groups."""
    act = writer.value("act")
    if groups == "1":
        return f"{label}: ConvAct(1{_act_argument(writer, style)}) → {out}"
    return f"{label}: (Conv(1, groups = {groups}) → {out} ⊙ BatchNorm ⊙ {act})"


def _expanded(use_rule: str | None, of: str, expansion: str) -> str:
    product = of if expansion == "1" else f"{expansion} · {of}"
    return f"{use_rule}({product})" if use_rule else product


def _inverted(name: str, uses: Sequence[Block], style: Style) -> Written:
    """Write the inverted residual (`ir`) out; `ds` is one without expansion."""
    expands = any(use.kind == "ir" for use in uses)
    optional = expands and any(use.kind == "ds" for use in uses)
    mixed = any(len(use.kernels) > 1 for use in uses)
    mix = Parameter("depthwise", _mix_call, fixed=False) if mixed else Parameter("kernel", _kernel, fixed=False)
    writer = Writer(name, uses, [
        *([Parameter("expansion", _expansion, fixed=False)] if expands else []), mix, *_common(uses, style),
        Parameter("group_size", lambda use: _group_size(use, 1), "1"),
        Parameter("expand_groups", lambda use: str(len(use.before)), "1"),
        Parameter("project_groups", lambda use: str(len(use.after)), "1"),
    ])  # fmt: skip
    expanded = "expanded" if expands else "C"
    units = []
    if expands:
        groups = writer.value("expand_groups")
        units.append((_conv_unit("expand", writer, style, expanded, groups), "expansion > 1" if optional else ""))
    units.append((f"depthwise: ({_window(writer, mixed, expanded)} ⊙ BatchNorm ⊙ {writer.value('act')})", ""))
    units += _squeeze_units(writer, _hidden(writer, style, expanded, "expansion" if expands else None), style)
    groups = writer.value("project_groups")
    units.append((f"project: (Conv(1{'' if groups == '1' else f', groups = {groups}'}) → K ⊙ BatchNorm)", ""))
    where = [f"expanded = {_expanded(style.expansion_rule, 'C', 'expansion')}"] if expands else []
    said = "A depthwise convolution between two of 1×1 (Sandler et al., 2018)"
    said += ", the first only where it expands." if optional else "." if expands else ""
    if not expands:
        said = "A depthwise convolution, then one of 1×1 (Howard et al., 2017)."
    plain_conv = expands and writer.value("expand_groups") == "1"
    written = _written(writer, style, said, where, units, _imports(writer, *(("ConvAct",) if plain_conv else ())))
    written.helpers = _mixes(uses)
    return written


def _window(writer: Writer, mixed: bool, channels: str) -> str:
    """Write the convolution in the middle of an inverted residual: depthwise, mixed, or in groups."""
    size = writer.value("group_size")
    if mixed:
        return "depthwise(stride = stride)"
    if size == "1":
        return "Depthwise(kernel, stride)"
    groups = "" if size == "0" else f", groups = {channels} / {size}"
    return f"Conv(kernel, stride{groups}) → {channels}"


def _mix_call(use: Block) -> str:
    count = len(use.kernels)
    return f"{'Depthwise' if count == 1 else f'Mix{count}'}({', '.join(map(str, use.kernels))})"


def _mixes(uses: Sequence[Block]) -> dict[str, str]:
    """Write the mixtures of kernels that are used, a share of the channels for each (Tan & Le, 2019)."""
    found = {}
    for count in sorted({len(use.kernels) for use in uses} - {1}):
        names = [f"k{index + 1}" for index in range(count)]
        bodies = [f"{{ Depthwise({name}, stride) }}" for name in names]
        joined = " ".join(bodies) if count < 5 else "\n          ".join(bodies)
        head = f"block Mix{count}({', '.join(names)}, stride = 1) <H, W, C> → <H/stride, W/stride, C>"
        found[f"Mix{count}"] = f"{head}\n  = split {joined}"
    if found:
        first = next(iter(found))
        found[first] = (
            f"# Depthwise convolutions of several kernels, each for its share of the channels.\n{found[first]}"
        )
    return found


def _separable(uses: Sequence[Block], style: Style) -> Written:
    """Write `dsa` out: separable convolution with an activation behind, and no residual."""
    mixed = any(len(use.kernels) > 1 for use in uses)
    mix = Parameter("depthwise", _mix_call, fixed=False) if mixed else Parameter("kernel", _kernel, fixed=False)
    common = [parameter for parameter in _common(uses, style) if parameter.name != "skip"]
    grouped = Parameter("group_size", lambda use: _group_size(use, 1), "1")
    writer = Writer("DepthwiseSeparable", uses, [mix, *common, grouped])
    act = writer.value("act")
    units = [(f"depthwise: ({_window(writer, mixed, 'C')} ⊙ BatchNorm ⊙ {act})", "")]
    units += _squeeze_units(writer, _hidden(writer, style, "C", None), style)
    units.append((f"pointwise: (Conv(1) → K ⊙ BatchNorm ⊙ {act})", ""))
    said = "A depthwise convolution, then one of 1×1, both with an activation (Howard et al., 2017)."
    text = "\n".join([*comment(said), writer.head(), body(units, None)])
    return Written(writer.call, text, _imports(writer), helpers=_mixes(uses))


def _fused(uses: Sequence[Block], style: Style) -> Written:
    """Write the fused inverted residual (`er`) out."""
    forced = any(use.forced for use in uses)

    def source(use: Block) -> str:
        return f"width({use.forced})" if use.forced else "C"

    writer = Writer("FusedMBConv", uses, [
        Parameter("expansion", _expansion, fixed=False), Parameter("kernel", _kernel, fixed=False),
        *_common(uses, style), Parameter("source", source, "C"),
        Parameter("group_size", lambda use: _group_size(use, 0), "0"),
        Parameter("project_groups", lambda use: str(len(use.after)), "1"),
    ])  # fmt: skip
    size, act = writer.value("group_size"), writer.value("act")
    if size == "0":
        passed = _act_argument(writer, style)
        units = [(f"expand: ConvAct(kernel, stride{passed}) → expanded", "")]
    else:
        units = [(f"expand: (Conv(kernel, stride, groups = groups) → expanded ⊙ BatchNorm ⊙ {act})", "")]
    units += _squeeze_units(writer, _hidden(writer, style, "expanded", "expansion"), style)
    groups = writer.value("project_groups")
    units.append((f"project: (Conv(1{'' if groups == '1' else f', groups = {groups}'}) → K ⊙ BatchNorm)", ""))
    said = "The inverted residual with its first two convolutions fused into one (Gupta & Tan, 2019)."
    said += " `source` stands for the channels that it expands where the definition forces them." if forced else ""
    where = [f"expanded = {_expanded(style.expansion_rule, writer.value('source'), 'expansion')}"]
    if size != "0":
        optional = " if group_size > 0 else 1" if writer.varies("group_size") else ""
        where.append(f"groups = expanded / {size}{optional}")
    return _written(writer, style, said, where, units, _imports(writer, *(("ConvAct",) if size == "0" else ())))


def _universal(uses: Sequence[Block], style: Style) -> Written:
    """Write the universal inverted residual (`uir`) out."""
    ends = any(use.after[0] for use in uses)
    writer = Writer("UniversalInvertedResidual", uses, [
        Parameter("expansion", _expansion, fixed=False),
        Parameter("start", lambda use: str(use.before[0]), fixed=False),
        Parameter("kernel", _kernel, fixed=False), *_common(uses, style),
        Parameter("end", lambda use: str(use.after[0]), "0"),
    ])  # fmt: skip
    act = writer.value("act")
    passed = _act_argument(writer, style)
    strided = any(use.stride > 1 and use.before[0] and not use.kernels[0] for use in uses)
    start = "start, stride if kernel == 0 else 1" if strided else "start"
    units = [
        (f"start: (Depthwise({start}) ⊙ BatchNorm)", "start > 0"),
        (f"expand: ConvAct(1{passed}) → expanded", ""),
        (f"middle: (Depthwise(kernel, stride) ⊙ BatchNorm ⊙ {act})", "kernel > 0"),
        *_squeeze_units(writer, _hidden(writer, style, "expanded", "expansion"), style),
        ("project: (Conv(1) → K ⊙ BatchNorm)", ""),
    ]
    if ends:
        last = f"Depthwise({writer.value('end')}, stride if start == 0 and kernel == 0 else 1)"
        units.append((f"end: ({last} ⊙ BatchNorm)", "end > 0" if writer.varies("end") else ""))
    said = "The universal inverted residual of MobileNetV4 (Qin et al., 2024): a kernel of 0 is a convolution left out."
    where = [f"expanded = {_expanded(style.expansion_rule, 'C', 'expansion')}"]
    return _written(writer, style, said, where, units, _imports(writer, "ConvAct"))
