"""`scalec test-file`: writes a property test beside an emitted file. The test checks the facts in the file's header."""

import argparse
import sys
from pathlib import Path

from scalec.commands.options import given, load, request_of, request_options, write_options
from scalec.diagnostics.exit_codes import DONE, NO_ACCESS, STDIN, WRONG_INPUT, WRONG_USAGE, fail
from scalec.record import record

_EXAMPLES = """examples:
  scalec test-file models/b0.py                           writes models/test_b0.py
  scalec test-file efficientnet.scl --variant B0          test_efficientnet_b0.py, for the file that `compile` writes
  scalec compile efficientnet.scl --phi 0..7 --with-tests both at once
"""


@record
class Subject:
    """What is tested: the text of an emitted file, and where the file is, or will be."""

    source: str
    path: Path


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "test-file", help="write a property test beside an emitted file", allow_abbrev=False,
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("files", metavar="FILE|SPEC", nargs="+", help="emitted files, or specs")
    request_options(parser, "scale", "body", "purpose")
    parser.add_argument("-o", metavar="DIR|-", dest="folder", help="where to write; `-` is standard output")
    write_options(parser)
    parser.set_defaults(run=run, stdin_filename="<stdin>", output_folder=None)


def run(arguments: argparse.Namespace) -> int:
    """Write the test of each file. Raises `CompileError` for a spec, and `OSError`."""
    from scalec.emit.head import HeadError
    from scalec.emit.test_file import beside, companion

    if given(arguments) and all(name.endswith(".py") for name in arguments.files):
        return fail("--phi, --variant, --set and --for are of a spec: an emitted file is what it is", WRONG_USAGE)
    if arguments.folder == STDIN and len(arguments.files) > 1:
        return fail("-o - is for one file", WRONG_USAGE)
    if arguments.folder not in (None, STDIN) and not Path(arguments.folder).is_dir():
        return fail(f"{arguments.folder}: there is no such folder", NO_ACCESS)
    tests: list[tuple[Path, str, str]] = []
    for name in arguments.files:
        subject = _subject(name, arguments)
        path = subject.path
        if arguments.folder not in (None, STDIN):
            path = Path(arguments.folder) / path.name
        try:
            text = companion(subject.source, path)
        except HeadError as error:
            return fail(f"{subject.path}: {error}", WRONG_INPUT)
        tests.append((beside(path), text, path.name))
    if arguments.folder == STDIN:
        sys.stdout.buffer.write(tests[0][1].encode())
        return DONE
    return _write(tests, arguments)


def _subject(name: str, arguments: argparse.Namespace) -> Subject:
    """Read an emitted file, or compile a spec."""
    from scalec.emit.emit import emit
    from scalec.emit.file_name import default_name

    if name.endswith(".py"):
        path = Path(name)
        return Subject(path.read_bytes().decode("utf-8", "replace"), path)
    made = load(name, arguments).compile(request_of(arguments))
    return Subject(emit(made), Path(arguments.output_folder or ".") / default_name(made.network))


def _write(tests: list[tuple[Path, str, str]], arguments: argparse.Namespace) -> int:
    from scalec.diagnostics.text import printable
    from scalec.project.write import write

    for path, text, name in tests:
        problem = write(path, text, arguments.force, arguments.follow_symlinks)
        if problem:
            return fail(problem, NO_ACCESS)
        print(f"{printable(str(path))}: tests of {printable(name)}")
    return DONE
