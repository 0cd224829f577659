"""Does the graph expand, or is it long?

A breadth-first search from the longest row, until LEVEL_VERTICES vertices are found or MOST_LEVELS
levels are done: few levels where the graph expands, many where it is long (roads, grids, meshes).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphs.halo import Labels
from graphs.rows import Rows

LEVEL_VERTICES = 1 << 13
# More than this and the graph is long, whatever follows.
MOST_LEVELS = 64


def count_levels(rows: Rows, labels: Labels, comm: Any) -> int:
    """Levels of the search; the same on every rank.

    Parameters
    ----------
    rows : Rows
        Outgoing arcs, by label.
    labels : Labels
    comm : Comm
    """
    degree = np.diff(rows.indptr)
    longest = int(np.argmax(degree)) if len(degree) else 0
    lengths = comm.gather(int(degree[longest]) if len(degree) else -1)
    frontier = np.empty(0, np.int64)
    if lengths.index(max(lengths)) == comm.rank:
        frontier = np.array([longest])
    enough = min(LEVEL_VERTICES, int(comm.total([labels.own])[0]) // 2 + 1)
    found = frontier
    levels, total = 0, 1
    while total < enough and levels < MOST_LEVELS:
        reached = _at_home(np.unique(_neighbours(rows, frontier)), labels, comm)
        frontier = np.setdiff1d(reached, found)
        found = np.union1d(found, frontier)
        new, total = comm.total([len(frontier), len(found)]).tolist()
        levels += 1
        if new == 0:
            break
    return levels


def _neighbours(rows: Rows, frontier: np.ndarray) -> np.ndarray:
    """The ends of all arcs of some rows, int64."""
    start, end = rows.indptr[frontier], rows.indptr[frontier + 1]
    length = end - start
    offset = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    return rows.adj[np.repeat(start, length) + offset].astype(np.int64)


def _at_home(reached: np.ndarray, labels: Labels, comm: Any) -> np.ndarray:
    """Tell the owners of ghosts that were reached; returns the own vertices reached anywhere."""
    if comm.size == 1:
        return reached
    position = np.full(labels.labels, -1, np.int32)
    position[labels.ghost_labels] = np.arange(len(labels.ghost_labels), dtype=np.int32)
    ghost = position[reached]
    own = reached[ghost < 0]
    ghost = np.sort(ghost[ghost >= 0])  # by owner
    counts = np.bincount(labels.ghost_owner[ghost], minlength=comm.size).astype(np.int64)
    _, index = comm.exchange(counts, labels.ghost_index[ghost])
    return np.union1d(own, labels.of_own(index).astype(np.int64))
