"""Wrong specs made of right ones: token mutants, token soup, and mutants of bytes.

Each maker takes a `random.Random` and gives the bytes of one input, so that a seed and a number name it for ever.
"""

import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

SPECS = Path(__file__).parents[1] / "specs"

_TOKEN = re.compile(r"#[^\n]*|\s+|[^\W\d]\w*|\d[\w.%]*|\|>|->|[<>=!~]=|.", re.DOTALL)
_STARTS = "import|param|let|default|scale|require|block|network|variants|search|cite"
_START = re.compile(rf"^(?=(?:{_STARTS})\b)", re.MULTILINE)
_ODD = """
1e9999999 9^9^9^9 99999999999999999999 1_000 007 0x10 .5 1. 5%% 1G 4GiB 3kB 0/0 -0 2^(1/3) 2^0.0001 0^0 0^-1 ⁹⁹⁹ ² ^
^= = == != <= ≤ ≈ ~= ± within · × ⊙ ⊙⊙ |> → -> <> <,> () (( )) {} { } [ ] " ' ; : :: , ,, . .. \\ ` $ @ ~ ! | & φ ϕ 𝛼
а ß Ω K １２ ٣ ☉ − ‧ lambda None __class__ exec true false same symmetric layer layers baseline FLOPS memory C H W K
if else and or not when where tap from import param let default scale require block network variants search to by match
with residual gate cite for cite: arXiv: arXiv:1905.11946 arXiv:1905.1194 arXiv:cs/0112017v2
doi:10.1109/CVPR.2016.90 doi:10.1/.. https://arxiv.org/abs/1905.11946
sum concat split ceil floor round round_even trunc to_multiple min max
""".split() + [
    "\0", "\r", "\r\n", "\t", "\x1b[31m", "\u202e", "\u200b", "\u2028", "\ufeff", "\x85", "\U0010ffff", "é", "مرحبا",
    "😀", "# 你好\n", "#", "1" * 40, "a" * 80, "(" * 70, ")" * 70, "{" * 70, "-" * 300, "not " * 300, "1 + " * 100,
    "2^" * 40 + "2", "1 if true else " * 40 + "0", "f(" * 30, ", x" * 100,
]  # fmt: skip

# Small, whole and right: what a mutant of it says is about meaning, not only about grammar.
PROGRAMS = [
    """cite arXiv:1905.11946
cite doi:10.1109/CVPR.2016.90, arXiv:cs/0112017v2 for Pair
param φ = 0
let α = 1.2, β = 1.1, d = α^φ, w = β^φ
scale L → ceil(d · L)
scale C → to_multiple(w · C, 8, floor = 90%)
require α ≥ 1, FLOPS ≤ 9G · max(1, 2^φ)
block Pair(kernel, stride = 1) <H, W, C> → <H/stride, W/stride, K>
  = residual if stride == 1 and C == K {
      expand: Conv(kernel, stride) → 2 · C  when kernel > 1
    ⊙ project: (Conv(1) → K ⊙ BatchNorm)
    ⊙ drop: DropPath(0.2 · layer / layers)  when stride == 1 and C == K
  }
network Small(classes = 10, rate = 0.2) <16, 16, 3> → <classes>
  = stem: Conv(3, 2)  → <8, 8, 16>
  ⊙ Pair(3, 2)^2  → <4, 4, 24>
  ⊙ pool: GlobalAvgPool ⊙ Dropout(rate) ⊙ Linear → <classes>
variants (φ, d, rate) { B0 (0, 1, 0.2) B1 (1, 1.2, 0.3) }
require B1.params ≥ 1k
search α, β from 1 to 2 by 0.05
  where α · β² ≈ 2 ± 10%, memory ≤ 1GiB
  match FLOPS ± 10%
  with φ = 1, seeds = 3, validate = 3
""",
    """import ConvAct, SqueezeExcite from mobile
param r = 1, width_of_head = 40
let grown(c) = round(c · 1.5), ε = 0.001
default BatchNorm(eps = ε), ConvAct(act = ReLU)
scale C → max(8, grown(C))
scale H → round(r · H)
scale W → round(r · W)
block Dense(growth) <H, W, C> → <H, W, C + growth> = concat { } { BatchNorm ⊙ ReLU ⊙ Conv(3) → growth }
block Gated(hidden = C/2, squeeze = true) <H, W, C> → <H, W, C>
  where half = max(1, floor(hidden))
  = SqueezeExcite(half) when squeeze ⊙ split { Depthwise(3) } { }
network Net <16, 16, 3> → <5>
  = ConvAct(3, stride = 2) → <8, 8, 8> ⊙ tap a: Dense(4)^=3 → <8, 8, 20> ⊙ Gated ⊙ (Gated(8), Gated(squeeze = false))^3
  ⊙ Conv(1) → =width_of_head ⊙ MaxPool(2, 2) ⊙ GlobalAvgPool ⊙ Flatten ⊙ Linear → <5>
require params ≤ 9M, activations ≤ 1M, memory ≤ 4GiB
""",
]


def tokens(text: str) -> list[str]:
    """Cut text into words, numbers, symbols, comments and white space."""
    return _TOKEN.findall(text)


@cache
def statements() -> list[list[str]]:
    """Give the statements of the specs that ship and of the programs above, short ones, as tokens."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(SPECS.glob("*.scl"))] + PROGRAMS
    parts = (part.strip() for text in texts for part in _START.split(text))
    return [tokens(part) for part in dict.fromkeys(parts) if 0 < len(part) <= 400]


@cache
def vocabulary() -> list[str]:
    """Give the tokens of all specs, once each, and odd ones."""
    return [*dict.fromkeys(token for each in statements() for token in each if not token.isspace()), *_ODD]


def mutated(chance: random.Random, words: list[str], times: int) -> list[str]:
    """Delete, double, swap, replace or insert a token, or change a letter in one, some times over."""
    words = list(words)
    for _ in range(times):
        place = chance.randrange(len(words) + 1)
        other = chance.randrange(len(words) + 1)
        match chance.randrange(7):
            case 0:
                del words[place : place + 1]
            case 1:
                words[place:place] = words[place : place + 1]
            case 2 if max(place, other) < len(words):
                words[place], words[other] = words[other], words[place]
            case 3:
                words[place : place + 1] = [chance.choice(vocabulary())]
            case 4 if place < len(words):
                letters = list(words[place])
                letters[chance.randrange(len(letters))] = chance.choice("aeoxφ1.=<(^%_ ")
                words[place] = "".join(letters)
            case 5:
                words[place:place] = words[other : other + chance.randrange(9)]
            case _:
                words.insert(place, f" {chance.choice(vocabulary())} ")
    return words


def mutant(chance: random.Random) -> bytes:
    """Give one or a few statements with some tokens changed."""
    chosen = (chance.choice(statements()) for _ in range(chance.choice((1, 1, 1, 2))))
    words = [token for statement in chosen for token in (*statement, "\n")]
    return _encoded("".join(mutated(chance, words, chance.choice((1, 1, 2, 3, 8)))))


def soup(chance: random.Random) -> bytes:
    """Give tokens in any order."""
    count = chance.choice((1, 3, 10, 30))
    return _encoded(chance.choice((" ", " ", "", "\n")).join(chance.choices(vocabulary(), k=count)))


def broken_bytes(chance: random.Random) -> bytes:
    """Give a statement with bytes changed, cut off or put in: UTF-8 or not."""
    data = bytearray(_encoded("".join(chance.choice(statements()))))
    for _ in range(chance.choice((1, 2, 5))):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                data[place:place] = chance.randbytes(chance.randrange(1, 5))
            case 2:
                del data[place : place + chance.randrange(1, 20)]
            case _:
                data[place:place] = _encoded(chance.choice(vocabulary()))
    return bytes(data)


def broken_program(chance: random.Random) -> bytes:
    """Give a whole spec with a few tokens changed, most for others of their kind: it reads, but says something else."""
    words = tokens(chance.choice(PROGRAMS))
    for _ in range(chance.choice((1, 2, 4))):
        place = chance.choice([i for i, word in enumerate(words) if chance.random() < 0.05 or word[0].isalnum()])
        words[place] = chance.choice(_alike(words[place]))
    return _encoded("".join(mutated(chance, words, chance.choice((0, 0, 0, 1)))))


@cache
def _alike(word: str) -> list[str]:
    """Give what may stand for a token: names for a name, numbers for a number, symbols for a symbol."""
    if word.isspace() or word[0] == "#":
        return [word]
    if word[0].isdigit():
        return "0 1 2 3 4 7 8 16 24 0.5 1.5 0.001 10 100 1k 3% 99999 1G 0.2 31".split()
    if word[0].isalpha():
        words = [each for program in PROGRAMS for each in tokens(program) if each[0].isalpha()]
        return [
            *dict.fromkeys(words),
            *"ReLU6 AvgPool LayerNorm Linear GroupNorm same memory sum gate concat split".split(),
        ]
    return "+ - · / ^ < > = == ≤ ≥ ≈ , ( ) { } ⊙ → ² ±".split()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


MAKERS: dict[str, Callable[[random.Random], bytes]] = {
    "soup": soup, "mutants": mutant, "bytes": broken_bytes, "specs": broken_program,
}  # fmt: skip
