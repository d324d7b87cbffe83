"""The options of `scalec import`. Every start imports this module, so it imports little."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

_TIMM_NUMBERS = (
    ("--channel-multiplier", "F", "timm's channel_multiplier (1)"),
    ("--round-limit", "X", "rounding keeps this share of the channels (0.9)"),
    ("--squeeze-limit", "X", "the round limit of squeezes (0.9)"),
    ("--bn-eps", "X", "of batch normalisation (0.00001)"),
    ("--bn-momentum", "X", "of batch normalisation (0.1)"),
    ("--dropout", "X", "timm's drop_rate (0)"),
    ("--drop-path", "X", "timm's drop_path_rate (0)"),
    ("--channel-divisor", "N", "channels are multiples of it (8)"),
    ("--stem", "N", "timm's stem_size (32; mobilenetv3: 16)"),
    ("--stem-kernel", "N", "timm's stem_kernel_size (3)"),
    ("--head", "N or 0", "timm's num_features at a multiplier of 1 (1280); 0: no head"),
    ("--group-size", "N", "for blocks without one"),
    ("--squeeze-divisor", "N", "squeezes are multiples of it (1)"),
)
_TIMM_CHOICES = (
    ("--model", "efficientnet mobilenetv3", "timm's class: the head before the pooling, or behind (efficientnet)"),
    ("--head-scaling", "scaled fixed at-least", "the head's channels (scaled; mobilenetv3: fixed)"),
    ("--depth-trunc", "ceil round", "how repeats are rounded (ceil)"),
    ("--squeeze-from", "input expanded", "the squeeze ratio is relative to this (input; mobilenetv3: expanded)"),
    ("--padding", "symmetric same", "timm's pad_type (symmetric)"),
)
_TIMM_FLAGS = (
    ("--fix-stem", "width does not scale the stem"), ("--fix-first-last", "depth does not scale these stages"),
    ("--head-norm", "mobilenetv3: normalise the head"), ("--no-head-bias", "mobilenetv3: no bias in the head"),
)  # fmt: skip
_ACTIVATIONS = "relu relu6 hard_swish swish silu gelu"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser("import", help="convert a definition of timm or pycls into a spec", allow_abbrev=False)
    parser.description = "Write a spec that compiles to the network of a timm architecture definition (lists of strings"
    parser.description += " such as ir_r2_k3_s2_e6_c24_se0.25) or of a pycls configuration (.yaml)."
    parser.add_argument("file", metavar="FILE", help="lists of strings in JSON or Python syntax, or a .yaml file")
    parser.add_argument(
        "--from", choices=("timm", "pycls"), dest="source", help="the library of the definition (.yaml: pycls)"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write; `-` is standard output")
    parser.add_argument("--force", action="store_true", help="overwrite a file that is there")
    parser.add_argument("--name", type=_name, help="of the network (the file's)")
    parser.add_argument("--resolution", metavar="N", type=_whole, help="of the images (224; pycls: TRAIN.IM_SIZE)")
    timm = parser.add_argument_group("other arguments of the call in timm")
    for option, metavar, help in _TIMM_NUMBERS:
        timm.add_argument(
            option, metavar=metavar, type={"X": _share, "F": _factor, "N": _whole, "N or 0": _count}[metavar], help=help
        )
    timm.add_argument(
        "--depth-multiplier", metavar="F", type=_factors, help="as passed (1); or one a stage: 1.2,1.2,1.6"
    )
    for option, choices, help in _TIMM_CHOICES:
        timm.add_argument(option, choices=choices.split(), help=help)
    for option, help in _TIMM_FLAGS:
        timm.add_argument(option, action="store_true", help=help)
    for option, help in (
        ("--activation", "for blocks without one (relu)"),
        ("--squeeze-activation", "(the block's)"),
    ):
        timm.add_argument(option, choices=_ACTIVATIONS.split(), help=help)
    timm.add_argument("--squeeze-gate", choices=("sigmoid", "hard_sigmoid"), help="(sigmoid)")
    parser.set_defaults(run=_import)


def _import(arguments: argparse.Namespace) -> int:
    from scalec.commands.import_run import run

    return run(arguments)


def _whole(text: str) -> int:
    if not _count(text):
        raise argparse.ArgumentTypeError("expected a whole number above 0")
    return _count(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"expected a whole number, not {text!r}")
    return int(text)


def _share(text: str) -> "Fraction":
    from fractions import Fraction

    whole, _, decimals = text.partition(".")
    if not f"{whole}{decimals}0".isascii() or not (whole + (decimals or "0")).isdigit() or len(text) > 12:
        raise argparse.ArgumentTypeError(f"expected a number such as 1.4, not {text!r}")
    return Fraction(text)


def _factor(text: str) -> "Fraction":
    if not _share(text):
        raise argparse.ArgumentTypeError("a multiplier is more than 0")
    return _share(text)


def _factors(text: str) -> "tuple[Fraction, ...]":
    return tuple(map(_factor, text.split(",")))


def _name(text: str) -> str:
    if not (text.isascii() and text.isidentifier() and text[0] != "_" and len(text) <= 64):
        raise argparse.ArgumentTypeError(f"expected a name such as MyNet, not {text!r}")
    return text
