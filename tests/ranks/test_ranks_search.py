"""Searches over several ranks: the same bits as one process, whatever the number of ranks."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import golden_data
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import dijkstra
from ranks import on_ranks
from strategies import (
    blocks_that_improve_the_next,
    edge_list,
    improved_again_and_again,
    make_edges,
    searches,
)
from verdicts import assert_answers, joined

from graphs import build_csr, kronecker
from graphs.edges import EdgeList
from graphs.errors import GraphError
from graphs.keys import search_keys
from graphs.partition import Partition, part_of
from harness.validation.host import validate
from kernels import pull, queues
from kernels.queues import FAR_TAIL, OUT_TAIL, OVERFLOW
from kernels.tentative import UNREACHED
from sssp import Solver
from sssp.cpu import CPUEngine
from sssp.errors import EngineError
from sssp.tuning import choose

# Of three ranks: each apart, two that share their memory and one apart, all together.
NODES = [1, 2, 3]
# Weights that make searches of many buckets, and of many exchanges.
MANY_BUCKETS = ["tiny", "heavy_tailed"]
QUICK: dict[str, Any] = {"deadline": None, "max_examples": 150}


def search_on(size: int, edges: EdgeList, roots, delta=None, threads=1, node=1) -> list[tuple]:
    """Search on `size` ranks; returns (root, dist, parent) of the whole graph for each root.

    Of the ranks, `node` after another share their memory.
    """

    def work(comm):
        csr = build_csr(part_of(edges, comm.rank, size), threads=threads, comm=comm)
        solver = Solver(csr, engine="cpu", threads=threads, delta=delta, comm=comm)
        return [solver.search(root) for root in roots]

    return joined(roots, on_ranks(size, work, node))


@pytest.mark.slow
@given(searches(), st.integers(1, 7), st.integers(1, 7))
@settings(**QUICK)
@example((edge_list([(0, 1)], [0.5], 2), 0), 2, 1)
@example((edge_list([(0, 1)], [0.5], 2), 1), 7, 3)
@example((edge_list([], [], 1), 0), 3, 3)
def test_any_graph_on_any_number_of_ranks(search, size, node):
    edges, root = search
    [answer] = search_on(size, edges, [root], node=node)
    assert_answers(edges, [answer])


@pytest.mark.parametrize(
    "weights",
    ["even", *(pytest.param(w, marks=pytest.mark.slow) for w in ("a_third_zero", *MANY_BUCKETS))],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("directed", [False, True])
def test_graphs_large_enough_to_pull(weights, dtype, directed):
    for seed in range(3):
        edges = make_edges(700, "multigraph", weights, np.dtype(dtype), directed, seed)
        hub = np.random.default_rng(seed).integers(0, 20, edges.m // 2)
        edges.src[: len(hub)] = hub
        roots = [int(edges.src[0]), 699]
        expected = [dijkstra(edges, root)[0].tolist() for root in roots]
        for node in (1, 2, 4):
            answers = search_on(2 + seed, edges, roots, node=node)
            assert [dist.tolist() for _, dist, _ in answers] == expected, (seed, node)
            for verdict in validate(edges, answers):
                assert verdict.violations == [], (seed, node)


@pytest.mark.parametrize("delta", [1e-6, 0.01, 10.0])
@pytest.mark.parametrize("node", NODES)
def test_any_width_of_bucket(delta, node):
    edges = kronecker(8)
    assert_answers(edges, search_on(3, edges, [5], delta=delta, node=node))


@pytest.mark.parametrize("stages", [(), (1,), (64, 16, 2)])
@pytest.mark.parametrize("sweeps", [1, 2, 6])
@pytest.mark.parametrize("node", NODES)
def test_any_number_of_stages_and_sweeps(stages, sweeps, node, monkeypatch):
    monkeypatch.setattr("sssp.cpu_rank._STAGES", stages)
    monkeypatch.setattr("sssp.cpu_rank._SWEEPS", sweeps)
    counts = count_calls(monkeypatch, "sweep")
    edges = kronecker(10)
    assert_answers(edges, search_on(3, edges, [int(edges.src[0])], node=node))
    told = len(stages) if node < 3 else 0  # neighbours need no stages
    assert sorted(counts) == sorted([*range(told + sweeps)] * 3)


@pytest.mark.parametrize(
    "node, which", [(node, which) for node in NODES for which in range(5 if node < 3 else 3)]
)  # of two stages and three sweeps
def test_a_sweep_that_improves_more_than_its_queue_holds_loses_nothing(node, which, monkeypatch):
    def run_over(count, found, args):
        if count != which:
            return found
        args[-1].thread_counters[0, OVERFLOW] = 1
        return 0

    counts = count_calls(monkeypatch, "sweep", run_over)
    edges = kronecker(10)
    assert_answers(edges, search_on(3, edges, [int(edges.src[0])], node=node))
    assert counts.count(which) == 3


@pytest.mark.parametrize("size, node", [(1, 1), *((3, node) for node in NODES)])
def test_queues_that_run_over_at_the_switch_lose_nothing(size, node, monkeypatch):
    """What is queued and offered is lost; all that is reached is queued again."""

    def run_over(count, args):
        control, thread_counters = args[-1].control, args[-1].thread_counters
        control[OUT_TAIL] = control[FAR_TAIL] = 0
        thread_counters[0, OVERFLOW] = 1

    def noticed(count, floor, args):
        assert args[-1].thread_counters[0, OVERFLOW] == 0
        assert floor < UNREACHED["float32"]
        return floor

    kernel = "finish_and_pull" if size == 1 else "push_settled"
    counts = count_calls(monkeypatch, kernel, noticed, run_over)
    edges = kronecker(10)
    assert_answers(edges, search_on(size, edges, [int(edges.src[0])], node=node))
    assert counts == [0] * size


@pytest.mark.parametrize("arcs", [0, 10**6])
@pytest.mark.parametrize("node", NODES)
def test_any_number_of_arcs_pushed_between_switch_and_pull(arcs, node, monkeypatch):
    """What other ranks offer then is queued, and the pull forgets it."""
    monkeypatch.setattr(
        "sssp.solver.choose", lambda *given: replace(choose(*given), finish_arcs=arcs)
    )
    edges = kronecker(11)
    for answer in search_on(3, edges, edges.src[:2].tolist(), node=node):
        assert_answers(edges, [answer])


def count_calls(monkeypatch, kernel, instead=lambda count, found, args: found,
                before=lambda count, args: None) -> list[int]:  # fmt: skip
    """Number each rank's calls of a kernel of the pull from 0 on.

    `before` each call something is done; `instead` is what it returns.
    """
    call, rank, counts = getattr(pull, kernel), threading.local(), []

    def counted(*args):
        rank.count = getattr(rank, "count", -1) + 1
        counts.append(rank.count)
        before(rank.count, args)
        return instead(rank.count, call(*args), args)

    counted.compile = lambda types: counted  # type: ignore[attr-defined]  # as a kernel has it
    monkeypatch.setattr(pull, kernel, counted)
    return counts


@pytest.mark.parametrize("size, node", [(1, 1), (2, 1), (2, 2), *((3, node) for node in NODES)])
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("delta", [None, 70.0, 1e30])
def test_queues_that_run_over_lose_nothing(size, node, directed, delta, monkeypatch):
    """The queues have room for little more than each vertex once, the heap for many more."""
    monkeypatch.setattr(queues, "spare_entries", lambda workers: 64 * (workers + 1))
    last = last_entries(monkeypatch)
    edges = improved_again_and_again(directed)
    for answer in search_on(size, edges, [0, 1, 30], delta=delta, node=node):
        assert_answers(edges, [answer])
    assert any(-1 in vertex for vertex in last)


def last_entries(monkeypatch):
    """The vertices of each engine's queues' last entries, written only where they run over."""
    make, last = CPUEngine.__init__, []

    def made(self, *arguments):
        make(self, *arguments)
        for queue in filter(len, (*self.queues.entries, self.queues.outbox)):
            assert len(queue) % 64, "no chunk of 64 entries ends with the queue"
            queue["vertex"][-1] = -7
            last.append(queue["vertex"][-1:])

    monkeypatch.setattr(CPUEngine, "__init__", made)
    return last


@pytest.mark.parametrize("size, node", [(3, 1), (3, 2), (3, 3), (4, 4), (5, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_ranks_queues_run_over_at_once_and_the_search_ends(size, node, dtype, monkeypatch):
    monkeypatch.setattr(queues, "spare_entries", lambda workers: 64 * (workers + 1))
    edges = blocks_that_improve_the_next(size)
    edges = replace(edges, weight=edges.weight.astype(dtype))
    last = last_entries(monkeypatch)
    assert_answers(edges, search_on(size, edges, [160], delta=1e3, node=node))
    assert any(-1 in vertex for vertex in last)


@pytest.mark.parametrize("node", [1, 2])
def test_two_threads_a_rank(node):
    edges = kronecker(10)
    [answer] = search_on(2, edges, [int(edges.src[0])], threads=2, node=node)
    assert_answers(edges, [answer])


@pytest.mark.parametrize(
    "size, node",
    [
        *((2, node) for node in (1, 2)),
        *((3, node) for node in (1, 3)),
        *(pytest.param(7, node, marks=pytest.mark.slow) for node in (1, 3, 7)),
        *(pytest.param(16, node, marks=pytest.mark.slow) for node in (1, 3, 16)),
    ],
)
def test_every_root_of_the_reference(size, node):
    edges = kronecker(10)
    roots = [int(row["root"]) for row in golden_data.rows("roots_s10_ef16_seed_def.csv")]
    solver = Solver(build_csr(edges))
    for root, dist, parent in search_on(size, edges, roots, node=node):
        alone = solver.search(root)
        assert dist.tobytes() == alone.dist.tobytes()
        assert np.array_equal(parent < 0, alone.parent < 0)


@pytest.mark.parametrize("size, node", [(2, 1), (3, 1), (3, 2), (4, 2)])
@pytest.mark.parametrize("directed", [False, True])
def test_a_leaf_whose_one_arc_leads_to_another_ranks_leaf(size, node, directed):
    """Each rank has a hub, its leaves, and leaves that are joined only to one of the next rank."""
    each, pairs = 60, 3
    hubs = range(0, size * each, each)
    ends = [(hub, hub + v) for hub in hubs for v in range(1, each - 2 * pairs)]
    ends += [(hub, hub + each) for hub in hubs[:-1]]
    first = [hub + each - 2 * pairs + i for hub in hubs for i in range(pairs)]
    last = [(v + each + pairs) % (size * each) for v in first]
    ends += zip(first, last, strict=True)
    edges = edge_list(ends, np.linspace(0.5, 1, len(ends)), size * each, directed)
    assert build_csr(edges).stats.hubs
    for answer in search_on(size, edges, [0, *first, *last], node=node):
        assert_answers(edges, [answer])


@pytest.mark.parametrize("size, node", [(2, 1), (4, 1), (4, 2), (4, 4)])
def test_a_leaf_whose_one_arc_leads_to_another_ranks_row(size, node):
    """Each rank has a hub, whose leaves are on the rank after the next."""
    each = 40
    hubs = range(0, size * each, each)
    ends = [(hub, (hub + size // 2 * each + v) % (size * each)) for hub in hubs
            for v in range(1, each)]  # fmt: skip
    ends += [(hub, hub + each) for hub in hubs[:-1]]
    edges = edge_list(ends, np.linspace(0.5, 1, len(ends)), size * each)
    assert build_csr(edges).stats.hubs
    for answer in search_on(size, edges, [hub + 5 for hub in hubs], node=node):
        assert_answers(edges, [answer])


@pytest.mark.parametrize("node", [1, 2])
def test_the_first_of_another_ranks_vertices_is_offered_to_it(node):
    """By the middle one of 1199 vertices: so many are queued that the heap does not hold them."""
    spokes, path = range(1, 1200), range(2000, 2100)
    ends = [(0, v) for v in spokes] + [(600, 2000)] + [(v, v + 1) for v in path]
    weight = [*spokes, 1, *[1] * len(path)]
    for step in range(1, 5):  # so that there are no hubs
        ends += [(v, (v + step - 1) % 1199 + 1) for v in spokes]
        weight += [1e6] * len(spokes)
    edges = edge_list(ends, weight, 4000)
    assert not build_csr(edges).stats.hubs
    assert_answers(edges, search_on(2, edges, [0], node=node))


@pytest.mark.parametrize("size, node", [(1, 1), (3, 1), (3, 3)])
def test_the_arcs_of_all_buckets_are_counted(size, node):
    """On a path each row is pushed once, in whatever bucket."""
    edges = edge_list([(v, v + 1) for v in range(199)], [0.5] * 199, 200)

    def work(comm):
        csr = build_csr(part_of(edges, comm.rank, size), threads=1, comm=comm)
        return Solver(csr, engine="cpu", threads=1, delta=3.0, comm=comm).search(70).arcs

    assert sum(on_ranks(size, work, node)) == 2 * 199


HEAVY_PATH = edge_list([(0, 1), (1, 2), (2, 3)], [3e38, 3e38, 1.0], 4)
# From leaf 1, the hub is in range, and leaf 80, of another rank, is not.
HEAVY_LEAVES = edge_list([(0, v) for v in range(1, 81)], [3e38, *[1.0] * 78, 3e38], 81)


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("edges, root", [(HEAVY_PATH, 0), (HEAVY_LEAVES, 1)])
def test_a_distance_beyond_the_range_is_refused_on_every_rank(edges, root, node):
    with pytest.raises(GraphError, match="beyond the range of float32"):
        search_on(3, edges, [root], node=node)


@pytest.mark.parametrize("node", NODES)
def test_integers_beyond_32_bits_are_exact(node):
    edges = edge_list([(0, 1), (1, 2), (2, 3)], [2**31, 2**31, 2**31], 4, dtype=np.int64)
    assert search_on(3, edges, [0], node=node)[0][1].tolist() == [0, 2**31, 2**32, 3 * 2**31]


def test_a_fault_in_one_ranks_edges_is_told_to_all():
    edges = edge_list([(0, 1), (1, 2), (2, 3), (3, 4)], [1, 1, 1, -1], 5)
    with pytest.raises(GraphError, match="weight -1"):
        on_ranks(3, lambda comm: build_csr(part_of(edges, comm.rank, 3), threads=1, comm=comm))


def test_ranks_take_one_engine_where_only_some_have_a_gpu(monkeypatch):
    best = iter(["cuda", "cpu", "cuda"])
    monkeypatch.setattr("sssp.engine_choice.check_engine", lambda engine: next(best))
    edges = kronecker(5)

    def work(comm):
        csr = build_csr(part_of(edges, comm.rank, 3), threads=1, comm=comm)
        return Solver(csr, threads=1, comm=comm).name

    assert on_ranks(3, work) == ["cpu", "cpu", "cpu"]


def test_more_labels_than_32_bits_hold_are_refused_on_every_rank(monkeypatch):
    monkeypatch.setattr("graphs.labels.MOST_LABELS", 90)
    refused_on_every_rank(kronecker(7), "its arcs lead to, 90 are allowed; take more ranks")


def test_more_links_than_32_bits_hold_are_refused_on_every_rank(monkeypatch):
    # Of 4 ranks with 4 vertices each, three see all of rank 0's: 12 links, but 8 labels at most.
    edges = edge_list([(v, u) for v in range(4) for u in (4, 8, 12)], [0.5] * 12, 16)
    monkeypatch.setattr("graphs.labels.MOST_LABELS", 12)
    assert_answers(edges, search_on(4, edges, [0]))
    monkeypatch.setattr("graphs.labels.MOST_LABELS", 11)
    refused_on_every_rank(edges, "vertices that other ranks see 12 times, 11 are allowed", size=4)


def test_ranks_with_more_labels_than_32_bits_hold_together_keep_them_apart(monkeypatch):
    edges = kronecker(7)

    def nodes(comm):
        csr = build_csr(part_of(edges, comm.rank, 3), threads=1, comm=comm)
        assert len(csr.halo.node_peers) == 3 // csr.halo.nodes
        return csr.halo.nodes

    assert on_ranks(3, nodes, node=3) == [1, 1, 1]
    monkeypatch.setattr("graphs.labels.MOST_LABELS", 127)  # of 128 vertices, all of them seen once
    assert on_ranks(3, nodes, node=3) == [3, 3, 3]
    assert_answers(edges, search_on(3, edges, [int(edges.src[0])], node=3))


def test_rows_of_shared_memory_are_refused_by_an_engine_that_has_its_own(monkeypatch):
    monkeypatch.setattr("sssp.engine_choice.check_engine", lambda engine: "cuda")
    edges = kronecker(5)

    def work(comm):
        csr = build_csr(part_of(edges, comm.rank, 2), threads=1, comm=comm)
        with pytest.raises(EngineError, match=r"build_csr\(..., together=False\)"):
            Solver(csr, engine="cuda", threads=1, comm=comm)
        return Solver(csr, threads=1, comm=comm).name

    assert on_ranks(2, work, node=2) == ["cpu", "cpu"]


def test_more_ranks_than_16_bits_name_are_refused(monkeypatch):
    monkeypatch.setattr("graphs.csr.MOST_RANKS", 2)
    refused_on_every_rank(kronecker(7), "3 ranks are not allowed; at most 2 are")


def refused_on_every_rank(edges, message, size=3):
    def work(comm):
        with pytest.raises(GraphError, match=message):
            build_csr(part_of(edges, comm.rank, size), threads=1, comm=comm)

    on_ranks(size, work)


@pytest.mark.parametrize("size, node", [(2, 1), (3, 1), (5, 1), (2, 2), (5, 2), (5, 5)])
def test_rows_hubs_and_figures_are_those_of_one_process(size, node):
    edges = kronecker(9)
    whole = build_csr(edges)

    def work(comm):
        csr = build_csr(part_of(edges, comm.rank, size), threads=1, comm=comm)
        assert csr.stats.arcs == whole.stats.arcs
        assert csr.stats.reachable == whole.stats.reachable
        assert (csr.stats.hubs, csr.stats.long_rows, csr.stats.max_weight) == (
            whole.stats.hubs,
            whole.stats.long_rows,
            whole.stats.max_weight,
        )
        return [rows_of(csr, csr.first + v) for v in range(csr.n)]

    ranks = on_ranks(size, work, node)
    assert [row for rows in ranks for row in rows] == [rows_of(whole, v) for v in range(whole.n)]


def rows_of(csr, vertex):
    label = csr.local_id[vertex - csr.first]
    arcs = csr.out.arcs[csr.indptr[label] : csr.indptr[label + 1]]
    return sorted(zip(arcs["weight"].tolist(), csr.global_id[arcs["adj"]].tolist(), strict=True))


@given(st.integers(1, 50), st.integers(1, 9), st.integers(0, 9))
@settings(**QUICK)
def test_all_ranks_draw_the_keys_of_one_process(n, size, seed):
    eligible = np.random.default_rng(seed).random(n) < 0.3
    partition = Partition(n, size)

    def work(comm):
        own = eligible[partition.first(comm.rank) : partition.first(comm.rank + 1)]
        return search_keys(n, own, seed=(seed, 3), comm=comm).tolist()

    assert on_ranks(size, work) == [search_keys(n, eligible, seed=(seed, 3)).tolist()] * size
