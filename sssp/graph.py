"""Graph: a graph that is searched more than once, with what was built for it."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from graphs.arguments import check_matrix, checked_flag, checked_limit, plain_array
from graphs.csr import CSR, build_csr
from graphs.edges import EdgeList
from graphs.errors import GraphError
from graphs.vertex_order import has_hubs
from kernels.threads import thread_count
from sssp.arcs import Arcs
from sssp.arcs_from import arcs_of_edges, arcs_of_rows
from sssp.direct import search_arcs
from sssp.matrices import as_searched

if TYPE_CHECKING:
    from sssp.solver import Solver

# Arcs from which rows can pay, and the searches after which they do: they are built in the time
# that about PAYS searches without them take longer.
LARGE, PAYS = 1 << 20, 32


def matrix_arcs(matrix: Any, directed: bool | None = None, check_later: bool = False) -> Arcs:
    """The entries of a scipy.sparse matrix, as scipy.sparse.csgraph reads it; CSR is not copied.

    `directed=False` puts the entries of the transpose beside them; `check_later` is that of `Arcs`.
    Raises GraphError where the arrays are not a graph.
    """
    check_matrix(matrix)
    plain_array("the matrix's data", getattr(matrix, "data", ()))
    rows = matrix.tocsr()
    if len(rows.indptr) != rows.shape[0] + 1:
        raise GraphError(
            f"the matrix's arrays do not fit each other: indptr has {len(rows.indptr)} entries, "
            f"{rows.shape[0]} rows need {rows.shape[0] + 1}"
        )
    arcs = Arcs(rows.indptr, rows.indices, rows.data, check_later)
    return arcs.both_ways() if directed is not None and not directed else arcs


def matrix_edges(matrix: Any, directed: bool | None = None) -> EdgeList:
    """The edges of a scipy.sparse matrix, as scipy.sparse.csgraph reads it.

    Entry (i, j) is an arc from i to j, explicit zeros included; a COO matrix adds up entries of
    the same place. A symmetric matrix is an undirected graph.
    """
    return _edges_of_arcs(matrix_arcs(matrix, directed), matrix.dtype)


def _edges_of_arcs(arcs: Arcs, dtype: np.dtype) -> EdgeList:
    n, m = arcs.n, arcs.m
    indptr, indices, weights = arcs.matrix
    rows = scipy.sparse.csr_array((weights[:m], indices[:m], indptr), (n, n))
    src = np.repeat(np.arange(n, dtype=np.int64), np.diff(indptr))
    dst = indices[:m].astype(np.int64)
    weight = weights[:m].astype(dtype, copy=False)
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


class _Kept:
    """A Solver beside the rows that it searches; it is not pickled or copied with them."""

    def __init__(self, key: tuple[Any, ...] = (), solver: Solver | None = None):
        self.key, self.solver = key, solver

    def __reduce__(self) -> tuple[Any, ...]:
        return _Kept, ()


def solver_for(
    csr: CSR, engine: str = "auto", threads: int | None = None, delta: float | None = None,
    output: str = "host",
) -> Solver:  # fmt: skip
    """A Solver of these rows: the last one, if it was made with the same arguments.

    It lives as long as the rows do. Raises what `Solver` does.
    """
    from sssp.solver import Solver  # loads the engine, which few matrices need

    key = (engine, threads, delta, output, thread_count())
    kept = getattr(csr, "_kept", None) or _Kept()
    if kept.solver is None or kept.key != key:
        kept = _Kept(key, Solver(csr, engine, threads, delta, output=output))
        object.__setattr__(csr, "_kept", kept)
    assert kept.solver is not None
    return kept.solver


class Graph:
    """A graph that is searched more than once.

    It is checked once, here, and searched on its own arrays: they must not change while this
    object is in use. Rows sorted by weight (`graphs.build_csr`) are built when enough searches of
    a large graph have been asked for that they pay off.

    Parameters
    ----------
    graph : scipy.sparse matrix or array, NumPy array, EdgeList or CSR
        A matrix is read as scipy.sparse.csgraph reads it; one in CSR format is not copied.
    directed : bool, optional
        Of a matrix: False walks every entry both ways, as where each edge is stored once.

    Raises
    ------
    GraphError
        Not a graph: not square, negative, NaN or infinite weights, ids out of range.
    """

    def __init__(self, graph: Any, directed: bool | None = None):
        self._read(graph, directed)
        self._arcs.check()

    def _read(self, graph: Any, directed: bool | None) -> None:
        """Read the graph; entries of a matrix are checked later."""
        graph = as_searched(graph, directed)
        self.csr: CSR | None = None
        self.asked = 0
        if isinstance(graph, CSR):
            if graph.forest is not None or graph.halo is not None or hasattr(graph, "device"):
                raise GraphError(
                    "rows that are presolved, on a device or one rank's cannot be a Graph, nor be "
                    "searched with limit, target or min_only; build them from edges on the host "
                    "without presolve"
                )
            self.csr, self._dtype = graph, graph.stats.weight_dtype
            self._arcs = arcs_of_rows(graph)
        elif isinstance(graph, EdgeList):
            self._arcs, self._dtype = arcs_of_edges(graph), graph.weight_dtype
        elif scipy.sparse.issparse(graph):
            self._arcs, self._dtype = matrix_arcs(graph, directed, True), graph.dtype
        else:
            raise GraphError(
                f"{type(graph).__name__} is no graph; give a CSR, an EdgeList, a scipy.sparse "
                "matrix or a NumPy array"
            )

    @property
    def n(self) -> int:
        """Vertices."""
        return self._arcs.n

    def rows(self, threads: int | None = None) -> CSR:
        """The rows, built now if they were not."""
        if self.csr is None:
            self._arcs.check()
            self.csr = build_csr(_edges_of_arcs(self._arcs, self._dtype), threads)
        return self.csr

    def search(
        self,
        root: Any,
        threads: int | None = None,
        limit: float = math.inf,
        target: int | None = None,
        min_only: bool = False,
    ) -> tuple[np.ndarray, ...]:
        """Shortest paths; arguments, answer and errors are those of `shortest_paths`."""
        min_only = checked_flag("min_only", min_only)
        stops_early = min_only or target is not None or checked_limit(limit) < math.inf
        if self._arcs.m >= LARGE:
            self.asked += int(np.size(root))
        if not stops_early and self._rows_pay():
            return search_rows(self.rows(threads), root, threads=threads)
        dist, parent, source = search_arcs(self._arcs, root, limit, target, min_only, threads)
        found = dist, parent.astype(np.int64)
        return found if source is None else (*found, source.astype(np.int64))

    def _rows_pay(self) -> bool:
        """Have enough searches been asked for, of a graph with hubs?"""
        if self.csr is not None:
            return True
        return self._arcs.m >= LARGE and self.asked >= PAYS and self._has_hubs

    @cached_property
    def _has_hubs(self) -> bool:
        lengths = np.diff(self._arcs.matrix.indptr)
        connected = int(np.count_nonzero(lengths))
        top = max(connected // 16, 1)
        return has_hubs(connected, int(np.partition(lengths, -top)[-top:].sum()), self._arcs.m)


def graph_for_one_call(graph: Any, directed: bool | None) -> Graph:
    """A Graph, the entries of which are checked by the first search: it reads them once."""
    kept = object.__new__(Graph)
    kept._read(graph, directed)
    return kept


def search_rows(csr: CSR, root: Any, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Search rows from one root or from each of several; `options` are those of `solver_for`."""
    solver = solver_for(csr, **options)
    if np.ndim(root) == 0:
        answer = solver.search(root)
        return answer.dist, answer.parent
    answers = [solver.search(one) for one in root]
    if not answers:
        empty = solver.new_answer().dist[:0].reshape(0, csr.n)
        return empty, empty.astype(np.int64)
    xp = np if solver.device is None or solver.output == "host" else solver.device.xp
    return xp.stack([a.dist for a in answers]), xp.stack([a.parent for a in answers])
