"""The answer of another program from a file: its arrays, made what the rules are written for.

That program may number vertices by the ids of the graph's file, leave parents out, mark what
is not reached as SciPy does (-9999), or have integer distances.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from graphs.file_npz import opened_archive
from graphs.memory import BASE
from graphs.vertex_ids import VertexIds
from harness.console.errors import UsageError
from harness.machine.memory import available
from harness.validation.solution_lines import PARTED_BY, read_lines
from kernels.disk import reading

_SCIPY_NONE = -9999
_EXACT = 2**53


@dataclass(frozen=True)
class Solution:
    """The arrays of an answer, as they are in its file.

    path     the file
    dist     (n,), or (k, n) of several roots
    parent   the same, None where there is none
    root     (k,) ids, None where the file does not say
    vertex   (n,) ids, None: dist[v] is of the vertex v, counted from 0
    is_text  whether its numbers were written out, so that the type of dist says nothing
    """

    path: str
    dist: np.ndarray
    parent: np.ndarray | None
    root: np.ndarray | None
    vertex: np.ndarray | None
    is_text: bool = False

    def of(self, wanted: int, ids: VertexIds) -> tuple[int, np.ndarray, np.ndarray | None]:
        """Return root, dist and parent by vertices.

        Parameters
        ----------
        wanted : int
            The root: the file's own id where the answer has `vertex`, else a vertex from 0.
        ids : VertexIds
            The graph's.

        Raises
        ------
        UsageError
            If the arrays are not of this graph, or of this root.
        """
        dist, parent = self._row(wanted)
        for name, array in (("dist", dist), ("parent", parent)):
            if array is not None and array.shape != (ids.n,):
                raise UsageError(
                    f"{self.path}: {name} has shape {array.shape}, "
                    f"the graph has {ids.n} vertices, so it must be ({ids.n},)"
                )
        if self.vertex is None:
            root = wanted
            if root >= ids.n:
                raise UsageError(f"--root {root}: the graph's vertices are 0..{ids.n - 1}")
        else:
            root = ids.vertex(wanted, "--root")
            if not np.array_equal(self.vertex, ids.of(np.arange(ids.n))):
                raise UsageError(f"{self.path}: 'vertex' are not the ids of the graph, {ids}")
            if parent is not None:
                none = parent < 0
                parent = np.where(none, parent, _foreign(ids.vertices(parent), ids.n))
        return root, self._distances(dist), _without_scipys(parent, root)

    def _row(self, wanted: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the row of a root where there are several."""
        if self.root is not None and self.root.ndim <= 1:
            at = np.flatnonzero(self.root.ravel() == wanted)
            if not len(at):
                roots = ", ".join(map(str, self.root.ravel()[:6].tolist()))
                raise UsageError(f"{self.path}: is an answer from {roots}, not from {wanted}")
            if self.dist.ndim == 2 and at[0] < len(self.dist):
                parent = self.parent
                if parent is not None and parent.ndim == 2 and at[0] < len(parent):
                    parent = parent[at[0]]
                return self.dist[at[0]], parent
        return self.dist, self.parent

    def _distances(self, dist: np.ndarray) -> np.ndarray:
        """Return float distances; of integers -1 and the largest of the type are unreached.

        In a text -1 is.
        """
        if self.is_text and (np.floor(dist) == dist).all():  # integers, if of no such type
            return np.where(dist == -1, np.inf, dist)
        if dist.dtype.kind not in "iu":
            return dist
        unreached = dist == np.iinfo(dist.dtype).max
        if dist.dtype.kind == "i":
            unreached |= dist == -1
        large = ~unreached & (dist >= _EXACT)
        if large.any():
            v = int(np.argmax(large))
            raise UsageError(
                f"{self.path}: dist[{v}] = {dist[v]} is not below 2^53, up to which sums are exact"
            )
        return np.where(unreached, np.inf, dist)


def _foreign(vertices: np.ndarray, n: int) -> np.ndarray:
    """Return vertices, n for an id that no vertex has: no vertex, and not -1 either."""
    return np.where(vertices < 0, n, vertices)


def _without_scipys(parent: np.ndarray | None, root: int) -> np.ndarray | None:
    """Return parents with SciPy's -9999 as -1, and the root its own parent."""
    if parent is None or parent.dtype.kind != "i" or not (parent == _SCIPY_NONE).any():
        return parent
    parent = np.where(parent == _SCIPY_NONE, -1, parent)
    parent[root] = root if parent[root] == -1 else parent[root]
    return parent


def read_solution(path: str) -> Solution:
    """Return an answer in an .npz, .csv or .tsv.

    Raises
    ------
    UsageError
        If the file cannot be read, or has no distances, or is not a table.
    GraphError
        If it is not a .npz of plain arrays, or takes more memory than there is.
    """
    comma = PARTED_BY.get(Path(path).suffix.lower())
    most = available().bytes - BASE
    found: dict[str, np.ndarray] = {}
    try:
        with reading(path) as file:
            found = (
                _arrays(path, file, most) if comma is None else read_lines(path, file, comma, most)
            )
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    for name in ("root", "vertex"):
        array = found.get(name)
        if array is not None and (array.dtype.kind not in "iu" or array.ndim > 1):
            raise UsageError(f"{path}: {name!r} must be a row of integers, got {array.dtype}")
    parent, root, vertex = map(found.get, ("parent", "root", "vertex"))
    return Solution(path, found["dist"], parent, root, vertex, is_text=comma is not None)


def _arrays(path: str, file: BinaryIO, most: int) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz."""
    with opened_archive(path, file, most) as stored:
        if "dist" not in stored:
            raise UsageError(f"{path}: no array dist in it")
        names = ("dist", "parent", "root", "vertex")
        return {name: stored.array(name, ndim=None) for name in names if name in stored}
