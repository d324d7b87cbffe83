"""Writes the test for an emitted file: it checks the file against the table in its header."""

import ast
import keyword
import re
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from scalec.emit.emit import Checked, checked, rendered
from scalec.emit.guards import same_skeleton
from scalec.emit.head import Expected, HeadError, from_head
from scalec.emit.layout import WIDTH
from scalec.emit.papers import HEADING, read
from scalec.emit.seal import sealed
from scalec.language.citation import address
from scalec.record import record

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
INFERENCE = "_inference"
"""How the name of a file for inference ends, unless somebody has chosen another."""
_LONG = 40
"""A class with a longer name is called `Network` in the test: lines stay short."""


@record
class _Facts:
    """What a file says of its network: identifiers and whole numbers, no more."""

    module: str
    network: str
    shape: tuple[int, ...]
    params: int
    macs: int
    output: tuple[int, ...] | None
    """Of the network; none if it gives the maps that FEATURE_INFO lists."""
    stages: tuple[tuple[str, tuple[int, ...]], ...]
    """The shapes (C, H, W) of maps; or, for a network with a `stride`, their channels and strides."""
    stride: int | None
    """Of a network that takes images of any multiple of it."""
    classes: bool
    """Whether how many numbers it gives is an argument of the constructor."""
    papers: tuple[str, ...]
    """Their addresses."""
    inference: bool
    folds: bool
    """Whether it takes up batch norms through `fold`."""


def companion(source: str, path: Path) -> str:
    """Write the test of an emitted file that lies, or will lie, there. Raises `HeadError`."""
    facts, relative = _facts(source, path.stem), (path.parent / "__init__.py").is_file()
    text = _render(facts, relative)
    stages = tuple((f"n{index}", shape) for index, (_, shape) in enumerate(facts.stages))
    module = f"module{INFERENCE}" if _training(facts.module, relative) else "module"
    same_skeleton(text, _render(replace(facts, module=module, network="Net", stages=stages), relative))
    return sealed(text)


def beside(path: Path) -> Path:
    """Name the test of a file: pytest finds it by that name."""
    return path.with_name(f"test_{path.name}")


def _facts(source: str, module: str) -> _Facts:
    expected, tree = from_head(source), ast.parse(source)
    network, shape, listed = _network(tree), _input_shape(tree), _feature_names(tree)
    for name in (module, network.name):
        if not _IDENTIFIER.fullmatch(name) or keyword.iskeyword(name):
            raise HeadError(f"`{name}` is no name that Python can import")
    forward, init = _method(network, "forward"), _method(network, "__init__")
    children, maps = _attributes(init), "tuple" in ast.unparse(forward.returns or forward.args)
    wanted = listed if maps else [name for name, y in expected.outputs.items() if name in children and _is_map(y)]
    stages = {name: expected.outputs[name] for name in wanted if name in expected.outputs}
    last = list(expected.outputs.values())[-1]
    output = None if maps else last if _is_map(last) else last[:1]
    strides = {} if _is_map(output or ()) or _is_fixed(source, expected) else _strides(shape, stages)
    return _Facts(
        module, network.name, shape, expected.params, expected.macs, output,
        tuple((name, (y[0], strides[name]) if strides else y) for name, y in stages.items()),
        max(strides.values(), default=None),
        output is not None and output == (_defaults(init).get("classes"),),
        tuple(map(address, read(ast.get_docstring(tree) or ""))), expected.inference,
        expected.inference and bool(_constant(tree, "FOLDED")),
    )  # fmt: skip


def _network(tree: ast.Module) -> ast.ClassDef:
    found = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    if not found:
        raise HeadError("there is no network in it")
    return found[-1]


def _constant(tree: ast.Module, name: str) -> tuple[object, ...]:
    """Return a tuple at the top of the file, or an empty one."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            with suppress(ValueError):
                value = ast.literal_eval(node.value)
                return value if isinstance(value, tuple) else ()
    return ()


def _input_shape(tree: ast.Module) -> tuple[int, ...]:
    shape = tuple(side for side in _constant(tree, "INPUT_SHAPE") if isinstance(side, int))
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise HeadError("there is no INPUT_SHAPE in it")
    return shape


def _feature_names(tree: ast.Module) -> list[str]:
    return [row[0] for row in _constant(tree, "FEATURE_INFO") if isinstance(row, tuple) and isinstance(row[0], str)]


def _method(network: ast.ClassDef, name: str) -> ast.FunctionDef:
    for node in network.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise HeadError(f"{network.name} has no {name}")


def _attributes(init: ast.FunctionDef) -> set[str]:
    """Return what the constructor keeps: stages that are no modules, such as a mean, are seen by no hook."""
    targets = (target for node in ast.walk(init) if isinstance(node, ast.Assign) for target in node.targets)
    return {target.attr for target in targets if isinstance(target, ast.Attribute)}


def _defaults(init: ast.FunctionDef) -> dict[str, object]:
    """Return the constructor's arguments that have a plain value."""
    names = init.args.args[len(init.args.args) - len(init.args.defaults) :]
    pairs = zip(names, init.args.defaults, strict=True)
    return {name.arg: value.value for name, value in pairs if isinstance(value, ast.Constant)}


def _is_map(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[1:] != (1, 1)


def _strides(shape: tuple[int, ...], stages: dict[str, tuple[int, ...]]) -> dict[str, int]:
    """Return how many rows and columns of the image one of each stage's stands for, each a multiple of the one before.

    Nothing, if the sizes are not simply those of the image shared out: another image's are not known then.
    """
    found, stride = dict[str, int](), 1
    for name, y in stages.items():
        fitting = (
            many for many in range(stride, max(shape) + 1, stride)
            if [-(-side // many) for side in shape[1:]] == list(y[1:])
        )  # fmt: skip
        stride = next(fitting, 0)
        if not stride:
            return {}
        found[name] = stride
    return found


def _is_fixed(source: str, expected: Expected) -> bool:
    """Return whether a map becomes a vector as it is: then its size decides how many weights there are."""
    outputs = list(expected.outputs.values())
    flattened = any(_is_map(x) and len(y) == 1 for x, y in pairwise(outputs))
    return flattened and "latten(" in source


def _render(facts: _Facts, relative: bool) -> str:
    name = facts.network if len(facts.network) <= _LONG else "Network"
    small = facts.shape
    if facts.stride and 2 * facts.stride < min(facts.shape[1:]):
        small = (facts.shape[0], 2 * facts.stride, 2 * facts.stride)
    return rendered(
        "test.py.jinja", module=checked(facts.module), network=checked(name),
        imports=[checked(line) for line in _imports(facts, name, relative)],
        params=_number(facts.params), macs=_number(facts.macs), small=_tuple(small),
        output=None if facts.output is None else _tuple(facts.output),
        stages=[[checked(stage), *map(_number, shape)] for stage, shape in facts.stages],
        stride=facts.stride and _number(facts.stride), classes=facts.classes, name=checked(facts.network),
        papers=[checked(line) for line in _papers(facts)], inference=facts.inference, folds=facts.folds,
        channels_last=len(facts.shape) == 3, training=_training(facts.module, relative),
    )  # fmt: skip


def _papers(facts: _Facts) -> list[str]:
    return ["", HEADING, *(f"  {paper}" for paper in facts.papers)] if facts.papers else []


def _training(module: str, relative: bool) -> Checked | None:
    """Write the training file's module as an expression, where the name of the file for inference tells it."""
    name = module.removesuffix(INFERENCE)
    if name == module or not name:
        return None
    return checked(f'f"{{__package__}}.{name}"' if relative else f'"{name}"')


def _imports(facts: _Facts, name: str, relative: bool) -> list[str]:
    """Import the file as black breaks lines."""
    names = ["INPUT_SHAPE", facts.network if name == facts.network else f"{facts.network} as {name}"]
    if facts.output is None:
        names.insert(0, "FEATURE_INFO")
    if facts.folds:
        names = [*names[:-2], "FOLDED", *names[-2:], "fold"]
    head = f"from {'.' if relative else ''}{facts.module} import"
    line = f"{head} {', '.join(names)}"
    return [line] if len(line) <= WIDTH else [f"{head} (", *(f"    {each}," for each in names), ")"]


def _number(value: int) -> Checked:
    """Write a whole number, in groups of three digits where it is long."""
    return checked(f"{value:_}" if value >= 100_000 else str(value))


def _tuple(values: tuple[int, ...]) -> Checked:
    return checked(f"({', '.join(map(_number, values))}{',' if len(values) == 1 else ''})")
