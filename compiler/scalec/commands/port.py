"""`scalec port`: renames trained weights for an emitted file, and checks the outputs before it writes the weights."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scalec.commands.verify import PEERS
from scalec.diagnostics.exit_codes import DONE, NO_ACCESS, WRONG_INPUT, WRONG_USAGE, fail
from scalec.record import record

if TYPE_CHECKING:
    from scalec.verify.checks import Subject
    from scalec.verify.transfer import Transfer

_EXAMPLES = """examples:
  scalec port --from b0.pth --like timm:efficientnet_b0 --to b0.py     a checkpoint of timm's network
  scalec port --from b0.pth --like mine.py:build --to b0.py            of a network that your function builds
  scalec port --from torchvision:resnet50 --to r50.py -o r50.safetensors   weights that torchvision has downloaded
  scalec port --from run7.pth --to b0.py                               of the file itself: checked, and rewritten
"""
_SUFFIX = ".safetensors"


@record
class Model:
    """Whose flow of data tells what a tensor is for: a model of a library, or what a function in a file builds."""

    library: str
    name: str

    @property
    def is_file(self) -> bool:
        """Whether it is a function in a file."""
        return self.library not in PEERS

    def __str__(self) -> str:
        """Return it as it is written on the command line."""
        return f"{self.library}:{self.name}"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "port", help="rename trained weights for an emitted file", allow_abbrev=False,
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--from", metavar="CHECKPOINT|PEER:NAME", required=True, dest="source",
                        help="safetensors, a file of torch.save, or weights that a library has downloaded")  # fmt: skip
    parser.add_argument("--like", metavar="PEER:NAME|FILE.py:NAME", type=_like,
                        help="the network of the checkpoint; a FILE.py is executed")  # fmt: skip
    parser.add_argument("--to", metavar="FILE", required=True, help="the emitted file; it is executed")
    parser.add_argument("-o", "--output", metavar="FILE|DIR", help="where to write; by default FILE's name here")
    parser.add_argument("--entry", metavar="NAME", help="which entry of the checkpoint, as in state_dict_ema")
    parser.add_argument("--force", action="store_true", help="overwrite a file that is there")
    parser.add_argument("--quiet", action="store_true", help="do not print the mapping")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.set_defaults(run=run)


def _like(text: str) -> Model:
    head, colon, name = text.rpartition(":")
    library, _, model = text.partition(":")
    if library in PEERS and model:
        return Model(library, model)
    if colon and head.endswith(".py") and name.isidentifier():
        return Model(head, name)
    raise argparse.ArgumentTypeError(f"expected timm:NAME, torchvision:NAME or FILE.py:NAME, not {text!r}")


def run(arguments: argparse.Namespace) -> int:
    """Map, prove, write. After any failure nothing is written. Raises `OSError`."""
    library, colon, name = arguments.source.partition(":")
    peer = Model(library, name) if colon and library in PEERS else None
    if peer is not None and arguments.like is not None:
        return fail("--like is of a checkpoint in a file: --from names the model itself", WRONG_USAGE)
    output = _output(arguments)
    if not output.name.endswith(_SUFFIX):
        return fail(f"{output}: weights are written as safetensors, to a name that ends in {_SUFFIX}", WRONG_USAGE)
    problem = _in_the_way(output)
    if problem:
        return fail(problem, NO_ACCESS)
    try:
        from scalec.verify.checkpoint import CheckpointError
        from scalec.verify.checks import Wrong
        from scalec.verify.loading import LoadError
        from scalec.verify.peer import NoPeer
    except ModuleNotFoundError as error:
        return fail(f"port needs {error.name}: pip install 'scalec[port]'", WRONG_USAGE)
    try:
        transfer = _transfer(arguments, peer)
    except NoPeer as error:
        return fail(str(error), WRONG_USAGE)
    except CheckpointError as error:
        return fail(f"{arguments.source}: {error}; nothing is written", WRONG_INPUT)
    except LoadError as error:
        return fail(str(error), WRONG_INPUT)
    except Wrong as wrong:
        return fail(f"{wrong}; nothing is written", WRONG_INPUT)
    return _write(output, transfer, arguments)


def _output(arguments: argparse.Namespace) -> Path:
    default = Path(arguments.to).stem + _SUFFIX
    if arguments.output is None:
        return Path(default)
    path = Path(arguments.output)
    return path / default if path.is_dir() else path


def _in_the_way(output: Path) -> str | None:
    """Return why nothing can be written there: known before the work is done, not after it."""
    if not output.parent.is_dir():
        return f"{output}: there is no folder {output.parent}"
    if output.is_symlink() or (output.exists() and not output.is_file()):
        return f"{output} is a link or no plain file"
    return None


def _transfer(arguments: argparse.Namespace, peer: Model | None) -> "Transfer":
    """Read everything and find out what goes where. Raises what is wrong."""
    from scalec.verify import transfer
    from scalec.verify.checkpoint import CheckpointError, read
    from scalec.verify.peer import build, built, trained

    subject = _subject(Path(arguments.to))
    count = transfer.classes(subject)
    if peer is not None:
        network = build(peer.library, peer.name)
        values = read(trained(peer.library, peer.name, network))
        return transfer.by_flow(values, network, str(peer), subject)
    values = read(Path(arguments.source), arguments.entry)
    if arguments.like is not None:
        like = arguments.like
        network = built(Path(like.library), like.name) if like.is_file else build(like.library, like.name, count)
        return transfer.by_flow(values, network, str(like), subject)
    try:
        return transfer.as_named(values, subject)
    except CheckpointError as error:
        whose = "if it is of another network, say of which: --like timm:NAME, torchvision:NAME or FILE.py:NAME"
        raise CheckpointError(f"{error}; {whose}") from None


def _subject(path: Path) -> "Subject":
    """Run the emitted file. Raises `LoadError`."""
    from scalec.emit.head import Expected
    from scalec.verify.checks import Subject
    from scalec.verify.loading import LoadError, load, network_class

    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        module = load(path)
        return Subject(text, network_class(module), tuple(module.INPUT_SHAPE), Expected(0, 0, {}))
    except LoadError as error:
        raise LoadError(f"{path}: {error}") from None


def _write(output: Path, transfer: "Transfer", arguments: argparse.Namespace) -> int:
    from scalec.diagnostics.text import printable
    from scalec.files import replace_file

    there = output.read_bytes() if output.is_file() else None
    if there is not None and there != transfer.data and not arguments.force:
        return fail(f"{output} is there already, with other weights: --force overwrites it", NO_ACCESS)
    if there != transfer.data:
        replace_file(output, transfer.data)
    if arguments.format == "json":
        print(json.dumps(_report(output, transfer, arguments), indent=2, ensure_ascii=False))
        return DONE
    if not arguments.quiet:
        sys.stdout.write(printable_table(transfer))
    print(f"{printable(str(output))}: {len(transfer.moved)} tensors, {transfer.said}")
    return DONE


def printable_table(transfer: "Transfer") -> str:
    """Lay the mapping out: whence, whither, and the shape, or both where it changes."""
    from scalec.diagnostics.text import printable
    from scalec.table import table
    from scalec.verify.checkpoint import dims

    rows = [("from", "to", "shape")]
    for each in transfer.moved:
        before = "" if each.source_shape == each.shape else f"{dims(each.source_shape)} as "
        rows.append((printable(each.source), each.target, before + dims(each.shape)))
    return "".join(f"{line.rstrip()}\n" for line in table(rows, "<<<"))


def _report(output: Path, transfer: "Transfer", arguments: argparse.Namespace) -> dict[str, object]:
    tensors = [
        {"from": each.source, "to": each.target, "shape": list(each.shape), "from_shape": list(each.source_shape)}
        for each in transfer.moved
    ]
    like = str(arguments.like) if arguments.like else None
    return {
        "from": arguments.source, "like": like, "to": arguments.to, "output": str(output), "said": transfer.said,
        "tensors": tensors,
    }  # fmt: skip
