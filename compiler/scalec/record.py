"""Frozen data, cheap to define: what is written and operators are some eighty classes, made at each start.

`dataclass(frozen=True)` compiles six functions a class, a fifth of the time of importing scalec. A record has one of
its own, `__init__`; the others are shared. That nobody writes to it is mypy's business (`frozen_default`).
"""

from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

Made = TypeVar("Made")


@dataclass_transform(frozen_default=True)
def record(cls: type[Made]) -> type[Made]:
    """Make a class a record: equal if of one class with equal fields, and hashed so."""
    made: Any = dataclass(repr=False, eq=False)(cls)
    made.__eq__, made.__hash__, made.__repr__ = _equal, _hash, _repr
    kept: type[Made] = made
    return kept


def _values(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, name) for name in self.__match_args__)


def _equal(self: Any, other: Any) -> bool:
    return self is other or (type(self) is type(other) and _values(self) == _values(other))


def _hash(self: Any) -> int:
    return hash(_values(self))


def _repr(self: Any) -> str:
    shown = (f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({', '.join(shown)})"
