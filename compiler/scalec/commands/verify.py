"""`scalec verify`: runs an emitted file and compares it with its spec, its header, or another library's model."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalec.commands.options import given, load, request_of, request_options
from scalec.diagnostics.exit_codes import DONE, WRONG_INPUT, WRONG_USAGE, fail

if TYPE_CHECKING:
    from scalec.emit.head import Expected
    from scalec.verify.checks import Subject

_EXAMPLES = """examples:
  scalec verify b4.py                                            compare with the table in its header
  scalec verify b4.py --spec efficientnet.scl --variant B4       compare with the spec: outputs, gradients, everything
  scalec verify b4.py --against torchvision:efficientnet_b4      compare with a peer with the same weights
"""
PEERS = ("timm", "torchvision")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "verify", help="run an emitted file and compare it with its spec", allow_abbrev=False,
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("file", metavar="FILE", help="an emitted file; it is executed")
    parser.add_argument("--spec", metavar="SPEC", help="the spec that it was compiled from")
    request_options(parser, "scale", "body", "purpose")
    parser.add_argument("--against", metavar="PEER:NAME", type=_peer, help="a model of timm or torchvision")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.set_defaults(run=run, stdin_filename="<stdin>")


def _peer(text: str) -> tuple[str, str]:
    library, colon, name = text.partition(":")
    if not colon or library not in PEERS or not name:
        raise argparse.ArgumentTypeError(f"expected timm:NAME or torchvision:NAME, not {text!r}")
    return library, name


def run(arguments: argparse.Namespace) -> int:
    """Check everything; the exit code is 0 if all of it holds. Raises `CompileError` for the spec."""
    if arguments.spec is None and set(given(arguments)) - {"for"}:
        return fail("--phi, --variant and --set are of a spec: name it with --spec", WRONG_USAGE)
    path = Path(arguments.file)
    text = path.read_bytes().decode("utf-8", "replace")
    try:
        from scalec.emit.head import HeadError
        from scalec.verify.checks import Wrong
        from scalec.verify.loading import LoadError
    except ModuleNotFoundError as error:
        return fail(f"verify needs {error.name}: pip install 'scalec[torch]'", WRONG_USAGE)
    try:
        subject = _subject(path, text, _expected(text, arguments))
    except (HeadError, LoadError) as error:
        return fail(f"{path}: {error}", WRONG_INPUT)
    rows: list[tuple[str, bool, str]] = []
    for name, check in _checks(subject, arguments):
        try:
            rows.append((name, True, check(subject)))
        except Wrong as wrong:
            rows.append((name, False, str(wrong)))
        except Exception as error:  # the file is anybody's: what it raises is a finding, not a bug of ours
            rows.append((name, False, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"))
        if arguments.format == "table":
            print(_line(*rows[-1]), flush=True)
    ok = all(good for _, good, _ in rows)
    if arguments.format == "json":
        print(json.dumps(_report(arguments, ok, rows), indent=2))
    elif not ok:
        print(f"scalec: {path} is not what it should be", file=sys.stderr)
    return DONE if ok else WRONG_INPUT


def _expected(text: str, arguments: argparse.Namespace) -> "Expected":
    from scalec.emit.head import from_head, is_for_inference_by
    from scalec.verify.expected import from_spec

    if arguments.spec is None:
        return from_head(text)
    request = request_of(arguments)
    if "for" not in given(arguments):
        request = replace(request, inference=is_for_inference_by(text))
    return from_spec(load(arguments.spec, arguments).compile(request))


def _subject(path: Path, text: str, expected: "Expected") -> "Subject":
    from scalec.verify.checks import Subject
    from scalec.verify.loading import load as load_file
    from scalec.verify.loading import network_class

    module = load_file(path)
    return Subject(text, network_class(module), tuple(module.INPUT_SHAPE), expected, getattr(module, "fold", None))


def _checks(subject: "Subject", arguments: argparse.Namespace) -> "Iterator[tuple[str, Callable[[Subject], str]]]":
    from scalec.verify import checks, peer

    yield from checks.of(subject.expected)
    if arguments.against:
        library, name = arguments.against
        yield f"{library}:{name}", lambda subject: peer.equal(subject, library, name)


def _line(name: str, ok: bool, said: str) -> str:
    return f"{'ok' if ok else 'WRONG':<7}{name:<14} {said}"


def _report(arguments: argparse.Namespace, ok: bool, rows: list[tuple[str, bool, str]]) -> dict[str, Any]:
    checks = [{"name": name, "ok": good, "said": said} for name, good, said in rows]
    return {"file": arguments.file, "spec": arguments.spec, "ok": ok, "checks": checks}
