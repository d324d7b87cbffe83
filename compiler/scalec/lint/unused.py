"""W101: definitions that are never used. Only the file itself is checked, not its imports."""

from collections.abc import Iterable, Iterator

from scalec.diagnostics.diagnostic import Diagnostic, Label
from scalec.language import syntax as s
from scalec.language.visit import names, names_in


def unused(spec: s.Spec) -> Iterator[Diagnostic]:
    """Warn of each name that is defined and never read; a library's blocks and lets are there for others."""
    own = [st for st in spec.statements if isinstance(st, s.Definition)]
    is_library = not any(isinstance(st, s.Network) for st in own)
    used = set().union(*(_used(statement) for statement in spec.statements))
    for statement in spec.statements:
        match statement:
            case s.Import():
                yield from _left(statement.names, used, "is imported and never used", "delete it")
            case s.Param():
                yield from _params(statement, used)
            case s.Let():
                if not is_library:
                    yield from _left((b.name for b in statement.bindings), used, "is never used", "delete it")
                for binding in statement.bindings:
                    what = f"is never used in `{binding.name.span.text}`"
                    yield from _left(binding.parameters, names_in(binding.value), what, "delete it")
            case s.Block():
                if not is_library:
                    yield from _left((statement.name,), used, "is never used", "delete the block")
                yield from _inside(statement)
            case s.Network():
                yield from _inside(statement)


def _params(statement: s.Param, used: set[str]) -> Iterator[Diagnostic]:
    for name in (binding.name for binding in statement.bindings):
        effect = "`--phi` changes nothing" if name.key == "phi" else "setting it changes nothing"
        yield from _left((name,), used, f"is never used: {effect}", "use it in a rule or a let, or delete it")


def _inside(definition: s.Definition) -> Iterator[Diagnostic]:
    """Look at the parameters and the `where` of a block or a network."""
    body = names(definition.chain).union(*(names_in(binding.value) for binding in definition.where))
    signature = {name for dim in (*definition.input.dims, *definition.output.dims) for name in names_in(dim.value)}
    defaults = set().union(*(names_in(parameter.default) for parameter in definition.parameters))
    where = f"in `{definition.name.span.text}`"
    parameters = [parameter.name for parameter in definition.parameters]
    yield from _left(
        parameters,
        body | signature | defaults,
        f"is never used {where}",
        "delete it here, and in every call that gives it",
    )
    yield from _left((b.name for b in definition.where), body, f"is never used {where}", "delete it")


def _left(names: Iterable[s.Identifier], used: set[str], what: str, help: str) -> Iterator[Diagnostic]:
    for name in names:
        if name.key not in used:
            message = f"`{name.span.text}` {what}"
            yield Diagnostic("W101", message, Label(name.span, "defined here"), help=help, severity="warning")


def _used(statement: s.Statement) -> set[str]:
    """Return every name that a statement reads. What a variant sets is not read by that."""
    match statement:
        case s.Param() | s.Let():
            return set().union(*(names_in(binding.value) for binding in statement.bindings))
        case s.Default():
            return set().union(*(names_in(setting) for setting in statement.settings))
        case s.Scale():
            return names_in(statement.rule)
        case s.Require():
            return set().union(*(names_in(condition) for condition in statement.conditions))
        case s.Variants():
            return set().union(*(names_in(value) for row in statement.rows for value in row.values))
        case s.Search():
            return set().union(*(names_in(condition) for condition in statement.conditions))
        case s.Definition():
            dims = (*statement.input.dims, *statement.output.dims)
            return names(statement.chain).union(
                *(names_in(dim.value) for dim in dims),
                *(names_in(parameter.default) for parameter in statement.parameters),
                *(names_in(binding.value) for binding in statement.where),
            )
    return set()
