"""The vocabulary: one class an operator. Importing a module here registers what it defines."""

from scalec.ops import activation, convolution, linear, normalization, pooling, regularization, shuffle
from scalec.ops.base import OPERATORS, Kernel, Kind, Operands, Operator, OperatorError, Parameter

__all__ = [
    "OPERATORS", "Kernel", "Kind", "Operands", "Operator", "OperatorError", "Parameter",
    "activation", "convolution", "linear", "normalization", "pooling", "regularization", "shuffle",
]  # fmt: skip
