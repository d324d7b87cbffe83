"""How good errors are: single slips in the specs that ship, and what is said of them.

    python fuzz/typos.py --slips 4000 --seed 1        a sample, and the figures that docs/fuzzing.md keeps
    python fuzz/typos.py --all                        every one of them: hours

A slip deletes, doubles or swaps a token, or changes a letter. Some leave a right spec, if another: `3` for `33`.
Of the rest the first error should stand on the line of the slip, and where a word was misspelt, offer the right one.
"""

import argparse
import random
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from mutants import SPECS, tokens
from scalec.compiler import load_text
from scalec.diagnostics.diagnostic import CompileError, Diagnostic, Report
from scalec.language import syntax
from scalec.language.parse import decode, parse
from scalec.language.syntax import KEYWORDS
from scalec.program.request import Request
from scalec.program.resolve import resolve_library

LETTERS = "abcdefghijklmnopqrstuvwxyz"
KINDS = ("deletion", "duplication", "swap", "letter")
MOST_SECONDS = 2.0


@cache
def library(name: str) -> syntax.Spec | None:
    """Read what a spec imports, once."""
    path = SPECS / f"{name}.scl"
    return parsed(path.name, path.read_text(encoding="utf-8")) if path.is_file() else None


def parsed(name: str, text: str) -> syntax.Spec:
    """Parse a spec. Raises `CompileError`."""
    report = Report()
    return parse(decode(name, text.encode(), report), report)


@dataclass(frozen=True)
class Slip:
    """One slip: the text with it, the lines that it touches, and for a misspelt word what it was and has become."""

    spec: str
    kind: str
    text: str
    lines: range
    right: str = ""
    wrong: str = ""


@dataclass(frozen=True)
class Spec:
    """A spec in tokens; `places` are those that mean something."""

    name: str
    words: tuple[str, ...]
    places: tuple[int, ...]

    def text(self) -> str:
        """Give the whole text."""
        return "".join(self.words)

    def line(self, place: int) -> int:
        """Give the line of a token, from 1."""
        return "".join(self.words[:place]).count("\n") + 1


@cache
def specs() -> tuple[Spec, ...]:
    """Read the specs that ship."""
    found = []
    for path in sorted(SPECS.glob("*.scl")):
        words = tuple(tokens(path.read_text(encoding="utf-8")))
        places = tuple(i for i, word in enumerate(words) if not word.isspace() and word[0] != "#")
        found.append(Spec(path.name, words, places))
    return tuple(found)


def findings(name: str, text: str) -> tuple[Diagnostic, ...]:
    """Check a spec as `scalec check` does, but of its variants only the first and the last."""
    try:
        if "\nnetwork " not in text:
            resolve_library(parsed(name, text), library, Report())
            return ()
        loaded = load_text(name, text.encode(), library)
        variants = list(loaded.program.variants)
        for variant in dict.fromkeys([None, *variants[:1], *variants[-1:]]):
            loaded.compile(Request(variant=variant))
    except CompileError as error:
        return tuple(sorted(error.diagnostics, key=lambda d: d.label.span.start))
    return ()


def slip(spec: Spec, index: int, kind: str, chance: random.Random) -> Slip | None:
    """Make one slip at a token; nothing where that changes nothing."""
    words, place = list(spec.words), spec.places[index]
    following = spec.places[index + 1] if index + 1 < len(spec.places) else place
    before = spec.places[index - 1] if index else place
    word, lines = words[place], range(spec.line(place), spec.line(place) + 1)
    match kind:
        case "deletion":
            words[place] = ""
            lines = range(spec.line(before), spec.line(following) + 1)
        case "duplication":
            words[place] = f"{word} {word}"
            lines = range(spec.line(place), spec.line(following) + 1)
        case "swap":
            if words[following] == word:
                return None
            words[place], words[following] = words[following], word
            lines = range(spec.line(place), spec.line(following) + 1)
        case _:
            wrong = misspelt(word, chance)
            if wrong == word:
                return None
            words[place] = wrong
            named = word if re.fullmatch(r"[^\W\d]\w+", word) else ""
            return Slip(spec.name, kind, "".join(words), lines, named, wrong)
    return Slip(spec.name, kind, "".join(words), lines)


def misspelt(word: str, chance: random.Random) -> str:
    """Leave out, double, exchange or replace one character."""
    at = chance.randrange(len(word))
    match chance.randrange(4):
        case 0 if len(word) > 1:
            return word[:at] + word[at + 1 :]
        case 1:
            return word[:at] + word[at] + word[at:]
        case 2 if len(word) > 1:
            at = min(at, len(word) - 2)
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + chance.choice(LETTERS) + word[at + 1 :]


@dataclass
class Figures:
    """What came of many slips."""

    tried: int = 0
    harmless: int = 0
    wrong: int = 0
    on_line: int = 0
    shown: int = 0
    """Those whose line one of the first error's labels shows."""
    words: int = 0
    offered: int = 0
    slowest: float = 0.0

    def take(self, made: Slip) -> tuple[Diagnostic, ...]:
        """Look at what is said of a slip."""
        start = time.process_time()
        found = findings(made.spec, made.text)
        self.slowest = max(self.slowest, time.process_time() - start)
        self.tried += 1
        if not found:
            self.harmless += 1
            return found
        self.wrong += 1
        first = found[0]
        lines = [label.span.source.position(label.span.start)[0] for label in (first.label, *first.others)]
        self.on_line += lines[0] in made.lines
        self.shown += any(line in made.lines for line in lines)
        if made.right:
            self.words += 1
            self.offered += any(offers(each, made) for each in found[:1])
        return found

    def __str__(self) -> str:
        """Give the figures in words."""
        return (
            f"{self.tried:,} slips, {self.harmless:,} of which leave a right spec; slowest {self.slowest:.2f} s\n"
            f"first error on the line of the slip: {share(self.on_line, self.wrong)}; "
            f"with its other labels: {share(self.shown, self.wrong)}\n"
            f"misspelt words for which the right one is offered: {share(self.offered, self.words)}"
        )


def offers(found: Diagnostic, made: Slip) -> bool:
    """Tell whether the right word is offered; where a definition was misspelt, its uses offer what it has become."""
    said = " ".join((found.help or "", *found.notes))
    return any(f"`{word}`" in said for word in (made.right, made.wrong))


def share(part: int, whole: int) -> str:
    """Give a share in per cent, and of what."""
    return f"{100 * part / max(1, whole):.1f} % of {whole:,}"


def sample(count: int, seed: int) -> Iterator[Slip]:
    """Give slips at random, as many of each kind."""
    chance = random.Random(seed)
    weights = [len(spec.places) for spec in specs()]
    while count:
        spec = chance.choices(specs(), weights)[0]
        made = slip(spec, chance.randrange(len(spec.places)), KINDS[count % len(KINDS)], chance)
        if made is not None:
            count -= 1
            yield made


def misspelt_words(count: int, seed: int) -> Iterator[Slip]:
    """Give slips in names and keywords alone."""
    chance = random.Random(seed)
    while count:
        spec = chance.choice(specs())
        named = [index for index, place in enumerate(spec.places) if re.fullmatch(r"[^\W\d]\w+", spec.words[place])]
        if (made := slip(spec, chance.choice(named), "letter", chance)) is not None:
            count -= 1
            yield made


def every() -> Iterator[Slip]:
    """Give every deletion, duplication and swap, and for each letter of each token one misspelling."""
    chance = random.Random(0)
    for spec in specs():
        for index, place in enumerate(spec.places):
            for kind in KINDS[:3] + KINDS[3:] * len(spec.words[place]):
                if (made := slip(spec, index, kind, chance)) is not None:
                    yield made


def statements(spec: Spec) -> list[list[int]]:
    """Give the tokens of each statement, as indices into `places`."""
    found: list[list[int]] = []
    for index, place in enumerate(spec.places):
        starts = place == 0 or (spec.words[place - 1].endswith("\n"))
        if (starts and spec.words[place] in KEYWORDS) or not found:
            found.append([])
        found[-1].append(index)
    return found


def planted(count: int, seed: int, kind: str) -> tuple[int, int]:
    """Plant three errors in three statements of a spec; give in how many all three are reported, and of how many.

    `kind` is what they are: `syntax` (E0), `names` (E1), or `any`. Each is an error by itself.
    """
    chance, all_three, tried = random.Random(f"{kind}{seed}"), 0, 0
    while tried < count:
        spec = chance.choice(specs())
        parts = [part for part in statements(spec) if len(part) > 4]
        if len(parts) < 3:
            continue
        chosen = sorted(chance.sample(parts, 3), key=lambda part: part[0])
        words, ranges = list(spec.words), []
        for part in chosen:
            edit = _alone(spec, part, kind, chance)
            if edit is None:
                break
            place, word = edit
            words[place] = word
            ranges.append((spec.line(spec.places[part[0]]), spec.line(spec.places[part[-1]])))
        if len(ranges) < 3:
            continue
        tried += 1
        found = findings(spec.name, "".join(words))
        lines = [d.label.span.source.position(d.label.span.start)[0] for d in found]
        all_three += all(any(low <= line <= high for line in lines) for low, high in ranges)
    return all_three, tried


def _alone(spec: Spec, part: list[int], kind: str, chance: random.Random) -> tuple[int, str] | None:
    """Find an error to plant in a statement: one that is found there if it is the only one."""
    low, high = spec.line(spec.places[part[0]]), spec.line(spec.places[part[-1]])
    for _ in range(6):
        place = spec.places[chance.choice(part[1:-1])]
        word = (
            "" if kind == "syntax" or (kind == "any" and chance.random() < 0.5) else misspelt(spec.words[place], chance)
        )
        words = list(spec.words)
        words[place] = word
        found = findings(spec.name, "".join(words))
        wanted = {"syntax": "E0", "names": "E1", "any": "E"}[kind]
        if found and found[0].code.startswith(wanted):
            line = found[0].label.span.source.position(found[0].label.span.start)[0]
            if low <= line <= high:
                return place, word
    return None


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slips", type=int, default=1000)
    parser.add_argument("--planted", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--show", action="store_true", help="show those that are on another line, or offer nothing")
    arguments = parser.parse_args()
    total = Figures()
    for made in every() if arguments.all else sample(arguments.slips, arguments.seed):
        before = (total.on_line, total.offered)
        found = total.take(made)
        if arguments.show and found:
            _show(made, found[0], before[0] == total.on_line, bool(made.right) and before[1] == total.offered)
    words = Figures()
    for made in misspelt_words(arguments.slips // 4, arguments.seed):
        words.take(made)
    print(f"{total}\nnames and keywords alone: {words}")
    for kind in ("syntax", "names", "any"):
        hit, tried = planted(arguments.planted, arguments.seed, kind)
        print(f"three errors planted ({kind}), all three reported: {share(hit, tried)}", flush=True)
    return 0 if total.slowest <= MOST_SECONDS else 1


def _show(made: Slip, first: Diagnostic, elsewhere: bool, silent: bool) -> None:
    line = first.label.span.source.position(first.label.span.start)[0]
    if elsewhere:
        print(
            f"LINE {made.spec} {made.kind} {made.lines} {made.right}>{made.wrong}: {line} {first.code} {first.message}"
        )
    if silent:
        print(f"WORD {made.spec} {made.right}>{made.wrong}: {first.code} {first.message} / {first.help}")


if __name__ == "__main__":
    sys.exit(main())
