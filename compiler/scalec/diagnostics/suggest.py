"""Which known words are near a wrong one: what a did-you-mean offers."""

from collections.abc import Iterable

from scalec.limits import MAX_CANDIDATES

MOST = 3
"""More equally near words than this are no help."""
LONGEST = 64
_FAR = 2
_SHORT = 3
_LONG = 5
_LIKENESS = 0.6
_FAR_LIKENESS = 0.7


def nearest(name: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """Give the words nearest to `name`, the likeliest first; nothing if none is near, or if too many are."""
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
    """One slip of the finger, or two in a long word; in a word of one or two letters not just any other letter."""
    if apart == 1:
        swapped = sorted(name.lower()) == sorted(other.lower())
        return swapped or min(len(name), len(other)) >= _SHORT or -unlikeness > _LIKENESS
    return len(name) >= _LONG and -unlikeness >= _LIKENESS


def _likeness(name: str, other: str) -> float:
    import difflib

    return difflib.SequenceMatcher(None, name.lower(), other.lower(), autojunk=False).ratio()


def distance(first: str, second: str) -> int:
    """Count letters put in, left out, replaced or swapped with their neighbour: Damerau and Levenshtein's distance."""
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
    """Join names: `a`, `b` or `c`."""
    *rest, last = (f"`{word}`" for word in words)
    return f"{', '.join(rest)} or {last}" if rest else last
