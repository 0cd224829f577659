"""What shortest_paths takes for a matrix: sparse and dense ones, each edge once or twice."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs import EdgeList, GraphError, build_csr
from sssp import Graph, shortest_paths

ONCE = [[0, 2, 9], [0, 0, 3], [0, 0, 0]]


def both_forms(values):
    return scipy.sparse.csr_array(values), np.array(values)


def test_a_matrix_that_holds_each_edge_once_is_walked_as_it_is_said():
    for matrix in both_forms(ONCE):
        assert shortest_paths(matrix, 2)[0].tolist() == [np.inf, np.inf, 0]
        assert shortest_paths(matrix, 2, directed=True)[0].tolist() == [np.inf, np.inf, 0]
        dist, parent = shortest_paths(matrix, 2, directed=False)
        assert (dist.tolist(), parent.tolist()) == ([5, 3, 0], [1, 2, 2])
        assert np.array_equal(Graph(matrix, directed=False).search(2)[0], dist)


def test_where_both_directions_differ_the_lighter_one_counts():
    for matrix in both_forms([[0, 7], [1, 0]]):
        assert shortest_paths(matrix, 0)[0].tolist() == [0, 7]
        assert shortest_paths(matrix, 0, directed=False)[0].tolist() == [0, 1]


def test_a_symmetric_matrix_may_be_searched_as_a_directed_one():
    for matrix in both_forms([[0, 1, 0], [1, 0, 2], [0, 2, 0]]):
        dist, parent = shortest_paths(matrix, 2, directed=True)
        assert (dist.tolist(), parent.tolist()) == ([3, 2, 0], [1, 2, 2])


@given(
    st.integers(1, 6),
    st.integers(0, 2**32),
    st.sampled_from(["csr", "csc", "coo", "lil"]),
    st.sampled_from(["float32", "int8", "int64"]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_entries_that_are_stored_once_twice_or_unsorted_are_walked_both_ways(
    n, seed, form, dtype, symmetric
):  # fmt: skip
    random = np.random.default_rng(seed)
    values = np.triu(random.integers(0, 4, (n, n)).astype(dtype))
    if symmetric:
        values = np.triu(values) + np.triu(values, 1).T
    else:
        values = values[:, random.permutation(n)]
    matrix = scipy.sparse.csr_array(values)
    if seed % 2 and matrix.nnz:  # rows that are not sorted
        matrix = matrix[:, random.permutation(n)]
    matrix = matrix.asformat(form)
    root = int(random.integers(n))
    expected = scipy.sparse.csgraph.dijkstra(matrix, directed=False, indices=root)
    dist, parent = shortest_paths(matrix, root, directed=False)
    assert np.array_equal(dist, expected)
    assert np.array_equal(parent >= 0, np.isfinite(dist))
    assert np.array_equal(shortest_paths(matrix, root, directed=False, delta=1.0)[0], dist)


@given(st.integers(1, 9), st.integers(0, 2**32), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_dense_and_masked_arrays_equal_scipy(n, seed, directed, masked):
    random = np.random.default_rng(seed)
    values = random.integers(0, 9, (n, n)).astype(np.float64)
    values[random.random((n, n)) < 0.3] = random.choice([0, np.inf, np.nan])
    if masked:
        values = np.ma.masked_array(values, ~np.isfinite(values) | (random.random((n, n)) < 0.3))
    root = int(random.integers(n))
    expected = scipy.sparse.csgraph.dijkstra(values, directed, indices=root)
    assert np.array_equal(shortest_paths(values, root, directed=directed)[0], expected)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_weights_of_a_dense_array_are_added_in_its_type(dtype):
    values = (np.array(ONCE) * 1.1).astype(dtype)
    for matrix in (values, scipy.sparse.csr_array(values)):
        dist, _ = shortest_paths(matrix, 0)
        assert dist.dtype == (np.float32 if dtype == "float32" else np.float64)
        assert dist[2] == values[0, 1] + values[1, 2]


def test_a_dense_array_of_float16_is_added_up_in_float32():
    dist, _ = shortest_paths(np.array(ONCE, np.float16) / 8, 0)
    assert (dist.dtype, dist.tolist()) == (np.float32, [0, 0.25, 0.625])


def test_a_masked_zero_is_none_and_another_one_an_edge():
    values = np.ma.masked_array([[0, 0.0], [5, 0]], [[True, False], [False, True]])
    assert shortest_paths(values, 0)[0].tolist() == [0, 0]
    values[0, 1] = np.ma.masked
    assert shortest_paths(values, 0)[0].tolist() == [0, np.inf]


EDGES = EdgeList(np.array([0]), np.array([1]), np.array([1.0]), 2)


@pytest.mark.parametrize(
    ("graph", "directed", "message"),
    [
        (np.eye(2), 1, "directed=1 is not allowed"),
        (EDGES, True, "directed=True does not go with EdgeList"),
        (EDGES, False, "directed=False does not go with EdgeList"),
        (np.ones((2, 3)), None, "square"),
        (np.ones(3), False, "square"),
        (np.array([["a"]]), None, "real numbers"),
        (np.array([[0, -1.0], [0, 0]]), None, "weight -1.0 is not allowed"),
        ([[0, 1], [0, 0]], None, "list is no graph; .* NumPy"),
        (nx.path_graph(3), None, "Graph of networkx .*to_scipy_sparse_array.*backend"),
    ],
)
def test_what_cannot_be_read_is_refused(graph, directed, message):
    with pytest.raises(GraphError, match=message):
        shortest_paths(graph, 0, directed=directed)


def test_a_built_graph_says_itself_what_it_is():
    with pytest.raises(GraphError, match="directed=True does not go with CSR"):
        shortest_paths(build_csr(EDGES), 0, directed=True)
    with pytest.raises(GraphError, match="directed=True does not go with Graph"):
        shortest_paths(Graph(EDGES), 0, directed=True)


def test_what_the_error_names_for_a_graph_of_networkx_works():
    graph = nx.path_graph(3)
    assert shortest_paths(nx.to_scipy_sparse_array(graph), 0)[0].tolist() == [0, 1, 2]
