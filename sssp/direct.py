"""Searches on the arrays of a CSR matrix as they are: nothing is sorted, relabelled or copied.

`search` runs on one thread, or on one for each source. It is what a call on a
matrix takes: rows that are built first cost more than they save until many searches have used them.
Distances are the same to the bit as those of `Solver`; parents may be others where two paths are
equally short.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from graphs.arguments import as_integer, checked_threads, plain_array
from graphs.csr import CSR
from graphs.edges import EdgeList, check_edges
from graphs.errors import GraphError
from kernels import direct
from kernels.threads import check_threads_run, thread_count

EXACT = 2.0**53
_HALF_RANGE = {np.dtype(kind): float(np.finfo(kind).max) / 2 for kind in ("f4", "f8")}
_MOST = 2**31 - 1
# Vertices and arcs of all searches together that are worth starting Python threads for.
_WORTH_THREADS = 1 << 17
_NONE = np.empty(0, np.int32)


def _weight_type(dtype: np.dtype) -> np.dtype:
    """The type as which kernels read weights of a type: four in all, to compile for."""
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        raise GraphError(
            f"weights must be float32, float64 or integers, got dtype {dtype}; convert them"
        )
    if dtype.kind == "f":
        return distance_type(dtype)
    if np.can_cast(dtype, np.int32):
        return np.dtype(np.int32)
    # uint64 as float64: what that does not hold exactly is refused with the answer.
    return np.dtype(np.int64 if np.can_cast(dtype, np.int64) else np.float64)


def distance_type(weights: np.dtype) -> np.dtype:
    """The type of distances for weights of a type: float32 for float32 and less, else float64."""
    return np.dtype(np.float32 if weights.kind == "f" and weights.itemsize <= 4 else np.float64)


class Arcs:
    """The arrays of a CSR matrix, checked: what a search reads.

    Parameters
    ----------
    indptr : int32 or int64 (n + 1,)
    indices : int32 or int64 (m,)
        Row i holds arcs from i to indices[indptr[i]:indptr[i + 1]], in any order. Self loops and
        parallel arcs are allowed.
    weights : (m,)
        At least 0, finite; of any real type.

    Raises
    ------
    GraphError
        The arrays do not fit each other, an index is no vertex, or a weight is not allowed.
    EngineError
        NUMBA_DISABLE_JIT is set.
    """

    def __init__(self, indptr: Any, indices: Any, weights: Any):
        check_threads_run(1)
        indptr, indices = plain_array("indptr", indptr), plain_array("indices", indices)
        weights = plain_array("weights", weights)
        for name, array in (("indptr", indptr), ("indices", indices), ("weights", weights)):
            if array.ndim != 1:
                raise GraphError(f"{name} must have one dimension, got shape {array.shape}")
        if not 1 <= len(indptr) - 1 < _MOST:
            raise GraphError(f"a graph has 1 to 2^31 - 2 vertices, got {len(indptr) - 1}")
        for name, array in (("indptr", indptr), ("indices", indices)):
            if array.dtype.kind not in "iu":
                raise GraphError(f"{name} must hold integers, got dtype {array.dtype}")
        ids = np.int32 if indptr.dtype == indices.dtype == np.int32 else np.int64
        self.n = len(indptr) - 1
        self.dtype = distance_type(weights.dtype)
        self.integers = weights.dtype.kind in "iub"
        self.matrix = direct.Matrix(
            np.ascontiguousarray(indptr, ids),
            np.ascontiguousarray(indices, ids),
            np.ascontiguousarray(weights, _weight_type(weights.dtype)),
        )
        self.m = self._checked_bounds()
        self._check_indices(self.matrix.indices[: self.m])
        # Two weights of less than half the range have a sum within it.
        self._large = _HALF_RANGE[self.dtype]
        self._has_large = self._largest(self.matrix.weights[: self.m]) >= self._large

    def _checked_bounds(self) -> int:
        """How many entries there are; refuse bounds of rows that do not rise from 0."""
        indptr, indices, weights = self.matrix
        entries = min(len(indices), len(weights))
        rising = bool((indptr[1:] >= indptr[:-1]).all())
        if not (indptr[0] == 0 and indptr[-1] <= entries and rising):
            raise GraphError(
                "the matrix's arrays do not fit each other: indptr must rise from 0 to at most "
                f"{entries}, the entries that there are"
            )
        return int(indptr[-1])

    def _check_indices(self, indices: np.ndarray) -> None:
        """Refuse what is no vertex; below 0 as unsigned it is beyond all of them."""
        if len(indices) and int(indices.view(f"u{indices.itemsize}").max()) >= self.n:
            first = indices[(indices < 0) | (indices >= self.n)][0]
            raise GraphError(
                f"the matrix's arrays do not fit each other: index {first} is not a vertex; "
                f"ids are 0..{self.n - 1}"
            )

    @staticmethod
    def _largest(weights: np.ndarray) -> float:
        """The largest weight; refuse those that are not allowed."""
        if len(weights) == 0:
            return 0.0
        largest = float(weights.max())  # NaN if one is
        if weights.min() >= 0 and largest < np.inf:
            return largest
        first = int(np.flatnonzero(~((weights >= 0) & (weights < np.inf)))[0])
        raise GraphError(
            f"entry {first}: weight {weights[first]} is not allowed; "
            "weights must be finite and >= 0"
        )

    def vertex(self, name: str, value: Any) -> int:
        """A vertex as an int; raises GraphError for what is none."""
        number = as_integer(value)
        if number is None:
            raise GraphError(f"{name}={value!r} is not an integer")
        if not 0 <= number < self.n:
            raise GraphError(f"{name}={number} is not a vertex; ids are 0..{self.n - 1}")
        return number

    def roots(self, values: Any) -> np.ndarray:
        """One vertex or several as int64 (k,); raises GraphError for what is none."""
        if as_integer(values) is not None or np.ndim(values) == 0:
            return np.array([self.vertex("root", values)], np.int64)
        found = np.asarray(values)
        if found.ndim != 1 or (len(found) and found.dtype.kind not in "iu"):
            raise GraphError(f"root={values!r} is not an integer, nor a list of them")
        for number in found[(found < 0) | (found >= self.n)][:1]:
            self.vertex("root", number)
        return found.astype(np.int64)

    def search(
        self, sources: np.ndarray, limit: float, target: int, with_source: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Search from the nearest of checked sources; the arrays of the answer, see `search`."""
        n = self.n
        dist = direct.full(n, np.inf, self.dtype)
        parent = direct.full(n, -1, np.int32)
        source = direct.full(n, -1, np.int32) if with_source else _NONE
        found, queue = direct.Tree(dist, parent, source), direct.queue(n, self.m, self.dtype)
        farthest = direct.search(self.matrix, sources, limit, target, queue, found)
        if target >= 0:
            beyond = dist > dist[target]
            dist[beyond] = np.inf
            parent[beyond] = -1
            if with_source:
                source[beyond] = -1
        self._check_range(farthest, dist, limit if target < 0 or np.isinf(dist[target]) else 0.0)
        return dist, parent, source

    def looked_at(self, dist: np.ndarray) -> int:
        """How many arcs lead from what is reached."""
        return int(np.diff(self.matrix.indptr)[dist < np.inf].sum())

    def _check_range(self, farthest: float, dist: np.ndarray, limit: float) -> None:
        """Refuse distances that their type does not hold: inexact integers, infinite sums."""
        if farthest >= (EXACT if self.integers else self._large):
            farthest = float(dist[dist < np.inf].max())
        if self.integers and farthest >= EXACT:
            raise GraphError(
                f"a distance is at or beyond 2^53 (about {farthest:.6g}), where float64 does "
                "not hold every integer; scale the weights down"
            )
        if limit < math.inf or (farthest < self._large and not self._has_large):
            return
        reached = np.repeat(dist < np.inf, np.diff(self.matrix.indptr))
        used = self.matrix.indices[: len(reached)]
        if np.any(reached & np.isinf(dist[used])):
            raise GraphError(
                f"a distance is beyond the range of {self.dtype}: the largest weight is "
                f"{self.matrix.weights[: len(used)].max():g}; scale the weights down"
            )


def _numbered(lengths: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of rows of such lengths, and their indices: int32 where that does, as of SciPy."""
    ids = np.int32 if max(len(lengths), len(indices)) < _MOST else np.int64
    indptr = np.zeros(len(lengths) + 1, ids)
    np.cumsum(lengths, out=indptr[1:])
    return indptr, indices.astype(ids, copy=False)


def arcs_of_edges(edges: EdgeList) -> Arcs:
    """An edge list, checked, as arcs: parallel ones and self loops stay."""
    check_edges(edges)
    src, dst, weight = edges.src, edges.dst, edges.weight
    if not edges.directed:
        src, dst = np.append(src, dst), np.append(dst, src)
        weight = np.append(weight, weight)
    order = np.argsort(src, kind="stable")
    return Arcs(*_numbered(np.bincount(src, minlength=edges.n), dst[order]), weight[order])


def arcs_of_rows(csr: CSR) -> Arcs:
    """The rows of one process as arcs of original ids."""
    starts = csr.out.indptr[csr.local_id]
    lengths = csr.out.indptr[csr.local_id + 1] - starts
    at = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    weight = csr.out.weight[at]
    if csr.stats.weight_dtype.kind in "iub":
        weight = weight.astype(np.int64 if csr.kind == "uint32" else np.float64)
    arcs = Arcs(*_numbered(lengths, csr.global_id[csr.out.adj[at]]), weight)
    arcs.integers = csr.stats.weight_dtype.kind in "iub"
    return arcs


def search(
    indptr: Any,
    indices: Any,
    weights: Any,
    sources: Any,
    *,
    limit: float = math.inf,
    target: int | None = None,
    min_only: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Shortest paths on the arrays of a CSR matrix.

    Parameters
    ----------
    indptr, indices, weights : array_like
        As `Arcs` reads them; none is copied that is int32, int64, float32 or float64.
    sources : int or array_like of int (k,)
    limit : float
        At least 0: vertices farther than this are not reached.
    target : int, optional
        Stop here: vertices farther than this one are not reached.
    min_only : bool
        One search from all sources together: each vertex has the distance from the nearest one.

    Returns
    -------
    dist : ndarray, shape (n,); (k, n) of k sources in a list without `min_only`
        float32 for float32 weights, else float64; inf where not reached.
    parent : ndarray of int32, of the same shape
        The vertex before each on a shortest path; a source's own is itself, -1 where not reached.
        They form no cycle, zero weights or not.
    source : ndarray of int32 (n,), or None without `min_only`
        The source of each vertex's path, -1 where not reached.

    Raises
    ------
    GraphError
        The arrays are no graph, a source or the target is no vertex, `limit` is below 0 or NaN, a
        distance is beyond the range of its type, or one of integers is 2^53 or more.
    EngineError
        NUMBA_DISABLE_JIT is set.
    """
    return search_arcs(Arcs(indptr, indices, weights), sources, limit, target, min_only)


def checked_limit(limit: Any) -> float:
    """A limit as a float; raises GraphError for one that is none."""
    try:
        number = float(limit)
    except (TypeError, ValueError):
        number = math.nan
    if not number >= 0:
        raise GraphError(f"limit={limit!r} is not allowed; it must be a number from 0 on")
    return number


def search_arcs(
    arcs: Arcs,
    sources: Any,
    limit: float = math.inf,
    target: int | None = None,
    min_only: bool = False,
    threads: int | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """`search` on arrays that are checked; of several sources, one on each of `threads`."""
    limit, roots = checked_limit(limit), arcs.roots(sources)
    end = -1 if target is None else arcs.vertex("target", target)
    if min_only:
        return arcs.search(roots, limit, end, True)
    if np.ndim(sources) == 0:
        dist, parent, _ = arcs.search(roots, limit, end, False)
        return dist, parent, None
    dist = np.empty((len(roots), arcs.n), arcs.dtype)
    parent = np.empty(dist.shape, np.int32)

    def search_one(i: int) -> None:
        dist[i], parent[i], _ = arcs.search(roots[i : i + 1], limit, end, False)

    workers = min(thread_count(checked_threads(threads)), len(roots))
    if workers < 2 or len(roots) * (arcs.n + arcs.m) < _WORTH_THREADS:
        for i in range(len(roots)):
            search_one(i)
    else:
        search_one(0)  # compiled before threads ask for it
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(search_one, range(1, len(roots))))
    return dist, parent, None
