"""The options of `scalec diff`, and what is compared. Every start imports this module, so it imports little."""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalec.commands.options import read, set_option, show
from scalec.diagnostics.exit_codes import DONE, STDIN, WRONG_INPUT, WRONG_USAGE, fail
from scalec.program.request import Request
from scalec.record import record

if TYPE_CHECKING:
    from scalec.commands.reports.diff_model import Diff, Side
    from scalec.compiler import Loaded

_EXAMPLES = """examples:
  scalec diff efficientnet.scl --phi 1 --phi 4                   two scales
  scalec diff efficientnet.scl --variant B0 --variant B4         two variants, or --variant B0,B4
  scalec diff efficientnet.scl --phi 4                           the spec as written, and a scale
  scalec diff efficientnet.scl --phi 4 --set classes=10          without what is set, and with it
  scalec diff old.scl new.scl --variant B0                       two specs
  scalec diff efficientnet.scl --against HEAD~1 --all            what a commit changed, in every variant
"""


class _Scales(argparse.Action):
    """Collects `--phi` and `--variant` in the order in which they stand."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: str | None = None) -> None:
        """Take one option."""
        namespace.scales = [*namespace.scales, (self.dest, values)]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "diff", help="compare two specs, scales or commits", allow_abbrev=False, epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("specs", metavar="SPEC", nargs="+", help="one .scl file, or two; `-` is standard input")
    parser.add_argument("--stdin-filename", metavar="FILE", default="<stdin>",
                        help="the name of standard input; its imports are looked up in that folder")  # fmt: skip
    parser.add_argument("--phi", metavar="X", action=_Scales, help="a scale to compare; twice, or 1,4")
    parser.add_argument("--variant", metavar="NAME", action=_Scales, help="a row of `variants`; twice, or B0,B4")
    set_option(parser)
    parser.add_argument("--against", metavar="COMMIT", type=_ref, help="compare with the spec at a commit of git")
    parser.add_argument("--all", action="store_true", help="compare two specs or commits as written, and every variant")
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text")
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 if anything differs")
    parser.set_defaults(run=run, scales=[])


def _ref(text: str) -> str:
    if not text or text.startswith("-"):
        raise argparse.ArgumentTypeError(f"expected the name of a commit, such as HEAD~1, not {text!r}")
    return text


def run(arguments: argparse.Namespace) -> int:
    """Compare, and print the report. Raises `CompileError`."""
    from scalec.commands.reports.diff_report import FORMATS, Report, text
    from scalec.diagnostics.show import wants_colour
    from scalec.project.git import GitError

    scales = list(_scales(arguments.scales))
    two = len(arguments.specs) == 2 or arguments.against is not None
    if problem := _problem(arguments, scales, two):
        return fail(problem, WRONG_USAGE)
    try:
        old, new = _loaded(arguments) if two else (_read(arguments.specs[0], arguments),) * 2
    except GitError as error:
        return fail(str(error), error.code)
    diffs = tuple(_diffs(old, new, arguments, scales) if two else [_of_one(new, arguments, scales)])
    rows = [list(each.loaded.program.variants) for each in (old, new)] if arguments.all else [[], []]
    added, removed = (tuple(n for n in rows[i] if n not in rows[1 - i]) for i in (1, 0))
    report = Report(diffs, added, removed)
    show((), arguments)
    if arguments.format == "text":
        print(text(report, wants_colour(arguments.color or "auto", os.environ, sys.stdout)), end="")
    else:
        print(FORMATS[arguments.format](report), end="")
    return WRONG_INPUT if arguments.exit_code and not report.equal else DONE


def _scales(given: list[tuple[str, str]]) -> Iterator[Request]:
    from scalec.program.setting import scales

    for kind, text in given:
        yield from (
            (Request(phi=phi) for phi in scales(text))
            if kind == "phi"
            else (Request(variant=name.strip()) for name in text.split(","))
        )


def _problem(arguments: argparse.Namespace, scales: list[Request], two: bool) -> str | None:
    """Return what cannot be compared."""
    specs = arguments.specs
    if len(specs) > 2 or (arguments.against is not None and len(specs) > 1):
        return "diff compares two specs, or with --against one"
    if specs.count(STDIN) > 1 or (arguments.against is not None and STDIN in specs):
        return "standard input is one spec, and no file of a commit"
    if not two and arguments.all:
        return "--all is for two specs, or for --against"
    if arguments.all and scales:
        return "--all takes every variant: no --phi and no --variant beside it"
    if not two and (len(scales) > 2 or not (scales or arguments.changes)):
        return "of one spec diff compares two scales, such as --phi 1 --phi 4, or is told --against what"
    if len(specs) == 2 and len(scales) > 2:
        return "of two specs diff compares one scale, or one of each"
    return None


@record
class _Spec:
    """A spec that was read, what it is called, and what tells it from the other one."""

    loaded: "Loaded"
    name: str
    label: str

    def side(self, request: Request, label: str = "") -> "Side":
        """Scale it; the label is the scale in words unless there is another."""
        from scalec.commands.reports.diff_model import side
        from scalec.program.setting import make_setting

        self.loaded.named("baseline")  # shapes as written are checked there
        scale = _said(request)
        return side(self.loaded, make_setting(self.loaded.program, request), self.name, scale, label or scale)


def _said(request: Request) -> str:
    """Put a scale in words."""
    named = request.variant or (f"φ = {request.phi}" if request.phi is not None else "")
    changed = ", ".join(f"{name} = {value}" for name, value in request.changes)
    return f"{named} with {changed}" if named and changed else named or changed or "as written"


def _read(spec: str, arguments: argparse.Namespace) -> _Spec:
    from scalec import compiler

    path, data = read(spec, arguments)
    return _Spec(compiler.load(path, data), path.as_posix(), path.name)


def _loaded(arguments: argparse.Namespace) -> tuple[_Spec, _Spec]:
    """Read both specs. Raises `GitError`."""
    if arguments.against is None:
        first, second = (_read(spec, arguments) for spec in arguments.specs)
        if first.label == second.label:
            return _Spec(first.loaded, first.name, first.name), _Spec(second.loaded, second.name, second.name)
        return first, second
    from scalec import compiler
    from scalec.program.read import importer
    from scalec.project.git import GitError, commit

    path = Path(arguments.specs[0])
    now = _read(arguments.specs[0], arguments)
    then = commit(path.parent, arguments.against)
    data = then.read(path.name)
    if data is None:
        raise GitError(f"{path.as_posix()} is not there at {then.ref}")

    def beside(name: str) -> tuple[str, bytes] | None:
        found = then.read(name)
        return None if found is None else (f"{then.ref}:{(path.parent / name).as_posix()}", found)

    name = f"{then.ref}:{path.as_posix()}"
    old = compiler.load_text(name, data, importer(beside))
    return _Spec(old, name, then.ref), _Spec(now.loaded, now.name, "the spec now")


def _of_one(spec: _Spec, arguments: argparse.Namespace, scales: list[Request]) -> "Diff":
    """Compare two scales of a spec; one with the spec as written, or with what `--set` makes of it."""
    from scalec.commands.reports.diff_model import Diff

    changes = tuple(arguments.changes)
    if len(scales) == 2:
        first, second = (spec.side(replace(each, changes=changes)) for each in scales)
        return Diff(first, second)
    after = scales[0] if scales else Request()
    before = after if changes else Request()
    return Diff(spec.side(before), spec.side(replace(after, changes=changes)))


def _diffs(old: _Spec, new: _Spec, arguments: argparse.Namespace, scales: list[Request]) -> "Iterator[Diff]":
    """Compare two specs at one scale, or at several."""
    from scalec.commands.reports.diff_model import Diff

    pairs = [(each, each) for each in scales or [Request()]]
    if arguments.all:
        shared = [name for name in new.loaded.program.variants if name in old.loaded.program.variants]
        pairs += [(Request(variant=name),) * 2 for name in shared]
    elif arguments.against is None and len(scales) == 2:
        pairs = [(scales[0], scales[1])]
    changes = tuple(arguments.changes)
    for before, after in pairs:
        yield Diff(
            old.side(replace(before, changes=changes), old.label), new.side(replace(after, changes=changes), new.label)
        )
