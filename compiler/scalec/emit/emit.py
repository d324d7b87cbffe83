"""Turns a compiled network into the text of a PyTorch file. Only this module imports Jinja.

Only text that passed `checked` is written into the file. Guards examine every file before it is returned.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

from scalec.cost.compiled import Compiled
from scalec.cost.count import cost
from scalec.diagnostics.diagnostic import CompileError, Diagnostic, Label
from scalec.emit.classes import Kind, Kinds, kinds
from scalec.emit.contexts import BlockContext, ClassView, NetworkContext
from scalec.emit.guards import Unsafe, audit, parsed, same_skeleton
from scalec.emit.header import constants, header, title
from scalec.emit.layout import WIDTH, assign, body, signature
from scalec.emit.seal import sealed
from scalec.emit.walk import check_file
from scalec.emit.writer import Writer
from scalec.limits import MAX_CLASSES, MAX_COUNT, MAX_LINES
from scalec.network.class_forwards import block_forward, network_forward
from scalec.network.forward import attributes
from scalec.network.inference import Deployment
from scalec.network.network import Group, Network, Node, Wrap, children
from scalec.network.python_names import neutral_names, python_name
from scalec.ops.code import Call, Choice, Code, Several
from scalec.program.dependence import scale_dependence
from scalec.program.evaluate import Partial
from scalec.program.program import BlockDef

_LETTERS = re.compile(r"[ -\[\]-~αβγδεζηθικλμνξοπρστυφχψωΑ-Ω⊙→±≤≥≈·×²³…]*")


class Checked(str):
    """Text that may stand in an emitted file."""

    __slots__ = ()


def checked(text: str) -> Checked:
    """Let text through if it is one line without backslash, control character or the end of a docstring."""
    if not _LETTERS.fullmatch(text) or '"""' in text:
        raise Unsafe(f"unsafe text for an emitted file: {text!r}")
    return Checked(text)


def emit(compiled: Compiled) -> str:
    """Emit the file of a network. Raises `Unsafe` if a guard finds it so: that is a bug of scalec."""
    text, attributes = _render(compiled)
    source = sealed(text)
    if source.count("\n") > MAX_LINES:
        raise _too_large(compiled.network, f"the file would have more than {MAX_LINES:,} lines")
    with neutral_names():
        neutral, _ = _render(compiled)
    audit(source)
    check_file(source, parsed(source), compiled.network, attributes)
    same_skeleton(source, neutral)
    return source


def unguarded(compiled: Compiled) -> str:
    """Return the text of the file, not checked by the guards: to compare with a file, never to write."""
    return sealed(_render(compiled)[0])


def _check_size(network: Network) -> None:
    """Raise `CompileError` for a network that would make too long a file, or that PyTorch could not count."""
    counted = cost(network)
    if max(counted.params, counted.macs) > MAX_COUNT:
        raise _too_large(network, "more than 2^63 - 1 parameters or multiply-adds")
    if sum(_lines_of(layer) for stage in network.stages for layer in stage.layers) > MAX_LINES:
        raise _too_large(network, f"the file would have more than {MAX_LINES:,} lines")


def _too_large(network: Network, message: str) -> CompileError:
    return CompileError([Diagnostic("E004", message, Label(network.program.network.name.span))])


def _lines_of(node: Node) -> int:
    """Return the fewest lines that a layer takes in the network's class: a block takes one."""
    return sum(map(_lines_of, children(node))) if isinstance(node, (Group, Wrap)) else 1


@cache
def _environment() -> jinja2.Environment:
    folder = files("scalec.templates")

    def load(name: str) -> str:
        return folder.joinpath(name).read_text(encoding="utf-8")

    def only_checked(value: Any) -> Any:
        if not isinstance(value, Checked):
            raise Unsafe(f"unchecked value in a template: {value!r}")
        return value

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(load), undefined=jinja2.StrictUndefined, finalize=only_checked, autoescape=False,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, newline_sequence="\n",
    )  # fmt: skip


def rendered(template: str, **values: Any) -> str:
    """Fill a template with values; it writes none that `checked` has not seen."""
    return _environment().get_template(template).render(**values)


def helper_text(name: str) -> Checked:
    """Return a helper class: our own text."""
    return Checked(files("scalec.templates").joinpath("helpers", f"{name}.py").read_text(encoding="utf-8").rstrip("\n"))


def _render(compiled: Compiled) -> tuple[str, dict[int, str]]:
    """Return the text, and what its classes call their modules."""
    classes, helpers = class_views(compiled.network)
    shown = [_lines(view) for view in classes]
    helper_texts = [helper_text(name) for name in sorted(helpers)]
    folded = _folded(compiled.deployment, classes)
    lines = [line for view in shown for part in view.values() for line in ([part] if isinstance(part, str) else part)]
    body = "\n".join([*helper_texts, *lines, *folded])
    text = rendered(
        "model.py.jinja",
        title=checked(title(compiled.network)),
        header=[checked(line) for line in header(compiled)],
        imports=[checked(line) for line in _imports(body)],
        constants=[checked(line) for line in constants(compiled.network)],
        helpers=helper_texts,
        classes=shown,
        folded=folded,
    )
    return text, module_names(classes)


def _folded(deployment: Deployment | None, classes: list[ClassView]) -> list[Checked]:
    """Return the end of a file for inference: which batch norms went where, and the function that does it."""
    if deployment is None or not deployment.folds:
        return []
    from scalec.emit.fold_table import rows, table

    training, _ = class_views(deployment.training)
    listed = table(rows(deployment, module_names(training), module_names(classes)))
    return [*map(checked, listed), Checked(""), Checked(""), helper_text("fold")]


def _imports(body: str) -> list[str]:
    lines = ["import torch"] if re.search(r"\btorch\.", body) else []
    lines += ["import torch.nn.functional as F"] if re.search(r"\bF\.", body) else []
    return [*lines, "from torch import Tensor, nn"]


def class_views(network: Network, unrolled: frozenset[BlockDef] = frozenset()) -> tuple[list[ClassView], set[str]]:
    """Return the classes of a network, inner ones first, and the helpers that they use.

    `unrolled` are the blocks with repeats that no loop says. Raise `CompileError` if the file would be too large.
    """
    _check_size(network)
    dependence = scale_dependence(network.program)
    views: dict[Kind, ClassView] = {}
    helpers: dict[str, set[str]] = {}
    irregular: set[BlockDef] = set()
    found = kinds(network, unrolled)
    if len(found.uses) > MAX_CLASSES:
        raise _too_large(network, f"the file would have more than {MAX_CLASSES} classes")
    names = _class_names(list(found.uses))
    for kind, uses in found.uses.items():
        context = BlockContext(kind, found, dependence, network.scope)
        writer = Writer(context, found, views)
        forward = block_forward(writer, context.definition.syntax.chain, [use.chain for use in uses])
        if writer.irregular:
            irregular.add(context.definition)
        views[kind] = context.view(names[kind], writer.init, forward)
        helpers[names[kind]] = writer.modules.helpers
    if irregular:
        return class_views(network, unrolled | irregular)
    main, writer = _network_class(network, found, views)
    used = _used(main, views.values())
    inner = [view for view in views.values() if view.name in used]
    return [*inner, main], writer.modules.helpers.union(*(helpers[view.name] for view in inner))


def _network_class(network: Network, found: Kinds, views: dict[Kind, ClassView]) -> tuple[ClassView, Writer]:
    top = NetworkContext(network)
    writer = Writer(top, found, views)
    forward = network_forward(writer, network)
    if network.setting.inference and network.x.is_map:
        writer.modules.helpers.add("channels_last")
        writer.init.append(("", Call("channels_last", (("", Code("self")),))))
    name, doc = python_name(network.name), title(network)[:-1]
    return ClassView(name, doc, (), top.parameters(writer.init), tuple(writer.init), forward), writer


def module_names(classes: Iterable[ClassView]) -> dict[int, str]:
    """Return what the class around a node calls the module that it becomes, or is a part of, by the node's identity."""
    return {node: name for view in classes for node, name in attributes(view.forward).items()}


def _used(main: ClassView, views: Iterable[ClassView]) -> set[str]:
    """Return the names of the classes that the network needs, directly or through others."""
    by_name = {view.name: view for view in views}
    used: set[str] = set()
    open_ = [main]
    while open_:
        found = {name for _, value in open_.pop().init for name in _called(value) if name in by_name} - used
        used |= found
        open_ += [by_name[name] for name in found]
    return used


def _called(value: Code | Call | Choice | Several) -> Iterator[str]:
    """Yield the names of what is called in an expression of a constructor."""
    match value:
        case Call():
            yield value.name
            for _, argument in value.arguments:
                yield from _called(argument)
        case Several():
            yield from _called(value.made)
        case Choice():
            yield from _called(value.then)
            yield from _called(value.otherwise)


def _class_names(found: list[Kind]) -> dict[Kind, str]:
    """Name the classes as their blocks; where a block is used with several operators, those that differ are added."""
    names: dict[Kind, str] = {}
    for kind in found:
        definition, operators, inside, _ = kind
        name = python_name(definition.name)
        others = [dict(other[1]) for other in found if other[0].name == definition.name]
        for key, value in operators:
            if any(other.get(key) != value for other in others):
                name += _operator_name(value, [other[key] for other in others if key in other])
        for place, inner in inside:
            others_there = [dict(other[2]).get(place) for other in found if other[:2] == kind[:2]]
            name += _operator_name(inner, others_there) if inner is not None else ""
        number, unique = 2, name
        while unique in names.values():
            unique, number = f"{name}{number}", number + 1
        names[kind] = unique
    return names


def _operator_name(value: Partial, others: Iterable[Partial | None]) -> str:
    """Return an operator's name, and its whole numbers where others differ in their arguments alone."""
    name = str(getattr(value.callee, "__name__", getattr(value.callee, "name", "")))
    if all(other is None or other == value or other.callee != value.callee for other in others):
        return name
    whole = (v.numerator for _, v in value.arguments if isinstance(v, Fraction) and v.denominator == 1 and v >= 0)
    return "_".join([name, *map(str, whole)]).replace("_", "", 1)


def _lines(view: ClassView) -> Mapping[str, Any]:
    """Lay a class out: lines of text that templates only place."""
    keywords = [str(parameter) for parameter in view.parameters]
    positional = ["self", *(f"{name}: int" for name in view.positional)]
    star = ["*"] if keywords and view.positional else []
    init = [
        line for target, value in view.init for line in (assign(target, value, 8) if target else [f"{' ' * 8}{value}"])
    ]
    return {
        "name": checked(view.name),
        "doc": [checked(line) for line in _doc(view.doc)],
        "signature": [
            checked(line) for line in signature("def __init__", [*positional, *star, *keywords], " -> None:", 4)
        ],
        "init": [checked(line) for line in init],
        "forward": [checked(line) for line in body(view.forward, 8)],
        "returns": checked("tuple[Tensor, ...]" if view.forward.maps else "Tensor"),
    }


def _doc(text: str) -> list[str]:
    """Break a docstring into lines; a block's name before its shapes, if it must."""
    if len(text) + 11 <= WIDTH:
        return [f"{text}."]
    name, _, shapes = text.partition(" <")
    return [name, f"<{shapes}."] if shapes else textwrap.wrap(f"{text}.", WIDTH - 7)
