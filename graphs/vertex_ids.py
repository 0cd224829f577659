"""The ids that a file gives its vertices, which are 0 .. n-1 here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphs.errors import GraphError


@dataclass(frozen=True)
class VertexIds:
    """The id of each vertex.

    n       vertices
    first   the id of vertex 0, the others follow
    given   int64 (n,), ascending: the id of each vertex instead, where they are sparse
    """

    n: int
    first: int = 0
    given: np.ndarray | None = None

    def of(self, vertices: np.ndarray) -> np.ndarray:
        """Return the ids of vertices, int64; -1 for what is not a vertex."""
        known = (vertices >= 0) & (vertices < self.n)
        ids = vertices + self.first
        if self.given is not None:
            ids = self.given[np.where(known, vertices, 0)]
        return np.where(known, ids, -1).astype(np.int64, copy=False)

    def vertices(self, ids: np.ndarray) -> np.ndarray:
        """Return the vertices of ids, int64; -1 for an id that no vertex has."""
        if self.given is None:
            found = ids.astype(np.int64, copy=False) - self.first
            return np.where((ids >= self.first) & (found < self.n), found, -1)
        found = np.searchsorted(self.given, ids)
        found[found == self.n] = 0
        return np.where(self.given[found] == ids, found, -1)

    def vertex(self, number: int, what: str = "root") -> int:
        """Return the vertex with an id; GraphError, naming `what` it was for, if there is none."""
        found = int(self.vertices(np.array([number], np.int64))[0])
        if found < 0:
            raise GraphError(f"{what} {number} is no vertex of the graph; its ids are {self}")
        return found

    def __str__(self) -> str:
        if self.given is None:
            return f"{self.first}..{self.first + self.n - 1}"
        return f"{self.n} numbers in {self.given[0]}..{self.given[-1]}"
