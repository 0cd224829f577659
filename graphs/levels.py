"""Levels of a breadth-first search: does the graph expand, or is its diameter large?

A breadth-first search from the longest row, until LEVEL_VERTICES vertices are found or MOST_LEVELS
levels are done: few levels where the graph expands, many where it is long (roads, grids, meshes).
"""

from __future__ import annotations

import numpy as np

from graphs.comm import Comm
from graphs.halo import Halo
from graphs.layout import Layout
from graphs.rows import Rows

LEVEL_VERTICES = 1 << 13
# More than this and the graph is long, whatever follows.
MOST_LEVELS = 64


def count_levels(
    rows: Rows, lengths: np.ndarray, layout: Layout, halo: Halo | None, comm: Comm
) -> int:
    """Levels of the search; the same on every rank.

    Parameters
    ----------
    rows : Rows
        Outgoing arcs, by label.
    lengths : int32 (own,)
        Arcs of each own vertex, by index.
    layout : Layout
    halo : Halo, optional
        As from `settle_labels`, with the ghosts that are leaves; None for one process.
    comm : Comm
    """
    longest = int(np.argmax(lengths)) if len(lengths) else 0
    most = comm.allgather(int(lengths[longest]) if len(lengths) else -1)
    frontier = np.empty(0, np.int64)
    if most.index(max(most)) == comm.rank:
        frontier = layout.of_own(np.array([longest])).astype(np.int64)
    enough = min(LEVEL_VERTICES, int(comm.allreduce_sum([layout.n])[0]) // 2 + 1)
    found = frontier
    levels, total = 0, 1
    while total < enough and levels < MOST_LEVELS:
        reached = _neighbours(rows, frontier)
        if halo is not None:
            reached = _at_home(reached, layout, halo, comm)
        frontier = np.setdiff1d(reached, found, assume_unique=True)
        found = np.concatenate([found, frontier])
        new, total = comm.allreduce_sum([len(frontier), len(found)]).tolist()
        levels += 1
        if new == 0:
            break
    return levels


def _neighbours(rows: Rows, frontier: np.ndarray) -> np.ndarray:
    """The different ends of the arcs of some rows, int64 ascending."""
    start, end = rows.indptr[frontier].tolist(), rows.indptr[frontier + 1].tolist()
    ends = [rows.adj[first:last] for first, last in zip(start, end, strict=True)]
    return np.unique(np.concatenate([rows.adj[:0], *ends])).astype(np.int64)


def _at_home(reached: np.ndarray, layout: Layout, halo: Halo, comm: Comm) -> np.ndarray:
    """Send the owners what was reached; returns the own vertices reached anywhere."""
    ghosts = halo.by_owner(layout.ghost_index(reached))
    here = np.setdiff1d(reached, layout.of_ghosts(ghosts), assume_unique=True)
    owner = np.concatenate([halo.owner_of(here, layout), halo.ghosts.owner[ghosts]])
    label = np.concatenate([here, halo.ghosts.label[ghosts]])
    counts = np.bincount(owner, minlength=comm.size).astype(np.int64)
    _, own = comm.alltoallv(counts, label[np.argsort(owner, kind="stable")])
    return np.unique(own)
