"""What a trial of `scalec search` costs besides its training: 60 candidates with a no-op for a trainer, on the journal.

    python benchmarks/trial_overhead.py    writes benchmarks/results/trial_overhead.json: half a minute

The start of a shell for each trial is in it. The aim is 0.2 s a trial; the second time, when all is known, is free.
"""

import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from scalec.search.engine import Point, run
from scalec.search.source import find_source
from scalec.search.store import Store

RESULT = Path(__file__).parent / "results" / "trial_overhead.json"
TRIALS, ROUNDS = 60, 5
ANSWER = 'echo \'{"accuracy": 0.5}\' > "$(dirname "$1")/response.json"\n'


def seconds(folder: Path) -> tuple[float, float]:
    """Run all trials in a new folder; give seconds a trial, and those of running them again."""
    os.chdir(folder)
    (folder / "answer.sh").write_text(ANSWER)
    points = [Point(f"p{i}", f"X = {i}\n", "Net", (3, 8, 8)) for i in range(TRIALS)]
    source, store = find_source("sh answer.sh"), Store(folder / "store")
    marks = [time.perf_counter()]
    for _ in range(2):
        assert {each.state for each in run(points, [0], source, store)} == {"complete"}
        marks.append(time.perf_counter())
    return (marks[1] - marks[0]) / TRIALS, marks[2] - marks[1]


def main() -> None:
    """Run, and write the result."""
    found = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            found.append(seconds(Path(folder)))
    first, again = (round(statistics.median(each), 4) for each in zip(*found, strict=True))
    result = {"job": "trial_overhead", "trials": TRIALS, "rounds": ROUNDS, "seconds a trial": first, "again": again}
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
