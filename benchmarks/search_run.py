"""Run the default search of specs/fashion.scl, and write docs/search-run.md and docs/fashion.search-result.json.

Needs Debian's package dataset-fashion-mnist, and minutes on two cores. With `--store DIR` a run that was broken off
goes on, and what is in the store already is not trained again.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE, KEPT = ROOT / "docs" / "search-run.md", ROOT / "docs" / "fashion.search-result.json"
SPEC = ROOT / "specs" / "fashion.scl"


def main() -> int:
    """Search in a folder of its own, and lay out what was printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--jobs", default="2")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / SPEC.name
        spec.write_bytes(SPEC.read_bytes())
        store = arguments.store.absolute() if arguments.store else Path(folder) / "store"
        command = [sys.executable, "-m", "scalec", "search", SPEC.name, "--jobs", arguments.jobs]
        run = subprocess.run(
            [*command, "--store", str(store)], cwd=folder, stdout=subprocess.PIPE, text=True, check=True
        )
        result = (Path(folder) / f"{SPEC.stem}.search-result.json").read_text(encoding="utf-8")
    KEPT.write_text(result, encoding="utf-8")
    PAGE.write_text(page(run.stdout, json.loads(result)), encoding="utf-8")
    return 0


def page(printed: str, result: dict[str, object]) -> str:
    """Put the tables and the sentence onto a page."""
    tables, _, sentence = printed.rstrip("\n").rpartition("\n\n")
    ranking = result["ranking"]
    assert isinstance(ranking, dict) and sentence == result["sentence"]
    seeds = ", ".join(ranking["candidates"][0]["accuracy"]["by_seed"])
    return (
        "# A run of the search\n\n"
        "`scalec search specs/fashion.scl --jobs 2`, seeds " + seeds + "; its complete output, written by\n"
        "`python benchmarks/search_run.py`. The result: [fashion.search-result.json](fashion.search-result.json).\n"
        "`→` marks the choice, `=` a candidate that is tied with the best.\n\n"
        f"```\n{tables}\n```\n\n{sentence}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
