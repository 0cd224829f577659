"""Dijkstra's algorithm on the arrays of a sparse matrix as they are: nothing sorted, nothing built.

For a graph that is searched once, or that is small or long: one thread, and a heap. It shares no
code with the kernels of rows that are built, so that it compiles in a second or two.

The heap has four children a node. It is lazy: a vertex that improves is put in again, and the entry
under its old distance is dropped when it comes up. Where the heap is full, the old ones are taken
out at once; one a vertex is left at most, so a heap of twice as many entries as vertices suffices.
"""

from __future__ import annotations

import numpy as np

from kernels.compile import kernel

FINE, BAD_BOUNDS, BAD_INDEX, BAD_WEIGHT = range(4)


@kernel
def check(indptr, indices, weights, large):
    """What is wrong with the arrays of a matrix, one of the codes above; is a weight `large`?"""
    n = len(indptr) - 1
    if indptr[0] != 0 or indptr[n] > len(indices) or indptr[n] > len(weights):
        return BAD_BOUNDS, False
    falls = outside = bad = above = 0
    for i in range(n):
        falls |= indptr[i + 1] < indptr[i]
    if falls:
        return BAD_BOUNDS, False
    for k in range(indptr[n]):
        outside |= (indices[k] < 0) | (indices[k] >= n)
        bad |= 1 - ((weights[k] >= 0) & (weights[k] < np.inf))
        above |= weights[k] >= large
    if outside:
        return BAD_INDEX, False
    return BAD_WEIGHT if bad else FINE, above != 0


@kernel
def _put(keys, vertices, size, key, vertex):
    """Add an entry to a heap of `size`."""
    i = size
    while i > 0:
        up = (i - 1) >> 2
        if keys[up] <= key:
            break
        keys[i] = keys[up]
        vertices[i] = vertices[up]
        i = up
    keys[i] = key
    vertices[i] = vertex


@kernel
def _sink(keys, vertices, size, i, key, vertex):
    """Put an entry at node `i` of a heap of `size`, or below it."""
    while True:
        child = 4 * i + 1
        if child >= size:
            break
        least = child
        for j in range(child + 1, min(child + 4, size)):
            if keys[j] < keys[least]:
                least = j
        if keys[least] >= key:
            break
        keys[i] = keys[least]
        vertices[i] = vertices[least]
        i = least
    keys[i] = key
    vertices[i] = vertex


@kernel
def _compact(keys, vertices, size, dist):
    """Take out the entries of vertices that have improved since; returns how many are left."""
    left = 0
    for i in range(size):
        if dist[vertices[i]] == keys[i]:
            keys[left] = keys[i]
            vertices[left] = vertices[i]
            left += 1
    for i in range(left // 4, -1, -1):
        if i < left:
            _sink(keys, vertices, left, i, keys[i], vertices[i])
    return left


@kernel
def dijkstra(
    indptr, indices, weights, sources, limit, target, keys, vertices, dist, parent, source
):
    """Distances from the nearest of `sources`, for those up to `limit`.

    Stops at the distance of `target`, where that is a vertex: no longer one is left in the answer.
    Returns the longest distance.

    indptr, indices, weights   of the matrix, checked
    sources            int64     vertices
    limit, target      float64, int64 (-1: none)
    keys, vertices     (2 n + 1,), of dist's type and int32: room for the heap
    dist               (n,), float32 or float64: inf in all of it
    parent             int32 (n,): -1 in all of it
    source             int32 (n,), all -1: the source of each vertex; or (0,): nobody asks
    """
    size = 0
    for s in sources:
        if dist[s] != 0:
            dist[s] = 0
            parent[s] = s
            if len(source) > 0:
                source[s] = s
            _put(keys, vertices, size, dist[s], s)
            size += 1
    found = np.float64(limit)
    farthest = 0.0
    while size > 0:
        u = np.int64(vertices[0])
        reached_at = keys[0]
        size -= 1
        _sink(keys, vertices, size, 0, keys[size], vertices[size])
        if reached_at != dist[u]:
            continue
        if reached_at > found:
            break
        farthest = np.float64(reached_at)
        if u == target:
            found = np.float64(reached_at)
        for k in range(indptr[u], indptr[u + 1]):
            v = np.int64(indices[k])
            x = dist.dtype.type(reached_at + weights[k])
            if x < dist[v] and x <= found:
                dist[v] = x
                parent[v] = u
                if len(source) > 0:
                    source[v] = source[u]
                if size == len(keys):
                    size = _compact(keys, vertices, size, dist)
                _put(keys, vertices, size, x, v)
                size += 1
    if found < limit:
        for v in range(len(dist)):
            if dist[v] > found:
                dist[v] = np.inf
                parent[v] = -1
                if len(source) > 0:
                    source[v] = -1
    return farthest
