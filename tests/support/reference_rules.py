"""Shared: the rules of validation in plain Python, one by one, slow and simple."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from oracle import arcs, dijkstra

from graphs.edges import Edges


def breakers(edges: Edges, root: int, dist: np.ndarray, parent: np.ndarray) -> dict[int, set[int]]:
    """Return the vertices that break each broken rule of an answer; its values may be anything."""
    n = edges.n
    add = np.float32 if edges.weight_dtype == np.float32 else np.float64
    parent = parent.tolist()
    reached = {v for v in range(n) if 0 <= dist[v] < np.inf}
    largest = float(np.finfo(add).max) if edges.weight_dtype.kind == "f" else 2.0**53 - 1
    near = {v: add(min(dist[v], largest)) for v in reached}
    into: dict[int, list] = {v: [] for v in range(n)}
    for u, v, w in arcs(edges):
        into[v].append((u, w))

    def fits(v: int) -> bool:
        if v == root:
            return dist[v] == 0 and parent[v] == root
        if v in reached:
            return 0 <= parent[v] < n
        return dist[v] == np.inf and parent[v] == -1

    def leads_to_root(v: int) -> bool:
        seen = set()
        while v != root:
            if v in seen or not 0 <= v < n:
                return False
            seen.add(v)
            v = parent[v]
        return True

    def sums(v: int, tails: set[int]) -> list[np.floating]:
        return [near[u] + w for u, w in into[v] if u in tails]

    parented = [v for v in range(n) if v != root and 0 <= parent[v] < n]
    no_edge = {v for v in parented if all(u != parent[v] for u, _ in into[v])}
    found = {
        1: {v for v in range(n) if not fits(v)},
        2: {v for v in range(n) if parent[v] != -1 and not leads_to_root(v)},
        3: no_edge,
        4: {
            v
            for v in parented
            if v in reached
            and v not in no_edge
            and (dist[v] > largest or dist[v] not in sums(v, {parent[v]} & reached))
        },
        5: {v for v in reached if any(s < near[v] for s in sums(v, reached))},
        6: {v for v in range(n) if dist[v] == np.inf and sums(v, reached)},
    }
    return {rule: vertices for rule, vertices in found.items() if vertices}


def mangled(data: st.DataObject, edges: Edges, root: int) -> tuple[np.ndarray, np.ndarray]:
    """A right answer with some of its values changed."""
    right, parent = dijkstra(edges, root)
    dist = right.copy()
    for _ in range(data.draw(st.integers(1, 4))):
        v, u = (data.draw(st.integers(0, edges.n - 1)) for _ in range(2))
        with np.errstate(all="ignore"):
            near = [np.nextafter(dist[v], np.inf), np.nextafter(dist[v], -np.inf)]
            wrong = [*near, dist[u], dist[u] + dist[v], np.nan, np.inf, -np.inf, -1, -0.0, 0, 1]
        dist[v] = data.draw(st.sampled_from([dist[v], dist[v], *wrong]))
        parent[v] = data.draw(st.sampled_from([parent[v], parent[u], u, v, root, -1, -2, edges.n]))
    return dist, parent
