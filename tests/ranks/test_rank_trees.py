"""Presolved graphs on ranks: to the bit the distances of the whole graph, and valid parents.

Each rank has the whole core, or all share it: on one node, on two, on three, or each apart.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ranks import on_ranks
from strategies import DTYPES, edge_list, edge_lists, with_hubs
from verdicts import assert_answers, joined

import graphs.presolve
import graphs.rank_core
from graphs import EdgeList, GraphError, build_csr, kronecker
from graphs.partition import part_of
from sssp import EngineError, Solver
from sssp.rank_trees import CopiedCoreEngine

COPIED, SHARED = graphs.rank_core.COPIED_ARCS, -1
# Ranks, and how many of them are on a node.
NODES = [(2, 1), (2, 2), (3, 1), (3, 2), (4, 2), (7, 3), (7, 7)]


@pytest.fixture(autouse=True)
def _drops_what_it_can(monkeypatch):
    """Two stages of bounds on the smallest graphs, and no sample says that it does not pay."""
    monkeypatch.setattr(graphs.presolve, "ALL_LIGHT", 8)
    monkeypatch.setattr(graphs.presolve, "PAYS", 1.0)


@pytest.fixture(params=[COPIED, SHARED], ids=["copied", "shared"])
def copied(request, monkeypatch):
    monkeypatch.setattr(graphs.rank_core, "COPIED_ARCS", request.param)
    return request.param


def assert_exact(edges: EdgeList, roots, size: int, node: int) -> list:
    """From these roots the distances of the oracle, and valid parents; what each rank has built."""

    def work(comm):
        mine = part_of(edges, comm.rank, size)
        csr = build_csr(mine, threads=1, comm=comm, presolve=True)
        solver = Solver(csr, threads=1, comm=comm, engine="cpu")
        return csr, [solver.search(root) for root in roots]

    found = on_ranks(size, work, node)
    assert_answers(edges, joined(roots, [answers for _, answers in found]))
    return [csr for csr, _ in found]


@pytest.mark.parametrize("arcs", [COPIED, SHARED], ids=["copied", "shared"])
@given(edges=edge_lists(directed=False, max_n=24), nodes=st.sampled_from(NODES[:5]))
@settings(max_examples=8)
def test_roots_of_any_graph(arcs, edges, nodes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphs.rank_core, "COPIED_ARCS", arcs)
        assert_exact(edges, range(0, edges.n, 3), *nodes)


@pytest.mark.slow
@pytest.mark.parametrize("nodes", NODES, ids=str)
def test_kronecker_graphs(copied, nodes):
    edges = kronecker(9, seed=(nodes[0], 3))
    roots = [int(edges.src[0]), *np.random.default_rng(nodes).integers(0, edges.n, 12).tolist()]
    built = assert_exact(edges, roots, *nodes)
    facts = built[0].presolved
    assert facts["kept_edges"] < edges.m / 4
    assert all(csr.presolved == facts for csr in built)
    assert all(csr.forest.is_copied == (copied == COPIED) for csr in built)
    one = build_csr(edges, presolve=True).presolved
    assert facts["kept_edges"] == one["kept_edges"]
    # Of a core that is shared only trees are taken off, before all else of one that is not.
    assert (facts["core_arcs"] <= 1.1 * one["core_arcs"]) == (copied == COPIED)


def test_a_pull_before_all_else_forgets_no_way_up_to_the_core(monkeypatch):
    """What was taken off a core climbs first: the pull looks at the core's arcs only."""
    monkeypatch.setattr(CopiedCoreEngine, "wants_pull", lambda self, *_: not self.pulled)
    edges = kronecker(8, seed=(4, 4))
    for csr in assert_exact(edges, range(0, edges.n, 7), 2, 1):
        assert 0 < csr.forest.core < len(csr.layout.rows)


def test_trees_by_themselves_beside_a_graph_with_hubs():
    """The last vertex of each has no arc, and a label all the same: the others hang on it."""
    whole, n = kronecker(11, seed=(6, 6)), 1 << 11
    paths = [(n + 4 * i + j, n + 4 * i + j + 1) for i in range(3) for j in range(3)]
    src, dst = (
        np.concatenate([ends, more])
        for ends, more in zip((whole.src, whole.dst), np.array(paths).T, strict=True)
    )
    weight = np.concatenate([whole.weight, np.linspace(0.1, 0.9, len(paths), dtype=np.float32)])
    edges = EdgeList(src, dst, weight, n + 12)
    for csr in assert_exact(edges, [int(src[0]), *range(n, n + 12)], 3, 1):
        assert csr.stats.hubs and len(csr.layout.isolated) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("nodes", [(3, 1), (4, 2)], ids=str)
def test_graphs_with_hubs(copied, nodes, dtype):
    for weights in ("even", "a_third_zero", "tiny"):
        assert_exact(with_hubs(5, weights, dtype, False), range(0, 120, 9), *nodes)


@pytest.mark.parametrize("nodes", [(2, 1), (3, 2), (7, 7)], ids=str)
def test_long_trees_that_lie_on_many_ranks(copied, nodes):
    """Paths and stars on a cycle, a tree by itself, two vertices that have each other, isolated."""
    n = 60
    parent = np.random.default_rng(nodes).integers(0, np.arange(6, 46)) // 2
    ends = [*((v, (v + 1) % 6) for v in range(6)), *zip(range(6, 46), parent.tolist(), strict=True)]
    ends += [*((v, v + 1) for v in range(46, 54)), (55, 56), (57, 57), (56, 55)]
    new = np.random.default_rng(1).permutation(n)
    weight = np.random.default_rng(2).random(len(ends), np.float32)
    assert_exact(edge_list(new[np.array(ends)].tolist(), weight, n), range(n), *nodes)


def test_where_dropping_does_not_pay_trees_are_taken_off(copied, monkeypatch):
    monkeypatch.setattr(graphs.presolve, "PAYS", 0.0)
    edges = with_hubs(5, "even", np.dtype(np.float32), False)
    for csr in assert_exact(edges, range(0, edges.n, 9), 3, 2):
        assert csr.presolved["hub"] is None and csr.presolved["kept_edges"] == edges.m
        assert csr.forest is not None


def test_a_rank_keeps_nothing_of_what_it_does_not_need():
    """On a star every leaf hangs on one core vertex: ranks know it, and no other's leaves."""
    edges = edge_list([(0, v) for v in range(1, 90)], np.arange(1, 90) / 128, 90)
    for csr in assert_exact(edges, [0, 1, 50, 89], 3, 1):
        assert csr.layout.labels == 1 + len(csr.forest.held) and csr.arcs == 0


def test_integers_beyond_32_bits_are_added_in_64(copied):
    ends = [(0, 1), (1, 2), (2, 3), (3, 4), (2, 5), (0, 2)]
    edges = edge_list(ends, [2**31] * 6, 6, dtype=np.int64)
    assert_exact(edges, range(6), 3, 2)


def test_a_way_whose_sum_is_infinite_is_an_error_as_without():
    """From the end of a path, and from the triangle on which it hangs."""
    ends = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4)]
    edges = edge_list(ends, [1e38, 1e38, 1e38, 3e38, 3e38], 5)

    def work(comm):
        csr = build_csr(part_of(edges, comm.rank, 2), threads=1, comm=comm, presolve=True)
        solver = Solver(csr, threads=1, comm=comm, engine="cpu")
        for root in (0, 3, 4):
            with pytest.raises(GraphError, match="beyond the range of float32"):
                solver.search(root)

    on_ranks(2, work)


def test_more_vertices_than_a_parent_has_bits_for_are_refused_before_any_work(monkeypatch):
    monkeypatch.setattr("graphs.csr.presolve_edges", lambda *_: pytest.fail("work was done"))
    edges = edge_list([(0, 2**31)], [1.0], 2**31 + 1)

    def work(comm):
        with pytest.raises(GraphError, match="less than 2\\^31 vertices, got n=2147483649; leave"):
            build_csr(part_of(edges, comm.rank, 2), threads=1, comm=comm, presolve=True)

    on_ranks(2, work)


def test_the_cuda_engine_is_refused_by_name(monkeypatch):
    monkeypatch.setattr("sssp.cuda_missing.missing", lambda: None)
    edges = edge_list([(0, 1), (1, 2)], [1.0, 1.0], 3)

    def work(comm):
        csr = build_csr(part_of(edges, comm.rank, 2), threads=1, comm=comm, presolve=True)
        with pytest.raises(EngineError, match="not search what ranks have presolved together"):
            Solver(csr, threads=1, comm=comm, engine="cuda")
        assert Solver(csr, threads=1, comm=comm, engine="auto").name == "cpu"

    on_ranks(2, work)


def test_a_graph_without_edges(copied):
    assert_exact(edge_list([(3, 3)], [1.0], 5), [0, 3], 3, 1)
