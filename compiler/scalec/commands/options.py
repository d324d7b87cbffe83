"""The options that several commands share, and reading the spec that they name."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scalec.diagnostics.exit_codes import STDIN

if TYPE_CHECKING:
    from scalec.compiler import Loaded
    from scalec.cost.compiled import Compiled


def write_options(parser: argparse.ArgumentParser) -> None:
    """Add what writing asks about."""
    parser.add_argument(
        "--force", action="store_true", help="overwrite files that scalec did not write or that were edited"
    )
    parser.add_argument("--follow-symlinks", action="store_true", help="follow a link that leads out of the folder")


def spec_options(
    parser: argparse.ArgumentParser, several: str = "", help: str = "a .scl file; `-` is standard input"
) -> None:
    """Add the spec itself, or several, and what these are called."""
    name, count = ("specs", "*") if several else ("spec", None)
    parser.add_argument(name, metavar=several or "SPEC", nargs=count, help=help)
    parser.add_argument("--stdin-filename", metavar="FILE", default="<stdin>",
                        help="the name of standard input; its imports are looked up in that folder")  # fmt: skip


def scale_options(parser: argparse.ArgumentParser, several: str = "") -> None:
    """Add which scale to take: φ or a variant, and what is set. `several` says how more than one is written."""
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument("--phi", metavar="X", help=f"the compound coefficient: 4, 0.5, -1, 1/3{several}")
    scale.add_argument(
        "--variant", metavar="NAME", help="a row of `variants`" + (", or several: B0,B4" if several else "")
    )
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], type=change, dest="changes",
                        help="set a param, a let or a network parameter")  # fmt: skip


def body_options(parser: argparse.ArgumentParser) -> None:
    """Add what makes a backbone of the network."""
    parser.add_argument("--features", action="store_true",
                        help="return feature maps, for detection and segmentation")  # fmt: skip
    parser.add_argument(
        "--tap", metavar="STAGE,…", type=_stages, help="with --features: return the maps of these stages"
    )
    parser.add_argument("--output-stride", metavar="N", type=_stride,
                        help="keep maps at least 1/N of the image size: further strides become dilation")  # fmt: skip


def purpose_options(parser: argparse.ArgumentParser) -> None:
    """Add what the file is for."""
    parser.add_argument("--for", choices=("training", "inference"),
                        help="inference: batch norms folded, no dropout, channels-last, tensors reused")  # fmt: skip


def is_for_inference(arguments: argparse.Namespace) -> bool:
    """Tell whether a file to deploy is asked for; without the option it is one to train."""
    return bool(vars(arguments)["for"] == "inference")


def compiled(loaded: "Loaded", arguments: argparse.Namespace) -> "Compiled":
    """Compile at the one scale that is asked for. Raises `CompileError`."""
    return loaded.compile(
        arguments.phi, arguments.variant, arguments.changes, taps(arguments), arguments.output_stride,
        is_for_inference(arguments),
    )  # fmt: skip


def read(spec: str, arguments: argparse.Namespace) -> tuple[Path, bytes]:
    """Give the name and the bytes of a spec. Raises `OSError`."""
    if spec == STDIN:
        return Path(arguments.stdin_filename), sys.stdin.buffer.read()
    path = Path(spec)
    return path, path.read_bytes()


def load(spec: str, arguments: argparse.Namespace) -> "Loaded":
    """Read and resolve a spec. Raises `CompileError`, and `OSError` if it cannot be read."""
    from scalec import compiler

    return compiler.load(*read(spec, arguments))


def taps(arguments: argparse.Namespace) -> tuple[str, ...] | None:
    """Give the stages whose maps are asked for; none if it is the whole network."""
    return arguments.tap or () if arguments.features or arguments.tap else None


def _stages(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"expected names of stages, as in `stage3,stage5`, not {text!r}")
    return names


def _stride(text: str) -> int:
    if text not in ("1", "2", "4", "8", "16", "32", "64"):
        raise argparse.ArgumentTypeError(f"expected a power of two such as 8 or 16, not {text!r}")
    return int(text)


def change(text: str) -> tuple[str, str]:
    """Read `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, not {text!r}")
    return name.strip(), value.strip()
