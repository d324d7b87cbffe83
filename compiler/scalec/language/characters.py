"""The characters that a spec may contain, and the likely meaning of a wrong character."""

import re
import unicodedata

from scalec.diagnostics.diagnostic import Advice, Edit, Help, Mark, Report, advise
from scalec.diagnostics.source import Source, Span

LEXICON = "αβγδεζηθικλμνξοπρστυφχψωΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩϕ⊙→±≤≥≈·×⁰¹²³⁴⁵⁶⁷⁸⁹"

LOOK_ALIKES = (
    {"☉": "⊙", "ʘ": "⊙", "⨀": "⊙", "◉": "⊙", "∘": "⊙", "○": "⊙", "⇒": "→", "⟶": "→", "➔": "→", "−": "-", "–": "-"}
    | {"—": "-", "⋅": "·", "∙": "·", "•": "·", "‧": "·", "∗": "*", "✕": "×", "⩽": "≤", "⩾": "≥", "∼": "~=", "≃": "≈"}
    | {"≅": "≈", "∓": "±", "µ": "μ", "⍺": "α", "ɑ": "α", "ß": "β", "ς": "σ", "ɣ": "γ", "ɸ": "φ", "ф": "φ"}
    | {"≠": "!=", "÷": "/", "⁄": "/", "∕": "/", "≔": "=", "＝": "="}
    | dict(zip("асеорхуіјѕвнкмтАВСЕНІКМОРТХ", "aceopxyijsbhkmtABCEHIKMOPTX", strict=True))
)

# A comment, a string, a wrong letter, a character that only other languages have, a lone carriage return.
_WRONG = re.compile(
    rf"#[^\n]*|\"[^\"\n]*\"|'[^'\n]*'|“[^”\n]*”|‘[^’\n]*’|[^\x20-\x7e\t\r\n{LEXICON}]|[\"'$&;?@\[\]\\`]|\|(?!>)|!(?!=)|~(?!=)|\r(?!\n)"
)
_WORDS = ("same", "symmetric", "true", "false")
_HINTS = {
    ";": "delete it: a statement needs no terminator", "|": "write `or`, or `|>` for ⊙",
    "!": "write `not` or `!=`", "√": "write `x^0.5`", "∞": "every number is finite",
    "[": "brackets are `( )`, `{ }` and `< >`", "]": "brackets are `( )`, `{ }` and `< >`",
    "%": "write `%` directly after a number, as in `5%`; there is no remainder operator",
}  # fmt: skip
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def check_characters(source: Source, report: Report) -> str:
    """Report each character that has no place in a spec; give the text with those blanked, so that parsing goes on."""
    kept, done = list(source.text), 0
    for match in _WRONG.finditer(source.text):
        start, end = match.span()
        if match.group().startswith("#"):
            for place in range(start, end):
                if _is_hidden(source.text, place):
                    _report_hidden(Span(source, place, place + 1), report)
                    kept[place] = " "
        elif end - start > 1:
            _report_string(Span(source, start, end), report)
            kept[start:end] = " " * (end - start)
        elif start >= done:
            while end < len(source.text) and _is_alike(source.text[start], source.text[end]):
                end += 1
            done = end
            meant = report_character(Span(source, start, end), report)
            kept[start:end] = " " * (end - start)
            kept[start] = meant if meant and len(meant) == 1 else " "
    return "".join(kept)


def _is_alike(first: str, other: str) -> bool:
    """Return whether a wrong character continues the finding before it: one more `$`, or the same word."""
    if _meant(first) or unicodedata.category(first) in _HIDDEN:
        return False
    letters = not first.isascii() and not other.isascii() and first.isalpha() and other.isalpha()
    return other == first or (letters and other not in LEXICON and not _meant(other))


def _meant(character: str) -> str | None:
    return LOOK_ALIKES.get(character) or _plain_twin(character)


def _is_hidden(text: str, place: int) -> bool:
    if text[place] == "\r":
        return text[place + 1 : place + 2] != "\n"
    return text[place] != "\t" and unicodedata.category(text[place]) in _HIDDEN


def _described(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, 'a control character')}"


def _report_hidden(span: Span, report: Report) -> None:
    if span.text == "\r":
        help = advise("end lines with a line feed", Edit(span, "\n"))
    else:  # one that separates lines may have been meant to
        help = advise("delete it", Edit(span, ""), safe=not unicodedata.category(span.text).startswith("Z"))
    message = f"an invisible character: {_described(span.text)}"
    report.error("E003", message, span, "not allowed anywhere, not even in a comment", help=help)


def _report_string(span: Span, report: Report) -> None:
    word = span.text[1:-1]
    help: Help = "write names and words without quotes"
    if word in _WORDS:
        help = advise(f"write `{word}` without quotes", Edit(span, word), safe=True)
    elif re.fullmatch("[A-Za-z][A-Za-z0-9_]*", word):
        help = advise(str(help), Edit(span, word))
    report.error("E002", "the language has no strings", span, Mark("a string"), help=help)


def report_character(span: Span, report: Report) -> str | None:
    """Report one character; give the one that was meant, where that is known."""
    character = span.text[0]
    if unicodedata.category(character) in _HIDDEN:
        _report_hidden(span, report)
        return None
    if unicodedata.category(character) == "Zs":
        help = advise("write a plain space", Edit(span, " "), safe=True)
        report.error("E002", f"an unusual space: {_described(character)}", span, Mark("here"), help=help)
        return " "
    meant = _meant(character)
    report.error(
        "E002",
        f"`{span.text}` is not part of the language" + ("" if character.isascii() else f" ({_described(character)})"),
        span,
        Mark("unexpected character"),
        help=advise(f"write `{meant}`", Edit(span, meant), safe=len(meant) == 1) if meant else _hint(span),
    )
    return meant


def _plain_twin(character: str) -> str | None:
    """Return the character that a styled one stands for: `𝛼` and fullwidth letters fold to plain ones."""
    folded = unicodedata.normalize("NFKC", character)
    return folded if folded != character and all(c in LEXICON or 32 < ord(c) < 127 for c in folded) else None


def _hint(span: Span) -> Help:
    character = span.text[0]
    if character in "\"'`“”‘’":
        return "the language has no strings; a comment starts with `#`"
    if unicodedata.category(character).startswith("L"):
        return "names are made of a to z, A to Z, digits, `_` and Greek letters; a comment may hold any letter"
    return _written(span) or _HINTS.get(character)


def _written(span: Span) -> Advice | None:
    """Return what this language has for symbols of others: `&&`, `||`, `!x`, `~`, and `;` at the end of a line."""
    text, (line, column) = span.source.text, span.source.position(span.start)
    if span.text in ("&", "&&", "||"):
        word = "or" if "|" in span.text else "and"
        spaced = (" " if text[: span.start][-1:].strip() else "") + word + (" " if text[span.end :][:1].strip() else "")
        return advise(f"write `{word}`", Edit(span, spaced))
    if span.text == "~":
        return advise("write `~=`", Edit(span, "~="))
    if span.text == "!":
        return advise("write `not` or `!=`", Edit(span, "not "))
    rest = span.source.line(line)[column:].strip()
    if span.text == ";" and (not rest or rest.startswith("#")):
        return advise(str(_HINTS[";"]), Edit(span, ""), safe=True)
    return None
