"""Queues that run over, each place that notices it by itself; and the room of the heap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from oracle import dijkstra
from strategies import edge_list, make_edges

from graphs.csr import build_csr
from graphs.edges import EdgeList
from kernels.heap import HEAP_LIMIT
from kernels.kept import kept
from kernels.push import NEVER
from kernels.queues import (
    ARCS,
    FAR,
    FAR_TAIL,
    HEAP_SIZE,
    LEAST,
    OVERFLOW,
    THREAD_WORDS,
    least_far,
)
from sssp.cpu import CPUEngine
from sssp.engine import Answer
from sssp.tuning import choose

ROOT, FURTHER = 0, 10


def spokes(count: int) -> EdgeList:
    """Vertex v < count is v away from ROOT, and one further than the last ten of them is one more.

    Arcs on no shortest path are there, too, so that there are no hubs, and labels are ids.
    """
    ends = [(ROOT, v) for v in range(1, count)]
    ends += [(v, v + FURTHER) for v in range(count - FURTHER, count)]
    weights = [*range(1, count), *[1] * FURTHER]
    for step in (1, 2, 3):
        ends += [(v, (v + step - 1) % (count - 1) + 1) for v in range(1, count)]
        weights += [1000] * (count - 1)
    return edge_list(ends, weights, count + FURTHER, directed=True)


# A thread takes chunks of 64 entries. A queue has room for each vertex once, as a search needs to
# start again: the first of these for a single chunk, the second for none.
ONE_CHUNK, NO_CHUNK = spokes(100), spokes(50)


def engine_of(edges: EdgeList, delta: float = 2.0, room: int | None = None) -> CPUEngine:
    """An engine whose search from ROOT has begun; its queues have room for each vertex once."""
    csr = build_csr(edges, threads=1)
    assert np.array_equal(csr.local_id, np.arange(csr.n))
    engine = CPUEngine(csr, replace(choose(csr, delta), stop_at_bucket_end=False), 1)
    entries = np.empty((4, room or edges.n), engine.entry)
    engine.queues = kept(engine.queues._replace(entries=entries))
    engine.stepwise = True
    engine.reset(ROOT)
    return engine


def queue_far(engine: CPUEngine, *entries: tuple[int, float]) -> None:
    """Queue these vertices, at these distances, for later buckets, and nothing else."""
    control = engine.queues.control
    far = engine.queues.entries[control[FAR]]
    for i, (vertex, distance) in enumerate(entries):
        far[i] = vertex, 0, engine._bits(distance), engine._bits(distance)
    control[HEAP_SIZE], control[FAR_TAIL] = 0, len(entries)
    engine.queues.thread_counters[0, LEAST] = min(engine._bits(distance) for _, distance in entries)


def reach_spokes(engine: CPUEngine) -> range:
    """Let the row of ROOT have been pushed; returns the vertices that it leads to."""
    reached = range(1, engine.csr.n - FURTHER)
    for vertex in reached:
        dist = np.uint64(engine._bits(float(vertex)))
        engine.state.words[vertex] = dist << np.uint64(32) | np.uint64(ROOT)
    return reached


def is_done(engine: CPUEngine, edges: EdgeList) -> bool:
    """Are all distances right, and nothing queued?"""
    answer = Answer(np.empty(edges.n, np.float32), np.empty(edges.n, np.int64))
    engine.result(answer)
    expected, _ = dijkstra(edges, ROOT)
    return engine.nearest() == np.inf and answer.dist.tolist() == expected.tolist()


@pytest.mark.parametrize("edges", [ONE_CHUNK, NO_CHUNK])
def test_a_search_whose_queues_have_room(edges):
    engine = engine_of(edges, room=8 * edges.n)
    engine.relax(0.0)
    assert is_done(engine, edges)


def test_the_heap_is_emptied_into_a_queue_that_runs_over():
    """After one bucket, as a rank pushes. What notices it goes on to the end."""
    engine = engine_of(ONE_CHUNK)
    limits = kept(engine.limits._replace(switch_settled=NEVER))
    engine._relax(1, int(engine._bits(0.0)), limits)
    assert is_done(engine, ONE_CHUNK)


def test_a_queue_that_is_parted_runs_over():
    """The only entry of this bucket is stale, so no push follows that would notice it."""
    engine = engine_of(NO_CHUNK, delta=0.25)
    reached = reach_spokes(engine)
    queue_far(engine, (3, 0.5), *((v, float(v)) for v in reached))
    engine.relax(0.0)
    assert is_done(engine, NO_CHUNK)


def test_a_push_runs_over():
    """All is in one bucket, so nothing is parted afterwards that would notice it."""
    engine = engine_of(ONE_CHUNK, delta=1e6)
    engine.queues = kept(engine.queues._replace(fifos=np.empty((1, 2), engine.entry)))
    queue_far(engine, (ROOT, 0.0))
    engine.relax(0.0)
    assert is_done(engine, ONE_CHUNK)


def run_over(engine: CPUEngine) -> None:
    """Let a queue have run over when the row of ROOT was pushed, as other ranks' offers make it."""
    reach_spokes(engine)
    queue_far(engine, (ROOT, 0.0))
    queues = engine.queues
    queues.control[FAR_TAIL] = 0
    queues.thread_counters[0, LEAST] = np.int64(engine.unreached)
    queues.thread_counters[0, OVERFLOW] = 1


def test_what_ran_over_before_a_call_is_queued_again():
    engine = engine_of(ONE_CHUNK)
    run_over(engine)
    engine.relax(0.0)
    assert is_done(engine, ONE_CHUNK)


@pytest.mark.parametrize("ran_over", [False, True])
def test_what_lies_behind_the_queued_is_not_pushed(ran_over):
    """Left from earlier rounds; the arcs of its rows would be looked at again."""
    arcs = []
    for behind in (-1, ROOT):
        engine = engine_of(ONE_CHUNK, room=8 * ONE_CHUNK.n)
        engine.queues.entries[:] = (behind, 0, engine._bits(0.0), engine._bits(0.0))
        if ran_over:
            run_over(engine)
        else:
            queue_far(engine, (ROOT, 0.0))
        engine.relax(0.0)
        engine.relax(0.0)  # as a rank does once more, whether it has been offered anything or not
        assert is_done(engine, ONE_CHUNK)
        arcs.append(int(engine.queues.thread_counters[0, ARCS]))
    assert arcs[0] == arcs[1] >= len(engine.csr.out.arcs)


@pytest.mark.parametrize("nearest", range(3))
def test_the_next_bucket_starts_at_the_nearest_of_all_threads(nearest):
    counters = np.zeros((3, THREAD_WORDS), np.int64)
    counters[:, LEAST] = 9
    counters[nearest, LEAST] = 5
    assert least_far(counters) == 5


@pytest.mark.parametrize("equal", [1000, *range(2 * HEAP_LIMIT - 2, 2 * HEAP_LIMIT + 3), 2000])
def test_a_row_of_equal_lightest_arcs_and_one_heavier_fits_into_the_heap(equal):
    """All of the equal ones are queued before the row is left at the heavier one."""
    ends = [(0, v) for v in range(1, equal + 2)]
    edges = edge_list(ends, [1] * equal + [2], equal + 2, directed=True)
    csr = build_csr(edges, threads=1)
    engine = CPUEngine(csr, replace(choose(csr), stop_at_bucket_end=True, switch_settled=NEVER), 1)
    behind = np.full(3, 77, np.int32)
    room = np.zeros(len(engine.queues.heap) + 3, engine.entry)
    room["vertex"][-3:] = behind
    engine.queues = kept(engine.queues._replace(heap=room[:-3]))
    engine.stepwise = True
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
    chosen = replace(
        choose(csr), stop_at_bucket_end=False, switch=None, switch_settled=NEVER, alone=HEAP_LIMIT
    )
    engine = CPUEngine(csr, chosen, 1)
    engine.reset(0)
    engine.relax(0.0)
    answer = Answer(np.empty(edges.n, np.float32), np.empty(edges.n, np.int64))
    engine.result(answer)
    reached = answer.dist < np.inf
    assert reached.sum() > 20
    assert engine.settled()[0] == reached.sum()
    assert answer.arcs == np.diff(csr.out.indptr)[csr.local_id[reached]].sum()
