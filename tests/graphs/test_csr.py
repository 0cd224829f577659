"""Kernel 1: the rows are the graph, without self loops and parallel edges, sorted by weight."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import edge_lists

from graphs import EdgeList, GraphError, KroneckerStream, build_csr, kronecker
from graphs.csr import Rows


def lightest(edges, forward=True):
    """{(u, v): weight} of every arc but self loops, the lightest of parallel ones."""
    found: dict = {}
    for u, v, w in zip(edges.src.tolist(), edges.dst.tolist(), edges.weight.tolist(), strict=True):
        pairs = [(u, v)] if forward else [(v, u)]
        if not edges.directed:
            pairs = [(u, v), (v, u)]
        for pair in pairs:
            if u != v:
                found[pair] = min(w, found.get(pair, np.inf))
    return found


def arcs_of(csr, rows: Rows):
    """{(u, v): weight} of rows, in original ids; parallel arcs would collide."""
    original = csr.global_id[:-1].astype(np.int64)
    heads = np.repeat(np.arange(csr.n), np.diff(rows.indptr))
    pairs = list(zip(original[heads].tolist(), original[rows.adj].tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    return dict(zip(pairs, rows.weight.tolist(), strict=True))


def check_rows(edges, csr):
    assert arcs_of(csr, csr.out) == lightest(edges)
    if csr.incoming is not None:
        assert arcs_of(csr, csr.incoming) == lightest(edges, forward=False)
    for rows in (csr.out, csr.incoming or csr.out):
        steps = np.diff(rows.weight.astype(np.float64))
        row_ends = rows.indptr[1:-1]
        inside = np.ones(max(len(rows.arcs) - 1, 0), bool)
        inside[row_ends[(row_ends > 0) & (row_ends < len(rows.arcs))] - 1] = False
        assert np.all(steps[inside] >= 0)
        # Neighbours that follow each other are near each other in memory.
        assert np.all(np.diff(rows.adj.astype(np.int64))[inside & (steps == 0)] > 0)
    assert np.array_equal(csr.global_id[csr.local_id], np.arange(csr.n))
    assert csr.global_id[csr.n] == -1


@given(edge_lists())
def test_rows_are_the_graph(edges):
    check_rows(edges, build_csr(edges))


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_rows_with_hubs_are_the_graph(dtype, directed):
    made = kronecker(9, seed=(5, 77))
    weight = (made.weight * 1000).astype(dtype)
    edges = EdgeList(made.src, made.dst, weight, made.n, directed)
    csr = build_csr(edges)
    assert csr.stats.hubs
    check_rows(edges, csr)
    degree = np.diff(csr.out.indptr)
    if not directed:
        assert degree[0] == degree.max()
        assert np.all(degree[csr.layout.leaves.start : csr.layout.reachable] == 1)
        assert np.all(degree[csr.layout.reachable :] == 0)


@given(edge_lists(shapes=["star", "path", "grid", "multigraph"]), st.integers(2, 5))
@settings(max_examples=25)
def test_rows_do_not_depend_on_the_threads(edges, threads):
    one, many = build_csr(edges, threads=1), build_csr(edges, threads=threads)
    assert np.array_equal(one.out.indptr, many.out.indptr)
    assert np.array_equal(one.out.arcs, many.out.arcs)
    assert np.array_equal(one.local_id, many.local_id)


def test_edges_made_in_slices_give_the_same_rows():
    whole = build_csr(kronecker(12, seed=(9, 1)))
    sliced = build_csr(KroneckerStream(12, seed=(9, 1), slice_edges=10_000))
    assert np.array_equal(whole.out.indptr, sliced.out.indptr)
    assert np.array_equal(whole.out.arcs, sliced.out.arcs)
    assert np.array_equal(whole.local_id, sliced.local_id)
    assert whole.stats.max_weight == sliced.stats.max_weight


def test_flat_degrees_keep_the_order_of_the_ids():
    n = 1000
    path = EdgeList(np.arange(n - 1), np.arange(1, n), np.ones(n - 1, np.float32), n)
    csr = build_csr(path)
    assert not csr.stats.hubs
    assert np.array_equal(csr.local_id, np.arange(n))


def test_long_rows_of_uneven_weights_are_sorted():
    n = 5000
    random = np.random.default_rng(3)
    kinds = [random.random(n), 10.0 ** random.uniform(-30, 30, n), np.full(n, 0.25), np.zeros(n)]
    for weights in kinds:
        weights[0] = 1e30  # one far away leaves all others in one bucket of the sort
    for weights in (*kinds, np.ones(n)):
        others = random.permutation(n) + 1
        star = EdgeList(np.zeros(n, np.int64), others, weights.astype(np.float32), n + 1)
        csr = build_csr(star)
        check_rows(star, csr)


def test_a_row_longer_than_the_sort_has_buckets():
    n = 300_000
    weight = np.random.default_rng(1).random(n).astype(np.float32)
    csr = build_csr(EdgeList(np.zeros(n, np.int64), np.arange(1, n + 1), weight, n + 1, True))
    assert np.array_equal(csr.out.weight, np.sort(weight))
    assert np.array_equal(weight[csr.global_id[csr.out.adj] - 1], csr.out.weight)


def test_negative_zero_counts_as_zero():
    edges = EdgeList(np.array([0]), np.array([1]), np.array([-0.0], np.float32), 2)
    assert build_csr(edges).weight.tolist() == [0.0, 0.0]
    assert not np.signbit(build_csr(edges).weight).any()


@pytest.mark.parametrize(
    ("src", "dst", "weight", "n", "message"),
    [
        ([0], [5], [1.0], 3, "edge 0: dst=5 is not in 0..2"),
        ([-1], [0], [1.0], 3, "edge 0: src=-1 is not in 0..2"),
        ([0, 1], [1, 2], [1.0, -2.0], 3, "edge 1: weight -2.0 is not allowed"),
        ([0], [1], [np.nan], 3, "edge 0: weight nan is not allowed"),
        ([0], [1], [np.inf], 3, "edge 0: weight inf is not allowed"),
        ([0], [1], [1j], 3, "got dtype complex128"),
        ([0], [1], [1.0], 0, "at least one vertex, got n=0"),
        ([0], [1, 2], [1.0], 3, "differ in length"),
        ([0], [1], [1.0], 2**31, "less than 2.31 vertices"),
    ],
)
def test_what_is_no_graph_is_refused(src, dst, weight, n, message):
    edges = EdgeList(np.array(src), np.array(dst), np.array(weight), n)
    with pytest.raises(GraphError, match=message):
        build_csr(edges)
