"""Statistics of a run, as Graph500 defines them: raw figures in, derived figures out.

Order statistics index the sorted sample with integer division, so that the middle of an even
sample is the mean of its two neighbours; the standard deviation divides by n - 1. TEPS (traversed
edges per second) are statistics of seconds per edge, turned over: the harmonic mean of the rates.
Source: Graph500 specification V2.0, section 9, and the output of the reference code 3.0.1; the
standard error of a harmonic mean is from N. Norris, Annals of Mathematical Statistics 11 (1940).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Summary(NamedTuple):
    """Statistics of a sample, in the sample's unit, in the order in which they are printed."""

    min: float
    firstquartile: float
    median: float
    thirdquartile: float
    max: float
    mean: float
    stddev: float


class TepsSummary(NamedTuple):
    """Statistics of the rates of all searches, in edges per second, in printing order."""

    min: float
    firstquartile: float
    median: float
    thirdquartile: float
    max: float
    harmonic_mean: float
    harmonic_stddev: float


def quartiles(sample: Sequence[float]) -> tuple[float, float, float, float, float]:
    """Return min, first quartile, median, third quartile and max of `sample` (not empty)."""
    x = sorted(sample)
    n = len(x)
    if n == 0:
        raise ValueError("an empty sample has no statistics")
    return (
        float(x[0]),
        (x[(n - 1) // 4] + x[n // 4]) * 0.5,
        (x[(n - 1) // 2] + x[n // 2]) * 0.5,
        (x[n - 1 - (n - 1) // 4] + x[n - 1 - n // 4]) * 0.5,
        float(x[n - 1]),
    )


def mean(sample: Sequence[float]) -> float:
    """Return the arithmetic mean of `sample` (not empty); inf if a value is inf."""
    return sum(sample) / len(sample)


def stddev(sample: Sequence[float]) -> float:
    """Return the standard deviation of `sample` (n - 1); 0 for one value, inf if one is inf."""
    n = len(sample)
    if n < 2:
        return 0.0
    centre = mean(sample)
    if math.isinf(centre):
        return math.inf
    # Products, not powers: a power that overflows raises, a product is inf.
    return math.sqrt(sum((x - centre) * (x - centre) for x in sample) / (n - 1))


def summarize(sample: Sequence[float]) -> Summary:
    """Return the statistics of `sample`.

    Parameters
    ----------
    sample : sequence of float or int, at least one

    Raises
    ------
    ValueError
        If the sample is empty.
    """
    return Summary(*quartiles(sample), mean(sample), stddev(sample))


def seconds_per_edge(seconds: float, m: int) -> float:
    """Return seconds / m; a search which traversed no edge has the rate 0: inf seconds an edge."""
    return seconds / m if m else math.inf


def summarize_teps(seconds: Sequence[float], m: Sequence[int]) -> TepsSummary:
    """Return the statistics of the searches' rates m / seconds.

    Parameters
    ----------
    seconds : sequence of float
        Time of each search.
    m : sequence of int, as long
        Edges each search traversed. Where one is 0 (its root has no edge), the minimum and the
        harmonic mean are 0, as the reference prints them, and the spread of the harmonic mean,
        for which the reference prints nan, is its limit, 0.

    Raises
    ------
    ValueError
        If there is no search, or the lengths differ.
    """
    s = summarize([seconds_per_edge(*search) for search in zip(seconds, m, strict=True)])
    return TepsSummary(
        min=_rate(s.max),
        firstquartile=_rate(s.thirdquartile),
        median=_rate(s.median),
        thirdquartile=_rate(s.firstquartile),
        max=_rate(s.min),
        harmonic_mean=_rate(s.mean),
        harmonic_stddev=_harmonic_stddev(s, len(seconds)),
    )


def _rate(s: float) -> float:
    """Return edges per second; a search quicker than the clock's tick has the rate inf."""
    return 1 / s if s else math.inf


def _harmonic_stddev(s: Summary, n: int) -> float:
    if n < 2 or s.stddev == 0 or math.isinf(s.mean):
        return 0.0
    return s.stddev / s.mean / s.mean / math.sqrt(n - 1)
