"""The settings of a pycls configuration, converted to the types that the importer needs."""

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction

from scalec.diagnostics.diagnostic import CompileError, Label, Report
from scalec.diagnostics.source import Source, Span
from scalec.diagnostics.suggest import suggest
from scalec.importer.yaml import Reader, Setting

_NUMBER = re.compile(r"[+-]?(\d{1,12}(\.\d{0,12})?|\.\d{1,12})([eE][+-]?\d{1,2})?")


class Config:
    """All settings of a configuration, by section and name; asks for them in the type that is wanted."""

    def __init__(self, source: Source, known: Mapping[str, Iterable[str]], report: Report) -> None:
        self.source, self.report = source, report
        self.sections = Reader(source, report).read(known)

    def text(self, section: str, key: str, choices: Iterable[str], default: str) -> str:
        """Return a word out of several."""
        setting = self.sections.get(section, {}).get(key)
        known = sorted(choices)
        if setting is None:
            return default
        word = setting.texts[0] if len(setting.texts) == 1 and not setting.many else ""
        if word not in known:
            self.wrong(setting, f"`{section}.{key}` is one of {', '.join(known)}", suggest(word, known))
        return word if word in known else default

    def flag(self, section: str, key: str, default: bool) -> bool:
        """Return true or false."""
        setting = self.sections.get(section, {}).get(key)
        if setting is None:
            return default
        word = setting.texts[0].lower() if len(setting.texts) == 1 and not setting.many else ""
        if word not in ("true", "false"):
            self.wrong(setting, f"`{section}.{key}` is True or False")
        return word == "true"

    def number(self, section: str, key: str, default: Fraction, low: Fraction = Fraction(0)) -> Fraction:
        """Return a number of at least `low`."""
        setting = self.sections.get(section, {}).get(key)
        if setting is None:
            return default
        found = self._numbers(setting) if not setting.many else []
        if len(found) != 1 or found[0] < low:
            self.wrong(setting, f"`{section}.{key}` is a number of at least {low}")
            return default
        return found[0]

    def whole(self, section: str, key: str, default: int, low: int = 0) -> int:
        """Return a whole number of at least `low`."""
        found = self.number(section, key, Fraction(default), Fraction(low))
        if found.denominator != 1:
            self.wrong(self.sections[section][key], f"`{section}.{key}` is a whole number")
        return int(found)

    def numbers(self, section: str, key: str, whole: bool, low: Fraction = Fraction(1)) -> list[Fraction]:
        """Return a list of numbers; one that is missing is an error."""
        setting = self.sections.get(section, {}).get(key)
        if setting is None:
            where = next(iter(self.sections.get(section, {}).values()), None)
            place = where.key if where else Span(self.source, 0, 0)
            self.report.error("E105", f"`{section}` needs `{key}`", place, "in this section" if where else "")
            raise CompileError(self.report.diagnostics)
        found = self._numbers(setting)
        if not setting.many or not found or len(found) != len(setting.texts) or min(found) < low:
            self.wrong(setting, f"`{section}.{key}` is a list of numbers of at least {low}")
        elif whole and any(each.denominator != 1 for each in found):
            self.wrong(setting, f"`{section}.{key}` is a list of whole numbers")
        return found

    def same_length(self, section: str, keys: Iterable[str]) -> None:
        """Refuse lists of different lengths: pycls drops the stages that the shortest has not."""
        found = [self.sections[section][key] for key in keys if key in self.sections[section]]
        first = found[0]
        for other in found[1:]:
            if len(other.texts) != len(first.texts):
                message = f"`{first.key.text}` has {len(first.texts)} stages and `{other.key.text}` {len(other.texts)}"
                others = (Label(first.span, f"{len(first.texts)} here"),)
                self.report.error("E106", message, other.span, "pycls drops the rest", others=others)

    def wrong(self, setting: Setting, message: str, help: str | None = None) -> None:
        """Refuse a setting's value."""
        self.report.error("E204", message, setting.span, help=help)

    def _numbers(self, setting: Setting) -> list[Fraction]:
        return [Fraction(text) for text in setting.texts if _NUMBER.fullmatch(text)]
