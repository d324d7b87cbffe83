"""The operators of the language, one class for each. The import of a module here registers its operators."""

from scalec.ops import activation, convolution, linear, normalization, pooling, regularization, shuffle
from scalec.ops.base import ALIASES, OPERATORS, Kind, Operands, Operator, OperatorError, Parameter, Rewriting
from scalec.ops.kernel import Kernel, KernelTraits

__all__ = [
    "ALIASES", "OPERATORS",
    "Kernel", "KernelTraits", "Kind", "Operands", "Operator", "OperatorError", "Parameter", "Rewriting",
    "activation", "convolution", "linear", "normalization", "pooling", "regularization", "shuffle",
]  # fmt: skip
