"""Dijkstra's algorithm on the arrays of a sparse matrix as they are: nothing sorted, nothing built.

For a graph that is searched once, or that is small or long: one thread, and a heap. It shares no
code with the kernels of rows that are built, so that it compiles in seconds. Python's other threads
run meanwhile: several searches at the same time take a core each.

What is queued up to a bound lies in the heap; what is farther lies in a list, in no order, until
the heap is empty. So the heap stays so small that it is in the first cache, and most entries that
an improvement makes useless are dropped from the list, before they cost anything. An entry holds
the distance at which its vertex was queued; it is useless when that is no longer its distance.

keys, vertices   (2, room): the heap and the list. The heap has four children a node, and four
                 keys behind its last one are infinite. At most one entry of a vertex is of
                 use, so a room of two a vertex is enough where the others are dropped in time.

Sources: Meyer and Sanders 2003; the list of what is far as in Davidson et al. 2014 (near-far).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels.compile import inlined, kernel, njit


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


FINE, BAD_BOUNDS, BAD_INDEX, BAD_WEIGHT = range(4)
# Entries in the heap beyond which it is parted, and in the list below which it is not.
HEAP, LIST = 512, 256
# Indices as unsigned numbers: numba then does not look for negative ones, which count from the end.
_ONE, _TWO, _FOUR = np.uint64(1), np.uint64(2), np.uint64(4)
_SAMPLE = 16


def room(n: int) -> int:
    """Entries that the heap and the list need for a graph of n vertices."""
    return 2 * n + HEAP + 8


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


@inlined
def _put(keys, vertices, size, key, vertex):
    """Add an entry to a heap of `size`; the caller keeps the keys behind it infinite."""
    i = np.uint64(size)
    while i > 0:
        up = (i - _ONE) >> _TWO
        if keys[up] <= key:
            break
        keys[i] = keys[up]
        vertices[i] = vertices[up]
        i = up
    keys[i] = key
    vertices[i] = vertex


@inlined
def _take(keys, vertices, size):
    """Drop the least entry of a heap; returns how many are left."""
    left = np.uint64(size - 1)
    key = keys[left]
    vertex = vertices[left]
    keys[left] = np.inf
    i = np.uint64(0)
    child = _ONE
    while child < left:
        # The least of four, without a branch that nobody can foresee.
        one = child + np.uint64(keys[child + _ONE] < keys[child])
        other = child + _TWO
        other += np.uint64(keys[other + _ONE] < keys[other])
        least = other if keys[other] < keys[one] else one
        if keys[least] >= key:
            break
        keys[i] = keys[least]
        vertices[i] = vertices[least]
        i = least
        child = _FOUR * i + _ONE
    if left > 0:
        keys[i] = key
        vertices[i] = vertex
    return np.int64(left)


@kernel
def _drop_useless(keys, vertices, count, dist):
    """Drop the useless entries of a list; returns how many are left."""
    left = 0
    for i in range(count):
        if dist[vertices[i]] == keys[i]:
            keys[left] = keys[i]
            vertices[left] = vertices[i]
            left += 1
    return left


@kernel
def _refill(keys, vertices, count, dist):
    """Part the list into an empty heap and what stays: their sizes, and the bound between them."""
    count = _drop_useless(keys[1], vertices[1], count, dist)
    bound = np.inf
    if count > LIST:
        # The second least of a sample: about an eighth of the list is not above it.
        least = np.inf
        for i in range(_SAMPLE):
            key = np.float64(keys[1, i * (count // _SAMPLE)])
            bound = min(bound, max(key, least))
            least = min(least, key)
    size = stay = 0
    for i in range(count):
        key = keys[1, i]
        if key <= bound:
            _put(keys[0], vertices[0], size, key, vertices[1, i])
            size += 1
        else:
            keys[1, stay] = key
            vertices[1, stay] = vertices[1, i]
            stay += 1
    keys[0, size : size + 4] = np.inf
    return size, stay, bound


@kernel
def _part(keys, vertices, size, count, dist):
    """Move what is beyond the middle of a heap to the list: their sizes, and the new bound."""
    if count + size > keys.shape[1]:
        count = _drop_useless(keys[1], vertices[1], count, dist)
    bound = 0.0
    for i in range(_SAMPLE):
        bound += np.float64(keys[0, i * (size // _SAMPLE)]) / _SAMPLE
    left = 0
    for i in range(size):
        key = keys[0, i]
        vertex = vertices[0, i]
        if dist[vertex] != key:
            continue
        if key <= bound:
            _put(keys[0], vertices[0], left, key, vertex)
            left += 1
        else:
            keys[1, count] = key
            vertices[1, count] = vertex
            count += 1
    keys[0, left : size + 4] = np.inf
    return left, count, bound


@kernel
def _start(sources, keys, vertices, answer):
    """Put the sources in the list; returns how many are there."""
    keys[0, :4] = np.inf
    count = 0
    for s in sources:
        if answer.dist[s] != 0:
            answer.dist[s] = 0
            answer.parent[s] = s
            if len(answer.source) > 0:
                answer.source[s] = s
            keys[1, count] = 0
            vertices[1, count] = s
            count += 1
    return count


@inlined
def _queue(keys, vertices, size, count, bound, key, vertex, dist):
    """Queue an entry in the heap or in the list: their sizes, and the bound."""
    if key <= bound:
        _put(keys[0], vertices[0], size, key, vertex)
        size += 1
        keys[0, size + 3] = np.inf
        return size, count
    if count == keys.shape[1]:
        count = _drop_useless(keys[1], vertices[1], count, dist)
    keys[1, count] = key
    vertices[1, count] = vertex
    return size, count + 1


@njit(cache=True, _nrt=False, nogil=True)
def dijkstra(matrix, sources, limit, target, keys, vertices, answer):
    """Distances from the nearest of `sources`, for those up to `limit`; returns the longest.

    Stops at the distance of `target`, where that is a vertex; tentative distances beyond it are
    left as they are.

    matrix             Matrix, checked
    sources            int64     vertices
    limit, target      float64, int64 (-1: none)
    keys, vertices     of dist's type and int32: the heap and the list
    answer             Tree, nothing reached
    """
    dist, parent = answer.dist, answer.parent
    with_source = len(answer.source) > 0
    count = _start(sources, keys, vertices, answer)
    size = most = 0
    bound = farthest = 0.0
    while size > 0 or count > 0:
        if size == 0:
            size, count, bound = _refill(keys, vertices, count, dist)
            most = max(HEAP, 2 * size)
            continue
        u = np.uint64(vertices[0, 0])
        reached_at = keys[0, 0]
        size = _take(keys[0], vertices[0], size)
        if reached_at != dist[u]:
            continue
        if reached_at > limit:
            break
        farthest = np.float64(reached_at)
        if u == target:
            limit = farthest
        for k in range(np.uint64(matrix.indptr[u]), np.uint64(matrix.indptr[u + _ONE])):
            v = np.uint64(matrix.indices[k])
            x = dist.dtype.type(reached_at + matrix.weights[k])
            if x < dist[v] and x <= limit:
                dist[v] = x
                parent[v] = u
                if with_source:
                    answer.source[v] = answer.source[u]
                size, count = _queue(keys, vertices, size, count, bound, x, v, dist)
                if size == most:
                    size, count, bound = _part(keys, vertices, size, count, dist)
                    if 2 * size > most:
                        most = min(2 * most, keys.shape[1] - 4)
    return farthest
