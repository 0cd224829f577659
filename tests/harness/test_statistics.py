"""The statistics are Graph500's: checked against NumPy, exact fractions and Norris' own form."""

from __future__ import annotations

import math
import statistics as standard
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.results.statistics import quartiles, stddev, summarize, summarize_teps

SECONDS = st.floats(1e-9, 1e6)
SAMPLES = st.lists(SECONDS, min_size=1, max_size=130)
SEARCHES = st.lists(st.tuples(SECONDS, st.integers(1, 2**46)), min_size=1, max_size=130)


@given(SAMPLES)
def test_order_statistics_are_numpys_averaged_quantiles(sample):
    expected = np.quantile(sample, [0, 0.25, 0.5, 0.75, 1], method="averaged_inverted_cdf")
    np.testing.assert_allclose(quartiles(sample), expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ([7], (7, 7, 7, 7, 7)),
        ([9, 1], (1, 1, 5, 9, 9)),
        ([4, 1, 2], (1, 1, 2, 4, 4)),
        ([8, 1, 2, 4], (1, 1.5, 3, 6, 8)),
        ([16, 1, 2, 4, 8], (1, 2, 4, 8, 16)),
    ],
)
def test_order_statistics_of_small_samples_are_as_counted_by_hand(sample, expected):
    assert quartiles(sample) == expected


@given(SAMPLES)
def test_mean_and_standard_deviation_are_the_exact_ones(sample):
    exact = [Fraction(x) for x in sample]
    summary = summarize(sample)
    assert summary.mean == pytest.approx(float(standard.mean(exact)), rel=1e-12)
    spread = float(standard.stdev(exact)) if len(exact) > 1 else 0.0
    assert summary.stddev == pytest.approx(spread, rel=1e-9, abs=1e-12 * summary.mean)


def test_equal_edge_counts_have_no_spread():
    assert summarize([16239] * 64) == (16239,) * 6 + (0,)


@given(SEARCHES)
def test_harmonic_mean_is_the_searches_over_the_sum_of_seconds_per_edge(searches):
    exact = Fraction(len(searches)) / sum(Fraction(seconds) / m for seconds, m in searches)
    assert summarize_teps(*zip(*searches, strict=True)).harmonic_mean == pytest.approx(
        float(exact), rel=1e-12
    )


@given(SEARCHES)
def test_harmonic_stddev_is_norris_standard_error(searches):
    seconds, m = zip(*searches, strict=True)
    teps = summarize_teps(seconds, m)
    n, h = len(searches), teps.harmonic_mean
    deviations = np.array(seconds) / np.array(m, float) - 1 / h
    expected = np.sqrt(np.sum(deviations**2)) / (n - 1) * h**2 if n > 1 else 0.0
    assert teps.harmonic_stddev == pytest.approx(expected, rel=1e-7, abs=1e-10 * h)


@given(SEARCHES)
def test_teps_quartiles_go_through_seconds_per_edge(searches):
    seconds, m = zip(*searches, strict=True)
    per_edge = sorted(s / edges for s, edges in searches)
    n, teps = len(per_edge), summarize_teps(seconds, m)
    assert teps.min == 1 / per_edge[-1]
    assert teps.max == 1 / per_edge[0]
    assert teps.firstquartile == 2 / (per_edge[-1 - (n - 1) // 4] + per_edge[-1 - n // 4])
    assert teps.median == 2 / (per_edge[(n - 1) // 2] + per_edge[n // 2])
    assert teps.thirdquartile == 2 / (per_edge[(n - 1) // 4] + per_edge[n // 4])


def test_quartiles_of_rates_are_not_taken_from_the_rates_themselves():
    # Rates 1 and 4: their mean is 2.5, the rate of the mean time is 1.6.
    assert summarize_teps([1.0, 0.25], [1, 1]).median == 1.6


def test_one_search_has_no_spread():
    assert stddev([0.25]) == 0
    assert summarize_teps([0.25], [100]) == (400, 400, 400, 400, 400, 400, 0)


def test_a_search_without_edges_has_the_rate_zero_and_so_has_the_harmonic_mean():
    teps = summarize_teps([0.5, 0.25, 1e-9], [100, 100, 0])
    assert (teps.min, teps.max, teps.harmonic_mean, teps.harmonic_stddev) == (0, 400, 0, 0)
    assert summarize_teps([1.0, 0.0], [0, 0]) == (0,) * 7


def test_a_search_quicker_than_the_clock_is_infinitely_fast_and_no_error():
    teps = summarize_teps([0.0, 0.5], [100, 100])
    assert (teps.min, teps.max, teps.harmonic_mean) == (200, math.inf, 400)
    assert summarize_teps([0.0, 0.0], [1, 1]) == (math.inf,) * 6 + (0,)


@given(
    st.lists(
        st.tuples(st.floats(0, allow_infinity=False), st.integers(0, 2**63 - 1)),
        min_size=1,
        max_size=9,
    )
)
def test_no_search_makes_them_fail_or_give_a_nan(searches):
    seconds, m = zip(*searches, strict=True)
    for figures in (summarize(seconds), summarize(m), summarize_teps(seconds, m)):
        assert not any(math.isnan(figure) for figure in figures)


def test_no_searches_or_lengths_that_differ_are_errors():
    with pytest.raises(ValueError, match="empty"):
        summarize([])
    with pytest.raises(ValueError, match="empty"):
        summarize_teps([], [])
    with pytest.raises(ValueError, match="shorter|longer"):
        summarize_teps([1.0], [1, 2])
