"""Shared: shortest paths by other code, in plain Python, networkx and SciPy.

All of them add from the root outwards in the arithmetic of the graph: float32 where the weights
are float32, else float64. Distances are unique to the bit (rounding is monotone), so answers are
compared for equality; parents are not unique. Slow: for graphs of a few thousand vertices.
"""

from __future__ import annotations

import heapq

import networkx as nx
import numpy as np
from scipy.sparse import csgraph, csr_array

from graphs.edges import Edges


def arcs(edges: Edges) -> list[tuple[int, int, float]]:
    """Every edge as (u, v, weight), undirected ones both ways.

    Weights are NumPy's scalars of float32, or Python's floats, which add as those of float64 do.
    """
    found = []
    for part in edges.slices():
        weights = part.weight
        if weights.dtype != np.float32:
            weights = weights.astype(np.float64).tolist()
        forth = list(zip(part.src.tolist(), part.dst.tolist(), weights, strict=True))
        found += forth
        if not edges.directed:
            found += [(v, u, w) for u, v, w in forth]
    return found


def dijkstra(edges: Edges, root: int) -> tuple[np.ndarray, np.ndarray]:
    """Dijkstra with a heap; parents change on strict improvement only, so they make a tree.

    Returns dist float32 or float64 (n,), inf where unreached, and parent int64 (n,), there -1.
    """
    rows = _rows(edges)
    dist = [np.inf] * edges.n
    parent = [-1] * edges.n
    dist[root], parent[root] = 0, root
    heap = [(0, root)]
    while heap:
        reached_at, u = heapq.heappop(heap)
        if reached_at > dist[u]:
            continue
        for v, w in rows[u]:
            through = reached_at + w
            if through < dist[v]:
                dist[v], parent[v] = through, u
                heapq.heappush(heap, (through, v))
    return np.array(dist, _arithmetic(edges)), np.array(parent, np.int64)


def _rows(edges: Edges) -> list[list]:
    """The arcs of every vertex; those of the last graph are kept for its other roots."""
    global _last
    arrays = [(a.dtype, a.tobytes()) for e in edges.slices() for a in (e.src, e.dst, e.weight)]
    facts = (edges.n, edges.directed, arrays)
    known, rows = _last
    if known != facts:
        rows = [[] for _ in range(edges.n)]
        for u, v, w in arcs(edges):
            rows[u].append((v, w))
        _last = facts, rows
    return rows


_last: tuple = None, []


def networkx_graph(edges: Edges) -> nx.MultiDiGraph:
    """The graph with all its parallel edges and self loops, as arcs."""
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(edges.n))
    graph.add_weighted_edges_from(arcs(edges))
    return graph


def networkx_dijkstra(edges: Edges, root: int) -> tuple[np.ndarray, np.ndarray]:
    """networkx's Dijkstra, which adds what it is given: see `arcs`. Results as `dijkstra`."""
    before, length = nx.dijkstra_predecessor_and_distance(networkx_graph(edges), root)
    dist: np.ndarray = np.full(edges.n, np.inf, _arithmetic(edges))
    parent = np.full(edges.n, -1, np.int64)
    for v, x in length.items():
        dist[v] = x
        parent[v] = before[v][0] if v != root else root  # the first one was a strict improvement
    return dist, parent


def scipy_dijkstra(edges: Edges, root: int) -> np.ndarray:
    """SciPy's Dijkstra: float64 whatever the weights are, so equal only where sums are exact.

    Of parallel edges the lightest is kept first, because SciPy's conversion would add them up.
    """
    lightest: dict[tuple[int, int], float] = {}
    for u, v, w in arcs(edges):
        lightest[u, v] = min(float(w), lightest.get((u, v), np.inf))
    ends = np.array(list(lightest), np.int64).reshape(-1, 2)
    matrix = csr_array((list(lightest.values()), (ends[:, 0], ends[:, 1])), (edges.n, edges.n))
    return csgraph.dijkstra(matrix, indices=root)


def _arithmetic(edges: Edges) -> type:
    return np.float32 if edges.weight_dtype == np.float32 else np.float64
