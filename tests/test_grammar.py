"""The grammar by itself."""

from pathlib import Path

from lark import Lark

from scalec.syntax import KEYWORDS

GRAMMAR = (Path(__file__).parent.parent / "grammar" / "scalec.lark").read_text(encoding="utf-8")


def test_no_conflict_and_no_collision() -> None:
    """Under `strict` Lark refuses shift/reduce conflicts and (with interegular) terminals that collide."""
    import interegular  # noqa: F401

    Lark(GRAMMAR, parser="lalr", lexer="basic", strict=True)


def test_keywords_are_those_of_the_grammar() -> None:
    for keyword in KEYWORDS:
        assert f"/{keyword}\\b(?!\\s*:)/" in GRAMMAR
        assert keyword in GRAMMAR.split("NAME: /")[1].split("\n")[0]
