"""The whole way on one page: text → syntax → program → network → checks → source.

    read      bytes               → Source            E00x: encoding, size
    parse     Source              → syntax.Spec       E00x: what does not read as a spec
    resolve   Spec, imports       → Program           E1xx: names
    scale     Program, Setting    → ir.Network        E2xx, E3xx: values and shapes, at the baseline, then scaled
    constrain Network             → Requirements      E4xx: what the spec requires
    emit      Network             → text              the PyTorch file

Each stage collects what it finds and stops at its end; `CompileError` carries the findings.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path

from scalec.cost.growth import growth_warning
from scalec.cost.requirement_reach import decided, with_nearest
from scalec.cost.requirements import Requirement, constrain
from scalec.diagnostics.diagnostic import CompileError, Diagnostic, Report, plural
from scalec.language import syntax as s
from scalec.language.parse import decode, parse, parse_partly
from scalec.lint.allow import allowed
from scalec.network.features import body
from scalec.network.inference import Deployment, deploy
from scalec.network.network import Network, Setting
from scalec.network.scale import scale
from scalec.program.program import Program
from scalec.program.request import make_setting
from scalec.program.resolve import resolve, resolve_library
from scalec.record import record

_WORD = re.compile(r"\w+")


@record
class Compiled:
    """A network that meets its requirements."""

    network: Network
    requirements: tuple[Requirement, ...]
    baseline: Network
    """The network without scaling, of the file's own values."""
    warnings: tuple[Diagnostic, ...] = ()
    deployment: Deployment | None = None
    """Where the network is one for inference: the one that is trained, and what became of its batch norms."""

    @cached_property
    def source(self) -> str:
        """The emitted PyTorch file."""
        from scalec.emit.emit import emit

        return emit(self)


@dataclass
class Loaded:
    """A spec, read and resolved; its baseline is checked. Networks are built on demand and kept."""

    program: Program
    imports: dict[str, tuple[Path, bytes] | None] = field(default_factory=dict)
    """The files beside the spec that it imports, as they were read; none for what comes from the library."""
    _networks: dict[str, Network] = field(default_factory=dict)

    def network(self, setting: Setting) -> Network:
        """Scale to a setting. Raises `CompileError`."""
        report = Report()
        scaled = scale(self.program, setting, report)
        report.stop_on_error()
        return scaled

    def named(self, name: str) -> Network:
        """Give the baseline, or the network of a variant as the spec has it."""
        if name not in self._networks:
            setting = Setting(scaled=False) if name == "baseline" else make_setting(self.program, variant=name)
            self._networks[name] = self.network(setting)
        return self._networks[name]

    def compile(
        self, phi: str | None = None, variant: str | None = None, changes: Sequence[tuple[str, str]] = (),
        taps: tuple[str, ...] | None = None, output_stride: int | None = None, inference: bool = False,
    ) -> Compiled:  # fmt: skip
        """Scale to φ or a variant, with `--set` changes, and check what is required. Raises `CompileError`.

        `taps` makes a network that gives feature maps: those of the stages named, or the usual ones. `output_stride`
        turns the strides beyond it into dilation, `inference` leaves out what only training needs. What is required is
        required of the network without any of these.
        """
        baseline, setting = self.named("baseline"), make_setting(self.program, phi, variant, changes)
        kept = setting.variant if phi is None and not changes and setting.variant != "baseline" else None
        network, report = self.named(kept) if kept else self.network(setting), Report()
        requirements = constrain(network, self.named, report)
        if not report.diagnostics and (taps is not None or output_stride is not None):
            whole, network = network, self.network(replace(setting, taps=taps, output_stride=output_stride))
            network = network if taps is None else body(network, whole, taps)
        deployment = None
        if not report.diagnostics and inference:
            deployment = deploy(network)
            network = deployment.network
        at = setting.names.get("phi")
        if phi is None or not isinstance(at, Fraction):
            report.stop_on_error()
            return Compiled(network, requirements, baseline, deployment=deployment)
        if report.diagnostics:
            decide = decided(lambda x: self.network(make_setting(self.program, str(x), None, changes)), self.named)
            with_nearest(report, [r.expr for r in requirements if not r.holds], at, decide).stop_on_error()
        warned = allowed(self.program.file.source, growth_warning(network, baseline, at))
        return Compiled(network, requirements, baseline, tuple(warned), deployment)


def load(path: Path, data: bytes | None = None) -> Loaded:
    """Resolve a spec, read if its bytes are not given. Raises `CompileError`, and `OSError` if it cannot be read."""
    read: dict[str, tuple[Path, bytes] | None] = {}
    loaded = load_text(str(path), path.read_bytes() if data is None else data, _importer(path.parent, read))
    loaded.imports = read
    return loaded


def load_text(name: str, data: bytes, load_import: Callable[[str], s.Spec | None] | None = None) -> Loaded:
    """Resolve a spec given as bytes; without an importer it sees the library that ships, and no files."""
    report, load_import = Report(), load_import or _importer(None)
    return Loaded(resolve(_read(name, data, load_import, report), load_import, report))


def check(path: Path, data: bytes | None = None) -> tuple[str, list[Diagnostic]]:
    """Check a spec: the baseline, the defaults and every variant; or the names of a library.

    Says what was checked, and warns. Raises `CompileError`.
    """
    from scalec.lint.registry import warnings
    from scalec.program.search_statement import sought

    report, load_import = Report(), _importer(path.parent)
    spec = _read(str(path), path.read_bytes() if data is None else data, load_import, report)
    if not _has_network(spec):
        blocks = len(resolve_library(spec, load_import, report).blocks)
        return f"a library of {plural(blocks, 'block')}", warnings(spec, None)
    loaded = Loaded(resolve(spec, load_import, report))
    sought(loaded.program, report)
    for variant in (None, *loaded.program.variants):
        try:
            loaded.compile(variant=variant)
        except CompileError as error:
            for diagnostic in error.diagnostics:
                report.add(diagnostic)
    report.stop_on_error()
    name, variants = loaded.program.network.name.key, plural(len(loaded.program.variants), "variant")
    said = f"the network {name} and {variants} hold" if loaded.program.variants else f"the network {name} holds"
    return said, warnings(spec, loaded.program)


def _has_network(spec: s.Spec) -> bool:
    return any(isinstance(statement, s.Network) for statement in spec.statements)


def _read(name: str, data: bytes, load_import: Callable[[str], s.Spec | None], report: Report) -> s.Spec:
    """Parse a spec. Raises `CompileError` if it does not read; then with what is wrong in the other statements as well.

    What a broken statement speaks of may be defined there, and behind a wrong character anything.
    """
    spec, broken = parse_partly(decode(name, data, report), report)
    if broken and {found.code for found in report.diagnostics}.isdisjoint({"E002", "E003"}):
        other, spoken_of = Report(), {word for each in broken for word in _WORD.findall(each.text)}
        with suppress(CompileError):
            (resolve if _has_network(spec) else resolve_library)(spec, load_import, other)
        for diagnostic in other.diagnostics:
            span = diagnostic.label.span
            if not any(each.holds(span) for each in broken) and spoken_of.isdisjoint(_WORD.findall(span.text)):
                report.add(diagnostic)
    report.stop_on_error()
    return spec


def beside(folder: Path, name: str) -> Path | None:
    """Give the file of that name which really lies in a folder: a link may lead elsewhere."""
    path = folder / name
    return path if path.is_file() and path.resolve().parent == folder.resolve() else None


def _importer(
    folder: Path | None, read: dict[str, tuple[Path, bytes] | None] | None = None
) -> Callable[[str], s.Spec | None]:
    """Import from a folder, and the library; note in `read` what is read there."""

    def find(name: str) -> tuple[str, bytes] | None:
        path = beside(folder, name) if folder is not None else None
        found = None if path is None else (path, path.read_bytes())
        if read is not None:
            read[name.removesuffix(".scl")] = found
        return None if found is None else (str(found[0]), found[1])

    return importer(find)


def importer(beside: Callable[[str], tuple[str, bytes] | None]) -> Callable[[str], s.Spec | None]:
    """Look for `name.scl` beside the spec, then in the library. A name is an identifier: it can leave no folder.

    `beside` reads a file there: what messages call it, and its bytes.
    """

    def load_import(name: str) -> s.Spec | None:
        shipped = files("scalec.specs").joinpath(f"{name}.scl")
        found = beside(f"{name}.scl") or ((f"{name}.scl", shipped.read_bytes()) if shipped.is_file() else None)
        if found is None:
            return None
        return _parsed(*found)

    return load_import


@lru_cache(maxsize=64)
def _parsed(name: str, data: bytes) -> s.Spec:
    """Parse what is imported, once for all the specs that import it. Raises `CompileError`."""
    report = Report()
    return parse(decode(name, data, report), report)
