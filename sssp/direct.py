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

from graphs.arguments import checked_limit, checked_threads
from kernels.threads import thread_count
from sssp.arcs import Arcs

# Vertices and arcs of all searches together that are worth starting Python threads for.
_WORTH_THREADS = 1 << 17
# Parts of the sources for each thread: the last ones even out what the others differ in.
_PARTS = 8


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
        The arrays are not a graph, a source or the target is not a vertex, `limit` is below 0 or
        NaN, a distance is beyond the range of its type, or one of integers is 2^53 or more.
    EngineError
        NUMBA_DISABLE_JIT is set.
    """
    arcs = Arcs(indptr, indices, weights, check_later=True)
    return search_arcs(arcs, sources, limit, target, min_only)


def search_arcs(
    arcs: Arcs,
    sources: Any,
    limit: float = math.inf,
    target: int | None = None,
    min_only: bool = False,
    threads: int | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """As `search`, on arrays that are checked.

    Parameters
    ----------
    arcs : Arcs
        The matrix.
    sources : int or sequence of int
        Several are searched one by one, one on each of `threads`, or together with `min_only`.
    limit, target, min_only
        As for `search`.
    threads : int, optional
        All cores by default.

    Returns
    -------
    dist, parent, source
        As of `search`.

    Raises
    ------
    GraphError
        A source, limit, target or number of threads that is none.
    """
    limit, roots = checked_limit(limit), arcs.roots(sources)
    end = -1 if target is None else arcs.vertex("target", target)
    return search_roots(arcs, roots, limit, end, min_only, checked_threads(threads))


def search_roots(
    arcs: Arcs,
    roots: np.ndarray,
    limit: float = math.inf,
    end: int = -1,
    min_only: bool = False,
    threads: int | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """`search_arcs` from what `Arcs.roots` returns, to a vertex or to none (-1)."""
    if min_only:
        return arcs.search(np.atleast_1d(roots), limit, end, True)
    if roots.ndim == 0:
        dist, parent, _ = arcs.search(roots[None], limit, end, False)
        return dist, parent, None
    dist = np.empty((len(roots), arcs.n), arcs.dtype)
    parent = np.empty(dist.shape, np.int32)

    def search_part(part: slice) -> None:
        arcs.search_each(roots[part], limit, end, dist[part], parent[part])

    workers = 1
    if len(roots) * (arcs.n + arcs.m) >= _WORTH_THREADS:
        workers = min(thread_count(threads), len(roots))
    if workers < 2:
        arcs.search_each(roots, limit, end, dist, parent)
        return dist, parent, None
    search_part(slice(1))  # compiled before threads ask for it
    step = -(-len(roots) // (_PARTS * workers))
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(search_part, (slice(i, i + step) for i in range(1, len(roots), step))))
    return dist, parent, None
