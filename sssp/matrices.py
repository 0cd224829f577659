"""What `shortest_paths` is given, as it searches it: dense arrays, edges that are stored once."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphs.arguments import check_matrix
from graphs.errors import GraphError


def as_searched(graph: Any, directed: bool | None) -> Any:
    """A graph as `shortest_paths` searches it: a dense array as a sparse one, or as it is.

    Parameters
    ----------
    graph : object
    directed : bool, optional
        Of a matrix: False puts the entries of the transpose beside its own. True changes nothing.

    Raises
    ------
    GraphError
        An array that is no graph, a graph of networkx, a `directed` that is none, or one beside a
        graph that itself says what it is.
    """
    from scipy.sparse import issparse

    if directed is not None and not isinstance(directed, (bool, np.bool_)):
        raise GraphError(f"directed={directed!r} is not allowed; it is True, False or None")
    if type(graph).__module__.startswith("networkx."):
        raise GraphError(
            f"{type(graph).__name__} of networkx is not searched here; give "
            'networkx.to_scipy_sparse_array(graph), or call networkx with backend="sssp"'
        )
    if isinstance(graph, np.ndarray):
        graph = _sparse(graph)
    if directed is None:
        return graph
    if not issparse(graph):
        raise GraphError(
            f"directed={directed} does not go with {type(graph).__name__}, which itself says what "
            "it is; it goes with a scipy.sparse matrix or a NumPy array"
        )
    if directed:
        return graph
    check_matrix(graph)
    return both_ways(graph.tocsr())


def _sparse(dense: np.ndarray) -> Any:
    """A dense array as a sparse matrix of its type, read as scipy.sparse.csgraph reads it.

    0, inf and NaN are no edges; in a masked array, what is masked is none.
    """
    from scipy.sparse import coo_array

    check_matrix(dense)
    if isinstance(dense, np.ma.MaskedArray):
        is_edge = ~np.ma.getmaskarray(dense)
    else:
        is_edge = np.isfinite(dense) & (dense != 0)
    return coo_array((np.asarray(dense)[is_edge], np.nonzero(is_edge)), dense.shape)


def both_ways(rows: Any) -> Any:
    """A CSR matrix with the entries of its transpose beside its own, unless they are the same.

    Raises
    ------
    GraphError
        Its arrays do not fit each other.
    """
    try:
        rows.check_format(full_check=True)
    except (TypeError, ValueError) as error:
        raise GraphError(f"the matrix's arrays do not fit each other: {error}") from None
    back = rows.T.tocsr()
    if (
        np.array_equal(rows.indptr, back.indptr)
        and np.array_equal(rows.indices, back.indices)
        and np.array_equal(rows.data, back.data)
    ):
        return rows
    # Each row of the one, then that of the other.
    places = (
        np.arange(rows.nnz) + np.repeat(back.indptr[:-1], np.diff(rows.indptr)),
        np.arange(back.nnz) + np.repeat(rows.indptr[1:], np.diff(back.indptr)),
    )
    indices = np.empty(2 * rows.nnz, back.indices.dtype)
    data = np.empty(2 * rows.nnz, back.data.dtype)
    for of, there in zip((rows, back), places, strict=True):
        indices[there], data[there] = of.indices[: of.nnz], of.data[: of.nnz]
    indptr = rows.indptr.astype(np.int64) + back.indptr
    return type(rows)((data, indices, indptr), shape=rows.shape)
