"""The rules of the house: imports run down, packages are few, files short, everything ships, heavy things stay out.

docs/architecture.md says what each package is for.
"""

import ast
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "compiler" / "scalec"

# From the bottom up: a module imports from packages on lines above its own, and from its own package.
ORDER = """
    version limits record table files
    diagnostics
    ops
    language
    program
    network
    cost
    solve
    lint
    emit
    compiler
    project
    verify
    importer
    search
    api
    __init__
    commands builds
    cli
    __main__
""".split()
LONG = {"language.exact": 450}
"""Files over 400 lines: exact.py is one subject."""
HEAVY = ["torch", "numpy", "black", "pydantic", "typer", "rich", "yaml"]


def modules_of(package: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


MODULES = modules_of(PACKAGE)


def imports(path: Path, modules: dict[str, Path]) -> Iterator[str]:
    """Give what a module of ours imports of ours: in functions and under `TYPE_CHECKING` too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: absolute imports only"
            module = node.module or ""
            if module == "scalec" or module.startswith("scalec."):
                base = module.removeprefix("scalec").removeprefix(".")
                for alias in node.names:
                    inner = f"{base}.{alias.name}".removeprefix(".")
                    yield inner if inner in modules else base or "__init__"
        elif isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "scalec" for alias in node.names), path


def faults(package: Path) -> Iterator[str]:
    """Say what breaks the rules of imports in a tree of packages."""
    modules = modules_of(package)
    graph = {name: set(imports(path, modules)) - {name} for name, path in modules.items()}
    for name, targets in graph.items():
        room = name.split(".")[0]
        if room not in ORDER:
            yield f"{name}: no package of the house, give it a home"
            continue
        for target in targets:
            below = target.split(".")[0]
            if below != room and ORDER.index(below) >= ORDER.index(room):
                yield f"{name} imports {target}, which stands above it"
    while graph:
        leaves = {name for name, targets in graph.items() if not targets & set(graph)}
        if not leaves:
            yield f"a circle among {sorted(graph)}"
            return
        graph = {name: targets for name, targets in graph.items() if name not in leaves}


def test_imports_run_down() -> None:
    assert not list(faults(PACKAGE))


PLANTED = {
    "upwards": ("ops/shape.py", "from scalec.language import syntax", "which stands above it"),
    "circle": (
        "language/syntax.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from scalec.language import unparse",
        "a circle among",
    ),
    "homeless": ("helpers/__init__.py", "", "no package of the house"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_seen(name: str, tmp_path: Path) -> None:
    file, text, said = PLANTED[name]
    copy = shutil.copytree(PACKAGE, tmp_path / "scalec", ignore=shutil.ignore_patterns("__pycache__", "*.md"))
    path = copy / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{path.read_text(encoding='utf-8') if path.exists() else ''}\n{text}\n", encoding="utf-8")
    assert any(said in fault for fault in faults(copy))


def test_packages_are_few_and_say_what_they_are_for() -> None:
    folders = {path.parent for path in MODULES.values()} - {PACKAGE}
    assert len({folder.relative_to(PACKAGE).parts[0] for folder in folders}) <= 15
    for folder in folders:
        assert len(list(folder.glob("*.py"))) <= 25, f"{folder.name} is a warehouse"
        doc = ast.get_docstring(tree(folder / "__init__.py"))
        assert (
            doc and doc[0].isupper() and len(doc) > 60
        ), f"{folder.name}: what comes in, what goes out, who imports it"


def test_the_page_is_a_page() -> None:
    assert len((PACKAGE / "compiler.py").read_text(encoding="utf-8").splitlines()) <= 80


def test_the_command_line_is_known_to_commands_alone() -> None:
    named = {
        name for name, path in MODULES.items() for node in ast.walk(tree(path))
        if (isinstance(node, ast.Import) and any(alias.name == "argparse" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "argparse")
    }  # fmt: skip
    assert {name.split(".")[0] for name in named} == {"commands"}


def test_tests_stand_beside_what_they_test() -> None:
    packages = {name.split(".")[0] for name in MODULES}
    for path in (ROOT / "tests").glob("*/test_*.py"):
        assert path.parent.name in packages or path.parent.name == "emitted", path
    assert {path.name for path in (ROOT / "tests").glob("test_*.py")} == {
        "test_house.py", "test_package.py", "test_record.py",
    }  # fmt: skip


def test_lark_and_jinja_live_in_one_place_each() -> None:
    def users(library: str) -> set[str]:
        return {
            name for name, path in MODULES.items() for node in ast.walk(tree(path))
            if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == library)
            or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == library for alias in node.names))
        }  # fmt: skip

    assert users("lark") == {f"language.{name}" for name in ("parse", "tree", "recovery", "grammar")}
    assert users("jinja2") == {"emit.emit"}
    assert users("pydantic") == {"cost.report"}
    assert users("yaml") == {"importer.yaml"}
    assert not {name for name in users("torch") if name.split(".")[0] not in ("api", "verify", "search")}
    assert not users("pickle") | users("random") | users("datetime") | users("locale")
    timed = {name for name in users("time") if name.split(".")[0] != "search"}  # which ends what takes too long
    assert timed == {"files"}  # how old a left-over file is; no clock reaches what is written


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
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES.values())
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
    modules = loaded("from scalec.commands import cli; cli._parser()")
    assert not modules & {*HEAVY, "lark", "jinja2"}


def test_compiling_needs_no_torch() -> None:
    spec = ROOT / "specs" / "efficientnet.scl"
    modules = loaded(f"from scalec.cli import main; main(['compile', {str(spec)!r}, '-o', '-'])")
    assert "scalec.emit.emit" in modules
    assert not modules & set(HEAVY)


def test_checking_and_building_need_no_torch() -> None:
    project = ROOT / "examples" / "hatch"
    modules = loaded(f"import os; from scalec.cli import main; os.chdir({str(project)!r}); main(['check'])")
    assert "scalec.project.up_to_date" in modules and "scalec.emit.emit" in modules and not modules & set(HEAVY)
    modules = loaded(f"from pathlib import Path; from scalec.builds import run; run(Path({str(project)!r}), 'check')")
    assert "scalec.project.up_to_date" in modules and not modules & set(HEAVY)
