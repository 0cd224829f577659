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
from kernels.compile import kernel, njit, part
from kernels.filling import (
    CROWDED,
    EMPTIED,
    NOTHING,
    OVERFULL,
    Filling,
    Goal,
    Progress,
    empty_buckets,
)
from kernels.near_far import empty, end_of, fill, queue


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


class Widths(NamedTuple):
    """How wide the next filling is.

    few      int64     entries of the list above which it is of the nearest eighth of them
    wide     float64   its width, where that has more of them
    narrow   float64   what its width is at most
    """

    few: int
    wide: float
    narrow: float


# A filling of more than MANY entries a bucket is too wide, one that gets twice as many is broken
# off, and one of less than a quarter costs more than its entries do. There may be more where the
# list is long, which each filling reads: few times SHARE fillings hold whatever is queued, but none
# more than MOST a bucket.
MANY, SHARE, MOST = 16, 16, 256
# After a filling with a CROWDED bucket (kernels/filling.py) fillings are of the nearest eighth of
# what is queued, whatever the width, until there are fewer in one than SCARCE.
SCARCE = 32
# What a search returns where the arrays are not a graph, or a weight is above `most`.
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


@part
def _next_widths(widths, filling, ended, queued, farthest, buckets):
    """How wide the next filling is, after one of `queued` entries with those added to it."""
    few, wide, narrow = widths
    width, many = filling.end - filling.start, filling.many
    if ended == CROWDED:
        few, wide = 0, 0.0
    elif ended == OVERFULL:
        narrow = width / 4
    if few < buckets:
        few = buckets if queued < SCARCE else 0
    elif queued < many // 4:
        narrow *= 2
        wide = 2 * wide if wide > 0 else max(width, farthest)
    elif queued > many:
        wide /= 2
    return Widths(few, min(wide, narrow), narrow)


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
    dist = answer.dist
    room, buckets = queue.keys.shape[1], len(queue.first)
    many = min(max(MANY * buckets, room // SHARE), MOST * buckets)
    goal, widths = Goal(target, most), Widths(buckets, 0.0, np.inf)
    count = _start(sources, queue, answer)
    farthest = least = 0.0
    if target >= 0 and dist[target] == 0:
        limit = 0.0
    while count > 0:
        start, (few, wide, narrow) = least, widths
        end = min(max(end_of(queue, count, least, few), start + wide), start + narrow)
        width = end - start
        a_unit = (buckets - 1) / width if 1e-290 < width < np.inf else 0.0
        filling = Filling(start, end, a_unit, many)
        filled, count, least = fill(queue, count, start, end, a_unit, dist)
        progress = Progress(limit, count, least, filled, 0, 0)
        progress, reached, ended, bucket = empty_buckets(
            matrix, goal, filling, progress, queue, answer
        )
        limit, count, least = progress.limit, progress.listed, progress.least
        if limit == NOTHING:
            return WRONG
        if ended != EMPTIED:
            count, least = empty(queue, bucket, count, least, dist)
        farthest = max(farthest, reached)
        queued = filled + progress.added
        widths = _next_widths(widths, filling, ended, queued, farthest, buckets)
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
