"""The whole way on one page: bytes → syntax → program → network → requirements → text.

    read       bytes             → syntax.Spec       E00x: encoding, size, what cannot be parsed
    resolve    Spec, imports     → Program           E1xx: names
    setting    Program, request  → Setting           E2xx, E5xx: what was asked for
    scale      Program, Setting  → Network           E2xx, E3xx: values and shapes, at the baseline, then scaled
    constrain  Network           → Requirements      E4xx: what the spec requires
    emit       Compiled          → text              the PyTorch file: emit/emit.py

Each phase is a function from one frozen type to the next. It collects what it finds and stops at its end;
`CompileError` carries the findings. docs/architecture.md has a paragraph on each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scalec.cost.compiled import Compiled
from scalec.cost.growth import decided, growth_warning, with_nearest
from scalec.cost.requirements import constrain
from scalec.diagnostics.diagnostic import Report
from scalec.lint.allow import allowed
from scalec.network.networks import Networks
from scalec.network.purpose import for_purpose
from scalec.program.read import Beside, Importer, folder_importer, read
from scalec.program.request import make_setting
from scalec.program.resolve import resolve


@dataclass
class Loaded(Networks):
    """A spec, read and resolved; its baseline is checked. Networks are built on demand and kept."""

    imports: Beside = field(default_factory=dict)

    def compile(
        self, phi: str | None = None, variant: str | None = None, changes: Sequence[tuple[str, str]] = (),
        taps: tuple[str, ...] | None = None, output_stride: int | None = None, inference: bool = False,
    ) -> Compiled:  # fmt: skip
        """Return the network of φ or a variant, with `--set` changes; raise `CompileError`, also for a requirement.

        `taps`, `output_stride` and `inference` say what the network is for: see `network.purpose`. What is required is
        required of the whole network, as it is trained.
        """
        baseline, setting = self.named("baseline"), make_setting(self.program, phi, variant, changes)
        as_written = setting.variant if phi is None and not changes and setting.variant != "baseline" else None
        whole, report = self.named(as_written) if as_written else self.network(setting), Report()
        requirements = constrain(whole, self.named, report)
        at = setting.phi_value
        if report.diagnostics and at is not None:
            decide = decided(lambda x: self.network(make_setting(self.program, str(x), None, changes)), self.named)
            report = with_nearest(report, [r.expr for r in requirements if not r.holds], at, decide)
        report.stop_on_error()
        network, deployment = for_purpose(whole, setting, self.network, taps, output_stride, inference)
        found = growth_warning(network, baseline, at) if at is not None else []
        return Compiled(network, requirements, baseline, tuple(allowed(self.program.file.source, found)), deployment)


def load(path: Path, data: bytes | None = None) -> Loaded:
    """Return a spec, read if its bytes are not given; raise `CompileError`, and `OSError` if it cannot be read."""
    imports: Beside = {}
    loaded = load_text(str(path), path.read_bytes() if data is None else data, folder_importer(path.parent, imports))
    loaded.imports = imports
    return loaded


def load_text(name: str, data: bytes, load_import: Importer | None = None) -> Loaded:
    """Return a spec given as bytes; without an importer it sees the library that ships, and no files."""
    report, load_import = Report(), load_import or folder_importer(None)
    return Loaded(resolve(read(name, data, load_import, report), load_import, report))
