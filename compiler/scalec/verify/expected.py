"""What a network should be: from its spec, or, without one, from what the head of its file says."""

import ast
import re
from dataclasses import replace

from scalec.compiler import Compiled
from scalec.cost.count import cost
from scalec.emit.flat import flat_source
from scalec.emit.header import FOR_INFERENCE
from scalec.record import record

_ROW = re.compile(r"(?P<name>\w+) .*<(?P<output>[0-9, ]+)>(?P<params> +[0-9,]+)?(?P<macs> +[0-9,]+)?", re.ASCII)
_TOTAL = re.compile(r"total +(?P<params>[0-9,]+) +(?P<macs>[0-9,]+)", re.ASCII)


class HeadError(Exception):
    """The head of a file is not what scalec writes."""


@record
class Expected:
    """Figures for a batch of one; a stage's output is (C, H, W) or (C,). The rest is known from a spec alone."""

    params: int
    macs: int
    outputs: dict[str, tuple[int, ...]]
    activations: int | None = None
    text: str | None = None
    flat: str | None = None
    inference: bool = False
    training: "Expected | None" = None
    """Of a file for inference: the file whose weights it takes."""


def from_spec(compiled: Compiled) -> Expected:
    """Take what the compiler predicts."""
    deployment = compiled.deployment
    training = None
    if deployment is not None:
        training = from_spec(replace(compiled, network=deployment.training, deployment=None))
    counted = cost(compiled.network)
    outputs = {stage.name: _channels_first(stage.y.dims) for stage in compiled.network.stages}
    return Expected(
        counted.params, counted.macs, outputs, counted.activations, compiled.source,
        None if training else flat_source(compiled.network), training is not None, training,
    )  # fmt: skip


def is_for_inference_by(text: str) -> bool:
    """Tell whether a file says at its head that it is for inference."""
    try:
        return FOR_INFERENCE in (ast.get_docstring(ast.parse(text)) or "")
    except (SyntaxError, ValueError):
        return False


def from_head(text: str) -> Expected:
    """Take the table of the file's docstring. Raises `HeadError`."""
    try:
        head = ast.get_docstring(ast.parse(text)) or ""
    except (SyntaxError, ValueError) as error:
        raise HeadError(f"not Python: {error}") from None
    total = next((found for line in head.splitlines() if (found := _TOTAL.fullmatch(line.strip()))), None)
    if total is None:
        raise HeadError("its docstring has no table of stages")
    rows = [found for line in head.splitlines() if (found := _ROW.fullmatch(line.strip()))]
    outputs = {row["name"]: _channels_first(tuple(map(_number, row["output"].split(", ")))) for row in rows}
    return Expected(_number(total["params"]), _number(total["macs"]), outputs, inference=FOR_INFERENCE in head)


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _channels_first(dims: tuple[int, ...]) -> tuple[int, ...]:
    return (dims[-1], *dims[:-1])
