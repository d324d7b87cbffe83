"""A small process that ends the processes of trials if the driver is killed. It outlives the driver by a moment.

The driver sends the id of each process group to its standard input, `+123` at the start and `-123` at the end. When
this input closes, the reaper ends the groups that remain. The kernel closes the pipe even if the driver is killed.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress


class Guard:
    """The driver's side."""

    def __init__(self) -> None:
        """Start it, in a session of its own: Ctrl-C in a terminal is not for it. Raises `OSError`."""
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def watch(self, group: int) -> None:
        """Tell it of a group."""
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Tell it that a group is no more."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """End it: nothing is left to watch."""
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()
        self.process.wait()

    def _tell(self, line: str) -> None:
        with suppress(OSError):  # somebody has killed it: then the kernel ends the trials themselves, on Linux
            assert self.process.stdin is not None
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()


def main() -> None:
    """Be the guard."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
