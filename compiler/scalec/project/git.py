"""Reads files at a commit. git runs without a shell and reads only objects: no hook, filter or pager runs."""

import os
import subprocess
from pathlib import Path

from scalec.diagnostics.exit_codes import NO_ACCESS, WRONG_USAGE
from scalec.record import record

_SECONDS = 60


class GitError(Exception):
    """There is no such commit or file, or no git. Carries the exit code of a command that needs it."""

    def __init__(self, message: str, code: int = NO_ACCESS) -> None:
        super().__init__(message)
        self.code = code


@record
class Commit:
    """A commit of the repository that a folder lies in; `ref` is what it was called."""

    folder: Path
    ref: str
    identity: str

    def read(self, name: str) -> bytes | None:
        """Return a file of the folder, which may have been a link then: that is an error; raise `GitError`."""
        listed = _git(self.folder, "ls-tree", "-z", self.identity, "--", name)
        if listed.returncode:
            raise GitError(_said(listed))
        if not listed.stdout:
            return None
        mode, kind, blob = listed.stdout.split(b"\t")[0].decode("ascii").split()
        if kind != "blob" or mode == "120000":
            raise GitError(f"{name} at {self.ref} is no file, but a {'link' if kind == 'blob' else kind}")
        done = _git(self.folder, "cat-file", "blob", blob)
        if done.returncode:
            raise GitError(_said(done))
        return done.stdout


def commit(folder: Path, ref: str) -> Commit:
    """Look a commit up by a name such as `HEAD~1` or `main`. Raises `GitError`."""
    if ref.startswith("-") or not ref or not ref.isprintable() or " " in ref:
        raise GitError(f"{ref!r} is no name of a commit", WRONG_USAGE)
    inside = _git(folder, "rev-parse", "--git-dir")
    if inside.returncode:
        raise GitError(_said(inside))
    found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if found.returncode:
        raise GitError(f"no commit is called {ref}", WRONG_USAGE)
    return Commit(folder, ref, found.stdout.decode("ascii").strip())


def _git(folder: Path, *words: str) -> "subprocess.CompletedProcess[bytes]":
    command = ["git", "--no-pager", "--literal-pathspecs", "-C", str(folder), *words]
    try:
        return subprocess.run(
            command, capture_output=True, check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL, env=_environment()
        )  # fmt: skip
    except FileNotFoundError:
        raise GitError("git is not installed, or not on PATH") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git took more than {_SECONDS} seconds") from None


def _environment() -> dict[str, str]:
    """Return an environment in which the repository's own configuration can start no program.

    A repository may name a remote to fetch missing objects from (`ext::command`), or a program that watches its files.
    """
    settings = {"core.fsmonitor": "false", "core.hooksPath": os.devnull, "protocol.allow": "never"}
    given = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        given |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return os.environ | given | {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "", "GIT_TERMINAL_PROMPT": "0"}


def _said(done: "subprocess.CompletedProcess[bytes]") -> str:
    """Return the first line of what git complains about."""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"git: {lines[0].removeprefix('fatal: ')}" if lines else f"git failed ({done.returncode})"
