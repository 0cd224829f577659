"""The rest of a search by pulling, once the settled vertices hold most of the arcs.

`settled_below` is a distance below which every vertex is settled. An unsettled vertex looks at
its own arcs, lightest first, and stops where no further arc can help. Two bounds make that soon:

floor           the least distance of a settled row that is not pushed to its end. Rows settled
                early are few and short before the first hub is reached; `finish_rows` pushes
                them out, and the floor rises from 0 to about the hub's distance
settled_below   the least distance of an unsettled neighbour

The pull of v stops at floor + w >= dist[v]. On its way it notes the arcs from unsettled neighbours
that are within reach, settled_below + w < dist[v]: about one arc in 200, and no other can improve
anything any more. Sweeps over the noted arcs settle the rest; once a sweep improves little, its
improved vertices push their rows, to a fixed point. Sums are compared, never differences: the
rounded sum is monotone along a row.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from kernels.atomics import atomic_add, prefetch
from kernels.compile import kernel, njit
from kernels.heap import heap_to_far
from kernels.push import ALONE
from kernels.queues import (
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
    OUT_AT,
    OUT_TAIL,
    OVERFLOW,
    OWN,
    PHASES,
    SPARE,
    STOP,
    TURN,
    append,
    close_chunks,
    next_round,
    ran_over,
    requeue_reached,
)
from kernels.tentative import bits_of, dist_of, improve, plus, put, value, weight_of

_BINS = 256
_ROWS_A_TURN = 512


@kernel
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


@kernel
def _finish(queue, first, count, settled_below, cut, own, plain, indptr, arcs, state, scale, out,
            shared, book):  # fmt: skip
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
            better = v < plain and x < dist_of(state, v, x) and improve(state, v, x, u)
            if better and (v < own[0] or v >= own[1]):
                append(out, shared, OUT_TAIL, book, OUT_AT, v, 0, x, x)
        book[ARCS] += end - start
    return floor


@njit(cache=True)
def finish_rows(settled_below, budget, own, plain, indptr, arcs, state, queues, out, heap, shared,
                books):  # fmt: skip
    """Push the nearest settled rows to their end, for about `budget` arcs; returns the floor.

    A queue without arcs to push has nothing to finish.
    """
    heap_to_far(heap, queues[shared[FAR]], shared, books[0])
    if len(arcs) == 0:
        return settled_below
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
    floor = _finish(near, first, near_count, settled_below, cut, own, plain, indptr, arcs, state,
                    scale, out, shared, books[0])  # fmt: skip
    rest = _finish(far, 0, far_count, settled_below, cut, own, plain, indptr, arcs, state, scale,
                   out, shared, books[0])  # fmt: skip
    return min(floor, rest)


@kernel
def _pull(settled_below, floor, last, plain, indptr, arcs, state, within, shared, book):
    """One thread's part of the pull: rows to `last` by turns; notes arcs in reach in `within`."""
    touched = 0
    while True:
        start = atomic_add(shared, TURN, _ROWS_A_TURN)
        if start >= last:
            break
        for v in range(start, min(start + _ROWS_A_TURN, last)):
            if v + 32 < last:
                # The line that its seventh arc is on, too: who has a long row looks at several.
                prefetch(arcs, indptr[v + 32])
                prefetch(arcs, indptr[v + 32] + 6)
                if indptr[v + 8] < len(arcs):
                    prefetch(state, arcs[indptr[v + 8]].adj)
                if indptr[v + 8] + 1 < len(arcs):
                    prefetch(state, arcs[indptr[v + 8] + 1].adj)
            best = dist_of(state, v, floor)
            if best < settled_below:
                continue
            parent = np.int64(-1)
            first = k = np.uint64(indptr[v])
            end = np.uint64(indptr[v + 1])
            while k < end:
                weight = arcs[k].weight
                if plus(floor, weight) >= best:
                    break
                u = np.int64(arcs[k].adj)
                k += np.uint64(1)
                dist = dist_of(state, u, floor)
                x = plus(dist, weight)
                if x < best:
                    best = x
                    parent = u
                if dist >= settled_below and u < plain and plus(settled_below, weight) < best:
                    append(within, shared, FAR_TAIL, book, FAR_AT, v, u, best, bits_of(weight))
            touched += np.int64(k - first)
            if parent >= 0:
                put(state, v, best, parent)
    book[ARCS] += touched


@kernel
def _sweep(within, count, state, weight, improved, shared, book):
    """One thread's part of a sweep: relax the arcs of `within`, note what improves."""
    while True:
        start = atomic_add(shared, TURN, 1024)
        if start >= count:
            break
        end = min(start + 1024, count)
        for i in range(start, end):
            if i + 16 < end:
                prefetch(state, within[np.uint64(i + 16)].offset)
            entry = within[np.uint64(i)]  # unsigned, so that nothing checks for one from the end
            if entry.vertex < 0:
                continue
            u = np.int64(entry.offset)
            v = np.int64(entry.vertex)
            x = plus(dist_of(state, u, entry.dist), weight_of(entry.key, weight))
            if x < dist_of(state, v, x) and improve(state, v, x, u):
                append(improved, shared, NEXT_TAIL, book, NEXT_AT, v, 0, x, x)
        book[ARCS] += end - start


@njit(cache=True, parallel=True)
def _pull_together(workers, settled_below, floor, last, plain, indptr, arcs, state, within, shared,
                   books):  # fmt: skip
    for t in prange(workers):
        _pull(settled_below, floor, last, plain, indptr, arcs, state, within, shared, books[t])


@njit(cache=True, parallel=True)
def _sweep_together(workers, within, count, state, weight, improved, shared, books):
    for t in prange(workers):
        _sweep(within, count, state, weight, improved, shared, books[t])


@kernel
def forget_queued(unreached, shared, books):
    """Every queued entry is forgotten: a pull over all rows covers what the entries stood for."""
    shared[NEAR_COUNT] = shared[NEXT_TAIL] = shared[FAR_TAIL] = shared[TURN] = shared[STOP] = 0
    books[:, NEXT_AT : FAR_AT + 2] = 0
    books[:, OVERFLOW] = 0
    books[:, LEAST] = np.int64(unreached)
    shared[NEXT], shared[NEAR], shared[FAR], shared[SPARE] = 0, 1, 2, 3


@kernel
def note(workers, first, last, settled_below, floor, plain, indptr, arcs, state, within, noted,
         shared, books):  # fmt: skip
    """Pull over the rows [first, last) of the incoming arcs; returns how many `within` then holds.

    `noted` entries are there already. Where `within` is too short for the arcs in reach, a
    thread's OVERFLOW is set.
    """
    shared[PHASES] += 1
    shared[TURN] = first
    shared[FAR_TAIL] = noted
    if workers == 1 or last - first <= ALONE:
        _pull(settled_below, floor, last, plain, indptr, arcs, state, within, shared, books[0])
    else:
        _pull_together(workers, settled_below, floor, last, plain, indptr, arcs, state, within,
                       shared, books)  # fmt: skip
    close_chunks(within, books, FAR_AT)
    count = min(shared[FAR_TAIL], len(within))
    shared[FAR_TAIL] = 0
    return count


@kernel
def sweep(workers, within, count, state, weight, improved, shared, books):
    """Relax the noted arcs once; returns how many entries `improved` then holds."""
    shared[PHASES] += 1
    shared[TURN] = shared[NEXT_TAIL] = 0
    if workers == 1 or count <= 4 * ALONE:
        _sweep(within, count, state, weight, improved, shared, books[0])
    else:
        _sweep_together(workers, within, count, state, weight, improved, shared, books)
    close_chunks(improved, books, NEXT_AT)
    return min(shared[NEXT_TAIL], len(improved))


@kernel
def push_improved(ranges, unreached, state, queues, out, shared, books):
    """What the last sweep has improved is to be pushed; everything, if that ran over."""
    if ran_over(books):
        requeue_reached(ranges, unreached, state, queues, out, shared, books)
    else:
        next_round(queues, shared, books)


@kernel
def pull(workers, settled_below, floor, ranges, plain, unreached, indptr, arcs, state, queues, out,
         shared, books):  # fmt: skip
    """Pull, and sweep while that pays; what is left to push becomes `near`."""
    # The improved need one queue; the arcs within reach have the room of the other three.
    improved = queues[0]
    within = queues[1:4].reshape(3 * queues.shape[1])
    forget_queued(unreached, shared, books)
    count = note(workers, ranges[OWN, 0], ranges[OWN, 1], settled_below, floor, plain, indptr, arcs,
                 state, within, 0, shared, books)  # fmt: skip
    while not ran_over(books):
        if (
            sweep(workers, within, count, state, arcs[0].weight, improved, shared, books)
            <= count >> 6
        ):
            break
    push_improved(ranges, unreached, state, queues, out, shared, books)
