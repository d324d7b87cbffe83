"""Which characters a spec may hold, and what a wrong one was meant to be."""

import re
import unicodedata

from scalec.diagnostics import Report
from scalec.source import Source, Span

LEXICON = "αβγδεζηθικλμνξοπρστυφχψωΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩϕ⊙→±≤≥≈·×⁰¹²³⁴⁵⁶⁷⁸⁹"

LOOK_ALIKES = (
    {"☉": "⊙", "ʘ": "⊙", "⨀": "⊙", "◉": "⊙", "∘": "⊙", "○": "⊙", "⇒": "→", "⟶": "→", "➔": "→", "−": "-", "–": "-"}
    | {"—": "-", "⋅": "·", "∙": "·", "•": "·", "‧": "·", "∗": "*", "✕": "×", "⩽": "≤", "⩾": "≥", "∼": "~=", "≃": "≈"}
    | {"≅": "≈", "∓": "±", "µ": "μ", "Ω": "Ω", "⍺": "α", "ɑ": "α", "ß": "β", "ς": "σ", "ɣ": "γ", "ɸ": "φ", "ф": "φ"}
    | {"≠": "!=", "÷": "/", "⁄": "/", "∕": "/", "“": "#", "≔": "=", "＝": "="}
    | dict(zip("асеорхуіјѕвнкмтАВСЕНІКМОРТХ", "aceopxyijsbhkmtABCEHIKMOPTX", strict=True))
)

_WRONG = re.compile(rf"#[^\n]*|[^\x20-\x7e\t\r\n{LEXICON}]|[\"'$&;?@\[\]\\`]|\|(?!>)|!(?!=)|~(?!=)|\r(?!\n)")
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def check_characters(source: Source, report: Report) -> str:
    """Report each character that has no place in a spec; give the text with those blanked, so that parsing goes on."""
    kept = list(source.text)
    for match in _WRONG.finditer(source.text):
        places = range(match.start(), match.end())
        if match.group().startswith("#"):
            places = [i for i in places if unicodedata.category(source.text[i]) in _HIDDEN and source.text[i] not in "\t\r"]
        for place in places:
            meant = _report(Span(source, place, place + 1), report)
            kept[place] = meant if meant and len(meant) == 1 else " "
    return "".join(kept)


def _report(span: Span, report: Report) -> str | None:
    """Report one character; give the one that was meant, where that is known."""
    character = span.text
    described = f"U+{ord(character):04X} {unicodedata.name(character, 'a character without a name')}"
    if unicodedata.category(character) in _HIDDEN:
        report.error(
            "E003", f"an invisible character: {described}", span, "not allowed anywhere, not even in a comment",
            help="delete it",
        )  # fmt: skip
        return None
    meant = LOOK_ALIKES.get(character) or _plain_twin(character)
    report.error(
        "E002",
        f"`{character}` is no part of the language" + ("" if character.isascii() else f" ({described})"),
        span,
        "unexpected character",
        help=f"write `{meant}`" if meant else _hint(character),
    )
    return meant


def _plain_twin(character: str) -> str | None:
    """Give the character that a styled one stands for: `𝛼` and fullwidth letters fold to plain ones."""
    folded = unicodedata.normalize("NFKC", character)
    return folded if folded != character and all(c in LEXICON or 32 < ord(c) < 127 for c in folded) else None


def _hint(character: str) -> str | None:
    if character in "\"'`":
        return "the language has no strings; a comment starts with `#`"
    if character == ";":
        return "statements need no end; each starts with its keyword"
    return {"&": "write `and`", "|": "write `or`, or `|>` for ⊙", "!": "write `not` or `!=`", "~": "write `~=`"}.get(character)
