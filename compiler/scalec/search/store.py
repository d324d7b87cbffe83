"""Where outcomes are kept: a folder with a journal, under one locked driver, or a database for many machines."""

from dataclasses import dataclass
from pathlib import Path


class Busy(Exception):
    """Another driver has the store."""


@dataclass(frozen=True)
class Store:
    """A folder for the journal and for the files of running trials, and perhaps the URL of a database."""

    folder: Path = Path(".scalec/search")
    url: str | None = None
