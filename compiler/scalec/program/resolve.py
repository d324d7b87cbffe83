"""Resolves the names of a spec and its imports. Nothing is evaluated yet; `network.scale` does that."""

from collections.abc import Callable
from importlib.resources import files as resources

from scalec.diagnostics.diagnostic import CompileError, Label, Report, plural
from scalec.diagnostics.source import Span
from scalec.diagnostics.suggest import nearest
from scalec.language import syntax as s
from scalec.language.canonical import canonical
from scalec.language.did_you_mean import listed, meant, unknown
from scalec.limits import MAX_IMPORT_DEPTH, MAX_IMPORTS
from scalec.program.check import check_cites, check_file, check_program, check_scales
from scalec.program.names import check_name, twice
from scalec.program.program import BlockDef, File, LetDef, Program
from scalec.program.search_statement import check_search

SYMBOLS = ("L", "C", "H", "W")

Load = Callable[[str], s.Spec | None]


def resolve(spec: s.Spec, load: Load, report: Report) -> Program:
    """Resolve a parsed spec; `load` parses the imported file of a name. Raises `CompileError`."""
    specs = {"": spec}
    files: dict[str, File] = {}
    file = _file(spec, load, report, files, specs, ())
    networks = [st for st in spec.statements if isinstance(st, s.Network)]
    if not networks:
        help = "a spec without a network cannot be compiled; `scalec check` checks a library of blocks"
        report.error("E109", "the file has no network", Span(spec.span.source, 0, 0), help=help)
    for extra in networks[1:]:
        first = Label(networks[0].name.span, "the first is here")
        report.error("E104", "a file has one network", extra.name.span, "a second one", others=(first,))
    own = {
        p.name.key: "is a parameter of the network: give it to the block as an argument"
        for n in networks
        for p in n.parameters
    }
    for each in (file, *files.values()):
        check_file(each, report, own if each is file else {})
        check_cites(each, report)
    if not networks:
        report.stop_on_error()
    variants = _variants(spec, file.constants() | {p.name.key for p in networks[0].parameters}, report)
    program = Program(
        file, networks[0], _scales(spec, report),
        tuple(c for st in spec.statements if isinstance(st, s.Require) for c in st.conditions), variants,
        canonical(spec, {key: other for key, other in specs.items() if key}),
        check_search(spec, file, variants, report),
    )  # fmt: skip
    check_program(program, report)
    report.stop_on_error()
    return program


def resolve_library(spec: s.Spec, load: Load, report: Report) -> File:
    """Resolve a file without a network. Raises `CompileError`."""
    files: dict[str, File] = {}
    file = _file(spec, load, report, files, {"": spec}, ())
    for each in (file, *files.values()):
        check_file(each, report)
        check_cites(each, report)
    check_scales(file, _scales(spec, report), report)
    for statement in spec.statements:
        if isinstance(statement, s.Search):
            message = "a library has no network to search for"
            report.error("E109", message, statement.axes[0].name.span, "put it into the spec that has the network")
    report.stop_on_error()
    return file


def _file(
    spec: s.Spec, load: Load, report: Report, files: dict[str, File], specs: dict[str, s.Spec], path: tuple[str, ...]
) -> File:
    file = File(spec.span.source)
    for statement in spec.statements:
        if isinstance(statement, s.Import):
            _import(statement, file, load, report, files, specs, path)
        elif isinstance(statement, s.Param):
            for binding in statement.bindings:
                if _free(binding.name, file, report, "value"):
                    file.params[binding.name.key] = binding
        elif isinstance(statement, s.Let):
            for binding in statement.bindings:
                if _free(binding.name, file, report, "value"):
                    file.lets[binding.name.key] = LetDef(binding, file)
        elif isinstance(statement, s.Block):
            if _free(statement.name, file, report, "block"):
                file.blocks[statement.name.key] = BlockDef(statement, file)
        elif isinstance(statement, s.Default):
            for setting in statement.settings:
                _default(setting, file, report)
        elif isinstance(statement, s.Cite):
            file.cites.append(statement)
        elif isinstance(statement, s.Network):
            _free(statement.name, file, report, "network")
    return file


def _import(
    statement: s.Import,
    file: File,
    load: Load,
    report: Report,
    files: dict[str, File],
    specs: dict[str, s.Spec],
    path: tuple[str, ...],
) -> None:
    key = statement.module.key
    if key not in files and not _load(statement, load, report, files, specs, path):
        file.broken.update(name.key for name in statement.names)
        return
    for name in statement.names:
        _take(name, files[key], file, report, statement.module.key)


def _load(
    statement: s.Import,
    load: Load,
    report: Report,
    files: dict[str, File],
    specs: dict[str, s.Spec],
    path: tuple[str, ...],
) -> bool:
    """Load an imported file; tell whether there is one to take names from."""
    key, place = statement.module.key, statement.module.span
    if len(path) >= MAX_IMPORT_DEPTH or len(files) >= MAX_IMPORTS:
        report.error("E109", f"more than {MAX_IMPORTS} imported files, or {MAX_IMPORT_DEPTH} one in the other", place)
        return False
    try:
        spec = load(key)
    except CompileError as error:
        for diagnostic in error.diagnostics:
            report.add(diagnostic)
        return False
    if spec is None:
        library = [e.name.removesuffix(".scl") for e in resources("scalec.specs").iterdir() if e.name.endswith(".scl")]
        help = meant(statement.module, library)
        report.error("E109", f"there is no `{key}.scl`", place, "not beside the spec, not in the library", help=help)
        return False
    if key in path or spec.canonical == specs[""].canonical:
        round_ = " → ".join((*path[path.index(key) :], key)) if key in path else key
        report.error("E109", f"`{round_}` imports itself", place, "a circular import")
        return False
    specs[key] = spec
    files[key] = _file(spec, load, report, files, specs, (*path, key))
    return True


def _default(setting: s.Call, file: File, report: Report) -> None:
    earlier = file.defaults.setdefault(setting.name.key, setting)
    if earlier is not setting:
        report.error(
            "E104", f"`{setting.name.span.text}` has defaults already", setting.name.span, "a second time",
            others=(Label(earlier.span, "first here"),), help="put them together",
        )  # fmt: skip


def _take(name: s.Identifier, source: File, target: File, report: Report, module: str) -> None:
    found: BlockDef | LetDef | None = source.blocks.get(name.key) or source.lets.get(name.key)
    if found is None:
        candidates = [*source.blocks, *source.lets]
        unknown(report, "E101", f"`{module}` has no block or let `{name.span.text}`", name, candidates)
        target.broken.update([name.key, *nearest(name.key, candidates)])  # the one that was meant is used
    elif _free(name, target, report, "block" if isinstance(found, BlockDef) else "value"):
        if isinstance(found, BlockDef):
            target.blocks[name.key] = found
        else:
            target.lets[name.key] = found


def _free(name: s.Identifier, file: File, report: Report, kind: str) -> bool:
    """Report a name that is taken or refused; tell whether it may be defined."""
    earlier = file.params.get(name.key) or file.lets.get(name.key) or file.blocks.get(name.key)
    if check_name(name, kind, report):
        if earlier is None:
            return True
        node = earlier if isinstance(earlier, s.Binding) else getattr(earlier, "binding", None) or earlier.syntax  # type: ignore[union-attr]
        twice(name, node.name, report)
    file.broken.add(name.key)
    return False


def _scales(spec: s.Spec, report: Report) -> dict[str, s.Scale]:
    scales: dict[str, s.Scale] = {}
    for statement in spec.statements:
        if not isinstance(statement, s.Scale):
            continue
        key = statement.symbol.key
        if key not in SYMBOLS:
            message = f"`{statement.symbol.span.text}` cannot be scaled"
            report.error("E101", message, statement.symbol.span, "expected L, C, H or W")
        elif key in scales:
            others = (Label(scales[key].span, "first here"),)
            report.error("E104", f"`{key}` is scaled twice", statement.symbol.span, "a second time", others=others)
        else:
            scales[key] = statement
    return scales


def _variants(spec: s.Spec, settable: set[str], report: Report) -> dict[str, dict[str, s.Expr]]:
    variants: dict[str, dict[str, s.Expr]] = {}
    first: dict[str, s.Identifier] = {}
    for statement in spec.statements:
        if not isinstance(statement, s.Variants):
            continue
        _check_columns(statement.columns, settable, report)
        for row in statement.rows:
            if not check_name(row.name, "variant", report):
                continue
            if first.setdefault(row.name.key, row.name) is not row.name:
                twice(row.name, first[row.name.key], report)
            if len(row.values) != len(statement.columns):
                _wrong_length(row, statement.columns, report)
            variants[row.name.key] = {c.key: v for c, v in zip(statement.columns, row.values, strict=False)}
    return variants


def _check_columns(columns: tuple[s.Identifier, ...], settable: set[str], report: Report) -> None:
    for index, column in enumerate(columns):
        earlier = next((other for other in columns[:index] if other.key == column.key), None)
        if earlier is not None:
            twice(column, earlier, report)
        elif column.key not in settable:
            message = f"the column `{column.span.text}` is not a param, let or network parameter"
            otherwise = f"there are {listed(column, settable)}" if settable else None
            unknown(report, "E101", message, column, settable, otherwise)


def _wrong_length(row: s.Variant, columns: tuple[s.Identifier, ...], report: Report) -> None:
    have, wanted = len(row.values), len(columns)
    message = f"`{row.name.span.text}` has {plural(have, 'value')} for {plural(wanted, 'column')}"
    if have < wanted:
        lacking = " and ".join(f"`{column.span.text}`" for column in columns[have:])
        last = row.values[-1].span.after
        report.error(
            "E106", message, last, f"no value for {lacking}", others=(Label(columns[have].span, "this column"),)
        )
    else:
        report.error(
            "E106", message, row.values[wanted].span.to(row.values[-1].span), "there is no column for this value"
        )
