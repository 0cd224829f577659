"""shortest_paths: searches of a matrix, an edge list, a Graph or rows that are already built."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphs.arguments import checked_delta, checked_flag, checked_limit, checked_threads
from graphs.csr import CSR, build_csr
from graphs.edges import EdgeList
from graphs.errors import GraphError
from sssp.errors import EngineError
from sssp.matrices import as_searched

# Edges up to which sorting them by row takes less than building rows does.
SMALL_EDGES = 1 << 17


def _build_there(matrix: Any) -> CSR:
    """The rows of a cupyx.scipy.sparse matrix, on the device that it is on."""
    from graphs.device_csr import build_device_csr
    from graphs.device_edges import matrix_on_device
    from kernels.device import Device
    from sssp import cuda_missing

    device = Device(matrix.data.device.id)
    try:
        edges = matrix_on_device(device, matrix)
    except ImportError as error:
        raise EngineError(
            f"CuPy cannot read a matrix of format {matrix.format!r}: "
            f"{cuda_missing.without_cusparse(error)}, or give a coo_matrix"
        ) from error
    return build_device_csr(edges)


def shortest_paths(
    graph: Any,
    root: Any,
    engine: str = "auto",
    threads: int | None = None,
    delta: float | None = None,
    output: str = "host",
    presolve: bool = False,
    *,
    limit: float = math.inf,
    target: int | None = None,
    min_only: bool = False,
    directed: bool | None = None,
) -> tuple[np.ndarray, ...]:
    """Shortest paths from one root, or from several.

    A matrix, a small edge list and a `Graph` are searched on their own arrays, on one thread a
    root, unless a device, `delta` or `presolve` is asked for.

    Parameters
    ----------
    graph : Graph, CSR, EdgeList, scipy.sparse matrix or array, or NumPy array
        A matrix is read as scipy.sparse.csgraph reads it: entry (i, j) is an arc from i to j,
        and explicit zeros are arcs; in a NumPy array 0, inf and NaN are not, nor are
        masked entries. One of cupyx.scipy.sparse, which is on a device, is searched
        there. CuPy makes one of any format but COO with cuSPARSE, which the extras leave out
        (nvidia-cusparse-cu12; of CUDA 13, nvidia-cusparse).
    root : int or sequence of int (k,)
        The vertex to start from, or several.
    engine : {"auto", "cpu", "cuda"}
        Where rows are searched. "auto" takes a device for rows that are built, and for an edge
        list that is not small.
    threads : int, optional
        Threads to use; one a core by default. The answer does not depend on it.
    delta : float, optional
        Build rows, and search them in buckets of this width in units of the weights, above 0.
    output : {"host", "device"}
        Where the answer is to be: NumPy arrays, or, of the CUDA engine, CuPy arrays on its device.
    presolve : bool
        Build the rows only of the edges that a search can use, as `graphs.build_csr` does it.
        Undirected graphs of the host. It pays where a `Solver` searches them from many roots.
    limit : float
        From 0 on: vertices farther than this are not reached.
    target : int, optional
        Stop when the distance of this vertex is known: vertices farther than it are not reached.
    min_only : bool
        One search from all roots together: each vertex has the distance from the nearest.
    directed : bool, optional
        Of a matrix on the host: False walks every entry both ways, as where each edge is stored
        once. True, and the default, walk it one way.

    Returns
    -------
    dist : ndarray, shape (n,); (k, n) of k roots in a sequence without `min_only`
        Distances; float32 for float32 weights, else float64. inf where unreached.
    parent : ndarray of int64, of the same shape
        The vertex before each on a shortest path; a root's own is the root, -1 where unreached.
        Where several paths are equally short it may be of any of them.
    source : ndarray of int64 (n,), only with `min_only`
        The root of each vertex's path, -1 where unreached.

    Raises
    ------
    GraphError
        Not a graph: not square, negative, NaN or infinite weights, a root that is not a vertex, a
        distance beyond the range of its type. A subclass of ValueError.
    EngineError
        The engine asked for cannot run here, or its device has too little memory; this process was
        forked from one that had run parallel kernels; or NUMBA_DISABLE_JIT is set.

    Notes
    -----
    float32 weights are added in float32, left to right from the root, as Graph500's reference
    does; those distances are unique to the bit. Integers are exact.

    Examples
    --------
    >>> import scipy.sparse
    >>> dist, parent = shortest_paths(scipy.sparse.csr_array([[0, 2, 9], [0, 0, 3], [0, 0, 0]]), 0)
    >>> dist.tolist(), parent.tolist()
    ([0.0, 2.0, 5.0], [0, 0, 1])
    """
    from sssp.graph import Graph, graph_for_one_call, matrix_edges, search_rows

    if output != "host" or engine not in ("auto", "cpu"):
        _check_device(output, engine)
    checked_threads(threads)
    on_device = type(graph).__module__.startswith("cupyx.scipy.sparse")
    presolve = checked_flag("presolve", presolve)
    if presolve and (isinstance(graph, (CSR, Graph)) or on_device):
        raise GraphError(
            f"presolve=True does not go with {type(graph).__name__}: rows that are built stay as "
            "they are, and a device builds all; give an EdgeList or a scipy.sparse matrix"
        )
    stops_early = _stops_early(limit, target, min_only)
    named = presolve or checked_delta(delta) is not None or engine == "cuda" or output == "device"
    if stops_early and (named or on_device):
        raise GraphError(
            "limit, target and min_only go with searches on the host without delta and presolve; "
            "leave out these and engine='cuda'"
        )
    if not (named or on_device or _on_rows(graph, stops_early)):
        is_kept = isinstance(graph, Graph) and directed is None
        kept = graph if is_kept else graph_for_one_call(graph, directed)
        return kept.search(root, threads, limit, target, min_only)
    graph = as_searched(graph, directed)
    if isinstance(graph, Graph):
        csr = graph.rows(threads)
    elif isinstance(graph, CSR):
        csr = graph
    elif on_device:
        _check_device(output, "cuda")
        csr = _build_there(graph)
    else:
        edges = graph if isinstance(graph, EdgeList) else matrix_edges(graph, directed)
        csr = build_csr(edges, threads, presolve=presolve)
    return search_rows(csr, root, engine=engine, threads=threads, delta=delta, output=output)


def _check_device(output: str, engine: str) -> None:
    """Refuse an engine or a place for answers that is unknown, or cannot be used here."""
    from sssp.engine_choice import check_engine, check_output

    check_output(output, engine)
    check_engine(engine)


def _stops_early(limit: float, target: int | None, min_only: bool) -> bool:
    min_only = checked_flag("min_only", min_only)
    return min_only or target is not None or checked_limit(limit) < math.inf


def _on_rows(graph: Any, stops_early: bool) -> bool:
    """Are rows to be searched that are built, or that pay for one search?"""
    if stops_early:
        return False
    return isinstance(graph, CSR) or (isinstance(graph, EdgeList) and graph.m > SMALL_EDGES)
