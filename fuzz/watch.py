"""What every input must come to: a result, or errors with a place; in 2 seconds and 256 MiB; and never a traceback."""

import ast
import re
import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from scalec.compiler import load_text
from scalec.diagnostics.diagnostic import CompileError, Report
from scalec.diagnostics.text import render
from scalec.emit.emit import emit
from scalec.language.parse import decode, parse
from scalec.program.request import Request
from scalec.program.search_statement import sought

MOST_SECONDS = 2.0
MOST_MEBIBYTES = 256.0
PATIENCE = 5.0
"""So many times that long, and an input is given up."""


class GivenUp(BaseException):
    """An input took far too long."""


def parsed(data: bytes) -> None:
    """Parse a spec. Raises `CompileError`."""
    report = Report()
    parse(decode("fuzz.scl", data, report), report)


def compiled(data: bytes, phi: str = "1") -> None:
    """Compile a spec, its variants too, and read what is emitted as Python does. Raises `CompileError`."""
    loaded = load_text("fuzz.scl", data)
    scaled = "phi" in loaded.program.file.params
    for at in (phi, None) if scaled else (None,):
        ast.parse(emit(loaded.compile(Request(phi=at))).encode())
    for variant in loaded.program.variants:
        loaded.compile(Request(variant=variant))
    report = Report()
    sought(loaded.program, report)
    report.stop_on_error()


@dataclass
class Tally:
    """What the inputs of one kind came to."""

    kind: str
    inputs: int = 0
    passed: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    mebibytes: float = 0.0
    faults: list[str] = field(default_factory=list)

    def watch(self, name: str, data: bytes, run: Callable[[bytes], None]) -> None:
        """Run one input, look at its errors, its time (of the processor: others run here too) and its memory."""
        self.inputs += 1
        start = time.process_time()
        signal.signal(signal.SIGPROF, _give_up)
        signal.setitimer(signal.ITIMER_PROF, PATIENCE * MOST_SECONDS)
        try:
            self._run(name, data, run)
        except (Exception, GivenUp):
            self._fault(name, data, traceback.format_exc(limit=-4))
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        seconds = time.process_time() - start
        if seconds > MOST_SECONDS:
            self._fault(name, data, f"took {seconds:.1f} seconds")
        self.slowest = max(self.slowest, seconds)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if peak > MOST_MEBIBYTES >= self.mebibytes:
            self._fault(name, data, f"came to {peak:.0f} MiB")
        self.mebibytes = max(self.mebibytes, peak)

    def _run(self, name: str, data: bytes, run: Callable[[bytes], None]) -> None:
        try:
            run(data)
            self.passed += 1
        except CompileError as error:
            if wrong := _misplaced(error):
                self._fault(name, data, wrong)
            self.codes.update(found.code for found in error.diagnostics[:1])

    def _fault(self, name: str, data: bytes, what: str) -> None:
        self.faults.append(f"{name}: {what.rstrip()}\n  {data!r}")


def _give_up(*_: object) -> None:
    raise GivenUp


def _misplaced(error: CompileError) -> str | None:
    """Say what is wrong with errors: one has no place or no code, or cannot be shown."""
    for found in error.diagnostics:
        for label in (found.label, *found.others):
            if not 0 <= label.span.start <= label.span.end <= len(label.span.source.text):
                return f"{found.code} has no place"
        if not re.fullmatch(r"[A-Z]\d{3}", found.code) or not found.message:
            return f"{found.code!r} is no code, or says nothing"
    if not error.diagnostics:
        return "an error without a diagnostic"
    shown = render(error.diagnostics)
    return None if all(c == "\n" or c >= " " for c in shown) else "a control character is shown"
