"""Shows the progress on standard error: one changing line on a terminal, otherwise one line for each finished trial."""

import sys
import time

from scalec.search.ledger import Task
from scalec.search.trial import Ended

_EVERY = 0.5  # seconds
MOST_LINES = 200
"""Of trials, where there is no terminal: with more trials than these only each second, third, … has a line."""


class Progress:
    """Counts trials, and shows the count if that is wanted."""

    def __init__(self, total: int, done: int, wanted: bool) -> None:
        """Begin with what is known already."""
        self.total, self.done, self.begun_with = total, done, done
        self.bad: dict[str, int] = {}
        self.start = time.monotonic()
        self.shown = 0.0
        self.wanted, self.terminal = wanted, sys.stderr.isatty()
        self.each = -(-(total - done) // MOST_LINES) or 1

    def ended(self, task: Task, ended: Ended, again: bool) -> None:
        """Count a trial that has ended; one that is begun anew is counted when that has ended."""
        if ended.state != "complete":
            self.bad[ended.state] = self.bad.get(ended.state, 0) + 1
        if again:
            return
        self.done += 1
        if not self.terminal and ((self.done - self.begun_with) % self.each == 0 or self.done == self.total):
            figure = ended.state if ended.accuracy is None else f"{100 * ended.accuracy:.2f} %"
            images = " on the test set" if task.split == "test" else ""
            self._print(f"{self._count()}: {task.name}, seed {task.seed}: {figure}{images}{self._left()}\n")

    def show(self, running: int) -> None:
        """Show the count: not too often, and without a terminal once, when it begins."""
        now = time.monotonic()
        if now - self.shown < _EVERY or (self.shown and not self.terminal):
            return
        self.shown = now
        head, end = ("\r\033[K", "") if self.terminal else ("", "\n")
        self._print(f"{head}{self._count()}, {running} running{self._left()}{end}")

    def close(self) -> None:
        """Take the line that changes away."""
        if self.shown and self.terminal:
            self._print("\r\033[K")

    def _count(self) -> str:
        bad = "".join(f", {count} {state}" for state, count in sorted(self.bad.items()))
        return f"{self.done} of {self.total} trials{bad}"

    def _left(self) -> str:
        here, left = self.done - self.begun_with, self.total - self.done
        return f", about {_span((time.monotonic() - self.start) / here * left)} left" if here and left else ""

    def _print(self, text: str) -> None:
        if not self.wanted:
            return
        try:
            print(text, end="", file=sys.stderr, flush=True)
        except OSError:  # nobody listens any more: no reason to stop
            self.wanted = False


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
