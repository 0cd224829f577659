"""sssp.csgraph answers as scipy.sparse.csgraph does, and refuses what that refuses."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csgraph as scipys

from sssp import csgraph

FORMS = ("csr", "csc", "coo", "lil", "dense", "masked", "list")


@pytest.mark.parametrize("name", ["dijkstra", "shortest_path"])
def test_the_arguments_are_those_of_scipy(name):
    ours, theirs = (inspect.signature(getattr(of, name)) for of in (csgraph, scipys))
    assert [(p.name, p.default, p.kind) for p in ours.parameters.values()] == [
        (p.name, p.default, p.kind) for p in theirs.parameters.values()
    ]


@st.composite
def calls(draw):
    """Arcs, inf where there is none, a matrix of them in some form, arguments of `dijkstra`."""
    n = draw(st.integers(1, 10))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    is_arc = random.random((n, n)) < draw(st.sampled_from([0.1, 0.3, 0.9]))
    weights = random.integers(0, 5, (n, n)).astype(draw(st.sampled_from(["f8", "f4", "i8", "u1"])))
    form = draw(st.sampled_from(FORMS))
    if form in ("dense", "list"):  # where 0 is no arc
        is_arc &= weights > 0
        matrix = weights * is_arc
        matrix = matrix.tolist() if form == "list" else matrix
    elif form == "masked":
        matrix = np.ma.masked_array(weights.astype(np.float64), ~is_arc)
    else:
        matrix = scipy.sparse.coo_array((weights[is_arc], np.nonzero(is_arc)), (n, n))
        matrix = matrix.asformat(form)
    vertex = st.integers(-n, n - 1)
    pairs = st.lists(st.tuples(vertex, vertex), min_size=1, max_size=3)
    return (
        np.where(is_arc, weights, np.inf),
        matrix,
        {
            "directed": draw(st.booleans()),
            "indices": draw(st.one_of(st.none(), vertex, st.lists(vertex, max_size=4), pairs)),
            "unweighted": draw(st.booleans()),
            "limit": draw(st.sampled_from([np.inf, 0, 1, 4.5, 7])),
            "min_only": draw(st.booleans()),
        },
    )


def all_pairs(arcs):
    """Distances between all vertices, by SciPy's Floyd and Warshall."""
    at = np.nonzero(np.isfinite(arcs))
    return scipys.floyd_warshall(scipy.sparse.csr_array((arcs[at], at), arcs.shape))


@pytest.mark.slow
@given(calls())
@settings(max_examples=100, deadline=None)
def test_distances_equal_those_of_scipy_and_predecessors_are_trees(call):
    arcs, matrix, arguments = call
    n = len(arcs)
    if arguments["unweighted"]:
        arcs = np.where(np.isfinite(arcs), 1, np.inf)
    if not arguments["directed"]:
        arcs = np.minimum(arcs, arcs.T)
    dist = all_pairs(arcs)
    indices = arguments["indices"]
    starts = np.arange(n) if indices is None else np.array(indices, np.int64)
    expected = dist[starts]
    if arguments["min_only"]:
        expected = dist[starts.ravel()].min(axis=0, initial=np.inf)
    expected = np.where(expected <= arguments["limit"], expected, np.inf)
    found, before, *sources = csgraph.dijkstra(matrix, return_predecessors=True, **arguments)
    assert found.dtype == np.float64 and np.array_equal(found, expected)
    assert np.array_equal(csgraph.dijkstra(matrix, **arguments), found)
    assert before.dtype == np.int32 and before.shape == found.shape
    assert len(sources) == arguments["min_only"]
    starts = starts.ravel() % n
    for row, parents, roots in zip(
        found.reshape(-1, n),
        before.reshape(-1, n),
        [set(starts)] if arguments["min_only"] else [{start} for start in starts],
        strict=True,
    ):
        for v in range(n):
            if v in roots or np.isinf(row[v]):
                assert parents[v] == -9999
                continue
            assert row[parents[v]] + arcs[parents[v], v] == row[v]
            path = [v]
            while path[-1] not in roots:
                path.append(parents[path[-1]])
                assert len(path) <= n
            if sources:
                assert sources[0][v] == path[-1]
        if sources:
            assert sources[0].dtype == np.int32
            assert all(sources[0][root] == root for root in roots)
            assert np.all((sources[0] == -9999) == np.isinf(row))


PATH = scipy.sparse.csr_array([[0, 1.0, 5], [0, 0, 2], [0, 0, 0]])


def test_the_callers_matrix_is_left_as_it_is():
    for form in ("csr", "csc", "coo"):
        matrix = PATH.asformat(form)
        matrix.data.flags.writeable = False
        csgraph.dijkstra(matrix, unweighted=True, directed=False)
        assert np.array_equal(matrix.toarray(), PATH.toarray())


def test_entries_of_a_place_that_is_named_twice_are_read_as_scipy_reads_them():
    # Added up in coordinates; the lighter one counts in rows.
    coordinates = scipy.sparse.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(2, 2))
    rows = scipy.sparse.csr_array(([2.0, 1.0], [1, 1], [0, 2, 2]), shape=(2, 2))
    for matrix, expected in ((coordinates, 3), (rows, 1)):
        for directed in (True, False):
            found = csgraph.dijkstra(matrix, directed, indices=0)
            assert found.tolist() == [0, expected]
            assert found.tolist() == scipys.dijkstra(matrix, directed, indices=0).tolist()


@pytest.mark.parametrize("directed", [True, False])
def test_inf_and_nan_are_no_arcs(directed):
    sparse = scipy.sparse.csr_array(
        ([np.inf, 2.0, np.nan, 1.0], ([0, 0, 1, 3], [1, 2, 3, 1])), shape=(4, 4)
    )
    dense = sparse.toarray()
    masked = np.ma.masked_array(dense, dense == 0)
    for matrix in (sparse, dense, masked):
        found = csgraph.dijkstra(matrix, directed=directed)
        expected = np.full((4, 4), np.inf)
        np.fill_diagonal(expected, 0)
        expected[0, 2], expected[3, 1] = 2, 1
        assert np.array_equal(found, expected if directed else np.minimum(expected, expected.T))


@pytest.mark.parametrize("directed", [True, False])
def test_where_arcs_are_counted_all_that_are_stored_count_as_in_scipy(directed):
    stored = ([np.inf, 2.0, np.nan, 1.0], ([0, 0, 1, 3], [1, 2, 3, 1]))
    sparse = scipy.sparse.csr_array(stored, shape=(4, 4))
    for matrix in (sparse, sparse.toarray()):  # of a dense array only what is finite
        found = csgraph.dijkstra(matrix, directed, unweighted=True)
        assert np.array_equal(found, scipys.dijkstra(matrix, directed, unweighted=True))


def test_a_masked_array_without_a_mask_has_all_arcs():
    assert csgraph.dijkstra(np.ma.masked_array([[0, 0.0], [5, 0]])).tolist() == [[0, 0], [5, 0]]


@pytest.mark.parametrize("shape", [(0, 0), (3, 3)])
@pytest.mark.parametrize("min_only", [True, False])
def test_no_vertex_to_start_from_is_no_error(shape, min_only):
    arguments = {"indices": [], "min_only": min_only, "return_predecessors": True}
    for ours, theirs in zip(
        csgraph.dijkstra(np.zeros(shape), **arguments),
        scipys.dijkstra(np.zeros(shape), **arguments),
        strict=True,
    ):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"indices": 3}, ValueError),
        ({"indices": [0, -4]}, ValueError),
        ({"indices": "a"}, ValueError),
        ({"limit": -1}, ValueError),
        ({"limit": "1"}, TypeError),
        ({"limit": None}, TypeError),
        ({"csgraph": scipy.sparse.csr_array((2, 3))}, ValueError),
        ({"csgraph": np.ones((2, 3))}, ValueError),
        ({"csgraph": np.ones(3)}, ValueError),
    ],
)
def test_what_scipy_refuses_is_refused_as_scipy_does(arguments, error):
    arguments = {"csgraph": PATH, **arguments}
    with pytest.raises(error):
        scipys.dijkstra(**arguments)
    with pytest.raises(error) as refusal:
        csgraph.dijkstra(**arguments)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"indices": 0.5}, "0.5 is no vertex; ids are 0..2"),
        ({"indices": [np.nan]}, "nan is no vertex"),
        ({"limit": np.nan}, "limit=nan is not allowed"),
        ({"csgraph": np.array([[0, 1e308, 0], [0, 0, 1e308], [0, 0, 0]])}, "range of float64"),
    ],
)
def test_what_scipy_answers_in_silence_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        csgraph.dijkstra(**{"csgraph": PATH, **arguments})


@pytest.mark.parametrize("directed", [True, False])
def test_arrays_that_do_not_fit_each_other_are_refused(directed):
    for data in (1.0, np.inf):
        matrix = scipy.sparse.csr_array(([data], [1], [0, 1, 1]), shape=(2, 2))
        matrix.indices[0] = 7
        with pytest.raises(ValueError, match="7|indices"):
            csgraph.dijkstra(matrix, directed=directed)


NEGATIVE = np.array([[0, -1.0, 0], [0, 0, 2], [0, 0, 0]])


def test_negative_weights_are_passed_on_to_scipy_which_warns():
    with pytest.warns(UserWarning, match="negative weights"):
        assert csgraph.dijkstra(NEGATIVE, indices=0).tolist() == [0, -1, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert csgraph.shortest_path(NEGATIVE, indices=0).tolist() == [0, -1, 1]


@pytest.mark.parametrize("method", ["FW", "BF", "J"])
def test_other_methods_are_scipys(method, monkeypatch):
    arguments = []
    monkeypatch.setattr(scipys, "shortest_path", lambda *given: arguments.append(given))
    csgraph.shortest_path(PATH, method, False, True, True, True, 1)
    assert arguments == [(PATH, method, False, True, True, True, 1)]


def test_a_method_that_is_none_is_refused():
    with pytest.raises(ValueError, match="unrecognized method 'x'"):
        csgraph.shortest_path(PATH, method="x")


def test_the_methods_auto_and_d_are_searched_here(monkeypatch):
    for name in ("shortest_path", "dijkstra", "floyd_warshall", "johnson"):
        monkeypatch.setattr(scipys, name, None)
    for method in ("auto", "D"):
        assert csgraph.shortest_path(PATH, method)[0].tolist() == [0, 1, 3]
        assert csgraph.shortest_path(PATH.toarray(), method)[0].tolist() == [0, 1, 3]
