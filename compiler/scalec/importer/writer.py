"""Writes a block of an imported spec. Values that differ between uses become parameters; the others are in its body."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scalec.importer.arch import Block
from scalec.record import record

SIGNATURE = "<H, W, C> → <H/stride, W/stride, K>"
Call = Callable[[Block], str]


@record
class Style:
    """What all blocks of a network share."""

    act: str
    """The activation where a block names none."""
    from_expanded: bool = False
    """Whether a squeeze is a share of the expanded channels, not of the block's input."""
    squeeze_rule: str = "round_even"
    """The function that rounds a squeeze: `round_even`, or a let of the spec."""
    squeeze_act: str | None = None
    """The activation in a squeeze; nothing: that of its block."""
    gate: str = "Sigmoid"
    expansion_rule: str | None = None
    """The function that rounds expanded channels; nothing where they are whole multiples anyway."""
    drops: bool = False
    """Whether layers are skipped in training; how often is the spec's param drop_path."""
    linear_drop: bool = True
    """Whether that grows from layer to layer, as in the library's blocks."""

    def act_of(self, block: Block) -> str:
        """Return a block's activation."""
        return block.act or self.act


@dataclass
class Written:
    """How to call a block, and its text if it is no block of the library."""

    call: Call
    text: str | None = None
    imports: tuple[str, ...] = ()
    defaults: tuple[str, ...] = ()
    helpers: dict[str, str] = field(default_factory=dict)


@record
class Parameter:
    """`absent` is the default; nothing: it is always given. `fixed` says to put it into the body if uses agree."""

    name: str
    get: Callable[[Any], str]
    absent: str | None = None
    fixed: bool = True


class Writer:
    """One block and its uses: which parameters vary, and what stands for each in the body."""

    def __init__(self, name: str, uses: Sequence[Any], parameters: Sequence[Parameter]) -> None:
        self.name, self.uses = name, uses
        self.parameters = [p for p in parameters if not p.fixed or len({p.get(use) for use in uses}) > 1]
        self._all = {p.name: p for p in parameters}

    def varies(self, name: str) -> bool:
        """Return whether the block has such a parameter."""
        return any(p.name == name for p in self.parameters)

    def value(self, name: str) -> str:
        """Return what stands for a parameter in the body: its name, or the one value that all uses have."""
        return name if self.varies(name) else self._all[name].get(self.uses[0])

    def call(self, use: Any) -> str:
        """Write one use; what is the default is left out."""
        given = (f"{p.name} = {p.get(use)}" for p in self.parameters if p.get(use) != p.absent)
        arguments = ", ".join(given)
        return f"{self.name}({arguments})" if arguments else self.name

    def head(self, signature: str = SIGNATURE) -> str:
        """Write the block's first line."""
        shown = [p.name if p.absent is None else f"{p.name} = {p.absent}" for p in self.parameters]
        line = f"block {self.name}({', '.join(shown)})"
        if len(line) + len(signature) < 118:
            return f"{line} {signature}"
        if len(line) > 118:
            line = f"block {self.name}({', '.join(shown[:5])},\n    {' ' * len(self.name)}   {', '.join(shown[5:])})"
        return f"{line}\n    {signature}"
