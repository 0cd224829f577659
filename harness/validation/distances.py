"""Check distances without parents, or with a tolerance, from the edge list.

A distance is right if some path from the root has that length, and no edge improves it. The first
is found by walking, from the root, the edges (u, v) with dist[u] + weight = dist[v]: each reached
vertex must be met. Where a tolerance is asked for, sums are taken in float64, and two numbers are
equal where they differ by no more than that part of the larger one.

Where there are parents, only the edges from them are walked.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphs.edges import Edges
from harness.validation.chunks import arithmetic_of

Arcs = tuple[np.ndarray, np.ndarray, np.ndarray]  # tails, heads, weights


def check_distances(
    edges: Edges, root: int, dist: np.ndarray, parent: np.ndarray | None, rtol: float
) -> list[str]:
    """Return what is wrong with an answer, a line for each rule; nothing for a valid one.

    Parameters
    ----------
    edges : Edges
    root : int
        A vertex.
    dist : ndarray, shape (n,)
        Floats, inf where a vertex is not reached.
    parent : ndarray of int, shape (n,), or None
        -1 where a vertex is not reached.
    rtol : float
        The tolerance, 0 for none.
    """
    if faults := _value_faults(root, dist, parent, len(dist)):
        return faults
    arithmetic = np.dtype(np.float64) if rtol else arithmetic_of(edges.weight_dtype)
    values = dist.astype(arithmetic)
    if not rtol and (values != dist).any():
        return [_fault(values != dist, dist, f"is not a {arithmetic} number, as all sums here are")]
    reached = values < np.inf
    improved, cut = np.zeros(len(dist), bool), np.zeros(len(dist), bool)
    tight: list[np.ndarray] = []
    for tail, head, weight in _arcs(edges):
        from_reached = reached[tail]
        cut[head[from_reached & ~reached[head]]] = True
        both = from_reached & reached[head]
        tail, head, weight = tail[both], head[both], weight[both]
        through, there = values[tail] + weight.astype(arithmetic), values[head]
        near = rtol * np.maximum(np.abs(through), np.abs(there)) if rtol else arithmetic.type(0)
        improved[head[through < there - near]] = True
        keep = np.abs(through - there) <= near
        if parent is not None:
            keep &= parent[head] == tail
        tight.append(np.stack([tail[keep], head[keep]]))
    met = _met(np.concatenate(tight, axis=1) if tight else np.empty((2, 0), int), root, len(dist))
    source = "no path from the root" if parent is None else "no path along its parents"
    rules = (
        (cut, "is not reached, but an edge leads to it from a vertex that is"),
        (improved & reached, "is improved by an edge"),
        (reached & ~met, f"is the length of {source}"),
    )
    return [_fault(bad, dist, words) for bad, words in rules if bad.any()]


def _value_faults(root: int, dist: np.ndarray, parent: np.ndarray | None, n: int) -> list[str]:
    """Return what is wrong with the values by themselves."""
    bad = ~(dist >= 0)
    if bad.any():
        return [_fault(bad, dist, "must be 0 or more, or inf")]
    if dist[root] != 0:
        return [f"distance: dist[{root}] = {dist[root]!s}, but the root's is 0"]
    if parent is None:
        return []
    rules = (
        ((parent < -1) | (parent >= n), "has a parent that is neither a vertex nor -1"),
        ((parent == -1) != (dist == np.inf), "and its parent must both say that it is unreached"),
    )
    faults = [_fault(bad, dist, words) for bad, words in rules if bad.any()]
    if not faults and parent[root] != root:
        faults = [f"root: parent[{root}] = {parent[root]}, but the root is its own parent"]
    return faults


def _fault(bad: np.ndarray, dist: np.ndarray, words: str) -> str:
    first, count = int(np.argmax(bad)), int(bad.sum())
    vertices = "1 vertex" if count == 1 else f"{count} vertices"
    return f"distance: {vertices}, first v={first}: dist[{first}] = {dist[first]!s} {words}"


def _arcs(edges: Edges) -> Iterator[Arcs]:
    """Yield the arcs slice by slice, an undirected edge as two."""
    for part in edges.slices():
        yield part.src, part.dst, part.weight
        if not edges.directed:
            yield part.dst, part.src, part.weight


def _met(arcs: np.ndarray, root: int, n: int) -> np.ndarray:
    """Return which vertices a walk along arcs from the root meets."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order

    ones = np.ones(arcs.shape[1], np.int8)
    matrix = coo_array((ones, (arcs[0], arcs[1])), shape=(n, n)).tocsr()
    matrix.data[:] = 1  # of parallel ones the sum may have become 0
    found = np.zeros(n, bool)
    found[breadth_first_order(matrix, root, return_predecessors=False)] = True
    return found
