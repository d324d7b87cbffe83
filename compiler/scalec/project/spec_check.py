"""All checks of a spec that need no output file: `scalec check SPEC`."""

from pathlib import Path

from scalec.compiler import Loaded
from scalec.diagnostics.diagnostic import CompileError, Diagnostic, Report, plural
from scalec.files import read_at_most
from scalec.limits import MAX_BYTES
from scalec.lint.registry import warnings
from scalec.program.read import folder_importer, has_network, read
from scalec.program.request import Request
from scalec.program.resolve import resolve, resolve_library
from scalec.program.search_statement import sought


def check(path: Path, data: bytes | None = None) -> tuple[str, list[Diagnostic]]:
    """Return what was checked, and warnings; raise `CompileError`.

    A spec is checked at the baseline, at its defaults and at every variant; of a library, the names are.
    """
    report, load_import = Report(), folder_importer(path.parent)
    spec = read(str(path), read_at_most(path, MAX_BYTES) if data is None else data, load_import, report)
    if not has_network(spec):
        blocks = len(resolve_library(spec, load_import, report).blocks)
        return f"a library of {plural(blocks, 'block')}", warnings(spec, None)
    loaded = Loaded(resolve(spec, load_import, report))
    sought(loaded.program, report)
    for variant in (None, *loaded.program.variants):
        try:
            loaded.compile(Request(variant=variant))
        except CompileError as error:
            for diagnostic in error.diagnostics:
                report.add(diagnostic)
    report.stop_on_error()
    name, variants = loaded.program.network.name.key, plural(len(loaded.program.variants), "variant")
    said = f"the network {name} and {variants} hold" if loaded.program.variants else f"the network {name} holds"
    return said, warnings(spec, loaded.program)
