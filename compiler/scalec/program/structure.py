"""Static checks of how a block or network is built, apart from its names."""

from scalec.diagnostics.diagnostic import Report, plural
from scalec.language import syntax as s
from scalec.language.visit import names_in


def check_ranks(definition: s.Definition, report: Report) -> None:
    """Check that each shape of a signature has one dimension or three."""
    for shape in (definition.input, definition.output):
        if len(shape.dims) not in (1, 3):
            label = plural(len(shape.dims), "dimension")
            report.error("E303", "a shape has one dimension or three, as <C> or <H, W, C>", shape.span, label)


def check_structure(unit: s.Unit, parameters: set[str], report: Report) -> None:
    """A network parameter is a constructor argument of the emitted class: it can decide no width and no repeat."""
    places: list[s.Expr] = [unit.repeat.count] if unit.repeat else []
    vector = isinstance(unit.ascription, s.Shape) and len(unit.ascription.dims) == 1
    dims = unit.ascription.dims if isinstance(unit.ascription, s.Shape) else (unit.ascription,)
    alone = all(dim is None or isinstance(dim.value, s.Name) for dim in dims)
    places += [dim.value for dim in dims if dim is not None and not (vector and alone)]
    places += [unit.guard] if unit.guard else []
    for place in places:
        for name in sorted(names_in(place) & parameters):
            report.error(
                "E203", f"the network parameter `{name}` cannot decide a width, a repeat or a condition", place.span,
                "an argument of the emitted class", help=f"write `param {name} = …`, which a variant may set too",
            )  # fmt: skip
