"""Draws the charts of a study from its JSON: accuracy against growth of FLOPS. The Matplotlib settings are fixed."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scalec.record import record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito: told apart by colour-blind eyes; markers tell them apart without colour.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_GREY = "#5f5f5f"
_NAMES = {"d": "d: depth", "w": "w: width", "r": "r: resolution"}
_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "scalec", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 10,
    "axes.edgecolor": _GREY, "axes.labelcolor": _GREY, "xtick.color": _GREY, "ytick.color": _GREY,
}  # fmt: skip
_LINE = 11.5
"""Points from one label to the next, at least."""


@record
class Curve:
    """A line of networks: growth, mean and standard deviation of accuracy in %."""

    label: str
    growth: tuple[float, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def curves(study: dict[str, Any], figure: str) -> list[Curve]:
    """Take the lines of a figure; networks without any figure are left out."""
    by_name = {each["name"]: each for each in study["networks"]}
    found = []
    for line in study[figure]:
        networks = [by_name[name] for name in line["networks"] if by_name[name]["mean"] is not None]
        growth = tuple(each["growth"] for each in networks)
        mean = tuple(100 * each["mean"] for each in networks)
        deviation = tuple(100 * (each["deviation"] or 0.0) for each in networks)
        if networks:
            found.append(Curve(line["line"], growth, mean, deviation))
    return found


def draw(study: dict[str, Any], figure: str, title: str, kind: str) -> bytes:
    """Draw `figure3` or `figure4` as `svg` or `png`: the same bytes for the same study and the same Matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    with matplotlib.rc_context():
        matplotlib.rcParams.update(_SETTINGS)
        from matplotlib import pyplot

        picture, axes = pyplot.subplots(figsize=(7.5, 4.8))
        picture.subplots_adjust(left=0.09, right=0.8, bottom=0.17, top=0.9)
        shown = curves(study, figure)
        for curve, colour, marker in zip(shown, _COLOURS, _MARKERS, strict=False):
            axes.errorbar(
                curve.growth, curve.mean, curve.deviation, color=colour, marker=marker, markersize=5, linewidth=1.6,
                elinewidth=1, capsize=2.5,
            )  # fmt: skip
        _axes(axes, shown)
        axes.set_title(title, loc="left", fontsize=11.5, color="#202020")
        _labels(axes, shown)
        seeds = len(study["seeds"])
        said = f"mean of {seeds} seeds, bars ± one standard deviation; {study['accuracy_from']['split']} images"
        picture.text(0.09, 0.03, said, color=_GREY, fontsize=8.5)
        data = io.BytesIO()
        picture.savefig(data, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else {"Software": None})
        pyplot.close(picture)
    return data.getvalue()


def _axes(axes: "Axes", shown: Sequence[Curve]) -> None:
    """Set the scale: growth in doublings, and light lines to read accuracy off."""
    most = max((growth for curve in shown for growth in curve.growth), default=2.0)
    ticks = [1]
    while ticks[-1] < most / 1.2:
        ticks.append(2 * ticks[-1])
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [f"{tick}x" for tick in ticks])
    axes.set_xlim(0.93, most * 1.06)
    axes.minorticks_off()
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("multiply-adds over the baseline's, realised")
    axes.set_ylabel("accuracy, %")


def _labels(axes: "Axes", shown: Sequence[Curve]) -> None:
    """Write each line's name to the right of the picture, at the height of its end, or as near as there is room."""
    axes.figure.canvas.draw()
    unit = axes.figure.dpi / 72
    right = axes.transAxes.transform((1, 0))[0]
    ends = [axes.transData.transform((curve.growth[-1], curve.mean[-1])) for curve in shown]
    heights = spread([y / unit for _, y in ends], _LINE)
    for curve, colour, (x, y), height in zip(shown, _COLOURS, ends, heights, strict=False):
        name = _NAMES.get(curve.label, curve.label)
        axes.annotate(
            name, (curve.growth[-1], curve.mean[-1]), ((right - x) / unit + 10, height - y / unit),
            textcoords="offset points", color=colour, va="center", annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 4, "alpha": 0.6
            },
        )  # fmt: skip


def spread(wanted: Sequence[float], apart: float) -> list[float]:
    """Move heights as little as need be, so that they are apart: neighbours too near share one place's room."""
    order = sorted(range(len(wanted)), key=lambda index: (wanted[index], index))
    groups: list[list[int]] = []

    def middle(group: list[int]) -> float:
        return sum(wanted[index] for index in group) / len(group)

    for index in order:
        groups.append([index])
        while len(groups) > 1:
            below, above = groups[-2:]
            if middle(above) - middle(below) >= apart * (len(above) + len(below)) / 2:
                break
            groups[-2:] = [below + above]
    placed = [0.0] * len(wanted)
    for group in groups:
        for place, index in enumerate(group):
            placed[index] = middle(group) + (place - (len(group) - 1) / 2) * apart
    return placed
