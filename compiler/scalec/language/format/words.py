"""The words of a spec, each with the comments and blank lines before it, and the spelling of symbols."""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from scalec.diagnostics.source import Source, Span
from scalec.language import syntax as s
from scalec.language.parse import words
from scalec.limits import MAX_NAME

_ASCII = {"⊙": "|>", "→": "->", "·": "*", "×": "*", "≤": "<=", "≥": ">=", "≈": "~=", "±": "within"}
_UNICODE = {spelled: symbol for symbol, spelled in _ASCII.items() if symbol != "×"} | {"×": "·"}
_SYMBOLS = {"_COMPOSE", "_ARROW", "_WITHIN", "TIMES", "COMPARE"}
_LETTERS = {name: letter for letter, name in s.GREEK.items() if letter != "ϕ"}
_NAMED = re.compile(rf"({'|'.join(_LETTERS)})(\d*|_\w*)")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOWERED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


@dataclass
class Note:
    """A comment: behind code or on a line of its own, there perhaps with a blank line above it."""

    text: str
    own: bool
    blank: bool


@dataclass
class Word:
    """A token. `broken` says that a new line starts before it, `blank` that the line above it is blank."""

    kind: str
    text: str
    notes: list[Note] = field(default_factory=list)
    broken: bool = False
    blank: bool = False

    def take_lead(self) -> "Word":
        """Return what stands before the word, for who begins a line with it."""
        return Word("", "", self.take_notes(), self.broken, self.blank)

    def take_notes(self) -> list[Note]:
        """Return the comments before the word to who writes them himself."""
        notes, self.notes = self.notes, []
        return notes


def read(source: Source, spelling: str | None) -> list[Word]:
    """Return the words of a spec that parses, and one for its end; `spelling` is `unicode`, `ascii` or as written."""
    result, done = [], 0
    for kind, _, span in [*words(source), ("$END", "", Span(source, len(source.text), len(source.text)))]:
        notes, broken, blank = _between(source.text[done : span.start], done == 0)
        result.append(Word(kind, _spelled(kind, span.text, spelling), notes, broken, blank))
        done = span.end
    for word, following in pairwise(result):
        if word.kind == "_COMPOSE":
            pull(word, following)
        elif word.kind == "COMMA":
            following.notes[:0] = word.take_notes()
            following.broken |= word.broken
    return result


def meaning(source: Source) -> tuple[list[str], list[str]]:
    """Return what a layout may not change: the words in ASCII, and the comments."""
    text, comments, done = [], [], 0
    for _, canonical, span in [*words(source), ("$END", "", Span(source, len(source.text), len(source.text)))]:
        text += canonical.split(" ")
        if span.start - done > 1:
            comments += [note.text for note in _between(source.text[done : span.start], done == 0)[0]]
        done = span.end
    return text, comments


def pull(word: Word, following: Word) -> None:
    """Let what stands between two words stand before both: a chain is broken before `⊙`, never behind it."""
    for note in following.take_notes():
        note.own |= word.broken
        word.notes.append(note)
    word.blank |= following.blank
    word.broken |= following.broken


def _between(text: str, starts: bool) -> tuple[list[Note], bool, bool]:
    """Read what stands between two words: white space and comments."""
    notes, blank = [], False
    lines = text.split("\n")
    for index, line in enumerate(lines):
        content = line.strip(" \t\r")
        if content:
            notes.append(Note(content, index > 0 or starts, blank))
            blank = False
        elif 0 < index < len(lines) - 1:
            blank = True
    return notes, len(lines) > 1, blank


def _spelled(kind: str, text: str, spelling: str | None) -> str:
    if spelling is None:
        return text
    if kind in _SYMBOLS:
        return (_ASCII if spelling == "ascii" else _UNICODE).get(text, text)
    if kind == "NAME":
        return _spelled_name(text, spelling)
    return "^" + text.translate(_LOWERED) if kind == "SUPERSCRIPT" and spelling == "ascii" else text


def _spelled_name(text: str, spelling: str) -> str:
    if spelling == "ascii":
        plain = s.ascii_name(text)
        return plain if len(plain) <= MAX_NAME else text
    match = _NAMED.fullmatch(text)
    return _LETTERS[match[1]] + match[2] if match else text.replace("ϕ", "φ")


def raised(text: str) -> str | None:
    """Spell an exponent of digits alone as a superscript."""
    return text.translate(_RAISED) if text.isascii() and text.isdigit() else None


def lowered(text: str) -> str:
    """Spell a superscript as an exponent: repeats are written so whatever the spelling."""
    return "^" + text.removeprefix("^").translate(_LOWERED)
