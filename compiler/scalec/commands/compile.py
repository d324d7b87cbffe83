"""`scalec compile`: writes PyTorch files for specs, or compares them with the existing files."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scalec.commands.check import files_options
from scalec.commands.options import load, request_of, request_options, show, spec_options, write_options
from scalec.diagnostics.exit_codes import DONE, STDIN, WRONG_INPUT, WRONG_USAGE, fail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalec.compiler import Loaded
    from scalec.cost.compiled import Compiled
    from scalec.project.output import Output

_EXAMPLES = """examples:
  scalec compile efficientnet.scl --phi 4                  writes efficientnet_phi4.py here
  scalec compile efficientnet.scl --variant B4 -o b4.py    the released B4
  scalec compile efficientnet.scl --phi 0..7 -o models     eight files in the folder `models`
  scalec compile *.scl -o models --check                   are the files up to date? exit 1 if not
  scalec compile efficientnet.scl --set classes=10 -o -    to standard output
  scalec compile --update models                           rewrite the files that are out of date
  cat net.scl | scalec compile - -o net.py                 from standard input
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "compile", help="check specs and write a PyTorch file for each scale", allow_abbrev=False, epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    spec_options(parser, "SPEC", "a .scl file; `-` is standard input. With --update: emitted files, and folders")
    request_options(parser, "scale", "body", "purpose", several=True)
    parser.add_argument("-o", "--output", metavar="FILE|DIR", help="where to write; `-` is standard output")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 unless the files are up to date")
    parser.add_argument("--diff", action="store_true", help="like --check, and show what would change")
    parser.add_argument(
        "--true", action="store_true", help="adjust d, w and r until FLOPS grow by d·w²·r² (within 1%%)"
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="rewrite emitted files that are out of date; edited files only with --force",
    )
    files_options(parser)
    parser.add_argument("--depfile", metavar="FILE", help="write the dependencies of the outputs, for Make and Ninja")
    parser.add_argument("--with-tests", action="store_true", help="write test_FILE beside each FILE, too")
    write_options(parser)
    parser.set_defaults(run=run, output_folder=None, usage=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Compile everything, then write it: after an error nothing is written. Raises `CompileError`."""
    if arguments.update:
        from scalec.commands.update import update

        return update(arguments)
    if arguments.depfile and (arguments.check or arguments.diff):
        return fail("--depfile is of what is written: not with --check", WRONG_USAGE)
    if arguments.spec_folders or arguments.no_cache:
        return fail("--specs and --no-cache are for --update", WRONG_USAGE)
    if not arguments.specs:
        arguments.usage("the following arguments are required: SPEC")
    from scalec.project.output import OutputError, check, outputs, write

    specs = [(spec, load(spec, arguments)) for spec in arguments.specs]
    compiled = [each for _, loaded in specs for each in _compiled(loaded, arguments)]
    show(dict.fromkeys(warning for each in compiled for warning in each.warnings), arguments)
    target = arguments.output or arguments.output_folder
    if target == STDIN:
        return _to_stdout(compiled, arguments)
    try:
        found = outputs(compiled, target, arguments.with_tests)
        if arguments.check or arguments.diff:
            return _differing(check(found), arguments.diff)
        for each in write(found, arguments.force, arguments.follow_symlinks):
            _say(each)
    except OutputError as error:
        return fail(str(error), error.code)
    if arguments.depfile is not None:
        _write_depfile(Path(arguments.depfile), found, specs)
    return DONE


def _compiled(loaded: "Loaded", arguments: argparse.Namespace) -> "list[Compiled]":
    from scalec.program.setting import single

    requests = single(request_of(arguments))
    if arguments.true:
        from scalec.commands.reports.solve_report import as_promised

        requests = (as_promised(loaded, request) for request in requests)
    return [loaded.compile(request) for request in requests]


def _to_stdout(compiled: "list[Compiled]", arguments: argparse.Namespace) -> int:
    from scalec.emit.emit import emit

    if len(compiled) > 1 or arguments.check or arguments.diff or arguments.with_tests or arguments.depfile:
        return fail("-o - is for one file, which is written and not compared", WRONG_USAGE)
    sys.stdout.buffer.write(emit(compiled[0]).encode())
    sys.stdout.buffer.flush()
    return DONE


def _differing(found: "Sequence[Output]", with_difference: bool) -> int:
    from scalec.diagnostics.text import printable

    for each in found:
        print(f"{printable(str(each.path))}: {each.state}", file=sys.stderr)
        if with_difference:
            sys.stdout.write(each.difference)
    return WRONG_INPUT if found else DONE


def _say(output: "Output") -> None:
    from scalec.diagnostics.text import printable

    print(f"{printable(str(output.path))}: {output.said}")


def _write_depfile(path: Path, found: "Sequence[Output]", specs: "list[tuple[str, Loaded]]") -> None:
    from scalec.files import replace_file
    from scalec.project.depfile import depfile, inputs

    read = [each for spec, loaded in specs for each in inputs(None if spec == STDIN else Path(spec), loaded)]
    replace_file(path, depfile([each.path for each in found], read).encode())
