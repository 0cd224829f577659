"""One filling of the buckets: their vertices are taken out, and the arcs of these relaxed.

The inner part of a search on the arrays of a matrix (kernels/direct.py). What an arc improves is
queued in its bucket, where that lies in the filling, else in the list of what is far. A filling is
broken off where it turns out too wide.

To look for the next arc that improves a distance is a loop of its own, which needs few enough
values for the processor's registers: most arcs improve nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels.atomics import prefetch
from kernels.compile import inlined
from kernels.near_far import AHEAD, ONE, append, fetch_row, put, take

# A bucket that gets CROWD times what is meant for one while it is emptied is far too wide: its
# vertices are taken out in no order, and again and again. If the rows of these hold more than ROWS
# arcs for each entry, it costs less to fill buckets anew.
CROWD, ROWS = 4, 256
# How many arcs ahead the distance of an arc's end is fetched. As each arc is checked, the processor
# itself holds too few of them at a time to wait for many distances at once.
ENDS_AHEAD = np.uint64(16)
# In place of an arc: the next one is not allowed.
NO_ARC = np.uint64(2**64 - 1)
# The limit after such an arc: no distance is within it, so the rest of the filling relaxes nothing.
NOTHING = -1.0
# Why a filling has ended: nothing is left of it, or it was broken off, as one bucket was too full
# or all of them together.
EMPTIED, CROWDED, OVERFULL = 0, 1, 2


class Goal(NamedTuple):
    """The vertex to stop at, int64 (-1: none), and the largest weight that is allowed."""

    target: int
    most: np.generic


class Filling(NamedTuple):
    """What stays as it is while the buckets are emptied.

    start, end   float64   distances from which and up to which the buckets hold vertices
    a_unit       float64   buckets for a unit of distance
    many         int64     entries that a filling should have at most
    """

    start: float
    end: float
    a_unit: float
    many: int


class Progress(NamedTuple):
    """What each vertex that is taken out may change.

    limit          float64          no vertex is queued beyond it: the target's distance, when that
                                    is reached; NOTHING when an arc is not allowed
    listed         int64            entries of the list
    least          float64          a key that none of these is below
    filled         int64            entries of the buckets, with those that are taken out
    added          int64            vertices queued in the buckets since they were filled
    again          int64            those of them queued in the bucket that was emptied just then
    """

    limit: float
    listed: int
    least: float
    filled: int
    added: int
    again: int


class Taken(NamedTuple):
    """A vertex, the distance and the bucket it was queued at, and whether no other is taken out."""

    vertex: int
    dist: np.generic
    bucket: int
    is_last: bool


@inlined
def _next_improving(matrix, k, behind, start, limit, most, dist):
    """The first arc, from the k-th on, that improves a distance, given that of its `start`.

    Returns `behind`, where the row ends, if there is none; NO_ARC at one that is not allowed.
    """
    n = np.uint64(len(dist))
    while k < behind:
        ahead = matrix.indices[min(k + ENDS_AHEAD, behind - ONE)]
        prefetch(dist, np.uint64(ahead))
        # Below 0 it is beyond all vertices.
        v, weight = np.uint64(matrix.indices[k]), matrix.weights[k]
        if v >= n or not ((weight >= 0) & (weight <= most)):
            return NO_ARC
        x = dist.dtype.type(start + weight)
        if x < dist[v] and x <= limit:
            return k
        k += ONE
    return behind


@inlined
def _relax(matrix, taken, goal, filling, progress, queue, answer):
    """Relax the arcs of a vertex.

    Returns the progress; and a vertex to go on with, or -1, and its distance. That is the first one
    that would be queued in the bucket of a vertex that is the last: along a path there is no other.
    """
    dist, source = answer.dist, answer.source
    limit, listed, least, filled, added, again = progress
    u, reached_at, bucket, is_last = taken
    held, held_at = np.int64(-1), reached_at
    k, behind = np.uint64(matrix.indptr[u]), np.uint64(matrix.indptr[u + ONE])
    while True:
        k = _next_improving(matrix, k, behind, reached_at, limit, goal.most, dist)
        if k >= behind:
            break
        v = np.uint64(matrix.indices[k])
        x = dist.dtype.type(reached_at + matrix.weights[k])
        k += ONE
        dist[v] = x
        answer.parent[v] = u
        if len(source) > 0:
            source[v] = source[u]
        if np.int64(v) == goal.target:
            limit = np.float64(x)
        if x <= filling.end and filled < queue.keys.shape[1]:
            into = np.uint64((np.float64(x) - filling.start) * filling.a_unit)
            added += 1
            if into == bucket and held < 0 and is_last:
                held, held_at = np.int64(v), x
                continue
            again += into == bucket and x > reached_at
            put(queue, into, filled, x, v)
            filled += 1
        else:
            listed = append(queue, listed, x, v, dist)
            least = min(least, np.float64(x))
    if k == NO_ARC:
        limit = NOTHING
    return Progress(limit, listed, least, filled, added, again), held, held_at


@inlined
def empty_buckets(matrix, goal, filling, progress, queue, answer):
    """Relax the arcs of what the buckets hold, and of what is queued there meanwhile.

    matrix, queue, answer        see kernels.direct.search
    goal, filling, progress      Goal, Filling, Progress: `added` and `again` are 0

    Returns the progress; the largest distance, float64, of a vertex that was taken out; EMPTIED,
    CROWDED or OVERFULL; and the bucket, uint64, from which on there may be entries.
    """
    dist, first, width = answer.dist, queue.first, filling.end - filling.start
    crowd, overfull = CROWD * (filling.many // len(first)), 2 * filling.many
    farthest, held, held_at = 0.0, np.int64(-1), dist.dtype.type(0)
    gone = walked = before = 0  # entries taken out; of this bucket: arcs, `again` when it began
    bucket = at = taken = np.uint64(0)
    while True:
        if held >= 0:
            u, reached_at, held = np.uint64(held), held_at, np.int64(-1)
        elif at < taken:
            u, reached_at = np.uint64(queue.taken[at]), queue.taken_keys[at]
            at += ONE
            if at + AHEAD <= taken:
                fetch_row(matrix, queue.taken[at + AHEAD - ONE])
        elif progress.filled == gone:
            return progress, farthest, EMPTIED, bucket
        elif progress.again - before > crowd and walked > ROWS * crowd and filling.a_unit > 0:
            return progress, farthest, CROWDED, bucket
        elif progress.added > max(overfull, (progress.filled - gone) // 2) and width > 0:
            return progress, farthest, OVERFULL, bucket
        elif first[bucket] < 0:
            bucket += ONE
            walked, before = 0, progress.again
            continue
        else:
            out, taken = take(queue, bucket, matrix, dist)
            gone += out
            at = np.uint64(0)
            continue
        if reached_at != dist[u] or reached_at > progress.limit:
            continue
        farthest, again = max(farthest, np.float64(reached_at)), progress.again
        one = Taken(u, reached_at, bucket, at == taken)
        progress, held, held_at = _relax(matrix, one, goal, filling, progress, queue, answer)
        if progress.again > again:
            walked += np.int64(matrix.indptr[u + ONE]) - np.int64(matrix.indptr[u])
