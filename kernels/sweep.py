"""Passes over all vertices that begin and end a search: reset, leaves, the answer."""

from __future__ import annotations

import numpy as np
from numba import prange

from kernels.atomics import prefetch
from kernels.compile import kernel, njit
from kernels.queues import OTHERS
from kernels.tentative import dist_of, parent_of, plus, put, value

# Vertices that are not worth waking other threads for.
_ALONE = 1 << 14


@kernel
def _reset(first, last, nobody, unreached, state):
    for v in range(first, last):
        put(state, v, unreached, nobody)


@njit(cache=True, parallel=True)
def _reset_together(workers, first, last, nobody, unreached, state):
    for t in prange(workers):
        width = last - first
        _reset(first + width * t // workers, first + width * (t + 1) // workers, nobody,
               unreached, state)  # fmt: skip


@kernel
def reset(workers, first, last, nobody, unreached, state):
    """Make the vertices [first, last) unreached; `nobody` stands for their parent."""
    if workers == 1 or last - first <= _ALONE:
        _reset(first, last, nobody, unreached, state)
    else:
        _reset_together(workers, first, last, nobody, unreached, state)


@kernel
def _settle_leaves(first, last, indptr, arcs, state, unreached):
    for v in range(first, last):
        arc = arcs[indptr[v]]
        u = np.int64(arc.adj)
        x = plus(dist_of(state, u, unreached), arc.weight)
        if x < dist_of(state, v, unreached):
            put(state, v, x, u)


@njit(cache=True, parallel=True)
def _settle_leaves_together(workers, first, last, indptr, arcs, state, unreached):
    for t in prange(workers):
        width = last - first
        _settle_leaves(first + width * t // workers, first + width * (t + 1) // workers,
                       indptr, arcs, state, unreached)  # fmt: skip


@kernel
def settle_leaves(workers, first, last, indptr, arcs, state, unreached):
    """The vertices [first, last), with a single arc each, take their distance from its end."""
    if workers == 1 or last - first <= _ALONE:
        _settle_leaves(first, last, indptr, arcs, state, unreached)
    else:
        _settle_leaves_together(workers, first, last, indptr, arcs, state, unreached)


@kernel
def _answer(first, last, label, original, state, unreached, weight, dist, parent):
    for i in range(first, last):
        v = np.uint64(i)  # unsigned, so that nothing checks for one from the end
        if i + 128 < last:
            prefetch(state, label[np.uint64(i + 128)])
        ours = np.int64(label[v])
        dist[v] = value(dist_of(state, ours, unreached), weight)
        parent[v] = original[np.uint64(parent_of(state, ours, unreached))]


@njit(cache=True, parallel=True)
def _answer_together(workers, label, original, state, unreached, weight, dist, parent):
    for t in prange(workers):
        n = len(label)
        _answer(n * t // workers, n * (t + 1) // workers, label, original, state, unreached,
                weight, dist, parent)  # fmt: skip


@kernel
def answer(workers, label, original, state, unreached, weight, dist, parent):
    """Write distance and parent of every vertex in original ids.

    label      int32 (n,)       our id of each original one
    original   int32 (n + 1,)   the other way round; the last entry, -1, is nobody's
    weight     any weight of the graph's kind
    """
    if workers == 1 or len(label) <= _ALONE:
        _answer(0, len(label), label, original, state, unreached, weight, dist, parent)
    else:
        _answer_together(workers, label, original, state, unreached, weight, dist, parent)


@kernel
def leads_out(directed, ranges, hidden_from, hidden_to, indptr, arcs, state, unreached):
    """Is there an arc from a reached vertex to an unreached one?

    Labels [hidden_from, hidden_to) are other ranks' leaves, of which nothing is known here: their
    owners look along the same arc from the other side.
    """
    for r in range(OTHERS):
        for u in range(ranges[r, 0], ranges[r, 1]):
            reached = dist_of(state, u, unreached) != unreached
            if directed and not reached:
                continue
            for k in range(indptr[u], indptr[u + 1]):
                v = np.int64(arcs[k].adj)
                if hidden_from <= v < hidden_to:
                    continue
                if (dist_of(state, v, unreached) != unreached) != reached:
                    return True
    return False
