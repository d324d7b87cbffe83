"""Random specs: what the emitted file holds is what was written, what was counted, and what exact arithmetic says.

The specs come from `strategies`; shapes are compared with an oracle of this file's own (mpmath, 80 digits), costs with
what PyTorch dispatches on the meta device. `slow` repeats each property with more examples.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import black
import mpmath
import torch
from hypothesis import Phase, given, seed, settings
from torch import Tensor, nn

import peers
from scalec.compiler import load_text
from scalec.cost.compiled import Compiled
from scalec.cost.count import cost
from scalec.diagnostics.diagnostic import CompileError
from scalec.emit.emit import emit
from scalec.language import syntax as s
from scalec.network.network import Leaf, Network
from scalec.ops import OPERATORS
from scalec.program.request import Request
from scalec.verify.count import count_macs
from strategies import SETTINGS, Coefficient, Rule, Stage, Written, examples, phis, specs

NEAR = mpmath.mpf(10) ** -40
IMPORTS = {"import torch", "import torch.nn.functional as F", "from torch import Tensor, nn"}


def compiled(text: str, phi: str | None = None, variant: str | None = None) -> Compiled | None:
    """Compile a spec; nothing if it answers with errors, each of which has a place."""
    try:
        return load_text("spec.scl", text.encode()).compile(Request(phi=phi, variant=variant))
    except CompileError as error:
        assert error.diagnostics
        for found in error.diagnostics:
            span = found.label.span
            assert re.fullmatch(r"E\d{3}", found.code) and found.message
            assert 0 <= span.start <= span.end <= len(span.source.text)
            assert span.source.position(span.start) >= (1, 1)
        return None


# What exact arithmetic says


def oracle(written: Written, phi: Fraction, row: dict[str, Fraction]) -> list[tuple[int, int, int, int]] | None:
    """Give (layers, height, width, channels) of each stage; nothing if a dimension vanishes."""
    with mpmath.workdps(80):
        d, w, r = (_coefficient(written.coefficients[name], row.get("φ", phi), row.get(name)) for name in "dwr")
        rules = written.rules
        height, width = (_apply(rules.get(key), r, n) for key, n in (("H", written.height), ("W", written.width)))
        channels = 3
        shapes: list[tuple[int, int, int, int]] = []
        by_stage: list[int] = []
        for stage in written.stages:
            layers = 1 if stage.repeats is None else stage.repeats
            if stage.repeats is not None and not stage.pinned:
                layers = _apply(rules["L"], d, stage.repeats)
            channels = _channels(stage, channels, layers, rules["C"], w, by_stage, height * width)
            by_stage.append(channels)
            if not stage.present:
                continue
            height, width = (1, 1) if stage.pooled or stage.vector else (-(-n // stage.stride) for n in (height, width))
            shapes.append((layers, height, width, channels))
            if min(shapes[-1]) < 1:
                return None
        return shapes


def _coefficient(coefficient: Coefficient, phi: Fraction, given: Fraction | None) -> Any:
    if given is not None:
        return _real(given)
    if coefficient.base is None:
        return 1 + _real(coefficient.slope) * _real(phi)
    return mpmath.power(_real(coefficient.base), _real(phi))


def _real(value: Fraction | int) -> Any:
    return mpmath.mpf(Fraction(value).numerator) / Fraction(value).denominator


def _channels(stage: Stage, before: int, layers: int, rule: Rule, w: Any, by_stage: list[int], area: int) -> int:
    match stage.channels:
        case "scaled" | "ruled":
            return _apply(rule, w, stage.amount)
        case "multiple":
            return stage.amount * by_stage[stage.of]
        case "grown":
            return before + layers * stage.amount
        case "widened":
            return before + layers * _apply(rule, w, stage.amount)
        case "halved":
            return before // 2
        case "flattened":
            return before * area
        case "fixed" | "classes":
            return stage.amount
    return before


def _apply(rule: Rule | None, coefficient: Any, amount: int) -> int:
    """Round `coefficient · amount`, by definitions of our own."""
    if rule is None:
        return amount
    x = coefficient * amount
    if rule.function == "to_multiple":
        result = rule.multiple * _floor(x / rule.multiple + mpmath.mpf(1) / 2)
        if rule.share is not None and result < x * rule.share / 100 - NEAR:
            result += rule.multiple
    else:
        result = _ROUNDED[rule.function](x)
    return result if rule.least is None else max(rule.least, result)


def _floor(x: Any) -> int:
    """Round down; what is nearer to a whole number than 10^-40 is that number."""
    nearest = int(mpmath.nint(x))
    return nearest if abs(x - nearest) < NEAR else int(mpmath.floor(x))


def _round_even(x: Any) -> int:
    down = _floor(x)
    above = x - down - mpmath.mpf(1) / 2
    return down + (down % 2 if abs(above) < NEAR else int(above > 0))


_ROUNDED: dict[str, Callable[[Any], int]] = {
    "floor": _floor,
    "ceil": lambda x: -_floor(-x),
    "round": lambda x: _floor(x + mpmath.mpf(1) / 2),
    "round_even": _round_even,
    "trunc": lambda x: _floor(x) if x >= 0 else -_floor(-x),
}


def shapes_of(network: Network) -> list[tuple[int, int, int, int]]:
    """Give what the oracle gives, as the compiler has it."""
    return [(len(stage.layers), stage.y.height, stage.y.width, stage.y.channels) for stage in network.stages]


@examples(150, specs(), phis(), more=5)  # so many: rounding matters in few of them
def test_every_shape_is_what_exact_arithmetic_says(written: Written, phi: str) -> None:
    made = compiled(written.text, phi)
    if made is not None:
        assert shapes_of(made.network) == oracle(written, Fraction(phi), {})
    baseline = load_text("spec.scl", written.text.encode()).named("baseline")
    assert [stage.y.channels for stage in baseline.stages][-1] > 0
    for name, row in written.variants.items():
        made = compiled(written.text, variant=name)
        if made is not None:
            assert shapes_of(made.network) == oracle(written, Fraction(0), row)


@examples(20, specs(), phis(24), more=15)
def test_far_scales_give_a_network_or_an_error_with_a_place(written: Written, phi: str) -> None:
    for text in (phi, f"-{phi.lstrip('-')}"):
        made = compiled(written.text, text)
        wanted = oracle(written, Fraction(text), {})
        assert made is None or shapes_of(made.network) == wanted


# What is emitted


@examples(30, specs(), phis(), more=15)
def test_the_emitted_file_is_what_was_counted(written: Written, phi: str) -> None:
    made = compiled(written.text, phi)
    if made is not None:
        check_source(emit(made))
        check_module(made)


def check_source(source: str) -> None:
    """Look at the text alone."""
    tree = ast.parse(source)
    imports = {ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))}
    assert imports <= IMPORTS
    assert black.format_str(source, mode=black.Mode()) == source
    text = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert len({node.name for node in text}) == len(text)
    code = [line for line in source.split("\n") if not line.strip().startswith(("#", '"""'))]
    assert all(len(line) <= 88 for line in code)


def check_module(made: Compiled) -> None:
    """Build on the meta device; count parameters, buffers, multiply-adds, activations; compare every stage's shape."""
    network = made.network
    module = peers.load_module(emit(made), "property")
    x = network.x
    assert (x.channels, x.height, x.width) == module.INPUT_SHAPE
    with torch.device("meta"):
        built: nn.Module = getattr(module, network.name)()
    predicted = cost(network)
    assert sum(p.numel() for p in built.parameters()) == predicted.params
    assert sum(b.numel() for b in built.buffers()) == predicted.buffers
    seen = _outputs(built, module.INPUT_SHAPE)
    for stage in network.stages:
        wanted = (stage.y.channels, stage.y.height, stage.y.width) if stage.y.is_map else (stage.y.channels,)
        if stage.name in seen:
            got = seen[stage.name]
            assert got == wanted or (got == wanted[:1] and wanted[1:] == (1, 1)), (stage.name, got, wanted)
        else:
            assert not isinstance(stage.unit.head, s.Call) or _is_functional(stage.layers[0]), stage.name
    assert seen[""] in (wanted, wanted[:1])
    counted = count_macs(built, module.INPUT_SHAPE)
    assert (counted.macs, counted.activations) == (predicted.macs, predicted.activations)


def _is_functional(node: object) -> bool:
    return isinstance(node, Leaf) and node.operator.functional


def _outputs(built: nn.Module, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Give the output shape of each child, and under "" that of the whole."""
    seen: dict[str, tuple[int, ...]] = {}
    for name, child in built.named_children():

        def hook(_module: nn.Module, _args: Any, output: Tensor, name: str = name) -> None:
            seen[name] = tuple(output.shape[1:])

        child.register_forward_hook(hook)
    with torch.no_grad():
        seen[""] = tuple(built.eval()(torch.empty(1, *shape, device="meta")).shape[1:])
    return seen


@examples(20, specs(), phis(), phis(), more=15)
def test_block_classes_are_the_same_text_at_every_scale(written: Written, one: str, two: str) -> None:
    first, second = (compiled(written.text, phi) for phi in (one, two))
    if first is None or second is None:
        return
    left, right = (_classes(emit(each), each.network.name) for each in (first, second))
    for name in left.keys() & right.keys():
        assert left[name] == right[name], f"{name}\n{left[name]}\n{right[name]}"


def _classes(source: str, network: str) -> dict[str, str]:
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name != network]
    return {node.name: ast.get_source_segment(source, node) or "" for node in classes}


@examples(12, specs(), phis(3), more=15)
def test_spelling_and_layout_of_the_spec_change_nothing(written: Written, phi: str) -> None:
    sources = [
        emit(made) if (made := compiled(text, phi)) else None
        for text in (written.text, written.ascii, written.reflowed())
    ]
    assert sources[0] == sources[1] == sources[2]


@examples(12, specs(), phis(3), more=15)
def test_other_labels_change_names_alone(written: Written, phi: str) -> None:
    # both renamed: `norm`, say, is also what a helper calls
    first, second = compiled(written.relabelled("_old"), phi), compiled(written.relabelled("_new"), phi)
    if first is None or second is None:
        assert first is second
    else:
        assert _nameless(emit(first)) == _nameless(emit(second))


def _nameless(source: str) -> str:
    """Give the structure of a file with its names as numbers, by their first appearance."""
    numbers: dict[str, str] = {}
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for attribute in ("id", "attr", "arg", "name"):
            if isinstance(name := getattr(node, attribute, None), str):
                setattr(node, attribute, numbers.setdefault(name, f"n{len(numbers)}"))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


# A handful at once


def sample(count: int, number: int = 0) -> list[tuple[Written, str]]:
    """Give some specs, the same in every run; others for another number."""
    found: list[tuple[Written, str]] = []

    @seed(number)
    @settings(SETTINGS, max_examples=count, phases=(Phase.generate,))
    @given(specs(), phis(3))
    def collect(written: Written, phi: str) -> None:
        found.append((written, phi))

    collect()
    return found


def test_bytes_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    """One process a seed, each for all of the specs."""
    for index, (written, phi) in enumerate(sample(12)):
        (tmp_path / f"{index}.scl").write_text(f"# {phi}\n{written.text}", "utf-8")
    program = (
        "import sys, pathlib, hashlib\n"
        "from scalec.compiler import load\n"
        "from scalec.diagnostics.diagnostic import CompileError\n"
        "from scalec.emit.emit import emit\n"
        "from scalec.program.request import Request\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).glob('*.scl')):\n"
        "    try:\n"
        "        text = emit(load(path).compile(Request(phi=path.read_text('utf-8').split()[1])))\n"
        "    except CompileError as error:\n"
        "        text = str(error)\n"
        "    print(path.name, hashlib.sha256(text.encode()).hexdigest())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)], env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "4711")
    }  # fmt: skip
    (output,) = outputs
    assert len(output.splitlines()) == 12


def test_the_specs_use_the_whole_vocabulary() -> None:
    """What no random spec says, no property here has looked at; one activation stands for another."""
    alike = {name for name, cls in OPERATORS.items() if cls.__module__ == "scalec.ops.activation"} - {"PReLU"}
    rare = {"Linear", "SpaceToDepth"}  # which fit few sizes
    pieces = "residual gate sum concat split when where default variants require width( ^= ²".split()
    text, missing = "", {*OPERATORS, *pieces}
    for number in range(20):  # Hypothesis draws other specs where other modules are loaded: up to a thousand
        text += "\n".join(written.text for written, _ in sample(50, number))
        missing = {name for name in OPERATORS if not re.search(rf"\b{name}\b", text)} - alike - rare
        missing |= {piece for piece in pieces if piece not in text}
        if not missing:
            break
    assert not missing


SMALL = """param φ = 0
block Squeeze() <H, W, C> → <H, W, C> = gate { GlobalAvgPool ⊙ Sigmoid }
block Wide(squeeze = false) <H, W, C> → <H, W, K> = Conv(3) → K ⊙ Squeeze when squeeze
network Net <16, 16, 3> → <16, 16, 8> = stem: Conv(3) → <16, 16, 8>"""


def test_every_class_is_used() -> None:
    made = compiled(f"{SMALL} ⊙ Wide^1 → <16, 16, 8>")
    assert made is not None and "class Squeeze" not in emit(made)


def test_one_feature_is_laid_out_as_black_does() -> None:
    made = compiled(SMALL)
    assert made is not None and black.format_str(emit(made), mode=black.Mode()) == emit(made)
