"""The reference: each of its examples compiles, and its table of operators is what the registry holds."""

import re
from fractions import Fraction
from pathlib import Path

import pytest

from peers import load_module
from scalec.compiler import load_text
from scalec.emit.emit import emit
from scalec.ops import OPERATORS, Operator, Parameter
from scalec.program.request import Request

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
MARK = "<!-- operators: written by tests/language/test_reference.py --update -->\n"
SMALL = "\nnetwork Example <8, 8, 3> → <8, 8, 8> = Conv(3) → <8, 8, 8>\n"


def examples() -> list[str]:
    return re.findall(r"```scl\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("index", range(len(examples())))
def test_example_compiles(index: int) -> None:
    text = examples()[index]
    spec = text if "network" in text else text + SMALL
    loaded = load_text("example.scl", spec.encode())
    for variant in (None, *loaded.program.variants):
        net = loaded.compile(Request(variant=variant))
        getattr(load_module(emit(net), "example"), net.network.name)()


def row(name: str, cls: type[Operator]) -> str:
    shown = ", ".join(f"`{p.name}`" + ("!" if p.required else f" = {default(p)}") for p in cls.table.values())
    return f"| `{name}` | {shown} | {(cls.__doc__ or '').splitlines()[0]} |"


def default(parameter: Parameter) -> str:
    value = parameter.default
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "…"
    return f"{float(value):f}".rstrip("0").rstrip(".") if isinstance(value, Fraction) else str(value)


def test_operator_table(request: pytest.FixtureRequest) -> None:
    rows = [row(name, cls) for name, cls in sorted(OPERATORS.items())]
    table = "\n".join(["", "| operator | parameters | what it does |", "| --- | --- | --- |", *rows, ""])
    text = PAGE.read_text(encoding="utf-8")
    head, mark, old = text.partition(MARK)
    assert mark
    if request.config.getoption("--update"):
        PAGE.write_text(head + mark + table, encoding="utf-8")
        old = table
    assert old == table
