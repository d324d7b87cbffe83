"""Names in a `search`: lets to look for, conditions, settings. What they come to is worked out in `sought`."""

from collections.abc import Iterable
from dataclasses import replace

from scalec.diagnostics.diagnostic import Edit, Help, Label, Report, advise
from scalec.language import syntax as s
from scalec.language.did_you_mean import listed, unknown
from scalec.language.visit import children
from scalec.program.check_names import Names
from scalec.program.names import QUANTITIES
from scalec.program.program import File

MATCHED = (*QUANTITIES, "memory")
SETTINGS = ("seeds", "validate")
"""What `with` may set besides params: the number of seeds, and the φ at which the winner has to hold."""


def check_search(spec: s.Spec, file: File, variants: Iterable[str], report: Report) -> s.Search | None:
    """Check the names of a search, and give it; a file has one at most."""
    found = [statement for statement in spec.statements if isinstance(statement, s.Search)]
    if not found:
        return None
    for extra in found[1:]:
        others = (Label(found[0].span, "the first is here"),)
        report.error("E104", "a file has one `search`", extra.axes[0].name.span, "a second one", others=others)
    search, names = found[0], Names(file, report)
    _check_axes(search, names)
    inside = replace(names, quantities=True, owners=frozenset({*variants, "baseline"}))
    for condition in search.conditions:
        inside.expr(condition)
    _check_match(search, names)
    _check_settings(search, names)
    return search


def growths(search: s.Search) -> list[s.Comparison]:
    """Give the conditions that say how much something is to grow: `≈`, of params and lets alone."""
    return [
        condition for condition in search.conditions
        if isinstance(condition, s.Comparison) and condition.operators == ("~=",) and not speaks_of_network(condition)
    ]  # fmt: skip


def speaks_of_network(expr: s.Expr) -> bool:
    """Tell whether an expression names FLOPS, params, activations or memory, of whatever network."""
    if isinstance(expr, s.Name):
        return expr.parts[-1].key in MATCHED
    if isinstance(expr, s.Call) and expr.name.key == "memory":
        return True
    return any(speaks_of_network(child) for child in children(expr))


def _check_axes(search: s.Search, names: Names) -> None:
    seen: dict[str, s.Identifier] = {}
    for axis in search.axes:
        _check_unknown(axis.name, names)
        if seen.setdefault(axis.name.key, axis.name) is not axis.name:
            _twice(axis.name, seen[axis.name.key], "is searched for twice", names.report)
        for bound in axis.range or ():
            names.expr(bound)
    last = search.axes[-1]
    if last.range is None:
        help = advise("write `from 1 to 2 by 0.05`", Edit(last.name.span.after, " from 1 to 2 by 0.05"))
        label = "write its range"
        names.report.error("E105", f"`{last.name.span.text}` has no range", last.name.span, label, help=help)


def _twice(name: s.Identifier, first: s.Identifier, what: str, report: Report) -> None:
    others = (Label(first.span, "first here"),)
    report.error("E104", f"`{name.span.text}` {what}", name.span, "a second time", others=others)


def _check_unknown(name: s.Identifier, names: Names) -> None:
    file, shown = names.file, name.span.text
    own = {key for key, let in file.lets.items() if let.home is file and not let.binding.parameters}
    if name.key in own or name.key in file.broken:
        return
    if name.key in file.params:
        help: Help = f"`search … with {shown} = 1` sets it"
        names.report.error(
            "E101", f"`{shown}` is a param; only lets can be searched for", name.span, "a param", help=help
        )
    elif name.key in file.lets:
        imported = file.lets[name.key].home is not file
        label = "imported: search for it in the file that defines it" if imported else "takes arguments"
        names.report.error("E101", f"`{shown}` cannot be searched for", name.span, label)
    else:
        otherwise = f"lets are {listed(name, own)}" if own else None
        unknown(names.report, "E101", f"`{shown}` is not a let of this spec", name, own, otherwise)


def _check_match(search: s.Search, names: Names) -> None:
    if search.match is None:
        return
    quantity, known = search.match.quantity, MATCHED
    if quantity.key not in known:
        message = f"`match` cannot use `{quantity.span.text}`"
        unknown(names.report, "E101", message, quantity, known, f"there are {', '.join(known)}")
    names.expr(search.match.tolerance)
    found = growths(search)
    if len(found) != 1:
        help = "write `where α · β² · γ² ≈ 2 ± 0.1`" if not found else None
        message = "`match` needs exactly one `≈`, which says how much the cost grows"
        label = f"there {'are ' + str(len(found)) if found else 'is none'}"
        names.report.error("E203", message, quantity.span, label, help=help)


def _check_settings(search: s.Search, names: Names) -> None:
    seen: dict[str, s.Identifier] = {}
    known = [*SETTINGS, *names.file.params]
    for setting in search.settings:
        name = setting.name
        if seen.setdefault(name.key, name) is not name:
            _twice(name, seen[name.key], "is set twice", names.report)
        elif name.key not in known:
            message = f"`search` has no setting `{name.span.text}`"
            unknown(names.report, "E103", message, name, known, f"there are {listed(name, known)}")
        names.expr(setting.value)
    validate = seen.get("validate")
    if validate and "phi" not in names.file.params:
        message = "`validate` is a φ, and the spec has no `param φ`"
        names.report.error("E203", message, validate.span, "nothing scales with it")
