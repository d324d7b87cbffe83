"""The Python API of the compiler, for build scripts and notebooks. docs/api.md describes it. It is kept stable.

Every error in a spec raises `CompileError`.
"""

import hashlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from html import escape
from importlib.abc import InspectLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from scalec import compiler
from scalec.compiler import Loaded
from scalec.cost.compiled import Compiled
from scalec.cost.count import cost
from scalec.diagnostics import diagnostic
from scalec.diagnostics.text import render
from scalec.emit.emit import emit
from scalec.emit.header import title
from scalec.emit.state_dict import state_dict
from scalec.language.exact import show
from scalec.network.network import operator_name
from scalec.network.python_names import python_name
from scalec.program.evaluate import Value
from scalec.program.request import Request, spelled
from scalec.program.setting import command_error, constant, make_setting
from scalec.solve.axis import STEPS
from scalec.solve.cost_table import Tally
from scalec.solve.phi import Budgets, Found, PhiSearch, binding, spent

if TYPE_CHECKING:
    from torch import nn

    from scalec.cost.report import CostReport

Number = int | float | Fraction
"""A float is the decimal that Python prints: 0.1 is 1/10."""
Changes = Mapping[str, Number | bool | str]
_COLUMNS = ("stage", "operator", "layers", "output", "parameters", "multiply-adds")


class CompileError(diagnostic.CompileError):
    """The spec, or what was asked of it, is wrong. `diagnostics` are the findings; as text they are rendered."""

    def __str__(self) -> str:
        """Write the findings as the command line does, without colours."""
        return render(self.diagnostics)


@contextmanager
def _public() -> Iterator[None]:
    """Raise the public kind of error."""
    try:
        yield
    except diagnostic.CompileError as error:
        raise CompileError(error.diagnostics) from None


@dataclass(frozen=True)
class Network:
    """A network at one scale, which meets its requirements."""

    _compiled: Compiled = field(repr=False)
    name: str = ""

    @property
    def warnings(self) -> tuple[diagnostic.Diagnostic, ...]:
        """Return what is legal and hardly meant."""
        return self._compiled.warnings

    @property
    def input(self) -> tuple[int, ...]:
        """Return the shape of an image: height, width, channels."""
        return self._compiled.network.x.dims

    @property
    def params(self) -> int:
        """Count trainable parameters."""
        return cost(self._compiled.network).params

    @property
    def macs(self) -> int:
        """Count multiply-adds for a batch of one: the paper's FLOPS."""
        return cost(self._compiled.network).macs

    def cost(self) -> "CostReport":
        """Count everything: the report that `scalec cost --format json` prints, as an object."""
        from scalec.cost.report import Wanted, cost_report

        return cost_report(self._compiled, Wanted())

    def emit(self) -> str:
        """Return the PyTorch file: the text that `scalec compile` writes; raise `CompileError` if it is too large."""
        with _public():
            return emit(self._compiled)

    def state_dict(self) -> dict[str, tuple[int, ...]]:
        """Return keys and shapes of the emitted network's `state_dict`, without PyTorch."""
        with _public():
            return state_dict(self._compiled.network)

    def _repr_html_(self) -> str:
        """Show the stages as a table, in a notebook."""
        network, total = self._compiled.network, cost(self._compiled.network)
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in _COLUMNS)
        rows = []
        for stage in network.stages:
            counted = cost(stage)
            operator = operator_name(stage.unit, stage.layers[0])
            cells = [operator, str(len(stage.layers)), str(stage.y), f"{counted.params:,}", f"{counted.macs:,}"]
            rows.append(_html_row(stage.name, cells))
        rows.append(_html_row("total", ["", "", "", f"{total.params:,}", f"{total.macs:,}"]))
        return (
            f"<table><caption>{escape(title(network))}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table>"
        )


def _html_row(name: str, cells: list[str]) -> str:
    shown = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr><th scope="row">{escape(name)}</th>{shown}</tr>'


@dataclass(frozen=True)
class Solution:
    """The largest φ within limits, and its network; `binding` is the limit that the next network up would break."""

    phi: Fraction
    network: Network
    binding: str | None
    slack: Mapping[str, Fraction]
    """What is left of each limit."""


@dataclass(frozen=True)
class Spec:
    """A spec that was read and whose names are known."""

    _loaded: Loaded = field(repr=False)
    name: str = ""

    @property
    def variants(self) -> tuple[str, ...]:
        """Return the names of the rows of `variants`."""
        return tuple(self._loaded.program.variants)

    def scale(
        self, phi: Number | str | None = None, variant: str | None = None, set: Changes | None = None,
        inference: bool = False,
    ) -> Network:  # fmt: skip
        """Scale to φ or a variant, or take the spec as written, and check what is required. Raises `CompileError`.

        `inference` leaves out what only training needs, as `scalec compile --for inference`.
        """
        if phi is not None and variant is not None:
            raise TypeError("a network has a φ or a variant, not both")
        scale = None if phi is None else spelled(phi)
        with _public():
            compiled = self._loaded.compile(Request(scale, variant, _changes(set), inference=inference))
        return Network(compiled, compiled.network.name)

    def solve(
        self, *, flops: Number | str | None = None, params: Number | str | None = None,
        activations: Number | str | None = None, memory: Number | str | None = None, set: Changes | None = None,
    ) -> Solution:  # fmt: skip
        """Find the largest φ whose network keeps within every limit given: `1.5e9`, or `"1.5G"` as a spec writes it.

        Raises `CompileError` if none does, or if that network breaks a requirement of the spec.
        """
        limits = {"FLOPS": flops, "params": params, "activations": activations, "memory": memory}
        given = {key: limit for key, limit in limits.items() if limit is not None}
        if not given:
            raise TypeError("solve needs a limit, such as flops='1.5G'")
        with _public():
            self._loaded.named("baseline")
            if "phi" not in self._loaded.program.file.params:
                raise command_error("E501", "the spec has no `param φ`", "solve ", self.name)
            budgets = {key: _limit(key, limit) for key, limit in given.items()}
            base = make_setting(self._loaded.program, Request(changes=_changes(set)))
            found = PhiSearch(Tally(self._loaded.program), budgets, base).run()
            if not isinstance(found, Found):
                where = show(Fraction(found.at, STEPS))
                raise command_error("E401", "no network fits", "solve ", ", ".join(given), f"not even at φ = {where}")
        return self._solution(found, budgets, set)

    def _solution(self, found: Found, budgets: Budgets, changes: Changes | None) -> Solution:
        phi = found.interval.shortest()
        slack = {each.quantity: each.slack for each in spent(found.network, budgets)}
        bound = binding(found.network, found.above, budgets)
        return Solution(phi, self.scale(phi=phi, set=changes), bound, slack)


def load(path: str | Path) -> Spec:
    """Read a spec, and what it imports. Raises `CompileError`, and `OSError` if it cannot be read."""
    with _public():
        loaded = compiler.load(Path(path))
    return Spec(loaded, loaded.program.network.name.key)


def loads(text: str, name: str = "<text>") -> Spec:
    """Take a spec as text; it imports from the library that ships, and reads no files. Raises `CompileError`."""
    with _public():
        loaded = compiler.load_text(name, text.encode("utf-8", "surrogatepass"))
    return Spec(loaded, loaded.program.network.name.key)


def build_module(
    spec: str | Path | Spec, phi: Number | str | None = None, variant: str | None = None, set: Changes | None = None,
    **arguments: object,
) -> "nn.Module":  # fmt: skip
    """Build the network itself, for experiments: needs PyTorch, and writes no file.

    `spec` is a path, or a text of several lines; `arguments` are for the network's constructor.
    """
    if isinstance(spec, str):
        spec = loads(spec) if "\n" in spec else load(spec)
    network = (spec if isinstance(spec, Spec) else load(spec)).scale(phi, variant, set)
    module = _Emitted(network.emit()).module
    built: nn.Module = getattr(module, python_name(network.name))(**arguments)
    return built


class _Emitted(InspectLoader):
    """Emitted text as a module: it is in `sys.modules`, so that `pickle` finds its classes."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.name = f"scalec_built_{hashlib.sha256(source.encode()).hexdigest()[:16]}"

    def get_source(self, fullname: str) -> str:
        """Return the text, as tracebacks show it."""
        return self.source

    def is_package(self, fullname: str) -> bool:
        """Say that it is none."""
        return False

    @cached_property
    def module(self) -> ModuleType:
        """Run the text, once in a process."""
        if self.name in sys.modules:
            return sys.modules[self.name]
        spec = spec_from_loader(self.name, self)
        assert spec is not None
        module = sys.modules[self.name] = module_from_spec(spec)
        try:
            self.exec_module(module)
        except ModuleNotFoundError as error:
            del sys.modules[self.name]
            raise ModuleNotFoundError(f"build_module needs {error.name}: pip install 'scalec[torch]'") from None
        return module


def _changes(values: Changes | None) -> tuple[tuple[str, str], ...]:
    """Return what is set as the command line has it."""
    return tuple((name, spelled(value)) for name, value in (values or {}).items())


def _limit(quantity: str, limit: Number | str) -> Fraction:
    text = spelled(limit)
    value: Value = constant(f"{quantity} = ", text)
    if not isinstance(value, Fraction) or value <= 0:
        raise command_error("E203", "expected a number above 0", f"{quantity} = ", text, help="write `1.5G` or `8GiB`")
    return value
