"""Search keys equal the reference code's; where few vertices are eligible the spec is kept."""

from __future__ import annotations

import time

import numpy as np
import pytest
from golden_data import SCALES, golden_roots, graph_facts
from hypothesis import given
from hypothesis import strategies as st
from slow_kronecker import slow_keys

from graphs.errors import GraphError
from graphs.generator import kronecker
from graphs.keys import search_keys

SEEDS = st.tuples(*[st.integers(0, 2**64 - 1)] * 2)


def eligible_vertices(scale: int) -> np.ndarray:
    edges = kronecker(scale)
    loops = edges.src == edges.dst
    eligible = np.zeros(edges.n, bool)
    eligible[edges.src[~loops]] = True
    eligible[edges.dst[~loops]] = True
    return eligible


@pytest.mark.parametrize("scale", [*SCALES[:-1], pytest.param(SCALES[-1], marks=pytest.mark.slow)])
def test_the_reference_rule_gives_the_golden_roots(scale):
    keys = search_keys(2**scale, eligible_vertices(scale), rule="reference")
    assert keys.dtype == np.int64
    assert keys.tolist() == golden_roots(scale)
    assert len(set(keys.tolist())) == graph_facts(scale)["distinct_roots"]


@pytest.mark.parametrize("scale", [10, 16, pytest.param(20, marks=pytest.mark.slow)])
def test_the_rule_of_the_spec_gives_the_same_roots_where_there_are_plenty(scale):
    assert search_keys(2**scale, eligible_vertices(scale)).tolist() == golden_roots(scale)


@pytest.mark.parametrize(("scale", "number"), [(4, 16), (6, 61)])
def test_the_rule_of_the_spec_gives_each_eligible_vertex_once_where_there_are_few(scale, number):
    eligible = eligible_vertices(scale)
    keys = search_keys(2**scale, eligible)
    assert len(keys) == number
    assert sorted(keys) == np.flatnonzero(eligible).tolist()
    assert keys.tolist() == slow_keys(2**scale, eligible, (2, 3), number, escape=False)


@given(
    eligible=st.lists(st.booleans(), min_size=1, max_size=40), seed=SEEDS, count=st.integers(0, 70)
)
def test_both_rules_equal_plain_python(eligible, seed, count):
    n = len(eligible)
    eligible = np.array(eligible)
    reference = search_keys(n, eligible, seed, count, "reference")
    assert reference.tolist() == slow_keys(n, eligible, seed, count, escape=True)
    spec = search_keys(n, eligible, seed, count, "spec")
    number = min(count, int(eligible.sum()))
    assert spec.tolist() == slow_keys(n, eligible, seed, number, escape=False)


@given(n=st.integers(2**30, 2**40), seed=SEEDS)
def test_keys_of_large_graphs_equal_plain_python(n, seed):
    eligible = np.broadcast_to(np.True_, (n,))
    for rule in ("spec", "reference"):
        keys = search_keys(n, eligible, seed, 8, rule).tolist()
        assert keys == slow_keys(n, eligible, seed, 8, escape=False)
        assert min(keys) >= 0 and max(keys) < n


def test_two_eligible_vertices_in_a_million_are_found_within_seconds():
    eligible = np.zeros(10**6, bool)
    eligible[[17, 999_999]] = True
    start = time.process_time()
    assert sorted(search_keys(10**6, eligible)) == [17, 999_999]
    assert time.process_time() - start < 5


def test_every_vertex_can_be_a_key():
    keys = search_keys(10**5, np.ones(10**5, bool), count=10**5)
    assert sorted(keys) == list(range(10**5))


@pytest.mark.parametrize("count", [0, 64])
def test_no_eligible_vertex_means_no_key(count):
    keys = search_keys(5, np.zeros(5, bool), count=count)
    assert keys.dtype == np.int64 and keys.shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n=0 is out of range"),
        ({"n": 2.5}, "n must be a whole number, got 2.5"),
        ({"n": 5}, r"n=5 values, got dtype bool and shape \(4,\)"),
        ({"eligible": np.ones(4, int)}, "bool array of n=4 values, got dtype int64"),
        ({"eligible": np.ones((2, 2), bool)}, r"shape \(2, 2\)"),
        ({"seed": (0, -3)}, r"seed\[1\]=-3 is out of range"),
        ({"seed": (2**64, 0)}, r"seed\[0\]=18446744073709551616 is out of range"),
        ({"count": -1}, "count=-1 is out of range"),
        ({"rule": "octave"}, "rule='octave' is not known: use one of 'spec', 'reference'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(GraphError, match=message):
        search_keys(**{"n": 4, "eligible": np.ones(4, bool), **arguments})
