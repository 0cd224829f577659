"""Shortest paths on the arrays of a sparse matrix as they are: nothing sorted, nothing built.

For a graph that is searched once, or that is small or long: one thread, and a thousand narrow
buckets (kernels/near_far.py), in which hardly a vertex is taken out twice. It shares no code with
the kernels of rows that are built, so that it compiles in seconds. Python's other threads run
meanwhile: several searches at the same time take a core each.

How wide the buckets are follows from what is queued: few entries are not worth a filling, which
reads all of the list, and the entries of one should stay near the core.

Arrays need not be checked before: an arc is checked where it is read, and what has not been read
at the end is checked then, so that a graph that is reached whole is read once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import typeof

from kernels.arcs import rest_fits, rows_fit
from kernels.atomics import prefetch
from kernels.compile import kernel, njit, part
from kernels.near_far import AHEAD, ONE, append, empty, end_of, fetch_row, fill, queue, take


class Matrix(NamedTuple):
    """Arrays of a sparse matrix: indptr and indices int32 or int64, weights of any such type."""

    indptr: np.ndarray
    indices: np.ndarray
    weights: np.ndarray


class Tree(NamedTuple):
    """What a search finds: of n vertices each.

    dist     float32 or float64, inf where not reached
    parent   int32, -1 where not reached
    source   int32, the source of the path, -1 where not reached; or of length 0: not asked for
    """

    dist: np.ndarray
    parent: np.ndarray
    source: np.ndarray


# A filling of more than MANY entries a bucket is too wide, one that gets twice as many is broken
# off, and one of less than a quarter costs more than its entries do. There may be more where the
# list is long, which each filling reads: few times SHARE fillings hold whatever is queued, but none
# more than MOST a bucket.
MANY, SHARE, MOST = 16, 16, 256
# A bucket that gets so many times what is meant for one while it is emptied is far too wide: its
# vertices are taken out in no order, and again and again. Then, where the rows that did it have so
# many arcs for each such entry, as to fill buckets costs, too, fillings are of the nearest eighth
# of what is queued, whatever the width, until there are fewer in one than SCARCE.
CROWD, ROWS, SCARCE = 4, 256, 32
# How many arcs ahead the distance of an arc's end is fetched: the processor itself holds too few
# arcs at a time, as each of them is checked, to wait for many distances at once.
ENDS_AHEAD = np.uint64(16)
# What a search returns where the arrays are no graph, or a weight is above what it was called with.
WRONG = -1.0


@part
def _start(sources, queue, answer):
    """Empty the queue and the answer, and put the sources in the list; returns how many."""
    dist, parent, source = answer.dist, answer.parent, answer.source
    for v in range(len(dist)):
        dist[v] = np.inf
        parent[v] = -1
    for v in range(len(source)):
        source[v] = -1
    for bucket in range(len(queue.first)):
        queue.first[bucket] = -1
    count = 0
    for s in sources:
        if dist[s] != 0:
            dist[s] = 0
            parent[s] = s
            if len(source) > 0:
                source[s] = s
            queue.keys[1, count] = 0
            queue.vertices[1, count] = s
            count += 1
    return count


@njit(cache=True, _nrt=False, nogil=True)
def search(matrix, sources, limit, target, most, checked, queue, answer):
    """Distances from the nearest of `sources`, for those up to `limit`.

    Stops at the distance of `target`, where that is a vertex; tentative distances beyond it are
    left as they are. Returns a distance that is at least the longest; or WRONG, and the answer is
    none.

    matrix             Matrix
    sources            int64     vertices
    limit, target      float64, int64 (-1: none)
    most               the largest weight that is allowed, in the type of weights
    checked            bool      has the matrix been checked, so that no entry has to be read?
    queue              Queue
    answer             Tree; whatever is there is written over
    """
    if not checked and not rows_fit(matrix):
        return WRONG
    dist, parent = answer.dist, answer.parent
    n = np.uint64(len(dist))
    keys, vertices, following, first = (
        queue.keys[0],
        queue.vertices[0],
        queue.following,
        queue.first,
    )
    with_source = len(answer.source) > 0
    room, buckets = len(keys), len(first)
    many = min(max(MANY * buckets, room // SHARE), MOST * buckets)
    crowd = CROWD * (many // buckets)
    count = _start(sources, queue, answer)
    farthest = least = wide = 0.0
    narrow = np.inf
    few = buckets
    held, held_at = np.int64(-1), dist.dtype.type(0)
    if target >= 0 and dist[target] == 0:
        limit = 0.0
    while count > 0:
        start = least
        end = min(max(end_of(queue, count, least, few), start + wide), start + narrow)
        width = end - start
        a_unit = (buckets - 1) / width if 1e-290 < width < np.inf else 0.0
        filled, count, least = fill(queue, count, start, end, a_unit, dist)
        waiting = queued = filled
        bucket = at = taken = np.uint64(0)
        added = again = walked = 0
        while True:
            if held >= 0:
                u, reached_at = np.uint64(held), held_at
                held = np.int64(-1)
            elif at < taken:
                u, reached_at = np.uint64(queue.taken[at]), queue.taken_keys[at]
                at += ONE
                if at + AHEAD <= taken:
                    fetch_row(matrix, queue.taken[at + AHEAD - ONE])
            elif waiting == 0:
                break
            elif again > crowd and walked > ROWS * crowd and a_unit > 0:
                count, least = empty(queue, bucket, count, least, dist)
                few, wide = 0, 0.0
                break
            elif added > 2 * many and 2 * added > waiting and width > 0:
                count, least = empty(queue, bucket, count, least, dist)
                narrow = width / 4
                break
            elif first[bucket] < 0:
                bucket += ONE
                again = walked = 0
                continue
            else:
                out, taken = take(queue, bucket, matrix, dist)
                waiting -= out
                at = np.uint64(0)
                continue
            if reached_at != dist[u] or reached_at > limit:
                continue
            farthest = max(farthest, np.float64(reached_at))
            before = again
            begin, behind = np.uint64(matrix.indptr[u]), np.uint64(matrix.indptr[u + ONE])
            for k in range(begin, behind):
                ahead = matrix.indices[min(k + ENDS_AHEAD, behind - ONE)]
                prefetch(dist, np.uint64(ahead))
                # Below 0 it is beyond all vertices.
                v, weight = np.uint64(matrix.indices[k]), matrix.weights[k]
                if v >= n or not ((weight >= 0) & (weight <= most)):
                    return WRONG
                x = dist.dtype.type(reached_at + weight)
                if x >= dist[v] or x > limit:
                    continue
                dist[v] = x
                parent[v] = u
                if with_source:
                    answer.source[v] = answer.source[u]
                if np.int64(v) == target:
                    limit = np.float64(x)
                if x <= end and filled < room:
                    into = np.uint64((np.float64(x) - start) * a_unit)
                    added += 1
                    # The next to be taken out: along a path there is no other.
                    if into == bucket and held < 0 and at == taken:
                        held, held_at = np.int64(v), x
                        continue
                    again += into == bucket and x > reached_at
                    waiting += 1
                    keys[filled] = x
                    vertices[filled] = v
                    following[filled] = first[into]
                    first[into] = filled
                    filled += 1
                else:
                    count = append(queue, count, x, v, dist)
                    least = min(least, np.float64(x))
            if again > before:
                walked += np.int64(behind - begin)
        queued += added
        if few < buckets:
            few = buckets if queued < SCARCE else 0
        elif queued < many // 4:
            narrow *= 2
            wide = 2 * wide if wide > 0 else max(width, farthest)
        elif queued > many:
            wide /= 2
        wide = min(wide, narrow)
    return farthest if checked or rest_fits(matrix, dist, limit, most) else WRONG


@njit(cache=True, _nrt=False, nogil=True)
def search_each(matrix, sources, limit, target, most, checked, queue, answer):
    """As `search`, from each source by itself: a row for each in dist and parent; no sources."""
    farthest = 0.0
    for i in range(len(sources)):
        one = Tree(answer.dist[i], answer.parent[i], answer.source)
        source = sources[i : i + 1]
        known = checked or i > 0
        found = search(matrix, source, limit, target, most, known, queue, one)
        if found == WRONG:
            return WRONG
        farthest = max(farthest, found)
    return farthest


@cache
def entry(function: Any, ids: np.dtype, weights: np.dtype, dist: np.dtype) -> Callable[..., float]:
    """`search` or `search_each` for arrays of these types, which a call does not look at.

    numba's own call takes longer to look at four named tuples than a small search takes. Arrays
    are contiguous and aligned; a caller's may be read-only, for which nothing is compiled anew.
    """
    none, shape = np.empty(0, ids), (1, 1) if function is search_each else (1,)
    answer = Tree(np.empty(shape, dist), np.empty(shape, np.int32), np.empty(0, np.int32))
    matrix = Matrix(none, none, np.empty(0, weights))
    arguments = (
        matrix, np.empty(0, np.int64), 0.0, 0, weights.type(0), True, queue(1, 1, dist), answer
    )  # fmt: skip
    return function.compile(tuple(map(typeof, arguments)))


@kernel
def mark_none(parent, sources, none):
    """Put `none` where a row of parents has no vertex, and at its source or at all of them.

    parent    int32 (rows, n)
    sources   int64 (k,): one for each row, or all of the only row
    """
    for row in range(len(parent)):
        for v in range(parent.shape[1]):
            parent[row, v] = none if parent[row, v] < 0 else parent[row, v]
    for i in range(len(sources)):
        parent[i if len(parent) > 1 else 0, sources[i]] = none
