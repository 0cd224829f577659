"""What a search on a matrix has queued: what is near in narrow buckets, what is far in a list.

The buckets lie side by side from the least queued distance to a bound. What is farther lies in a
list, in no order, until the buckets are empty. So to queue costs the same however much is queued,
and most entries that an improvement makes useless are dropped when they would move to a bucket.
An entry holds the distance at which its vertex was queued; it is useless when that is no longer its
distance.

Entries of a bucket are a chain. Some are taken out at a time, so that the rows of their vertices
are on the way from the memory before they are read.

Sources: Meyer and Sanders 2003 (delta-stepping); Davidson et al. 2014 (a list of what is far).
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np

from kernels.atomics import prefetch
from kernels.compile import inlined, part


class Queue(NamedTuple):
    """What waits; see above. Made by `queue`.

    keys, vertices   (2, room), int32 vertices: entries of the buckets, and the list. At most one
                     entry of a vertex is of use, so a room of two a vertex is enough.
    following        int32 (room,)      the next entry of a bucket, -1 after the last
    first            int32 (buckets,)   the first entry of each bucket, -1 where it is empty
    taken_keys, taken   (TAKEN,)        vertices that are taken out, and their keys
    """

    keys: np.ndarray
    vertices: np.ndarray
    following: np.ndarray
    first: np.ndarray
    taken_keys: np.ndarray
    taken: np.ndarray


# Buckets, and for how few arcs there are fewer, as all are looked at for each filling.
BUCKETS, FEW, FEW_BUCKETS = 1024, 1 << 14, 128
# Entries that are taken out at once, how many rows ahead are fetched, and how many arcs of each:
# the processor itself goes on with a row. A cache line holds at least LINE indices or weights.
TAKEN, AHEAD = 64, np.uint64(4)
FETCHED, LINE = 24, 8
# Indices as unsigned numbers: numba then does not look for negative ones, which count from the end.
ONE = np.uint64(1)
_SAMPLE = 16
# Vertices up to which a thread keeps its queue, of 60 KB.
KEPT = 1 << 10
_kept = threading.local()


def queue(n: int, m: int, dtype: np.dtype) -> Queue:
    """Return a queue for a graph of n vertices and m arcs; a search empties it.

    That of a small graph is kept for the thread's next one, as to make it takes longer than such
    a search.
    """
    buckets = BUCKETS if m > FEW else FEW_BUCKETS
    if n > KEPT:
        return _queue(n, buckets, dtype)
    kept, key = _kept.__dict__, f"{dtype.char}{buckets}"
    found: Queue | None = kept.get(key)
    if found is None:
        found = kept[key] = _queue(KEPT, buckets, dtype)
    return found


def _queue(n: int, buckets: int, dtype: np.dtype) -> Queue:
    room, size = 2 * n + 64, dtype.itemsize
    # In one block: the C library gives what is free back to the system where it is more than twice
    # the largest block, and the pages of the next call have to be made anew.
    block = np.empty(room * (2 * size + 3 * 4) + TAKEN * size, np.uint8)
    listed, linked = TAKEN * size, (TAKEN + 2 * room) * size
    return Queue(
        np.ndarray((2, room), dtype, block, listed),
        np.ndarray((2, room), np.int32, block, linked),
        np.ndarray(room, np.int32, block, linked + 2 * room * 4),
        np.empty(buckets, np.int32),
        np.ndarray(TAKEN, dtype, block),
        np.empty(TAKEN, np.int32),
    )


@part
def drop_useless(queue, count, dist):
    """Drop the useless entries of the list; returns how many are left."""
    left = 0
    for i in range(count):
        if dist[queue.vertices[1, i]] == queue.keys[1, i]:
            queue.keys[1, left] = queue.keys[1, i]
            queue.vertices[1, left] = queue.vertices[1, i]
            left += 1
    return left


@inlined
def put(queue, bucket, entry, key, vertex):
    """Write an entry of the buckets, and chain it to those of its bucket."""
    queue.keys[0, entry] = key
    queue.vertices[0, entry] = vertex
    queue.following[entry] = queue.first[bucket]
    queue.first[bucket] = entry


@inlined
def append(queue, count, key, vertex, dist):
    """Put an entry at the end of the list of `count`; returns how many there are then."""
    if count == queue.keys.shape[1]:
        count = drop_useless(queue, count, dist)
    queue.keys[1, count] = key
    queue.vertices[1, count] = vertex
    return count + 1


@part
def end_of(queue, count, least, few):
    """Where the buckets had better end: at the largest key of the list, or well below if there are
    more than `few`.
    """
    keys = queue.keys
    if count <= max(few, _SAMPLE):
        largest = least
        for i in range(count):
            largest = max(largest, np.float64(keys[1, i]))
        return largest
    # The second least of a sample: about an eighth of the list is not above it.
    first = second = np.inf
    for i in range(_SAMPLE):
        key = np.float64(keys[1, i * (count // _SAMPLE)])
        second = min(second, max(key, first))
        first = min(first, key)
    return max(second, least)


@part
def fill(queue, count, start, end, a_unit, dist):
    """Move the entries of the list up to `end` to the buckets, of which a unit of distance has so
    many; drop those of them that are useless.

    Returns how many are there and how many stay, and the least key of these.
    """
    keys, vertices = queue.keys, queue.vertices
    filled = stay = 0
    least = np.inf
    for i in range(np.uint64(count)):
        key = keys[1, i]
        vertex = vertices[1, i]
        if key <= end:
            # Only of these: what stays is read from end to end, and its distances lie anywhere.
            if key != dist[np.uint64(vertex)]:
                continue
            bucket = np.uint64((np.float64(key) - start) * a_unit)
            put(queue, bucket, filled, key, vertex)
            filled += 1
        else:
            least = min(least, np.float64(key))
            keys[1, stay] = key
            vertices[1, stay] = vertex
            stay += 1
    return filled, stay, least


@part
def empty(queue, bucket, count, least, dist):
    """Move what the buckets from this one on hold to the list; returns its length and least key."""
    for b in range(bucket, np.uint64(len(queue.first))):
        entry = np.int64(queue.first[b])
        queue.first[b] = -1
        while entry >= 0:
            key = queue.keys[0, entry]
            vertex = queue.vertices[0, entry]
            if dist[vertex] == key:
                count = append(queue, count, key, vertex, dist)
                least = min(least, np.float64(key))
            entry = np.int64(queue.following[entry])
    return count, least


@inlined
def fetch_row(matrix, u):
    """Ask for the first arcs of a row, and for none behind it: its lines would be in the way."""
    u = np.uint64(u)
    begin = np.int64(matrix.indptr[u])
    end = min(np.int64(matrix.indptr[u + ONE]), begin + FETCHED)
    for k in range(begin, end, LINE):
        prefetch(matrix.indices, k)
        prefetch(matrix.weights, k)
    # A row seldom begins where a line does, so that its last arc may lie on one line more.
    prefetch(matrix.indices, end - 1)
    prefetch(matrix.weights, end - 1)


@inlined
def take(queue, bucket, matrix, dist):
    """Take the first entries out of a bucket; returns how many, and how many of them are of use."""
    out, taken = 0, np.uint64(0)
    entry = np.int64(queue.first[bucket])
    while entry >= 0 and out < TAKEN:
        v = np.uint64(queue.vertices[0, entry])
        queue.taken[taken] = v
        queue.taken_keys[taken] = queue.keys[0, entry]
        taken += np.uint64(dist[v] == queue.keys[0, entry])
        prefetch(matrix.indptr, v)
        entry = np.int64(queue.following[entry])
        out += 1
    queue.first[bucket] = entry
    if taken > 1:
        for i in range(np.uint64(0), min(taken, AHEAD)):
            fetch_row(matrix, queue.taken[i])
    return out, taken
