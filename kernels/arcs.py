"""Arrays of a sparse matrix: whether they are a graph, whether it is symmetric, and both ways."""

from __future__ import annotations

import numpy as np

from kernels.compile import kernel, part

_ONE = np.uint64(1)


@part
def rows_fit(matrix):
    """Do rows rise from 0 to at most the entries that there are?"""
    indptr, indices, weights = matrix
    n = len(indptr) - 1
    wrong = indptr[0] != 0
    for i in range(np.uint64(n)):
        wrong |= indptr[i + _ONE] < indptr[i]
    return not (wrong or indptr[n] > min(len(indices), len(weights)))


@part
def entries_fit(matrix, begin, end, most):
    """Are indices from `begin` to `end` vertices, and weights at least 0 and at most `most`?

    Indices are compared in their own type: with an int64, each would be made one first.
    """
    indptr, indices, weights = matrix
    least = largest = indices.dtype.type(0)
    for k in range(np.uint64(begin), np.uint64(end)):
        least = min(least, indices[k])
        largest = max(largest, indices[k])
    wrong = False
    for k in range(np.uint64(begin), np.uint64(end)):
        wrong |= not ((weights[k] >= 0) & (weights[k] <= most))
    return not (wrong or least < 0 or largest >= len(indptr) - 1)


@part
def rest_fits(matrix, dist, limit, most):
    """`entries_fit` of the rows that a search up to `limit` has not read: those of vertices that
    are farther or not reached.
    """
    u, n = np.uint64(0), np.uint64(len(dist))
    while u < n:
        begin = u
        while u < n and not (dist[u] < np.inf and dist[u] <= limit):
            u += _ONE
        first, end = matrix.indptr[begin], matrix.indptr[u]
        if first < end and not entries_fit(matrix, first, end, most):
            return False
        u += _ONE
    return True


@kernel
def is_graph(matrix, most):
    """Do the arrays fit each other, and are all weights at least 0 and at most `most`?

    Rows rise from 0 to at most the entries that there are, and indices are vertices.
    """
    n = len(matrix.indptr) - 1
    return rows_fit(matrix) and entries_fit(matrix, 0, np.int64(matrix.indptr[n]), most)


@kernel
def is_symmetric(matrix, at):
    """Is every row sorted, and the matrix its own transpose? It stops where that is not so.

    at   int64 (n,), to count in
    """
    indptr, indices, weights = matrix
    for v in range(len(at)):
        at[v] = indptr[v]
    for u in range(len(at)):
        before = -1
        for k in range(np.uint64(indptr[u]), np.uint64(indptr[np.uint64(u) + _ONE])):
            v = np.uint64(indices[k])
            # Rows come in rising order, and so do the arcs that lead back to them.
            back = np.uint64(at[v])
            if np.int64(v) <= before or back == indptr[v + _ONE] or indices[back] != u:
                return False
            if weights[back] != weights[k]:
                return False
            at[v] += 1
            before = np.int64(v)
    return True


@kernel
def put_both_ways(matrix, at, out):
    """Put every arc into `out`, a Matrix with room for them, and every arc turned round.

    at   int64 (n,), to count in
    """
    n = len(at)
    out.indptr[0] = 0
    for v in range(n):
        out.indptr[v + 1] = matrix.indptr[v + 1] - matrix.indptr[v]
    for k in range(np.uint64(matrix.indptr[n])):
        out.indptr[np.uint64(matrix.indices[k]) + _ONE] += 1
    for v in range(n):
        at[v] = out.indptr[v]
        out.indptr[v + 1] += out.indptr[v]
    for u in range(np.uint64(n)):
        for k in range(np.uint64(matrix.indptr[u]), np.uint64(matrix.indptr[u + _ONE])):
            v = np.uint64(matrix.indices[k])
            there = np.uint64(at[u])
            out.indices[there] = v
            out.weights[there] = matrix.weights[k]
            at[u] += 1
            back = np.uint64(at[v])
            out.indices[back] = u
            out.weights[back] = matrix.weights[k]
            at[v] += 1
