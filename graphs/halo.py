"""What a rank knows of the vertices of other ranks that its arcs lead to: its ghosts.

A ghost has a label and a tentative distance of its own here, but no row: the rank's search runs as
if it were alone, and what it finds for a ghost is the least of all its offers to that vertex. Who
sends what to whom is settled once, in labels of the receiver, so that no message holds an id and
nothing is looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphs.errors import GraphError
from graphs.partition import Partition

# Labels and links are numbered by int32.
MOST_LABELS = 2**31 - 2
# A rank is named for each ghost and each link.
RANK = np.dtype(np.uint16)
MOST_RANKS = 2**16


@dataclass(frozen=True)
class Halo:
    """The ghosts of a rank, and the ranks to which its own vertices are ghosts.

    rank, size      this rank, and how many there are
    ghost_rank      uint16 (ghosts,)  owner of the ghost of label rows + i; ghosts that are leaves
                    are never pushed to, and not in here
    ghost_label     int32 (ghosts,)   its label there
    link_start      int64 (rows + leaves + 1,)   the ranks that see an own vertex that has arcs, by
                    index (`Labels.index_of`)
    link_rank       uint16 (links,)   ascending for one vertex
    link_label      int32 (links,)    the vertex's label there
    leaf_counts     int64 (size,)     ends of other ranks' leaves to tell each rank
    leaf_ends       int32             their labels, by rank
    leaf_ghosts     int32             what is told in return: labels of the ghosts on which own
                    leaves hang, by owner
    """

    rank: int
    size: int
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


@dataclass(frozen=True)
class Labels:
    """The labels of a rank: own vertices with rows, ghosts, own leaves, ghosts that are leaves.

    own           vertices of this rank
    rows          own vertices that are neither leaves nor without arcs
    leaves        own vertices with one arc
    ghost_index   int32 (g,)   each one's index among its owner's vertices, in the order of theirs;
                  ghosts are in the order of their labels
    ghost_owner   uint16 (g,)
    link_start, link_rank, link_label   who sees which own vertex, see `Halo`
    leaves_from, leaves_to, reachable, labels   bounds, see graphs.rows.CSR
    """

    own: int
    rows: int
    leaves: int
    ghost_index: np.ndarray
    ghost_owner: np.ndarray
    link_start: np.ndarray
    link_rank: np.ndarray
    link_label: np.ndarray
    leaves_from: int
    leaves_to: int
    reachable: int
    labels: int

    def of_own(self, index: np.ndarray) -> np.ndarray:
        """Labels of own vertices by their index: rows first, then leaves, then the isolated."""
        label = np.array(index, np.int32)
        label[index >= self.rows] += np.int32(self.leaves_from - self.rows)
        label[index >= self.rows + self.leaves] += np.int32(self.reachable - self.leaves_to)
        return label

    def index_of(self, label: np.ndarray) -> np.ndarray:
        """Indices of own vertices that have arcs, by their labels."""
        index = np.array(label, np.int32)
        index[label >= self.leaves_from] -= np.int32(self.leaves_from - self.rows)
        return index

    def of_ghosts(self, ghost: np.ndarray) -> np.ndarray:
        """Labels of ghosts by their places among them."""
        label = np.array(ghost, np.int32)
        label += np.int32(self.rows)
        label[label >= self.leaves_from] += np.int32(self.leaves_to - self.leaves_from)
        return label

    def ghosts(self, label: np.ndarray) -> np.ndarray:
        """The ghosts among some labels: their places, those of one owner after another."""
        plain = label[(label >= self.rows) & (label < self.leaves_from)] - self.rows
        leaves = label[(label >= self.leaves_to) & (label < self.reachable)]
        ghost = np.concatenate([plain, leaves - (self.leaves_to - self.leaves_from + self.rows)])
        return ghost[np.argsort(self.ghost_owner[ghost], kind="stable")]


def _check_most(comm: Any, count: int, what: str) -> None:
    """Refuse what an int32 cannot number on some rank, on all of them."""
    most = int(comm.most(count))
    if most > MOST_LABELS:
        raise GraphError(f"a rank {what.format(most)}, {MOST_LABELS} are allowed; take more ranks")


def settle_labels(
    comm: Any, partition: Partition, index: np.ndarray, rows: int, leaves: int, ghosts: np.ndarray
) -> tuple[Labels, np.ndarray]:
    """Agree with the other ranks on what each one's ghosts are called.

    Returns the labels, and int32 (g,) those of the ghosts.

    Parameters
    ----------
    comm : Comm
    partition : Partition
    index : int32 (own,)
        Index of each own vertex: rows first, then leaves, then the rest.
    rows, leaves : int
    ghosts : int64 (g,)
        Original ids of the ghosts, ascending.

    Raises
    ------
    GraphError
        On all ranks, where one has 2^31 labels or links and more.
    """
    _check_most(comm, len(index) + len(ghosts), "has {} vertices with those its arcs lead to")
    bounds = partition.bounds
    counts = np.diff(np.searchsorted(ghosts, bounds)).astype(np.int64)
    ranks = np.arange(partition.size).astype(RANK)
    owner = np.repeat(ranks, counts)
    asked, offsets = comm.exchange(counts, (ghosts - bounds[owner]).astype(np.int32))
    _check_most(comm, len(offsets), "has vertices that other ranks see {} times")
    wanted = index[offsets]
    del offsets
    _, there = comm.exchange(asked, wanted)
    is_leaf = there >= np.array(comm.gather(rows), np.int32)[owner]
    # Owners order their vertices by falling degree, so this puts the hubs together.
    order = np.lexsort((owner, there, is_leaf))
    plain = len(ghosts) - int(np.count_nonzero(is_leaf))
    leaves_from = rows + plain
    leaves_to = leaves_from + leaves
    reachable = leaves_to + len(ghosts) - plain
    labels = np.empty(len(ghosts), np.int32)
    labels[order[:plain]] = np.arange(rows, leaves_from, dtype=np.int32)
    labels[order[plain:]] = np.arange(leaves_to, reachable, dtype=np.int32)
    _, seen_as = comm.exchange(counts, labels)
    seen_by = np.repeat(ranks, asked)
    start = np.zeros(rows + leaves + 1, np.int64)
    np.cumsum(np.bincount(wanted, minlength=rows + leaves), out=start[1:])
    by_vertex = np.argsort(wanted, kind="stable")
    settled = Labels(
        own=len(index),
        rows=rows,
        leaves=leaves,
        ghost_index=there[order],
        ghost_owner=owner[order],
        link_start=start,
        link_rank=seen_by[by_vertex],
        link_label=seen_as[by_vertex],
        leaves_from=leaves_from,
        leaves_to=leaves_to,
        reachable=reachable,
        labels=len(index) + len(ghosts),
    )
    return settled, labels


def make_halo(comm: Any, labels: Labels, leaf_neighbours: np.ndarray) -> Halo:
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
    told, leaf_ends = comm.exchange(counts, labels.ghost_index[ends])
    plain = labels.leaves_from - labels.rows
    return Halo(
        rank=comm.rank,
        size=comm.size,
        ghost_rank=labels.ghost_owner[:plain],
        ghost_label=labels.ghost_index[:plain],
        link_start=labels.link_start,
        link_rank=labels.link_rank,
        link_label=labels.link_label,
        leaf_counts=told,
        leaf_ends=labels.of_own(leaf_ends),
        leaf_ghosts=labels.of_ghosts(ends),
    )
