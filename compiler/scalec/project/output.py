"""`scalec compile`: writes the files of compiled networks, or compares them with the existing files."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from scalec.cost.compiled import Compiled
from scalec.cost.count import cost
from scalec.diagnostics.exit_codes import NO_ACCESS, WRONG_USAGE
from scalec.emit.emit import emit
from scalec.emit.file_name import default_name, scale_of
from scalec.emit.head import HeadError, head
from scalec.emit.test_file import beside, companion
from scalec.files import read_text
from scalec.project.verdict import UP_TO_DATE, compared, difference
from scalec.project.write import obstacle
from scalec.project.write import write as write_file
from scalec.record import record


class OutputError(Exception):
    """Outputs cannot be written as asked. Carries the exit code of a command that wants them."""

    def __init__(self, message: str, code: int = NO_ACCESS) -> None:
        super().__init__(message)
        self.code = code


@record
class Output:
    """A file to be written; `model` is the emitted file that this is a test of."""

    path: Path
    compiled: Compiled
    source: str
    model: "Output | None" = None

    @property
    def said(self) -> str:
        """What is told of the file."""
        if self.model is not None:
            return f"tests of {self.model.path.name}"
        counted = cost(self.compiled.network)
        return f"{scale_of(self.compiled.network)}, {counted.params:,} parameters, {counted.macs:,} multiply-adds"

    @property
    def state(self) -> str:
        """What has become of the file that is there."""
        if not self.path.is_file():
            return "missing"
        model = self.model or self
        was = head(read_text(model.path)) if model.path.is_file() else None
        return compared(self.path, self.path.read_bytes(), self.source, was, head(model.source)).state

    @property
    def difference(self) -> str:
        """What would change in the file, as a unified diff."""
        return difference(self.path, self.path.read_bytes() if self.path.is_file() else None, self.source)


def outputs(compiled: Sequence[Compiled], target: str | None, with_tests: bool = False) -> list[Output]:
    """Return the files of networks, in a folder or as one file; with a test beside each if they are wanted.

    Raise `CompileError` if a file would be too large, and `OutputError` if they cannot be written there.
    """
    sources = [emit(each) for each in compiled]  # all of them, before the first look at what is there
    folder = _folder(target, len(compiled))
    found = [
        Output(Path(target or ".") if folder is None else folder / default_name(each.network), each, source)
        for each, source in zip(compiled, sources, strict=True)
    ]
    try:
        found += [_test(each) for each in found] if with_tests else []
    except HeadError as error:
        raise OutputError(f"--with-tests: {error}", WRONG_USAGE) from None
    paths = [each.path for each in found]
    for path in paths:
        if paths.count(path) > 1:
            raise OutputError(f"{path} would be written more than once", WRONG_USAGE)
    return found


def check(found: Sequence[Output]) -> list[Output]:
    """Return the outputs of which the files that are there differ, or that are missing."""
    return [each for each in found if each.state != UP_TO_DATE]


def write(found: Sequence[Output], force: bool = False, follow: bool = False) -> Iterator[Output]:
    """Write files, and give each as soon as it is there. Nothing is written if something is in the way of one.

    Raises `OutputError` for that, and `OSError`.
    """
    for each in found:
        if problem := obstacle(each.path, each.source, force, follow):
            raise OutputError(problem)
    for each in found:
        if problem := write_file(each.path, each.source, force, follow):
            raise OutputError(problem)
        yield each


def _folder(target: str | None, count: int) -> Path | None:
    """Return the folder to write to, or None if the target is one file. Raise `OutputError` if it can be neither."""
    path = Path(target or ".")
    if path.is_dir():
        return path
    if count > 1 or (target or "").endswith(("/", os.sep)):
        several = ", and several files go to one" if count > 1 else ""
        raise OutputError(f"{target}: there is no such folder{several}")
    if not path.suffix and not path.exists():
        raise OutputError(f"{target}: there is no such folder, and a file's name ends in .py")
    return None


def _test(output: Output) -> Output:
    """Return the test of a file. Raise `HeadError` if no test can import it by its name."""
    return Output(beside(output.path), output.compiled, companion(output.source, output.path), output)
