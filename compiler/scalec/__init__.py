"""scalec: a compiler for ConvNet scaling specs; text in, readable PyTorch out.

The names below are the Python API (docs/api.md). They are imported when they are first used.
"""

from typing import TYPE_CHECKING

from scalec.version import __version__ as __version__

if TYPE_CHECKING:
    from scalec.api import CompileError, Network, Solution, Spec, build_module, load, loads

__all__ = ["CompileError", "Network", "Solution", "Spec", "build_module", "load", "loads"]

if not TYPE_CHECKING:  # a type checker would take any name for one of these

    def __getattr__(name: str) -> object:
        """Import the API when it is asked for: `import scalec` alone costs nothing."""
        if name not in __all__:
            raise AttributeError(f"module 'scalec' has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module("scalec.api"), name)

    def __dir__() -> list[str]:
        """List the API too."""
        return sorted({*globals(), *__all__})
