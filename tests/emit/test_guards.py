"""The two guards on emitted source: no text of a spec becomes code, and a bug of the emitter does not get out.

Hostile text in every slot of a spec gives a positioned error, or a file that holds nothing but what emitted files are
made of. And bugs planted in the emitter (a filter removed, a template with one line more) are caught by the guards.
"""

import ast
import builtins
import sys
import types
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from scalec.commands import cli
from scalec.compiler import load_text
from scalec.cost.compiled import Compiled
from scalec.diagnostics import exit_codes as exits
from scalec.diagnostics.diagnostic import CompileError
from scalec.diagnostics.text import render
from scalec.emit import contexts as views
from scalec.emit import emit as emitter
from scalec.emit import guards as audit
from scalec.emit.classes import kinds
from scalec.emit.emit import emit
from scalec.language import syntax as s
from scalec.network import python_names
from scalec.program.request import Request
from strategies import examples

SPEC = """# {comment}
cite {paper} for {block}
{start}
param φ = 0, {param} = 3
let {let} = 1.5, twice({let_parameter}) = 2 · {let_parameter}, number = {number}
let d = 2^φ

scale L → ceil(d · L)
scale C → to_multiple({let} · C, 8)

require FLOPS ≤ 900G, number ≤ 900G

block {block}({block_parameter}, stride = 1) <H, W, C> → <H/stride, W/stride, K>
  where {where} = 2 · C
  = {inner}: Conv({block_parameter}, stride) → {where}
  ⊙ Conv(1) → K
  ⊙ (norm: BatchNorm ⊙ ReLU)

network {network}(classes = 10, {network_parameter} = 0.2) <8, 8, 3> → <classes>
  = {label}: {block}(3, stride = 2)^1           → <4, 4, 16>
  ⊙ {block}({block_parameter} = {param})^2      → <4, 4, 16>  # {comment}
  ⊙ GlobalAvgPool ⊙ Dropout({network_parameter}) ⊙ Linear → <classes>

variants (φ, {network_parameter}) {{
  {variant} (1, 0.3)
}}
{end}
"""
NEUTRAL = {
    "comment": "a comment", "start": "", "param": "size", "let": "wide", "let_parameter": "q", "number": "3",
    "block": "Pair", "block_parameter": "kernel", "where": "inside", "inner": "first", "network": "Small",
    "network_parameter": "rate", "label": "stem", "variant": "Big", "end": "",
    "paper": "doi:10.1109/CVPR.2016.90",
}  # fmt: skip
IN_THE_SPEC = sorted(NEUTRAL)
ELSEWHERE = ["file", "set name", "set value", "phi", "variant name", "import", "module"]
SLOTS = [*IN_THE_SPEC, *ELSEWHERE]

STATEMENTS = [
    "import os", "os.system('true')", "__import__('os').system('true')", "exec('1')", "eval('1')", "print('hello')",
    "open('/etc/passwd')", "raise SystemExit", "assert 0", "lambda: 0", "yield", "del x", "global x", "while 1: pass",
    "class X: pass", "def f(): pass", "@exec", "from os import *", "breakpoint()", "exit()", "(x := exec('1'))",
]  # fmt: skip
NAMES = [
    "__import__", "__class__", "__init__", "__builtins__", "_x", "x_", "x", "eval", "exec", "open", "print", "self",
    "super", "torch", "nn", "F", "Tensor", "None", "True", "class", "def", "lambda", "λ", "lambda_", "import", "match",
    "forward", "training", "modules", "state_dict", "to", "Module", "Conv2d", "DropPath", "PaddedConv2d", "INPUT_SHAPE",
    "c_in", "channels", "kernel", "classes", "norm", "stem", "stage2", "Conv", "same", "true", "ceil", "layer", "C",
    "φ", "ϕ", "phi", "Ω", "e", "O0", "a" * 64, "a" * 65, "int", "n0", "first", "conv", "residual", "memory", "FLOPS",
    "baseline", "__debug__", "Ellipsis",
]  # fmt: skip
MORE_NAMES = [
    "__name__", "_", "y", "cls", "False", "from", "return", "async", "await", "case", "type", "pass", "is", "in", "not",
    "parameters", "children", "register_buffer", "cuda", "half", "Sequential", "LayerNorm2d", "LayerScale",
    "FEATURE_INFO", "OrderedDict", "c_out", "stride", "padding", "stage3", "ReLU", "BatchNorm", "symmetric", "max",
    "layers", "L", "H", "W", "K", "alpha", "E", "j", "l", "float", "bool", "tuple", "object", "list", "dict", "type_",
    "n1", "conv_2", "drop", "drop_path", "dropout", "linear", "global_avg_pool", "first_norm", "relu", "use_first",
    "gate", "sum", "split", "concat", "params", "NotImplemented", "sequential", "if_", "padding_2", "use_norm",
]  # fmt: skip
TEXTS = [
    '"""', "'''", '"', "'", "`", "\\", "\\\\", "\\n", "\\x22", "\\u0022", "\\N{QUOTATION MARK}",
    '""" + exec("1") + """',
    '"""\nexec("1")\n"""', "\nexec('1')\n#", "\rexec('1')\r#", "\r\nexec('1')\r\n#", "\x0bexec('1')", "\x0cexec('1')",
    "\x1cexec('1')", "\x85exec('1')", "\u2028exec('1')\u2028", "\u2029exec('1')\u2029", "\0", "\x1b[31m", "\x07", "\t",
    "coding: utf-7", "-*- coding: utf-7 -*-", "vim: set fileencoding=utf-7 :", "+AAo-exec('1')", "coding=latin-1",
    "\ufeff", "\u202e", "\u2066", "\u200b", "\u200d", "\u00a0", "\u3000", "{{ 7 * 7 }}", "{% raw %}", "{# x #}",
    "{{ self.__init__.__globals__ }}", "{0.__class__}", "{x!r}", "%s", "%(x)s", "${x}", "$(true)", "f'{exec(1)}'",
    "::set-output name=x::y", "<script>alert(1)</script>", "</style>", "<!--", "]]>", "../../etc/passwd", "/etc/passwd",
    "..\\x", "C:\\x", "con", "aux.py", "x.py\n", "-o", "--force", "; rm -rf /", "| true", "&& true", "$(true)",
    "1e9999999", "1" * 20, "0x10", "1_000", "1__0", "007", "1.", ".5", "1e5", "１２", "٣", "nan", "inf", "-1", "1/0",
    "9" * 19 + "^32", "2^2^2^2^2", "1 if true else 0", "(" * 70, ")" * 3, "{" * 3, "⊙", "|>", "→", "->", "±", "≈",
    "0.1 + 0.2", "α", "а", "ß", "Å", "ﬁ", "x̂", "你好", "مرحبا", "👍", "é", "é", "😀" * 30, "a b", "a,b", "a=b", "a:b",
    "a.b", "a(b)", "a{b}", "a<b>", "#", "# coding: utf-7", "", " ", "=", "==", "x = 1", "let", "param", "network",
    "λ λ",
]  # fmt: skip
PAYLOADS = list(dict.fromkeys([*STATEMENTS, *NAMES, *TEXTS]))


class _Anything:
    """Stands for whatever PyTorch gives: takes any call and has any attribute."""

    def __init__(self, *arguments: object, **keywords: object) -> None:
        pass

    def __call__(self, *arguments: object, **keywords: object) -> "_Anything":
        return _Anything()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything()


class _Module:
    def __init__(self, *arguments: object, **keywords: object) -> None:
        pass


def _stubs() -> dict[str, types.ModuleType]:
    torch, nn, functional = (types.ModuleType(name) for name in ("torch", "torch.nn", "torch.nn.functional"))
    for name in ("Module", "Conv2d", "LayerNorm"):
        setattr(nn, name, _Module)
    for module in (torch, nn, functional):
        module.__getattr__ = lambda name: _Anything()  # type: ignore[method-assign]
    torch.nn, nn.functional, torch.Tensor = nn, functional, _Anything  # type: ignore[attr-defined]
    return {"torch": torch, "torch.nn": nn, "torch.nn.functional": functional}


STUBS = _stubs()


def execute(source: str, network: str) -> None:
    """Run an emitted file and build its network, without anything that could do harm: asking for it fails."""

    def load(name: str, _globals: object = None, _locals: object = None, wanted: Any = (), level: int = 0) -> Any:
        assert name in STUBS and level == 0, name
        return STUBS[name] if wanted else STUBS["torch"]

    harmless = ("__build_class__", "super", "int", "float", "bool", "tuple", "min", "max", "property", "isinstance")
    scope: dict[str, Any] = {
        "__builtins__": {name: getattr(builtins, name) for name in harmless},
        "__name__": "emitted",
    }
    scope["__builtins__"]["__import__"] = load
    before = dict(sys.modules)
    exec(compile(source.encode(), "emitted.py", "exec"), scope)
    scope[network]()
    assert sys.modules == before


def attempt(slot: str, text: str, **options: Any) -> str | None:
    """Compile with hostile text in a slot; give the emitted file, or nothing where there is a positioned error."""
    spec = dict(NEUTRAL)
    name = "spec.scl"
    if slot in spec:
        spec[slot] = text
    elif slot == "file":
        name = text
    elif slot == "import":
        spec["start"] = f"import {text} from mobile"
    elif slot == "module":
        spec["start"] = f"import ConvAct from {text}"
    elif slot == "set name":
        options["changes"] = ((text, "1"),)
    elif slot == "set value":
        options["changes"] = (("rate", text),)
    elif slot == "phi":
        options["phi"] = text
    elif slot == "variant name":
        options["variant"] = text
    try:
        data = SPEC.format(**spec).encode("utf-8", "surrogatepass")
        compiled = load_text(name, data).compile(Request(**options))
        source = emit(compiled)
    except CompileError as error:
        positioned(error)
        return None
    assert source.startswith(emit_head())  # `emit` has audited it: tests below see to that
    execute(source, compiled.network.name)
    return source


def positioned(error: CompileError) -> None:
    shown = render(error.diagnostics)
    assert error.diagnostics
    for found in error.diagnostics:
        text = found.label.span.source.text
        assert 0 <= found.label.span.start <= found.label.span.end <= len(text)
        assert found.code[0] == "E" and found.message
    assert all(c == "\n" or c.isprintable() or unicodedata.category(c) == "Zs" for c in shown), repr(shown)


def emit_head() -> str:
    return "# Generated by scalec: change the spec and compile it again, not this file.\n"


def test_the_payloads_are_many() -> None:
    assert len(PAYLOADS) >= 200
    neutral = attempt("comment", "nothing")
    assert neutral is not None and "class Pair" in neutral and attempt("variant name", "Big")


@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("slot", SLOTS)
def test_curated(slot: str, every: int) -> None:
    """By default each payload is in some of the slots, and each slot has a sixth of the payloads."""
    for payload in PAYLOADS[SLOTS.index(slot) % every :: every]:
        attempt(slot, payload)


@pytest.mark.parametrize("payload", STATEMENTS)
def test_comments_do_not_reach_the_file(payload: str) -> None:
    assert attempt("comment", payload) == attempt("comment", "nothing")


def test_names_reach_the_file_as_names_only() -> None:
    """A good name in every slot at once changes no structure."""
    plain, other = attempt("comment", ""), attempt("block", "Couple")
    assert plain and other
    audit.same_skeleton(plain, other)


SLOTS_OF_NAMES = sorted(set(NEUTRAL) - {"comment", "start", "end", "number"})


@examples(
    60,
    st.dictionaries(
        st.sampled_from(SLOTS_OF_NAMES),
        st.sampled_from([*NAMES, *MORE_NAMES, *NEUTRAL.values()]),
        min_size=2,
        max_size=4,
    ),
    more=4,
)
def test_names_that_meet(chosen: dict[str, str]) -> None:
    """Several names at once, alike or alike in the emitted file: an error, or a file that works."""
    try:
        compiled = load_text("spec.scl", SPEC.format(**NEUTRAL | chosen).encode()).compile()
        source = emit(compiled)
    except CompileError as error:
        positioned(error)
        return
    execute(source, compiled.network.name)


words = st.sampled_from([*PAYLOADS, *MORE_NAMES])
hostile = st.one_of(
    st.text(max_size=12), st.lists(words, max_size=3).map("".join), st.lists(words, max_size=3).map(" ".join),
    st.text(alphabet="abcxyzαβφ_0123456789.()<>{}=⊙→\\\"'#\r\n ", max_size=12),
)  # fmt: skip


@examples(200, st.sampled_from([*IN_THE_SPEC, *ELSEWHERE]), hostile, more=4)
def test_arbitrary_text(slot: str, text: str) -> None:
    attempt(slot, text)


@examples(
    500,
    st.one_of(st.binary(max_size=200), st.text(max_size=80).map(lambda t: t.encode("utf-8", "surrogatepass"))),
    more=4,
)
def test_arbitrary_bytes(data: bytes) -> None:
    with pytest.raises(CompileError) as error:
        load_text("spec.scl", data)
    positioned(error.value)


@pytest.mark.parametrize(
    "option", [["--phi", text] for text in ["1)", "0x1", "1;2", "φ", "__import__", "1e3", "99", "\x1b[31m"]]
    + [["--set", text] for text in ["rate=exec(1)", "rate=\"x\"", "__class__=1", "rate=0.1, x = 2", "rate", "rate=\n"]]
    + [["--variant", text] for text in ["../../x", "__class__", "", "-1", "\r"]],
)  # fmt: skip
def test_command_line(
    option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "spec.scl"
    spec.write_text(SPEC.format(**NEUTRAL), encoding="utf-8")
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    try:
        code = cli.main(["compile", str(spec), *option])
    except SystemExit as error:
        code = int(str(error.code))
    assert code in (exits.WRONG_INPUT, exits.WRONG_USAGE)
    assert not list((tmp_path / "out").iterdir())
    assert "\x1b" not in capsys.readouterr().err


# Bugs planted in the emitter. Each is one that a change could bring in: what is emitted must not get out.


def fresh(**slots: str) -> Compiled:
    return load_text("spec.scl", SPEC.format(**NEUTRAL | slots).encode()).compile(Request(variant="Big"))


def rename(compiled: Compiled, key: str, hostile_key: str) -> Compiled:
    """Let hostile text stand for a name, as if the grammar had let it through."""
    program = compiled.network.program
    for identifier in _identifiers(program.network, set()):
        if identifier.key == key:
            object.__setattr__(identifier, "key", hostile_key)
    for block in program.file.blocks.values():
        for identifier in _identifiers(block.syntax, set()):
            if identifier.key == key:
                object.__setattr__(identifier, "key", hostile_key)
    known: list[dict[str, Any]] = []
    for uses in kinds(compiled.network).uses.values():
        known += [each for use in uses for each in (use.arguments, use.given)]
    for each in known:
        if key in each:
            each[hostile_key] = each.pop(key)
    for stage in compiled.network.stages:
        if stage.name == key:
            object.__setattr__(stage, "name", hostile_key)
    if compiled.network.name == key:
        object.__setattr__(compiled.network, "name", hostile_key)
    return compiled


def _identifiers(node: object, seen: set[int]) -> Iterator[s.Identifier]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, s.Identifier):
        yield node
    elif isinstance(node, s.Node):
        for field in node.__dataclass_fields__:
            yield from _identifiers(getattr(node, field), seen)
    elif isinstance(node, tuple):
        for child in node:
            yield from _identifiers(child, seen)


@contextmanager
def caught() -> Iterator[None]:
    with pytest.raises((AssertionError, SyntaxError, ValueError)):
        yield


def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emitter, "checked", emitter.Checked)


HOSTILE_NAMES = {
    "block": ("Pair", "Pair(nn.Module):\n    pass\n\n\nimport os\n\n\nclass Pair"),
    "block base": ("Pair", "Pair(exec('1') or nn.Module):\n    pass\n\n\nclass X"),
    "network": ("Small", 'Small"""\nimport os\n"""'),
    "network with the end of the docstring": ("Small", '""" + exec("1") + """'),
    "label call": ("stem", "stem = exec('1')\n        self.stem"),
    "label attribute": ("stem", "__class__"),
    "label in feature info": ("stem", 'stem", exec("1"), "'),
    "label with a carriage return": ("stem", "stem\rimport os\r"),
    "inner label": ("first", "first = print('x')\n        self.first"),
    "inner label walrus": ("first", "first[(y := 1)]"),
    "block parameter": ("kernel", "kernel: int = exec('1'), *, k"),
    "block parameter lambda": ("kernel", "kernel=lambda: 0, k"),
    "network parameter": ("rate", "rate=__import__('os').system('true'), r"),
    "network parameter default": ("rate", "rate: exec('1')"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("filtered", [True, False])
def test_a_hostile_name_is_caught(name: str, filtered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both with and without the filter: either is enough."""
    compiled = rename(fresh(), *HOSTILE_NAMES[name])
    if not filtered:
        unchecked(monkeypatch)
    with caught():
        emit(compiled)


START = "super().__init__()"


def _put(old: str, new: str, count: int = -1) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, count)


def _first(new: str) -> Callable[[str], str]:
    """Put another statement where the first constructor calls the one above it."""
    return _put(START, new, 1)


EDITS: dict[str, Callable[[str], str]] = {
    "an import more": _put("from torch import", "import os\nfrom torch import"),
    "another import": _put("from torch import Tensor, nn", "from torch import Tensor, nn, hub"),
    "an import under another name": _put("from torch import", "import torch as os\nfrom torch import"),
    "a star import": _put("from torch import Tensor, nn", "from torch import *"),
    "an import in a function": _first("import os\n        super().__init__()"),
    "a call at the top": lambda text: text + "\n\nprint(INPUT_SHAPE)\n",
    "a call of a class at the top": lambda text: text + "\n\nSmall()\n",
    "a condition at the top": lambda text: text + "\n\nif INPUT_SHAPE:\n    INPUT_SHAPE = ()\n",
    "a computed constant": _put("INPUT_SHAPE = (3", "INPUT_SHAPE = (int(3)"),
    "a function at the top": lambda text: text + "\n\ndef f() -> None:\n    return\n",
    "a decorator": _put("class Small", "@exec\nclass Small"),
    "a metaclass": _put("class Small(nn.Module)", "class Small(nn.Module, metaclass=exec)"),
    "a call in a base": _put("class Small(nn.Module)", "class Small(exec('1'))"),
    "a loop": _put("        return x", "        while True:\n            return x", 1),
    "a for": _put("        return x", "        for y in x:\n            x = y\n        return x", 1),
    "a lambda": _first("self.f = lambda: 0"),
    "an f-string": _first("self.f = f'{self}'"),
    "a comprehension": _first("self.f = [y for y in self.g]"),
    "a generator over something else": _first("self.f = nn.Sequential(*(nn.ReLU() for y in self.g))"),
    "a generator with a condition": _first("self.f = nn.Sequential(*(nn.ReLU() for y in range(3) if y))"),
    "a generator in a generator": _first("self.f = nn.Sequential(*(nn.ReLU() for y in range(3) for z in range(y)))"),
    "a generator that sets an attribute": _first("self.f = nn.Sequential(*(nn.ReLU() for self.y in range(3)))"),
    "a generator of no calls": _first("self.f = tuple(self for y in range(3))"),
    "a walrus": _first("super(y := self).__init__()"),
    "a deletion": _first("del self.x"),
    "an assertion": _first("assert self"),
    "a raise": _first("raise self"),
    "a try": _first("try:\n            self.a\n        finally:\n            self.b"),
    "a global": _first("global torch"),
    "an unknown name": _first("open('x')"),
    "a dunder attribute": _first("super().__init_subclass__()"),
    "a method of a special name": _put("def forward(", "def __del__(", 1),
    "a part of torch that loads": _first("torch.hub.load('a', 'b')"),
    "a part of torch that reads": _first("nn.modules.module.torch.load('a')"),
    "a call of builtins by way of a module": _first("F.torch.os.system('true')"),
    "a default that is a call": _put("classes: int = 10", "classes: int = F.load('x')"),
    "a bare expression": _first("self.x"),
    "a coding cookie": lambda text: "# coding: utf-7\n" + text,
    "a coding cookie in the second line": _put("\n", "\n# -*- coding: latin-1 -*-\n", 1),
    "a carriage return": _put("\n", "\r\n"),
    "a lone carriage return": _put('"""Small', '"""Small\r', 1),
    "a null": _put('"""Small', '"""Small\0', 1),
    "a byte order mark": lambda text: "\ufeff" + text,
    "another first line": lambda text: "# Written by hand.\n" + text,
    "letters beyond ASCII in code": _put("classes", "clαsses"),
    "bytes": _put('("stem", ', '(b"stem", '),
    "a second statement on a line": _first("super().__init__(); exec('1')"),
    "a class in a function": _first("class X(nn.Module):\n            x = 1"),
    "an assignment to a module": _first("torch.load = self"),
    "an assignment to a builtin": _first("super = self"),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_a_wrong_template_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same wrong text in both renderings: the audit alone has to see it."""
    compiled = fresh()
    good = emit(compiled)
    bad = EDITS[name](good)
    assert bad != good
    render_ = emitter._render

    def render(each: Compiled) -> tuple[str, dict[int, str]]:
        text, attributes = render_(each)
        return EDITS[name](text), attributes

    monkeypatch.setattr(emitter, "_render", render)
    with caught():
        emit(compiled)


def test_a_helper_with_an_import_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = load_text("spec.scl", b"network Small <8, 8, 3> -> <8, 8, 3>\n  = DropPath(0.5)\n").compile()
    helper = emitter.helper_text
    monkeypatch.setattr(emitter, "helper_text", lambda name: emitter.Checked("import os\n\n\n" + helper(name)))
    with caught():
        emit(compiled)


def test_an_unchecked_value_in_a_template_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emitter, "checked", str)
    with caught():
        emit(fresh())


def test_a_missing_value_in_a_template_is_caught() -> None:
    with pytest.raises(Exception, match="Undefined"):
        emitter._environment().get_template("model.py.jinja").render()


def test_a_name_that_is_not_made_neutral_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that changes the structure of one rendering only: what the skeletons are for."""
    calls: list[str] = []

    def structured(key: str) -> str:
        calls.append(key)
        return key if python_names._neutral.get() is not None or key != "rate" else "rate if classes else rate"

    monkeypatch.setattr(views, "python_name", structured)
    unchecked(monkeypatch)
    with caught():
        emit(fresh())
    assert calls


def test_the_skeleton_sees_structure_and_no_names() -> None:
    audit.same_skeleton("x = a + 1\n", "y = b + 2\n")
    for other in (
        "x = a\n",
        "x = a - 1\n",
        "x = a + 1\ny = 2\n",
        "x = a.b + 1\n",
        "x = a + b\n",
        "x: a = 1\n",
        "x = a + (1,)\n",
    ):
        with pytest.raises(AssertionError):
            audit.same_skeleton("x = a + 1\n", other)


def test_the_skeleton_sees_where_a_node_stands() -> None:
    """The same nodes, otherwise nested."""
    with pytest.raises(AssertionError):
        audit.same_skeleton("x = f(a(b), c)\n", "x = f(a, c(b))\n")


def test_the_audit_passes_what_is_emitted() -> None:
    for slots in ({}, {"network": "Other"}, {"let_parameter": "λ"}):
        audit.audit(emit(fresh(**slots)))


@pytest.mark.parametrize(
    "node", ["Lambda", "JoinedStr", "NamedExpr", "Try", "While", "Global", "Delete", "Raise", "Await"]
)
def test_nodes_that_no_emitted_file_has(node: str) -> None:
    assert hasattr(ast, node) and node not in audit._NODES
