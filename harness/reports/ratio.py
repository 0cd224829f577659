"""How many times as long one side's searches take as the other's: ratio, interval, verdict.

Searches are paired by root, as a root's work is the same on both sides and differs widely between
roots. Of one run a side, the interval is that of the median of the roots' ratios, from order
statistics (exact for any distribution; SciPy's `quantile_test`, W. J. Conover, Practical
Nonparametric Statistics, 3.2). It holds the noise of single searches, and nothing that slows a
whole run. Of several runs on both sides, each run is one figure: the median over the roots of its
times relative to A's, as logarithms. The interval is Welch's for the difference of their means, so
that it holds what differs from run to run.

The verdict is one of equivalence, not of a p-value: with enough searches a difference of 0.1 %
excludes 1, and says nothing that matters.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
# Below it no interval of order statistics has that confidence.
FEWEST_PAIRS = 6

SAME, FASTER, SLOWER, UNDECIDED = "same", "faster", "slower", "undecided"


class Ratio(NamedTuple):
    """Seconds of B / seconds of A.

    value    above 1, B is slower
    low      of the interval; None where there are too few pairs for one
    high     likewise
    of_runs  the interval is one over runs, and so holds what differs between them
    """

    value: float
    low: float | None
    high: float | None
    of_runs: bool


def per_root(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return each root's ratio, of the medians over a side's runs, shape (roots,).

    Parameters
    ----------
    a, b : float64 (runs, roots)
        Seconds of the same roots in the same order, all above 0.
    """
    return np.asarray(np.median(b, axis=0) / np.median(a, axis=0))


def ratio_of(a: np.ndarray, b: np.ndarray) -> Ratio:
    """Return the ratio of B to A with its interval; arguments as `per_root`'s, one root or more."""
    if len(a) > 1 and len(b) > 1:
        return _over_runs(a, b)
    from scipy.stats import quantile_test

    ratios = per_root(a, b)
    middle = float(np.median(ratios))
    if len(ratios) < FEWEST_PAIRS:
        return Ratio(middle, None, None, of_runs=False)
    found = quantile_test(ratios, q=middle, p=0.5).confidence_interval(CONFIDENCE)
    return Ratio(middle, float(found.low), float(found.high), of_runs=False)


def _over_runs(a: np.ndarray, b: np.ndarray) -> Ratio:
    from scipy.stats import ttest_ind

    usual = np.median(a, axis=0)
    runs_a, runs_b = (np.median(np.log(side / usual), axis=1) for side in (a, b))
    middle = runs_b.mean() - runs_a.mean()
    low = high = middle
    if np.ptp(runs_a) > 0 or np.ptp(runs_b) > 0:
        found = ttest_ind(runs_b, runs_a, equal_var=False).confidence_interval(CONFIDENCE)
        low, high = found.low, found.high
    return Ratio(_exp(middle), _exp(low), _exp(high), of_runs=True)


def _exp(x: float) -> float:
    """Return exp(x); the largest float where it has none, as with two runs of very unlike times."""
    return float(np.exp(np.clip(x, -math.log(1e300), math.log(1e300))))


def verdict(ratio: Ratio, margin: float) -> str:
    """Return what may be said of B: same, faster, slower or undecided.

    Parameters
    ----------
    ratio : Ratio
    margin : float
        How far apart two sides may be that count as the same: 0.05 is 5 %. The whole interval
        lies within 1 / 1.05 .. 1.05 (same), above it (slower), below it (faster), or does not.
    """
    if ratio.low is None or ratio.high is None:
        return UNDECIDED
    lowest, highest = 1 / (1 + margin), 1 + margin
    if lowest <= ratio.low and ratio.high <= highest:
        return SAME
    if ratio.low > highest:
        return SLOWER
    return FASTER if ratio.high < lowest else UNDECIDED


def slower_than(ratio: Ratio, limit: float) -> bool:
    """Is B slower by more than `limit` (0.05 is 5 %), the whole interval above it?"""
    return ratio.low is not None and ratio.low > 1 + limit
