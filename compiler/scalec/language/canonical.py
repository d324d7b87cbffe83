"""The text for the hash of a spec: the spec without comments and layout, and the imported statements that it uses.

A library may get new definitions; the hash of a spec changes only if it uses them. `search` is not included, because
it does not change the network. Citations are included, because they are written in the emitted file.
"""

import re
from collections.abc import Mapping

from scalec.language import syntax as s

CITED = "cite "
"""Begins the lines that have the citations of an imported file: a name of a file has no space."""
_NAME = re.compile(r"[A-Za-z]\w*")


def canonical(spec: s.Spec, imported: Mapping[str, s.Spec]) -> str:
    """Return the text of a spec, and of each imported file the statements that its names lead to, and its defaults."""
    needed: dict[str, set[str]] = {key: set() for key in imported}
    open_ = [pair for statement in spec.statements for pair in _imports(statement)]
    while open_:
        module, name = open_.pop()
        if module not in needed or name in needed[module]:
            continue
        needed[module].add(name)
        for statement, text in zip(imported[module].statements, imported[module].canonical, strict=True):
            brought = _imports(statement)
            if brought:
                open_ += [pair for pair in brought if pair[1] == name]
            elif name in _defined(statement) or isinstance(statement, s.Default):
                open_ += [(module, word) for word in _NAME.findall(text)]
    own = zip(spec.statements, spec.canonical, strict=True)
    parts = [" ".join(text for statement, text in own if not isinstance(statement, s.Search))]
    for key, other in imported.items():
        pairs = list(zip(other.statements, other.canonical, strict=True))
        kept = [
            text for statement, text in pairs if isinstance(statement, s.Default) or _defined(statement) & needed[key]
        ]
        parts.append(f"{key}: {' '.join(kept)}")
        cited = [text for statement, text in pairs if _cites(statement, needed[key])]
        parts += [f"{CITED}{key}: {' '.join(cited)}"] if cited else []
    return "\n".join(parts)


def _imports(statement: s.Statement) -> list[tuple[str, str]]:
    if not isinstance(statement, s.Import):
        return []
    return [(statement.module.key, name.key) for name in statement.names]


def _cites(statement: s.Statement, needed: set[str]) -> bool:
    """Return whether a citation may be one of what is needed: it stands in the emitted file then."""
    return (
        isinstance(statement, s.Cite)
        and bool(needed)
        and (not statement.blocks or any(block.key in needed for block in statement.blocks))
    )


def _defined(statement: s.Statement) -> set[str]:
    match statement:
        case s.Block():
            return {statement.name.key}
        case s.Let() | s.Param():
            return {binding.name.key for binding in statement.bindings}
    return set()
