"""The Python API: light to import, typed, and documented by examples that run here."""

import doctest
import html
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import pytest

import scalec
from scalec.commands import cli
from scalec.diagnostics import diagnostic as diagnostics

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "specs" / "efficientnet.scl"
TEXT = """param φ = 0
let w = 1.1^φ
scale C → to_multiple(w · C, 8)
require params ≤ 10000
network Tiny(classes = 10, rate = 0.1) <8, 8, 3> → <classes>
  = stem: Conv(3, stride = 2) → <4, 4, 16> ⊙ ReLU ⊙ GlobalAvgPool ⊙ Dropout(rate) ⊙ Linear → <classes>
variants (φ) { Big (4) }
"""


def python(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, encoding="utf-8", timeout=120, check=False, cwd=cwd
    )


def test_importing_warns_of_nothing_and_loads_nothing() -> None:
    done = python("-W", "error", "-c", "import scalec, sys; print(*sys.modules)")
    assert done.returncode == 0 and not done.stderr
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"lark", "torch", "jinja2", "pydantic", "argparse"}
    assert [name for name in done.stdout.split() if name.startswith("scalec")] == ["scalec.version", "scalec"]


def test_using_it_needs_no_torch() -> None:
    code = "n = scalec.load('specs/efficientnet.scl').scale(phi=1); n.emit(), n.cost(), n.state_dict(), n._repr_html_()"
    done = python("-W", "error", "-c", f"import scalec, sys; {code}; print('torch' in sys.modules)")
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_names() -> None:
    assert set(scalec.__all__) <= set(dir(scalec))
    for name in scalec.__all__:
        assert getattr(scalec, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(scalec, "nothing")  # noqa: B009


CLIENT = """import scalec
from fractions import Fraction
from torch import nn

spec: scalec.Spec = scalec.load("net.scl")
network: scalec.Network = spec.scale(phi=Fraction(1, 2), set={"classes": 10, "bias": True})
macs: int = network.cost().macs
source: str = network.emit()
phi: Fraction = spec.solve(flops="1.5G").phi
model: nn.Module = scalec.build_module(spec, variant="B4")
try:
    scalec.loads("")
except scalec.CompileError as error:
    codes: list[str] = [finding.code for finding in error.diagnostics]
"""


WRONG = {
    "typo": ("scalec.lod()\n", "attr-defined"),
    "argument": ("spec.scale(phi=[])\n", "arg-type"),
    "value": ("x: str = macs\n", "assignment"),
}


def test_a_typed_client(tmp_path: Path) -> None:
    """One run of mypy for a right client and wrong ones: each has its one error, in its last line."""
    (tmp_path / "right.py").write_text(CLIENT, encoding="utf-8")
    for name, (more, _) in WRONG.items():
        (tmp_path / f"{name}.py").write_text(CLIENT + more, encoding="utf-8")
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nmypy_path = {ROOT / 'compiler'}\n", encoding="utf-8")
    cache, files = f"--cache-dir={ROOT / '.mypy_cache'}", [f"{name}.py" for name in ("right", *WRONG)]
    done = python("-m", "mypy", "--strict", "--config-file=mypy.ini", cache, *files, cwd=tmp_path)
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    last = CLIENT.count("\n") + 1
    assert len(errors) == len(WRONG), done.stdout + done.stderr
    for name, (_, kind) in WRONG.items():
        assert any(line.startswith(f"{name}.py:{last}: ") and f"[{kind}]" in line for line in errors), done.stdout


def test_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block of docs/api.md, one after the other, in one session."""
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```pycon\n(.*?)```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.DOTALL)
    text = "\n".join(blocks)
    test = doctest.DocTestParser().get_doctest(text, {}, "api.md", "api.md", 0)
    said: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert len(test.examples) >= 12 and result.failed == 0, "".join(said)


def test_it_is_what_the_command_line_gives(capsys: pytest.CaptureFixture[str]) -> None:
    network = scalec.load(SPEC).scale(phi=1)
    deployed = scalec.load(SPEC).scale(phi=1, inference=True)
    assert deployed.params < network.params and "def fold(" in deployed.emit()
    assert not any("norm" in name for name in deployed.state_dict())
    assert cli.main(["cost", str(SPEC), "--phi", "1", "--format", "json"]) == 0
    assert json.loads(network.cost().model_dump_json()) == json.loads(capsys.readouterr().out)
    assert scalec.load(str(SPEC)).scale(phi="4").emit() == (ROOT / "tests/emitted/efficientnet_phi4.py").read_text(
        "utf-8"
    )
    assert cli.main(["solve", str(SPEC), "--flops", "1.5G", "--format", "json"]) == 0
    found, solved = scalec.load(SPEC).solve(flops=1.5e9), json.loads(capsys.readouterr().out)
    assert float(found.phi) == solved["phi"]["value"] and found.binding == solved["binding"] == "FLOPS"
    assert found.network.macs == solved["FLOPS"] and found.slack["FLOPS"] == solved["budgets"]["FLOPS"]["slack"]


def test_values() -> None:
    spec = scalec.loads(TEXT)
    assert spec.variants == ("Big",) and spec.name == "Tiny"
    sizes = {spec.scale(phi=phi).params for phi in (0.5, "0.5", "1/2", Fraction(1, 2))}
    assert len(sizes) == 1
    assert spec.scale(variant="Big").params == spec.scale(phi=4).params > spec.scale().params
    changed = spec.scale(set={"classes": 3, "rate": 0.25, "w": Fraction(3, 2)})
    assert "classes: int = 3, rate: float = 0.25" in changed.emit() and changed.state_dict()["stem.weight"][0] == 24


def test_errors_carry_data() -> None:
    spec = scalec.loads(TEXT)
    asked: list[Callable[[], object]] = [
        lambda: spec.scale(phi="x"), lambda: spec.scale(variant="Bg"), lambda: spec.scale(set={"classs": 3}),
        lambda: spec.scale(phi=30), lambda: spec.solve(flops=1), lambda: spec.solve(flops="0"),
        lambda: scalec.loads("network"), lambda: scalec.build_module("network\n"),
    ]  # fmt: skip
    for ask in asked:
        with pytest.raises(scalec.CompileError) as raised:
            ask()
        error = raised.value
        assert isinstance(error, diagnostics.CompileError) and error.diagnostics
        first = error.diagnostics[0]
        assert (
            str(error).startswith(f"error[{first.code}]: ")
            and first.label.span.source.text in str(error) + TEXT + "network\n"
        )
        assert error.__cause__ is None and error.__suppress_context__
    with pytest.raises(TypeError):
        spec.scale(phi=1, variant="Big")
    with pytest.raises(TypeError):
        spec.solve()
    with pytest.raises(OSError):
        scalec.load("nowhere.scl")


class _Cells(HTMLParser):
    """Collects the tags and the text of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def parsed(network: scalec.Network) -> _Cells:
    cells = _Cells()
    cells.feed(network._repr_html_())
    return cells


def test_the_table_of_a_notebook() -> None:
    network = scalec.load(SPEC).scale(variant="B0")
    cells = parsed(network)
    assert {tag for tag, _ in cells.tags} == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    scopes = [attributes.get("scope") for tag, attributes in cells.tags if tag == "th"]
    assert scopes.count("col") == 6 and scopes.count("row") == 13
    assert {"stem", "MBConv", "<112, 112, 32>", "5,288,548", "385,814,752"} <= set(cells.texts)
    assert html.escape("<112, 112, 32>") in network._repr_html_()


def test_a_hostile_name_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The grammar allows no such name; the table does not count on that."""
    network = scalec.loads(TEXT).scale()
    hostile = "<script>alert('x')</script>&\"></table>"
    for stage in network._compiled.network.stages:
        object.__setattr__(stage, "name", hostile)
    object.__setattr__(network._compiled.network, "name", hostile)
    cells = parsed(network)
    assert not {"script"} & {tag for tag, _ in cells.tags} and cells.texts.count(hostile) == 5
    assert "<script" not in network._repr_html_()


def test_building_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    model = scalec.build_module(TEXT, phi=4, classes=7)
    assert model(torch.zeros(2, 3, 8, 8)).shape == (2, 7) and not list(tmp_path.iterdir())
    foretold = scalec.loads(TEXT).scale(phi=4, set={"classes": 7}).state_dict()
    assert {key: tuple(value.shape) for key, value in model.state_dict().items()} == foretold
    again = scalec.build_module(scalec.loads(TEXT), phi=4)
    assert type(again) is type(model) and type(scalec.build_module(TEXT)) is not type(model)
    assert pickle.loads(pickle.dumps(model)).state_dict().keys() == foretold.keys()


def test_building_from_a_path() -> None:
    for path in (SPEC, str(SPEC)):
        model = scalec.build_module(path, variant="B0")
        assert sum(parameter.numel() for parameter in model.parameters()) == 5_288_548


def test_building_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    text = TEXT.replace("Tiny", "Other")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=re.escape("pip install 'scalec[torch]'")):
        scalec.build_module(text)
    monkeypatch.undo()
    assert scalec.build_module(text)


def test_floats_are_decimals() -> None:
    """Python writes small ones with an exponent, which the language has not."""
    spec = scalec.load(SPEC)
    assert spec.scale(set={"epsilon": 1e-5}).emit() == spec.scale(set={"epsilon": "0.00001"}).emit()
    assert spec.scale(phi=1e-3).params == spec.scale(phi="0.001").params
    assert spec.solve(flops=1e9).phi == spec.solve(flops="1G").phi
    for wrong in (float("nan"), float("inf"), -1.0):
        with pytest.raises(scalec.CompileError):
            spec.solve(flops=wrong)
