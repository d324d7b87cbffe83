"""The exit codes, and the error that stops a command."""

import sys

STDIN = "-"
DONE, WRONG_INPUT, WRONG_USAGE, NO_ACCESS, BUG, INTERRUPTED = 0, 1, 2, 3, 4, 130


def fail(message: str, code: int) -> int:
    """Print what is wrong in one line on standard error; return the code."""
    from scalec.diagnostics.text import printable

    print(f"scalec: {printable(message)}", file=sys.stderr)
    return code
