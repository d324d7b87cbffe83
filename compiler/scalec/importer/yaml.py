"""Reads a pycls configuration: sections of settings, each with its place. The YAML cannot create Python objects."""

from collections.abc import Iterable, Mapping

import yaml

from scalec.diagnostics.diagnostic import CompileError, Label, Report
from scalec.diagnostics.source import Source, Span
from scalec.diagnostics.suggest import did_you_mean
from scalec.record import record


@record
class Setting:
    """One setting: its words as they are written, and whether it is a list."""

    key: Span
    span: Span
    items: tuple[Span, ...]
    texts: tuple[str, ...]
    many: bool


class Reader:
    """One text, read as YAML nodes, which know their places."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source, self.report = source, report

    def read(self, known: Mapping[str, Iterable[str]]) -> dict[str, dict[str, Setting]]:
        """Return the settings by section and name."""
        sections: dict[str, dict[str, Setting]] = {}
        root = self._compose()
        for key, value in self._pairs(root, "sections such as `MODEL:`"):
            name = key.text
            if name not in known:
                self.report.error("E103", f"pycls has no section `{name}`", key, help=did_you_mean(key, known))
                continue
            allowed = set(known[name])
            if not allowed:
                continue  # nothing in it says what the network is
            settings = sections.setdefault(name, {})
            for inner, setting in self._pairs(value, f"settings of `{name}`"):
                if inner.text not in allowed:
                    self.report.error(
                        "E103", f"`{name}` has no `{inner.text}`", inner, help=did_you_mean(inner, allowed)
                    )
                else:
                    settings[inner.text] = self._setting(inner, setting)
        self.report.stop_on_error()
        return sections

    def _compose(self) -> yaml.Node:
        try:
            root = yaml.compose(self.source.text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = min(mark.index, len(self.source.text)) if mark else 0
            problem = (error.problem or "it does not read as YAML").splitlines()[0]
            self.report.error("E001", "this is no YAML", Span(self.source, place, place), problem)
            raise CompileError(self.report.diagnostics) from None
        except (yaml.YAMLError, RecursionError, ValueError):
            self.report.error("E001", "this is no YAML that could be read", Span(self.source, 0, 0))
            raise CompileError(self.report.diagnostics) from None
        if root is None:
            self.report.error("E109", "the file is empty", Span(self.source, 0, 0))
            raise CompileError(self.report.diagnostics)
        return root

    def _pairs(self, node: yaml.Node, what: str) -> list[tuple[Span, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self.report.error("E001", f"expected {what}", self._span(node))
            return []
        found: dict[str, Span] = {}
        pairs = []
        for key, value in node.value:
            span = self._span(key)
            if span.text in found:
                first = (Label(found[span.text], "first"),)
                self.report.error("E104", f"`{span.text}` stands twice", span, "YAML takes the last", others=first)
            found.setdefault(span.text, span)
            pairs.append((span, value))
        return pairs

    def _setting(self, key: Span, node: yaml.Node) -> Setting:
        many = isinstance(node, yaml.SequenceNode)
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        scalars = [each for each in nodes if isinstance(each, yaml.ScalarNode)]
        if len(scalars) != len(nodes):
            self.report.error("E204", f"`{key.text}` is a value or a list of values", self._span(node))
        texts = tuple(str(each.value) for each in scalars)
        return Setting(key, self._span(node), tuple(map(self._span, scalars)), texts, many)

    def _span(self, node: yaml.Node) -> Span:
        return Span(self.source, node.start_mark.index, node.end_mark.index)
