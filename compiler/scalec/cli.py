"""The console script, `scalec`: its path is public."""

from scalec.commands.cli import main

__all__ = ["main"]
