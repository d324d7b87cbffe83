"""What `cite` names: blocks of the file, and each paper once."""

from scalec.diagnostics.diagnostic import UNKNOWN, Help, Label, Report
from scalec.language import syntax as s
from scalec.language.did_you_mean import meant
from scalec.ops import OPERATORS
from scalec.program.program import File


def check_cites(file: File, report: Report) -> None:
    """Report papers that are cited twice, and blocks that are none."""
    first: dict[str, s.Citation] = {}
    for cite in file.cites:
        for paper in cite.papers:
            if (earlier := first.setdefault(paper.key, paper)) is not paper:
                report.error(
                    "E104", f"`{paper.key}` is cited twice", paper.span, "a second time",
                    others=(Label(earlier.span, "first here"),), help="one `cite` may be `for` several blocks",
                )  # fmt: skip
        for name in cite.blocks:
            if name.key not in file.blocks and name.key not in file.broken:
                _report_unknown(name, file, report)


def _report_unknown(name: s.Identifier, file: File, report: Report) -> None:
    help: Help = meant(name, file.blocks) or "without `for`, a paper is that of the network"
    if name.key in OPERATORS:
        help = "a paper is cited for a block, or, without `for`, for the network"
    label = "an operator" if name.key in OPERATORS else UNKNOWN
    report.error("E102", f"there is no block `{name.span.text}` here", name.span, label, help=help)
