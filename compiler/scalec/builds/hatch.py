"""The hatchling plugin: `[tool.hatch.build.hooks.scalec]`, with `mode = "check"` or `mode = "generate"`."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl

from scalec.builds import BuildError, run


class ScalecBuildHook(BuildHookInterface[Any]):
    """Checks or writes emitted files before a wheel or a source distribution is built."""

    PLUGIN_NAME = "scalec"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Stop the build where a file is not what its spec gives. What is written is packed, ignored by git or not."""
        mode = self.config.get("mode", "check")
        try:
            made = run(Path(self.root), mode)
        except BuildError as error:
            self.app.abort(str(error))
        else:
            if mode == "generate":
                build_data["artifacts"] += [f"/{path.as_posix()}" for path in made]


@hookimpl
def hatch_register_build_hook() -> type[ScalecBuildHook]:
    """Tell hatchling of the hook."""
    return ScalecBuildHook
