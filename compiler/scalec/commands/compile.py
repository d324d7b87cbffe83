"""`scalec compile`: specs in, PyTorch files out, or a comparison with the files that are there."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from scalec.commands.check import files_options
from scalec.commands.options import (
    body_options,
    is_for_inference,
    load,
    purpose_options,
    scale_options,
    spec_options,
    taps,
    write_options,
)
from scalec.diagnostics.exit_codes import DONE, NO_ACCESS, STDIN, WRONG_INPUT, WRONG_USAGE, fail
from scalec.record import record

if TYPE_CHECKING:
    from scalec.compiler import Compiled, Loaded

_EXAMPLES = """examples:
  scalec compile efficientnet.scl --phi 4                  writes efficientnet_phi4.py here
  scalec compile efficientnet.scl --variant B4 -o b4.py    the released B4
  scalec compile efficientnet.scl --phi 0..7 -o models     eight files in the folder `models`
  scalec compile *.scl -o models --check                   are the files there what the specs say? exit 1 if not
  scalec compile efficientnet.scl --set classes=10 -o -    to standard output
  scalec compile --update models                           each file there as its head says, where that has changed
  cat net.scl | scalec compile - -o net.py                 from standard input
"""


@record
class Output:
    """One file to be: what it holds, and what it holds it of."""

    path: Path
    compiled: "Compiled"
    source: str

    @property
    def said(self) -> str:
        """What is told of the file."""
        from scalec.cost.count import cost
        from scalec.emit.file_name import scale_of

        counted = cost(self.compiled.network)
        return f"{scale_of(self.compiled.network)}, {counted.params:,} parameters, {counted.macs:,} multiply-adds"

    @property
    def model(self) -> "Output":
        """The emitted file: this, or the one that this is a test of."""
        return self

    def state(self) -> str:
        """Say what has become of the file that is there."""
        from scalec.emit.head import head
        from scalec.project.discover import read_text
        from scalec.project.verdict import compared

        if not self.path.is_file():
            return "missing"
        model = self.model
        was = head(read_text(model.path)) if model.path.is_file() else None
        return compared(self.path, self.path.read_bytes(), self.source, was, head(model.source)).state

    def diff(self) -> str:
        """Give what would change in the file, as a unified diff."""
        from scalec.project.verdict import difference

        return difference(self.path, self.path.read_bytes() if self.path.is_file() else None, self.source)


@record
class Companion(Output):
    """The test of a file, beside it."""

    of: Output

    @property
    def said(self) -> str:
        """What is told of the test."""
        return f"tests of {self.of.path.name}"

    @property
    def model(self) -> Output:
        """The emitted file that this is a test of."""
        return self.of


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "compile", help="check specs and write a PyTorch file for each scale", allow_abbrev=False, epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    spec_options(parser, "SPEC", "a .scl file; `-` is standard input. With --update: emitted files, and folders")
    scale_options(parser, several="; several: 0..7 or 0,0.5,1")
    body_options(parser)
    purpose_options(parser)
    parser.add_argument("-o", "--output", metavar="FILE|DIR", help="where to write; `-` is standard output")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 unless the files are up to date")
    parser.add_argument("--diff", action="store_true", help="--check, and show what would change")
    parser.add_argument("--true", action="store_true", help="move d, w and r until FLOPS grow as d·w²·r² says (1%%)")
    parser.add_argument(
        "--update",
        action="store_true",
        help="write emitted files anew, each as its head says; but what was edited only with --force",
    )
    files_options(parser)
    parser.add_argument("--depfile", metavar="FILE", help="write what the outputs depend on, for Make and Ninja")
    parser.add_argument("--with-tests", action="store_true", help="write test_FILE beside each FILE, too")
    write_options(parser)
    parser.set_defaults(run=run, output_folder=None, usage=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Compile everything, then write it: after an error nothing is written. Raises `CompileError`."""
    from scalec.diagnostics.show import show
    from scalec.emit.file_name import default_name

    if arguments.update:
        from scalec.commands.update import update

        return update(arguments)
    if arguments.depfile and (arguments.check or arguments.diff):
        return fail("--depfile is of what is written: not with --check", WRONG_USAGE)
    if arguments.spec_folders or arguments.no_cache:
        return fail("--specs and --no-cache are for --update", WRONG_USAGE)
    if not arguments.specs:
        arguments.usage("the following arguments are required: SPEC")
    arguments.output = arguments.output or arguments.output_folder
    specs = [(spec, load(spec, arguments)) for spec in arguments.specs]
    compiled = [each for _, loaded in specs for each in _compiled(loaded, arguments)]
    show(dict.fromkeys(warning for each in compiled for warning in each.warnings), arguments)
    if arguments.output == STDIN:
        return _to_stdout(compiled, arguments)
    sources = [each.source for each in compiled]  # all of them, before the first look at what is there
    folder = _folder(arguments.output, len(compiled))
    if isinstance(folder, int):
        return folder
    if folder is None:
        outputs = [Output(Path(arguments.output), compiled[0], sources[0])]
    else:
        made = zip(compiled, sources, strict=True)
        outputs = [Output(folder / default_name(each.network), each, source) for each, source in made]
    if arguments.with_tests:
        from scalec.verify.expected import HeadError

        try:
            outputs += [_companion(each) for each in outputs]
        except HeadError as error:
            return fail(f"--with-tests: {error}", WRONG_USAGE)
    for path in {each.path for each in outputs}:
        if sum(each.path == path for each in outputs) > 1:
            return fail(f"{path} would be written more than once", WRONG_USAGE)
    if arguments.check or arguments.diff:
        return _compare(outputs, arguments.diff)
    return _write(outputs, arguments) or _write_depfile(outputs, specs, arguments)


def _write_depfile(outputs: list[Output], specs: "list[tuple[str, Loaded]]", arguments: argparse.Namespace) -> int:
    if arguments.depfile is not None:
        from scalec.files import replace_file
        from scalec.project.depfile import depfile, inputs

        read = [path for spec, loaded in specs for path in inputs(None if spec == STDIN else Path(spec), loaded)]
        replace_file(Path(arguments.depfile), depfile([each.path for each in outputs], read).encode())
    return DONE


def _companion(output: Output) -> Companion:
    """Write the test of a file. Raises `HeadError` if no test can import it by its name."""
    from scalec.emit.test_file import beside, companion

    text = companion(output.source, output.path)
    return Companion(beside(output.path), output.compiled, text, output)


def _compiled(loaded: "Loaded", arguments: argparse.Namespace) -> "Iterator[Compiled]":
    from scalec.program.request import scales

    changes = arguments.changes
    for phi in scales(arguments.phi) if arguments.phi is not None else [None]:
        for variant in arguments.variant.split(",") if arguments.variant is not None else [None]:
            if arguments.true:
                from scalec.commands.reports.solve_report import true_changes

                changes = true_changes(
                    loaded, argparse.Namespace(**{**vars(arguments), "phi": phi, "variant": variant})
                )
            yield loaded.compile(
                phi, variant, changes, taps(arguments), arguments.output_stride, is_for_inference(arguments)
            )


def _folder(output: str | None, count: int) -> Path | int | None:
    """Give the folder to write to; nothing if the output is one file; an exit code if it cannot be either."""
    path = Path(output or ".")
    if path.is_dir():
        return path
    if count > 1 or (output or "").endswith(("/", os.sep)):
        several = ", and several files go to one" if count > 1 else ""
        return fail(f"{output}: there is no such folder{several}", NO_ACCESS)
    if not path.suffix and not path.exists():
        return fail(f"{output}: there is no such folder, and a file's name ends in .py", NO_ACCESS)
    return None


def _to_stdout(compiled: "list[Compiled]", arguments: argparse.Namespace) -> int:
    if len(compiled) > 1 or arguments.check or arguments.diff or arguments.with_tests or arguments.depfile:
        return fail("-o - is for one file, which is written and not compared", WRONG_USAGE)
    sys.stdout.buffer.write(compiled[0].source.encode())
    sys.stdout.buffer.flush()
    return DONE


def _compare(outputs: list[Output], show: bool) -> int:
    from scalec.diagnostics.text import printable
    from scalec.project.verdict import UP_TO_DATE

    code = DONE
    for output in outputs:
        state = output.state()
        if state == UP_TO_DATE:
            continue
        code = WRONG_INPUT
        print(f"{printable(str(output.path))}: {state}", file=sys.stderr)
        if show:
            sys.stdout.write(output.diff())
    return code


def _write(outputs: list[Output], arguments: argparse.Namespace) -> int:
    from scalec.diagnostics.text import printable
    from scalec.project.write import obstacle, write

    for output in outputs:
        if problem := obstacle(output.path, output.source, arguments.force, arguments.follow_symlinks):
            return fail(problem, NO_ACCESS)
    for output in outputs:
        problem = write(output.path, output.source, arguments.force, arguments.follow_symlinks)
        if problem:
            return fail(problem, NO_ACCESS)
        print(f"{printable(str(output.path))}: {output.said}")
    return DONE
