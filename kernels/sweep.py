"""Passes over all vertices that begin and end a search: reset, leaves, the answer."""

from __future__ import annotations

import numpy as np

from kernels.atomics import prefetch
from kernels.compile import ONE, ZERO, kernel, part
from kernels.parallel import on_threads
from kernels.push import start
from kernels.queues import LEAVES, OTHERS, counted
from kernels.tentative import dist_of, parent_of, plus, put, value

# Vertices that are not worth waking other threads for.
_ALONE = 1 << 14


@part
def _reset(shares, first, last, nobody, state, share):
    width = last - first
    for v in range(first + width * share // shares, first + width * (share + 1) // shares):
        put(state, v, state.unreached, nobody)


@kernel
def reset(workers, first, last, nobody, state):
    """Make the vertices [first, last) unreached; `nobody` stands for their parent."""
    if workers == 1 or last - first <= _ALONE:
        _reset(ONE, first, last, nobody, state, ZERO)
    else:
        on_threads(_reset, (workers, first, last, nobody, state), workers)


@kernel
def begin(first, last, nobody, root, parent, dist, state, queues):
    """Make the vertices [first, last) unreached, and queue one vertex at a distance (bits)."""
    reset(len(queues.thread_counters), first, last, nobody, state)
    start(root, parent, dist, state, queues)


@part
def _settle_leaves(shares, first, last, rows, state, share):
    width = last - first
    for v in range(first + width * share // shares, first + width * (share + 1) // shares):
        arc = rows.arcs[rows.indptr[v]]
        u = np.int64(arc.adj)
        x = plus(dist_of(state, u), arc.weight)
        if x < dist_of(state, v):
            put(state, v, x, u)


@part
def settle_leaves(workers, first, last, rows, state):
    """The vertices [first, last), with a single arc each, take their distance from its end."""
    if workers == 1 or last - first <= _ALONE:
        _settle_leaves(ONE, first, last, rows, state, ZERO)
    else:
        on_threads(_settle_leaves, (workers, first, last, rows, state), workers)


@part
def _answer(shares, local_id, global_id, state, weight, dist, parent, share):
    last = len(local_id) * (share + 1) // shares
    for i in range(len(local_id) * share // shares, last):
        v = np.uint64(i)  # unsigned, so that nothing checks for one from the end
        if i + 128 < last:
            prefetch(state.words, local_id[np.uint64(i + 128)])
        ours = np.int64(local_id[v])
        dist[v] = value(dist_of(state, ours), weight)
        parent[v] = global_id[np.uint64(parent_of(state, ours))]


@part
def answer(workers, local_id, global_id, state, weight, dist, parent):
    """Write distance and parent of every vertex in original ids.

    local_id    int32 (n,)       label of each original id
    global_id   int32 (n + 1,)   the other way round; the last entry, -1, is nobody's
    weight      any weight of the graph's kind
    """
    if workers == 1 or len(local_id) <= _ALONE:
        _answer(ONE, local_id, global_id, state, weight, dist, parent, ZERO)
    else:
        arguments = (workers, local_id, global_id, state, weight, dist, parent)
        on_threads(_answer, arguments, workers)


@kernel
def finish(ranges, rows, ids, state, weight, dist, parent, queues):
    """What `settle_leaves` and then `answer` do; returns the rounds, and the arcs looked at."""
    workers = len(queues.thread_counters)
    first, last = ranges.bounds[LEAVES, 0], ranges.bounds[LEAVES, 1]
    if first < last:
        settle_leaves(workers, first, last, rows, state)
    answer(workers, ids.local_id, ids.global_id, state, weight, dist, parent)
    return counted(queues)


@part
def _clear(shares, dist, parent, share):
    for v in range(len(dist) * share // shares, len(dist) * (share + 1) // shares):
        dist[v] = np.inf
        parent[v] = -1


@kernel
def clear(workers, dist, parent):
    """Write an answer in which nothing is reached, each part by the thread that `answer` has do it.

    A page of memory lies next to the cores of whichever thread writes it first.
    """
    if workers == 1 or len(dist) <= _ALONE:
        _clear(ONE, dist, parent, ZERO)
    else:
        on_threads(_clear, (workers, dist, parent), workers)


@kernel
def has_overflow(directed, bounds, hidden_begin, hidden_end, rows, state):
    """Is there an arc from a reached vertex to an unreached one? Then a sum was infinite.

    bounds                     of `Ranges`
    hidden_begin, hidden_end   labels of other ranks' leaves, of which nothing is known here: their
                               owners look along the same arc from the other side
    """
    for r in range(OTHERS):
        for u in range(bounds[r, 0], bounds[r, 1]):
            reached = dist_of(state, u) != state.unreached
            if directed and not reached:
                continue
            for k in range(rows.indptr[u], rows.indptr[u + 1]):
                v = np.int64(rows.arcs[k].adj)
                if hidden_begin <= v < hidden_end:
                    continue
                if (dist_of(state, v) != state.unreached) != reached:
                    return True
    return False
