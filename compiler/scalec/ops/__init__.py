"""The vocabulary: one class an operator. Importing a module here registers what it defines."""

from scalec.ops import activation, convolution, linear, normalization, pooling, regularization, shuffle
from scalec.ops.base import ALIASES, OPERATORS, Kind, Operands, Operator, OperatorError, Parameter, Rewriting
from scalec.ops.kernel import Kernel, KernelTraits

__all__ = [
    "ALIASES", "OPERATORS",
    "Kernel", "KernelTraits", "Kind", "Operands", "Operator", "OperatorError", "Parameter", "Rewriting",
    "activation", "convolution", "linear", "normalization", "pooling", "regularization", "shuffle",
]  # fmt: skip
