"""Formats plain text tables: aligned columns with two spaces between them."""

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], right: str) -> list[str]:
    """Align rows of cells; `right` has `>` for a column of figures and `<` for one of words."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if side == ">" else cell.ljust(width)
            for cell, width, side in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    ]
