"""Finds the best candidate from a few seeds. Candidates are paired by seed, and ties are reported and broken.

Every candidate is trained with the same seeds, so two candidates are compared by their difference at each seed. An
effect that a seed has on both cancels. The best candidate has the highest mean. Another one is tied with it if the
mean difference is not larger than its standard error. Among tied candidates, the one with the fewest activations is
chosen, then the one with the fewest FLOPS.
"""

import statistics
import warnings
from collections.abc import Mapping, Sequence
from fractions import Fraction

from scalec.record import record

SIGNIFICANT = 0.1
"""A candidate gets no more seeds if it is worse than the best at this level, by Wilcoxon's signed ranks."""

Runs = Mapping[int, float]
"""Accuracy by seed."""


@record
class Standing:
    """How a candidate did: over its seeds, and against the best at the seeds that both have."""

    index: int
    runs: Runs
    mean: float
    deviation: float | None
    """The standard deviation of a single run; nothing of one."""
    behind: float
    """The mean difference to the best; 0 for the best itself."""
    error: float
    """The standard error of that difference."""
    tied: bool


def mean_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error; of one value the error is not known, and 0."""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return statistics.fmean(values), float(spread / len(values) ** 0.5)


def standings(results: Sequence[Runs]) -> list[Standing]:
    """Rank candidates, best first; one without any run is left out. Only those with all seeds can be the best."""
    ranked = [index for index, runs in enumerate(results) if runs]
    if not ranked:
        return []
    most = max(len(results[index]) for index in ranked)
    whole = [index for index in ranked if len(results[index]) == most]
    best = max(whole, key=lambda index: (_mean(results[index]), -index))
    found = [_standing(index, results[index], results[best]) for index in ranked]
    return sorted(found, key=lambda each: (each.behind, not each.tied, each.index))


def _mean(runs: Runs) -> Fraction:
    """Return the mean, exactly: of floats the best could be behind another with the same mean."""
    return statistics.mean(map(Fraction, runs.values()))


def _standing(index: int, runs: Runs, best: Runs) -> Standing:
    both = sorted(set(runs) & set(best))
    ours, theirs = (_mean({seed: each[seed] for seed in both} or each) for each in (runs, best))
    behind, error = float(theirs - ours), mean_error([best[seed] - runs[seed] for seed in both])[1] if both else 0.0
    deviation = statistics.stdev(runs.values()) if len(runs) > 1 else None
    mean = float(_mean(runs))
    return Standing(index, runs, mean, deviation, behind, error, len(runs) == len(best) and behind <= error)


def pick(ranked: Sequence[Standing], burden: Sequence[tuple[int, ...]]) -> Standing:
    """Take, of those tied with the best, the one with the least burden: activations, then FLOPS, then parameters."""
    return min((each for each in ranked if each.tied), key=lambda each: (burden[each.index], each.index))


def worse(runs: Runs, best: Runs) -> bool:
    """Return whether a candidate is worse than the best beyond doubt, by Wilcoxon's one-sided test on paired seeds.

    Fewer than four pairs can never be significant at this level: 1/8 is the least probability of three.
    """
    from scipy.stats import wilcoxon

    differences = [best[seed] - runs[seed] for seed in sorted(set(runs) & set(best))]
    if len(differences) < 4 or not any(differences):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on ties it says that the p-value is not exact
        found = wilcoxon(differences, alternative="greater", zero_method="zsplit")
    return bool(found.pvalue < SIGNIFICANT)
