"""Names: what each one in a spec refers to, imports included. Nothing is worked out yet; see `scale`."""

from collections.abc import Callable

from scalec import syntax as s
from scalec.check import check_file, check_program
from scalec.diagnostics import CompileError, Label, Report, suggest
from scalec.expr import FUNCTIONS, TRUTH, WORDS
from scalec.names import LAYER_NAMES, QUANTITIES, refusal
from scalec.ops import OPERATORS
from scalec.program import BlockDef, File, LetDef, Program
from scalec.source import Span

MAX_IMPORTS = 32
MAX_IMPORT_DEPTH = 8
SYMBOLS = ("L", "C", "H", "W")

Load = Callable[[str], s.Spec | None]


def resolve(spec: s.Spec, load: Load, report: Report) -> Program:
    """Resolve a parsed spec; `load` parses the imported file of a name. Raises `CompileError`."""
    canonical = [spec.canonical]
    files: dict[str, File] = {}
    file = _file(spec, load, report, files, canonical, depth=0)
    networks = [st for st in spec.statements if isinstance(st, s.Network)]
    if not networks:
        report.error("E109", "the file has no network", Span(spec.span.source, 0, 0), "a library cannot be compiled")
    for extra in networks[1:]:
        first = Label(networks[0].name.span, "the first is here")
        report.error("E104", "a file has one network", extra.name.span, "a second one", others=(first,))
    for each in (file, *files.values()):
        check_file(each, report)
    report.stop_on_error()
    program = Program(
        file, networks[0], _scales(spec, report),
        tuple(c for st in spec.statements if isinstance(st, s.Require) for c in st.conditions),
        _variants(spec, report), "\n".join(canonical),
    )  # fmt: skip
    check_program(program, report)
    report.stop_on_error()
    return program


def resolve_library(spec: s.Spec, load: Load, report: Report) -> File:
    """Resolve a file without a network. Raises `CompileError`."""
    files: dict[str, File] = {}
    file = _file(spec, load, report, files, [], depth=0)
    for each in (file, *files.values()):
        check_file(each, report)
    report.stop_on_error()
    return file


def _file(spec: s.Spec, load: Load, report: Report, files: dict[str, File], canonical: list[str], depth: int) -> File:
    file = File(spec.span.source)
    for statement in spec.statements:
        if isinstance(statement, s.Import):
            _import(statement, file, load, report, files, canonical, depth)
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
                file.defaults[setting.name.key] = setting
        elif isinstance(statement, s.Network):
            _free(statement.name, file, report, "network")
    return file


def _import(
    statement: s.Import, file: File, load: Load, report: Report, files: dict[str, File], canonical: list[str], depth: int
) -> None:
    key = statement.module.key
    if depth >= MAX_IMPORT_DEPTH or len(files) >= MAX_IMPORTS:
        report.error("E109", "imports go too deep, or in a circle", statement.module.span)
        return
    if key not in files:
        try:
            spec = load(key)
        except CompileError as error:
            for diagnostic in error.diagnostics:
                report.add(diagnostic)
            return
        if spec is None:
            report.error("E109", f"there is no `{key}.scl`", statement.module.span, "not beside the spec, not in the library")
            return
        canonical.append(f"{key}: {spec.canonical}")
        files[key] = _file(spec, load, report, files, canonical, depth + 1)
    for name in statement.names:
        _take(name, files[key], file, report, statement.module.key)


def _take(name: s.Identifier, source: File, target: File, report: Report, module: str) -> None:
    found: BlockDef | LetDef | None = source.blocks.get(name.key) or source.lets.get(name.key)
    if found is None:
        candidates = [*source.blocks, *source.lets]
        report.error(
            "E101", f"`{module}` has no block or let `{name.span.text}`", name.span, help=suggest(name.key, candidates)
        )
    elif _free(name, target, report, "block" if isinstance(found, BlockDef) else "value"):
        if isinstance(found, BlockDef):
            target.blocks[name.key] = found
        else:
            target.lets[name.key] = found


def _free(name: s.Identifier, file: File, report: Report, kind: str) -> bool:
    """Report a name that is taken or refused; tell whether it may be defined."""
    reserved = {*FUNCTIONS, *TRUTH, *WORDS, *QUANTITIES, *LAYER_NAMES, "memory", "baseline"}
    earlier = file.params.get(name.key) or file.lets.get(name.key) or file.blocks.get(name.key)
    if name.key in reserved:
        report.error("E108", f"`{name.span.text}` is a word of the language", name.span)
    elif name.key in OPERATORS:
        report.error("E108", f"`{name.span.text}` is an operator", name.span, help="choose another name")
    elif problem := refusal(name.key, kind):
        report.error("E108", f"`{name.span.text}` cannot be defined: it {problem}", name.span)
    elif earlier is not None:
        node = earlier if isinstance(earlier, s.Binding) else getattr(earlier, "binding", None) or earlier.syntax  # type: ignore[union-attr]
        report.error(
            "E104", f"`{name.span.text}` is defined twice", name.span, others=(Label(node.name.span, "first here"),)
        )
    else:
        return True
    return False


def _scales(spec: s.Spec, report: Report) -> dict[str, s.Scale]:
    scales: dict[str, s.Scale] = {}
    for statement in spec.statements:
        if not isinstance(statement, s.Scale):
            continue
        key = statement.symbol.key
        if key not in SYMBOLS:
            report.error("E101", f"nothing is called `{statement.symbol.span.text}`", statement.symbol.span, "expected L, C, H or W")
        elif key in scales:
            others = (Label(scales[key].span, "first here"),)
            report.error("E104", f"`{key}` is scaled twice", statement.symbol.span, others=others)
        else:
            scales[key] = statement
    return scales


def _variants(spec: s.Spec, report: Report) -> dict[str, dict[str, s.Expr]]:
    variants: dict[str, dict[str, s.Expr]] = {}
    for statement in spec.statements:
        if not isinstance(statement, s.Variants):
            continue
        for row in statement.rows:
            if row.name.key in variants:
                report.error("E104", f"`{row.name.span.text}` is defined twice", row.name.span)
            if len(row.values) != len(statement.columns):
                report.error(
                    "E106", f"the row has {len(row.values)} values for {len(statement.columns)} columns", row.span,
                    others=(Label(statement.columns[0].span.to(statement.columns[-1].span), "the columns"),),
                )  # fmt: skip
                continue
            variants[row.name.key] = {c.key: v for c, v in zip(statement.columns, row.values, strict=True)}
    return variants
