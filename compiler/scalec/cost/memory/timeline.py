"""The lifetime of each storage, and the total size of the storages that are alive at one moment."""

from dataclasses import dataclass, field
from itertools import accumulate


@dataclass(slots=True, eq=False)
class Storage:
    """Memory of a tensor, or of several that are views of it: its bytes, and the first and last moment of its life."""

    bytes: int
    start: int
    end: int


@dataclass
class Timeline:
    """Moments, one for each call into PyTorch, and what was allocated in them."""

    now: int = 0
    storages: list[Storage] = field(default_factory=list)

    def tick(self) -> None:
        """Begin the next moment."""
        self.now += 1

    def allocate(self, size: int) -> Storage:
        """Make a storage of so many bytes; it lives in this moment, and longer if it is held later on."""
        made = Storage(size, self.now, self.now)
        self.storages.append(made)
        return made

    def hold(self, *storages: Storage | None) -> None:
        """Say that storages are still alive in this moment."""
        for storage in storages:
            if storage is not None:
                storage.end = self.now

    def peak(self) -> int:
        """Return the most bytes that are alive in one moment."""
        change = [0] * (self.now + 2)
        for storage in self.storages:
            change[storage.start] += storage.bytes
            change[storage.end + 1] -= storage.bytes
        return max(accumulate(change))
