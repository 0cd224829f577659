"""Graph, and which way shortest_paths takes: arrays as they are, or rows; the same distances."""

import gc
import pickle
import weakref

import numpy as np
import oracle
import pytest
import scipy.sparse
from hypothesis import given, settings
from scipy.sparse import csgraph
from strategies import searches

from graphs import EdgeList, GraphError, build_csr
from sssp import Graph, Solver, graph, paths, shortest_paths, solver


@pytest.fixture
def small(monkeypatch):
    """As users have it: one thread searches small graphs."""
    monkeypatch.setattr(solver, "SMALL", 1 << 18)
    monkeypatch.setattr(solver, "SMALL_LONG", 1 << 18)
    monkeypatch.setattr(paths, "SMALL_EDGES", 1 << 17)


def ring(n=40, dtype=np.float64):
    ids = np.arange(n)
    return EdgeList(ids, (ids + 1) % n, ((ids * 7) % 5 + 1).astype(dtype), n)


def as_matrix(edges):
    src, dst = np.append(edges.src, edges.dst), np.append(edges.dst, edges.src)
    weight = np.append(edges.weight, edges.weight)
    return scipy.sparse.csr_array((weight, (src, dst)), (edges.n, edges.n))


@given(searches())
@settings(max_examples=40)
def test_small_rows_and_edges_are_searched_on_one_thread(drawn):
    edges, root = drawn
    expected, _ = oracle.dijkstra(edges, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solver, "SMALL", 1 << 18)
        patch.setattr(solver, "SMALL_LONG", 1 << 18)
        patch.setattr(paths, "SMALL_EDGES", 1 << 17)
        solved = Solver(build_csr(edges))
        assert solved._small is not None
        answer = solved.search(root)
        dist, parent = shortest_paths(edges, root)
    for found, before in ((answer.dist, answer.parent), (dist, parent)):
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)
        assert before.dtype == np.int64
        assert np.array_equal(before >= 0, np.isfinite(expected))
        assert before[root] == root


def test_a_small_solver_writes_into_an_answer_and_says_what_it_is(small):
    solved = Solver(build_csr(ring()))
    out = solved.new_answer()
    assert solved.search(3, out) is out
    assert out.dist[3] == 0
    assert out.arcs == 80
    assert solved.choices["threads"] == 1
    assert solved.choices["delta"] == 0
    assert Solver(build_csr(ring()), delta=2.0).choices["delta"] == 2


def test_few_threads_search_longer_graphs_alone(monkeypatch):
    path = EdgeList(np.arange(49), np.arange(1, 50), np.ones(49), 50)  # 98 arcs, and it is long
    monkeypatch.setattr(solver, "SMALL_LONG", 30)
    few = Solver(build_csr(path), threads=1)
    assert few._small is not None
    monkeypatch.setattr(solver, "FEW_THREADS", 0)
    many = Solver(build_csr(path), threads=1)
    assert many._small is None
    assert np.array_equal(few.search(3).dist, many.search(3).dist)


def test_small_integers_of_every_width_stay_exact(small):
    for step in (1, 2**31, 2**33, 2**49 + 1):
        edges = EdgeList(np.arange(3), np.arange(1, 4), np.full(3, step), 4)
        expected = [0, step, 2 * step, 3 * step]
        assert [int(x) for x in Solver(build_csr(edges)).search(0).dist] == expected
        assert [int(x) for x in shortest_paths(edges, 0)[0]] == expected
    edges = EdgeList(np.arange(2), np.arange(1, 3), np.array([2**53, 2]), 3)
    for search in (lambda: shortest_paths(edges, 0), lambda: Solver(build_csr(edges)).search(0)):
        with pytest.raises(GraphError, match="beyond 2.53"):
            search()


@pytest.mark.parametrize("kind", ["matrix", "edges", "rows", "graph"])
def test_several_roots_limits_and_targets_of_every_kind_of_graph(kind):
    edges = ring()
    given = {
        "matrix": as_matrix(edges),
        "edges": edges,
        "rows": build_csr(edges),
        "graph": Graph(as_matrix(edges)),
    }[kind]
    expected = csgraph.dijkstra(as_matrix(edges), indices=[3, 9])
    dist, parent = shortest_paths(given, [3, 9])
    assert np.array_equal(dist, expected)
    assert parent.shape == dist.shape
    assert parent.dtype == np.int64
    dist, _ = shortest_paths(given, 3, limit=20)
    assert np.array_equal(dist, np.where(expected[0] <= 20, expected[0], np.inf))
    dist, _ = shortest_paths(given, 3, target=9)
    assert np.array_equal(dist, np.where(expected[0] <= expected[0][9], expected[0], np.inf))
    dist, parent, source = shortest_paths(given, [3, 9], min_only=True)
    assert np.array_equal(dist, expected.min(axis=0))
    assert source.dtype == np.int64
    assert set(source) == {3, 9}
    none, _ = shortest_paths(given, [])
    assert none.shape == (0, edges.n)


def test_roots_are_searched_on_threads_too(monkeypatch):
    monkeypatch.setattr("sssp.direct._WORTH_THREADS", 0)
    matrix = as_matrix(ring())
    dist, _ = shortest_paths(matrix, range(40), threads=2)
    assert np.array_equal(dist, csgraph.dijkstra(matrix))


def test_a_matrix_that_has_changed_is_searched_as_it_is():
    matrix = as_matrix(ring())
    before = shortest_paths(matrix, 0)[0]
    matrix.data[:] *= 2
    assert np.array_equal(shortest_paths(matrix, 0)[0], 2 * before)


def test_rows_are_built_when_enough_searches_were_asked_for(monkeypatch):
    monkeypatch.setattr(graph, "LARGE", 0)
    star = EdgeList(np.zeros(99, np.int64), np.arange(1, 100), np.arange(99.0), 100)
    kept = Graph(as_matrix(star))
    first, _ = shortest_paths(kept, 5)
    assert kept.csr is None
    many, _ = shortest_paths(kept, [5] * graph.PAYS)
    assert kept.csr is not None
    assert np.array_equal(many[0], first)
    rows = kept.csr
    assert np.array_equal(shortest_paths(kept, 5)[0], first)
    assert kept.csr is rows


def test_a_solver_is_kept_with_its_rows_and_goes_with_them():
    rows = build_csr(ring())
    dist, _ = shortest_paths(rows, 0)
    kept = weakref.ref(graph.solver_for(rows))
    assert graph.solver_for(rows) is kept()
    assert graph.solver_for(rows, threads=1) is not graph.solver_for(rows)
    assert np.array_equal(shortest_paths(pickle.loads(pickle.dumps(rows)), 0)[0], dist)
    kept = weakref.ref(graph.solver_for(rows))
    del rows
    gc.collect()
    assert kept() is None


def test_a_graph_of_what_is_none_is_refused():
    with pytest.raises(GraphError, match="list is no graph"):
        Graph([[0, 1], [1, 0]])
    matrix = as_matrix(ring())
    matrix.indptr = matrix.indptr[:-1]
    with pytest.raises(GraphError, match="indptr has 40 entries, 40 rows need 41"):
        Graph(matrix)


@pytest.mark.parametrize("option", [{"delta": 1.0}, {"presolve": True}])
def test_a_limit_does_not_go_with_rows_that_are_asked_for(option):
    with pytest.raises(GraphError, match="without delta and presolve"):
        shortest_paths(ring(), 0, limit=3, **option)
    with pytest.raises(GraphError, match="does not go with Graph"):
        shortest_paths(Graph(ring()), 0, presolve=True)


def test_presolved_rows_lack_their_trees_and_are_refused():
    rows = build_csr(ring(), presolve=True)
    for search in (lambda: Graph(rows), lambda: shortest_paths(rows, 0, limit=3)):
        with pytest.raises(GraphError, match="presolved"):
            search()


def test_rows_of_a_graph_with_a_delta():
    matrix = as_matrix(ring())
    expected = csgraph.dijkstra(matrix, indices=0)
    assert np.array_equal(shortest_paths(Graph(matrix), 0, delta=3.0)[0], expected)
    assert np.array_equal(shortest_paths(matrix, 0, delta=3.0)[0], expected)
