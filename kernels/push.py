"""Delta-stepping by pushing: a heap while little is queued, buckets shared by threads after that.

Rows are sorted by weight, so a push that reaches the bucket's end stops there, and the rest of
the row waits under a later key (`early`). Where rows are short this does not pay, and a push takes
the whole row. A thread goes on with what it has found for the same bucket before it looks for more.

Sources: Meyer and Sanders 2003 (delta-stepping); Zhang et al. 2020 (bucket fusion).
"""

from __future__ import annotations

import numpy as np
from numba import prange

from kernels.atomics import atomic_add, prefetch
from kernels.compile import inlined, kernel, njit
from kernels.heap import HEAP_LIMIT, far_to_heap, heap_to_far, run_heap
from kernels.queues import (
    ARCS,
    FAR,
    FAR_TAIL,
    HEAP_SIZE,
    LEAST,
    NEAR,
    NEAR_COUNT,
    NEXT,
    NEXT_AT,
    NEXT_TAIL,
    OUT_AT,
    OUT_TAIL,
    OWN,
    PHASES,
    SETTLED,
    SETTLED_ARCS,
    SPARE,
    STOP,
    TURN,
    append,
    append_far,
    least_far,
    next_round,
    ran_over,
    requeue_reached,
    take_far,
)
from kernels.tentative import as_dist, dist_of, improve, plus, put

EMPTY, SWITCH, MORE = 0, 1, 2

NEVER = 1 << 60
ALONE = 512  # entries that are not worth waking other threads for
FIFO = 1024


@inlined
def _push_row(entry, hi, early, own, plain, indptr, arcs, state, following, far, out, fifo,
              filled, shared, book):  # fmt: skip
    """Relax the arcs of an entry's row; returns how far `fifo` is filled with the improved."""
    u = np.int64(entry.vertex)
    dist = entry.dist
    if dist_of(state, u, dist) != dist:
        return filled
    start = indptr[u]
    end = indptr[u + 1]
    if entry.offset == 0:
        book[SETTLED] += 1
        book[SETTLED_ARCS] += end - start
    k = first = start + entry.offset
    while k < end:
        x = plus(dist, arcs[k].weight)
        if early and x >= hi:
            append_far(far, shared, book, u, k - start, dist, x)
            break
        v = np.int64(arcs[k].adj)
        k += 1
        if k + 6 < end:
            prefetch(state, arcs[k + 6].adj)
        if v < plain and x < dist_of(state, v, x) and improve(state, v, x, u):
            if v < own[0] or v >= own[1]:
                append(out, shared, OUT_TAIL, book, OUT_AT, v, 0, x, x)
            elif x >= hi:
                append_far(far, shared, book, v, 0, x, x)
            elif filled < len(fifo):
                prefetch(indptr, v)
                fifo[filled].vertex = v
                fifo[filled].offset = 0
                fifo[filled].dist = x
                filled += 1
            else:
                append(following, shared, NEXT_TAIL, book, NEXT_AT, v, 0, x, x)
    book[ARCS] += k - first
    return filled


@inlined
def _look_ahead(queue, i, end, indptr, arcs, state):
    """Ask for what the next entries will read: row bounds, first arc, distance at its end."""
    if i + 12 < end:
        prefetch(state, queue[i + 12].vertex)
    if i + 8 < end and queue[i + 8].vertex >= 0:
        prefetch(arcs, indptr[queue[i + 8].vertex] + queue[i + 8].offset)
    if i + 4 < end and queue[i + 4].vertex >= 0:
        first = indptr[queue[i + 4].vertex] + queue[i + 4].offset
        if first < len(arcs):
            prefetch(state, arcs[first].adj)


@kernel
def _drain(step, hi, early, own, plain, settled_cap, indptr, arcs, state, near, following,
           far, out, fifo, shared, book):  # fmt: skip
    """One thread's part of a round: `step` entries of `near` by turns, and all they lead to."""
    count = shared[NEAR_COUNT]
    while shared[STOP] == 0:
        start = atomic_add(shared, TURN, step)
        if start >= count:
            break
        end = min(start + step, count)
        filled = done = 0
        for i in range(start, end):
            _look_ahead(near, i, end, indptr, arcs, state)
            if near[i].vertex >= 0:
                filled = _push_row(near[i], hi, early, own, plain, indptr, arcs, state,
                                   following, far, out, fifo, filled, shared, book)  # fmt: skip
        while done < filled:
            _look_ahead(fifo, done, filled, indptr, arcs, state)
            filled = _push_row(fifo[done], hi, early, own, plain, indptr, arcs, state,
                               following, far, out, fifo, filled, shared, book)  # fmt: skip
            done += 1
            if done == filled:
                done = filled = 0
        if book[SETTLED] > settled_cap:
            shared[STOP] = 1


@njit(cache=True, parallel=True)
def _drain_together(workers, step, hi, early, own, plain, settled_cap, indptr, arcs, state,
                    near, following, far, out, fifos, shared, books):  # fmt: skip
    for t in prange(workers):
        _drain(step, hi, early, own, plain, settled_cap, indptr, arcs, state, near,
               following, far, out, fifos[t], shared, books[t])  # fmt: skip


@kernel
def _split(hi, indptr, state, far, near, spare, shared, book):
    """One thread's part of parting `far` at the bucket's end into `near` and `spare`."""
    count = shared[NEAR_COUNT]
    while True:
        start = atomic_add(shared, TURN, 256)
        if start >= count:
            break
        end = min(start + 256, count)
        for i in range(start, end):
            entry = far[i]
            if i + 12 < end:
                prefetch(state, far[i + 12].vertex)
            if entry.vertex < 0:
                continue
            if dist_of(state, np.int64(entry.vertex), hi) != entry.dist:
                continue
            if entry.key < hi:
                prefetch(indptr, entry.vertex)
                append(near, shared, NEXT_TAIL, book, NEXT_AT,
                        entry.vertex, entry.offset, entry.dist, entry.key)  # fmt: skip
            else:
                append_far(spare, shared, book,
                            entry.vertex, entry.offset, entry.dist, entry.key)  # fmt: skip


@njit(cache=True, parallel=True)
def _split_together(workers, hi, indptr, state, far, near, spare, shared, books):
    for t in prange(workers):
        _split(hi, indptr, state, far, near, spare, shared, books[t])


@kernel
def forget(shared, books, unreached):
    """Nothing is queued, and nothing counted."""
    shared[:NEAR] = 0
    shared[OUT_TAIL] = 0
    books[:, :] = 0
    books[:, LEAST] = np.int64(unreached)


@kernel
def start(root, zero, state, heap, shared, books, unreached):
    """Queue the root at distance `zero` in an empty heap."""
    forget(shared, books, unreached)
    put(state, root, zero, root)
    heap[0].vertex = root
    heap[0].offset = 0
    heap[0].dist = zero
    heap[0].key = zero
    shared[HEAP_SIZE] = 1


@kernel
def _drain_bucket(workers, hi, early, ranges, plain, settled_cap, unreached, indptr, arcs, state,
                  queues, out, fifos, shared, books):  # fmt: skip
    """Rounds until nothing of this bucket is queued, or a thread has seen enough (STOP)."""
    own = (ranges[OWN, 0], ranges[OWN, 1])
    while shared[NEAR_COUNT] > 0 and shared[STOP] == 0:
        near = queues[shared[NEAR]]
        following = queues[shared[NEXT]]
        far = queues[shared[FAR]]
        shared[PHASES] += 1
        # Entries that follow each other were found by one thread and lie near each other in the
        # graph: long turns keep the threads off each other's cache lines, 16 each keep the balance.
        step = min(max(shared[NEAR_COUNT] // (16 * workers), 4), 512)
        if workers == 1 or shared[NEAR_COUNT] <= ALONE:
            _drain(step, hi, early, own, plain, settled_cap, indptr, arcs, state, near,
                   following, far, out, fifos[0], shared, books[0])  # fmt: skip
        else:
            _drain_together(workers, step, hi, early, own, plain, settled_cap, indptr, arcs, state,
                            near, following, far, out, fifos, shared, books)  # fmt: skip
        if ran_over(books):
            shared[STOP] = 0
            requeue_reached(ranges, unreached, state, queues, out, shared, books)
        elif shared[STOP] == 0:
            next_round(queues, shared, books)


@inlined
def _bucket_end(lo, delta, unreached):
    """End of the bucket that starts at the distance `lo` (bits): at least one distance further."""
    hi = max(plus(as_dist(lo, unreached), delta), as_dist(lo + 1, unreached))
    return min(hi, unreached)


@kernel
def advance(workers, buckets, anchor, delta, early, ranges, plain, switch_settled, switch_arcs,
            unreached, indptr, arcs, state, queues, out, heap, fifos, shared, books):  # fmt: skip
    """Work off queued rows, nearest first, for at most `buckets` buckets.

    `anchor` is the distance (bits) at which the one bucket of all ranks starts; below 0 each
    bucket starts at the nearest row queued here.

    Returns EMPTY: nothing is queued; MORE: something is; SWITCH with a distance (bits): at least
    `switch_settled` rows with `switch_arcs` arcs have been seen, and every arc that leads below
    that distance is relaxed.
    """
    hi = limit = unreached
    if ran_over(books):
        requeue_reached(ranges, unreached, state, queues, out, shared, books)
    if shared[NEAR_COUNT] > 0:
        # What a pull has improved: no bucket, to the end.
        _drain_bucket(workers, hi, False, ranges, plain, NEVER, unreached, indptr, arcs, state,
                      queues, out, fifos, shared, books)  # fmt: skip
    if anchor >= 0:
        limit = _bucket_end(anchor, delta, unreached)
        if shared[HEAP_SIZE] == 0 and shared[FAR_TAIL] <= HEAP_LIMIT // 2:
            far_to_heap(unreached, state, heap, queues, shared, books)
    while buckets > 0:
        buckets -= 1
        if shared[HEAP_SIZE] > 0:
            shared[PHASES] += 1
            run_heap(limit, unreached, early, (ranges[OWN, 0], ranges[OWN, 1]), plain, indptr, arcs,
                     state, heap, queues[shared[FAR]], out, shared, books[0])  # fmt: skip
            heap_to_far(heap, queues[shared[FAR]], shared, books[0])
            if ran_over(books):
                requeue_reached(ranges, unreached, state, queues, out, shared, books)
                _drain_bucket(workers, unreached, False, ranges, plain, NEVER, unreached, indptr,
                              arcs, state, queues, out, fifos, shared, books)  # fmt: skip
        nearest = least_far(books)
        if nearest == np.int64(unreached):
            return EMPTY, unreached
        lo = as_dist(nearest, unreached)
        settled = settled_arcs = 0
        for t in range(workers):
            settled += books[t, SETTLED]
            settled_arcs += books[t, SETTLED_ARCS]
        if anchor < 0 and settled >= switch_settled and settled_arcs >= switch_arcs:
            return SWITCH, lo
        if anchor >= 0:
            lo = as_dist(anchor, unreached)
            hi = limit
            if nearest >= np.int64(hi):
                break
        else:
            hi = _bucket_end(nearest, delta, unreached)
        take_far(np.int64(unreached), queues, shared, books)
        near = queues[shared[NEXT]]
        far = queues[shared[FAR]]
        spare = queues[shared[SPARE]]
        if workers == 1 or shared[NEAR_COUNT] <= 4 * ALONE:
            _split(hi, indptr, state, far, near, spare, shared, books[0])
        else:
            _split_together(workers, hi, indptr, state, far, near, spare, shared, books)
        shared[FAR], shared[SPARE] = shared[SPARE], shared[FAR]
        next_round(queues, shared, books)
        if ran_over(books):
            requeue_reached(ranges, unreached, state, queues, out, shared, books)
        # Seen twice as much as the switch waits for: the bucket was too wide, do not finish it.
        cap = 2 * switch_settled // workers if settled < switch_settled else NEVER
        _drain_bucket(workers, hi, early, ranges, plain, cap, unreached, indptr, arcs, state,
                      queues, out, fifos, shared, books)  # fmt: skip
        if shared[STOP] != 0:
            return SWITCH, lo
        if shared[FAR_TAIL] <= HEAP_LIMIT // 2:
            far_to_heap(unreached, state, heap, queues, shared, books)
    return MORE, unreached
