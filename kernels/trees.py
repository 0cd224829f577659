"""The search of vertices taken off a graph (graphs.trees), at its end. Plain arrays."""

from __future__ import annotations

import numpy as np

from kernels.atomics import prefetch
from kernels.compile import ONE, ZERO, kernel, part
from kernels.groups import TOGETHER
from kernels.parallel import on_threads
from kernels.queues import counted
from kernels.tentative import both_of, dist_of, plus, put, value

# Vertices that are not worth waking other threads for.
_ALONE = 1 << 14


@part
def _name(shares, first, last, global_id, state, share):
    width = last - first
    for i in range(first + width * share // shares, first + width * (share + 1) // shares):
        v = np.uint64(i)  # unsigned, so that nothing checks for one from the end
        dist, parent = both_of(state, v)
        put(state, v, dist, np.uint32(global_id[np.uint64(parent)]))


@kernel
def name(workers, first, last, global_id, state):
    """The parents of the vertices [first, last) become original ids, of 32 bits; -1: nobody.

    Labels are ids after that: once for a search.
    """
    if workers == 1 or last - first <= TOGETHER:
        _name(ONE, first, last, global_id, state, ZERO)
    else:
        on_threads(_name, (workers, first, last, global_id, state), workers)


@part
def _settle(shares, first, last, rows, global_id, state, share):
    indptr, arcs = rows.indptr, rows.arcs
    width = last - first
    for v in range(first + width * share // shares, first + width * (share + 1) // shares):
        k = np.uint64(indptr[v])
        end = np.uint64(indptr[v + 1])
        best, parent = both_of(state, v)
        while k < end:
            u = np.int64(arcs[k].adj)
            x = plus(dist_of(state, u), arcs[k].weight)
            parent = u if x < best else parent
            best = min(best, x)
            k += np.uint64(1)
        put(state, v, best, np.uint32(global_id[np.uint64(parent)]))


@part
def settle(workers, first, last, rows, global_id, state):
    """The vertices [first, last) take the shortest way over the ends of their arcs.

    Their parents become original ids, as in `name`. Of more than TOGETHER, none leads to another.
    """
    if workers == 1 or last - first <= TOGETHER:
        _settle(ONE, first, last, rows, global_id, state, ZERO)
    else:
        on_threads(_settle, (workers, first, last, rows, global_id, state), workers)


@part
def _hang(shares, held, begin, global_id, state, share):
    count = len(held)
    for i in range(count * share // shares, count * (share + 1) // shares):
        at = np.uint64(held[np.uint64(i)])
        dist = dist_of(state, at)
        nobody = -np.uint32(dist == state.unreached)  # all bits set, or none
        put(state, np.uint64(begin + i), dist, np.uint32(global_id[at]) | nobody)


@part
def hang(workers, held, begin, global_id, state):
    """What leaves take from the vertex they hang on: its distance, and itself as their parent.

    held    int32 (k,)   labels of these vertices
    begin   the first of the places of `held` in the state
    """
    if workers == 1 or len(held) <= TOGETHER:
        _hang(ONE, held, begin, global_id, state, ZERO)
    else:
        on_threads(_hang, (workers, held, begin, global_id, state), workers)


@part
def _answer(shares, local_id, leaf_weight, state, dist, parent, share):
    last = len(local_id) * (share + 1) // shares
    for i in range(len(local_id) * share // shares, last):
        v = np.uint64(i)
        if i + 64 < last:
            prefetch(state.words, local_id[np.uint64(i + 64)])
        before, found = both_of(state, np.uint64(local_id[v]))
        dist[v] = value(plus(before, leaf_weight[v]), leaf_weight[v])
        parent[v] = np.int32(found)


@part
def answer(workers, local_id, leaf_weight, state, dist, parent):
    """Write distance and parent of every vertex in original ids.

    local_id      int32 (n,)   place in the state, where the parent is an original id
    leaf_weight   (n,)         of a leaf its one arc, else 0
    """
    if workers == 1 or len(local_id) <= _ALONE:
        _answer(ONE, local_id, leaf_weight, state, dist, parent, ZERO)
    else:
        on_threads(_answer, (workers, local_id, leaf_weight, state, dist, parent), workers)


@kernel
def write(off, rows, ids, state, dist, parent, queues):
    """Write the answer of a search of a core; returns the rounds, and the arcs looked at.

    off   kernels.groups.TakenOff
    ids   kernels.groups.Ids; what has no label has a place in the state, see `answer`
    """
    workers = len(queues.thread_counters)
    for r in range(len(off.searched)):
        name(workers, off.searched[r, 0], off.searched[r, 1], ids.global_id, state)
    for r in range(len(off.passes)):
        settle(workers, off.passes[r, 0], off.passes[r, 1], rows, ids.global_id, state)
    hang(workers, off.held, off.first_held, ids.global_id, state)
    answer(workers, ids.local_id, off.leaf_weight, state, dist, parent)
    return counted(queues)


@kernel
def has_overflow(local_id, leaf_weight, state):
    """Is there a leaf of a reached vertex whose sum is infinite?"""
    for v in range(len(local_id)):
        before = dist_of(state, np.int64(local_id[v]))
        if before != state.unreached and plus(before, leaf_weight[v]) == state.unreached:
            return True
    return False
