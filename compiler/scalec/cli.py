"""The console script `scalec`. The import path of this module is public, so it does not change."""

from scalec.commands.cli import main

__all__ = ["main"]
