"""The parser's tables, stored as JSON beside the grammar. Building them takes longer than a whole compilation.

They are JSON so that nothing is unpickled (Lark's own cache is a pickle with a predictable name). If they belong to
another grammar or another release of Lark, they are built again. `make golden` writes the file.
"""

import json
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import lark
from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

_FOLDER = files("scalec.grammar")
_TABLES = "tables.json"


def load() -> Lark:
    """Return the parser of the language."""
    grammar = _grammar()
    kept = _kept()
    if not _is_of(kept, grammar):
        return made(grammar)
    data, memo = _numbered(kept["data"]), _numbered(kept["memo"])
    parser: Lark = Lark._load_from_dict(data, memo)  # type: ignore[no-untyped-call]  # as Lark's standalone parsers do
    return parser


def text() -> str:
    """Return the tables as a file has them."""
    grammar = _grammar()
    release, digest = _key(grammar)
    data, memo = made(grammar).memo_serialize([TerminalDef, Rule])
    kept = {"lark": release, "grammar": digest, "data": data, "memo": memo}
    return json.dumps(kept, ensure_ascii=True, separators=(",", ":")).replace("},", "},\n") + "\n"


def _grammar() -> str:
    return _FOLDER.joinpath("scalec.lark").read_text(encoding="utf-8")


def _kept() -> Any:
    return json.loads(_FOLDER.joinpath(_TABLES).read_bytes())


def _is_of(kept: Any, grammar: str) -> bool:
    return bool((kept["lark"], kept["grammar"]) == _key(grammar))


def _key(grammar: str) -> tuple[str, str]:
    return lark.__version__, sha256(grammar.encode()).hexdigest()


def made(grammar: str) -> Lark:
    """Make the parser of a grammar."""
    # Never cache=True: Lark would unpickle a file of a predictable name from the temporary directory.
    return Lark(grammar, parser="lalr", lexer="basic", propagate_positions=True, maybe_placeholders=True)


def _numbered(value: Any) -> Any:
    """Return dicts their whole numbers back as keys: JSON has only words."""
    if isinstance(value, dict):
        return {int(key) if key.isdigit() else key: _numbered(each) for key, each in value.items()}
    return [_numbered(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__" and not _is_of(_kept(), _grammar()):  # Lark numbers the states another way each time
    Path(str(_FOLDER.joinpath(_TABLES))).write_text(text(), encoding="utf-8")
