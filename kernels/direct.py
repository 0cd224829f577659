"""Shortest paths on the arrays of a sparse matrix as they are: nothing sorted, nothing built.

For a graph that is searched once, or that is small or long: one thread, and a thousand narrow
buckets, in which hardly a vertex is taken out twice. It shares no code with the kernels of rows
that are built, so that it compiles in seconds. Python's other threads run meanwhile: several
searches at the same time take a core each.

The buckets lie side by side from the least queued distance to a bound. What is farther lies in a
list, in no order, until the buckets are empty. So to queue costs the same however much is queued,
and most entries that an improvement makes useless are dropped from the list before they cost more.
An entry holds the distance at which its vertex was queued; it is useless when that is no longer its
distance.

keys, vertices   (2, room): entries of the buckets, each a chain through `following`; the list. At
                 most one entry of a vertex is of use, so a room of two a vertex is enough.

Sources: Meyer and Sanders 2003 (delta-stepping); Davidson et al. 2014 (a list of what is far).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kernels.compile import njit, part

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


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


class Queue(NamedTuple):
    """What waits; see above. Made by `queue`.

    keys        (2, room)   of dist's type
    vertices    int32 (2, room)
    following   int32 (room,)      the next entry of a bucket, -1 after the last
    first       int32 (buckets,)   the first entry of each bucket, -1 where it is empty
    """

    keys: np.ndarray
    vertices: np.ndarray
    following: np.ndarray
    first: np.ndarray


# Buckets, and for how few arcs there are fewer, as all are looked at for each filling.
BUCKETS, FEW, FEW_BUCKETS = 1024, 1 << 14, 128
# Indices as unsigned numbers: numba then does not look for negative ones, which count from the end.
_ONE = np.uint64(1)
_SAMPLE = 16


def full(n: int, value: float, dtype: DTypeLike) -> np.ndarray:
    """Return what np.full does: of a hundred elements in 0.5 us instead of 2.5."""
    array = np.empty(n, dtype)
    array.fill(value)
    return array


def queue(n: int, m: int, dtype: np.dtype) -> Queue:
    """Return an empty queue for a graph of n vertices and m arcs."""
    room = 2 * n + 64
    buckets = BUCKETS if m > FEW else FEW_BUCKETS
    # In one block: the C library gives what is free back to the system where it is more than twice
    # the largest block, and the pages of the next call have to be made anew.
    block = np.empty(room * (2 * dtype.itemsize + 3 * 4), np.uint8)
    keys, others = block[: 2 * room * dtype.itemsize], block[2 * room * dtype.itemsize :]
    vertices, following = others[: 8 * room].view(np.int32), others[8 * room :].view(np.int32)
    keys = keys.view(dtype).reshape(2, room)
    return Queue(keys, vertices.reshape(2, room), following, full(buckets, -1, np.int32))


@part
def _drop_useless(keys, vertices, count, dist):
    """Drop the useless entries of the list; returns how many are left."""
    left = 0
    for i in range(count):
        if dist[vertices[1, i]] == keys[1, i]:
            keys[1, left] = keys[1, i]
            vertices[1, left] = vertices[1, i]
            left += 1
    return left


@part
def _range_of(keys, count, buckets):
    """Where the buckets start and end: at the least key, and at the largest or one well below."""
    least, largest = np.inf, 0.0
    for i in range(count):
        least = min(least, np.float64(keys[1, i]))
        largest = max(largest, np.float64(keys[1, i]))
    if count <= buckets:
        return least, largest
    # The second least of a sample: about an eighth of the list is not above it.
    first = second = np.inf
    for i in range(_SAMPLE):
        key = np.float64(keys[1, i * (count // _SAMPLE)])
        second = min(second, max(key, first))
        first = min(first, key)
    return least, second


@part
def _refill(queue, count, wide, dist):
    """Move the nearest entries of the list to the empty buckets, which are `wide` or wider.

    Returns how many are there and how many stay; where the buckets start and end, and how many
    there are to a unit of distance.
    """
    keys, vertices = queue.keys, queue.vertices
    count = _drop_useless(keys, vertices, count, dist)
    start, end = _range_of(keys, count, len(queue.first))
    end = max(end, start + wide)
    width = end - start
    a_unit = (len(queue.first) - 1) / width if 1e-290 < width < np.inf else 0.0
    filled = stay = 0
    for i in range(count):
        key = keys[1, i]
        vertex = vertices[1, i]
        if key <= end:
            bucket = np.uint64((np.float64(key) - start) * a_unit)
            keys[0, filled] = key
            vertices[0, filled] = vertex
            queue.following[filled] = queue.first[bucket]
            queue.first[bucket] = filled
            filled += 1
        else:
            keys[1, stay] = key
            vertices[1, stay] = vertex
            stay += 1
    return filled, stay, start, end, a_unit


@part
def _start(sources, queue, answer):
    """Put the sources in the list; returns how many are there."""
    count = 0
    for s in sources:
        if answer.dist[s] != 0:
            answer.dist[s] = 0
            answer.parent[s] = s
            if len(answer.source) > 0:
                answer.source[s] = s
            queue.keys[1, count] = 0
            queue.vertices[1, count] = s
            count += 1
    return count


@njit(cache=True, _nrt=False, nogil=True)
def search(matrix, sources, limit, target, queue, answer):
    """Distances from the nearest of `sources`, for those up to `limit`.

    Stops at the distance of `target`, where that is a vertex; tentative distances beyond it are
    left as they are. Returns a distance that is at least the longest.

    matrix             Matrix, checked
    sources            int64     vertices
    limit, target      float64, int64 (-1: none)
    queue              Queue, empty
    answer             Tree, nothing reached
    """
    dist, parent = answer.dist, answer.parent
    keys, vertices, following = queue.keys[0], queue.vertices[0], queue.following
    with_source = len(answer.source) > 0
    room = len(keys)
    count = _start(sources, queue, answer)
    farthest = wide = 0.0
    held, held_at = np.int64(-1), dist.dtype.type(0)
    if target >= 0 and dist[target] == 0:
        limit = 0.0
    while count > 0:
        filled, count, start, end, a_unit = _refill(queue, count, wide, dist)
        waiting = queued = filled
        bucket = np.uint64(0)
        while waiting > 0:
            if held >= 0:
                u, reached_at = np.uint64(held), held_at
                held = np.int64(-1)
            else:
                entry = np.int64(queue.first[bucket])
                if entry < 0:
                    bucket += _ONE
                    continue
                queue.first[bucket] = following[entry]
                u, reached_at = np.uint64(vertices[entry]), keys[entry]
            waiting -= 1
            if reached_at != dist[u] or reached_at > limit:
                continue
            farthest = max(farthest, np.float64(reached_at))
            for k in range(np.uint64(matrix.indptr[u]), np.uint64(matrix.indptr[u + _ONE])):
                v = np.uint64(matrix.indices[k])
                x = dist.dtype.type(reached_at + matrix.weights[k])
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
                    waiting += 1
                    queued += 1
                    # The next to be taken out: along a path there is no other.
                    if into == bucket and held < 0:
                        held, held_at = np.int64(v), x
                        continue
                    keys[filled] = x
                    vertices[filled] = v
                    following[filled] = queue.first[into]
                    queue.first[into] = filled
                    filled += 1
                else:
                    if count == room:
                        count = _drop_useless(queue.keys, queue.vertices, count, dist)
                    queue.keys[1, count] = x
                    queue.vertices[1, count] = v
                    count += 1
        # What is filled for a few entries costs more than they do.
        if queued < 4 * len(queue.first):
            wide = 2 * wide if wide > 0 else max(end - start, farthest)
        elif queued > 16 * len(queue.first):
            wide /= 2
    return farthest
