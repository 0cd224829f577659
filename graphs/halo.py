"""Ghosts: what a rank knows of the vertices of other ranks that its arcs lead to.

A ghost has a label and a tentative distance of its own here, but no row: the rank's search runs as
if there were no other, and what it finds for a ghost is the least of all its relax requests to that
vertex. Which rank sends what to which is settled once, in labels of the receiver, so that no
message holds an id and nothing is looked up. The vertices of node peers, ranks of the same node,
are not ghosts (graphs.labels).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from graphs.comm import Comm
from graphs.layout import Layout
from kernels.groups import Ghosts, Links

# A rank is named by 16 bits (graphs.labels.RANK).
MOST_RANKS = 2**16


@dataclass(frozen=True)
class Halo:
    """The node peers and the ghosts of a rank, and the ranks to which its own vertices are ghosts.

    rank, size     this rank, and how many there are
    nodes          ranks that are node peers of each other make one of these
    node_peers     int64   the node peers and this rank itself, ascending
    rows_begin     int64 (size,)   label of each rank's first vertex, at that rank
    rows_end       int64 (size,)   label after its last one that has a row and is not a leaf
    leaves_begin   int64 (size,)   label of its first leaf
    ghosts         the owners of the ghosts, `Layout.ghosts`, and their labels there; before
                   `exchange_leaves`, of those that are leaves, too: these are never pushed to
    links          the ranks that see an own vertex as a ghost, by the vertex's index
    leaf_counts    int64 (size,)   ends of other ranks' leaves to send each rank
    leaf_ends      int32           their labels, by rank
    leaf_ghosts    int32           what comes in return: labels of the ghosts on which own leaves
                   hang, by owner
    """

    rank: int
    size: int
    nodes: int
    node_peers: np.ndarray
    rows_begin: np.ndarray
    rows_end: np.ndarray
    leaves_begin: np.ndarray
    ghosts: Ghosts
    links: Links
    leaf_counts: np.ndarray
    leaf_ends: np.ndarray
    leaf_ghosts: np.ndarray

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        arrays = [value for value in vars(self).values() if isinstance(value, np.ndarray)]
        return sum(array.nbytes for array in [*arrays, *self.ghosts, *self.links])

    @property
    def shares_memory(self) -> bool:
        """Do some ranks keep the distances of a search in one array? The same on every rank."""
        return self.nodes < self.size

    @property
    def spans_nodes(self) -> bool:
        """Are there ranks that are not node peers? The same on every rank."""
        return self.nodes > 1

    def owner_of(self, label: np.ndarray, layout: Layout) -> np.ndarray:
        """Return the owners of vertices with arcs that are not ghosts, by their labels: int64."""
        begin = self.rows_begin[self.node_peers], self.leaves_begin[self.node_peers]
        row, leaf = (np.searchsorted(of_kind, label, side="right") - 1 for of_kind in begin)
        return self.node_peers[np.where(label < layout.leaf_begin, row, leaf)]

    def by_owner(self, ghost: np.ndarray) -> np.ndarray:
        """Return some ghosts, by index, those of one owner after another."""
        return ghost[np.argsort(self.ghosts.owner[ghost], kind="stable")]


def exchange_leaves(comm: Comm, layout: Layout, halo: Halo, leaf_neighbours: np.ndarray) -> Halo:
    """Return the halo of a rank whose rows are filled: it knows what leaves hang on.

    Parameters
    ----------
    comm : Comm
    layout : Layout
    halo : Halo
        From `settle_labels`.
    leaf_neighbours : int32
        Labels of the neighbours of own leaves, in any order.
    """
    owner, label = halo.ghosts
    ends = halo.by_owner(layout.ghost_index(np.unique(leaf_neighbours)))
    counts = np.bincount(owner[ends], minlength=comm.size).astype(np.int64)
    leaf_counts, leaf_ends = comm.alltoallv(counts, label[ends])
    count = len(layout.ghosts)
    return replace(
        halo,
        ghosts=Ghosts(owner[:count], label[:count]),
        leaf_counts=leaf_counts,
        leaf_ends=leaf_ends,
        leaf_ghosts=layout.of_ghosts(ends),
    )
