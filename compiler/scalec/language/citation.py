"""Identifiers of papers: their syntax, their web addresses, and the nearest valid identifier to an invalid one.

Only names, numbers and these identifiers go from a spec into an emitted file. So every character of them is checked.
"""

import re

from scalec.limits import MAX_CITATION

_NEW = re.compile(r"([0-9]{2}(?:0[1-9]|1[0-2]))\.([0-9]+)(v[1-9][0-9]?)?")
_OLD = re.compile(r"[a-z]+(?:-[a-z]+)?(?:\.[A-Z]{2})?/(?:9[1-9]|0[0-7])(?:0[1-9]|1[0-2])[0-9]{3}(?:v[1-9][0-9]?)?")
_DOI = re.compile(r"10\.[1-9][0-9]{3,8}(?:\.[0-9]+)*(?:/[A-Za-z0-9(][A-Za-z0-9._():-]*)+(?<=[A-Za-z0-9)])")
_FIRST, _FIVE = 704, 1501  # the months in which numbers got a point, and five digits behind it
_ADDRESSES = {"arXiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}
_WANTED = {
    "arxiv": "an arXiv number is `1905.11946`, or `cs/0112017` before April 2007",
    "doi": "a DOI begins with `10.` and is in ASCII, as in `10.1109/CVPR.2016.90`",
}

_PASTED = re.compile(
    r"(?:https?://)?(?:(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/|(?:dx\.)?doi\.org/)|(?:arxiv|doi)\s*[:.]?\s*",
    re.IGNORECASE,
)


def is_citation(text: str) -> bool:
    """Return whether a text is `arXiv:` or `doi:` and an identifier of that kind."""
    scheme, _, number = text.partition(":")
    if len(text) > MAX_CITATION:
        return False
    return is_arxiv(number) if scheme == "arXiv" else scheme == "doi" and _DOI.fullmatch(number) is not None


def is_arxiv(number: str) -> bool:
    """Return whether a number is one of arXiv's: since 2015 with five digits behind the point, before with four."""
    new = _NEW.fullmatch(number)
    if new is None:
        return _OLD.fullmatch(number) is not None
    month = int(new[1])
    return month >= _FIRST and len(new[2]) == (5 if month >= _FIVE else 4) and int(new[2]) > 0


def wrong(text: str) -> tuple[str, str]:
    """Return why a text is no citation, and how one is written."""
    scheme, _, number = text.partition(":")
    wanted = _WANTED.get(scheme.lower(), f"{_WANTED['arxiv']}; {_WANTED['doi']}")
    new = _NEW.fullmatch(number)
    if scheme in ("http", "https"):
        return "an address, not an identifier", wanted
    if scheme not in _ADDRESSES:
        return f"it begins with `{'doi' if scheme.lower() == 'doi' else 'arXiv'}:`", wanted
    if len(text) > MAX_CITATION:
        return f"longer than {MAX_CITATION} characters", wanted
    if scheme == "arXiv" and new and int(new[1]) >= _FIRST and int(new[2]):
        digits = (
            "since 2015 an arXiv number has five digits"
            if int(new[1]) >= _FIVE
            else "until 2014 an arXiv number has four digits"
        )
        return f"{digits} after the point", wanted
    return f"no {'DOI' if scheme == 'doi' else 'arXiv number'}", wanted


def address(citation: str) -> str:
    """Return the web address of a paper."""
    scheme, _, number = citation.partition(":")
    return _ADDRESSES[scheme] + number


def at_address(text: str) -> str | None:
    """Return the paper that has a web address, or None if it is not what `address` gives."""
    for scheme, start in _ADDRESSES.items():
        citation = f"{scheme}:{text.removeprefix(start)}"
        if text.startswith(start) and is_citation(citation):
            return citation
    return None


def nearest_citation(text: str) -> tuple[str, bool] | None:
    """Return the citation that was probably meant, and whether nothing else can have been."""
    pasted = _PASTED.match(text)
    number = text[pasted.end() :] if pasted else text
    trimmed = re.sub(r"(?:\.pdf)?[^A-Za-z0-9)]*$", "", re.sub(r"[?].*", "", number))
    for candidate in (f"arXiv:{trimmed}", f"doi:{trimmed}", f"arXiv:{trimmed.lower()}"):
        if is_citation(candidate):
            return candidate, True
    new = _NEW.fullmatch(trimmed)
    if new:
        digits = f"{int(new[2]):0{5 if int(new[1]) >= _FIVE else 4}}"
        candidate = f"arXiv:{new[1]}.{digits}{new[3] or ''}"
        return (candidate, False) if is_citation(candidate) else None
    return None
