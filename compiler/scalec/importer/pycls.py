"""Converts pycls configurations (EfficientNet, AnyNet, RegNet, ResNet) to a spec."""

from dataclasses import replace
from fractions import Fraction
from math import lcm, log

from scalec.diagnostics.diagnostic import CompileError, Report
from scalec.diagnostics.source import Source, Span
from scalec.importer.anynet import ONE, AnyNet, AnyStage, common_step, default_lines, scaling, to_step, write_anynet
from scalec.importer.arch import Block
from scalec.importer.blocks import write_blocks
from scalec.importer.config import Config
from scalec.importer.spec import Commented, Draft, Stage, number
from scalec.importer.writer import Style

KNOWN = {
    "MODEL": "TYPE DEPTH NUM_CLASSES ACTIVATION_FUN ACTIVATION_INPLACE LOSS_FUN SCALING_TYPE SCALING_FACTOR",
    "EN": "STEM_W DEPTHS WIDTHS EXP_RATIOS SE_R STRIDES KERNELS HEAD_W DC_RATIO DROPOUT_RATIO",
    "ANYNET": "STEM_TYPE STEM_W BLOCK_TYPE DEPTHS WIDTHS STRIDES BOT_MULS GROUP_WS HEAD_W SE_ON SE_R",
    "REGNET": "STEM_TYPE STEM_W BLOCK_TYPE STRIDE SE_ON SE_R DEPTH W0 WA WM GROUP_W BOT_MUL HEAD_W",
    "RESNET": "TRANS_FUN NUM_GROUPS WIDTH_PER_GROUP STRIDE_1X1",
    "BN": "EPS MOM USE_PRECISE_STATS NUM_SAMPLES_PRECISE ZERO_INIT_FINAL_GAMMA USE_CUSTOM_WEIGHT_DECAY"
    " CUSTOM_WEIGHT_DECAY",
    "TRAIN": "DATASET SPLIT BATCH_SIZE IM_SIZE EVAL_PERIOD CHECKPOINT_PERIOD AUTO_RESUME WEIGHTS MIXED_PRECISION"
    " LABEL_SMOOTHING MIXUP_ALPHA AUGMENT PCA_STD",
    **dict.fromkeys("OPTIM TEST DATA_LOADER MEM CUDNN PREC_TIME LAUNCH LN VIT TASK BENCHMARK".split(), ""),
    **dict.fromkeys("NUM_GPUS OUT_DIR CFG_DEST RNG_SEED LOG_DEST LOG_PERIOD".split(), ""),
    **dict.fromkeys("DIST_BACKEND HOST PORT PORT_RANGE DOWNLOAD_CACHE".split(), ""),
}
_SECTIONS = {"effnet": "EN", "anynet": "ANYNET", "regnet": "REGNET", "resnet": "RESNET"}
_STEMS = ("simple_stem_in", "res_stem_in", "res_stem_cifar")
_BLOCKS = ("res_bottleneck_block", "res_bottleneck_linear_block", "res_basic_block", "vanilla_block")
_RESNETS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
QUARTER = Fraction(1, 4)


def import_pycls(source: Source, name: str, resolution: int | None, report: Report) -> Draft:
    """Read a configuration and write it as a spec. Raises `CompileError`."""
    config = Config(source, {section: words.split() for section, words in KNOWN.items()}, report)
    kind = config.text("MODEL", "TYPE", _SECTIONS, "")
    if not kind:
        report.error("E105", "`MODEL` needs `TYPE`: one of " + ", ".join(_SECTIONS), Span(source, 0, 0))
    report.stop_on_error()
    act = {"relu": "ReLU", "silu": "SiLU", "swish": "SiLU"}[
        config.text("MODEL", "ACTIVATION_FUN", ("relu", "silu", "swish"), "relu")
    ]
    size = resolution or config.whole("TRAIN", "IM_SIZE", 224, low=1)
    draft = Draft(name, [f"{name}, imported from pycls' configuration {source.file}."], resolution=size)
    draft.arguments = f"classes = {config.whole('MODEL', 'NUM_CLASSES', 10, low=1)}"
    draft.groups = [_params(config)]
    draft.tail = "pool: GlobalAvgPool ⊙ classifier: Linear → <classes>"
    if kind == "effnet":
        _effnet(config, act, draft)
    else:
        net = {"anynet": _anynet, "regnet": _regnet, "resnet": _resnet}[kind](config)
        report.stop_on_error()
        write_anynet(net, act, draft)
    report.stop_on_error()
    return draft


def _params(config: Config) -> list[Commented]:
    eps, momentum = config.number("BN", "EPS", Fraction(1, 100_000)), config.number("BN", "MOM", Fraction(1, 10))
    return [
        ("param φ = 0", "pycls' SCALING_FACTOR is 2^φ"),
        (f"param epsilon = {number(eps)}, momentum = {number(momentum)}", "pycls' BN.EPS and BN.MOM"),
    ]


def _effnet(config: Config, act: str, draft: Draft) -> None:
    keys = ("DEPTHS", "WIDTHS", "EXP_RATIOS", "STRIDES", "KERNELS")
    lists = [config.numbers("EN", key, key != "EXP_RATIOS") for key in keys]
    config.same_length("EN", keys)
    _odd(config, "EN", "KERNELS")
    squeeze, drop = config.number("EN", "SE_R", QUARTER), config.number("EN", "DC_RATIO", Fraction(0))
    stem, head = config.whole("EN", "STEM_W", 32, low=1), config.whole("EN", "HEAD_W", 1280, low=1)
    config.report.stop_on_error()
    blocks = [
        Block("ir" if ratio != 1 else "ds", Span(config.source, 0, 0), int(depth), (int(kernel),), int(stride),
              int(width), ratio, squeeze)
        for depth, width, ratio, stride, kernel in zip(*lists, strict=True)
    ]  # fmt: skip
    step = common_step([stem, head, *(block.channels for block in blocks)])
    plain = step % 8 == 0 and all(block.expansion.denominator == 1 for block in blocks)
    rule = None if plain else "floor"
    style = Style(act, squeeze_rule="floor", expansion_rule=rule)
    if drop:  # the library's blocks know only a schedule that grows from layer to layer
        style = replace(style, expansion_rule=rule or "floor", drops=True, linear_drop=False)
        draft.groups[0].append((f"param drop_path = {number(drop)}", "pycls' DC_RATIO: the same for every layer"))
    written = write_blocks(blocks, style)
    used = list({id(each): each for each in written.values()}.values())
    draft.imports = sorted({"ConvAct", *(name for each in used for name in each.imports)})
    draft.groups += scaling(to_step(step), draft.resolution, "")
    draft.groups.append(default_lines(act, draft.imports, [text for each in used for text in each.defaults]))
    draft.blocks = [each.text for each in used if each.text]
    dropout = config.number("EN", "DROPOUT_RATIO", Fraction(0))
    draft.arguments += f", dropout = {number(dropout)}"
    draft.tail = "pool: GlobalAvgPool ⊙ dropout: Dropout(dropout) ⊙ classifier: Linear → <classes>"
    size = -(-draft.resolution // 2)
    draft.stages = [Stage("stem: ConvAct(kernel = 3, stride = 2)", shape=(str(size), str(size), str(stem)))]
    for block in blocks:
        size = -(-size // block.stride)
        text = written[block.kind].call(block)
        draft.stages.append(Stage(text, f"^{block.repeats}", (str(size), str(size), str(block.channels))))
    draft.stages.append(Stage("head: ConvAct(kernel = 1)", shape=(str(size), str(size), str(head))))


def _odd(config: Config, section: str, key: str) -> None:
    setting = config.sections[section][key]
    for place, text in zip(setting.items, setting.texts, strict=True):
        if text.isdigit() and int(text) % 2 == 0:
            config.report.error("E204", "a kernel is odd, so that it has a centre", place)


def _anynet(config: Config) -> AnyNet:
    block = config.text("ANYNET", "BLOCK_TYPE", _BLOCKS, "res_bottleneck_block")
    keys = ["DEPTHS", "WIDTHS", "STRIDES"]
    lists = [config.numbers("ANYNET", key, True) for key in keys]
    narrow = "bottleneck" in block
    if narrow:
        keys += ["BOT_MULS", "GROUP_WS"]
        lists += [
            config.numbers("ANYNET", "BOT_MULS", False, Fraction(1, 100)),
            config.numbers("ANYNET", "GROUP_WS", True),
        ]
    config.same_length("ANYNET", keys)
    squeeze = config.number("ANYNET", "SE_R", QUARTER) if config.flag("ANYNET", "SE_ON", False) else Fraction(0)
    if squeeze and not narrow:
        config.wrong(config.sections["ANYNET"]["SE_ON"], f"`{block}` has no squeeze")
    config.report.stop_on_error()
    stages = tuple(
        AnyStage(int(row[0]), int(row[1]), int(row[2]), *((row[3], int(row[4])) if narrow else ()))
        for row in zip(*lists, strict=True)
    )
    stem = config.text("ANYNET", "STEM_TYPE", _STEMS, "simple_stem_in")
    head = config.whole("ANYNET", "HEAD_W", 0)
    return AnyNet(stem, config.whole("ANYNET", "STEM_W", 32, low=1), block, stages, head, squeeze)


def _regnet(config: Config) -> AnyNet:
    depth, w0 = config.whole("REGNET", "DEPTH", 10, low=1), config.whole("REGNET", "W0", 32, low=1)
    wa, wm = config.number("REGNET", "WA", Fraction(5)), config.number("REGNET", "WM", Fraction(5, 2))
    rules = (
        ("W0", w0 % 8 != 0, "a multiple of 8"), ("WM", wm <= 1, "more than 1"), ("DEPTH", depth > 500, "at most 500"),
    )  # fmt: skip
    for key, bad, rule in rules:
        if bad:
            config.wrong(config.sections["REGNET"][key], f"`REGNET.{key}` is {rule}")
    config.report.stop_on_error()
    widths = regnet_widths(float(wa), w0, float(wm), depth)
    bottleneck = config.number("REGNET", "BOT_MUL", ONE, low=Fraction(1, 100))
    group, stride = config.whole("REGNET", "GROUP_W", 16, low=1), config.whole("REGNET", "STRIDE", 2, low=1)
    stages = tuple(
        AnyStage(widths.count(width), *_compatible(width, bottleneck, group, stride)) for width in sorted(set(widths))
    )
    squeeze = config.number("REGNET", "SE_R", QUARTER) if config.flag("REGNET", "SE_ON", False) else Fraction(0)
    said = f"Its stages are those of DEPTH = {depth}, W0 = {w0}, WA = {number(wa)} and WM = {number(wm)}."
    return AnyNet(
        config.text("REGNET", "STEM_TYPE", _STEMS, "simple_stem_in"), config.whole("REGNET", "STEM_W", 32, low=1),
        config.text("REGNET", "BLOCK_TYPE", _BLOCKS, "res_bottleneck_block"), stages,
        config.whole("REGNET", "HEAD_W", 0), squeeze, said=said,
    )  # fmt: skip


def regnet_widths(wa: float, w0: int, wm: float, depth: int) -> list[int]:
    """Return each block's width: w0 + wa · j, moved to the nearest w0 · wm^k and to a multiple of 8."""
    powers = [round(log((w0 + wa * j) / w0) / log(wm)) for j in range(depth)]
    return [round(w0 * wm**power / 8) * 8 for power in powers]


def _compatible(width: int, bottleneck: Fraction, group: int, stride: int) -> tuple[int, int, Fraction, int]:
    """Move a width to whole groups, as pycls does."""
    inner = int(max(ONE, width * bottleneck))
    group = min(group, inner)
    step = lcm(group, int(bottleneck)) if bottleneck > 1 else group
    whole = max(step, round(Fraction(inner, step)) * step)
    return int(whole / bottleneck), stride, bottleneck, group


def _resnet(config: Config) -> AnyNet:
    depth = config.whole("MODEL", "DEPTH", 0)
    block = "res_bottleneck_block"
    if config.text("RESNET", "TRANS_FUN", ("basic_transform", "bottleneck_transform"), "basic_transform")[0:2] == "ba":
        block = "res_basic_block"
    cifar = config.text("TRAIN", "DATASET", ("cifar10", "imagenet"), "imagenet") == "cifar10"
    known = (depth - 2) % 6 == 0 and depth > 2 if cifar else depth in _RESNETS
    if not known:
        message = "`MODEL.DEPTH` is 6n + 2" if cifar else "`MODEL.DEPTH` is 50, 101 or 152"
        setting = config.sections["MODEL"].get("DEPTH") or config.sections["MODEL"]["TYPE"]
        config.wrong(setting, message)
        raise CompileError(config.report.diagnostics)
    groups = config.whole("RESNET", "NUM_GROUPS", 1, low=1)
    narrow = groups * config.whole("RESNET", "WIDTH_PER_GROUP", 64, low=1)
    first = config.flag("RESNET", "STRIDE_1X1", True)
    depths = (((depth - 2) // 6,) * 3) if cifar else _RESNETS[depth]
    base = 16 if cifar else 256
    stages = tuple(
        AnyStage(count, base << index, 1 if index == 0 else 2, Fraction(narrow, 256), (narrow << index) // groups)
        for index, count in enumerate(depths)
    )
    stem = "res_stem_cifar" if cifar else "res_stem_in"
    return AnyNet(stem, 16 if cifar else 64, "res_basic_block" if cifar else block, stages, stride_first=first)
