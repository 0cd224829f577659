"""Before a pull: the nearest of the settled rows are pushed to their end.

They are what is queued below the distance at which the pull begins; the rest of their arcs is
counted by distance, and as many bins are pushed as hold a budget of arcs. The least distance of
those left is the floor, by which a pull knows where to stop (kernels/pull.py).
"""

from __future__ import annotations

import numpy as np

from kernels.atomics import prefetch
from kernels.compile import ZERO, inlined, njit, part
from kernels.groups import Unfinished
from kernels.heap import heap_to_far
from kernels.parallel import on_threads
from kernels.push import SEEN_ALONE
from kernels.queues import (
    ARCS,
    FAR,
    FAR_AT,
    FAR_TAIL,
    LINE,
    NEAR,
    NEAR_COUNT,
    OWN,
    TURN,
    append,
    close_chunks,
    overflowed,
    requeue_reached,
    thread_queues,
)
from kernels.tentative import as_dist, dist_of, improve, plus, value

# Rows are counted by distance in _BINS bins; the word after a thread's bins is the least distance
# that it has left. LINE words more keep threads off each other's lines, wherever the first lies.
_BINS = _FLOOR = 256
_ENTRIES_A_TURN = 256


@inlined
def _ask_for(queue, i, last, rows, state):
    """Ask for what an entry's turn reads: the distance of its vertex, and where its row is."""
    if i < last:
        prefetch(state.words, queue[i].vertex)
        prefetch(rows.indptr, queue[i].vertex)


@inlined
def _is_settled(entry, queued, state):
    """Is the row of an entry settled, and not queued anew at a smaller distance?"""
    return (
        entry.vertex >= 0
        and entry.dist < queued.settled_below
        and dist_of(state, np.int64(entry.vertex)) == entry.dist
    )


@inlined
def _bin(entry, queued, rows):
    return min(np.int64(value(entry.dist, rows.arcs[0].weight) * queued.scale), _BINS - 1)


@part
def _count_unfinished(queue, queued, rows, state, share):
    """Add up, by distance, the arcs that the settled rows in a share of a queue have left."""
    step = queued.shares * _ENTRIES_A_TURN
    for first in range(share * _ENTRIES_A_TURN, len(queue), step):
        last = min(first + _ENTRIES_A_TURN, len(queue))
        for i in range(first, last):
            _ask_for(queue, i + 16, last, rows, state)
            entry = queue[i]
            if _is_settled(entry, queued, state):
                u = np.int64(entry.vertex)
                length = rows.indptr[u + 1] - rows.indptr[u]
                queued.left[share, _bin(entry, queued, rows)] += length - entry.offset


@part
def _count_share(queued, rows, state, share):
    _count_unfinished(queued.near, queued, rows, state, share)
    _count_unfinished(queued.far, queued, rows, state, share)


@part
def _push_below(queue, queued, cut, ranges, rows, state, queues, share):
    """Push the rows of a share of a queue that are below bin `cut` to their end.

    Returns the least distance of those left.
    """
    mine = thread_queues(queues, share)
    arcs = rows.arcs
    own_begin, own_end = ranges.bounds[OWN, 0], ranges.bounds[OWN, 1]
    floor = queued.settled_below
    touched = 0
    step = queued.shares * _ENTRIES_A_TURN
    for first in range(share * _ENTRIES_A_TURN, len(queue), step):
        last = min(first + _ENTRIES_A_TURN, len(queue))
        for i in range(first, last):
            _ask_for(queue, i + 16, last, rows, state)
            entry = queue[i]
            if not _is_settled(entry, queued, state):
                continue
            if _bin(entry, queued, rows) >= cut:
                floor = min(floor, entry.dist)
                continue
            u = np.int64(entry.vertex)
            start = rows.indptr[u] + entry.offset
            end = rows.indptr[u + 1]
            for k in range(start, end):
                if k + 6 < end:
                    prefetch(state.words, arcs[k + 6].adj)
                v = np.int64(arcs[k].adj)
                x = plus(entry.dist, arcs[k].weight)
                better = v < ranges.leaf_begin and x < dist_of(state, v) and improve(state, v, x, u)
                if better and (v < own_begin or v >= own_end):
                    append(mine.outbox, v, ZERO, x, x)
            touched += end - start
    mine.counters[ARCS] += touched
    return floor


@part
def _push_share(queued, cut, ranges, rows, state, queues, share):
    floor = _push_below(queued.near, queued, cut, ranges, rows, state, queues, share)
    rest = _push_below(queued.far, queued, cut, ranges, rows, state, queues, share)
    queued.left[share, _FLOOR] = np.int64(min(floor, rest))


@part
def _cut(left, budget):
    """The first bin up to which more than `budget` arcs are left."""
    total = 0
    for cut in range(_BINS):
        for share in range(len(left)):
            total += left[share, cut]
        if total > budget:
            return cut
    return _BINS


@njit(cache=True, no_cpython_wrapper=True)
def _push_settled(settled_below, budget, ranges, rows, state, queues):
    """What `push_settled` does, once: returns `state.unreached`, no floor, where a queue runs over.

    A queue without arcs to push has nothing to finish.
    """
    heap_to_far(queues)
    if len(rows.arcs) == 0:
        return settled_below
    control, thread_counters = queues.control, queues.thread_counters
    near = queues.entries[control[NEAR]]
    far = queues.entries[control[FAR]]
    close_chunks(far, thread_counters, FAR_AT)
    near = near[min(control[TURN], control[NEAR_COUNT]) : control[NEAR_COUNT]]
    far = far[: min(control[FAR_TAIL], len(far))]
    scale = _BINS / max(value(settled_below, rows.arcs[0].weight), 1e-300)
    shares = max(min(len(thread_counters), (len(near) + len(far)) // SEEN_ALONE), 1)
    left = np.zeros((shares, _BINS + LINE), np.int64)
    queued = Unfinished(near, far, settled_below, scale, shares, left)
    if shares == 1:
        _count_share(queued, rows, state, ZERO)
    else:
        on_threads(_count_share, (queued, rows, state), shares)
    cut = np.int64(_cut(left, budget))
    if shares == 1:
        _push_share(queued, cut, ranges, rows, state, queues, ZERO)
    else:
        on_threads(_push_share, (queued, cut, ranges, rows, state, queues), shares)
    if overflowed(thread_counters):
        return state.unreached
    floor = np.int64(settled_below)
    for share in range(shares):
        floor = min(floor, left[share, _FLOOR])
    return as_dist(floor, settled_below)


@njit(cache=True)
def push_settled(settled_below, budget, ranges, rows, state, queues):
    """Push the nearest settled rows to their end, for about `budget` arcs; returns the floor."""
    floor = _push_settled(settled_below, budget, ranges, rows, state, queues)
    while floor == state.unreached:  # a queue of other ranks' vertices has run over
        requeue_reached(ranges, state, queues)
        floor = _push_settled(settled_below, budget, ranges, rows, state, queues)
    return floor
