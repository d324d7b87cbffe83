"""The source of accuracies: the built-in trainer, a function of the user, or a command. A spec never names it."""

import ast
import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from scalec.record import record

BUILT_IN = "the built-in trainer"
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_SLOWEST = 600
"""Seconds that a trainer may take to say what it depends on: it may have to read its data."""


class SourceError(ValueError):
    """There is no such source, or it cannot run; the message says why."""


@record
class Source:
    """A way to have accuracy: a command that takes the path of a request as its last word."""

    name: str
    """What reports call it: `the built-in trainer`, `module:function`, or the command."""
    words: tuple[str, ...]
    """The command, without the request."""
    data: str | None
    budget: Mapping[str, float]
    identity: Mapping[str, object]
    """All that accuracy depends on besides network and seed: hashes of the code and the data, versions, the budget."""
    leaves: bool = False
    """Whether the command is told as well, behind the request, where the response goes."""

    @property
    def regime(self) -> str:
        """Return the data and the schedule of training, as a phrase."""
        said = self.identity.get("regime")
        return said if isinstance(said, str) else f"whatever data and schedule {self.name} has"

    @property
    def digest(self) -> str:
        """The hash of the identity."""
        return digest_of(self.identity)

    def command(self, request: Path, response: Path) -> list[str]:
        """Return the command that runs one trial."""
        return [*self.words, str(request), *([str(response)] if self.leaves else [])]


def find_source(
    accuracy: str | None = None, data: str | None = None, budget: Mapping[str, float] | None = None, here: bool = True
) -> Source:
    """Take `--accuracy`: nothing is the built-in trainer, else `module:function` or a command. Raises `SourceError`.

    `here` tells whether a command runs on this machine, which must then have its program.
    """
    budget = dict(budget or {})
    common: dict[str, object] = {"budget": budget, "torch": _version("torch")}
    if accuracy is None or _FUNCTION.fullmatch(accuracy):
        module = ("scalec.search.train",) if accuracy is None else ("scalec.search.call", accuracy)
        words, name = (sys.executable, "-m", *module), accuracy or BUILT_IN
        told = _identify([*words, "--identify", json.dumps({"data": data, "budget": budget})], name)
        own = {"code": code_digest(Path(__file__).with_name("train.py"))} if accuracy is None else _listing(data)
        return Source(name, words, data, budget, {**common, **own, **told, "source": name}, True)
    words = _words(accuracy)
    if here and shutil.which(words[0]) is None:
        raise SourceError(f"--accuracy {words[0]}: there is no such program, or it may not be run")
    files = [Path(word) for word in words if Path(word).is_file()]
    code = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    spoken = [Path(word).name if Path(word).is_file() else word for word in words]
    return Source(" ".join(spoken), words, data, budget, {**common, **_listing(data), "code": code, "source": spoken})


def _words(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise SourceError(f"--accuracy {command}: {str(error).lower()}") from None
    if not words:
        raise SourceError("the command for --accuracy is empty")
    return words


def digest_of(value: object) -> str:
    """Hash what JSON can write."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def code_digest(path: Path) -> str:
    """Hash a Python file and those of its folder that it imports."""
    found: dict[Path, str] = {}
    left = [path]
    while left:
        each = left.pop()
        if each not in found and each.is_file():
            data = each.read_bytes()
            found[each] = hashlib.sha256(data).hexdigest()
            left += [folder / f"{name}.py" for folder in (path.parent, each.parent) for name in _imports(data)]
    return digest_of({each.name: digest for each, digest in found.items()})


def _imports(data: bytes) -> Iterator[str]:
    """Return the last part of each module that is imported, the last two, and each name: it may be a module's."""
    try:
        tree = ast.parse(data)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.name.split(".")[-1] for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            last = node.module.split(".")[-2:]
            yield from (last[-1], "/".join(last), *(f"{last[-1]}/{alias.name}" for alias in node.names))


def _identify(words: list[str], name: str) -> dict[str, object]:
    """Ask a source what its figures depend on. Raises `SourceError`."""
    try:
        run = subprocess.run(words, capture_output=True, text=True, timeout=_SLOWEST, check=False)
    except subprocess.TimeoutExpired:
        raise SourceError(f"{name} did not say within {_SLOWEST} s what it depends on") from None
    if run.returncode != 0:
        said = [line.strip().removeprefix("scalec: ") for line in run.stderr.splitlines() if line.strip()]
        raise SourceError(f"{name} cannot run: {said[-1] if said else f'exit code {run.returncode}'}")
    try:
        told = json.loads(run.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        told = None
    if not isinstance(told, dict):
        raise SourceError(f"{name} --identify printed no JSON object")
    return told


def _listing(data: str | None) -> dict[str, object]:
    """Hash the names and sizes of the files in a folder of data: to read them all could take hours."""
    if data is None:
        return {"data": None}
    root = Path(data)
    if not root.exists():
        raise SourceError(f"--data {data}: there is no such folder")
    files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
    return {"data": digest_of([[str(path.relative_to(root)), path.stat().st_size] for path in files])}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
