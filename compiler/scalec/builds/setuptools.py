"""Commands for setuptools. Under `[tool.setuptools.cmdclass]`, write `build_py = "scalec.builds.setuptools.Check"`.

`scalec.builds.setuptools.Generate` is the other choice.
"""

from pathlib import Path

from setuptools.command.build_py import build_py
from setuptools.errors import SetupError

from scalec.builds import BuildError, Mode, run


class Check(build_py):
    """Checks emitted files before packages are built: stops the build where one is not what its spec gives."""

    mode: Mode = "check"

    def run(self) -> None:
        """Look at what pyproject.toml declares, then build."""
        try:
            run(Path(), self.mode)
        except BuildError as error:
            raise SetupError(f"\n{error}") from None
        super().run()


class Generate(Check):
    """Writes emitted files before packages are built."""

    mode: Mode = "generate"
