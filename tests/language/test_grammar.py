"""The grammar by itself."""

import hashlib
import json
from pathlib import Path
from typing import Any

import lark
import pytest
from lark import Lark
from lark.parsers.lalr_analysis import Shift

from scalec.language import grammar as parser_tables
from scalec.language.syntax import KEYWORDS

GRAMMAR = (Path(__file__).parents[2] / "grammar" / "scalec.lark").read_text(encoding="utf-8")


def test_no_conflict_and_no_collision() -> None:
    """Under `strict` Lark refuses shift/reduce conflicts and (with interegular) terminals that collide."""
    import interegular  # noqa: F401

    Lark(GRAMMAR, parser="lalr", lexer="basic", strict=True)


def test_keywords_are_those_of_the_grammar() -> None:
    for keyword in KEYWORDS:
        assert f"/{keyword}\\b(?!\\s*:)/" in GRAMMAR
        assert keyword in GRAMMAR.split("NAME: /")[1].split("\n")[0]


TESTS = Path(__file__).parents[1]
KEPT = TESTS.parent / "grammar" / "tables.json"


def same_tables(one: Any, other: Any) -> bool:
    """Tell whether two tables are one but for the numbers of their states."""
    numbers = {one.start_states["start"]: other.start_states["start"]}
    left = list(numbers)
    while left:
        state = left.pop()
        first, second = one.states[state], other.states[numbers[state]]
        if first.keys() != second.keys():
            return False
        for token, (action, target) in first.items():
            if action is not second[token][0]:
                return False
            if action is Shift and target not in numbers:
                numbers[target] = second[token][1]
                left.append(target)
            elif (numbers[target] if action is Shift else target) != second[token][1]:
                return False
    return len(numbers) == len(one.states) == len(other.states) == len(set(numbers.values()))


def test_the_kept_tables_are_those_of_the_grammar() -> None:
    """`make golden` writes them."""
    kept, fresh = (each.parser.parser._parse_table for each in (parser_tables.load(), parser_tables.made(GRAMMAR)))
    assert same_tables(kept, fresh)
    if json.loads(KEPT.read_bytes())["lark"] == lark.__version__:
        assert json.loads(KEPT.read_bytes())["grammar"] == hashlib.sha256(GRAMMAR.encode()).hexdigest()


@pytest.mark.parametrize("key", ["lark", "grammar"])
def test_tables_of_another_release_are_not_used(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scalec.lark").write_text(GRAMMAR, encoding="utf-8")
    (tmp_path / "tables.json").write_text(json.dumps({**json.loads(KEPT.read_text()), key: "another", "data": {}}))
    monkeypatch.setattr(parser_tables, "_FOLDER", tmp_path)
    assert parser_tables.load().parse("let a = 1\n").children
