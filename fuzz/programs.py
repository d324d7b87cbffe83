"""Whole programs: the specs that tests/strategies.py writes, compiled at several scales, and what is emitted read."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from watch import Tally, compiled

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from strategies import Written, phis, specs


def run(tally: Tally, number: int, count: int) -> None:
    """Compile so many programs."""

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(specs(), phis())
    def one(written: Written, phi: str) -> None:
        name = f"programs:{number}:{tally.inputs}"
        tally.watch(name, written.text.encode(), lambda data: compiled(data, phi))

    one()
