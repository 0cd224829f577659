"""Presolved graphs: to the bit the distances of the whole graph, from every root, valid parents."""

from __future__ import annotations

import numpy as np
import pytest
from golden_data import rows, sha256_of_distances
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import dijkstra
from strategies import DTYPES, SHAPES, edge_list, edge_lists, make_edges, with_hubs
from verdicts import assert_right

import graphs.growing
import graphs.presolve
import graphs.selection
import graphs.trees
from graphs import EdgeList, GraphError, KroneckerStream, build_csr, kronecker
from harness.validation.host import validate
from sssp import Solver


@pytest.fixture(autouse=True)
def _drops_what_it_can(monkeypatch):
    """Two stages of bounds on the smallest graphs, and no sample says that it does not pay."""
    monkeypatch.setattr(graphs.presolve, "ALL_LIGHT", 8)
    monkeypatch.setattr(graphs.presolve, "PAYS", 1.0)


def assert_exact(edges: EdgeList, roots=None, threads: int = 2) -> dict:
    """From every root the distances of the oracle, and parents that pass the validation."""
    csr = build_csr(edges, threads=threads, presolve=True)
    solver = Solver(csr, threads=threads)
    assert_right(solver, edges, range(edges.n) if roots is None else roots, validate)
    return csr.presolved


@pytest.mark.slow
@given(edges=edge_lists(directed=False, max_n=30))
@settings(max_examples=60)
def test_every_root_of_any_graph(edges):
    assert_exact(edges)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@given(seed=st.integers(0, 2**32 - 1), weights=st.sampled_from(["even", "a_third_zero", "tiny"]))
@settings(max_examples=6)
def test_graphs_with_hubs(dtype, seed, weights):
    assert_exact(with_hubs(seed, weights, dtype, False), range(0, 120, 7))


def near_ties(random: np.random.Generator, m: int, kind: int, dtype) -> np.ndarray:
    """Weights whose sums differ by a rounding, or not at all."""
    ulp = np.finfo(dtype).eps
    steps = random.integers(0, 5, m)
    return [
        1 + steps * ulp,
        np.where(steps < 3, ulp / 2, 1.0) * (1 + (steps == 1) * ulp),
        np.exp2(-random.integers(0, 30, m).astype(float)),
        np.where(steps == 0, 0.0, 2.0 + steps * 2 * ulp),
        np.where(random.random(m) < 0.5, 0.1, 0.2) + steps * ulp / 8,
    ][kind].astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", range(5))
def test_weights_that_differ_by_a_rounding(kind, dtype):
    """An edge that is heavier than the detour by less than the detour's roundings must stay."""
    random = np.random.default_rng(kind)
    for _ in range(25):
        n = int(random.integers(4, 14))
        m = int(random.integers(n, 6 * n))
        hub = np.zeros(n, np.int64)
        src = np.concatenate([random.integers(0, n, m), hub])
        dst = np.concatenate([random.integers(0, n, m), np.arange(n)])
        edges = EdgeList(src, dst, near_ties(random, m + n, kind, dtype), n)
        assert_exact(edges, threads=1)


def test_tenths_whose_sums_are_rounded():
    """A detour that is shorter as it is counted from the hub, and longer behind a prefix."""
    ends = [*((0, v) for v in (1, 2, 3, 4, 5, 6, 7, 6)), (5, 3), (4, 6), (6, 1), (3, 5), (1, 5)]
    tenths = [1, 13, 1, 0, 2, 7, 13, 0, 3, 13, 2, 7, 3, 7, 3]
    weight = np.array(tenths, np.float32) * np.float32(0.1)
    weight[[1, 5, 6, 9, 11, 13]] = np.array([1.3, 0.7, 1.3, 1.3, 0.7, 0.7], np.float32)
    assert_exact(edge_list([*ends, (2, 1), (7, 2)], weight, 8))
    random = np.random.default_rng(1)
    for _ in range(60):
        n = int(random.integers(5, 11))
        src = np.concatenate([np.zeros(n - 1, np.int64), random.integers(0, n, 3 * n)])
        dst = np.concatenate([np.arange(1, n), random.integers(0, n, 3 * n)])
        weight = random.choice(np.array([0, 0.1, 0.2, 0.3, 0.7, 1.3], np.float32), len(src))
        assert_exact(EdgeList(src, dst, weight, n), threads=1)


ULP = 2.0**-23  # of 1


def detour_rounded_up(arcs: int, prefix: list[float], unit: float) -> EdgeList:
    """A detour of arcs of a little more than unit / 2 each, and an edge that is heavier in sum.

    Behind a prefix whose last bit is `unit` each arc adds a whole one. The hub, 0, is where
    both begin; the prefix, a path of such weights, leads there from the last vertex.
    """
    along = [(i, i + 1) for i in range(arcs)]
    spokes = [(0, v) for v in range(arcs + 1, arcs + 21)]
    first = arcs + 21
    before = [(0 if i == 0 else first + i - 1, first + i) for i in range(len(prefix))]
    weight = [*[unit * 0.5000001] * arcs, 0.9 * arcs * unit, *[unit / 4] * 20, *prefix]
    ends = [*along, (0, arcs), *spokes, *before]
    return edge_list(ends, np.array(weight, np.float32), first + len(prefix))


def test_an_edge_within_the_roundings_of_a_long_detour_stays():
    edges = detour_rounded_up(60, [1.0], ULP)
    facts = assert_exact(edges, [0, edges.n - 1, edges.n - 2])
    assert facts["hub"] == 0


def through_the_middle(edges: EdgeList, arcs: int) -> EdgeList:
    """The same, with the edge that is beside the detour in two halves: a vertex between them."""
    edge = edges.dst[arcs], edges.weight[arcs] / 2
    assert (edges.src[arcs], edge[0]) == (0, arcs)
    src = np.concatenate([np.delete(edges.src, arcs), [0, edge[0]]])
    dst = np.concatenate([np.delete(edges.dst, arcs), [edges.n, edges.n]])
    weight = np.concatenate([np.delete(edges.weight, arcs), np.full(2, edge[1])])
    return EdgeList(src, dst, weight.astype(np.float32), edges.n + 1)


def test_a_vertex_within_the_roundings_of_a_long_detour_is_not_taken_off():
    edges = through_the_middle(detour_rounded_up(60, [1.0], ULP), 60)
    facts = assert_exact(edges, [0, edges.n - 1, edges.n - 2, edges.n - 3])
    assert facts["hub"] == 0


def test_vertices_that_only_longer_ways_lead_over_are_taken_off(monkeypatch):
    """Three arcs of 2 each where any two ends are 2 apart over the hub, and roots there."""
    monkeypatch.setattr(graphs.presolve, "ALL_LIGHT", 64)
    spokes = [(0, v) for v in range(1, 5)]
    beside = [(5, 1), (5, 2), (5, 3), (6, 5), (6, 4), (7, 6)]
    edges = edge_list([*spokes, *beside], [1.0] * 4 + [2.0] * 3 + [3.5, 3.5, 0.5], 8)
    facts = assert_exact(edges)
    assert facts["hub"] == 0
    assert facts["core"] == 1


def test_where_the_hub_does_not_reach_all_nothing_is_dropped():
    """Prefixes from beyond may be longer than any that the bounds know of."""
    edges = detour_rounded_up(8, [*[1.0] * 80, 2.0**20], 2.0**-3)
    facts = assert_exact(edges, [0, edges.n - 1])
    assert facts["hub"] is None


@pytest.mark.parametrize("scale", [5, 7, 9, 11])
def test_kronecker_graphs(scale):
    edges = kronecker(scale, seed=(scale, 77))
    roots = np.random.default_rng(scale).integers(0, edges.n, 5).tolist()
    facts = assert_exact(edges, roots)
    assert facts["kept_edges"] < 0.12 * edges.m or scale < 9
    assert facts["core"] < edges.n / 7 or scale < 11


@pytest.mark.parametrize("scale", [4, 6, 10, 16])
def test_the_references_own_distances(scale):
    solver = Solver(build_csr(kronecker(scale), presolve=True))
    for row in rows(f"roots_s{scale}_ef16_seed_def.csv"):
        answer = solver.search(int(row["root"]))
        assert sha256_of_distances(answer.dist) == row["sha256_dist_float32le_N"]


def test_edges_that_are_made_again_give_the_rows_of_a_list():
    stream, whole = KroneckerStream(10, slice_edges=1000), kronecker(10)
    sliced, listed = (build_csr(edges, presolve=True) for edges in (stream, whole))
    assert np.array_equal(sliced.out.arcs, listed.out.arcs)
    assert np.array_equal(sliced.local_id, listed.local_id)


def test_threads_change_nothing():
    edges = kronecker(12, seed=(8, 9))
    one, two = (build_csr(edges, threads=threads, presolve=True) for threads in (1, 2))
    assert np.array_equal(one.out.arcs, two.out.arcs)
    assert np.array_equal(one.forest.leaf_weight, two.forest.leaf_weight)
    assert {**one.presolved, "seconds": 0} == {**two.presolved, "seconds": 0}


def test_a_weight_of_minus_zero_is_zero():
    """The bound of its end is found, and what is longer than the detour over that end goes."""
    star = np.arange(1, 20)
    src = np.concatenate([np.zeros(19, np.int64), [1], np.full(10, 20)])
    dst = np.concatenate([star, [20], star[5:15]])
    weight = np.concatenate([np.ones(19), [-0.0], np.full(10, 100.0)]).astype(np.float32)
    facts = assert_exact(EdgeList(src, dst, weight, 21))
    assert facts["kept_edges"] == 20


@pytest.mark.parametrize("ascending", [True, False])
def test_slices_in_any_order_keep_the_same_edges(monkeypatch, ascending):
    """Light edges first or last: there is never room for what is kept before it is known."""
    edges = kronecker(8)
    order = np.argsort(edges.weight)[:: 1 if ascending else -1]
    edges = EdgeList(edges.src[order], edges.dst[order], edges.weight[order], edges.n)
    whole = build_csr(edges, threads=2, presolve=True)
    monkeypatch.setattr(graphs.selection, "_SLICE_EDGES", 256)
    monkeypatch.setattr(graphs.growing, "_SPARE_EDGES", 0)
    parts = build_csr(edges, threads=2, presolve=True)
    assert np.array_equal(whole.out.arcs, parts.out.arcs)
    assert parts.presolved["kept_edges"] == whole.presolved["kept_edges"] < edges.m // 2


def test_rounds_of_trees_share_passes_and_large_ones_do_not(monkeypatch):
    """Inner tree vertices of one pass by many threads never hang on each other."""
    monkeypatch.setattr(graphs.trees, "TOGETHER", 4)
    for seed in range(8):
        edges = make_edges(60, "path", "even", np.dtype(np.float32), False, seed)
        assert_exact(edges, range(0, 60, 11))


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_no_graph_loses_its_search_keys(shape):
    edges = make_edges(30, shape, "even", np.dtype(np.float32), False, 5)
    plain, presolved = build_csr(edges), build_csr(edges, presolve=True)
    has_edge = np.zeros(edges.n, bool)
    loops = edges.src == edges.dst
    has_edge[edges.src[~loops]] = has_edge[edges.dst[~loops]] = True
    assert np.array_equal(presolved.degree_positive, has_edge)
    assert np.array_equal(plain.degree_positive, has_edge)


def test_where_nothing_is_dominated_all_edges_stay(monkeypatch):
    monkeypatch.undo()
    side = 200
    v = np.arange(side * side).reshape(side, side)
    src = np.concatenate([v[:, :-1].ravel(), v[:-1].ravel()])
    dst = np.concatenate([v[:, 1:].ravel(), v[1:].ravel()])
    weight = np.random.default_rng(3).random(len(src), np.float32)
    edges = EdgeList(src, dst, weight, side * side)
    csr = build_csr(edges, presolve=True)
    assert csr.presolved["hub"] is None
    assert csr.presolved["kept_edges"] == edges.m
    plain, presolved = Solver(build_csr(edges)), Solver(csr)
    for root in (0, 777, side * side - 1):
        assert np.array_equal(presolved.search(root).dist, plain.search(root).dist)


def test_integers_beyond_32_bits_are_added_in_64():
    edges = edge_list(
        [(0, 1), (1, 2), (2, 3), (3, 4), (2, 5), (0, 2)], [2**31] * 6, 6, dtype=np.int64
    )
    csr = build_csr(edges, presolve=True)
    for root in range(6):
        assert np.array_equal(Solver(csr).search(root).dist, dijkstra(edges, root)[0])


def test_edges_kept_have_32_bits_where_the_graph_has_64_and_their_sums_have_33():
    spokes = [(0, v) for v in range(1, 9)]
    chords = [(v, v + 1) for v in range(1, 8)]
    edges = edge_list([*spokes, *chords], [2**31] * 8 + [2**40] * 7, 9, dtype=np.int64)
    assert assert_exact(edges)["kept_edges"] == len(spokes)


def test_a_leaf_whose_sum_is_infinite_is_an_error_as_without():
    edges = edge_list([(0, 1), (1, 2), (2, 0), (2, 3)], [1e38, 1e38, 1e38, 3e38], 4)
    for presolve in (False, True):
        solver = Solver(build_csr(edges, presolve=presolve))
        with pytest.raises(GraphError, match="beyond the range of float32"):
            solver.search(0)
        with pytest.raises(GraphError, match="beyond the range of float32"):
            solver.search(3)


def test_what_cannot_be_presolved_is_refused():
    edges = edge_list([(0, 1)], [1.0], 2, directed=True)
    with pytest.raises(GraphError, match="presolve needs an undirected graph"):
        build_csr(edges, presolve=True)
