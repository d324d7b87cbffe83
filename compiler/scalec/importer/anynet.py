"""Writes AnyNet as a spec, and RegNet and ResNet, which are kinds of AnyNet. Also writes the scaling rules of pycls."""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

from scalec.importer.spec import Commented, Draft, Stage, body, comment, defaults, number, share
from scalec.importer.writer import Parameter, Writer
from scalec.record import record

ONE = Fraction(1)


@record
class AnyStage:
    """A stage of AnyNet, and of RegNet and ResNet, which are written as one."""

    depth: int
    width: int
    stride: int
    bottleneck: Fraction = ONE
    group_width: int = 1


@record
class AnyNet:
    """What AnyNet's builder is given."""

    stem: str
    stem_width: int
    block: str
    stages: tuple[AnyStage, ...]
    head: int = 0
    squeeze: Fraction = Fraction(0)
    stride_first: bool = False
    """Whether the first 1×1 convolution of a bottleneck strides, not the 3×3."""
    said: str = ""


def scaling(rule: str, size: int, said: str) -> list[list[Commented]]:
    """Write pycls' scaling: its exponents, and Python's rounding, halves to even."""
    side = "round_even(r · {0}/4) · 4" if size % 4 == 0 else "round_even(r · {0})"
    return [
        [
            ("let α = 2^0.1, β = 2^0.4, γ = 2^0.05", "d1_w8_r1, fast compound scaling (Dollár et al., 2021)"),
            ("let d = α^φ, w = β^φ, r = γ^φ", ""),
        ],
        [
            ("scale L → max(1, round_even(d · L))", ""),
            *([(f"# {said}", "")] if said else []),
            (f"scale C → {rule}", ""),
            (f"scale H → {side.format('H')}", ""),
            (f"scale W → {side.format('W')}", ""),
        ],
    ]


def to_step(step: int) -> str:
    """Write pycls' rule for channels: the nearest multiple, at least one, halves to even."""
    return f"max({step}, round_even(w · C/{step}) · {step})" if step > 1 else "max(1, round_even(w · C))"


def common_step(widths: Sequence[int], whole: int = 1) -> int:
    """Return what channels are multiples of: 8 and whole groups, where the widths of the configuration are."""
    tries = (lcm(8, whole), whole, 8, 4, 2)
    return next((step for step in tries if all(width % step == 0 for width in widths)), 1)


def default_lines(act: str, imports: Sequence[str], more: Sequence[str]) -> list[Commented]:
    """Write the settings of batch normalisation, the activation, and more."""
    items = ["BatchNorm(eps = epsilon, momentum = momentum)"]
    if act != "SiLU":
        items.append(f"ConvAct(act = {act})")
        items += [f"SqueezeExcite(act = {act})"] if "SqueezeExcite" in imports else []
    return defaults([*items, *more])


def _width_rule(net: AnyNet) -> tuple[str, int, str]:
    """Write how widths scale: to whole groups. Give what they are multiples of, too, and what to say of it."""
    inner = [(stage, stage.bottleneck * stage.width) for stage in net.stages]
    if "bottleneck" not in net.block or all(stage.group_width == width for stage, width in inner):
        step = common_step([stage.width for stage in net.stages])
        return to_step(step), step, ""
    widest = max(stage.group_width for stage in net.stages)
    grouped = [stage for stage, width in inner if stage.group_width < width or stage.group_width == widest]
    whole = lcm(*((Fraction(stage.group_width) / stage.bottleneck).numerator for stage in grouped))
    step = common_step([stage.width for stage in grouped], whole)
    said = "pycls rounds to 8, then to whole groups; its d1_w8_g8_r1 widens the groups too"
    if len(grouped) == len(net.stages):
        return to_step(step), step, said
    least = min(stage.width for stage in grouped)
    return f"{to_step(step)} if C ≥ {least} else {to_step(8)}", 8, said


def write_anynet(net: AnyNet, act: str, draft: Draft) -> None:
    """Put a network into a draft: its scaling, its block, its stages."""
    rule, step, said = _width_rule(net)
    writer, text = _block(net, act, step)
    draft.heading += [net.said] if net.said else []
    draft.imports = ["ConvAct", *(["SqueezeExcite"] if net.squeeze else [])]
    draft.groups += scaling(rule, draft.resolution, said)
    draft.groups.append(default_lines(act, draft.imports, []))
    draft.blocks = [text]
    size = -(-draft.resolution // 2) if net.stem != "res_stem_cifar" else draft.resolution
    stem = {
        "simple_stem_in": "kernel = 3, stride = 2",
        "res_stem_in": "kernel = 7, stride = 2",
        "res_stem_cifar": "kernel = 3",
    }
    shape = (str(size), str(size), f"={net.stem_width}")
    draft.stages = [Stage(f"stem: ConvAct({stem[net.stem]})", shape=shape)]
    if net.stem == "res_stem_in":
        size = -(-size // 2)
        draft.stages.append(Stage("stem_pool: MaxPool(3, stride = 2)"))
    for stage in net.stages:
        size = -(-size // stage.stride)
        draft.stages.append(Stage(writer.call(stage), f"^{stage.depth}", (str(size), str(size), str(stage.width))))
    if net.head:
        draft.stages.append(Stage("head: ConvAct(kernel = 1)", shape=(str(size), str(size), f"={net.head}")))


def _block(net: AnyNet, act: str, step: int) -> tuple[Writer, str]:
    """Write the one kind of block that the network has."""
    sizes = [stage.bottleneck * stage.width for stage in net.stages]
    dense = all(stage.group_width == size for stage, size in zip(net.stages, sizes, strict=True))
    strides = Parameter("stride", lambda stage: str(stage.stride), "1", fixed=False)
    if "bottleneck" not in net.block:
        return _two_convolutions(net, act, strides)
    narrow = Parameter("bottleneck", lambda stage: number(stage.bottleneck))
    by_width = Parameter("group_width", lambda stage: str(stage.group_width))
    widest = max(stage.group_width for stage in net.stages)
    counts = {size / stage.group_width for stage, size in zip(net.stages, sizes, strict=True)}
    capped = all(stage.group_width == min(widest, size) for stage, size in zip(net.stages, sizes, strict=True))
    parameters = [strides, narrow] if len(counts) == 1 or capped else [strides, narrow, by_width]
    writer = Writer("Bottleneck", net.stages, parameters)
    varied, ratio = writer.varies("bottleneck"), net.stages[0].bottleneck
    exact = not varied and (step * ratio).denominator == 1
    product = "bottleneck · K" if varied else share(ratio, "K")
    inner = "K" if exact and ratio == 1 else "inner"
    if len(counts) == 1:  # ResNeXt: as many groups in every stage, each as wide as it comes
        groups = number(counts.pop())
    elif capped:
        groups = f"max(1, floor({inner} / {widest}))" if min(sizes) < widest else f"{inner} / {widest}"
    else:
        groups = f"{inner} / group_width"
    first, second = ("1, stride", "3") if net.stride_first else ("1", "3, stride")
    if dense:
        spatial = f"spatial: ConvAct({second}) → {inner}"
    else:
        spatial = f"spatial: (Conv({second}, groups = {groups}) → {inner} ⊙ BatchNorm ⊙ {act})"
    units = [(f"reduce: ConvAct({first}) → {inner}", ""), (spatial, "")]
    if net.squeeze:
        units.append((f"squeeze: SqueezeExcite(round_even({share(net.squeeze, 'C')}))", ""))
    units.append(("expand: (Conv(1) → K ⊙ BatchNorm)", ""))
    where = [] if inner == "K" else [f"inner = {product}" if exact else f"inner = round_even({product})"]
    said = "The bottleneck of residual networks (He et al., 2016), the 3×3 convolution in groups (Xie et al., 2017)."
    if dense:
        said = "The bottleneck of residual networks (He et al., 2016)."
    return writer, _residual(writer, said, where, units, act, linear="linear" in net.block)


def _two_convolutions(net: AnyNet, act: str, strides: Parameter) -> tuple[Writer, str]:
    plain = net.block == "vanilla_block"
    writer = Writer("Vanilla" if plain else "Basic", net.stages, [strides])
    units = [("first: ConvAct(3, stride) → K", "")]
    if plain:
        units.append(("second: ConvAct(3) → K", ""))
        return writer, "\n".join(["# Two convolutions.", writer.head(), body(units, None)])
    units.append(("second: (Conv(3) → K ⊙ BatchNorm)", ""))
    return writer, _residual(writer, "The basic block of residual networks (He et al., 2016).", [], units, act, False)


def _residual(
    writer: Writer, said: str, where: Sequence[str], units: Sequence[tuple[str, str]], act: str, linear: bool
) -> str:
    """Write a residual block: with a projection where shapes change, or without a shortcut there (`linear`)."""
    if linear:
        known = [f"  where {', '.join(where)}"] if where else []
        return "\n".join([*comment(said), writer.head(), *known, body(units, "stride == 1 and C == K")])
    names = ", ".join([*where, "changed = stride > 1 or C != K"])
    lines = [("      " if index == 0 else "    ⊙ ") + text for index, (text, _) in enumerate(units)]
    return "\n".join([
        *comment(said), writer.head(), f"  where {names}", "  = sum {", *lines, "    } {",
        "      shortcut: (Conv(1, stride) → K ⊙ BatchNorm)   when changed", "    }", f"  ⊙ act: {act}",
    ])  # fmt: skip
