"""Hypothesis strategies that write specs: random, small and valid, as the text that a user would write.

`specs()` gives a `Written`: the text, and what an oracle needs to say what each stage comes to (rules, coefficients,
stages as written). It never asks the compiler anything. `phis()` gives φ as text for the command line.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

T = TypeVar("T")

SETTINGS = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # to shrink takes minutes, and a spec is short
)  # fmt: skip

_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "φ": "phi", "ε": "epsilon", "ρ": "rho", "δ": "delta"}
_SYMBOLS = {"⊙": "|>", "→": "->", "·": "*", "≤": "<=", "≥": ">=", "≈": "~=", "±": "within", "²": "^2", "³": "^3"}
_SPELLED = re.compile("|".join([*_GREEK, *_SYMBOLS]))


@dataclass(frozen=True)
class Rule:
    """A scale rule: a rounding function, the multiple and the floor share of `to_multiple`, and the least value."""

    function: str
    multiple: int = 1
    share: int | None = None
    least: int | None = None

    def spell(self, x: str) -> str:
        """Write the rule applied to `x`."""
        more = f", floor = {self.share}%" if self.share is not None else ""
        text = f"to_multiple({x}, {self.multiple}{more})" if self.function == "to_multiple" else f"{self.function}({x})"
        return text if self.least is None else f"max({self.least}, {text})"


@dataclass(frozen=True)
class Coefficient:
    """What φ makes of one of d, w and r: `base^φ`, or `1 + slope · φ`."""

    base: Fraction | None
    slope: Fraction = Fraction(0)


@dataclass(frozen=True)
class Stage:
    """A stage as written. `channels` says what it gives; `repeats` is nothing without an exponent.

    scaled: `amount` by the rule of C; fixed: `amount`; ruled: the same, pinned, by the let `width`; multiple: `amount`
    times the channels of the stage `of`; grown: `amount` more for each layer; widened: as much more as the rule of C
    makes of `amount`; halved; kept; classes: the last vector.
    """

    label: str | None
    channels: str
    amount: int = 0
    of: int = 0
    repeats: int | None = None
    pinned: bool = False
    stride: int = 1
    present: bool = True
    vector: bool = False
    pooled: bool = False


@dataclass(frozen=True)
class Written:
    """A spec and what is known of it from having written it."""

    text: str
    height: int
    width: int
    rules: dict[str, Rule]
    coefficients: dict[str, Coefficient]
    stages: tuple[Stage, ...]
    variants: dict[str, dict[str, Fraction]]
    labels: tuple[str, ...]
    papers: tuple[str, ...] = ()
    """Those that are cited for the network, in order; others may be for blocks."""

    @property
    def ascii(self) -> str:
        """The same spec without a character beyond ASCII."""
        return to_ascii(self.text)

    def relabelled(self, suffix: str) -> str:
        """Write the spec with other labels."""
        text = self.text
        for label in self.labels:
            text = re.sub(rf"(?<![\w.]){label}(?=:|\.C\b)", label + suffix, text)
        return text

    def reflowed(self) -> str:
        """Write the spec with other white space and comments."""
        lines = re.sub(r"#[^\n]*", "", self.text).split("\n")
        return "# other words\n\n" + "\n".join(f"\t {line}   # → α ⊙" for line in lines)


def to_ascii(text: str) -> str:
    """Spell every symbol in ASCII."""
    return _SPELLED.sub(
        lambda m: f" {(_GREEK | _SYMBOLS)[m.group()]} " if m.group() == "±" else _ascii(m.group()), text
    )


def _ascii(symbol: str) -> str:
    return (_GREEK | _SYMBOLS)[symbol]


def mixed(text: str, seed: int) -> str:
    """Spell some symbols in ASCII, each one by itself."""
    chance = random.Random(seed)
    return _SPELLED.sub(lambda m: m.group() if chance.random() < 0.6 else to_ascii(m.group()), text)


_LETTERS = "A-Za-z_Α-Ωα-ωϕ"
_WORD = re.compile(
    rf"#[^\n]*|(?:arXiv|doi):(?=[0-9]|[A-Za-z.-]+/[0-9])[^\s,#]+|[{_LETTERS}][0-9{_LETTERS}]*|[0-9][0-9_]*(?:\.[0-9_]+)?(?:%|[{_LETTERS}][0-9{_LETTERS}]*)?"
    r"|[⁰¹²³⁴⁵⁶⁷⁸⁹]+|\|>|->|[<>=!~]=|\S"
)
_SEPARATORS = ("⊙", "|>", ",", "=")


def mangled(text: str, seed: int) -> str:
    """Lay a spec out as nobody would: words on other lines, blank lines, its comments gone, others anywhere."""
    chance = random.Random(seed)
    breaks, comments = chance.choice([0, 0.03, 0.1, 0.5]), chance.choice([0, 0.01, 0.03, 0.1, 0.3])
    parts, done, number = [], 0, 0
    text = re.sub(r"#[^\n]*", "", text)
    for word in _WORD.finditer(text):
        gap = text[done : word.start()]
        if chance.random() < breaks:
            gap += chance.choice(["\n", "\n\n", "\n \n\n   ", "  ", "\t", "\r\n"])
        elif chance.random() < breaks and gap:
            gap = " "
        if chance.random() < comments and word.group() != ":":  # a keyword is a label right before its colon
            number += 1
            forms = [f"  # {number}\n", f"\n# {number}\n", f"\n\n  #{number} \n\n", f" # → ⊙ {number}\r\n\t"]
            gap += chance.choice([*forms, f" # a{number}\n # b{number}\n", f"\n# a{number}\n\n\n# b{number}\n"])
        parts += [gap, word.group()]
        done = word.end()
    return "".join([*parts, chance.choice(["", "\n", "\n\n", " # the end", "\n\n# the end\n"])])


def attached(text: str) -> list[tuple[str, int]]:
    """Give each comment, and how many words are before it: a power is two, `⊙`, `,` and `=` are none."""
    found, before = [], 0
    for word in _WORD.findall(text):
        if word.startswith("#"):
            found.append((word.rstrip(), before))
        elif word not in _SEPARATORS:
            before += 2 if word[0] in "⁰¹²³⁴⁵⁶⁷⁸⁹" else 1
    return found


def examples(count: int, *strategies: st.SearchStrategy[Any], more: int = 10) -> Callable[[Callable[..., None]], Any]:
    """Run a property with `count` examples, and marked slow with `more` times as many."""

    def decorate(test: Callable[..., None]) -> Any:
        @pytest.mark.parametrize("times", [1, pytest.param(more, marks=pytest.mark.slow)])
        def run(times: int) -> None:
            settings(SETTINGS, max_examples=count * times)(given(*strategies)(test))()

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run

    return decorate


def citations() -> st.SearchStrategy[str]:
    """Identifiers of papers, as anybody may cite them."""
    month, version = st.integers(1, 12).map("{:02}".format), st.just("") | st.integers(1, 99).map("v{}".format)
    number = st.integers(1, 9999).map("{:04}".format)
    late = st.builds("arXiv:{}{}.{:05}{}".format, st.integers(15, 99), month, st.integers(1, 99_999), version)
    early = st.builds("arXiv:{:02}{}.{}{}".format, st.integers(8, 14), month, number, version)
    archive = st.sampled_from(["cs", "math", "hep-th", "cond-mat", "math.GT", "q-bio"])
    year = st.sampled_from(["91", "99", "00", "06"])
    old = st.builds("arXiv:{}/{}{}{:03}{}".format, archive, year, month, st.integers(0, 999), version)
    part = st.from_regex(r"[A-Za-z0-9(][A-Za-z0-9._():-]{0,8}[A-Za-z0-9)]", fullmatch=True)
    ends = st.lists(part, min_size=1, max_size=3).map("/".join)
    doi = st.builds("doi:10.{}/{}".format, st.sampled_from(["1109", "48550", "1000.10", "123456789"]), ends)
    return late | early | old | doi


@dataclass(frozen=True)
class Block:
    """A block that was written: what it does to channels (given, kept, grown, halved), and how it is called."""

    name: str
    kind: str
    parameters: tuple[str, ...]
    required: tuple[str, ...]
    uses_layer: bool
    default_stride: int = 1


@dataclass
class _Local:
    """What may be named while the body of a block is written."""

    parameters: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    activations: list[str] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    uses_layer: bool = False
    in_network: bool = False


class _Pen:
    """Writes one spec, asking Hypothesis at each choice."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.blocks: list[Block] = []
        self.labels: set[str] = set()
        self.stages: list[Stage] = []

    # Choices

    def pick(self, *options: T) -> T:
        return options[self.number(0, len(options) - 1)]

    def number(self, least: int, most: int) -> int:
        return int(self.draw(st.integers(least, most)))

    def chance(self, percent: int) -> bool:
        return self.number(0, 99) >= 100 - percent  # shrinks to no

    # A whole spec

    def spec(self) -> Written:
        self.same_padding = self.chance(30)
        self.grouped = self.chance(30)
        self.switch = self.chance(50)
        self.has_width = self.chance(50)
        self.rules = self._rules()
        statements = [*self._cites(), self._names(), *self._scales()]
        statements += self._defaults()
        texts = [self._conv_act(), self._squeeze(), *(self._block(n) for n in range(self.number(1, 4)))]
        network = self._network()
        variants, rows = self._variants()
        ends = [*variants, *self._requirements(rows), *self._search(), *self._cites_for_blocks()]
        body = "\n\n".join([*statements, *texts, network, *ends])
        text = mixed(body, self.number(0, 999)) if self.chance(50) else body
        return Written(
            text, self.height, self.width, self.rules, self.coefficients, tuple(self.stages), rows,
            tuple(sorted(self.labels)), tuple(self.papers),
        )  # fmt: skip

    def _rules(self) -> dict[str, Rule]:
        multiple = self.pick(4, 8) if self.grouped else self.pick(1, 2, 4, 8, 3)
        share = self.pick(None, 90, 80)
        least = self.pick(None, multiple, 8)
        channels = Rule("to_multiple", multiple, share, least)
        if not self.grouped and self.chance(40):
            channels = Rule(self.pick("round", "floor", "ceil", "round_even", "trunc"), least=self.pick(None, 4))
        rules = {"C": channels}
        rules["L"] = Rule(self.pick("ceil", "round", "round_even"))
        if self.chance(30):
            rules["L"] = Rule(self.pick("trunc", "floor", "round"), least=1)
        if self.chance(80):
            size = Rule(self.pick("round", "ceil", "floor", "trunc", "round_even"))
            size = Rule("to_multiple", self.pick(2, 4)) if self.chance(30) else size
            rules |= {"H": size, "W": size if self.chance(70) else Rule("ceil")}
        return rules

    def _names(self) -> str:
        params = ["φ = 0"]
        if self.switch:
            self.deep = self.chance(50)
            params += [f"deep = {str(self.deep).lower()}", "ε = 0.001"]
            if self.same_padding:
                params += ["border = same"]
        self.coefficients = {}
        lets = []
        for name, letter in (("d", "α"), ("w", "β"), ("r", "γ")):
            if self.chance(80):
                base = Fraction(self.number(100, 130), 100)
                self.coefficients[name] = Coefficient(base)
                lets += [f"{letter} = {_decimal(base)}", f"{name} = {letter}^φ"]
            else:
                slope = Fraction(self.number(1, 30), 100)
                self.coefficients[name] = Coefficient(None, slope)
                lets += [f"{letter} = {_decimal(slope)}", f"{name} = 1 + {letter} · φ"]
        if self.has_width:
            lets.append(f"width(c) = {self.rules['C'].spell('w · c')}")
        return f"# Written by a machine.\n\nparam {', '.join(params)}\n\nlet {', '.join(lets)}  # coefficients"

    def _scales(self) -> list[str]:
        coefficient = {"L": "d", "C": "w", "H": "r", "W": "r"}
        rules = {symbol: rule.spell(f"{coefficient[symbol]} · {symbol}") for symbol, rule in self.rules.items()}
        if self.has_width:
            rules["C"] = "width(C)"
        return ["\n".join(f"scale {symbol} → {rule}" for symbol, rule in rules.items())]

    def _defaults(self) -> list[str]:
        settings = []
        if self.same_padding:
            word = "border" if self.switch else "same"
            settings += [f"Conv(padding = {word})", f"Depthwise(padding = {word})"]
        if self.chance(40):
            settings.append(f"BatchNorm(eps = {'ε' if self.switch else '0.001'}, momentum = 0.01)")
        return [f"default {', '.join(settings)}"] if settings else []

    def _requirements(self, rows: dict[str, dict[str, Fraction]]) -> list[str]:
        conditions = ["params ≥ 1", "FLOPS ≥ baseline.FLOPS · 0", "memory ≤ 400GiB", "activations ≈ activations ± 5%"]
        conditions += ["α ≥ 0 and not β < 0", "(1.2 if 2^φ > 1 else 1) ≥ γ² · 0"]
        conditions += [f"{name}.params > 0" for name in rows]
        chosen = [condition for condition in conditions if self.chance(30)]
        return [f"require {', '.join(chosen)}"] if chosen else []

    def _search(self) -> list[str]:
        if self.chance(60):
            return []
        axes = ["α from 1 to 2 by 0.05", "β, γ from 1 to 3/2 by 1/20"][: self.number(1, 2)]
        clauses = ["search " + ", ".join(axes), "  where α · β² · γ² ≈ 2 ± 0.1, params ≥ 1, α ≥ 1"]
        clauses += ["  match FLOPS ± 10%"] if self.chance(50) else []
        clauses += [f"  with φ = 1/2, seeds = {self.number(3, 9)}, validate = -2 + 5"] if self.chance(50) else []
        return ["\n".join(clauses)]

    def _cites(self) -> list[str]:
        self.papers: list[str] = []
        if self.chance(40):
            self.papers = self.draw(st.lists(citations(), min_size=1, max_size=3, unique=True))
        first = self.number(0, len(self.papers))
        parts = [part for part in (self.papers[:first], self.papers[first:]) if part]
        return ["\n".join(f"cite {', '.join(part)}" for part in parts)] if parts else []

    def _cites_for_blocks(self) -> list[str]:
        if self.chance(60):
            return []
        paper = self.draw(citations().filter(lambda found: found not in self.papers))
        names = [block.name for block in self.blocks][: self.number(1, 3)]
        return [f"cite {paper} for {', '.join(names)}"]

    def _variants(self) -> tuple[list[str], dict[str, dict[str, Fraction]]]:
        if self.chance(60):
            return [], {}
        columns = ["φ", *(name for name in "dwr" if self.chance(60)), *(["dropout"] if self.has_dropout else [])]
        rows: dict[str, dict[str, Fraction]] = {}
        lines = []
        for name in ("Small", "Large")[: self.number(1, 2)]:
            values = {"φ": Fraction(self.number(0, 3)), "dropout": Fraction(self.number(1, 5), 10)}
            values |= {column: Fraction(self.number(100, 180), 100) for column in "dwr"}
            rows[name] = {column: values[column] for column in columns}
            lines.append(f"  {name} ({', '.join(_decimal(rows[name][column]) for column in columns)})")
        return [f"variants ({', '.join(columns)}) {{\n" + "\n".join(lines) + "\n}"], rows

    # Blocks

    def _conv_act(self) -> str:
        self.blocks.append(Block("ConvAct", "given", ("kernel", "stride", "act"), ("kernel",), False))
        form = self.pick(
            "conv: Conv(kernel, stride) → K\n  ⊙ norm: BatchNorm\n  ⊙ act: act",
            "Conv(kernel, stride, bias = true) → K ⊙ act",
            "unit: (Conv(kernel, stride) → K ⊙ BatchNorm ⊙ act)",
        )
        default = self.pick("ReLU", "SiLU", "Identity")
        head = f"block ConvAct(kernel, stride = 1, act = {default}) <H, W, C> → <H/stride, W/stride, K>"
        return f"{head}\n  = {form}"

    def _squeeze(self) -> str:
        gate = self.pick("Sigmoid", "HardSigmoid")
        act = self.pick("ReLU", "SiLU")
        head = f"block Squeeze(hidden, gate = {gate}) <H, W, C> → <H, W, C>"
        steps = ["pool: GlobalAvgPool", "reduce: Conv(1, bias = true) → hidden", act]
        steps += ["expand: Conv(1, bias = true) → C", self.pick("gate", "gate: gate")]
        return f"{head}\n  = gate {{ {' ⊙ '.join(steps)} }}"

    def _block(self, number: int) -> str:
        kind = self.pick(
            "given", "given", "given", "given", "kept", "kept", "grown", *([] if self.grouped else ["halved"])
        )
        name = f"{ {'given': 'Wide', 'kept': 'Mix', 'grown': 'Dense', 'halved': 'Transition'}[kind] }{number}".strip()
        return getattr(self, f"_{kind}")(f"{name[0].upper()}{name[1:]}".replace(" ", ""))  # type: ignore[no-any-return]

    def _kept(self, name: str) -> str:
        local = _Local(activations=["ReLU", "GELU"])
        listed = self._parameters(local, ["hidden", "act", "squeeze", "kernel", "rate"])
        where = self._where(local, "C")
        wrapped = self.chain(local, "C", self.number(1, 3))
        if self.chance(40):
            wrapped = f"residual {{ {wrapped}{self._drop(local)} }}"
        return self._write(name, "kept", local, listed, "<H, W, C> → <H, W, C>", where, wrapped)

    def _grown(self, name: str) -> str:
        local = _Local(activations=["ReLU", "SiLU"], parameters=["growth"])
        listed = ["growth", *self._parameters(local, ["kernel", "act"])]
        inner = self.chain(local, "C", self.number(0, 2))
        last = self.pick("Conv(3) → growth", "ConvAct(1) → growth", "Conv(1) → 2 · growth ⊙ ReLU ⊙ Conv(3) → growth")
        body = f"concat {{ }} {{ {inner + ' ⊙ ' if inner else ''}{last} }}"
        return self._write(name, "grown", local, listed, "<H, W, C> → <H, W, C + growth>", "", body)

    def _halved(self, name: str) -> str:
        local = _Local(activations=["ReLU"])
        local.parameters.append("stride")
        step = self.pick(
            "Conv(3, stride) → floor(C / 2)", "AvgPool(3, stride, count_padding = false) ⊙ Conv(1) → floor(C / 2)"
        )
        body = f"{self.chain(local, 'C', 1)} ⊙ {step}"
        signature = "<H, W, C> → <H/stride, W/stride, floor(C / 2)>"
        return self._write(name, "halved", local, ["stride = 2"], signature, "", body, 2)

    def _given(self, name: str) -> str:
        local = _Local(activations=["ReLU", "SiLU", "HardSwish"])
        wanted = ["kernel", "expansion", "squeeze", "act", "mix", "rate", "hidden"]
        stride = self.pick(1, 1, 1, 2)
        listed = [*self._parameters(local, wanted), f"stride = {stride}"]
        local.parameters.append("stride")
        local.conditions += ["stride == 1", "C == K", "stride == 1 and C == K", "stride > 1 or C != K"]
        where = self._where(local, "K")
        body = self._shaped_body(local)
        signature = "<H, W, C> → <H/stride, W/stride, K>"
        return self._write(name, "given", local, listed, signature, where, body, stride)

    def _write(
        self,
        name: str,
        kind: str,
        local: _Local,
        listed: list[str],
        signature: str,
        where: str,
        body: str,
        stride: int = 1,
    ) -> str:
        required = tuple(p for p in listed if "=" not in p)
        names = tuple(p.split(" ")[0] for p in listed)
        self.blocks.append(Block(name, kind, names, required, local.uses_layer, stride))
        return f"block {name}({', '.join(listed)})\n    {signature}{where}\n  = {body}"

    def _parameters(self, local: _Local, wanted: list[str]) -> list[str]:
        """Choose parameters; required ones first, as in Python."""
        forms = {
            "kernel": ["kernel", "kernel = 3"],
            "expansion": ["expansion", "expansion = 2"],
            "squeeze": ["squeeze = true", "squeeze = false"],
            "act": ["act = ReLU", "act = HardSwish"],
            "mix": ["mix = Depthwise(3)", "mix = Depthwise(kernel = 3, bias = true)"],
            "rate": ["rate = 0.2"],
            "hidden": ["hidden = max(1, floor(C / 4))", "hidden = C", "hidden = 4"],
        }
        chosen = [self.pick(*forms[name]) for name in wanted if self.chance(50)]
        local.parameters += [text.split(" ")[0] for text in chosen]
        local.conditions += [
            condition
            for name, condition in (("kernel", "kernel ≥ 5"), ("expansion", "expansion > 1"), ("squeeze", "squeeze"))
            if name in local.parameters
        ]
        local.conditions += ["C ≥ 16", *(["not squeeze"] if "squeeze" in local.parameters else [])]
        local.conditions += ["deep", "not deep"] if self.switch else []
        local.activations += ["act", "act"] if "act" in local.parameters else []
        return sorted(chosen, key=lambda text: "=" in text)

    def _where(self, local: _Local, symbol: str) -> str:
        bindings = []
        if symbol == "K" and self.chance(40):
            bindings.append("keep = stride == 1 and C == K")
            local.conditions += ["keep", "keep", "not keep"]
        if self.chance(40):
            bindings.append(f"inner = {self.pick('max(2, floor(C / 2))', f'{symbol} + 4', f'2 · {symbol}')}")
            local.parameters.append("inner")
        if "expansion" in local.parameters:
            bindings.append("expanded = expansion · C")
            local.parameters.append("expanded")
        return f"\n  where {', '.join(bindings)}" if bindings else ""

    def _shaped_body(self, local: _Local) -> str:
        form = self.pick("plain", "residual", "shortcut", "identity", "halves", "reparametrised")
        straight = "keep" if "keep" in local.conditions else "stride == 1 and C == K"
        if form == "plain":
            return self._path(local)
        if form == "residual":
            return f"residual if {straight} {{ {self._path(local)}{self._drop(local, straight)} }}"
        shortcut = self._label(local, "shortcut", 100) + self.pick(
            "(Conv(1, stride) → K ⊙ BatchNorm)", "Conv(1, stride) → K"
        )
        if form == "shortcut":
            return f"sum {{ {self._path(local)} }} {{\n    {shortcut} when stride > 1 or C != K\n  }} ⊙ ReLU"
        if form == "identity":
            other = self.pick("", "BatchNorm", "identity: BatchNorm")
            return f"sum if {straight} {{ {other} }} {{ {self._path(local)} }}"
        if form == "halves":
            one, two = "Conv(3, stride) → K - floor(K / 2)", "ConvAct(1, stride) → floor(K / 2)"
            return f"{self.chain(local, 'C', 1)} ⊙ concat {{ {one} }} {{ {two} }} ⊙ BatchNorm"
        extra = f"if {self._condition(local)} {{ {shortcut} }}"
        return f"sum {{ {self._path(local)} }} {{ Conv(3, stride) → K }} {extra}"

    def _path(self, local: _Local) -> str:
        """Write a chain from <H, W, C> to <H/stride, W/stride, K>."""
        cur: str | None = "C"
        units = []
        if "expanded" in local.parameters and self.chance(70):
            units.append(self._label(local, "expand") + "ConvAct(1) → expanded when expansion > 1")
            cur = "expanded"
        units += [self.chain(local, cur, self.number(0, 1))]
        main, cur = self._main(local, cur)
        units += [main, self.chain(local, cur, self.number(0, 2))]
        if self.chance(15):
            wide = self.pick(
                "Conv(1) → 2 · K",
                "ConvAct(1) → C + 4",
                "(ReLU ⊙ Conv(3)) → K",
                *(["Conv(1) → width(8)"] * self.has_width),
            )
            units += [
                f"{self._label(local, 'widen')}{wide} when {self._condition(local)}",
                self.chain(local, None, self.number(0, 2)),
            ]
            cur = None
        if cur != "K":
            steps = ["Conv(1) → K", "ConvAct(1) → K", "(Conv(1) → K ⊙ BatchNorm)", "(Conv(1) ⊙ BatchNorm) → K"][:3]
            if self.grouped and cur == "C":
                steps.append("Conv(1, groups = 4) → K")
            units.append(self._label(local, "project") + self.pick(*steps))
        return " ⊙ ".join(unit for unit in units if unit)

    def _main(self, local: _Local, cur: str | None) -> tuple[str, str | None]:
        """Write the unit that strides."""
        kernel = "kernel" if "kernel" in local.parameters and self.chance(70) else "3"
        mids = ["K", "K", "C", "8", "max(4, floor(C / 2))", "floor(K / 2) + 1", "(C + K)", "2 · K"]
        mids += [name for name in ("inner", "expanded", "inner") if name in local.parameters]
        mids += ["width(24)", "width(16)"] if self.has_width else []
        mid = self.pick(*mids)
        kept = [f"Depthwise({kernel}, stride)", "MaxPool(3, stride)", "AvgPool(3, stride, count_padding = true)"]
        kept += ["mix(stride)", "mix(stride = stride)"] if "mix" in local.parameters else []
        changed = [f"Conv({kernel}, stride)", "Conv(3, stride, bias = true)", f"ConvAct({kernel}, stride)"]
        changed += [
            f"Conv({kernel}, stride, padding = same)",
            "Conv(3, stride, dilation = 2)",
            "ConvAct(3, stride, act = ReLU)",
        ]
        text = self.pick(*kept, *changed)
        label = self._label(local, "spatial")
        return (f"{label}{text}", cur) if text in kept else (f"{label}{text} → {mid}", mid)

    def _drop(self, local: _Local, condition: str | None = None) -> str:
        if "rate" not in local.parameters or local.in_network:
            return ""
        local.uses_layer = True
        amount = self.pick("layer / layers", "layer / max(1, layers - 1)", "(1 - layer / layers)")
        guard = f" when {condition}" if condition and self.chance(70) else ""
        return f" ⊙ {self._label(local, 'path')}DropPath(rate · {amount}){guard}"

    def _condition(self, local: _Local) -> str:
        one = self.pick(*local.conditions)
        if self.chance(20):
            other = self.pick(*local.conditions)
            return f"{one} {self.pick('and', 'or')} {other}"
        return one

    def _label(self, local: _Local, wanted: str, percent: int = 50) -> str:
        if not self.chance(percent):
            return ""
        number, label = 2, wanted
        while label in local.labels:
            label, number = f"{wanted}{number}", number + 1
        local.labels.add(label)
        self.labels.add(label)
        return f"{label}: "

    def chain(self, local: _Local, cur: str | None, count: int, depth: int = 0) -> str:
        """Write `count` units that keep the shape; `cur` spells the channels, nothing if no expression does."""
        return " ⊙ ".join(self._keeping(local, cur, depth) for _ in range(count))

    def _keeping(self, local: _Local, cur: str | None, depth: int) -> str:
        guard = f" when {self._condition(local)}" if local.conditions and self.chance(25) else ""
        if depth < 2 and self.chance(30):
            text = self._compound(local, cur, depth + 1)
            # behind a chain the guard would be its last unit's alone
            return text + (guard if self.chance(30) and not text.startswith("concat") else "")
        plain = ["BatchNorm", "BatchNorm(eps = 0.01)", "LayerNorm", "LayerScale(0.1)", "Dropout(0.1)", "GroupNorm(1)"]
        plain += ["Depthwise(3)", "Depthwise(5, bias = true)", "MaxPool(3, 1)", "AvgPool(3, 1, count_padding = true)"]
        plain += local.activations
        plain += [self.pick("PReLU(true)", "LeakyReLU(0.1)", "Softplus", "PReLU"), "GRN"]
        plain += ["Depthwise(kernel)", "Depthwise(kernel if kernel ≤ 3 else 3)"] if "kernel" in local.parameters else []
        plain += ["mix(1)"] if "mix" in local.parameters else []
        plain += ["Depthwise(3 if squeeze else 5)"] if "squeeze" in local.parameters else []
        plain += ["Squeeze(hidden)", "Squeeze(hidden = hidden)"] if "hidden" in local.parameters else []
        plain += (
            ["Squeeze(max(1, floor(C / 4)), gate = HardSigmoid)", "Squeeze(8)"]
            if not local.in_network
            else ["Squeeze(8)"]
        )
        plain += [f"Conv(1) → {cur}", f"Conv(3, groups = {cur}) → {cur}", f"ConvAct(3) → {cur}"] if cur else []
        plain += ["Squeeze(width(16))"] if self.has_width else []
        if self.grouped and cur in ("C", "K"):
            plain += [f"Conv(3, groups = 4) → {cur}", self.pick("GroupNorm(2)", "ChannelShuffle(2)")]
        kept = [b for b in self.blocks if b.kind == "kept" and not (b.uses_layer and local.in_network)]
        text = self.pick(*plain)
        if kept and self.chance(20):
            block = self.pick(*kept)
            local.uses_layer = local.uses_layer or block.uses_layer
            text = self.call(block, 1, local)
        label = self._label(local, self.pick("unit", "step", "norm"), 25)
        fixed = "^=2" if not local.in_network and not guard and self.chance(8) else ""
        if fixed and " → " in text:
            head, _, channels = text.rpartition(" → ")
            return f"{label}{head}{fixed} → {channels}"
        return f"{label}{text}{fixed}{guard}"

    def _compound(self, local: _Local, cur: str | None, depth: int) -> str:
        one = self.chain(local, cur, self.number(1, 2), depth)
        two = self.chain(local, cur, 1, depth)
        condition = f"if {self._condition(local)} " if local.conditions and self.chance(50) else ""
        gate = f"GlobalAvgPool ⊙ Conv(1) → {cur} ⊙ Sigmoid" if cur else "GlobalAvgPool ⊙ HardSigmoid"
        forms = [
            f"residual {condition}{{ {one} }}",
            f"sum {{ {one} }} {{ {two} }}",
            f"sum {{ {one} }} {condition}{{ }}",
        ]
        forms += [f"gate {{ {gate} }}", f"gate {condition}{{ {one} ⊙ Sigmoid }}"]
        label = self._label(local, "group")
        forms += [f"{label}({one} ⊙ {two})", f"{label}(BatchNorm ⊙ ReLU)"]
        if cur in ("C", "K"):
            pieces = self.chain(local, None, 1, depth)
            half = f"Conv(1) → floor({cur} / 2)"
            forms += [f"split {{ }} {{ {pieces} }}", f"split {{ {pieces} }} {{ {half} }}"]
        if cur:
            forms.append(f"concat {{ {one} }} {{ Conv(1) → 4 }} ⊙ Conv(1) → {cur}")
        return self.pick(*forms)

    def call(self, block: Block, stride: int, local: _Local | None = None) -> str:
        """Write a use of a block."""
        values = {
            "kernel": self.pick("3", "5", *(["2", "4"] if self.same_padding and block.name == "ConvAct" else []), "1"),
            "expansion": self.pick("1", "2", "3"),
            "squeeze": self.pick("true", "false", *(["deep"] if self.switch else [])),
            "act": self.pick("ReLU", "SiLU", "GELU"),
            "mix": self.pick("Depthwise(5)", "Depthwise(3)", "MaxPool(3)", "Depthwise(3, bias = true)"),
            "rate": self.pick("0.1", "0.3"),
            "hidden": self.pick("4", "8", *(["width(8)"] if self.has_width else [])),
            "growth": "4" if self.grouped else self.pick("4", "6", "8"),
            "gate": self.pick("Sigmoid", "HardSigmoid"),
        }  # fmt: skip
        if block.name.startswith("Wide") and local is None:
            values["hidden"] = self.pick("4", "8")
        self.growth = int(values["growth"])
        chosen = [p for p in block.parameters if p != "stride" and (p in block.required or self.chance(40))]
        arguments = [f"{p} = {values[p]}" for p in chosen]
        if chosen and chosen[0] == block.parameters[0] and self.chance(50):
            arguments[0] = values[chosen[0]]
        if "stride" in block.parameters and stride != block.default_stride:
            arguments.append(f"stride = {stride}")
        return f"{block.name}({', '.join(arguments)})" if arguments else self.pick(block.name, f"{block.name}()")

    # The network

    def _network(self) -> str:
        self.height = self.number(16, 48)
        self.width = self.height if self.chance(70) else self.number(16, 48)
        self.size = (self.height, self.width)
        self.has_dropout = self.chance(50)
        self.local = _Local(activations=["ReLU", "SiLU"], in_network=True)
        self.local.conditions = ["deep", "not deep"] if self.switch else []
        self.last = 3
        lines = [self._stem()]
        if self.chance(10):  # it needs a map that is not too small
            self._put(Stage(None, "kept", stride=2), self.last)
            lines.append("BlurPool")
        lines.append(self._given_stage())
        for _ in range(self.number(0, 4)):
            lines.append(self._stage())
        lines += self._tail()
        parameters = ["classes = 10", *(["dropout = 0.2"] if self.has_dropout else [])]
        shape = f"<{self.height}, {self.width}, 3>"
        return f"network Net({', '.join(parameters)}) {shape} → {self.output}\n  = " + "\n  ⊙ ".join(lines)

    def _channels(self) -> int:
        step = 8 if self.grouped else self.pick(4, 4, 4, 2)
        if self.last > 3 and self.chance(35):
            return self.last
        return (
            step * self.number(max(1, 8 // step), 48 // step)
            if self.chance(80)
            else max(step, min(48, self.last + step) // step * step)
        )

    def _put(self, stage: Stage, baseline: int) -> None:
        self.stages.append(stage)
        if stage.present:
            self.size = tuple(-(-n // stage.stride) for n in self.size)  # type: ignore[assignment]
            self.last = baseline

    def _shape(self, channels: str, size: bool = True) -> str:
        if not size or self.chance(20):
            return f" → {channels}"
        return f" → <{self.size[0]}, {self.size[1]}, {channels}>"

    def _network_label(self, percent: int = 40) -> str | None:
        if not self.chance(percent):
            return None
        label = self.pick("early", "middle", "late", "deepest", "final", "wide")
        while label in self.local.labels:
            label += "r"
        self.local.labels.add(label)
        self.labels.add(label)
        return label

    def _stem(self) -> str:
        stride = self.pick(1, 2, 2)
        channels = self._channels()
        head = self.pick(
            f"ConvAct(3, {stride})", f"Conv(3, {stride})", f"ConvAct(kernel = 3, stride = {stride}, act = SiLU)"
        )
        pinned = self.chance(20)
        self.labels.add("stem")
        self.local.labels.add("stem")
        self._put(Stage("stem", "fixed" if pinned else "scaled", channels, stride=stride), channels)
        return f"stem: {head}{self._shape(f'={channels}' if pinned else str(channels))}"

    def _stage(self) -> str:
        kinds = ["given"] * 6 + [
            "bare",
            "kept",
            "grown",
            "halved",
            "operator",
            "wrapper",
            "alternatives",
            "alternatives",
            "group",
        ]
        kind = self.pick(*kinds)
        have = [block for block in self.blocks if block.kind == kind]
        if kind in ("kept", "grown", "halved"):
            return self._computed(kind, self.pick(*have)) if have and self.last >= 4 else self._given_stage()
        if kind == "operator":
            return self._operator_stage()
        if kind == "wrapper":
            return self._wrapper_stage()
        return self._given_stage(kind)

    def _repeat(self, needed: bool) -> tuple[str, int | None, bool]:
        count, pinned = self.number(1, 3), self.chance(20)
        if not needed and self.chance(25):
            return "", None, False
        if count > 1 and not pinned and self.chance(20):
            return "²" if count == 2 else "³", count, False
        return f"^{'=' if pinned else ''}{count}", count, pinned

    def _given_stage(self, kind: str = "given") -> str:
        given = [block for block in self.blocks if block.kind == "given"]
        block = self.pick(*given, *given[1:], *given[1:])
        stride = self.pick(1, 1, 2) if min(self.size) > 3 else 1
        head, needed = self.call(block, stride), block.uses_layer
        if kind == "alternatives":
            other = self.pick(*given)
            head, needed = f"({head}, {self.call(other, self.pick(1, 2))})", True
        repeat, count, pinned = self._repeat(needed)
        if kind == "group":
            head = f"({self._grouped_unit(bool(repeat))} ⊙ {head})"
        elif kind == "bare":
            head = self.pick(
                f"Conv(3, {stride})", f"(Depthwise(3, {stride}) ⊙ Conv(1))", f"(ReLU ⊙ Conv(3, stride = {stride}))"
            )
        label = self._network_label(100 if kind == "group" else 40)
        channels, amount, of, baseline, text = self._given_channels()
        self._put(Stage(label, channels, amount, of, count, pinned, stride), baseline)
        return f"{label + ': ' if label else ''}{head}{repeat}{self._shape(text)}"

    def _grouped_unit(self, repeated: bool) -> str:
        """Write what goes before a block in a group; under an exponent only modules may."""
        unit = self._label(self.local, "before", 30) + self.pick("BatchNorm", "Depthwise(3)", "Squeeze(4)", "ReLU")
        if repeated or self.chance(50):
            return unit
        inner = self.chain(self.local, None, 1, 1)
        return self.pick(
            f"residual {{ {unit} }}", f"{unit} ⊙ sum {{ {inner} }} {{ }}", f"(BatchNorm ⊙ {unit}) ⊙ {inner}"
        )

    def _given_channels(self) -> tuple[str, int, int, int, str]:
        amount = self._channels()
        way = self.pick("scaled", "scaled", "scaled", "scaled", "fixed", "ruled", "multiple")
        labelled = [(i, s) for i, s in enumerate(self.stages) if s.label and s.channels == "fixed" and s.present]
        if way == "fixed":
            return "fixed", amount, 0, amount, f"={amount}"
        if way == "ruled" and self.has_width:
            amount = self.pick(24, 48)
            return "ruled", amount, 0, amount, f"=width({amount})"
        if way == "multiple" and labelled and labelled[-1][1].amount <= 32:
            index, stage = labelled[-1]
            return "multiple", 2, index, 2 * stage.amount, f"=2 · {stage.label}.C"
        return "scaled", amount, 0, amount, str(amount)

    def _computed(self, kind: str, block: Block) -> str:
        stride = self.pick(1, 2) if kind == "halved" and min(self.size) > 3 else 1
        head = self.call(block, stride)
        repeat, count, pinned = self._repeat(block.uses_layer)
        if kind == "halved" and (self.last < 8 or self.last % 4):
            return self._given_stage()
        if kind == "halved":
            repeat, count, pinned = "", None, False
        label = self._network_label()
        baseline = {"kept": self.last, "grown": self.last + (count or 1) * self.growth, "halved": self.last // 2}[kind]
        self._put(Stage(label, kind, self.growth, 0, count, pinned, stride), baseline)
        shape = self._shape(str(baseline)) if self.chance(70) else ""
        return f"{label + ': ' if label else ''}{head}{repeat}{shape}"

    def _operator_stage(self) -> str:
        label = self._network_label()
        stride = self.pick(1, 2) if min(self.size) > 3 else 1
        head = self.pick(
            "BatchNorm", "ReLU", f"Depthwise(3, {stride})", f"MaxPool(3, {stride})", "LayerNorm", "Dropout(0.1)",
        )  # fmt: skip
        stride = stride if "," in head else 1
        guard = " when deep" if self.switch and stride == 1 and self.chance(40) else ""
        self._put(Stage(label, "kept", stride=stride, present=not guard or self.deep), self.last)
        shape = self._shape(str(self.last)) if self.chance(50) and not guard else ""
        return f"{label + ': ' if label else ''}{head}{shape}{guard}"

    def _wrapper_stage(self) -> str:
        label = self._network_label()
        if self.chance(30):
            head = f"concat {{ }} {{ {self.chain(self.local, None, 1, 1)} ⊙ Conv(3) → 8 }}"
            self._put(Stage(label, "widened", 8), self.last + 8)
            return f"{label + ': ' if label else ''}{head}{self._shape(str(self.last))}"
        inner = self.chain(self.local, None, self.number(1, 2), 1)
        head = self.pick(
            f"residual {{ {inner} }}",
            f"sum {{ {inner} }} {{ }}",
            "gate { GlobalAvgPool ⊙ Sigmoid }",
            f"split {{ }} {{ {inner} }}",
        )
        self._put(Stage(label, "kept"), self.last)
        return f"{label + ': ' if label else ''}{head}"

    def _tail(self) -> list[str]:
        if self.chance(20):
            self.output = f"<{self.size[0]}, {self.size[1]}, {self.last}>"
            return []
        self.output = "<classes>"
        if self.chance(15):
            self._put(Stage(None, "flattened", vector=True), 0)
            self._put(Stage("classifier", "classes", 10, vector=True), 10)
            self.labels.add("classifier")
            return ["Flatten", "classifier: Linear → <classes>"]
        lines = [self.pick("pool: ", "") + self.pick(*["GlobalAvgPool"] * 5, "AdaptiveAvgPool(1)")]
        self._put(Stage("pool" if lines[0].startswith("pool") else None, "kept", pooled=True), self.last)
        if self.chance(30):
            self._put(Stage("features", "scaled", 24, pooled=True), 24)
            self._put(Stage(None, "kept", pooled=True), 24)
            lines += ["features: Conv(1, bias = true) → 24", "ReLU"]
        if self.has_dropout:
            self._put(Stage("dropout", "kept", pooled=True), self.last)
            lines.append("dropout: Dropout(dropout)")
        if self.chance(20):
            self._put(Stage(None, "fixed", 20, vector=True), 20)
            self._put(Stage(None, "kept", vector=True), 20)
            lines += ["Linear → =20", self.pick("ReLU", "BatchNorm")]
        self._put(Stage("classifier", "classes", 10, vector=True), 10)
        return [*lines, f"classifier: Linear{self.pick('', '(bias = false)')} → <classes>"]


def _decimal(value: Fraction) -> str:
    """Write a fraction of hundredths as a decimal."""
    text = f"{float(value):.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@st.composite
def specs(draw: Any) -> Written:
    """Write a random valid spec."""
    return _Pen(draw).spec()


def phis(most: int = 5) -> st.SearchStrategy[str]:
    """Give φ as text: whole, decimal or a fraction with an odd denominator; negative too."""
    whole = st.integers(-2, most).map(str)
    decimal = st.integers(-150, 100 * most).map(lambda n: f"{n / 100:.2f}")
    fraction = st.builds(lambda p, q: f"{p}/{2 * q + 1}", st.integers(-9, 40), st.integers(4, 40))
    return st.one_of(whole, decimal, fraction)


class _Handing:
    """Writes a spec of blocks that hand operators on: by position or name, partly applied, worked out, by default."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.signatures: dict[str, list[str]] = {}

    def pick(self, *options: str) -> str:
        return str(self.draw(st.sampled_from(options)))

    def spec(self) -> str:
        texts = [self.block("Inner", []), self.block("Other", [])]
        texts += [self.block("Middle", ["Inner", "Other"]), self.block("Outer", ["Middle", "Inner", "Other"])]
        stages = ["Conv(1) → 8"]
        for _ in range(self.draw(st.integers(2, 5))):
            stages.append(self.use(self.pick("Outer", "Outer", "Middle", "Inner"), []) + self.pick("", "", "^2", "^=2"))
        channels = self.pick("8", "16")
        stages += [f"Conv(3, stride = 2) → {channels}", self.use("Outer", []), self.use("Middle", [])]
        rules = "let w = 1.3^φ, d = 1.2^φ\n\nscale C → to_multiple(w · C, 8)\nscale L → ceil(d · L)"
        network = f"network N <16, 16, 3> → <8, 8, {channels}>\n  = " + "\n  ⊙ ".join(stages)
        return "\n\n".join(["param φ = 0", rules, *texts, network]) + "\n"

    def block(self, name: str, inner: list[str]) -> str:
        names = [each for each in ("kernel", "slope", "op", "act") if self.draw(st.booleans())]
        defaults = {"kernel": "3", "slope": "0.2", "op": self.pick("Depthwise(3)", "BatchNorm")}
        defaults["act"] = self.pick("ReLU", "SiLU")
        parameters = ", ".join(f"{each} = {defaults[each]}" for each in names)
        self.signatures[name] = list(names)
        where = ""
        if {"op", "act"} <= {*names} and self.draw(st.booleans()):
            where = f"\n  where made = {self.pick('op if C > 8 else act', 'act', 'op')}"
            names = [*names, "made"]
        units = [self.placed(self.use(self.pick(*inner), names), names) for _ in range(2) if inner]
        units += [self.placed(self.operator(names), names)] if not inner or self.draw(st.booleans()) else []
        head = f"block {name}{f'({parameters})' if parameters else ''} <H, W, C> → <H, W, C>{where}"
        return f"{head}\n  = {' ⊙ '.join(units)}"

    def operator(self, names: list[str]) -> str:
        kernel = self.pick("3", "5", *["kernel"] * ("kernel" in names))
        slope = self.pick("0.1", *["slope"] * ("slope" in names))
        return self.pick(
            f"Depthwise({kernel})", f"Depthwise(kernel = {kernel})", f"LeakyReLU({slope})", "ReLU", "BatchNorm",
            f"MaxPool({kernel}, stride = 1)", f"Depthwise({kernel}, bias = true)",
            *[each for each in ("op", "act", "made") if each in names for _ in range(2)],
        )  # fmt: skip

    def placed(self, unit: str, names: list[str]) -> str:
        """Put a unit somewhere: alone, in a group, in a wrapper, under a condition, repeated."""
        condition = self.pick("C > 8", "C == 8", *["kernel > 3", "not kernel > 3"] * ("kernel" in names))
        return self.pick(
            unit, unit, f"u{len(unit)}: {unit}", f"({unit} ⊙ BatchNorm)", f"residual {{ {unit} }}",
            f"sum {{ }} {{ {unit} }}", f"gate {{ GlobalAvgPool ⊙ Sigmoid }} ⊙ {unit}", f"split {{ {unit} }} {{ }}",
            f"concat {{ {unit} }} {{ }} ⊙ Conv(1) → C", f"{unit} when {condition}", f"({unit})^=2",
            f"residual if {condition} {{ {unit} }}", f"residual {{ ReLU ⊙ ({unit} ⊙ BatchNorm) }}",
        )  # fmt: skip

    def use(self, name: str, names: list[str]) -> str:
        given: list[str] = []
        for key in self.signatures[name]:
            if self.draw(st.booleans()):
                value = self.operator(names)
                if key == "kernel":
                    value = self.pick("3", "5", *["kernel"] * ("kernel" in names))
                if key == "slope":
                    value = self.pick("0.1", "0.3", *["slope"] * ("slope" in names))
                first = not given and key == self.signatures[name][0] and self.draw(st.booleans())
                given.append(value if first else f"{key} = {value}")
        return f"{name}({', '.join(given)})" if given else name


@st.composite
def handing_specs(draw: Any) -> str:
    """Write a random spec whose blocks hand operators on; a few are refused."""
    return _Handing(draw).spec()


@st.composite
def striding_specs(draw: Any) -> str:
    """Write a spec whose blocks stride, with windows and paddings of every kind: some outputs strides are refused."""

    def pick(*options: str) -> str:
        return str(draw(st.sampled_from(options)))

    blocks, heads = [], ["Down0"]
    for number in range(draw(st.integers(1, 3))):
        stride = pick("2", "stride")
        head = f"Down{number}{'' if stride == '2' else '(stride = 2)'}"
        kernel, padding = pick("1", "2", "3", "5", "3"), pick("", "0", "0", "1", "same")
        size = "ceil({}/" + stride + ")"
        if padding.isdigit() and stride == "2":
            size = f"floor(({{}} + {2 * int(padding) + 2} - {kernel})/2)"
        padding = padding and f", padding = {padding}"
        first = pick("", "Conv(3) → K ⊙ ", "BatchNorm ⊙ ", "Depthwise(3, padding = same) ⊙ ")
        last = pick("", " ⊙ BatchNorm", " ⊙ Conv(3, padding = same) → K", " ⊙ residual { Depthwise(3) }")
        body = f"{first}conv: Conv({kernel}, {stride}{padding}) → K{last}"
        blocks.append(f"block {head} <H, W, C> → <{size.format('H')}, {size.format('W')}, K>\n  = {body}")
        heads += [f"Down{number}"] * 2 + [f"Down{number}(stride = 1)", f"Down{number}(2)"] * (stride == "stride")
    stages = [f"{pick(*heads)} → {pick('8', '16')}" for _ in range(draw(st.integers(2, 4)))]
    chain = "\n  ⊙ ".join([*stages, "GlobalAvgPool", "Linear → <10>"])
    return "\n\n".join([*blocks, f"network N <32, 32, 3> → <10>\n  = {chain}"]) + "\n"
