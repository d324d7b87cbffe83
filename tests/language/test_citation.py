"""`cite`: what an identifier may be, whose papers a file lists, and what changes with them."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import strategies as st

from nets import compiled, spec
from scalec.compiler import load, load_text
from scalec.cost.compiled import Compiled
from scalec.diagnostics.diagnostic import CompileError
from scalec.emit import papers
from scalec.emit.emit import emit
from scalec.emit.layout import WIDTH
from scalec.emit.test_file import companion
from scalec.language.citation import address, at_address, is_citation, nearest_citation
from scalec.limits import MAX_CITATION
from scalec.program.request import Request
from scalec.program.search_stamp import state_of
from strategies import Written, citations, examples, specs

ROOT = Path(__file__).parents[2]
NET = "network Net <8, 8, 3> → <8, 8, 8> = Unit^1 → <8, 8, 8> ⊙ (ReLU ⊙ Inner)\n"
UNIT = "block Unit <H, W, C> → <H, W, K> = Conv(1) → K\n"
INNER = """block Inner <H, W, C> → <H, W, C> = residual { Depthwise(3) ⊙ Deep }
block Deep <H, W, C> → <H, W, C> = SiLU
"""
BLOCKS = UNIT + INNER


def listed(made: Compiled) -> list[str]:
    """Give the lines of the list of papers."""
    docstring = ast.get_docstring(ast.parse(emit(made))) or ""
    found = re.search(r"^Papers:\n((?:  .*\n)+)\n", docstring, re.MULTILINE)
    return [line.removeprefix("  ") for line in found[1].splitlines()] if found else []


def shown(text: str) -> list[str]:
    return listed(load_text("net.scl", text.encode()).compile())


# Identifiers


@examples(100, citations())
def test_an_identifier_is_kept_as_it_is(paper: str) -> None:
    """By its address, too: no number loses a zero, and no letter its case."""
    assert is_citation(paper) and at_address(address(paper)) == paper
    assert nearest_citation(paper) == (paper, True)
    made = load_text("net.scl", f"cite {paper}\n{BLOCKS}{NET}".encode())
    assert [each.key for cite in made.program.file.cites for each in cite.papers] == [paper]
    assert listed(made.compile()) == [address(paper)]


@pytest.mark.parametrize(
    "paper",
    [
        "arXiv:1905.11946", "arXiv:1801.04380", "arXiv:1409.1556", "arXiv:1412.6980v9", "arXiv:0704.0001",
        "arXiv:1501.00001", "arXiv:cs/0112017", "arXiv:hep-th/9901001v2", "arXiv:math.GT/0309136",
        "doi:10.1109/CVPR.2016.90", "doi:10.1016/0893-6080(89)90020-8", "doi:10.1000.10/123/456",
        "doi:10.48550/arXiv.1905.11946", "doi:10.1007/978-3-030-01264-9_8", "doi:10.1038/nature14539",
    ],
)  # fmt: skip
def test_what_is_one(paper: str) -> None:
    assert is_citation(paper)


NONE = [
    "",
    "arXiv:",
    "doi:",
    "1905.11946",
    "arXiv:1905.1194",
    "arXiv:1905.119466",
    "arXiv:1412.06980",
    "arXiv:1913.11946",
    "arXiv:1900.11946",
    "arXiv:0703.0001",
    "arXiv:1905.00000",
    "arXiv:1905.11946v0",
    "arXiv:1905.11946v",
    "arXiv:1905.11946 ",
    " arXiv:1905.11946",
    "arXiv:1905.11946\n",
    "arxiv:1905.11946",
    "DOI:10.1109/a",
    "arXiv:１905.11946",
    "arXiv:cs/011201",
    "arXiv:CS/0112017",
    "arXiv:cs/0113017",
    "arXiv:cs/0812017",
    "arXiv:cs//0112017",
    "arXiv:/0112017",
    "doi:10.1109",
    "doi:10.1109/",
    "doi:10.1109//a",
    "doi:10.1109/a/",
    "doi:10.1109/../a",
    "doi:10.1109/a/..",
    "doi:10.1109/.",
    "doi:10.109/a",
    "doi:11.1109/a",
    "doi:10.1109/a.",
    'doi:10.1109/a"""',
    "doi:10.1109/a b",
    "doi:10.1109/a\\n",
    "doi:10.1109/a\n",
    "doi:10.1109/<a>",
    "doi:10.1109/a?b",
    "doi:10.1109/a#b",
    "doi:10.1109/a%2f",
    "doi:10.1109/a;b",
    "doi:10.1109/é",
    "doi:10.1109/a@b",
    "doi:10.1109/-a",
    "javascript:alert(1)",
    f"doi:10.1109/{'a' * MAX_CITATION}",
]


@pytest.mark.parametrize("text", NONE)
def test_what_is_none(text: str) -> None:
    """Neither in a spec, nor where the head of a file is read; and what is offered instead is one."""
    assert not is_citation(text)
    near = nearest_citation(text)
    assert near is None or is_citation(near[0])
    for start in ("https://arxiv.org/abs/", "https://doi.org/", "http://arxiv.org/abs/"):
        found = at_address(start + text.partition(":")[2])
        assert found is None or (is_citation(found) and address(found) == start + text.partition(":")[2])


@examples(100, st.text(max_size=80) | st.from_regex(r"(arXiv|doi|https?):[!-~]{0,60}", fullmatch=True))
def test_no_text_gets_through(text: str) -> None:
    """Whatever stands behind `cite`: an error with a place, or an address of which no letter could do harm."""
    try:
        made = load_text("net.scl", f"cite {text}\n{BLOCKS}{NET}".encode("utf-8", "replace")).compile()
    except CompileError as error:
        assert all(diagnostic.label.span.source.text for diagnostic in error.diagnostics)
        return
    for line in listed(made):
        assert re.fullmatch(r"https://(arxiv\.org/abs|doi\.org)/[A-Za-z0-9._():/-]+( \(.*\))?", line), line


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("https://arxiv.org/abs/1905.11946", "arXiv:1905.11946"),
        ("arxiv.org/pdf/1905.11946v5.pdf", "arXiv:1905.11946v5"),
        ("http://www.arxiv.org/abs/cs/0112017", "arXiv:cs/0112017"),
        ("https://dx.doi.org/10.1109/a.1", "doi:10.1109/a.1"),
        ("arXiv: 1905.11946", "arXiv:1905.11946"),
        ("ARXIV:1905.11946,", "arXiv:1905.11946"),
        ("10.1109/a", "doi:10.1109/a"),
        ("1905.11946", "arXiv:1905.11946"),
        ("doi:1905.11946", "arXiv:1905.11946"),
        ("arXiv:10.1109/a", "doi:10.1109/a"),
        ("arXiv:CS/0112017", "arXiv:cs/0112017"),
        ("arXiv:1512.3385", "arXiv:1512.03385"),
        ("1409.01556", "arXiv:1409.1556"),
    ],
)
def test_the_nearest(text: str, near: str) -> None:
    found = nearest_citation(text)
    assert found is not None and found[0] == near
    assert found[1] == (near not in ("arXiv:1512.03385", "arXiv:1409.1556")), "digits are a guess"


def test_labels_may_be_called_so() -> None:
    """`doi:Conv` is a label and a name, and so are `cite` and `for` before a colon."""
    text = "network N <8, 8, 3> → <8, 8, 3> = doi:ReLU ⊙ arXiv:SiLU ⊙ cite: ReLU ⊙ arxiv: (Depthwise(3) ⊙ ReLU)\n"
    made = load_text("net.scl", text.encode()).compile()
    assert [stage.name for stage in made.network.stages] == ["doi", "arXiv", "cite", "arxiv"]


# Whose papers


def test_the_networks_papers_come_first_then_those_of_its_blocks() -> None:
    assert shown(
        f"cite arXiv:1709.01507 for Inner, Deep\n{BLOCKS}cite arXiv:1905.11946, doi:10.1109/CVPR.2016.90\n"
        f"{NET}cite arXiv:cs/0112017 for Unit\n"
    ) == [
        "https://arxiv.org/abs/1905.11946", "https://doi.org/10.1109/CVPR.2016.90",
        "https://arxiv.org/abs/cs/0112017 (Unit)", "https://arxiv.org/abs/1709.01507 (Inner, Deep)",
    ]  # fmt: skip
    assert shown(BLOCKS + NET) == []


def test_blocks_that_are_not_there_are_not_cited() -> None:
    """One that is never used, or that is absent at this scale; one inside a gate, a group or another block is there."""
    text = f"cite arXiv:1709.01507 for Deep\nparam deep = true\n{BLOCKS}{NET}".replace("⊙ Deep", "⊙ Deep when deep")
    loaded = load_text("net.scl", text.encode())
    assert listed(loaded.compile()) == ["https://arxiv.org/abs/1709.01507 (Deep)"]
    assert listed(loaded.compile(Request(changes=(("deep", "false"),)))) == []
    assert listed(loaded.compile(Request(inference=True))) == ["https://arxiv.org/abs/1709.01507 (Deep)"]
    branch = "block Unit <H, W, C> → <H, W, C> = sum if deep { Deep } { Depthwise(3) }\n"
    net = "network N <8, 8, 3> → <8, 8, 3> = Unit\n"
    loaded = load_text("net.scl", f"cite arXiv:1709.01507 for Deep\nparam deep = false\n{INNER}{branch}{net}".encode())
    assert listed(loaded.compile()) == []
    assert listed(loaded.compile(Request(changes=(("deep", "true"),)))) == ["https://arxiv.org/abs/1709.01507 (Deep)"]


def test_papers_of_imports(tmp_path: Path) -> None:
    """A library's papers are those of its blocks: all of it without `for`; blocks reached through it, too."""
    (tmp_path / "inner.scl").write_text("cite arXiv:1709.01507 for Inner\ncite arXiv:1512.03385 for Deep\n" + INNER)
    unused = "block Unused <H, W, C> → <H, W, C> = ReLU\n"
    unit = UNIT.replace("→ K\n", "→ K ⊙ Inner\n").replace("<H, W, K> =", "<H, W, K>\n  =")
    cited = "cite arXiv:1801.04381, arXiv:1905.11946\n"
    (tmp_path / "unit.scl").write_text(f"import Inner from inner\n{cited}{unit}{unused}")
    main = tmp_path / "main.scl"
    net = NET.replace(" ⊙ (ReLU ⊙ Inner)", "")
    main.write_text(f"cite arXiv:1905.11946\nimport Unit from unit\ncite arXiv:1602.07360 for Unit\n{net}")
    assert listed(load(main).compile()) == [
        "https://arxiv.org/abs/1905.11946", "https://arxiv.org/abs/1602.07360 (Unit)",
        "https://arxiv.org/abs/1801.04381 (Unit)", "https://arxiv.org/abs/1709.01507 (Inner)",
        "https://arxiv.org/abs/1512.03385 (Deep)",
    ]  # fmt: skip
    main.write_text(f"import Unused from unit\n{UNIT}{net}".replace("Unit^1", "Unit^1 → 8 ⊙ Unused"))
    assert "https://arxiv.org/abs/1801.04381 (Unused)" in listed(load(main).compile())


def test_files_to_deploy_feature_maps_and_tests_have_them_too() -> None:
    b0 = listed(compiled("efficientnet", "B0"))
    assert b0 == [
        "https://arxiv.org/abs/1905.11946", "https://arxiv.org/abs/1801.04381 (MBConv)",
        "https://arxiv.org/abs/1709.01507 (SqueezeExcite)",
    ]  # fmt: skip
    loaded = spec("efficientnet")
    inference = loaded.compile(Request(variant="B0", inference=True))
    assert listed(inference) == b0 == listed(loaded.compile(Request(variant="B0", taps=())))
    for made in (compiled("efficientnet", "B0"), inference):
        text = ast.get_docstring(ast.parse(companion(emit(made), Path("net.py")))) or ""
        assert [f"  {line.partition(' ')[0]}" for line in b0] == re.findall("^  http.*$", text, re.MULTILINE)


def test_a_search_is_not_for_the_papers(tmp_path: Path) -> None:
    """Constants that were searched for stay found, whoever is cited, here or in a library."""
    net = "let α = 1.2, w = α\nscale C → ceil(w · C)\n" + NET.replace(" ⊙ (ReLU ⊙ Inner)", "")
    search = "search α from 1 to 2 by 0.5\n"
    states = set()
    for own, other in (("", ""), ("cite arXiv:1905.11946\n", ""), ("", "cite arXiv:1905.11946\n")):
        (tmp_path / "unit.scl").write_text(other + UNIT)
        (tmp_path / "main.scl").write_text(f"{own}import Unit from unit\n{net}{search}")
        states.add(state_of(load(tmp_path / "main.scl").program))
    assert len(states) == 1 and None not in states


def test_long_lists_of_blocks_are_wrapped() -> None:
    names = [f"{'Abcdefghijklmnop' * 3}{index}" for index in range(5)]
    blocks = "".join(f"block {name} <H, W, C> → <H, W, C> = ReLU\n" for name in names)
    doi = "doi:10.1109/" + "a" * (MAX_CITATION - 12)
    net = f"network N <8, 8, 3> → <8, 8, 3> = {' ⊙ '.join(names)}\n"
    made = load_text("net.scl", f"cite {doi} for {', '.join(names)}\n{blocks}{net}".encode()).compile()
    assert len(listed(made)) == 6 and all(len(line) <= WIDTH - 2 for line in listed(made))
    assert papers.read(ast.get_docstring(ast.parse(emit(made))) or "") == [doi]


@pytest.mark.parametrize(
    "line",
    [
        "  https://arxiv.org/abs/../evil", "  https://evil.org/1905.11946", '  https://doi.org/10.1109/a"""; import os',
        "https://arxiv.org/abs/1905.11946", "  javascript:alert(1)", "  https://arxiv.org/abs/1905.1194",
    ],
)  # fmt: skip
def test_a_head_that_was_edited(line: str) -> None:
    """What the test beside a file takes from its head is papers."""
    assert papers.read(f"Net.\n\nPapers:\n{line}\n\nmore") == []
    assert papers.read("Net.\n\nPapers:\n  https://doi.org/10.1109/a (B)\n\nmore\n  https://doi.org/10.1109/b") == [
        "doi:10.1109/a"
    ]


@examples(20, specs(), more=15)
def test_any_spec_lists_its_papers(written: Written) -> None:
    try:
        made = load_text("spec.scl", written.text.encode()).compile()
    except CompileError:
        return
    assert listed(made)[: len(written.papers)] == [address(paper) for paper in written.papers]


# The library


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.scl")), ids=lambda path: path.stem)
def test_specs_cite_their_paper(path: Path) -> None:
    """All but the one that is of no paper."""
    text = path.read_text(encoding="utf-8")
    assert ("\ncite arXiv:" in text) != (path.stem == "fashion")
