"""Writes `FOLDED`, the table at the end of a file for inference. It says which layer absorbs which batch norm.

A row has the names of both in their class (`norm`, `conv`), and applies to every module whose path ends with this
name. Each row is tested on every batch norm of the training file. If it would match a wrong one, all paths are
written out.
"""

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

from scalec.emit.guards import Unsafe
from scalec.emit.layout import listing
from scalec.emit.paths import Place, places
from scalec.network.inference import Deployment
from scalec.record import record


@record
class Row:
    """The ends of the paths of a batch norm and of the layer that takes it up."""

    norm: str
    layer: str
    eps: Fraction

    def applied(self, path: str) -> tuple[str, Fraction] | None:
        """Return the layer for a batch norm, if this row is for it: what `fold` does."""
        if not f".{path}".endswith(f".{self.norm}"):
            return None
        return path.removesuffix(self.norm) + self.layer, self.eps


def rows(deployment: Deployment, training: Mapping[int, str], inference: Mapping[int, str]) -> list[Row]:
    """Return the rows, those for the longest paths first. The mappings are `module_names` of both networks."""
    before = list(places(deployment.training, training))
    after = {place.path for place in places(deployment.network, inference)}
    folds = {(id(layer), id(norm)) for layer, norm in deployment.folds}
    pairs = [(layer, norm) for layer, norm in pairwise(before) if (id(layer.leaf), id(norm.leaf)) in folds]
    gone = [layer.path for layer, _ in pairs if layer.path not in after]
    if gone:
        raise Unsafe(f"{gone[0]} has another name in the file for inference")
    norms = [place.path for place in before if place.leaf.operator.rewriting.is_affine]
    wanted = {norm.path: (layer.path, _eps(norm)) for layer, norm in pairs}
    short = {norm.path: Row(norm.inside, layer.inside, _eps(norm)) for layer, norm in pairs}
    wrong = {row for row in short.values() if any(row.applied(norm) not in (None, wanted.get(norm)) for norm in norms)}
    written = [Row(n.path, layer.path, _eps(n)) if short[n.path] in wrong else short[n.path] for layer, n in pairs]
    found = sorted(dict.fromkeys(written), key=lambda row: -row.norm.count("."))
    for norm in norms:
        if next(filter(None, (row.applied(norm) for row in found)), None) != wanted.get(norm):
            raise Unsafe(f"the table of folded batch norms is wrong about {norm}")
    return found


def _eps(norm: Place) -> Fraction:
    eps: Fraction = vars(norm.leaf.operator)["eps"]
    return eps


def table(found: list[Row]) -> list[str]:
    """Write the rows as lines of code."""
    shown = [(f'"{row.norm}"', f'"{row.layer}"', repr(float(row.eps))) for row in found]
    return listing("FOLDED", shown, "batch norm, the layer before it, eps")
