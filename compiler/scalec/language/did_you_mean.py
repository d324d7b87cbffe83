"""Suggests names of the spec for unknown names. Greek letters are written as in the spec."""

from collections.abc import Iterable

from scalec.diagnostics.diagnostic import UNKNOWN, Advice, Help, Report
from scalec.diagnostics.suggest import MOST, nearest, offer
from scalec.language import syntax as s
from scalec.language.unparse import spell_name
from scalec.ops import ALIASES
from scalec.ops.base import plain

ABSENT = frozenset("globalmaxpool globalmaxpooling globalmaxpooling2d softmax upsample maxunpool conv3d conv1d".split())
"""Operators of others that scalec lacks, whose names are near those of operators that do something else."""


def unknown(
    report: Report, code: str, message: str, name: s.Identifier, candidates: Iterable[str], otherwise: Help = None
) -> None:
    """Report a name that is not known; the help is the candidate that was meant, or else `otherwise`."""
    report.error(code, message, name.span, UNKNOWN, help=meant(name, candidates) or otherwise)


def meant(name: s.Identifier, candidates: Iterable[str]) -> Advice | None:
    """Return the offer of the known names near a wrong one: α is near a, beta near bata; None if there is none."""
    spelled = {shown(name, key): key for key in candidates}
    if plain(name.key) in ABSENT:
        return None
    if (alias := ALIASES.get(plain(name.key), "")) in spelled.values():
        return offer(name.span, (alias,))
    near = nearest(name.span.text, spelled)
    if not near:
        keys = nearest(name.key, spelled.values())
        near = tuple(word for word, key in spelled.items() if key in keys)
    if not near and len(name.key) == 1:
        near = tuple(word for word, key in spelled.items() if len(spell_name(key)) == 1 and key.startswith(name.key))
    return offer(name.span, near) if 0 < len(near) <= MOST else None


def shown(place: s.Identifier, key: str) -> str:
    """Return a name as its file spells it: `α`, or `alpha` in a file without α."""
    letter = spell_name(key)
    return letter if letter != key and letter in place.span.source.text else key


def listed(name: s.Identifier, keys: Iterable[str]) -> str:
    """Return known names as a list, as the file spells them."""
    return ", ".join(sorted(shown(name, key) for key in keys))
