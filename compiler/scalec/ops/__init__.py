"""The vocabulary: one class an operator. Importing a module here registers what it defines."""

from scalec.ops import activation, convolution, linear, normalization, pooling, regularization
from scalec.ops.base import OPERATORS, Kind, Operands, Operator, OperatorError, Parameter

__all__ = [
    "OPERATORS", "Kind", "Operands", "Operator", "OperatorError", "Parameter",
    "activation", "convolution", "linear", "normalization", "pooling", "regularization",
]  # fmt: skip
