"""Passes over all vertices that begin and end a search: reset, leaves, the answer."""

from __future__ import annotations

import numpy as np
from numba import prange

from kernels.atomics import prefetch
from kernels.compile import ZERO, kernel, njit
from kernels.queues import OTHERS
from kernels.tentative import dist_of, parent_of, plus, put, value

# Vertices that are not worth waking other threads for.
_ALONE = 1 << 14


@kernel
def _reset(first, last, nobody, state):
    for v in range(first, last):
        put(state, v, state.unreached, nobody)


@njit(cache=True, parallel=True)
def _reset_parallel(workers, first, last, nobody, state):
    for t in prange(workers):
        width = last - first
        _reset(first + width * t // workers, first + width * (t + 1) // workers, nobody, state)


@kernel
def reset(workers, first, last, nobody, state):
    """Make the vertices [first, last) unreached; `nobody` stands for their parent."""
    if workers == 1 or last - first <= _ALONE:
        _reset(first, last, nobody, state)
    else:
        _reset_parallel(workers, first, last, nobody, state)


@kernel
def _settle_leaves(first, last, rows, state):
    for v in range(first, last):
        arc = rows.arcs[rows.indptr[v]]
        u = np.int64(arc.adj)
        x = plus(dist_of(state, u), arc.weight)
        if x < dist_of(state, v):
            put(state, v, x, u)


@njit(cache=True, parallel=True)
def _settle_leaves_parallel(workers, first, last, rows, state):
    for t in prange(workers):
        width = last - first
        _settle_leaves(first + width * t // workers, first + width * (t + 1) // workers, rows,
                       state)  # fmt: skip


@kernel
def settle_leaves(workers, first, last, rows, state):
    """The vertices [first, last), with a single arc each, take their distance from its end."""
    if workers == 1 or last - first <= _ALONE:
        _settle_leaves(first, last, rows, state)
    else:
        _settle_leaves_parallel(workers, first, last, rows, state)


@kernel
def _answer(first, last, local_id, global_id, state, weight, dist, parent):
    for i in range(first, last):
        v = np.uint64(i)  # unsigned, so that nothing checks for one from the end
        if i + 128 < last:
            prefetch(state.words, local_id[np.uint64(i + 128)])
        ours = np.int64(local_id[v])
        dist[v] = value(dist_of(state, ours), weight)
        parent[v] = global_id[np.uint64(parent_of(state, ours))]


@njit(cache=True, parallel=True)
def _answer_parallel(workers, local_id, global_id, state, weight, dist, parent):
    for t in prange(workers):
        n = len(local_id)
        _answer(n * t // workers, n * (t + 1) // workers, local_id, global_id, state, weight, dist,
                parent)  # fmt: skip


@kernel
def answer(workers, local_id, global_id, state, weight, dist, parent):
    """Write distance and parent of every vertex in original ids.

    local_id    int32 (n,)       label of each original id
    global_id   int32 (n + 1,)   the other way round; the last entry, -1, is nobody's
    weight      any weight of the graph's kind
    """
    if workers == 1 or len(local_id) <= _ALONE:
        _answer(ZERO, len(local_id), local_id, global_id, state, weight, dist, parent)
    else:
        _answer_parallel(workers, local_id, global_id, state, weight, dist, parent)


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
