"""What `shortest_paths` is given, as it searches it: sparse matrices for dense arrays."""

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
        Only a matrix may be beside it: other graphs say it themselves.

    Raises
    ------
    GraphError
        An array that is not a graph, a graph of networkx, a `directed` that is not a bool, or one
        beside a graph that itself says what it is.
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
    if directed is not None and not issparse(graph):
        raise GraphError(
            f"directed={directed} does not go with {type(graph).__name__}, which itself says what "
            "it is; it goes with a scipy.sparse matrix or a NumPy array"
        )
    return graph


def _sparse(dense: np.ndarray) -> Any:
    """A dense array as a sparse matrix of its type, read as scipy.sparse.csgraph reads it.

    0, inf and NaN are not edges; in a masked array, masked entries are not.
    """
    from scipy.sparse import coo_array

    check_matrix(dense)
    if isinstance(dense, np.ma.MaskedArray):
        is_edge = ~np.ma.getmaskarray(dense)
    else:
        is_edge = np.isfinite(dense) & (dense != 0)
    weights = np.asarray(dense)[is_edge]
    if weights.dtype == np.float16:  # which SciPy's matrices do not hold
        weights = weights.astype(np.float32)
    return coo_array((weights, np.nonzero(is_edge)), dense.shape)
