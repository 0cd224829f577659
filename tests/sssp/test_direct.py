"""Searches on the arrays of a matrix as they are: an oracle's distances, parents in a tree."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csgraph
from strategies import DTYPES, INT64, searches
from verdicts import assert_answers

from graphs import EdgeList, GraphError
from harness.validation.host import validate
from sssp.direct import search


def arrays(edges, ids=np.int64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arcs of an edge list as indptr, indices and weights: unsorted, parallel ones kept."""
    src, dst, weight = edges.src, edges.dst, edges.weight
    if not edges.directed:
        src, dst = np.append(src, dst), np.append(dst, src)
        weight = np.append(weight, weight)
    order = np.argsort(src, kind="stable")
    indptr = np.zeros(edges.n + 1, ids)
    indptr[1:] = np.cumsum(np.bincount(src, minlength=edges.n))
    return indptr, dst[order].astype(ids), weight[order]


def assert_same(edges, root, dist, parent):
    assert_answers(edges, [(root, dist, parent.astype(np.int64))])


@pytest.mark.slow
@given(searches(), st.sampled_from([np.int32, np.int64]))
@settings(max_examples=100)
def test_distances_equal_the_oracle(drawn, ids):
    edges, root = drawn
    assert_same(edges, root, *search(*arrays(edges, ids), root)[:2])


@given(searches(), st.floats(0, 1))
@settings(max_examples=40)
def test_a_limit_leaves_out_what_is_farther(drawn, share):
    edges, root = drawn
    whole, _, _ = search(*arrays(edges), root)
    limit = float(np.quantile(whole[np.isfinite(whole)], share, method="higher"))
    dist, parent, _ = search(*arrays(edges), root, limit=limit)
    assert np.array_equal(dist, np.where(whole <= limit, whole, np.inf))
    assert np.array_equal(parent >= 0, whole <= limit)


@given(searches(), st.data())
@settings(max_examples=40)
def test_a_target_is_a_limit_at_its_distance(drawn, data):
    edges, root = drawn
    target = data.draw(st.integers(0, edges.n - 1))
    whole, _, _ = search(*arrays(edges), root)
    dist, parent, _ = search(*arrays(edges), root, target=target)
    assert np.array_equal(dist, np.where(whole <= whole[target], whole, np.inf))
    assert np.array_equal(parent >= 0, np.isfinite(dist))


@given(searches(), st.data())
@settings(max_examples=40)
def test_several_sources_are_searched_apart_or_together(drawn, data):
    edges, root = drawn
    roots = data.draw(st.lists(st.integers(0, edges.n - 1), max_size=4)) + [root]
    apart, parents, _ = search(*arrays(edges), roots)
    for row, parent, source in zip(apart, parents, roots, strict=True):
        assert_same(edges, source, row, parent)
    dist, parent, source = search(*arrays(edges), roots, min_only=True)
    assert np.array_equal(dist, apart.min(axis=0))
    reached = np.flatnonzero(np.isfinite(dist))
    assert np.array_equal(source[reached], source[parent[reached]])
    assert set(source[reached]) <= set(roots)
    assert np.array_equal(source >= 0, np.isfinite(dist))
    own = source == np.arange(edges.n)
    assert np.all(parent[own] == source[own])
    for v in reached:  # the source has this distance itself
        assert dist[v] == search(*arrays(edges), int(source[v]))[0][v]


@given(searches(dtypes=[INT64]), st.integers(0, 2000))
@settings(max_examples=40)
def test_integers_equal_scipy_with_its_limit_and_its_third_array(drawn, limit):
    edges, root = drawn
    indptr, indices, weights = arrays(edges)
    matrix = scipy.sparse.csr_array((weights, indices, indptr), (edges.n, edges.n))
    matrix.sum_duplicates()
    roots = sorted({root, 0})
    for options in ({}, {"limit": limit}):
        dist, parent, source = search(
            matrix.indptr, matrix.indices, matrix.data, roots, min_only=True, **options
        )
        theirs, before, their_source = csgraph.dijkstra(
            matrix, indices=roots, min_only=True, return_predecessors=True, **options
        )
        assert np.array_equal(dist, theirs)
        assert np.array_equal(source >= 0, their_source >= 0)
        assert np.array_equal((parent >= 0) & (parent != np.arange(edges.n)), before >= 0)


@pytest.mark.parametrize("weights", ["rising", "equal", "random"])
@pytest.mark.parametrize("n", [60, 900])
def test_buckets_and_a_list_that_run_full_lose_nothing(n, weights):
    # Every vertex improves all after it, again and again; or all are equally far.
    src, dst = np.triu_indices(n, 1)
    weight = {
        "rising": ((dst - src) ** 2).astype(np.float64),
        "equal": np.ones(len(src)),
        "random": np.random.default_rng(n).random(len(src)) * (dst - src) ** 1.5,
    }[weights]
    edges = EdgeList(src, dst, weight, n, directed=True)
    dist, parent, _ = search(*arrays(edges), 0)
    [verdict] = validate(edges, [(0, dist, parent.astype(np.int64))])
    assert verdict.valid
    matrix = scipy.sparse.csr_array((weight, (src, dst)), (n, n))
    assert np.array_equal(dist, csgraph.dijkstra(matrix, indices=0))


@pytest.mark.parametrize("share", [0, 0.5], ids=["no zeros", "zeros"])
def test_one_weight_far_beyond_the_others_leaves_the_answer_as_it_is(share):
    # The first buckets reach up to it, so that nearly all of the search falls into one of them.
    random, n, m = np.random.default_rng(5), 3000, 16_000
    src, dst = random.integers(0, n, (2, m))
    weight = np.append(np.where(random.random(m) < share, 0, random.random(m)), 1e9)
    edges = EdgeList(np.append(src, 0), np.append(dst, 1), weight, n, directed=True)
    dist, parent, _ = search(*arrays(edges), 0)
    assert_same(edges, 0, dist, parent)


@pytest.mark.parametrize("root", [0, 699])
def test_a_clique_behind_a_path_is_in_buckets_of_its_own_width(root):
    # From the path's end all of the clique falls into one bucket, which is broken off.
    path, clique = np.arange(400), np.triu_indices(300, 1)
    src, dst = np.append(path, clique[0] + 400), np.append(path + 1, clique[1] + 400)
    weight = np.random.default_rng(8).random(len(src)) * np.where(np.arange(len(src)) < 400, 1e4, 1)
    edges = EdgeList(src, dst, weight, 700)
    dist, parent, _ = search(*arrays(edges), root)
    assert_same(edges, root, dist, parent)


def test_weights_over_hundreds_of_orders_of_magnitude_crowd_buckets_and_lose_nothing():
    random, n, m = np.random.default_rng(4), 1000, 24_000
    hubs = 1 / np.arange(1, n + 1)
    src, dst = random.choice(n, (2, m), p=hubs / hubs.sum())
    edges = EdgeList(src, dst, 10.0 ** random.uniform(-150, 150, m), n)
    for root in (0, n // 2):
        dist, parent, _ = search(*arrays(edges), root)
        assert_same(edges, root, dist, parent)


@pytest.mark.parametrize("dtype", ["bool", "u1", "i1", "i2", "u2", "i4", "u4", "u8", ">i4", "f2"])
def test_every_real_type_of_weights_is_taken(dtype):
    dist, _, _ = search([0, 1, 2, 2], [1, 2], np.ones(2, dtype), 0)
    assert dist.tolist() == [0, 1, 2]
    assert dist.dtype == (np.float32 if dtype == "f2" else np.float64)


PATH: tuple[list[int], list[int]] = ([0, 1, 2, 2], [1, 2])


@pytest.mark.parametrize("weights", [[2**53 - 1, 1], [2**53 + 1, 0], [1, 2**63 - 1]])
def test_integer_sums_that_float64_does_not_hold_are_refused(weights):
    with pytest.raises(GraphError, match="beyond 2.53"):
        search(*PATH, np.array(weights), 0)


@pytest.mark.parametrize(("dtype", "large"), [("float32", 3e38), ("float64", 1e308)])
def test_a_sum_beyond_the_range_is_an_error_never_unreached(dtype, large):
    weights = np.full(2, large, dtype)
    with pytest.raises(GraphError, match=f"beyond the range of {dtype}"):
        search(*PATH, weights, 0)
    assert np.isinf(search(*PATH, weights, 0, limit=large)[0][2])
    assert search(*PATH, weights, 0, target=1)[0][1] == weights[0]
    beside = np.append(weights, weights[0] / 4)
    assert np.isfinite(search([0, 2, 3, 3], [1, 2, 2], beside[[0, 2, 1]], 0)[0]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indptr": [0, 1, 2, 3]}, "rise from 0 to at most 2"),
        ({"indptr": [0, 2, 1, 2]}, "rise from 0"),
        ({"indptr": [1, 1, 2, 2]}, "rise from 0"),
        ({"indptr": [0]}, "1 to 2.31 - 2 vertices"),
        ({"indptr": [[0, 1]]}, "one dimension"),
        ({"indptr": [0.0, 1.0]}, "must hold integers"),
        ({"indices": [1, 3]}, "index 3 is not a vertex; ids are 0..2"),
        ({"indices": [-1, 2]}, "index -1 is not a vertex"),
        ({"weights": [1.0, -1.0]}, "entry 1: weight -1.0 is not allowed"),
        ({"weights": [np.nan, 1.0]}, "entry 0: weight nan is not allowed"),
        ({"weights": [1.0, np.inf]}, "entry 1: weight inf is not allowed"),
        ({"weights": [1j, 0]}, "must be float32, float64 or integers, got dtype complex128"),
        ({"sources": 3}, "root=3 is not a vertex; ids are 0..2"),
        ({"sources": [0, -1]}, "root=-1 is not a vertex"),
        ({"sources": 0.5}, "root=0.5 is not an integer"),
        ({"sources": "a"}, "root='a' is not an integer"),
        ({"limit": -1}, "limit=-1 is not allowed"),
        ({"limit": np.nan}, "limit=nan is not allowed"),
        ({"limit": "x"}, "limit='x' is not allowed"),
        ({"target": 3}, "target=3 is not a vertex"),
        ({"target": [0]}, "is not an integer"),
    ],
)
def test_what_cannot_be_searched_is_refused(change, message):
    given: dict = {"indptr": [0, 1, 2, 2], "indices": [1, 2], "weights": [1.0, 1.0], "sources": 0}
    with pytest.raises(GraphError, match=message):
        search(**(given | change))


@pytest.mark.parametrize(
    "asked",
    [{}, {"limit": 0}, {"target": 0}, {"sources": [0, 1]}, {"sources": []},
     {"sources": [0], "min_only": True}, {"sources": [], "min_only": True}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indptr": [0, 1, 1, 1, 9]}, "rise from 0 to at most 3"),
        ({"indptr": [0, -1, 1, 1, 3]}, "rise from 0"),
        ({"indices": [1, 0, 4]}, "index 4 is not a vertex"),
        ({"indices": [1, 0, -(2**31)]}, "index -2147483648 is not a vertex"),
        ({"indices": [4, 0, 5]}, "index 4 is not a vertex"),
        ({"weights": [1, 1, -1.0]}, "entry 2: weight -1.0"),
        ({"weights": [1, np.nan, -1]}, "entry 1: weight nan"),
        ({"weights": [np.inf, np.nan, 1]}, "entry 0: weight inf"),
    ],
)
def test_rows_that_a_search_does_not_read_are_checked(asked, change, message):
    # From 0 only 1 is reached; 3 has arcs, and is not.
    given: dict = {"indptr": [0, 1, 1, 1, 3], "indices": [1, 0, 1], "weights": [1.0, 1, 1]}
    with pytest.raises(GraphError, match=message):
        search(**(given | change | {"sources": 0} | asked))


@pytest.mark.parametrize("weights", [[-0.0, 1], [0, np.finfo(float).max]])
def test_weights_at_the_ends_of_what_is_allowed_are_walked(weights):
    for indptr in ([0, 1, 2, 2], [0, 1, 1, 2]):  # read by the search, or behind it
        reached = [0, weights[0], weights[1] if indptr[2] == 2 else np.inf]
        assert search(indptr, [1, 2], np.array(weights), 0)[0].tolist() == reached


def test_arrays_that_are_read_only_or_not_aligned_are_searched_as_others_are():
    weights = np.frombuffer(b"." + np.array([1.0, 2.0]).tobytes(), np.float64, offset=1)
    assert not (weights.flags.aligned or weights.flags.writeable)
    assert search(*PATH, weights, 0)[0].tolist() == [0, 1, 3]


def test_a_small_search_after_another_finds_nothing_of_it():
    for n in (900, 3, 40, 1):
        matrix = scipy.sparse.csr_array(np.triu(np.ones((n, n)), 1) * 2.0)
        assert search(matrix.indptr, matrix.indices, matrix.data, 0)[0].tolist() == [0] + [2] * (
            n - 1
        )


def test_entries_behind_the_last_row_are_not_looked_at():
    dist, _, _ = search([0, 1, 2, 2], [1, 2, 99], [1.0, 1.0, -1.0], 0)
    assert dist.tolist() == [0, 1, 2]


def test_the_types_of_distances_are_those_of_the_solver():
    assert [search(*PATH, np.ones(2, dtype), 0)[0].dtype for dtype in DTYPES] == [
        np.float32, np.float64, np.float64,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("roots", "message"),
    [
        ([0, -1], "root=-1 is not a vertex"),
        (np.array([1, 3], np.uint8), "root=3 is not a vertex"),
        (np.array([1, 2**64 - 1], np.uint64), "root=18446744073709551615 is not a vertex"),
        (np.array([-(2**63)]), "root=-9223372036854775808 is not a vertex"),
        ([[0]], "nor a list of them"),
        ([0.0], "nor a list of them"),
        (True, "root=True is not an integer"),
    ],
)
def test_sources_that_are_no_vertices_are_refused_by_name(roots, message):
    with pytest.raises(GraphError, match=message):
        search(*PATH, np.ones(2), roots)
