"""Finds definitions that use themselves (lets or blocks), and definitions that expand to too many units."""

from collections.abc import Callable, Iterable, Mapping

from scalec.diagnostics.diagnostic import Report
from scalec.language import syntax as s
from scalec.language.visit import calls, children, names_in
from scalec.limits import MAX_CALLS, MAX_LETS
from scalec.program.program import File


def check_cycles(file: File, report: Report) -> None:
    """Report every let and block of a file that is defined by itself, directly or through others: a circle once."""
    lets = {key: binding for key, binding in file.params.items()}
    lets |= {key: let.binding for key, let in file.lets.items() if let.home is file}

    def values_in(key: str) -> set[str]:
        return names_in(lets[key].value) - {parameter.key for parameter in lets[key].parameters}

    circles = _circles(lets, values_in)
    for path in circles:
        report.error(
            "E107",
            f"`{_spelled(path[0], lets)}` is defined by itself",
            lets[path[0]].name.span,
            notes=_round(path, lets),
        )
    if not circles:
        _check_size(file, lets, report)
    blocks = {key: block.syntax for key, block in file.blocks.items() if block.home is file}
    for path in _circles(blocks, lambda key: _callees(blocks[key].chain)):
        named = _spelled(path[0], blocks)
        report.error(
            "E107", f"the block `{named}` contains itself", blocks[path[0]].name.span, notes=_round(path, blocks)
        )


def _check_size(file: File, lets: Mapping[str, s.Binding], report: Report) -> None:
    """Report the first let that stands on too many others, or takes too many steps: calls are worked out anew."""
    depths: dict[str, int] = {}
    steps: dict[str, int] = {}
    for key in _inner_first(lets):
        used = [name for name in _mentions(lets[key].value) if name in depths]
        depths[key] = 1 + max((depths[name] for name in used), default=0)
        steps[key] = 1 + sum(steps[name] for name in used if file.lets.get(name) and lets[name].parameters)
        for count, most, what in ((depths[key], MAX_LETS, "lets in a chain"), (steps[key], MAX_CALLS, "calls")):
            if count > most:
                message = f"`{_spelled(key, lets)}` uses more than {most:,} {what}"
                report.error("E004", message, lets[key].name.span, "counting everything that it uses")
                return


def _inner_first(lets: Mapping[str, s.Binding]) -> list[str]:
    """Order lets so that each comes behind those it mentions; there is no circle."""
    order: dict[str, None] = {}
    for start in lets:
        path = [start]
        while path:
            ahead = [name for name in _mentions(lets[path[-1]].value) if name in lets and name not in order]
            if ahead and path[-1] not in order and not set(ahead) & set(path):
                path.append(ahead[0])
            else:
                order.setdefault(path.pop())
    return list(order)


def _mentions(expr: s.Expr) -> list[str]:
    """Return every name in an expression, as often as it stands there."""
    found: list[str] = []
    left = [expr]
    while left:
        each = left.pop()
        if isinstance(each, s.Name):
            found.append(each.parts[0].key)
        elif isinstance(each, s.Call):
            found.append(each.name.key)
        left += children(each)
    return found


Nodes = Mapping[str, s.Binding] | Mapping[str, s.Block]


def _spelled(key: str, nodes: Nodes) -> str:
    return nodes[key].name.span.text


def _round(path: list[str], nodes: Nodes) -> tuple[str, ...]:
    return (" → ".join(f"`{_spelled(key, nodes)}`" for key in (*path, path[0])),) if len(path) > 1 else ()


def _circles(keys: Iterable[str], uses: Callable[[str], set[str]]) -> list[list[str]]:
    """Return one path for each circle met, in the order of the file."""
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
    return set().union(*map(names_in, calls(chain)))
