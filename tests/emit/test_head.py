"""The command in the head of an emitted file: what is written is read back, and what is read may be anything."""

import random
import re
import shlex
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import strategies as st

from nets import SPECS, spec
from scalec.commands import cli
from scalec.compiler import load, load_text
from scalec.diagnostics import exit_codes as exits
from scalec.diagnostics.diagnostic import CompileError, Report
from scalec.diagnostics.source import Source
from scalec.emit.emit import emit
from scalec.emit.head import NO_SPEC, command_lines, head, is_generated, read_command, words
from scalec.language.parse import parse
from scalec.limits import MAX_VALUE
from scalec.program.request import Request
from scalec.program.setting import compact, constant, make_setting, respelled
from strategies import examples

GOLDEN = sorted((Path(__file__).parents[1] / "emitted").glob("*.py"))
MODELS = [path for path in GOLDEN if not path.name.startswith("test_")]
TINY = """param φ = 0, bias = false, λ = 3
let d = 1.2^φ, w = 1.1^φ
scale L → ceil(d · L)
scale C → to_multiple(w · C, 8)
network Tiny(classes = 10, rate = 0.1) <32, 32, 3> → <classes>
  = stem: Conv(3, stride = 2, bias = bias) → <16, 16, 16> ⊙ Conv(3, stride = 2)^2 → <8, 8, 16>
  ⊙ GlobalAvgPool ⊙ Dropout(rate) ⊙ Linear → <classes>
variants (φ, w) { B0 (0, 1.0) B4 (4, 1.4) }
"""

PROGRAM = load_text("tiny.scl", TINY.encode()).program

# Values as people write them: spaces, comments, Unicode.
numbers = st.one_of(
    st.integers(1, 99).map(str),
    st.fractions(Fraction(1, 99), 9, max_denominator=99).map(lambda x: f"{x.numerator} / {x.denominator}"),
    st.decimals("0.01", "9", places=2).map(str),
)
values = st.recursive(
    numbers,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", " · ", "* ", " -", "/"]), inner).map(lambda p: f"({''.join(p)})"),
        inner.map(lambda x: f"max(1 , {x})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} if not {p[1]} ≤ 2 and true else {p[1]})"),
        inner.map(lambda x: f'{x}  # it\'s "so"\n'),
        inner.map(lambda x: f"({x})²"),
    ),
    max_leaves=4,
)
names = st.sampled_from(["φ", "phi", "λ", "lambda", "w", "classes", "rate", "bias"])
PHI = ["0", " -1", "4", "1/3", "-0.5", "1 / 3 # third", "2^2", "- (1)", None]


@examples(
    60, st.sampled_from(PHI), st.sampled_from(["B0", "B4"]), st.lists(st.tuples(names, values)),
    st.sampled_from([None, (), ("stem",), ("stem", "stage2")]), st.sampled_from([None, 1, 16, 64]), st.booleans(),
)  # fmt: skip
def test_what_is_written_is_read(
    phi: str | None,
    variant: str,
    changes: list[tuple[str, str]],
    taps: tuple[str, ...] | None,
    stride: int | None,
    inference: bool,
) -> None:
    changes = [(name, "true" if name == "bias" else value) for name, value in changes]
    if phi is not None:
        changes = [each for each in changes if each[0] not in ("φ", "phi")]
    try:
        request = Request(phi, None if phi else variant, tuple(changes))
        made = make_setting(PROGRAM, request)
    except CompileError:
        return  # too long, or divided by nothing
    told = replace(respelled(request), taps=taps, output_stride=stride, inference=inference)
    lines = command_lines("tiny.scl", told)
    assert read_command("\n".join(lines)) == ("tiny.scl", told)
    again = make_setting(PROGRAM, told)
    assert (again.names, again.parameters, again.changes) == (made.names, made.parameters, made.changes)
    assert all(re.fullmatch(r"  (  )?\S[ -~]*", line) and "\\" not in line for line in lines)
    assert all(len(line) <= 88 for line in lines if " " in line.strip())
    assert shlex.split(" ".join(map(str.strip, lines))) == list(words("tiny.scl", told)), "a shell sees the same words"


@examples(100, values)
def test_a_value_keeps_its_meaning(text: str) -> None:
    def tokens(text: str) -> tuple[str, ...]:
        return parse(Source("x", f"param value = {text}"), Report()).canonical

    assert tokens(compact(text)) == tokens(text) and compact(compact(text)) == compact(text)


def test_every_golden_file_is_made_again_from_its_head() -> None:
    for path in MODELS:
        text = path.read_text(encoding="utf-8")
        found = head(text)
        assert found and found.request and found.spec and found.spec.endswith(".scl")
        own = path.with_name(found.spec)  # a golden file may have its spec beside it
        made = (load(own) if own.exists() else spec(found.spec.removesuffix(".scl"))).compile(found.request)
        assert emit(made) == text, path.name
        lines = text.split("\n")
        assert text[slice(*found.places["command"])] == "".join(
            f"{line}\n" for line in command_lines(found.spec, found.request)
        )
        assert text[slice(*found.places["digest"])] == found.digest and found.digest in lines


def test_the_command_in_a_head_can_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("efficientnet_phi_minus_1", "resnet50_stride16_features", "efficientnet_tf_b0"):
        golden = next(path for path in MODELS if path.stem == name).read_text(encoding="utf-8")
        found = head(golden)
        assert found and found.spec and found.request
        _, command, file, *options = words(found.spec, found.request)
        assert cli.main([command, str(SPECS / file), *options, "-o", "out.py"]) == exits.DONE
        assert Path("out.py").read_text(encoding="utf-8") == golden


def test_what_is_asked_for_is_respelled() -> None:
    """Layout and comments of a command line reach no file."""
    request = Request("1 / 3  # a third", changes=(("λ", "2 · 2 # hi"), ("λ", " 5")))
    made = load_text("tiny.scl", TINY.encode()).compile(request)
    assert (made.network.setting.phi, made.network.setting.changes) == ("1/3", (("lambda", "5"),))
    assert '"""Tiny at φ = 1/3 with λ = 5 for' in emit(made) and "third" not in emit(made)


def test_true_needs_no_search_again() -> None:
    loaded = spec("efficientnet")
    made = loaded.compile(Request(phi="1", changes=(("d", "1.2"), ("w", "1.03"), ("r", "1.105"))))
    found = head(emit(made))
    assert found and found.request and found.request.changes == (("d", "1.2"), ("w", "1.03"), ("r", "1.105"))


@pytest.mark.parametrize("name", ["<stdin>", "a b.scl", "café.scl", ".hidden.scl", "x" * 70 + ".scl", "a'b.scl"])
def test_a_spec_whose_name_is_not_kept(name: str) -> None:
    found = head(emit(load_text(name, TINY.encode()).compile()))
    assert found and (found.spec, found.request) == (NO_SPEC, Request())


def test_a_value_has_a_limit() -> None:
    assert constant("", "1" + " " * (MAX_VALUE - 1)) == 1
    with pytest.raises(CompileError, match="at most"):
        constant("", "1" + " " * MAX_VALUE)


TEXT = next(path for path in MODELS if path.stem == "resnet50_stride16_features").read_text(encoding="utf-8")
COMMAND = "  scalec compile resnet.scl --variant ResNet50 --features --output-stride 16\n"


@pytest.mark.parametrize(
    "command",
    [
        "",
        "  rm -rf x\n",
        "  scalec compile\n",
        "  scalec check resnet.scl\n",
        "  scalec compile ../resnet.scl\n",
        "  scalec compile /etc/passwd\n",
        "  scalec compile resnet.scl --phi\n",
        "  scalec compile a.scl --phi 1 --phi 2\n",
        "  scalec compile a.scl --variant ''\n",
        "  scalec compile a.scl --variant 'x y'\n",
        "  scalec compile 'a.scl\n",
        "  scalec compile a.scl --set x\n",
        "  scalec compile a.scl --set __x=1\n",
        "  scalec compile a.scl -o x.py\n",
        "  scalec compile a.scl --features=1\n",
        "  scalec compile a.scl --output-stride x\n",
        "  scalec  compile a.scl\n",
        "  scalec compile a.scl --output-stride 016\n",
        "  scalec compile a.scl --tap x\n",
        "  scalec compile a.scl;ls\n",
        "  scalec compile a.scl --output-stride 16 --features\n",
        "  scalec compile a.scl\n  --phi 1\n",
        "  scalec compile a.scl --features --tap x,\n",
        "  scalec compile $(ls).scl\n",
        "  scalec compile a.scl --force\n",
    ],
)
def test_what_scalec_would_not_write_is_no_command(command: str) -> None:
    assert TEXT.count(COMMAND) == 1
    found = head(TEXT.replace(COMMAND, command))
    assert found and found.spec is None and found.request is None


def test_a_head_is_looked_for_in_the_docstring_alone() -> None:
    code = TEXT.replace('"""ResNet', '"""ResNet\n"""\nx = """', 1)
    assert head(code) is None and is_generated(code)
    found, below = head(TEXT), head(f"# our licence\n\n  # more\n{TEXT}")
    assert found and below and replace(below, places=found.places) == found
    assert not is_generated("import os\n") and not is_generated("") and head("") is None
    assert is_generated(TEXT.partition('"""')[1] + TEXT.partition('"""')[2]), "the docstring tells, too"


@examples(150, st.text(max_size=400), st.integers(0, len(TEXT) // 4), st.integers(0, 200))
def test_reading_is_total(text: str, place: int, gone: int) -> None:
    for hostile in (text, TEXT[:place] + text + TEXT[place + gone :], f'"""{text}', COMMAND[:30] + text):
        found = head(hostile)
        assert found is None or isinstance(found.version, str)
        read_command(hostile)
        is_generated(hostile)


def test_reading_is_fast_on_what_is_made_to_be_slow() -> None:
    chance = random.Random(7)
    pieces = [
        '"',
        '""',
        '"""',
        "\n",
        "#",
        " ",
        "\t",
        "Compiled by scalec 1",
        "To write it again:\n",
        "  x\n",
        "    y\n",
    ]
    for piece in pieces:
        head('"""' + piece * 200_000)
        head(piece * 200_000)
    for _ in range(20):
        text = '"""' + "".join(chance.choices(pieces, k=50_000))
        head(text)
        is_generated(text)
        read_command(text)
