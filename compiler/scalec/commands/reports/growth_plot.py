"""The picture of `scalec cost --phi 0..7 --plot FILE`. Of the cost reports, only this module imports Matplotlib."""

from pathlib import Path

from scalec.commands.reports.growth_steps import Drift

COLOURS = {"realised": "#0072b2", "d·w²·r²": "#d55e00", "2^φ": "#999999"}  # Okabe & Ito: safe for colour-blind eyes


def plot(name: str, rows: list[Drift], path: Path) -> str | None:
    """Draw growth against φ, and below it how far the realised cost is from 2^φ. Say what is missing, if anything."""
    if path.suffix not in (".svg", ".png"):
        return f"{path}: a picture is .svg or .png"
    try:
        import matplotlib
    except ModuleNotFoundError:
        return "--plot needs matplotlib: pip install 'scalec[plot]'"
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "scalec"  # the same bytes for the same figures
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
    drawn = [row for row in rows if row.phi is not None and row.nominal is not None]
    phi = [row.phi or 0.0 for row in drawn]
    promised = [2.0**x for x in phi]
    curves = {
        "2^φ": promised,
        "d·w²·r²": [row.nominal or 0.0 for row in drawn],
        "realised": [r.realised for r in drawn],
    }
    for label, values in curves.items():
        share = [100 * (value / promise - 1) for value, promise in zip(values, promised, strict=True)]
        above.plot(phi, values, color=COLOURS[label], marker="o", markersize=3)
        below.plot(phi, share, color=COLOURS[label], marker="o", markersize=3)
        below.annotate(label, (phi[-1], share[-1]), textcoords="offset points", xytext=(6, -3), color=COLOURS[label])
    above.set(yscale="log", ylabel="multiply-adds / baseline", title=f"{name}: cost against the compound coefficient")
    below.set(xlabel="φ", ylabel="% above 2^φ")
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.12)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=150)
    pyplot.close(figure)
    return None
