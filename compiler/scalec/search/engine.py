"""Measures the accuracy of networks, each with each seed, once: crash-safe, and free the second time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scalec.search.source import Source
from scalec.search.store import Store


@dataclass(frozen=True)
class Point:
    """A network to measure."""

    name: str
    """What reports call it; nothing depends on it."""
    text: str
    """The emitted file."""
    network: str
    """The name of its class."""
    input: tuple[int, int, int]
    """Channels, height, width."""


@dataclass(frozen=True)
class Outcome:
    """What came of a point with a seed."""

    point: Point
    seed: int
    state: str
    """`complete`, or what it came to: see `STATES`."""
    accuracy: float | None = None
    """A fraction; nothing unless complete."""
    report: Mapping[str, object] = field(default_factory=dict)
    """What else the trial said; or `message`, why there is no accuracy."""


@dataclass(frozen=True)
class Options:
    """How to run: nothing here changes what is found, but for `split` and `device`."""

    jobs: int = 1
    threads: int = 1
    gpus: tuple[str, ...] = ()
    """Each as CUDA_VISIBLE_DEVICES has it; none: on the CPU."""
    timeout: float | None = None
    """Seconds for one trial."""
    retries: int = 1
    """How often a trial is begun anew whose process died or left nothing."""
    split: str = "validation"
    progress: bool = False
    """Whether to show on standard error how far it is."""


def run(
    points: Sequence[Point], seeds: Sequence[int], source: Source, store: Store, options: Options | None = None
) -> list[Outcome]:
    """Measure every point with every seed; give the outcomes by point, then by seed, in the order given.

    What the store has already is not run again. Raises `store.Busy` if another driver has the store, and `OSError`.
    """
    raise NotImplementedError
