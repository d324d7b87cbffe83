"""Where accuracy comes from: the built-in trainer, a function of the user's, or a command."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A way to have accuracy: a command that takes the path of a request as its last word."""

    name: str
    """What reports call it: `built-in`, `module:function`, or the command."""
    words: tuple[str, ...]
    """The command, without the request."""
    data: str | None
    budget: Mapping[str, float]
    identity: Mapping[str, object]
    """All that accuracy depends on besides network and seed: hashes of the code and the data, versions, the budget."""


def find_source(
    accuracy: str | None = None, data: str | None = None, budget: Mapping[str, float] | None = None
) -> Source:
    """Take `--accuracy`: nothing is the built-in trainer, `module:function`, or a command. Raises `SourceError`."""
    raise NotImplementedError
