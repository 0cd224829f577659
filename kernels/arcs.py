"""Arrays of a sparse matrix: whether they are a graph, whether it is symmetric, and both ways."""

from __future__ import annotations

import numpy as np

from kernels.compile import kernel

_ONE = np.uint64(1)


@kernel
def is_graph(matrix, large):
    """Do the arrays fit each other, and are all weights at least 0 and below `large`?

    Rows rise from 0 to at most the entries that there are, and indices are vertices.
    """
    indptr, indices, weights = matrix
    n = len(indptr) - 1
    wrong = indptr[0] != 0
    for i in range(np.uint64(n)):
        wrong |= indptr[i + _ONE] < indptr[i]
    if wrong or indptr[n] > min(len(indices), len(weights)):
        return False
    m = np.uint64(indptr[n])
    # In the type of the indices: compared with an int64, each would be made one first.
    least = largest = indices.dtype.type(0)
    for k in range(m):
        least = min(least, indices[k])
        largest = max(largest, indices[k])
    for k in range(m):
        wrong |= not (0 <= weights[k] < large)
    return not (wrong or least < 0 or largest >= n)


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
