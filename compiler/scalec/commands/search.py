"""The options of `scalec search`. Every start imports this module, so it imports little."""

import argparse
import re

from scalec.commands.options import set_option, spec_options
from scalec.diagnostics.exit_codes import INTERRUPTED, WRONG_USAGE, fail

_EXAMPLES = """examples:
  scalec search fashion.scl --dry-run                     the candidates, and what a run would cost
  scalec search fashion.scl --jobs 2 --write              train them all, and put the best constants into the spec
  scalec search mine.scl --data images --gpus 0,1         on a folder of images, on two GPUs
  scalec search mine.scl --accuracy mine.train:accuracy   with your own function, or a command: --accuracy "./train.sh"
  scalec search fashion.scl --free d,w,r --flops 0.6M     of all networks that fill a budget, the best
  scalec search mine.scl --storage postgresql://host/db   shared with other machines, each of which runs:
  scalec search worker --storage postgresql://host/db
"""
WORKER = "worker"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "search", help="find the constants of a spec by training its networks", allow_abbrev=False, epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    spec_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="list the candidates and what a run would cost")
    parser.add_argument("--match", choices=("realised", "nominal"), default="realised",
                        help="candidates have equal real cost, or equal formulas (the paper)")  # fmt: skip
    parser.add_argument("--free", metavar="d,w,r", help="try all networks within a budget, not the spec's `search`")
    for name, example in (("flops", "0.6M"), ("params", "9M"), ("activations", "20M"), ("memory", "8GiB")):
        parser.add_argument(f"--{name}", metavar="X", help=f"with --free: a limit, as a spec writes it: {example}")
    parser.add_argument(
        "--from", metavar="X", default="1", dest="low", help="with --free: the smallest value of each (1)"
    )
    set_option(parser, "with --free: set a param or a let")
    parser.add_argument("--seeds", metavar="N", type=_whole(3, 100), help="seeds for each network (as the spec says)")
    parser.add_argument("--finalists", metavar="N", type=_whole(0, 100),
                        help="how many to compare at the φ of validation; 0: none (4)")  # fmt: skip
    parser.add_argument("--write", action="store_true", help="write the constants into the spec")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    source_options(parser)
    run_options(parser)
    parser.add_argument(
        "--idle", metavar="SECONDS", type=_seconds, help="with `worker`: exit after this time without work"
    )
    parser.set_defaults(run=run)


def source_options(parser: argparse.ArgumentParser) -> None:
    """Add where accuracy comes from; `scalec study` shares these."""
    parser.add_argument("--accuracy", metavar="HOW", help="`module:function`, or a command (the built-in trainer)")
    parser.add_argument("--data", metavar="DIR", help="images to train on (the built-in trainer: Fashion-MNIST)")
    parser.add_argument("--budget", metavar="NAME=N,…", type=_budget, help="how long to train: epochs=10,images=4000")
    parser.add_argument("--quick", action="store_true", help="4 epochs of 1,000 images: a demonstration")


def run_options(parser: argparse.ArgumentParser) -> None:
    """Add how trials are run, and where outcomes are kept; `scalec study` shares these."""
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_whole(1, 1024),
        help="how many trainings run at the same time (1, or one on each GPU)",
    )
    parser.add_argument("--threads", metavar="N", type=_whole(1, 1024), default=1, help="threads of each training (1)")
    parser.add_argument("--gpus", metavar="0,1", type=_gpus, default=(), help="train on these, one training on each")
    parser.add_argument("--timeout", metavar="SECONDS", type=_seconds, help="end a training that takes longer")
    parser.add_argument("--retries", metavar="N", type=_whole(0, 100), default=1,
                        help="how often to start a failed training again (1)")  # fmt: skip
    parser.add_argument("--store", metavar="DIR", help="the folder of results (.scalec/search)")
    parser.add_argument("--storage", metavar="URL", help="a database to share results, as postgresql://user@host/name")
    parser.add_argument("--heartbeat", metavar="SECONDS", type=_whole(1, 3600), default=15,
                        help="with --storage: how often a training gives a sign of life (15)")  # fmt: skip
    parser.add_argument("--launcher", choices=("local", "slurm"), default="local", help="where trainings run (local)")


def run(arguments: argparse.Namespace) -> int:
    """Search. Raises `CompileError`."""
    if wrong := _misused(arguments):
        return fail(wrong, WRONG_USAGE)
    try:
        from scalec.commands import search_run

        return search_run.work(arguments) if arguments.spec == WORKER else search_run.search(arguments)
    except ModuleNotFoundError as error:
        extra = "cluster" if error.name in ("submitit", "psycopg") else "search"
        return fail(f"search needs {error.name}: pip install 'scalec[{extra}]'", WRONG_USAGE)
    except KeyboardInterrupt:
        return fail("stopped; what has ended is kept, and the same command goes on from there", INTERRUPTED)


def _misused(arguments: argparse.Namespace) -> str | None:
    limits = [name for name in ("flops", "params", "activations", "memory") if getattr(arguments, name) is not None]
    if arguments.spec == WORKER:
        return None if arguments.storage else "a worker needs --storage: the database that it takes work from"
    if arguments.free and not limits:
        return "--free needs a budget, such as --flops 0.6M"
    if not arguments.free and (limits or arguments.changes):
        return f"--{limits[0] if limits else 'set'} goes with --free"
    if arguments.free and arguments.write:
        return "--write puts in the constants of the spec's own search, and --free is another one"
    if arguments.quick and arguments.write:
        return "--write puts in what a search has found, and --quick is to see one run"
    if arguments.spec == "-" and not arguments.dry_run:
        return "the result is written beside the spec: give its name, or --dry-run"
    if arguments.launcher == "slurm" and arguments.gpus and len(arguments.gpus) > 1:
        return "with --launcher slurm the scheduler chooses GPUs: --gpus 0 asks for one for each training"
    return None


def _whole(least: int, most: int) -> "type[int]":
    class Whole(int):
        """A whole number of the command line."""

        def __new__(cls, text: str) -> "Whole":
            if not re.fullmatch(r"[0-9]{1,6}", text) or not least <= int(text) <= most:
                raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most:,}, not {text!r}")
            return super().__new__(cls, text)

    return Whole


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,8}(\.[0-9]+)?", text) or float(text) == 0:
        raise argparse.ArgumentTypeError(f"expected seconds, as in `600`, not {text!r}")
    return float(text)


def _gpus(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(re.fullmatch(r"[A-Za-z0-9_./:-]+", name) for name in names):
        raise argparse.ArgumentTypeError(f"expected numbers of GPUs, as in `0,1`, not {text!r}")
    return names


def _budget(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*([a-z_]+)\s*=\s*([0-9]{1,12}(?:\.[0-9]+)?)\s*", part)
        if match is None:
            raise argparse.ArgumentTypeError(f"expected names and numbers, as in `epochs=10,images=4000`, not {text!r}")
        found[match[1]] = float(match[2]) if "." in match[2] else int(match[2])
    return found
