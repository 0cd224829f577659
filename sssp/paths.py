"""shortest_paths: one search on a matrix, an edge list or a graph that is already built."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphs.arguments import check_matrix, plain_array
from graphs.csr import CSR, build_csr
from graphs.edges import EdgeList
from graphs.errors import GraphError
from sssp.errors import EngineError


def matrix_edges(matrix: Any) -> EdgeList:
    """The edges of a scipy.sparse matrix, as scipy.sparse.csgraph reads it.

    Entry (i, j) is an arc from i to j, explicit zeros included; a COO matrix adds up entries of
    the same place. A symmetric matrix is an undirected graph.
    """
    check_matrix(matrix)
    plain_array("the matrix's data", getattr(matrix, "data", ()))
    rows = matrix.tocsr()
    try:
        rows.check_format(full_check=True)
    except (TypeError, ValueError) as error:
        raise GraphError(f"the matrix's arrays do not fit each other: {error}") from None
    n = rows.shape[0]
    src = np.repeat(np.arange(n, dtype=np.int64), np.diff(rows.indptr))
    dst = rows.indices.astype(np.int64)
    weight = rows.data
    directed = not _symmetric(rows)
    if not directed:
        upper = src <= dst
        src, dst, weight = src[upper], dst[upper], weight[upper]
    return EdgeList(src, dst, weight, n=n, directed=directed)


def _symmetric(rows: Any) -> bool:
    ours = rows.sorted_indices()
    theirs = rows.transpose().tocsr().sorted_indices()
    return (
        np.array_equal(ours.indptr, theirs.indptr)
        and np.array_equal(ours.indices, theirs.indices)
        and np.array_equal(ours.data, theirs.data)
    )


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
    root: int,
    engine: str = "auto",
    threads: int | None = None,
    delta: float | None = None,
    output: str = "host",
    presolve: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Shortest paths from one root.

    Parameters
    ----------
    graph : CSR, EdgeList or scipy.sparse matrix or array
        A matrix is read as scipy.sparse.csgraph reads it: entry (i, j) is an arc from i to j,
        explicit zeros are arcs, and only a symmetric matrix is undirected. One of
        cupyx.scipy.sparse, which is on a device, is searched there. CuPy makes one of any format
        but COO with cuSPARSE, which the extras leave out (nvidia-cusparse-cu12; of CUDA 13,
        nvidia-cusparse).
    root : int
        The vertex to start from.
    engine : {"auto", "cpu", "cuda"}
    threads : int, optional
        Threads to use; one a core by default. The answer does not depend on it.
    delta : float, optional
        Width of a bucket in units of the weights, above 0; chosen from the graph by default.
    output : {"host", "device"}
        Where the answer is to be: NumPy arrays, or, of the CUDA engine, CuPy arrays on its device.
    presolve : bool
        Build the rows only of the edges that a search can use, as `graphs.build_csr` does it.
        Undirected graphs of the host. It pays where a `Solver` searches them from many roots.

    Returns
    -------
    dist : ndarray, shape (n,)
        Distances; float32 for float32 weights, else float64. inf where unreached.
    parent : ndarray of int64, shape (n,)
        The vertex before each on a shortest path; the root's own is the root, -1 where unreached.

    Raises
    ------
    GraphError
        Not a graph: not square, negative, NaN or infinite weights, a root that is no vertex, a
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
    import scipy.sparse

    from sssp.solver import Solver, check_engine, check_output

    check_output(output, engine)
    on_device = type(graph).__module__.startswith("cupyx.scipy.sparse")
    if presolve and (isinstance(graph, CSR) or on_device):
        raise GraphError(
            f"presolve=True does not go with {type(graph).__name__}: rows that are built stay as "
            "they are, and a device builds all; give an EdgeList or a scipy.sparse matrix"
        )
    if isinstance(graph, CSR):
        csr = graph
    elif isinstance(graph, EdgeList):
        csr = build_csr(graph, threads, presolve=presolve)
    elif scipy.sparse.issparse(graph):
        csr = build_csr(matrix_edges(graph), threads, presolve=presolve)
    elif on_device:
        check_engine("cuda")
        csr = _build_there(graph)
    else:
        raise GraphError(
            f"{type(graph).__name__} is no graph; give a CSR, an EdgeList or a scipy.sparse matrix"
        )
    answer = Solver(csr, engine, threads, delta, output=output).search(root)
    return answer.dist, answer.parent
