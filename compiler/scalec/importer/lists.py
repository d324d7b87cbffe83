"""Reads a list of lists of strings in JSON or Python syntax. Nothing is executed."""

import re

from scalec.diagnostics.diagnostic import CompileError, Report
from scalec.diagnostics.source import Source, Span

_TOKEN = re.compile(
    r"(?P<space>\s+|\#[^\n]*)|(?P<open>[\[(])|(?P<close>[\])])|(?P<comma>,)|(?P<name>[A-Za-z_]\w*\s*=)"
    r"|(?P<string>\"[^\"\\\n]*\"|'[^'\\\n]*')"
)
MOST_STAGES = 200


class Lists:
    """A list of lists of strings, as JSON and Python write it; comments and `name =` in front are let through."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source, self.report, self.place = source, report, 0
        self.kind, self.span = "", Span(source, 0, 0)
        self._next()

    def read(self) -> list[list[Span]]:
        """Return the inside of each string, by stage; raise `CompileError` where the text is no such list."""
        if self.kind == "name":
            self._next()
        self._expect("open", "expected `[`: a list of stages")
        stages = []
        while self.kind != "close":
            start = self.span
            if self.kind == "string":
                raise self._wrong("a string where a stage was expected", "a stage is a list: `[ … ]`")
            self._expect("open", "expected `[`: a list of strings")
            stages.append(self._strings())
            if not stages[-1]:
                self.report.error("E109", "this stage has no blocks", start.to(self.before))
            if self.kind != "close":
                self._expect("comma", "expected `,` or `]`")
        self._next()
        if self.kind != "end":
            raise self._wrong(f"unexpected `{self.span.text}`", "the list has ended before it")
        if not stages or len(stages) > MOST_STAGES:
            raise self._wrong(f"a definition has from one to {MOST_STAGES} stages")
        return stages

    def _strings(self) -> list[Span]:
        found = []
        while self.kind != "close":
            if self.kind == "open":
                raise self._wrong("a list inside a stage", "a stage holds strings")
            found.append(Span(self.source, self.span.start + 1, self.span.end - 1))
            self._expect("string", "expected a string such as 'ir_r2_k3_s2_e6_c24'")
            if self.kind != "close":
                self._expect("comma", "expected `,` or `]`")
        self.before = self.span
        self._next()
        return found

    def _expect(self, kind: str, expected: str) -> None:
        if self.kind != kind:
            shown = "the file ends here" if self.kind == "end" else f"unexpected `{self.span.text}`"
            raise self._wrong(shown, expected)
        self._next()

    def _next(self) -> None:
        text = self.source.text
        while self.place < len(text):
            match = _TOKEN.match(text, self.place)
            self.span = Span(self.source, self.place, match.end() if match else self.place + 1)
            if match is None:
                raise self._wrong(f"unexpected `{self.span.text}`", "strings in lists: `[['ds_r1_k3_s1_c16'], …]`")
            self.place, self.kind = match.end(), match.lastgroup or ""
            if self.kind != "space":
                return
        self.kind, self.span = "end", Span(self.source, len(text), len(text))

    def _wrong(self, message: str, label: str = "") -> CompileError:
        self.report.error("E001", message, self.span, label)
        return CompileError(self.report.diagnostics)
