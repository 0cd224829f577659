"""The ratio of two sides: its interval is the textbook's, its verdict follows from the margin."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.reports.ratio import FEWEST_PAIRS, Ratio, ratio_of, slower_than, verdict


def one_run_each(ratios):
    """Two runs whose roots have these ratios, and times of their own."""
    a = np.geomspace(1e-3, 1.0, len(ratios))
    return a[None], (a * ratios)[None]


@pytest.mark.parametrize(
    # From tables of the sign test, as in Conover's book: which of the sorted values, from 1.
    ("pairs", "lower", "upper"),
    [(6, 1, 6), (8, 1, 8), (9, 2, 8), (10, 2, 9), (16, 4, 13), (20, 6, 15), (64, 24, 41)],
)
def test_the_interval_of_one_run_a_side_is_that_of_the_sign_test(pairs, lower, upper):
    from scipy.stats import binom  # takes a second to import, which only this file needs

    ratios = 1 + np.arange(pairs) / 128
    shuffled = np.random.default_rng(pairs).permutation(ratios)
    found = ratio_of(*one_run_each(shuffled))
    assert found.value == pytest.approx(np.median(ratios), rel=1e-12)
    assert found.low == pytest.approx(ratios[lower - 1], rel=1e-12)
    assert found.high == pytest.approx(ratios[upper - 1], rel=1e-12)
    assert not found.of_runs
    assert 1 - 2 * binom.cdf(lower - 1, pairs, 0.5) >= 0.95


def test_too_few_pairs_have_a_ratio_and_no_interval():
    found = ratio_of(*one_run_each(np.full(FEWEST_PAIRS - 1, 2.0)))
    assert found == Ratio(2.0, None, None, of_runs=False)
    assert verdict(found, 0.05) == "undecided"
    assert not slower_than(found, 0.05)


def test_the_interval_of_several_runs_is_welchs_over_the_runs():
    from scipy.stats import t

    roots = np.geomspace(1e-3, 1.0, 9)
    of_a, of_b = np.array([1.0, 1.1, 1.3]), np.array([1.2, 1.25, 1.5, 1.4])
    found = ratio_of(of_a[:, None] * roots, of_b[:, None] * roots)
    x, y = np.log(of_a), np.log(of_b)
    errors = x.var(ddof=1) / 3, y.var(ddof=1) / 4
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / 2 + errors[1] ** 2 / 3)
    half = t.ppf(0.975, freedom) * math.sqrt(sum(errors))
    middle = y.mean() - x.mean()
    expected = [math.exp(middle + part) for part in (0, -half, half)]
    assert list(found[:3]) == pytest.approx(expected, rel=1e-9)
    assert found.of_runs


def test_what_slows_a_whole_run_is_seen_with_several_runs_only():
    rng = np.random.default_rng(5)
    roots = np.geomspace(1e-3, 1.0, 64)

    def run(factor):
        return factor * roots * rng.lognormal(0, 0.01, 64)

    # The same program: each run is as slow as the machine was at the time.
    a, b = [run(f) for f in (1.0, 1.2, 1.05)], [run(f) for f in (1.15, 1.0, 1.1)]
    assert verdict(ratio_of(np.array(a[:1]), np.array(b[:1])), 0.05) == "slower"
    assert verdict(ratio_of(np.array(a), np.array(b)), 0.05) == "undecided"


def test_runs_without_any_spread_have_an_interval_of_no_width():
    same = np.ones((2, 3))
    assert ratio_of(same, 2 * same) == pytest.approx((2.0, 2.0, 2.0, True))


def test_two_runs_of_very_unlike_times_have_a_finite_interval():
    found = ratio_of(np.array([[1.0], [1e11]]), np.array([[1.0], [1e-11]]))
    assert all(map(math.isfinite, found[:3]))
    assert verdict(found, 0.05) == "undecided"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.99, 1.01, "same"),
        (1 / 1.05, 1.05, "same"),  # the margin is part of it, the same both ways
        (1.02, 1.04, "same"),  # surely not 1, and not worth a word
        (1.0501, 1.2, "slower"),
        (1.01, 1.2, "undecided"),
        (0.8, 0.9523, "faster"),
        (0.8, 0.96, "undecided"),
        (0.5, 2.0, "undecided"),
    ],
)
def test_the_verdict_is_where_the_whole_interval_lies(low, high, expected):
    assert verdict(Ratio(1.0, low, high, of_runs=False), 0.05) == expected


def test_slower_is_what_the_whole_interval_says():
    assert slower_than(Ratio(1.2, 1.06, 1.3, of_runs=False), 0.05)
    assert not slower_than(Ratio(1.2, 1.04, 1.3, of_runs=False), 0.05)
