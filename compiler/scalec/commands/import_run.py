"""`scalec import`: reads a definition of timm or pycls and writes it as a spec that compiles to the same network."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from scalec.commands.options import show
from scalec.compiler import load_text
from scalec.cost.count import cost
from scalec.diagnostics.diagnostic import Report
from scalec.diagnostics.exit_codes import NO_ACCESS, WRONG_USAGE, fail
from scalec.diagnostics.text import printable
from scalec.importer.arch import ACTIVATIONS
from scalec.importer.options import TimmOptions
from scalec.importer.spec import camel_case, number
from scalec.importer.timm import import_timm
from scalec.language.parse import decode
from scalec.ops import OPERATORS
from scalec.project.write import write

OPERATOR_NAMES = {**ACTIVATIONS, "sigmoid": "Sigmoid", "hard_sigmoid": "HardSigmoid"}


def run(arguments: argparse.Namespace) -> int:
    """Run the command; give its exit code. Raises `CompileError`."""
    path = Path(arguments.file)
    kind = arguments.source or ("pycls" if path.suffix.lower() in (".yaml", ".yml") else "timm")
    given = {
        each.name: value for each in fields(TimmOptions)
        if (value := getattr(arguments, each.name)) is not None and value is not False
    }  # fmt: skip
    if kind == "pycls" and given.keys() - {"resolution"}:
        wrong = ", ".join(_option(name) for name in given if name != "resolution")
        return fail(f"{wrong}: a pycls configuration says that itself", WRONG_USAGE)
    report = Report()
    source = decode(str(path), path.read_bytes(), report)
    name = arguments.name or camel_case(path.stem, OPERATORS)
    if kind == "timm":
        values: dict[str, Any] = {
            key: OPERATOR_NAMES.get(value, value) if isinstance(value, str) else value for key, value in given.items()
        }
        options = TimmOptions(**values)
        draft = import_timm(source, name, command_line(path, given), options, report)
    else:
        try:
            from scalec.importer.pycls import import_pycls
        except ModuleNotFoundError as error:
            return fail(f"a pycls configuration needs {error.name}: pip install 'scalec[import]'", WRONG_USAGE)
        draft = import_pycls(source, name, arguments.resolution, report)
    return _write(draft.text(), path, name, arguments)


def _write(text: str, path: Path, name: str, arguments: argparse.Namespace) -> int:
    """Compile the spec, so that nothing is written that does not hold; write it."""
    target = Path(arguments.output or f"{path.stem}.scl")
    counted = cost(load_text(f"{name}.scl", text.encode()).compile().network)
    show((), arguments)
    if arguments.output == "-":
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
        return 0
    if target.is_file() and target.read_bytes() != text.encode() and not arguments.force:
        return fail(f"{target} is there already; --force overwrites it", NO_ACCESS)
    problem = write(target, text, force=True)
    if problem:
        return fail(problem, NO_ACCESS)
    print(f"{printable(str(target))}: {counted.params:,} parameters, {counted.macs:,} multiply-adds")
    return 0


def command_line(path: Path, given: Mapping[str, object]) -> str:
    """Return the command that makes this spec: its options say what the definition leaves to timm's code."""
    words, usual = [f"scalec import {printable(path.name)}"], TimmOptions()
    usual_stem = 16 if given.get("model") == "mobilenetv3" else 32
    for name, value in given.items():
        if value == getattr(usual, name):
            continue
        if name == "stem" and value == usual_stem:
            continue
        shown = ",".join(_shown(each) for each in value) if isinstance(value, tuple) else _shown(value)
        words.append(_option(name) if value is True else f"{_option(name)}\N{NO-BREAK SPACE}{shown}")
    return " ".join(words)


def _shown(value: object) -> str:
    return number(value) if isinstance(value, Fraction) else str(value)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
