"""Definitions that go round in a circle: lets by lets, blocks by blocks."""

from collections.abc import Callable, Iterable, Mapping

from scalec import syntax as s
from scalec.diagnostics import Report
from scalec.program import File
from scalec.walk import names_in


def check_cycles(file: File, report: Report) -> None:
    """Report every let and block of a file that is defined by itself, directly or through others: a circle once."""
    lets = {key: binding for key, binding in file.params.items()}
    lets |= {key: let.binding for key, let in file.lets.items() if let.home is file}

    def values_in(key: str) -> set[str]:
        return names_in(lets[key].value) - {parameter.key for parameter in lets[key].parameters}

    for path in _circles(lets, values_in):
        report.error(
            "E107",
            f"`{_spelled(path[0], lets)}` is defined by itself",
            lets[path[0]].name.span,
            notes=_round(path, lets),
        )
    blocks = {key: block.syntax for key, block in file.blocks.items() if block.home is file}
    for path in _circles(blocks, lambda key: _callees(blocks[key].chain)):
        named = _spelled(path[0], blocks)
        report.error(
            "E107", f"the block `{named}` contains itself", blocks[path[0]].name.span, notes=_round(path, blocks)
        )


Nodes = Mapping[str, s.Binding] | Mapping[str, s.Block]


def _spelled(key: str, nodes: Nodes) -> str:
    return nodes[key].name.span.text


def _round(path: list[str], nodes: Nodes) -> tuple[str, ...]:
    return (" → ".join(f"`{_spelled(key, nodes)}`" for key in (*path, path[0])),) if len(path) > 1 else ()


def _circles(keys: Iterable[str], uses: Callable[[str], set[str]]) -> list[list[str]]:
    """Give one path for each circle met, in the order of the file."""
    known, done, found = list(keys), set[str](), list[list[str]]()
    for start in known:
        path: list[tuple[str, list[str]]] = [(start, sorted(uses(start)))] if start not in done else []
        while path:
            key, left = path[-1]
            if not left:
                done.add(key)
                path.pop()
                continue
            after = left.pop(0)
            on_path = [name for name, _ in path]
            if after in on_path:
                found.append(on_path[on_path.index(after) :])
            elif after in known and after not in done:
                path.append((after, sorted(uses(after))))
    return found


def _callees(chain: s.Chain | None) -> set[str]:
    found: set[str] = set()
    for unit in chain.units if chain else ():
        match unit.head:
            case s.Call():
                found |= {unit.head.name.key}.union(*(names_in(a.value) for a in unit.head.arguments))
            case s.Group():
                found = found.union(*(_callees(inner) for inner in unit.head.chains))
            case s.Wrap():
                found = found.union(*(_callees(body.chain) for body in unit.head.bodies))
    return found
