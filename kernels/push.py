"""Delta-stepping by pushing: a heap while little is queued, buckets shared by threads after that.

Rows are sorted by weight, so a push that reaches the bucket's end stops there, and the rest of
the row waits under a later key (`stop_at_end`). Where rows are short this does not pay, and a push
takes the whole row. A thread goes on with what it has found for the same bucket before it looks for
more.

Sources: Meyer and Sanders 2003 (delta-stepping); Zhang et al. 2020 (bucket fusion).
"""

from __future__ import annotations

import numpy as np

from kernels.atomics import atomic_add, prefetch
from kernels.compile import ZERO, inlined, kernel, part
from kernels.groups import Bucket
from kernels.heap import far_to_heap, heap_to_far, run_heap
from kernels.parallel import on_threads
from kernels.queues import (
    ARCS,
    FAR,
    FAR_TAIL,
    FIRST_THREAD,
    HEAP_SIZE,
    LEAST,
    NEAR,
    NEAR_COUNT,
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
    overflowed,
    requeue_reached,
    settled,
    take_far,
    thread_queues,
)
from kernels.tentative import as_dist, dist_of, improve, plus, put, value

EMPTY, SWITCH, MORE = 0, 1, 2

NEVER = 1 << 60
SEEN_ALONE = 1024  # entries that are not worth waking other threads for, to be looked at only
FIFO = 1024


@inlined
def _push_row(entry, bucket, rows, state, mine, filled):
    """Relax the arcs of an entry's row; returns how far the fifo is filled with the improved."""
    arcs, fifo, counters = rows.arcs, mine.fifo, mine.counters
    u = np.int64(entry.vertex)
    dist = entry.dist
    if dist_of(state, u) != dist:
        return filled
    start = rows.indptr[u]
    end = rows.indptr[u + 1]
    if entry.offset == 0:
        counters[SETTLED] += 1
        counters[SETTLED_ARCS] += end - start
    k = first = start + entry.offset
    while k < end:
        x = plus(dist, arcs[k].weight)
        if bucket.stop_at_end and x >= bucket.end:
            append_far(mine.far, u, k - start, dist, x)
            break
        v = np.int64(arcs[k].adj)
        k += 1
        if k + 6 < end:
            prefetch(state.words, arcs[k + 6].adj)
        if v < bucket.leaf_begin and x < dist_of(state, v) and improve(state, v, x, u):
            if v < bucket.own_begin or v >= bucket.own_end:
                append(mine.outbox, v, ZERO, x, x)
            elif x >= bucket.end:
                append_far(mine.far, v, ZERO, x, x)
            elif filled < len(fifo):
                prefetch(rows.indptr, v)
                fifo[filled].vertex = v
                fifo[filled].offset = 0
                fifo[filled].dist = x
                filled += 1
            else:
                append(mine.following, v, ZERO, x, x)
    counters[ARCS] += k - first
    return filled


@inlined
def _look_ahead(queue, i, end, rows, state):
    """Ask for what the next entries will read: row bounds, first arc, distance at its end."""
    if i + 12 < end:
        prefetch(state.words, queue[i + 12].vertex)
    if i + 8 < end and queue[i + 8].vertex >= 0:
        prefetch(rows.arcs, rows.indptr[queue[i + 8].vertex] + queue[i + 8].offset)
    if i + 4 < end and queue[i + 4].vertex >= 0:
        first = rows.indptr[queue[i + 4].vertex] + queue[i + 4].offset
        if first < len(rows.arcs):
            prefetch(state.words, rows.arcs[first].adj)


@part
def _drain(bucket, step, rows, state, queues, thread):
    """One thread's part of a round: `step` entries of `near` by turns, and all they lead to."""
    control = queues.control
    mine = thread_queues(queues, thread)
    count = control[NEAR_COUNT]
    while control[STOP] == 0:
        start = atomic_add(control, TURN, step)
        if start >= count:
            break
        end = min(start + step, count)
        filled = done = ZERO
        for i in range(start, end):
            _look_ahead(mine.near, i, end, rows, state)
            if mine.near[i].vertex >= 0:
                filled = _push_row(mine.near[i], bucket, rows, state, mine, filled)
        while done < filled:
            _look_ahead(mine.fifo, done, filled, rows, state)
            filled = _push_row(mine.fifo[done], bucket, rows, state, mine, filled)
            done += 1
            if done == filled:
                done = filled = ZERO
        if mine.counters[SETTLED] > bucket.settled_cap:
            control[STOP] = 1


@part
def _split(bucket_end, rows, state, queues, thread):
    """One thread's part of parting the spare queue at the bucket's end into `near` and `far`."""
    control = queues.control
    mine = thread_queues(queues, thread)
    spare = queues.entries[control[SPARE]]
    count = control[NEAR_COUNT]
    while True:
        start = atomic_add(control, TURN, 256)
        if start >= count:
            break
        end = min(start + 256, count)
        for i in range(start, end):
            entry = spare[i]
            if i + 12 < end:
                prefetch(state.words, spare[i + 12].vertex)
            if entry.vertex < 0:
                continue
            if dist_of(state, np.int64(entry.vertex)) != entry.dist:
                continue
            if entry.key < bucket_end:
                prefetch(rows.indptr, entry.vertex)
                append(
                    mine.following,
                    np.int64(entry.vertex),
                    np.int64(entry.offset),
                    entry.dist,
                    entry.key,
                )
            else:
                append_far(
                    mine.far, np.int64(entry.vertex), np.int64(entry.offset), entry.dist, entry.key
                )


@part
def _split_far(bucket_end, rows, state, queues):
    """Part what waits for later buckets at the bucket's end; what is before it becomes `near`."""
    control = queues.control
    take_far(state.unreached, queues)
    control[FAR], control[SPARE] = control[SPARE], control[FAR]
    if len(queues.thread_counters) == 1 or control[NEAR_COUNT] <= SEEN_ALONE:
        _split(bucket_end, rows, state, queues, FIRST_THREAD)
    else:
        on_threads(_split, (bucket_end, rows, state, queues), len(queues.thread_counters))
    next_round(queues)


@kernel
def forget(unreached, queues):
    """Nothing is queued, and nothing counted."""
    queues.control[:NEAR] = 0
    queues.control[OUT_TAIL] = 0
    queues.thread_counters[:, :] = 0
    queues.thread_counters[:, LEAST] = np.int64(unreached)


@kernel
def start(root, parent, dist, state, queues):
    """Queue one vertex at a distance (bits) in an empty heap."""
    forget(state.unreached, queues)
    key = as_dist(dist, state.unreached)
    put(state, root, key, parent)
    heap = queues.heap
    heap[0].vertex = root
    heap[0].offset = 0
    heap[0].dist = key
    heap[0].key = key
    queues.control[HEAP_SIZE] = 1


@part
def _drain_bucket(bucket, alone, ranges, rows, state, queues):
    """Rounds until nothing of this bucket is queued, or a thread has seen enough (STOP).

    One of at most `alone` entries is worked off by one thread.
    """
    control = queues.control
    workers = len(queues.thread_counters)
    while control[NEAR_COUNT] > 0 and control[STOP] == 0:
        control[PHASES] += 1
        # Entries that follow each other were found by one thread and lie near each other in the
        # graph: long turns keep the threads off each other's cache lines, 16 each keep the balance.
        step = min(max(control[NEAR_COUNT] // (16 * workers), 4), 512)
        if workers == 1 or control[NEAR_COUNT] <= alone:
            _drain(bucket, step, rows, state, queues, FIRST_THREAD)
        else:
            on_threads(_drain, (bucket, step, rows, state, queues), workers)
        if overflowed(queues.thread_counters):
            control[STOP] = 0
            requeue_reached(ranges, state, queues)
        elif control[STOP] == 0:
            next_round(queues)


@inlined
def _bucket_end(lo, delta, unreached):
    """End of the bucket that starts at the distance `lo` (bits): at least one distance further."""
    hi = max(plus(as_dist(lo, unreached), delta), as_dist(lo + 1, unreached))
    return min(hi, unreached)


@part
def _bucket(end, stop_at_end, ranges, settled_cap):
    own_begin, own_end = ranges.bounds[OWN, 0], ranges.bounds[OWN, 1]
    return Bucket(end, stop_at_end, own_begin, own_end, ranges.leaf_begin, settled_cap)


@kernel
def advance(buckets, anchor, limits, ranges, rows, state, queues):
    """Work off queued rows, nearest first, for at most `buckets` buckets.

    `anchor` is the distance (bits) at which the one bucket of all ranks starts; below 0 each
    bucket starts at the nearest row queued here.

    Returns one of these, a distance (bits, and as a float), how many rows are settled so far, and
    their arcs.
    EMPTY: nothing is queued; MORE: something is; SWITCH: at least `switch_settled` rows with
    `switch_arcs` arcs have been seen, and every arc that leads below the distance is relaxed.
    """
    control, thread_counters, unreached = queues.control, queues.thread_counters, state.unreached
    everything = _bucket(unreached, False, ranges, NEVER)
    hi = limit = unreached
    if overflowed(thread_counters):
        requeue_reached(ranges, state, queues)
    if control[NEAR_COUNT] > 0:
        # What a pull has improved: no bucket, to the end.
        _drain_bucket(everything, limits.alone, ranges, rows, state, queues)
    if anchor >= 0:
        limit = _bucket_end(anchor, limits.delta, unreached)
        if control[HEAP_SIZE] == 0 and control[FAR_TAIL] <= limits.alone // 2:
            far_to_heap(state, queues)
    while buckets > 0:
        buckets -= 1
        if control[HEAP_SIZE] > 0:
            control[PHASES] += 1
            bucket = _bucket(limit, limits.stop_at_bucket_end, ranges, NEVER)
            run_heap(bucket, limits.alone, rows, state, queues)
            heap_to_far(queues)
            if overflowed(thread_counters):
                requeue_reached(ranges, state, queues)
                _drain_bucket(everything, limits.alone, ranges, rows, state, queues)
        nearest = least_far(thread_counters)
        seen, seen_arcs = settled(thread_counters)
        if nearest == np.int64(unreached):
            return EMPTY, unreached, np.inf, seen, seen_arcs
        lo = as_dist(nearest, unreached)
        if anchor < 0 and seen >= limits.switch_settled and seen_arcs >= limits.switch_arcs:
            return SWITCH, lo, value(lo, limits.delta), seen, seen_arcs
        if anchor >= 0:
            lo = as_dist(anchor, unreached)
            hi = limit
            if nearest >= np.int64(hi):
                break
        else:
            hi = _bucket_end(nearest, limits.delta, unreached)
        _split_far(hi, rows, state, queues)
        if overflowed(thread_counters):
            requeue_reached(ranges, state, queues)
        # Seen twice as much as the switch waits for: the bucket was too wide, do not finish it.
        cap = NEVER
        if seen < limits.switch_settled:
            cap = 2 * limits.switch_settled // len(thread_counters)
        bucket = _bucket(hi, limits.stop_at_bucket_end, ranges, cap)
        _drain_bucket(bucket, limits.alone, ranges, rows, state, queues)
        if control[STOP] != 0:
            seen, seen_arcs = settled(thread_counters)
            return SWITCH, lo, value(lo, limits.delta), seen, seen_arcs
        if control[FAR_TAIL] <= limits.alone // 2:
            far_to_heap(state, queues)
    seen, seen_arcs = settled(thread_counters)
    return MORE, unreached, np.inf, seen, seen_arcs
