"""Starts one trial as a process, watches it and reads its response. A trial always ends in a defined state."""

import ctypes
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import Protocol

from scalec.record import record
from scalec.search.contract import Garbage, Request, read_response
from scalec.search.source import Source

STATES = {
    "complete": "a figure",
    "nan": "training diverged: the accuracy is no number",
    "garbage": "the response is not what the contract says",
    "nothing": "the process ended well and left no response",
    "memory": "there was not enough memory",
    "timeout": "it took longer than --timeout",
    "killed": "a signal ended the process",
    "failed": "the process ended with an error",
    "interrupted": "the run was stopped",
}
"""What can come of a trial. `complete` and `nan` are final; what else there is, the next run tries again."""
FINAL = frozenset({"complete", "nan"})
RETRIED = frozenset({"nothing", "killed", "failed"})
"""What a run itself tries again: it may have been an accident."""
_OUT_OF_MEMORY = ("OutOfMemoryError", "out of memory", "MemoryError", "can't allocate memory", "Cannot allocate memory")
MOST_BYTES = 1 << 20
"""Of a response: what it reports is kept with the figure."""
_KIND_SECONDS = 3.0
"""How long a process has to end by itself when it is asked to."""
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@record
class Ended:
    """How a trial ended: a state, a figure if complete, and what it reported or why there is no figure."""

    state: str
    accuracy: float | None = None
    report: Mapping[str, object] = field(default_factory=dict)


class Running(Protocol):
    """A trial under way."""

    def poll(self) -> Ended | None:
        """Return how it ended, once it has."""

    def kill(self) -> None:
        """End it, and all that it started."""

    def close(self) -> None:
        """Remove its files."""


@record
class Files:
    """The folder of one attempt: what is given, and what is left."""

    folder: Path

    @property
    def request(self) -> Path:
        """What the trial is given."""
        return self.folder / "request.json"

    @property
    def response(self) -> Path:
        """What it is to leave."""
        return self.folder / "response.json"

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.folder / "log.txt"

    @classmethod
    def make(cls, parent: Path, text: str, request: Request) -> "Files":
        """Write the emitted file and the request into a folder of their own. Raises `OSError`."""
        parent.mkdir(parents=True, exist_ok=True)
        files = cls(Path(tempfile.mkdtemp(prefix="trial-", dir=parent)).absolute())
        emitted = files.folder / "network.py"
        emitted.write_text(text, encoding="utf-8")
        asked = {**request.as_json(), "file": str(emitted), "response": str(files.response)}
        files.request.write_text(json.dumps(asked, indent=1), encoding="utf-8")
        return files

    def read(self, code: int, out_of_memory: bool = False) -> Ended:
        """Tell from the exit code (negative: a signal) and what is left how the trial ended."""
        last = self._last_line()
        if code != 0:
            if out_of_memory or any(words in last for words in _OUT_OF_MEMORY):
                return Ended("memory", report={"message": last or "the system ended it for want of memory"})
            if code < 0:
                return Ended("killed", report={"message": f"ended by {signal.Signals(-code).name}"})
            return Ended("failed", report={"message": last or f"exit code {code}"})
        try:
            if self.response.stat().st_size > MOST_BYTES:
                return Ended("garbage", report={"message": f"the response has more than {MOST_BYTES:,} bytes"})
            text = self.response.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            if isinstance(error, UnicodeDecodeError):
                return Ended("garbage", report={"message": "the response is no UTF-8"})
            return Ended("nothing", report={"message": "it left no response"})
        if not text.strip():
            return Ended("nothing", report={"message": "its response is empty"})
        try:
            response = read_response(text)
        except Garbage as error:
            return Ended("garbage", report={"message": str(error)})
        if math.isnan(response.accuracy):
            return Ended("nan", report={**response.report, "message": "the accuracy is no number"})
        return Ended("complete", response.accuracy, response.report)

    def _last_line(self) -> str:
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 4096))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""

    def remove(self, keep_log: Path | None = None) -> None:
        """Remove the folder; the log may stay."""
        if keep_log is not None and self.log.is_file():
            keep_log.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.log, keep_log)
        shutil.rmtree(self.folder, ignore_errors=True)


class LocalTrial:
    """A process here, the leader of a group of its own, which dies with this one (on Linux, even if it is killed)."""

    def __init__(self, files: Files, source: Source, environment: Mapping[str, str], timeout: float | None) -> None:
        """Start it. Raises `OSError`."""
        self.files = files
        self.kills = _system_kills()
        self.deadline = None if timeout is None else time.monotonic() + timeout
        parent = os.getpid()
        with files.log.open("wb") as log:
            self.process = subprocess.Popen(
                source.command(files.request, files.response), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **environment}, start_new_session=True,
                preexec_fn=(lambda: _die_with(parent)) if _LIBC else None,  # noqa: PLW1509
            )  # fmt: skip

    def poll(self) -> Ended | None:
        """Return how it ended, once it has; end it where its time is over."""
        code = self.process.poll()
        if code is not None:
            self._end_group()
            return self.files.read(code, code == -signal.SIGKILL and _system_kills() > self.kills)
        if self.deadline is not None and time.monotonic() > self.deadline:
            self.kill()
            return Ended("timeout", report={"message": "it took longer than --timeout"})
        return None

    def kill(self) -> None:
        """End the group: at first kindly."""
        if self.process.poll() is None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_KIND_SECONDS)
        self._end_group()
        self.process.wait()

    def close(self) -> None:
        """Remove its files."""
        self.files.remove()

    def _end_group(self) -> None:
        """End what the process may have left behind."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return


def _die_with(parent: int) -> None:
    """Have the kernel end this process when its parent goes; it may have gone already."""
    assert _LIBC is not None
    _LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


def _system_kills() -> int:
    """Count the processes that Linux has ended for want of memory; 0 where that is not known."""
    try:
        text = Path("/proc/vmstat").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), 0)
