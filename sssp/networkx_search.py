"""One search for the backend `sssp` of networkx, and its answer in the terms of networkx."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable
from typing import Any

import networkx as nx
import numpy as np

from graphs.errors import GraphError
from sssp.arcs import EXACT
from sssp.direct import search_arcs
from sssp.networkx_graph import ConvertedGraph

Node = Hashable


def numbers_of(graph: ConvertedGraph, sources: Collection[Node]) -> list[int]:
    """The places of nodes; NodeNotFound for what is not a node."""
    for source in sources:
        if source not in graph:
            raise nx.NodeNotFound(f"Node {source} not found in graph")
    return [graph.number[source] for source in sources]


class Search:
    """Distances and paths from the nearest of some nodes, or to it.

    Raises
    ------
    NodeNotFound
        A source is not a node.
    NotImplementedError
        The graph does not hold that weight, or float64 does not hold the distances.
    """

    def __init__(self, graph: ConvertedGraph, sources: Collection[Node], weight: Hashable,
                 cutoff: float | None = None, target: Node = None,
                 backward: bool = False):  # fmt: skip
        roots = numbers_of(graph, sources)
        self.graph, self.backward, self.weights = graph, backward, graph.values(weight)
        self.sources = sources
        arcs = graph.arcs(weight, backward)
        limit = math.inf if cutoff is None else cutoff
        end = graph.number[target] if target is not None else None
        try:
            self.dist, self.parent, _ = search_arcs(arcs, roots, max(limit, 0), end, min_only=True)
        except GraphError as error:  # sums that float64 does not hold
            raise NotImplementedError(str(error)) from None
        if limit < 0:  # not even edges of weight 0 are walked
            self.dist[self.parent != np.arange(len(self.parent))] = np.inf
        if self.weights.mixed and np.any((self.dist >= EXACT) & (self.dist < np.inf)):
            raise NotImplementedError("a sum of integers may be at or beyond 2^53")

    def _by_distance(self) -> np.ndarray:
        """The nodes that were reached."""
        reached = np.flatnonzero(self.dist < np.inf)
        return reached[np.argsort(self.dist[reached], kind="stable")]

    def lengths(self) -> dict[Node, Any]:
        """Distances of the nodes that were reached."""
        nodes = self._by_distance()
        dist = self.dist[nodes]
        values = dist.astype(np.int64) if self.weights.whole else dist
        lengths = dict(zip(self.graph.labels[nodes].tolist(), values.tolist(), strict=True))
        lengths.update(dict.fromkeys(self.sources, 0))  # no float in networkx, whatever the weights
        return lengths

    def paths(self) -> dict[Node, list[Node]]:
        """Paths to the nodes that were reached; from them, of a backward search."""
        nodes, parent = self.graph.nodes, self.parent.tolist()
        order = self._by_distance().tolist()
        paths: dict[int, list[Node]] = {}
        for v in order:
            waiting = []  # over edges of weight 0 a parent may come after its child
            while v not in paths and parent[v] != v:
                waiting.append(v)
                v = parent[v]
            path = paths.setdefault(v, [nodes[v]])
            for child in reversed(waiting):
                path = [nodes[child], *path] if self.backward else [*path, nodes[child]]
                paths[child] = path
        return {nodes[v]: paths[v] for v in order}

    def to(self, target: Node) -> tuple[Any, list[Node]]:
        """Length and path to a node; NetworkXNoPath where it was not reached."""
        v = self.graph.number[target]
        dist = float(self.dist[v])
        if math.isinf(dist):
            raise nx.NetworkXNoPath(f"No path to {target}.")
        path = [target]
        while self.parent[v] != v:
            v = self.parent[v]
            path.append(self.graph.nodes[v])
        return int(dist) if self.weights.whole else dist, path[::-1]
