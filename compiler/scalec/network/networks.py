"""The networks of one program. Each is scaled when it is needed, and then kept."""

from dataclasses import dataclass, field

from scalec.diagnostics.diagnostic import Report
from scalec.network.network import Network
from scalec.network.scale import scale
from scalec.program.program import Program
from scalec.program.request import Request
from scalec.program.setting import Setting, make_setting


@dataclass
class Networks:
    """A program, and its networks by name."""

    program: Program
    _named: dict[str, Network] = field(default_factory=dict)

    def network(self, setting: Setting) -> Network:
        """Return the network at a setting; raise `CompileError` if it cannot be built there."""
        report = Report()
        scaled = scale(self.program, setting, report)
        report.stop_on_error()
        return scaled

    def named(self, name: str) -> Network:
        """Return the baseline, or the network of a variant as the spec has it."""
        if name not in self._named:
            setting = Setting(scaled=False) if name == "baseline" else make_setting(self.program, Request(variant=name))
            self._named[name] = self.network(setting)
        return self._named[name]
