"""Diagnostics as text: what is marked, how wide it is, in which colours; and which word is offered."""

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalec.commands.cli import main
from scalec.diagnostics.diagnostic import Diagnostic, Label
from scalec.diagnostics.show import wants_colour
from scalec.diagnostics.source import Source, Span
from scalec.diagnostics.suggest import distance, nearest, suggest
from scalec.diagnostics.text import columns, printable, render
from scalec.language.syntax import KEYWORDS
from scalec.ops import OPERATORS


def found(text: str, *places: tuple[str, str], severity: str = "error") -> Diagnostic:
    """Mark pieces of a text, the first as the primary one; `a|b` is the `a` right before `b`."""
    source = Source("a.scl", text)
    labels = []
    for piece, said in places:
        marked, _, behind = piece.partition("|")
        start = text.index(marked + behind)
        labels.append(Label(Span(source, start, start + len(marked)), said))
    return Diagnostic("E999", "wrong", labels[0], tuple(labels[1:]), severity=severity)  # type: ignore[arg-type]


def body(text: str, *places: tuple[str, str]) -> list[str]:
    return render([found(text, *places)]).splitlines()[3:]


def test_labels_of_one_line_stand_in_one_snippet() -> None:
    assert body("let a = 1, b = 2, c = 3", ("1", "one"), ("2", "two"), ("3", "three")) == [
        "1 | let a = 1, b = 2, c = 3",
        "  |         ^      -      - three",
        "  |         |      |",
        "  |         |      two",
        "  |         one",
    ]


def test_labels_that_overlap_hang_below() -> None:
    assert body("require a ≤ 2", ("a ≤ 2", "false"), ("2", "this")) == [
        "1 | require a ≤ 2",
        "  |         ^^^^^",
        "  |         |   |",
        "  |         |   this",
        "  |         false",
    ]


def test_a_label_without_words_does_not_hang() -> None:
    assert body("a b", ("a", ""), ("b", "two")) == ["1 | a b", "  | ^ - two"]


def test_lines_between_are_shown_or_left_out() -> None:
    text = "one\ntwo\nthree\nfour\nfive\nsix\nseven"
    assert body(text, ("three", "x"), ("one", "y"), ("seven", "z")) == [
        "1 | one", "  | --- y", "2 | two", "3 | three", "  | ^^^^^ x", "...", "7 | seven", "  | ----- z",
    ]  # fmt: skip


def test_two_files() -> None:
    first, other = Source("a.scl", "let a"), Source("lib/b.scl", "\n\nlet a")
    twice = Diagnostic("E104", "twice", Label(Span(first, 4, 5), "again"), (Label(Span(other, 6, 7), "first"),))
    assert render([twice]).splitlines() == [
        "error[E104]: twice", " --> a.scl:1:5", "  |", "1 | let a", "  |     ^ again",
        " ::: lib/b.scl:3:5", "  |", "3 | let a", "  |     - first",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "width"),
    [("\t", 4), ("全角", 4), ("ｆ", 2), ("é", 1), ("e\u0301", 1), ("a\u20dd", 1), ("\u202e", 8), ("🙂", 2), ("α", 1)],
)
def test_marks_stand_below_what_they_mark(before: str, width: int) -> None:
    """A tab is four columns, a wide character two, a combining one none, a control one what is shown for it."""
    shown, marks = body(f"{before}X全", ("X", "here"))
    assert marks == f"  | {' ' * width}^ here"
    assert columns(shown.partition("X")[0]) == 4 + width
    assert body(f"{before}全X", ("全|X", ""))[1] == f"  | {' ' * width}^^"


@given(st.text(max_size=300), st.integers(0, 300), st.integers(0, 300))
def test_nothing_breaks_out(text: str, start: int, end: int) -> None:
    """Whatever the text: no control character but the line ends of the layout, and every mark on the page."""
    start, end = min(start, end, len(text)), min(max(start, end), len(text))
    one = Diagnostic("E999", text, Label(Span(Source(text[:9], text), start, end), text), notes=(text,), help=text)
    shown = render([one])
    assert printable(shown.replace("\n", "")) == shown.replace("\n", "")
    assert "^" in shown or not text


def test_a_long_line_is_cut_around_each_place() -> None:
    text = "x" * 300 + "FIRST" + "x" * 400 + "OTHER" + "x" * 300
    lines = body(text, ("FIRST", "one"), ("OTHER", "two"))
    assert [line[4:6] for line in lines if line.startswith("1 |")] == ["…x", "…x"]
    for word, line in (("FIRST", lines[1]), ("OTHER", lines[4])):
        shown = lines[lines.index(line) - 1]
        mark = "^" if word == "FIRST" else "-"
        assert line.index(mark * 5) == shown.index(word) and len(shown) < 130


@pytest.mark.parametrize("end", ["", "\r", "\r\n", "\r\r\r"])
@pytest.mark.parametrize("length", [0, 119, 120, 121, 122, 300])
def test_a_place_behind_the_end_of_a_line_is_shown(length: int, end: str) -> None:
    """A `\\r` is no part of a line, and may have a place all the same."""
    source = Source("a.scl", "a" * length + end)
    for place in range(length, length + len(end) + 1):
        text = render([Diagnostic("E001", "m", Label(Span(source, place, place), "here"))])
        assert "^ here" in text or not source.text


def test_at_most_twenty() -> None:
    text = "\n".join(f"let a{n} = $" for n in range(25))
    source = Source("a.scl", text)
    places = [match.start() for match in re.finditer("[$]", text)]
    many = [Diagnostic("E002", "wrong", Label(Span(source, place, place + 1))) for place in reversed(places)]
    shown = render(many)
    assert shown.count("error[") == 20 and shown.endswith("\nand 5 more\n")
    assert [int(line) for line in re.findall(r"a\.scl:(\d+)", shown)] == list(range(1, 21))


def test_colours_change_no_letter() -> None:
    one = found("let a = 1, b = 2\nlet c = 3", ("1", "one"), ("2", "two"), ("3", "three"))
    painted = render([one], colour=True)
    assert re.sub("\x1b\\[[0-9;]*m", "", painted) == render([one])
    assert painted.startswith("\x1b[1;31merror[E999]\x1b[0m")
    assert "\x1b[1;31m^\x1b[0m" in painted and "\x1b[1;34m- two\x1b[0m" in painted
    assert render([found("a", ("a", ""), severity="warning")], colour=True).startswith("\x1b[1;33mwarning[E999]")


class _Stream(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("choice", "environment", "terminal", "expected"),
    [
        ("auto", {}, True, True), ("auto", {}, False, False), ("auto", {"TERM": "xterm"}, True, True),
        ("auto", {"TERM": "dumb"}, True, False), ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True), ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "0"}, False, False), ("auto", {"FORCE_COLOR": ""}, False, False),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True), ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, False, True), ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False), ("always", {"TERM": "dumb"}, False, True),
    ],
)  # fmt: skip
def test_when_there_are_colours(choice: str, environment: dict[str, str], terminal: bool, expected: bool) -> None:
    """The option, then NO_COLOR, then FORCE_COLOR and CLICOLOR_FORCE, then a terminal that is not dumb."""
    assert wants_colour(choice, environment, _Stream(terminal)) is expected


def test_the_option_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.scl").write_text("let a = $", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    for command in ("check", "compile", "cost"):
        main([command, "a.scl", "--color", "always"])
        assert "\x1b[1;31merror[E002]\x1b[0m" in capsys.readouterr().err
        main([command, "a.scl"])
        assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("first", "other", "apart"),
    [("", "", 0), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("ab", "abc", 1), ("abc", "xbc", 1),
     ("kernal", "kernel", 1), ("ca", "abc", 3), ("stirde", "stride", 1), ("", "abc", 3), ("ab", "ba", 1)],
)  # fmt: skip
def test_distance(first: str, other: str, apart: int) -> None:
    assert distance(first, other) == apart == distance(other, first)


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("batchnorm", ("BatchNorm", "BatchNorms"), ("BatchNorm",)),
        ("esp", ("eps",), ("eps",)), ("ep", ("eps",), ("eps",)),
        ("fi", ("if", "or"), ("if",)), ("B", ("B0",), ("B0",)), ("x", ("d", "w"), ()), ("B9", ("B0", "B1"), ()),
        ("nt", ("not", "tap"), ("not",)), ("float8", ("float16", "float32"), ("float16", "float32")),
        ("a1", ("a", "a2", "a3", "a4"), ("a",)), ("abcx", ("abca", "abcb", "abcc", "abcd"), ()),
        ("strdie", ("stride", "strict"), ("stride",)), ("batchsize", ("batch", "dtype"), ("batch",)),
        ("Transformer", ("Conv", "Linear"), ()), ("", ("a",), ()), ("x" * 5000, ("a", "x" * 64), ("x" * 64,)),
    ],
)  # fmt: skip
def test_nearest(name: str, known: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert nearest(name, known) == expected


def test_suggestions_are_in_words() -> None:
    assert suggest("float8", ("float16", "float32")) == "did you mean `float16` or `float32`?"
    assert suggest("zzz", ("float16",)) is None


def typos(word: str) -> set[str]:
    """Give every word with one letter left out, doubled, replaced or swapped with its neighbour."""
    out = {word[:i] + word[i + 1 :] for i in range(len(word))} | {
        word[:i] + word[i:][:1] + word[i:] for i in range(len(word))
    }
    out |= {word[:i] + word[i + 1 : i + 2] + word[i : i + 1] + word[i + 2 :] for i in range(len(word) - 1)}
    out |= {word[:i] + letter + word[i + 1 :] for i in range(len(word)) for letter in "aeiosxq"}
    return out - {word, ""}


def test_a_slip_of_the_finger_is_understood() -> None:
    """Of all such typos in keywords and operators at least nine in ten offer the right word."""
    for words in (KEYWORDS, list(OPERATORS)):
        offered = [word in nearest(typo, words) for word in words for typo in typos(word) if typo not in words]
        assert sum(offered) / len(offered) >= 0.9, (sum(offered), len(offered))
