"""The rules of the house: imports run down, nothing is too long, everything ships, and heavy things stay out."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "compiler" / "scalec"

# From the bottom up: a module imports what stands on lines above its own, and on its own line only what stands before.
LAYERS = """
    __init__ limits record
    source nearest
    diagnostics
    render formats show exits
    shape exact syntax code
    walk spelling meant layout table names
    citation characters build hints parser_tables parse
    format_words format_layout format_chain format_table format_tree format
    ops.base ops.activation ops.convolution ops.linear ops.normalization ops.pooling ops.regularization
    ops.shuffle ops
    program
    expr
    footprint liveness tape
    cycles definitions structure check cites canonical seek resolve
    depends
    scope
    sought moved
    ir
    papers
    setting joins repetition atrous ownership instantiate scale
    deploy
    features
    cost execution memory conventions reach tally
    causes constrain
    monotone axis solve free promise grid
    symbols comments forward
    kinds views modules wrapper writer
    recipe header
    paths seal audit folding emit
    output format_command
    advice
    floats survey allow lint_names lint_rules lint_shapes lint_constants lint_cost lint_stairs lint_search
    lint
    compiler
    report drift plot drift_report solve_report
    flat memory_oracle
    search search.contract search.source search.call search.store search.trial search.slurm search.guard search.ledger
    search.progress search.engine search.worker
    search.candidates search.statistics search.hunt search.result search.tables search.writeback
    state diff_stage diff diff_report git
    verify verify.tensors verify.port verify.compare verify.count verify.expected verify.loading
    verify.checks verify.peer verify.checkpoint verify.transfer
    search.trainee search.fashion search.data search.grey search.images search.train
    search.observe search.chart search.ladder search.study search.study_report
    companion api toml pyproject declared collect verdict cache derive builds builds.hatch builds.setuptools
    explain explain_command
    importer importer.lists importer.arch importer.spec importer.options importer.writer importer.blocks importer.timm
    importer.yaml importer.config importer.anynet importer.pycls importer.command importer.parser
    usage options depfile check_command update_command compile_command cost_command solve_command verify_command
    companion_command port_command completion_command diff_command search.main search_command search.study_main
    study_command
    cli
    __main__
"""
ORDER = LAYERS.split()
TYPES_ONLY = {
    ("emit", "compiler"),
    ("header", "compiler"),
    ("ops.base", "tape"),
    ("ops.normalization", "tape"),
    ("__init__", "api"),
}
"""Imports under `TYPE_CHECKING` that run up: what calls a function gives it itself."""
LONG = {"exact": 450}
"""Files over 400 lines: exact.py is one subject."""
HEAVY = ["torch", "numpy", "black", "pydantic", "typer", "rich", "yaml"]


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


SOURCES = sorted(PACKAGE.rglob("*.py"))
MODULES = {module_name(path): path for path in SOURCES}


def imports(path: Path, typing: bool) -> Iterator[str]:
    """Give what a module of ours imports of ours, in functions too; under `TYPE_CHECKING` or not."""
    guarded = {
        id(inner)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (id(node) in guarded) == typing:
            assert node.level == 0, "absolute imports only"
            module = node.module or ""
            if module == "scalec" or module.startswith("scalec."):
                base = module.removeprefix("scalec").removeprefix(".")
                for alias in node.names:
                    inner = f"{base}.{alias.name}".removeprefix(".")
                    yield inner if inner in MODULES else base or "__init__"
        elif isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "scalec" for alias in node.names), path


def test_every_module_has_a_layer() -> None:
    assert not set(MODULES) - set(ORDER), "give it a place in LAYERS"
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("name", MODULES)
def test_imports_run_down(name: str) -> None:
    place = ORDER.index(name)
    upward = {target for target in imports(MODULES[name], typing=False) if ORDER.index(target) >= place}
    assert not upward - {name}, f"{name} imports what stands above it"
    for target in imports(MODULES[name], typing=True):
        assert ORDER.index(target) < place or (name, target) in TYPES_ONLY, (name, target)


def test_the_arrows_of_the_design() -> None:
    """DESIGN.md, section 3: each group is below the next."""
    arrows = [
        ["source"], ["diagnostics"], ["syntax", "shape"], ["parse", "ops"], ["resolve", "ir"], ["scale"],
        ["cost", "memory"], ["constrain"], ["emit"], ["compiler"], ["cli"],
    ]  # fmt: skip
    for below, above in pairwise(arrows):
        assert max(map(ORDER.index, below)) < min(map(ORDER.index, above))
    assert ORDER.index("expr") < ORDER.index("resolve")


def test_no_circle_of_imports() -> None:
    """Not even by way of imports in functions."""
    graph = {name: set(imports(path, typing=False)) - {name} for name, path in MODULES.items()}
    while graph:
        leaves = {name for name, targets in graph.items() if not targets & set(graph)}
        assert leaves, f"a circle among {sorted(graph)}"
        graph = {name: targets for name, targets in graph.items() if name not in leaves}


def test_lark_and_jinja_live_in_one_place_each() -> None:
    def users(library: str) -> set[str]:
        return {
            name for name, path in MODULES.items() for node in ast.walk(tree(path))
            if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == library)
            or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == library for alias in node.names))
        }  # fmt: skip

    assert users("lark") == {"parse", "build", "hints", "parser_tables"}
    assert users("jinja2") == {"emit"}
    assert users("pydantic") == {"report"}
    assert users("yaml") == {"importer.yaml"}
    assert not {
        name for name in users("torch") if name.split(".")[0] not in ("api", "memory_oracle", "verify", "search")
    }
    assert not users("pickle") | users("random") | users("datetime") | users("locale")
    timed = {name for name in users("time") if name.split(".")[0] != "search"}  # which ends what takes too long
    assert timed == {"output"}  # how old a left-over file is; no clock reaches what is written


def test_nothing_is_evaluated() -> None:
    for name, path in MODULES.items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__", "open"), (name, node.lineno)


@pytest.mark.parametrize("name", MODULES)
def test_files_and_functions_are_short(name: str) -> None:
    path = MODULES[name]
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONG.get(name, 400)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno:
            assert node.end_lineno - node.lineno < 50, f"{node.name} is {node.end_lineno - node.lineno + 1} lines long"


def test_the_median_file_is_short() -> None:
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES)
    assert lengths[len(lengths) // 2] <= 150


def test_text_files_are_utf8_with_line_feeds() -> None:
    kinds = {".py", ".scl", ".lark", ".jinja", ".md", ".toml"}
    folders = [PACKAGE, *(ROOT / name for name in ("grammar", "templates", "specs", "docs"))]
    for path in (each for folder in folders for each in folder.rglob("*") if each.suffix in kinds):
        data = path.read_bytes()
        assert b"\r" not in data and not data.startswith(b"\xef\xbb\xbf"), path
        assert not data.decode("utf-8") or data.endswith(b"\n"), path


def test_every_package_ships() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    listed = set(settings["packages"])
    folders = settings["package-dir"]
    code = {
        ".".join(path.parent.relative_to(ROOT / folders[""]).parts)
        for path in (ROOT / folders[""]).rglob("__init__.py")
    }
    data = {name for name in folders if name}
    assert listed == code | data
    for name in data:
        assert (ROOT / folders[name] / "__init__.py").is_file(), f"{name} is not found by an editable install"
    for name in data:
        shipped = {path for pattern in settings["package-data"][name] for path in (ROOT / folders[name]).glob(pattern)}
        present = {
            p
            for p in (ROOT / folders[name]).rglob("*")
            if p.is_file() and "__pycache__" not in p.parts and p.name != "__init__.py"
        }
        assert shipped == present


def loaded(code: str) -> set[str]:
    """Give which modules a fresh interpreter has loaded after running some code."""
    shown = "; import sys; print(' '.join(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code + shown], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split("\n")[-2].split())


def test_importing_is_light() -> None:
    modules = loaded("import scalec")
    assert not modules & {*HEAVY, "lark", "jinja2"}


def test_starting_is_light() -> None:
    modules = loaded("import scalec.cli; scalec.cli._parser()")
    assert not modules & {*HEAVY, "lark", "jinja2"}


def test_compiling_needs_no_torch() -> None:
    spec = ROOT / "specs" / "efficientnet.scl"
    modules = loaded(f"import scalec.cli; scalec.cli.main(['compile', {str(spec)!r}, '-o', '-'])")
    assert "scalec.emit" in modules
    assert not modules & set(HEAVY)


def test_checking_and_building_need_no_torch() -> None:
    project = ROOT / "examples" / "hatch"
    modules = loaded(f"import os, scalec.cli; os.chdir({str(project)!r}); scalec.cli.main(['check'])")
    assert "scalec.derive" in modules and "scalec.emit" in modules and not modules & set(HEAVY)
    modules = loaded(f"from pathlib import Path; from scalec.builds import run; run(Path({str(project)!r}), 'check')")
    assert "scalec.derive" in modules and not modules & set(HEAVY)
