"""Every limit holds at its edge and names itself beyond it; what is short and means much ends in an error at once."""

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scalec import limits
from scalec.compiler import load, load_text
from scalec.diagnostics import exit_codes as exits
from scalec.diagnostics.diagnostic import CompileError, Diagnostic
from scalec.diagnostics.suggest import suggest
from scalec.emit import emit as emitter
from scalec.emit.emit import emit
from scalec.program.request import Request
from scalec.program.setting import scales

NETWORK = "network Tiny <8, 8, 3> -> <8, 8, 3> = ReLU\n"
MEBIBYTE = 1 << 20


def errors(text: str | bytes, phi: str | None = None) -> list[Diagnostic]:
    """Compile a spec; give what is wrong with it."""
    try:
        data = text if isinstance(text, bytes) else text.encode()
        assert emit(load_text("spec.scl", data).compile(Request(phi=phi)))
    except CompileError as error:
        return list(error.diagnostics)
    return []


def chain(unit: str, count: int, shape: str = "<8, 8, 3>") -> str:
    return f"network Tiny <8, 8, 3> -> {shape}\n  = {' |> '.join([unit] * count)}\n"


def lets(count: int) -> str:
    return "let a0 = 1\n" + "".join(f"let a{i} = a{i - 1} + 1\n" for i in range(1, count)) + NETWORK


def calls(count: int) -> str:
    return f"let f(x) = x, a = {' + '.join(['f(1)'] * (count - 1))}\n" + NETWORK


def nested_blocks(count: int) -> str:
    inner = "block B1() <H, W, C> -> <H, W, C> = ReLU\n"
    more = "".join(f"block B{i}() <H, W, C> -> <H, W, C> = B{i - 1}\n" for i in range(2, count + 1))
    return inner + more + NETWORK.replace("ReLU", f"B{count}")


def parameters(count: int) -> str:
    listed = ", ".join(f"a{i} = 1" for i in range(count))
    return f"block B({listed}) <H, W, C> -> <H, W, C> = ReLU\n" + NETWORK


def variants(count: int) -> str:
    return "param phi = 0\n" + NETWORK + f"variants (phi) {{ {' '.join(f'V{i} (1)' for i in range(count))} }}\n"


def classes(count: int) -> str:
    block = "block B(act) <H, W, C> -> <H, W, C> = act\n"
    uses = (f"B(LeakyReLU({i + 1}/1000))" for i in range(count))
    return block + NETWORK.replace("ReLU", " |> ".join(uses))


def roots(terms: int) -> str:
    primes = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59)
    return f"let a = {' + '.join(f'{prime}^0.5' for prime in primes[:terms])}\nrequire a > 1\n{NETWORK}"


def tokens(count: int) -> str:
    """Give a spec of so many words and symbols: sums to the next even number, and a sign."""
    network = "network T < 8 > -> < 8 > = ReLU\n"
    left = count - len(network.split()) - len("let a = 1".split())
    return f"let a = {'- ' * (left % 2)}1{' + 1' * (left // 2)}\n{network}"


def doubled(times: int) -> str:
    """Give `a = 2^(times)`, by products: a power has a limit of its own."""
    halves = f"let a = {' * '.join(['2^32'] * (times // 32))} * 2^{times % 32}\n"
    return halves + "require a > 1\n" + NETWORK


LIMITS: dict[str, tuple[Callable[[int], str], int, str]] = {
    "MAX_BYTES": (lambda n: NETWORK + "#" * (n - len(NETWORK)), limits.MAX_BYTES, "bytes"),
    "MAX_TOKENS": (tokens, limits.MAX_TOKENS, "words and symbols"),
    "MAX_NESTING": (lambda n: f"let a = {'(' * n}1{')' * n}\n{NETWORK}", limits.MAX_NESTING, "nested deeper"),
    "MAX_NAME": (lambda n: f"let {'a' * n} = 1\n{NETWORK}", limits.MAX_NAME, "a name longer"),
    "MAX_CITATION": (lambda n: f"cite doi:10.1109/{'a' * (n - 12)}\n{NETWORK}", limits.MAX_CITATION, "valid paper"),
    "MAX_LITERAL_DIGITS": (lambda n: f"let a = {'9' * n}\n{NETWORK}", limits.MAX_LITERAL_DIGITS, "digits"),
    "MAX_BITS": (doubled, limits.MAX_BITS - 1, "bits"),
    "MAX_EXPONENT": (lambda n: f"let a = 2^{n}\nrequire a > 1\n{NETWORK}", limits.MAX_EXPONENT, "exponent must be"),
    "MAX_DENOMINATOR": (lambda n: f"let a = 2^(1/{n})\nrequire a > 1\n{NETWORK}", limits.MAX_DENOMINATOR, "a denom"),
    "MAX_TERMS": (roots, limits.MAX_TERMS, "terms"),
    "MAX_SUM_POWER": (
        lambda n: f"let a = (2^0.5 + 3^0.5)^{n}\nrequire a > 1\n{NETWORK}", limits.MAX_SUM_POWER, "whole power from",
    ),
    "MAX_LETS": (lets, limits.MAX_LETS, "lets in a chain"),
    "MAX_CALLS": (calls, limits.MAX_CALLS, "calls"),
    "MAX_WHOLE": (lambda n: f"network T <8, 8, {n}> -> <8, 8, {n}> = ReLU\n", limits.MAX_WHOLE, "at most 65,536"),
    "MAX_RESOLUTION": (lambda n: f"network T <{n}, 8, 3> -> <{n}, 8, 3> = ReLU\n", limits.MAX_RESOLUTION, "the height"),
    "MAX_UNITS": (lambda n: chain("ReLU", n), limits.MAX_UNITS, "units in a chain"),
    "MAX_BODIES": (lambda n: NETWORK.replace("ReLU", "sum " + "{ ReLU } " * n), limits.MAX_BODIES, "bodies"),
    "MAX_PARAMETERS": (parameters, limits.MAX_PARAMETERS, "parameters"),
    "MAX_VARIANTS": (variants, limits.MAX_VARIANTS, "variants"),
    "MAX_LAYERS": (lambda n: NETWORK.replace("ReLU", f"ReLU^{n - 9} |> ReLU^9"), limits.MAX_LAYERS, "layers"),
    "MAX_DEPTH": (nested_blocks, limits.MAX_DEPTH, "blocks nested deeper"),
    "MAX_CLASSES": (classes, limits.MAX_CLASSES, "classes"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_at_the_limit_and_beyond(name: str) -> None:
    make, limit, said = LIMITS[name]
    assert limit in (getattr(limits, name), getattr(limits, name) - 1)  # 2^4095 has 4096 bits
    assert not errors(make(limit))
    found = errors(make(limit + 1))
    assert said in found[0].message, found
    assert found[0].label.span.text or name == "MAX_BYTES"


def test_errors_in_one_file() -> None:
    for line in ("let a =\n", "$\n", "let b = unknown\n"):
        assert len(errors(line * (limits.MAX_ERRORS + 30) + NETWORK)) == limits.MAX_ERRORS


def test_candidates() -> None:
    """Of very many names those are compared that are about as long."""
    names = [f"{'long' * 9}{i}" for i in range(2 * limits.MAX_CANDIDATES)]
    assert suggest("kernal", [*names, "kernel"]) == "did you mean `kernel`?"
    assert suggest("kernal", [*(f"a{i:05}" for i in range(limits.MAX_CANDIDATES)), "kernel"]) is None


def test_phi() -> None:
    text = f"param phi = 0\n{NETWORK}"
    assert not errors(text, str(limits.MAX_PHI))
    assert "lies between" in errors(text, str(limits.MAX_PHI + 1))[0].message


def test_scales() -> None:
    assert len(scales(f"1..{limits.MAX_SCALES}")) == limits.MAX_SCALES
    for text in (f"0..{limits.MAX_SCALES}", ",".join(["0"] * (limits.MAX_SCALES + 1))):
        with pytest.raises(CompileError) as caught:
            scales(text)
        assert f"from one to {limits.MAX_SCALES} scales" in caught.value.diagnostics[0].message


def test_operators() -> None:
    """A block of 1000 operators, by 100: counted, not built again."""
    block = f"block B() <H, W, C> -> <H, W, C> = {' |> '.join(['ReLU'] * 999)}\n"
    assert not errors(block + NETWORK.replace("ReLU", " |> ".join(["B"] * 100)))
    found = errors(block + NETWORK.replace("ReLU", " |> ".join(["B"] * 101)))
    assert f"more than {limits.MAX_NODES:,} operators" in found[0].message


def test_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = emit(load_text("spec.scl", NETWORK.encode()).compile()).count("\n")
    monkeypatch.setattr(emitter, "MAX_LINES", lines)
    assert not errors(NETWORK)
    monkeypatch.setattr(emitter, "MAX_LINES", lines - 1)
    (found,) = errors(NETWORK)
    assert "lines" in found.message and found.label.span.text == "Tiny"


def test_lines_are_counted_before_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(emitter, "rendered")
    (found,) = errors(NETWORK.replace("ReLU", "(ReLU |> ReLU)^4096"))
    assert "more than 5,000 lines" in found.message


def test_what_pytorch_cannot_count() -> None:
    text = "network T <8, 8, 65536> -> <8, 8, 65536> = Conv(3) -> 65536\n"
    assert not errors(text)
    (found,) = errors(text.replace("Conv(3)", "Conv(32767)"))
    assert "2^63" in found.message and found.label.span.text == "T"


def test_imports(tmp_path: Path) -> None:
    def write(deep: int, many: int = 0) -> list[Diagnostic]:
        for i in range(deep):
            inner = f"import a{i + 1} from m{i + 1}\n" if i + 1 < deep else ""
            (tmp_path / f"m{i}.scl").write_text(f"{inner}let a{i} = {i}\n", encoding="utf-8")
        for i in range(many):
            (tmp_path / f"n{i}.scl").write_text(f"let b{i} = {i}\n", encoding="utf-8")
        head = "import a0 from m0\n" if deep else "".join(f"import b{i} from n{i}\n" for i in range(many))
        (tmp_path / "spec.scl").write_text(head + NETWORK, encoding="utf-8")
        try:
            load(tmp_path / "spec.scl")
        except CompileError as error:
            return list(error.diagnostics)
        return []

    assert not write(limits.MAX_IMPORT_DEPTH) and not write(0, limits.MAX_IMPORTS)
    for found in (write(limits.MAX_IMPORT_DEPTH + 1), write(0, limits.MAX_IMPORTS + 1)):
        assert f"more than {limits.MAX_IMPORTS} imported files, or {limits.MAX_IMPORT_DEPTH}" in found[0].message


def test_every_limit_is_tested() -> None:
    own = "ERRORS VALUE POINTS SCALES CANDIDATES PHI NODES LINES COUNT IMPORTS IMPORT_DEPTH".split()
    assert {name for name in vars(limits) if name.startswith("MAX_")} == {f"MAX_{each}" for each in own} | set(LIMITS)


def laughs(line: str) -> str:
    """Blocks of blocks: each has the one before twice, or a thousand times."""
    first = "block B0() <H, W, C> -> <H, W, C> = ReLU\n"
    more = "".join(f"block B{i}() <H, W, C> -> <H, W, C> = {line.replace('B', f'B{i - 1}')}\n" for i in range(1, 31))
    return first + more + NETWORK.replace("ReLU", "B30")


def laughing_lets(count: int) -> str:
    more = "".join(f"let f{i}(x) = f{i - 1}(x) + f{i - 1}(x)\n" for i in range(1, count))
    return f"let f0(x) = x + x\n{more}let a = f{count - 1}(1)\nrequire a > 1\n{NETWORK}"


def laughing_bindings(count: int) -> str:
    squares = ", ".join(f"a{i} = a{i - 1} * a{i - 1}" for i in range(1, count))
    block = f"block B() <H, W, C> -> <H, W, C> where a0 = 2, {squares} = Conv(a{count - 1}) -> C\n"
    return block + NETWORK.replace("ReLU", "B")


BOMBS = {
    "a tower of powers": f"let a = 9^9^9\n{NETWORK}",
    "a tower in parentheses": f"let a = 9^(9^(9^9))\nrequire a > 1\n{NETWORK}",
    "powers of powers": f"let a = 9^32, b = a^32, c = b^32\nrequire c > 1\n{NETWORK}",
    "scientific": f"let a = 1e9999999\n{NETWORK}",
    "scientific with a point": f"let a = 1.0e999999\n{NETWORK}",
    "many digits": f"let a = {'9' * 200_000}\n{NETWORK}",
    "superscripts": f"let a = 9⁹⁹⁹⁹⁹⁹⁹\nrequire a > 1\n{NETWORK}",
    "brackets": f"let a = {'(' * 100_000}1{')' * 100_000}\n{NETWORK}",
    "brackets open": f"let a = {'(' * 200_000}",
    "braces": NETWORK.replace("ReLU", "residual {" * 20_000 + "ReLU" + "}" * 20_000),
    "signs": f"let a = {'-(' * 60_000}1{')' * 60_000}\n{NETWORK}",
    "conditions": f"let a = {'1 if true else ' * 12_000}1\n{NETWORK}",
    "negations": f"let a = {'not ' * 40_000}true\n{NETWORK}",
    "minus signs": f"let a = {'- ' * 40_000}1\n{NETWORK}",
    "a billion layers": NETWORK.replace("ReLU", "ReLU^1000000000"),
    "a billion layers, scaled": "param phi = 0\nscale L -> ceil(10^phi * L)\n" + NETWORK.replace("ReLU", "ReLU^1"),
    "a billion channels": "network T <8, 8, 3> -> <8, 8, 1000000000> = Conv(1) -> 1000000000\n",
    "a billion rows": "network T <1000000000, 8, 3> -> <8, 8, 3> = ReLU\n",
    "a billion laughs": laughs("B |> B"),
    "a billion laughs, repeated": laughs("(B |> B)^2"),
    "a billion laughs in branches": laughs("sum { B } { B }"),
    "laughs of lets": laughing_lets(40),
    "laughs of bindings": laughing_bindings(60),
    "bodies": NETWORK.replace("ReLU", "sum " + "{ ReLU } " * 5_000),
    "a tower of roots": "let a = 2^(1/9999), b = a^(1/9999), c = b^(1/9999)\nrequire c > 1\n" + NETWORK,
    "roots that are nearly alike": "let a = 9999999999999999999^(9999/10000) - 9999999999999999998^(9999/10000)\n"
    "require ceil(9999999999999999999 * a) > 10^30\n" + NETWORK,
    "wrong characters": "$ " * 131_000,
    "strings": "'a' " * 60_000,
    "unknown names": "".join(f"let a{i} = b{i}\n" for i in range(5_000)) + NETWORK,
    "unknown operators": NETWORK.replace("ReLU", " |> ".join(f"ReLx{i}" for i in range(1_000))),
    "broken statements": "let a = \n" * 12_000,
    "a network too long": NETWORK.replace("ReLU", "(ReLU |> BatchNorm |> ReLU)^4096"),
}  # fmt: skip


QUICK = (
    "a tower of powers", "many digits", "brackets", "conditions", "a billion layers, scaled", "a billion laughs",
    "laughs of lets", "unknown names", "a network too long",
)  # fmt: skip
"""One of each kind, by default: each takes a process of its own."""


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in BOMBS])
def test_bombs(name: str, tmp_path: Path) -> None:
    """Two seconds of processor time (and a start of Python's), 256 MiB of memory."""

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (256 * MEBIBYTE, 256 * MEBIBYTE))
        resource.setrlimit(resource.RLIMIT_CPU, (3, 3))

    spec = tmp_path / "spec.scl"
    spec.write_text(BOMBS[name], encoding="utf-8")
    options = ["--phi", "9"] if "scaled" in name else []
    command = [sys.executable, "-m", "scalec", "compile", str(spec), "-o", str(tmp_path / "out.py"), *options]
    run = subprocess.run(command, capture_output=True, text=True, preexec_fn=small, timeout=120, check=False)
    assert run.returncode == exits.WRONG_INPUT, run.stderr[-500:]
    assert "error[E" in run.stderr and "Traceback" not in run.stderr and len(run.stderr) < 20_000
    assert not (tmp_path / "out.py").exists()
