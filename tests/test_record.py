"""Records: equal field by field, or to themselves alone; none of the methods that they share leaves a field out."""

from dataclasses import field

import pytest

from scalec.record import record, unique


@record
class Pair:
    first: int
    second: int = 2


@record
class Other:
    first: int
    second: int = 2


@record
class Alone:
    only: int


@record
class Empty:
    pass


@record
class Noted:
    first: int
    note: str = field(default="", compare=False)


@unique
class Node:
    first: int


def test_every_field_counts() -> None:
    assert Pair(1) == Pair(1, 2) and hash(Pair(1)) == hash(Pair(1, 2))
    assert Pair(1, 2) != Pair(1, 3) and Pair(1, 2) != Pair(2, 2)
    assert len({Pair(1), Pair(1, 2), Pair(1, 3), Pair(2, 2)}) == 3
    assert Alone(1) == Alone(1) != Alone(2) and Empty() == Empty()


def test_a_field_may_be_left_out() -> None:
    assert Noted(1, "a") == Noted(1, "b") != Noted(2, "a") and hash(Noted(1, "a")) == hash(Noted(1, "b"))


def test_another_class_is_never_equal() -> None:
    others: list[object] = [Other(1), (1, 2)]
    assert all(Pair(1) != other for other in others)


def test_what_is_shown() -> None:
    assert repr(Pair(1)) == "Pair(first=1, second=2)" and repr(Empty()) == "Empty()"


def test_equal_to_itself_alone() -> None:
    node = Node(1)
    assert node != Node(1) and len({node, node, Node(1)}) == 2
    with pytest.raises(TypeError):
        Node()  # type: ignore[call-arg]  # that is what is tried
