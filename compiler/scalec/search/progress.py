"""How far it is, on one line of standard error, if somebody is looking."""

import sys
import time

_EVERY = 0.5  # seconds


class Progress:
    """Counts trials. Shows nothing unless standard error is a terminal."""

    def __init__(self, total: int, done: int, wanted: bool) -> None:
        """Begin with what is known already."""
        self.total, self.done, self.begun_with = total, done, done
        self.bad: dict[str, int] = {}
        self.start = time.monotonic()
        self.shown = 0.0
        self.wanted = wanted and sys.stderr.isatty()

    def ended(self, state: str, again: bool) -> None:
        """Count a trial that has ended."""
        if not again:
            self.done += 1
        if state != "complete":
            self.bad[state] = self.bad.get(state, 0) + 1

    def show(self, running: int) -> None:
        """Show the line, not too often."""
        now = time.monotonic()
        if not self.wanted or now - self.shown < _EVERY:
            return
        self.shown = now
        here = self.done - self.begun_with
        left = f", about {_span((now - self.start) / here * (self.total - self.done))} left" if here else ""
        bad = "".join(f", {count} {state}" for state, count in sorted(self.bad.items()))
        print(f"\r\033[K{self.done} of {self.total} trials, {running} running{bad}{left}", end="", file=sys.stderr)
        sys.stderr.flush()

    def close(self) -> None:
        """Take the line away."""
        if self.wanted and self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
