"""The rest of a search by pulling, once the settled vertices hold most of the arcs.

`settled_below` is a distance below which every vertex is settled. An unsettled vertex looks at
its own arcs, lightest first, and stops where no further arc can help. Two bounds make that soon:

floor           the least distance of a settled row that is not pushed to its end. Rows settled
                early are few and short before the first hub is reached; `finish_rows` pushes
                them out, and the floor rises from 0 to about the hub's distance
settled_below   the least distance of an unsettled neighbour

First pull: stop at floor + w >= dist[v]. It also finds the vertices that still have an unsettled
neighbour in reach, settled_below + w < dist[v]; only those take part in the second pull, and only
what the second pull improves is pushed afterwards, with no bucket's end, to a fixed point.
Sums are compared, never differences: the rounded sum is monotone along a row.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from kernels.atomics import atomic_add, prefetch
from kernels.push import (
    ALONE,
    ARCS,
    FAR,
    FAR_AT,
    FAR_TAIL,
    LEAST,
    NEAR,
    NEAR_COUNT,
    NEXT,
    NEXT_AT,
    NEXT_TAIL,
    PHASES,
    STOP,
    TURN,
    _append,
    close_chunks,
    next_round,
)
from kernels.tentative import dist_of, improve, plus, put, value

_BINS = 256
_ROWS_A_TURN = 512


@njit(cache=True)
def _unfinished(queue, first, count, settled_below, state, indptr, scale, weight, weights_left):
    """Add up, by distance, the arcs that settled rows in queue[first:count] have left."""
    for i in range(first, count):
        entry = queue[i]
        if entry.vertex < 0 or entry.dist >= settled_below:
            continue
        u = np.int64(entry.vertex)
        if dist_of(state, u, settled_below) == entry.dist:
            b = min(np.int64(value(entry.dist, weight) * scale), _BINS - 1)
            weights_left[b] += indptr[u + 1] - indptr[u] - entry.offset


@njit(cache=True)
def _finish(queue, first, count, settled_below, cut, leaves_from, indptr, arcs, state, scale,
            book):  # fmt: skip
    """Push the rows below bin `cut` to their end; returns the least distance of those left."""
    floor = settled_below
    for i in range(first, count):
        entry = queue[i]
        if entry.vertex < 0 or entry.dist >= settled_below:
            continue
        u = np.int64(entry.vertex)
        if dist_of(state, u, settled_below) != entry.dist:
            continue
        start = indptr[u] + entry.offset
        end = indptr[u + 1]
        if min(np.int64(value(entry.dist, arcs[start].weight) * scale), _BINS - 1) >= cut:
            floor = min(floor, entry.dist)
            continue
        for k in range(start, end):
            v = np.int64(arcs[k].adj)
            x = plus(entry.dist, arcs[k].weight)
            if v < leaves_from and x < dist_of(state, v, x):
                improve(state, v, x, u)
        book[ARCS] += end - start
    return floor


@njit(cache=True)
def finish_rows(settled_below, budget, leaves_from, indptr, arcs, state, queues, shared, books):
    """Push the nearest settled rows to their end, for about `budget` arcs; returns the floor."""
    near = queues[shared[NEAR]]
    far = queues[shared[FAR]]
    close_chunks(far, books, FAR_AT)
    first = min(shared[TURN], shared[NEAR_COUNT])
    near_count = shared[NEAR_COUNT]
    far_count = min(shared[FAR_TAIL], len(far))
    weight = arcs[0].weight
    scale = _BINS / max(value(settled_below, weight), 1e-300)
    left = np.zeros(_BINS, np.int64)
    _unfinished(near, first, near_count, settled_below, state, indptr, scale, weight, left)
    _unfinished(far, 0, far_count, settled_below, state, indptr, scale, weight, left)
    cut = total = 0
    while cut < _BINS and total + left[cut] <= budget:
        total += left[cut]
        cut += 1
    floor = _finish(near, first, near_count, settled_below, cut, leaves_from, indptr, arcs, state,
                    scale, books[0])  # fmt: skip
    rest = _finish(far, 0, far_count, settled_below, cut, leaves_from, indptr, arcs, state,
                   scale, books[0])  # fmt: skip
    return min(floor, rest)


@njit(cache=True)
def _pull_first(settled_below, floor, leaves_from, indptr, arcs, state, found, shared, book):
    touched = 0
    while True:
        start = atomic_add(shared, TURN, _ROWS_A_TURN)
        if start >= leaves_from:
            break
        for v in range(start, min(start + _ROWS_A_TURN, leaves_from)):
            if v + 24 < leaves_from:
                prefetch(arcs, indptr[v + 24])
                if indptr[v + 8] < len(arcs):
                    prefetch(state, arcs[indptr[v + 8]].adj)
            best = dist_of(state, v, floor)
            if best < settled_below:
                continue
            parent = np.int64(-1)
            reach = False
            first = k = indptr[v]
            end = indptr[v + 1]
            nearest = arcs[0].weight
            while k < end:
                weight = arcs[k].weight
                if plus(floor, weight) >= best:
                    break
                u = np.int64(arcs[k].adj)
                k += 1
                dist = dist_of(state, u, floor)
                if dist >= settled_below and not reach and u < leaves_from:
                    reach = True
                    nearest = weight
                x = plus(dist, weight)
                if x < best:
                    best = x
                    parent = u
            touched += k - first
            if parent >= 0:
                put(state, v, best, parent)
            if reach and plus(settled_below, nearest) < best:
                _append(found, shared, NEXT_TAIL, book, NEXT_AT, v, 0, best, best)
    book[ARCS] += touched


@njit(cache=True)
def _pull_second(settled_below, indptr, arcs, state, found, improved, shared, book):
    count = shared[NEAR_COUNT]
    touched = 0
    while True:
        start = atomic_add(shared, TURN, 256)
        if start >= count:
            break
        for i in range(start, min(start + 256, count)):
            if i + 8 < count and found[i + 8].vertex >= 0:
                prefetch(arcs, indptr[found[i + 8].vertex])
            if found[i].vertex < 0:
                continue
            v = np.int64(found[i].vertex)
            best = dist_of(state, v, settled_below)
            parent = np.int64(-1)
            first = k = indptr[v]
            end = indptr[v + 1]
            while k < end and plus(settled_below, arcs[k].weight) < best:
                u = np.int64(arcs[k].adj)
                x = plus(dist_of(state, u, best), arcs[k].weight)
                k += 1
                if x < best:
                    best = x
                    parent = u
            touched += k - first
            if parent >= 0:
                put(state, v, best, parent)
                _append(improved, shared, NEXT_TAIL, book, NEXT_AT, v, 0, best, best)
    book[ARCS] += touched


@njit(cache=True, parallel=True)
def _pull_first_together(workers, settled_below, floor, leaves_from, indptr, arcs, state, found,
                         shared, books):  # fmt: skip
    for t in prange(workers):
        _pull_first(settled_below, floor, leaves_from, indptr, arcs, state, found, shared,
                    books[t])  # fmt: skip


@njit(cache=True, parallel=True)
def _pull_second_together(workers, settled_below, indptr, arcs, state, found, improved, shared,
                          books):  # fmt: skip
    for t in prange(workers):
        _pull_second(settled_below, indptr, arcs, state, found, improved, shared, books[t])


@njit(cache=True)
def pull(workers, settled_below, floor, leaves_from, unreached, indptr, arcs, state, queues,
         shared, books):  # fmt: skip
    """Both pulls over rows [0, leaves_from) of the incoming arcs; the improved become `near`.

    Every queued entry is forgotten: the pulls cover what the entries stood for.
    """
    shared[NEAR_COUNT] = shared[NEXT_TAIL] = shared[FAR_TAIL] = shared[TURN] = shared[STOP] = 0
    books[:, NEXT_AT : FAR_AT + 2] = 0
    books[:, LEAST] = np.int64(unreached)
    shared[PHASES] += 2
    found = queues[shared[NEXT]]
    if workers == 1 or leaves_from <= ALONE:
        _pull_first(settled_below, floor, leaves_from, indptr, arcs, state, found, shared,
                    books[0])  # fmt: skip
    else:
        _pull_first_together(workers, settled_below, floor, leaves_from, indptr, arcs, state,
                             found, shared, books)  # fmt: skip
    next_round(queues, shared, books)
    improved = queues[shared[NEXT]]
    if workers == 1 or shared[NEAR_COUNT] <= ALONE:
        _pull_second(settled_below, indptr, arcs, state, found, improved, shared, books[0])
    else:
        _pull_second_together(workers, settled_below, indptr, arcs, state, found, improved,
                              shared, books)  # fmt: skip
    next_round(queues, shared, books)
