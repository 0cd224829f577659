"""Queues that run over, each place that notices it by itself; and the room of the heap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from oracle import dijkstra
from strategies import edge_list, make_edges

from graphs.csr import build_csr
from kernels.heap import HEAP_LIMIT
from kernels.push import NEVER
from kernels.queues import FAR, FAR_TAIL, HEAP_SIZE, LEAST, OVERFLOW
from sssp.cpu import CPUEngine
from sssp.engine import Answer
from sssp.tuning import choose

# Vertex v < SPOKES is v away from vertex 0, and one further than the last ten of them is one more.
SPOKES, FURTHER = 100, 10
ENDS = [(0, v) for v in range(1, SPOKES)]
ENDS += [(v, v + FURTHER) for v in range(SPOKES - FURTHER, SPOKES)]
WEIGHTS = [*range(1, SPOKES), *[1] * FURTHER]
# Arcs on no shortest path, so that there are no hubs, and labels are ids.
for step in (1, 2, 3):
    ENDS += [(v, (v + step - 1) % (SPOKES - 1) + 1) for v in range(1, SPOKES)]
    WEIGHTS += [1000] * (SPOKES - 1)
EDGES = edge_list(ENDS, WEIGHTS, SPOKES + FURTHER, directed=True)
ROOT = 0
# Entries of a queue: each vertex once, as a search needs them to start again, but less than two of
# the chunks of 64 that a thread takes, so the 65th entry does not fit.
ROOM = EDGES.n


def engine_of(delta: float = 2.0, room: int = ROOM) -> CPUEngine:
    """An engine whose search from ROOT has begun."""
    csr = build_csr(EDGES, threads=1)
    assert np.array_equal(csr.label, np.arange(csr.n))
    engine = CPUEngine(csr, replace(choose(csr, delta), early=False), 1)
    engine.queues = np.empty((4, room), engine.entry)
    engine.reset(ROOT)
    return engine


def queue_far(engine: CPUEngine, *entries: tuple[int, float]) -> None:
    """Queue these vertices, at these distances, for later buckets, and nothing else."""
    far = engine.queues[engine.shared[FAR]]
    for i, (vertex, distance) in enumerate(entries):
        far[i] = vertex, 0, engine._bits(distance), engine._bits(distance)
    engine.shared[HEAP_SIZE], engine.shared[FAR_TAIL] = 0, len(entries)
    engine.books[0, LEAST] = min(engine._bits(distance) for _, distance in entries)


def reach_spokes(engine: CPUEngine) -> None:
    """The row of ROOT has been pushed."""
    for vertex in range(1, SPOKES):
        dist = np.uint64(engine._bits(float(vertex)))
        engine.state[vertex] = dist << np.uint64(32) | np.uint64(ROOT)


def is_done(engine: CPUEngine) -> bool:
    """Are all distances right, and nothing queued?"""
    answer = Answer(np.empty(EDGES.n, np.float32), np.empty(EDGES.n, np.int64))
    engine.result(answer)
    expected, _ = dijkstra(EDGES, ROOT)
    return engine.nearest() == np.inf and answer.dist.tolist() == expected.tolist()


def test_a_search_whose_queues_have_room():
    engine = engine_of(room=8 * ROOM)
    engine.relax(0.0)
    assert is_done(engine)


def test_the_heap_is_emptied_into_a_queue_that_runs_over():
    """After one bucket, as a rank pushes. What notices it goes on to the end."""
    engine = engine_of()
    engine._advance(1, int(engine._bits(0.0)), NEVER)
    assert is_done(engine)


def test_a_queue_that_is_parted_runs_over():
    """The only entry of this bucket is stale, so no push follows that would notice it."""
    engine = engine_of(delta=0.25)
    reach_spokes(engine)
    queue_far(engine, (3, 0.5), *((v, float(v)) for v in range(1, SPOKES)))
    engine.relax(0.0)
    assert is_done(engine)


def test_a_push_runs_over():
    engine = engine_of()
    queue_far(engine, (ROOT, 0.0))
    engine.relax(0.0)
    assert is_done(engine)


def test_what_ran_over_before_a_call_is_queued_again():
    """As where other ranks' offers were more than a queue holds."""
    engine = engine_of()
    reach_spokes(engine)
    queue_far(engine, (ROOT, 0.0))
    engine.shared[FAR_TAIL], engine.books[0, LEAST] = 0, np.int64(engine.unreached)
    engine.books[0, OVERFLOW] = 1
    engine.relax(0.0)
    assert is_done(engine)


@pytest.mark.parametrize("equal", [1000, *range(2 * HEAP_LIMIT - 2, 2 * HEAP_LIMIT + 3), 2000])
def test_a_row_of_equal_lightest_arcs_and_one_heavier_fits_into_the_heap(equal):
    """All of the equal ones are queued before the row is left at the heavier one."""
    ends = [(0, v) for v in range(1, equal + 2)]
    edges = edge_list(ends, [1] * equal + [2], equal + 2, directed=True)
    csr = build_csr(edges, threads=1)
    engine = CPUEngine(csr, replace(choose(csr), early=True, switch_settled=NEVER), 1)
    behind = np.full(3, 77, np.int32)
    room = np.zeros(len(engine.heap) + 3, engine.entry)
    room["vertex"][-3:] = behind
    engine.heap = room[:-3]
    engine.reset(0)
    engine.relax(0.0)
    assert np.array_equal(room["vertex"][-3:], behind), "written behind the heap"
    answer = Answer(np.empty(edges.n, np.float32), np.empty(edges.n, np.int64))
    engine.result(answer)
    assert answer.dist.tolist() == dijkstra(edges, 0)[0].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_heap_hands_out_the_nearest_row_first(seed):
    """In Dijkstra's order no row is pushed twice, and no arc looked at twice."""
    edges = make_edges(100, "multigraph", "even", np.dtype(np.float32), False, seed)
    csr = build_csr(edges, threads=1)
    chosen = replace(choose(csr), early=False, switch=None, switch_settled=NEVER)
    engine = CPUEngine(csr, chosen, 1)
    engine.reset(0)
    engine.relax(0.0)
    answer = Answer(np.empty(edges.n, np.float32), np.empty(edges.n, np.int64))
    engine.result(answer)
    reached = answer.dist < np.inf
    assert reached.sum() > 20
    assert engine.settled()[0] == reached.sum()
    assert answer.arcs == np.diff(csr.out.indptr)[csr.label[reached]].sum()
