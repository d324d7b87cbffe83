"""Suggestions for misspelt words: finds similar known words and writes the "did you mean" help."""

from collections.abc import Iterable

from scalec.diagnostics.diagnostic import Advice, Edit, Fix
from scalec.diagnostics.source import Span
from scalec.limits import MAX_CANDIDATES

MOST = 3
"""More equally near words than this are no help."""
LONGEST = 64
_FAR = 2
_SHORT = 3
_LONG = 5
_LIKENESS = 0.6
_FAR_LIKENESS = 0.7


def suggest(name: str, candidates: Iterable[str]) -> str | None:
    """Return a did-you-mean as text alone; None if no candidate is near."""
    near = nearest(name, candidates)
    return f"did you mean {in_words(near)}?" if near else None


def did_you_mean(span: Span, candidates: Iterable[str]) -> Advice | None:
    """Return the offer to write a candidate that is near what stands at a place; None if none is near."""
    near = nearest(span.text, candidates)
    return offer(span, near) if near else None


def offer(span: Span, words: Iterable[str]) -> Advice:
    """Return the offer to write one of some words at a place."""
    words = tuple(words)
    fixes = tuple(Fix(f"write `{word}`", (Edit(span, word),)) for word in words)
    return Advice(f"did you mean {in_words(words)}?", fixes)


def nearest(name: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """Return the words nearest to `name`, the likeliest first; none if none is near, or if too many are."""
    name = name[:LONGEST]
    known = sorted(set(candidates), key=lambda each: (abs(len(each) - len(name)), each))[:MAX_CANDIDATES]
    same = [each for each in known if each.lower() == name.lower()]
    if same:
        return tuple(same[:1])
    apart = {each: distance(name.lower(), each.lower()) for each in known if abs(len(each) - len(name)) <= _FAR}
    found = ((far, -_likeness(name, each), each) for each, far in apart.items() if far <= _FAR)
    near = sorted(each for each in found if _is_near(name, *each))
    if near:
        best = [word for far, _, word in near if far == near[0][0]]
        return tuple(best) if len(best) <= MOST else ()
    import difflib  # here: most specs have no wrong word

    return tuple(difflib.get_close_matches(name, known, n=1, cutoff=_FAR_LIKENESS))


def _is_near(name: str, apart: int, unlikeness: float, other: str) -> bool:
    """Return whether two words differ by one typing error, or two in a long word; very short words must be alike."""
    if apart == 1:
        swapped = sorted(name.lower()) == sorted(other.lower())
        return swapped or min(len(name), len(other)) >= _SHORT or -unlikeness > _LIKENESS
    return len(name) >= _LONG and -unlikeness >= _LIKENESS


def _likeness(name: str, other: str) -> float:
    import difflib

    return difflib.SequenceMatcher(None, name.lower(), other.lower(), autojunk=False).ratio()


def distance(first: str, second: str) -> int:
    """Return the Damerau-Levenshtein distance: letters inserted, deleted, replaced, or swapped with the next one."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        above, row = row, [i]
        for j, other in enumerate(second, 1):
            least = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        before = above
    return row[-1]


def in_words(words: Iterable[str]) -> str:
    """Return names as a list: `a`, `b` or `c`."""
    *rest, last = (f"`{word}`" for word in words)
    return f"{', '.join(rest)} or {last}" if rest else last
