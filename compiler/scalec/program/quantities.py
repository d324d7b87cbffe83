"""The quantities of a network that specs, commands and reports use: one row for each.

The table is in `program`, because names are checked there. `cost` and `solve` define how each quantity is counted.
"""

from scalec.record import record


@record
class Quantity:
    """A quantity. `option` is that of `scalec solve` (`--flops`), `example` a limit as a spec writes it."""

    name: str
    """As a spec writes it."""
    field: str | None
    """Where it stands in `cost.count.Cost`; None: it is not a sum over operators."""
    option: str
    example: str


QUANTITIES = {
    each.name: each
    for each in (
        Quantity("FLOPS", "macs", "flops", "1.5G"),
        Quantity("params", "params", "params", "9M"),
        Quantity("activations", "activations", "activations", "20M"),
        Quantity("memory", None, "memory", "8GiB"),
    )
}
"""Multiply-adds, trainable parameters, pycls' activations, bytes at the peak of inference at batch 1 in float32."""
