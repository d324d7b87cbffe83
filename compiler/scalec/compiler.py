"""All phases of the compiler on one page: bytes → syntax → program → network → requirements → text.

    read       bytes             → syntax.Spec       E00x: encoding, size, statements that cannot be parsed
    resolve    Spec, imports     → Program           E1xx: names
    setting    Program, Request  → Setting           E2xx, E5xx: values from the command line
    scale      Program, Setting  → Network           E2xx, E3xx: values and shapes, at the baseline, then scaled
    constrain  Network           → Requirements      E4xx: the requirements of the spec
    emit       Compiled          → text              the PyTorch file: emit/emit.py

Each phase is a function from one frozen type to the next. It collects its errors and stops at its end with a
`CompileError` that contains them. docs/architecture.md has a paragraph on each phase.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from scalec.cost.compiled import Compiled
from scalec.cost.growth import growth_warning
from scalec.cost.requirement_reach import decided, with_nearest
from scalec.cost.requirements import constrain
from scalec.diagnostics.diagnostic import Report
from scalec.files import read_at_most
from scalec.limits import MAX_BYTES
from scalec.lint.allow import allowed
from scalec.network.networks import Networks
from scalec.network.purpose import for_purpose
from scalec.program.read import Beside, Importer, folder_importer, read
from scalec.program.request import Request
from scalec.program.resolve import resolve
from scalec.program.setting import make_setting


@dataclass
class Loaded(Networks):
    """A spec, read and resolved; its baseline is checked. Networks are built on demand and kept."""

    imports: Beside = field(default_factory=dict)

    def compile(self, request: Request = Request()) -> Compiled:
        """Return the network that is asked for; raise `CompileError`, also for a requirement.

        What is required is required of the whole network, as it is trained: see `network.purpose` for the others.
        """
        of_whole = replace(request, taps=None, output_stride=None, inference=False)
        baseline, setting = self.named("baseline"), make_setting(self.program, of_whole)
        as_written = of_whole == Request(variant=request.variant) and setting.variant not in (None, "baseline")
        whole, report = self.named(setting.variant or "") if as_written else self.network(setting), Report()
        requirements = constrain(whole, self.named, report)
        at = setting.phi_value
        if report.diagnostics and at is not None:
            of_whole = replace(of_whole, variant=None)
            decide = decided(
                lambda phi: self.network(make_setting(self.program, replace(of_whole, phi=str(phi)))), self.named
            )
            report = with_nearest(report, [r.expr for r in requirements if not r.holds], at, decide)
        report.stop_on_error()
        network, deployment = for_purpose(whole, setting, request, self.network)
        found = growth_warning(network, baseline, at) if at is not None else []
        return Compiled(network, requirements, baseline, tuple(allowed(self.program.file.source, found)), deployment)


def load(path: Path, data: bytes | None = None) -> Loaded:
    """Return a spec, read if its bytes are not given; raise `CompileError`, and `OSError` if it cannot be read."""
    imports: Beside = {}
    loaded = load_text(
        str(path), read_at_most(path, MAX_BYTES) if data is None else data, folder_importer(path.parent, imports)
    )
    loaded.imports = imports
    return loaded


def load_text(name: str, data: bytes, load_import: Importer | None = None) -> Loaded:
    """Return a spec given as bytes; without an importer it sees the library that ships, and no files."""
    report, load_import = Report(), load_import or folder_importer(None)
    return Loaded(resolve(read(name, data, load_import, report), load_import, report))
