"""The rest of a search by pulling, once the settled vertices hold most of the arcs.

`settled_below` is a distance below which every vertex is settled. An unsettled vertex looks at
its own arcs, lightest first, and stops where no further arc can help. Two bounds make that soon:

floor           the least distance of a settled row that is not pushed to its end. Rows settled
                early are few and short before the first hub is reached; `push_settled` pushes
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

from kernels.atomics import atomic_add, prefetch
from kernels.compile import ZERO, kernel, njit, part
from kernels.groups import Reach
from kernels.parallel import on_threads
from kernels.push import SEEN_ALONE
from kernels.push_settled import push_settled
from kernels.queues import (
    ARCS,
    FAR,
    FAR_AT,
    FAR_TAIL,
    FIRST_THREAD,
    LEAST,
    NEAR,
    NEAR_COUNT,
    NEXT,
    NEXT_AT,
    NEXT_TAIL,
    OVERFLOW,
    OWN,
    PHASES,
    SPARE,
    STOP,
    TURN,
    Queue,
    append,
    close_chunks,
    next_round,
    overflowed,
    requeue_reached,
)
from kernels.tentative import as_dist, bits_of, dist_of, improve, plus, put, weight_of

_ROWS_A_TURN = 512


@part
def _pull(last, reach, rows, state, pending, queues, thread):
    """One thread's part of the pull: rows to `last` by turns; notes arcs in reach in `pending`."""
    control, counters = queues.control, queues.thread_counters[thread]
    noted = Queue(pending, FAR_TAIL, FAR_AT, control, counters)
    indptr, arcs = rows.indptr, rows.arcs
    settled_below, floor = reach.settled_below, reach.floor
    touched = 0
    while True:
        start = atomic_add(control, TURN, _ROWS_A_TURN)
        if start >= last:
            break
        for v in range(start, min(start + _ROWS_A_TURN, last)):
            if v + 32 < last:
                # The line that its seventh arc is on, too: a long row has several looked at.
                prefetch(arcs, indptr[v + 32])
                prefetch(arcs, indptr[v + 32] + 6)
                if indptr[v + 8] < len(arcs):
                    prefetch(state.words, arcs[indptr[v + 8]].adj)
                if indptr[v + 8] + 1 < len(arcs):
                    prefetch(state.words, arcs[indptr[v + 8] + 1].adj)
            best = dist_of(state, v)
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
                dist = dist_of(state, u)
                x = plus(dist, weight)
                if x < best:
                    best = x
                    parent = u
                in_reach = dist >= settled_below and u < reach.leaf_begin
                if in_reach and plus(settled_below, weight) < best:
                    append(noted, v, u, best, bits_of(weight))
            touched += np.int64(k - first)
            if parent >= 0:
                put(state, v, best, parent)
    counters[ARCS] += touched


@part
def _sweep(pending, count, weight, state, queues, thread):
    """One thread's part of a sweep: relax the arcs of `pending`, note what improves."""
    control, counters = queues.control, queues.thread_counters[thread]
    improved = Queue(queues.entries[0], NEXT_TAIL, NEXT_AT, control, counters)
    while True:
        start = atomic_add(control, TURN, 1024)
        if start >= count:
            break
        end = min(start + 1024, count)
        for i in range(start, end):
            if i + 16 < end:
                prefetch(state.words, pending[np.uint64(i + 16)].offset)
            entry = pending[np.uint64(i)]  # unsigned, so that nothing checks for one from the end
            if entry.vertex < 0:
                continue
            u = np.int64(entry.offset)
            v = np.int64(entry.vertex)
            x = plus(dist_of(state, u), weight_of(entry.key, weight))
            if x < dist_of(state, v) and improve(state, v, x, u):
                append(improved, v, ZERO, x, x)
        counters[ARCS] += end - start


@kernel
def forget_queued(unreached, queues):
    """Every queued entry is forgotten: a pull over all rows covers what the entries stood for."""
    control, thread_counters = queues.control, queues.thread_counters
    control[NEAR_COUNT] = control[NEXT_TAIL] = control[FAR_TAIL] = 0
    control[TURN] = control[STOP] = 0
    thread_counters[:, NEXT_AT : FAR_AT + 2] = 0
    thread_counters[:, OVERFLOW] = 0
    thread_counters[:, LEAST] = np.int64(unreached)
    control[NEXT], control[NEAR], control[FAR], control[SPARE] = 0, 1, 2, 3


@kernel
def pull_rows(first, last, reach, rows, state, pending, noted, queues):
    """Pull over the rows [first, last) of the incoming arcs; returns how many `pending` then holds.

    The first `noted` entries of `pending` are there already. Where it is too short for the arcs in
    reach, a thread's OVERFLOW is set.
    """
    control = queues.control
    control[PHASES] += 1
    control[TURN] = first
    control[FAR_TAIL] = noted
    if len(queues.thread_counters) == 1 or last - first <= _ROWS_A_TURN:
        _pull(last, reach, rows, state, pending, queues, FIRST_THREAD)
    else:
        arguments = (last, reach, rows, state, pending, queues)
        on_threads(_pull, arguments, len(queues.thread_counters))
    close_chunks(pending, queues.thread_counters, FAR_AT)
    count = min(control[FAR_TAIL], len(pending))
    control[FAR_TAIL] = 0
    return count


@kernel
def sweep(pending, count, weight, state, queues):
    """Relax the first `count` noted arcs once; returns how many entries the improved then hold.

    The improved are listed in the first of the queues. `weight` is any of the graph's kind.
    """
    control = queues.control
    control[PHASES] += 1
    control[TURN] = control[NEXT_TAIL] = 0
    if len(queues.thread_counters) == 1 or count <= SEEN_ALONE:
        _sweep(pending, count, weight, state, queues, FIRST_THREAD)
    else:
        arguments = (pending, count, weight, state, queues)
        on_threads(_sweep, arguments, len(queues.thread_counters))
    improved = queues.entries[0]
    close_chunks(improved, queues.thread_counters, NEXT_AT)
    return min(control[NEXT_TAIL], len(improved))


@kernel
def push_improved(ranges, state, queues):
    """What the last sweep has improved is to be pushed; everything, if that overflowed."""
    if overflowed(queues.thread_counters):
        requeue_reached(ranges, state, queues)
    else:
        next_round(queues)


@kernel
def pull(reach, ranges, rows, state, queues):
    """Pull, and sweep while that pays; what is left to push becomes `near`."""
    # The improved need one queue; the arcs within reach have the room of the other three.
    pending = queues.entries[1:4].reshape(3 * queues.entries.shape[1])
    forget_queued(state.unreached, queues)
    first, last = ranges.bounds[OWN, 0], ranges.bounds[OWN, 1]
    count = pull_rows(first, last, reach, rows, state, pending, 0, queues)
    while not overflowed(queues.thread_counters):
        if sweep(pending, count, rows.arcs[0].weight, state, queues) <= count >> 6:
            break
    push_improved(ranges, state, queues)


@njit(cache=True)
def finish_and_pull(finish, and_pull, settled_below, floor, ways, state, queues):
    """What `push_settled` and `pull` do, or one of them; returns the floor.

    settled_below   distance (bits), int64 as the floor is
    floor           as `push_settled` has returned it, where that is not to be called
    ways            kernels.groups.BothWays
    """
    ranges = ways.ranges
    below = as_dist(settled_below, state.unreached)
    least = as_dist(floor, state.unreached)
    if finish:
        least = push_settled(below, ways.budget, ranges, ways.rows, state, queues)
    if and_pull:
        pull(Reach(below, least, ranges.leaf_begin), ways.pulled, ways.incoming, state, queues)
    return np.int64(least)
