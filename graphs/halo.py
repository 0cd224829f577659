"""The ghosts of a rank: vertices of other ranks that its arcs lead to.

A ghost has a label and a tentative distance of its own here, but no row: the rank's search runs as
if it were alone, and what it finds for a ghost is the least of all its offers to that vertex. Who
sends what to whom is settled once, in labels of the receiver, so that no message holds an id and
nothing is looked up. The vertices of neighbours, ranks of the same node, are no ghosts
(graphs.labels).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphs.comm import Comm
from graphs.labels import Labels

# A rank is named by 16 bits (graphs.labels.RANK).
MOST_RANKS = 2**16


@dataclass(frozen=True)
class Halo:
    """The neighbours and the ghosts of a rank, and the ranks to which its own vertices are ghosts.

    rank, size      this rank, and how many there are
    nodes           ranks that are neighbours of each other make one of these
    near            int64   the neighbours and this rank itself, ascending
    rows_from       int64 (size,)     label of each rank's first vertex, at that rank
    rows_to         int64 (size,)     label after its last one that has a row and is no leaf
    ghost_rank      uint16 (ghosts,)  owner of the ghost of label rows_to[rank] + i; ghosts that are
                    leaves are never pushed to, and not in here
    ghost_label     int32 (ghosts,)   its label there
    link_start      int64 (rows + leaves + 1,)   the ranks that see an own vertex that has arcs as a
                    ghost, by index (`Labels.index_of`)
    link_rank       uint16 (links,)   ascending for one vertex
    link_label      int32 (links,)    the vertex's label there
    leaf_counts     int64 (size,)     ends of other ranks' leaves to tell each rank
    leaf_ends       int32             their labels, by rank
    leaf_ghosts     int32             what is told in return: labels of the ghosts on which own
                    leaves hang, by owner
    """

    rank: int
    size: int
    nodes: int
    near: np.ndarray
    rows_from: np.ndarray
    rows_to: np.ndarray
    ghost_rank: np.ndarray
    ghost_label: np.ndarray
    link_start: np.ndarray
    link_rank: np.ndarray
    link_label: np.ndarray
    leaf_counts: np.ndarray
    leaf_ends: np.ndarray
    leaf_ghosts: np.ndarray

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))

    @property
    def together(self) -> bool:
        """Do some ranks keep the distances of a search together? The same on every rank."""
        return self.nodes < self.size

    @property
    def apart(self) -> bool:
        """Are there ranks that are no neighbours? The same on every rank."""
        return self.nodes > 1


def make_halo(comm: Comm, labels: Labels, leaf_neighbours: np.ndarray) -> Halo:
    """Return the halo of a rank whose rows are filled.

    Parameters
    ----------
    comm : Comm
    labels : Labels
    leaf_neighbours : int32
        Labels of the neighbours of own leaves, in any order.
    """
    ends = labels.ghosts(np.unique(leaf_neighbours))
    counts = np.bincount(labels.ghost_owner[ends], minlength=comm.size).astype(np.int64)
    told, leaf_ends = comm.alltoallv(counts, labels.ghost_label[ends])
    return Halo(
        rank=comm.rank,
        size=comm.size,
        nodes=labels.nodes,
        near=labels.near,
        rows_from=labels.rank_rows_from,
        rows_to=labels.rank_rows_to,
        ghost_rank=labels.ghost_owner[: labels.plain_ghosts],
        ghost_label=labels.ghost_label[: labels.plain_ghosts],
        link_start=labels.link_start,
        link_rank=labels.link_rank,
        link_label=labels.link_label,
        leaf_counts=told,
        leaf_ends=leaf_ends,
        leaf_ghosts=labels.of_ghosts(ends),
    )
