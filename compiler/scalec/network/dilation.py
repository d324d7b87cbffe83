"""Replaces strides by dilation (à trous, Chen et al., 2017). Maps stay large, and weights read the same positions.

After a removed stride, windows are dilated by this stride. The convolution that had the stride keeps its own
dilation, as in torchvision (`replace_stride_with_dilation`) and timm (`output_stride`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from scalec.language import syntax as s
from scalec.ops import Operator, OperatorError
from scalec.ops.shape import Shape
from scalec.program.evaluate import evaluate
from scalec.program.scope import LocalScope


class Removed(Fraction):
    """The number 1 where a stride was; `stride` is how long it was. It is what a block is given as its stride."""

    stride: int

    @classmethod
    def of(cls, stride: Any) -> "Removed":
        """Take a stride out."""
        made = cls(1)
        made.stride = int(stride)
        return made


def striding(scope: LocalScope, where: Iterable[s.Binding]) -> LocalScope:
    """Return the scope of a block as it was before strides were taken out."""
    before = {key: Fraction(v.stride) if isinstance(v, Removed) else v for key, v in scope.values.items()}
    made = LocalScope(before, scope.parent)
    for binding in where:
        made.values[binding.name.key] = evaluate(binding.value, made)
    return made


def goes(stride: object, x: Shape, limit: int) -> bool:
    """Return whether a stride on x would make maps smaller than the limit allows."""
    return isinstance(stride, (int, Fraction)) and stride > 1 and x.stride * stride > limit


def dilated(operator: Operator, x: Shape, limit: int, values: Mapping[str, object]) -> tuple[dict[str, Any], int]:
    """Return the parameters of an operator that change on x, and the stride that it loses.

    `values` are its arguments as they came, of which a stride may be a `Removed`. Raises `OperatorError`.
    """
    given = [values.get(key) for key in operator.strides]
    removed = next((value.stride for value in given if isinstance(value, Removed)), 1)
    changed: dict[str, Any] = {}
    if not x.is_map:
        return changed, removed
    seen, stride = operator.window()
    name = operator.name
    if seen > 1 and x.dilation > 1:
        if "dilation" not in operator.table:
            raise OperatorError(f"{name} cannot be dilated: leave the stride before it in, or pool otherwise")
        changed["dilation"] = vars(operator)["dilation"] * x.dilation
    if goes(stride, x, limit):
        if not operator.strides:
            raise OperatorError(f"the stride of {name} cannot be turned into dilation")
        changed |= {key: 1 for key in operator.strides}
        removed = stride
    if removed > 1 and "padding" in operator.table and not _keeps_size(replace(operator, **changed), x):
        changed["padding"] = "same"
        if not _keeps_size(replace(operator, **changed), x):
            raise OperatorError(
                f"the stride of {name} cannot be turned into dilation: its window of {seen} is even", *operator.strides
            )
    return changed, removed


def _keeps_size(operator: Operator, x: Shape) -> bool:
    """Return whether an operator without stride gives a map as large as x; an even kernel without padding does not."""
    try:
        return operator.output(x, x.channels).dims[:2] == x.dims[:2]
    except OperatorError:
        return False


def behind(y: Shape, x: Shape, operator: Operator, removed: int) -> Shape:
    """Return the shape behind an operator with what it did to stride and dilation."""
    if not y.is_map or operator.functional:
        return y
    return Shape(y.dims, x.stride * operator.window()[1], x.dilation * removed)
