"""Which name of a spec was meant: did-you-mean for names, Greek ones as the file writes them."""

from collections.abc import Iterable

from scalec.diagnostics.diagnostic import Advice
from scalec.diagnostics.suggest import MOST, nearest, offer
from scalec.language import syntax as s
from scalec.language.unparse import spell_name


def meant(name: s.Identifier, candidates: Iterable[str]) -> Advice | None:
    """Offer the known names near a wrong one: α is near a, beta near bata, and β² of a file that writes β is β."""
    spelled = {shown(name, key): key for key in candidates}
    near = nearest(name.span.text, spelled)
    if not near:
        keys = nearest(name.key, spelled.values())
        near = tuple(word for word, key in spelled.items() if key in keys)
    if not near and len(name.key) == 1:
        near = tuple(word for word, key in spelled.items() if len(spell_name(key)) == 1 and key.startswith(name.key))
    return offer(name.span, near) if 0 < len(near) <= MOST else None


def shown(place: s.Identifier, key: str) -> str:
    """Spell a name as its file does: `α`, or `alpha` where there is no α."""
    letter = spell_name(key)
    return letter if letter != key and letter in place.span.source.text else key


def listed(name: s.Identifier, keys: Iterable[str]) -> str:
    """List known names, as the file writes them."""
    return ", ".join(sorted(shown(name, key) for key in keys))
