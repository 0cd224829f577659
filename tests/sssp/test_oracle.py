"""The oracles agree with one another and with the reference code's own answers."""

from __future__ import annotations

import numpy as np
import pytest
from golden_data import golden_edges, rows, sha256, sha256_of_distances
from hypothesis import given
from oracle import dijkstra, networkx_dijkstra, scipy_dijkstra
from strategies import DTYPES, INT64, SHAPES, WEIGHTS, make_edges, searches

from graphs.edges import EdgeList, check_edges


@pytest.mark.parametrize("oracle", [dijkstra, networkx_dijkstra])
@pytest.mark.parametrize("scale", [4, 6])
def test_the_oracles_give_every_golden_distance_and_parent(scale, oracle):
    edges = golden_edges(scale)
    distances = rows(f"roots_s{scale}_ef16_seed_def.csv")
    parents = rows(f"parents_s{scale}_ef16_seed_def.csv")
    for expected, expected_parent in zip(distances, parents, strict=True):
        dist, parent = oracle(edges, int(expected["root"]))
        assert (
            sha256(np.where(np.isinf(dist), np.float32(-1), dist))
            == (expected["sha256_dist_float32le_N"])
        )
        assert np.isfinite(dist).sum() == int(expected["reached_vertices"])
        if expected_parent["parent_unique"] == "1":
            assert sha256_of_distances(dist) == expected["sha256_dist_float32le_N"]
        assert np.isfinite(dist).sum() == int(expected["reached_vertices"])
        if expected_parent["parent_unique"] == "1":
            assert sha256(parent) == expected_parent["sha256_parent_int64le_N_if_unique"]


@given(searches())
def test_the_heap_and_networkx_agree_to_the_bit(search):
    ours, theirs = dijkstra(*search), networkx_dijkstra(*search)
    assert ours[0].dtype == theirs[0].dtype
    assert np.array_equal(ours[0], theirs[0])
    assert np.array_equal(ours[1] == -1, theirs[1] == -1)


@given(searches(dtypes=[INT64]))
def test_the_heap_and_scipy_agree_where_sums_are_exact(search):
    assert np.array_equal(dijkstra(*search)[0], scipy_dijkstra(*search))


def test_the_heap_adds_float32_and_not_float64():
    chain = EdgeList(
        np.arange(5), np.arange(1, 6), np.array([1, 2e-8, 2e-8, 2e-8, 2e-8], np.float32), 6
    )
    assert dijkstra(chain, 0)[0].tolist() == [0, 1, 1, 1, 1, 1]
    wide = EdgeList(chain.src, chain.dst, chain.weight.astype(np.float64), 6)
    assert len(set(dijkstra(wide, 0)[0].tolist())) == 6


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_random_graph_is_one(shape, weights, dtype):
    for n in (1, 2, 3, 7, 40):
        edges = make_edges(n, shape, weights, dtype, directed=False, seed=n)
        assert check_edges(edges).weight.dtype == dtype
        assert edges.n == n


def test_the_random_graphs_hold_what_they_are_for():
    def made(shape, weights="even", dtype=DTYPES[0]):
        return make_edges(30, shape, weights, dtype, directed=False, seed=1)

    doubled = made("doubled")
    assert (doubled.src == doubled.dst).any()
    assert len(set(zip(doubled.src.tolist(), doubled.dst.tolist(), strict=True))) < doubled.m
    assert made("no_edges").m == 0
    assert np.isinf(dijkstra(made("components"), 0)[0]).any()
    assert (made("path", "a_third_zero").weight == 0).any()
    assert (made("path", "zero_or_one").weight == 1).any()
    tiny = made("multigraph", "tiny").weight
    assert ((tiny > 0) & (tiny < np.finfo(np.float32).tiny)).any()
    assert made("multigraph", "heavy_tailed", INT64).weight.max() > 2**32
