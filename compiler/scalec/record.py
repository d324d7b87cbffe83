"""Frozen data classes that are fast to define. There are about 120, and every start of scalec defines them.

`dataclass(frozen=True)` compiles six functions for each class, which takes a fifth of the import time of scalec, and
writes each field through `object.__setattr__`. A record compiles only `__init__`; the other methods are shared. mypy
checks that no code changes a record (`frozen_default`).
"""

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

Made = TypeVar("Made")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[Made]) -> type[Made]:
    """Make a class a record: equal if of one class with equal fields, and hashed so; `compare=False` leaves one out."""
    made: Any = dataclass(repr=False, eq=False)(cls)
    names = tuple(each.name for each in fields(made) if each.compare)
    made._compared = staticmethod(attrgetter(*names) if names else _nothing)  # what runs in C: many are compared
    made.__eq__, made.__hash__, made.__repr__ = _equal, _hash, _repr
    kept: type[Made] = made
    return kept


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def unique(cls: type[Made]) -> type[Made]:
    """Make a class a record whose instances are equal to themselves alone."""
    made: type[Made] = dataclass(repr=False, eq=False)(cls)
    return made


def _nothing(_: Any) -> tuple[()]:
    return ()


def _equal(self: Any, other: Any) -> bool:
    return self is other or (type(self) is type(other) and bool(self._compared(self) == self._compared(other)))


def _hash(self: Any) -> int:
    return hash(self._compared(self))


def _repr(self: Any) -> str:
    shown = (f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({', '.join(shown)})"
