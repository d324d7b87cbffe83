"""Writes the docstring at the top of an emitted file, and its constants."""

import hashlib
import textwrap
from fractions import Fraction

from scalec.cost.compiled import Compiled
from scalec.cost.requirement_notes import grouped
from scalec.cost.requirements import Requirement
from scalec.cost.stage_table import stage_table
from scalec.emit import papers
from scalec.emit.head import FOR_INFERENCE, NO_SPEC, command_lines, kept_name
from scalec.emit.layout import WIDTH, listing
from scalec.language import exact
from scalec.language import syntax as s
from scalec.language.exact import Radical
from scalec.language.unparse import COMPARE, spell, spell_name
from scalec.language.visit import children
from scalec.network.features import feature_info
from scalec.network.network import Network
from scalec.version import __version__


def title(network: Network) -> str:
    """Return the title of the file, one line."""
    setting, x = network.setting, network.x
    name = network.name
    if setting.variant:
        name = setting.variant if setting.variant.startswith(name) else f"{name} {setting.variant}"
    scale = f" at φ = {setting.phi}" if setting.phi and not setting.variant else ""
    scale += f" with {', '.join(changes(network))}" if setting.changes else ""
    size = f" for {x.height} × {x.width} images" if x.is_map else ""
    return f"{name}{scale}{size}."


def _body(network: Network, folds: bool) -> list[str]:
    """Return what is given instead of the last stage's output, and what became of strides and batch norms."""
    said = []
    if network.outputs:
        strides = ", ".join(str(feature.reduction) for feature in feature_info(network))
        said.append(f"Gives feature maps at strides {strides}.")
    if network.setting.output_stride is not None:
        said.append(f"Strides beyond {network.setting.output_stride} have become dilation.")
    if network.setting.inference:
        folding = "batch norms are folded into the layers before them, " if folds else ""
        said.append(f"{FOR_INFERENCE}: {folding}dropout and stochastic depth are gone, and tensors are reused.")
        way = "through `fold`, at the end of this file" if folds else "as they are"
        said.append(f"It takes the weights of the training file {way}.")
    return ["", *_wrapped(" ".join(said))] if said else []


def header(compiled: Compiled) -> list[str]:
    """Return the lines below the title: provenance, coefficients, requirements and the table of stages."""
    network = compiled.network
    program = network.program
    digest = hashlib.sha256(program.canonical.encode()).hexdigest()
    name = program.file.source.file
    origin = f"Compiled by scalec {__version__} from {kept_name(name) or 'spec.scl'}, canonical text SHA-256"
    folds = compiled.deployment is not None and bool(compiled.deployment.folds)
    lines = [*_body(network, folds), *papers.lines(network), "", origin, digest]
    lines += ["", "To write it again:", *command_lines(kept_name(name) or NO_SPEC, network.setting)]
    if coefficients := _coefficients(network):
        lines += ["", *_wrapped(", ".join(item.replace(" ", "~") for item in coefficients))]
    own = [r for r in compiled.requirements if not _is_qualified(r.expr)]
    if own:
        cut = network.outputs or network.setting.output_stride is not None
        trained = " that is trained" if network.setting.inference else ""
        whole = f" by the {'whole ' if cut else ''}network{trained}{', with all of its strides' if cut else ''}"
        whole = whole if cut or trained else ""
        lines += ["", f"Requirements, all met{whole}:"]
        lines += [line for r in own for line in _wrapped(_requirement(r), "  ")]
    return [*lines, "", *stage_table(network)]


def changes(network: Network) -> list[str]:
    """Return what `--set` has changed: `classes = 10`."""
    return [f"{spell_name(key)} = {_shown(network, key)}" for key in dict(network.setting.changes)]


def _shown(network: Network, key: str) -> str:
    value = network.setting.parameters.get(key, network.setting.names.get(key))
    return exact.show(value) if isinstance(value, (Fraction, Radical)) else str(value).lower()


def _wrapped(text: str, indent: str = "") -> list[str]:
    """Wrap at spaces; a `~` is a space that is none to wrap at."""
    lines = textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False)
    return [line.replace("~", " ") for line in lines]


def _coefficients(network: Network) -> list[str]:
    """Return the numbers among the spec's own params and lets."""
    file, shown = network.program.file, []
    for key in [*file.params, *(key for key, let in file.lets.items() if let.home is file)]:
        value = network.number(key)
        if value is not None:
            shown.append(f"{spell_name(key)} = {exact.show(value)}")
    return shown


def _is_qualified(expr: s.Expr) -> bool:
    if isinstance(expr, s.Name):
        return len(expr.parts) > 1
    return any(_is_qualified(child) for child in children(expr))


def _requirement(requirement: Requirement) -> str:
    """Write a requirement and, behind it, the same with numbers."""
    text, expr = spell(requirement.expr), requirement.expr
    if not isinstance(expr, s.Comparison):
        return text
    figures = grouped(requirement.values[0])
    for operator, value in zip(expr.operators, requirement.values[1:], strict=True):
        figures += f" {COMPARE.get(operator, operator)} {grouped(value)}"
    return f"{text}: {figures}"


def constants(network: Network) -> list[str]:
    """Return `INPUT_SHAPE` and `FEATURE_INFO` as lines of code."""
    x = network.x
    shape = f"({x.channels}, {x.height}, {x.width})" if x.is_map else f"({x.channels},)"
    rows = [(f'"{each.name}"', str(each.stage.y.channels), str(each.reduction)) for each in feature_info(network)]
    lines = listing("FEATURE_INFO", rows, "stage, channels, reduction") if rows else []
    return [f"INPUT_SHAPE = {shape}", *lines]
