"""`--check networkx`: the distances compared to the bit with those of networkx's Dijkstra.

networkx adds whatever numbers it is given, so float32 weights handed over as NumPy's float32
scalars are added in float32, from the root outwards, and the distances must be equal, not close.
Slow and hungry, so for small graphs only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.console.errors import UsageError

if TYPE_CHECKING:
    from graphs.edges import Edges

MOST_EDGES = 2**20


def refuse_large(edges: int) -> None:
    """Raise UsageError for a graph that networkx would be busy with for hours."""
    if edges > MOST_EDGES:
        raise UsageError(
            f"--check networkx is for small graphs: at most {MOST_EDGES} edges, this one has "
            f"{edges}; leave it out, the validation needs no second opinion"
        )


class NetworkxCheck:
    """A graph as networkx holds it, to compare answers with.

    Parameters
    ----------
    edges : Edges
        The graph's edge list; of parallel edges the lightest counts.
    """

    def __init__(self, edges: Edges):
        import networkx

        self._dijkstra = networkx.single_source_dijkstra_path_length
        self._n = edges.n
        self.graph = networkx.DiGraph() if edges.directed else networkx.Graph()
        self.graph.add_nodes_from(range(edges.n))
        for part in edges.slices():
            for u, v, weight in zip(
                part.src.tolist(), part.dst.tolist(), _scalars(part.weight), strict=True
            ):
                known = self.graph.get_edge_data(u, v)
                if known is None or weight < known["weight"]:
                    self.graph.add_edge(u, v, weight=weight)

    def distances(self, root: int, dtype: np.dtype) -> np.ndarray:
        """Return networkx's distances from `root`: `dtype` (n,), unreached inf."""
        dist = np.full(self._n, np.inf, dtype)
        for vertex, distance in self._dijkstra(self.graph, root, weight="weight").items():
            dist[vertex] = distance
        return dist

    def disagreements(self, root: int, dist: np.ndarray) -> list[str]:
        """Return a line if `dist`, an answer's distances from `root`, differs anywhere."""
        theirs = self.distances(root, dist.dtype)
        differ = np.flatnonzero(~(theirs == dist))  # a NaN differs too
        if len(differ) == 0:
            return []
        v = int(differ[0])
        return [
            f"check (networkx): {len(differ)} vertices, first v={v}: "
            f"dist {dist[v]!s}, networkx says {theirs[v]!s}"
        ]


def _scalars(weight: np.ndarray) -> list[float]:
    """Return the weights so that Python adds them in the arithmetic of the graph."""
    return list(weight) if weight.dtype == np.float32 else weight.tolist()
