"""The ids that a file gives its vertices, which are 0 .. n-1 here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphs.errors import GraphError

if TYPE_CHECKING:
    from graphs.edges import Edges

# Ids are kept as they are where the largest is below this, or below this multiple of the edges:
# vertices without an edge then cost little.
_SMALL = 1 << 20
_PER_EDGE = 4


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
        """Return the ids of vertices, int64; -1 for what is no vertex."""
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


def ids_of(edges: Edges) -> VertexIds:
    """Return the ids of a graph's vertices, 0 .. n-1 where it does not say."""
    return getattr(edges, "ids", None) or VertexIds(edges.n)


def numbered(
    src: np.ndarray, dst: np.ndarray, first: int = 0
) -> tuple[np.ndarray, np.ndarray, VertexIds]:
    """Return ends of edges as vertices, from their ids, and the vertices' ids.

    Ids that are sparse are numbered in ascending order, those without an edge left out.

    Parameters
    ----------
    src, dst : ndarray of int64, shape (m,)
        At least one edge; `first` or more. They may be overwritten.
    first : int
        The least id of the format.
    """
    n = int(max(src.max(), dst.max())) - first + 1
    if n <= max(_SMALL, _PER_EDGE * len(src)):
        if first:
            src -= first
            dst -= first
        return src, dst, VertexIds(n, first)
    # One sort of all: finding 10^7 ids among as many takes four times as long.
    given, ends = np.unique(np.concatenate([src, dst]), return_inverse=True)
    return ends[: len(src)], ends[len(src) :], VertexIds(len(given), given=given)
