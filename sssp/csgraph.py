"""`dijkstra` and `shortest_path` with the arguments and answers of scipy.sparse.csgraph.

Code that calls SciPy's changes the import, and nothing else. A graph is read as SciPy reads it and
searched here (`sssp.direct`). What is not searched here is passed on to SciPy: negative weights,
and the methods "FW", "BF" and "J".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphs.arguments import as_integer
from graphs.errors import GraphError
from kernels import direct
from sssp.arcs import Arcs
from sssp.direct import search_roots

_NO_VERTEX = -9999  # what SciPy writes where there is no predecessor


def dijkstra(
    csgraph: Any,
    directed: bool = True,
    indices: Any = None,
    return_predecessors: bool = False,
    unweighted: bool = False,
    limit: float = np.inf,
    min_only: bool = False,
) -> Any:
    """Shortest paths from some vertices or from all, as scipy.sparse.csgraph.dijkstra.

    Parameters
    ----------
    csgraph : array_like, masked array, or sparse array or matrix; shape (n, n)
        Entry (i, j) is the weight of the arc from i to j. In a dense array 0, inf and NaN are no
        arcs; in a masked one, what is masked; in a sparse one, what is not stored, and inf and NaN
        but with `unweighted`.
    directed : bool
        False: every arc is walked both ways. Of (i, j) and (j, i), the lighter one counts.
    indices : int or array_like of int, optional
        The vertices to start from, -n .. n-1; all by default.
    return_predecessors : bool
    unweighted : bool
        Count arcs instead of adding weights up.
    limit : float
        At least 0: what is farther away is not reached.
    min_only : bool
        Search once, from all of `indices` together: each vertex has the distance from the nearest.

    Returns
    -------
    dist_matrix : ndarray of float64, shape indices.shape + (n,); (n,) with `min_only`
        inf where not reached.
    predecessors : ndarray of int32, of the same shape
        With `return_predecessors`: the vertex before each on a shortest path. -9999 for the start
        and where not reached.
    sources : ndarray of int32, shape (n,)
        With `return_predecessors` and `min_only`: the start of each vertex's path, -9999 where not
        reached.

    Raises
    ------
    GraphError
        Not a square matrix, arrays that do not fit each other, `indices` that are not vertices, a
        `limit` below 0 or NaN, a distance beyond the range of float64. A subclass of ValueError.
    TypeError
        `limit` is not a number.

    Warns
    -----
    UserWarning
        By SciPy, which searches graphs with negative weights.

    Examples
    --------
    >>> graph = [[0, 2, 9], [0, 0, 3], [0, 0, 0]]
    >>> dist, before = dijkstra(graph, indices=0, return_predecessors=True)
    >>> dist.tolist(), before.tolist()
    ([0.0, 2.0, 5.0], [-9999, 0, 1])
    """
    rows = _rows(csgraph)
    options = directed, indices, return_predecessors, unweighted, limit, min_only
    try:
        return _dijkstra(rows, True, *options)
    except GraphError:  # what is wrong is found in SciPy's order; inf and NaN are not arcs
        return _dijkstra(rows, False, *options)


def _dijkstra(
    rows: Any, check_later: bool, directed: bool, indices: Any, return_predecessors: bool,
    unweighted: bool, limit: float, min_only: bool,
) -> Any:  # fmt: skip
    """`dijkstra` of a CSR matrix; `check_later` searches it as if all entries were arcs."""
    n = rows.shape[0]
    arcs = _ordinary(rows, check_later)
    if arcs is None and _has_negative(rows):
        from scipy.sparse import csgraph as scipys

        return scipys.dijkstra(
            rows, directed, indices, return_predecessors, unweighted, limit, min_only
        )
    starts = _starts(indices, n)
    if not math.fabs(limit) == limit:  # a TypeError where it is not a number
        raise GraphError(f"limit={limit!r} is not allowed; limit must be >= 0")
    if arcs is None and n > 0:
        rows = _all_ones(rows) if unweighted else _arcs_only(rows)
        arcs = Arcs(rows.indptr, rows.indices, rows.data)
    if arcs is None or starts.size == 0:
        if arcs is not None:
            arcs.check()
        shape = (n,) if min_only else (*starts.shape, n)
        nothing = np.full(shape, _NO_VERTEX, np.int32)
        dist, before, sources = np.full(shape, np.inf), nothing, nothing
    else:
        arcs = arcs.unweighted() if unweighted else arcs
        arcs = arcs if directed else arcs.both_ways()
        flat = starts.ravel() if starts.ndim or min_only else starts
        dist, before, third = search_roots(arcs, flat, float(limit), min_only=bool(min_only))
        sources = before if third is None else third
        dist = dist if min_only else dist.reshape((*starts.shape, n))
    if not return_predecessors:
        return dist
    if before.size:
        direct.mark_none(before.reshape(-1, n), starts.ravel(), _NO_VERTEX)
    before = before.reshape(dist.shape)
    if not min_only:
        return dist, before
    np.copyto(sources, _NO_VERTEX, where=sources < 0)
    return dist, before, sources


def shortest_path(
    csgraph: Any,
    method: str = "auto",
    directed: bool = True,
    return_predecessors: bool = False,
    unweighted: bool = False,
    overwrite: bool = False,
    indices: Any = None,
) -> Any:
    """Shortest paths between all vertices, or from some, as scipy.sparse.csgraph.shortest_path.

    Parameters
    ----------
    csgraph, directed, return_predecessors, unweighted, indices
        As for `dijkstra`.
    method : {"auto", "D", "FW", "BF", "J"}
        "D" is `dijkstra`. "auto" is `dijkstra`, too, but for graphs with negative weights, which
        are passed on to SciPy. "FW", "BF" and "J" are SciPy's own, and passed on as they are.
    overwrite : bool
        Of method "FW" only, see SciPy.

    Returns
    -------
    dist_matrix, predecessors
        As `dijkstra` returns them.

    Raises
    ------
    GraphError
        As `dijkstra`.
    ValueError
        By SciPy: `method` is not one of these, or does not go with `indices`.
    scipy.sparse.csgraph.NegativeCycleError
        By SciPy: a cycle has a negative weight.
    """
    from scipy.sparse import csgraph as scipys

    if method in ("auto", "D"):
        rows = _rows(csgraph)
        if method == "D" or not _has_negative(rows):
            return dijkstra(rows, directed, indices, return_predecessors, unweighted)
    return scipys.shortest_path(
        csgraph, method, directed, return_predecessors, unweighted, overwrite, indices
    )


def _rows(csgraph: Any) -> Any:
    """The graph as a CSR matrix of float64, which may share the caller's arrays."""
    from scipy.sparse import issparse

    if hasattr(csgraph, "to_scipy_sparse"):  # of the package `sparse`
        csgraph = csgraph.to_scipy_sparse(accept_fv=[0, np.inf, np.nan])
    if issparse(csgraph):
        shape = csgraph.shape
        if len(shape) != 2 or shape[0] != shape[1]:
            raise GraphError(f"a graph must be a matrix of shape (N, N), got {shape}")
        return csgraph.tocsr().astype(np.float64, copy=False)
    from scipy.sparse import csgraph as scipys

    if np.ma.isMaskedArray(csgraph):
        mask = np.ma.getmaskarray(csgraph)
        return scipys.csgraph_from_masked(np.ma.MaskedArray(csgraph, mask))
    return scipys.csgraph_from_dense(csgraph)


def _ordinary(rows: Any, check_later: bool) -> Arcs | None:
    """The arcs of a matrix without negative entries, inf and NaN; None where there are such."""
    try:
        return Arcs(rows.indptr, rows.indices, rows.data, check_later)
    except GraphError:
        return None


def _has_negative(rows: Any) -> bool:
    return len(rows.data) > 0 and bool(np.fmin.reduce(rows.data) < 0)  # NaN or not


def _starts(indices: Any, n: int) -> np.ndarray:
    """The vertices to start from, int64 of the shape of `indices`; negative ones from the end."""
    if indices is None:
        return np.arange(n)
    one = as_integer(indices)
    if one is not None and 0 <= one < n:
        return np.array(one)
    given = np.asarray(indices)
    plain = given.dtype == np.int64 and given.size > 0
    # Below 0 as unsigned they are beyond all vertices.
    if plain and np.maximum.reduce(given.view(np.uint64), axis=None) < n:
        return given
    with np.errstate(invalid="ignore"):
        starts = given.astype(np.int64)
    bad = (starts != given) | (starts < -n) | (starts >= n)
    if np.any(bad):
        raise GraphError(
            f"indices out of range 0...N: {given[bad][0]} is no vertex; ids are 0..{n - 1}"
        )
    return np.where(starts < 0, starts + n, starts)


def _all_ones(rows: Any) -> Any:
    """The matrix with all that it stores an arc: where they are counted, SciPy counts each."""
    return type(rows)((np.ones(len(rows.data)), rows.indices, rows.indptr), shape=rows.shape)


def _arcs_only(rows: Any) -> Any:
    """The matrix without entries that are inf or NaN, which are not arcs."""
    if len(rows.data) == 0 or np.max(rows.data) < np.inf:  # not where there is a NaN
        return rows
    is_arc = np.isfinite(rows.data)
    rows.check_format(full_check=True)
    before = np.concatenate(([0], np.cumsum(is_arc)))
    arrays = rows.data[is_arc], rows.indices[is_arc], before[rows.indptr]
    return type(rows)(arrays, shape=rows.shape)
