"""The page for each code (`scalec explain CODE`), with a wrong and a right example. Tests compile every example.

A page is `explanations/CODE.md`: the title in the first line, then text and fenced examples. After `scl` (or `toml`)
a fence has the word `wrong` or `right`; further words are arguments of the command line. A `console` block has
commands for a folder with a spec net.scl. A `py` block is the file net.py in that folder, and `scalec check net.py`
checks it.
"""

import re
from importlib.resources import files

from scalec.record import record

_FENCE = re.compile(r"^```(scl|toml|console|py) (wrong|right)(.*)\n((?:.*\n)*?)```$", re.MULTILINE)


@record
class Example:
    """Something that gives the code (`wrong`) or nothing (`right`), and arguments of the command."""

    language: str
    kind: str
    arguments: str
    spec: str


@record
class Page:
    """What there is to say about one code; `text` has the examples where they stand."""

    code: str
    title: str
    text: str
    examples: tuple[Example, ...]

    @property
    def severity(self) -> str:
        """Whether the code is that of an error or of a warning."""
        return "error" if self.code.startswith("E") else "warning"


def codes() -> list[str]:
    """Return every code that has a page."""
    folder = files("scalec").joinpath("explanations")
    return sorted(entry.name.removesuffix(".md") for entry in folder.iterdir() if entry.name.endswith(".md"))


def page(code: str) -> Page:
    """Return the page of a code that has one."""
    text = files("scalec").joinpath("explanations", f"{code}.md").read_text(encoding="utf-8")
    title, _, body = text.partition("\n")
    examples = tuple(
        Example(language, kind, words.strip(), spec) for language, kind, words, spec in _FENCE.findall(body)
    )
    return Page(code, title.removeprefix("# "), body.strip(), examples)


def shown(each: Page) -> str:
    """Return a page as text for a terminal: examples indented, each after a line that says what it is."""

    def indented(match: re.Match[str]) -> str:
        kind, words, spec = match[2].capitalize(), match[3].strip(), match[4]
        command = words if words == "check" else f"compile {words}"
        what = f"{kind}, with `scalec {command}`:" if words else f"{kind}:"
        if match[1] == "py":
            what = f"{kind}, as `scalec check net.py` says:"
        return "\n".join([what, "", *(f"    {line}".rstrip() for line in spec.splitlines())])

    return f"{each.severity} {each.code}: {each.title}\n\n{_FENCE.sub(indented, each.text)}\n"
