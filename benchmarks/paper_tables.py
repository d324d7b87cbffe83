"""The EfficientNet paper's FLOPS, printed against computed: writes the tables in docs/paper.md, between its markers.

Every network is compiled from a spec in specs/ with `--set d=… --set w=… --set r=…`. No peer is needed: whether the
computed numbers are right is for tests/cost/test_paper.py, which asks timm.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scalec.compiler import Loaded, load
from scalec.cost.count import Cost, cost
from scalec.program.request import Request

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "paper.md"
BEGIN, END = "<!-- {}: written by benchmarks/paper_tables.py -->", "<!-- end of {} -->"


@cache
def spec(name: str) -> Loaded:
    """Read a spec, once."""
    return load(ROOT / "specs" / f"{name}.scl")


@dataclass(frozen=True)
class Point:
    """A network of the paper: the spec, its scale, the side of the image in pixels, and the billions it prints."""

    name: str
    spec: str
    d: str = "1"
    w: str = "1"
    side: int = 224
    printed: str = ""
    variant: str | None = None

    def cost(self) -> Cost:
        """Count the network."""
        loaded = spec(self.spec)
        if self.variant:
            return cost(loaded.compile(Request(variant=self.variant)).network)
        budget = [("φ", "10")] if self.spec == "efficientnet" else []  # its FLOPS budget grows with φ
        scale = [("d", self.d), ("w", self.w), ("r", f"{self.side}/224")]
        return cost(loaded.compile(Request(changes=tuple(budget + scale))).network)


V1, V2, R50, B0 = "mobilenet_v1", "mobilenet_v2", "resnet", "efficientnet"
TABLE_2 = [
    Point(f"B{n}", B0, variant=f"B{n}", printed=printed)
    for n, printed in enumerate(("0.39", "0.70", "1.0", "1.8", "4.2", "9.9", "19", "37"))
]
TABLE_3 = [
    Point("MobileNetV1", V1, printed="0.6"),
    Point("w = 2", V1, w="2", printed="2.2"),
    Point("r = 2", V1, side=448, printed="2.2"),
    Point("d = 1.4, w = 1.2, r = 1.3", V1, "1.4", "1.2", 291, "2.3"),
    Point("the same at 288 px", V1, "1.4", "1.2", 288, "2.3"),
    Point("MobileNetV2", V2, printed="0.3"),
    Point("d = 4", V2, d="4", printed="1.2"),
    Point("w = 2", V2, w="2", printed="1.1"),
    Point("r = 2", V2, side=448, printed="1.2"),
    Point("compound, as V1's", V2, "1.4", "1.2", 291, "1.3"),
    Point("the same at 288 px", V2, "1.4", "1.2", 288, "1.3"),
    Point("ResNet-50", R50, printed="4.1"),
    Point("d = 4", R50, d="4", printed="16.2"),
    Point("w = 2", R50, w="2", printed="14.7"),
    Point("r = 2", R50, side=448, printed="16.4"),
    Point("compound, as V1's", R50, "1.4", "1.2", 291, "16.7"),
]
TABLE_7 = [
    Point("baseline", B0, printed="0.4"),
    Point("d = 4", B0, d="4", printed="1.8"),
    Point("w = 2", B0, w="2", printed="1.8"),
    Point("r = 2", B0, side=448, printed="1.9"),
    Point("d = 1.4, w = 1.2, r = 1.3", B0, "1.4", "1.2", 291, "1.8"),
]
WIDTHS = ("1", "1.4", "1.8", "2.6", "3.8", "5")
FIGURE_3 = {
    "width": [Point(f"w = {w}", B0, w=w) for w in WIDTHS],
    "depth": [Point(f"d = {d}", B0, d=d) for d in ("1", "2", "4", "6", "8")],
    "resolution": [
        Point(f"r = {r}", B0, side=side)
        for r, side in zip(
            ("1", "1.3", "1.5", "1.7", "1.9", "2.2", "2.5"), (224, 291, 336, 381, 426, 493, 560), strict=True
        )
    ],
}
FIGURE_4 = {
    f"d = {d}, r = {r}": [Point(f"w = {w}", B0, d, w, side) for w in WIDTHS]
    for d, r, side in (("1", "1", 224), ("1", "1.3", 299), ("2", "1", 224), ("2", "1.3", 299))
}


def _table(rows: Iterable[Iterable[str]]) -> str:
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    rule = "| --- |" + " ---: |" * (head.count("|") - 2)
    return "\n".join([head, rule, *body])


def printed_against_computed(points: list[Point]) -> str:
    """Lay out a table of the paper beside what comes out."""
    rows = [["network", "image", "parameters", "multiply-adds", "printed", "computed / printed"]]
    for point in points:
        counted = point.cost()
        ratio = counted.macs / float(point.printed) / 1e9
        size = "" if point.variant else f"{point.side} px"
        rows.append(
            [point.name, size, f"{counted.params:,}", f"{counted.macs:,}", f"{point.printed} B", f"{ratio:.3f}"]
        )
    return _table(rows)


def grid(lines: dict[str, list[Point]]) -> str:
    """Lay out the multiply-adds of several lines of networks, one column for each width."""
    head = ["", *(point.name for point in next(iter(lines.values())))]
    return _table([head, *([name, *(f"{point.cost().macs:,}" for point in line)] for name, line in lines.items())])


def tables() -> dict[str, str]:
    """Give every table by its name in the page."""
    sweeps = [["", "multiply-adds"]]
    for line in FIGURE_3.values():
        sweeps += [[point.name, f"{point.cost().macs:,}"] for point in line]
    return {
        "Table 2": printed_against_computed(TABLE_2),
        "Table 3": printed_against_computed(TABLE_3),
        "Table 7": printed_against_computed(TABLE_7),
        "Figure 3": _table(sweeps),
        "Figure 4": grid(FIGURE_4),
    }


def written(page: str) -> str:
    """Put the tables into the page."""
    for name, table in tables().items():
        begin, end = BEGIN.format(name), END.format(name)
        before, rest = page.split(begin)
        page = f"{before}{begin}\n\n{table}\n\n{end}{rest.split(end)[1]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
