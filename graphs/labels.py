"""The labels of a rank: its numbers for its own vertices and for those that its arcs lead to.

Ranks whose memory a rank can read, those of its node, are its neighbours: they label their vertices
together, and keep the tentative distances of a search in one array, so that an arc to a neighbour's
vertex is like one to an own vertex. Any other rank's vertices are ghosts (graphs.halo).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphs.comm import Comm
from graphs.errors import GraphError
from graphs.partition import Partition

# Labels and links are numbered by int32.
MOST_LABELS = 2**31 - 2
# A rank is named for each ghost and each link.
RANK = np.dtype(np.uint16)


@dataclass(frozen=True)
class Labels:
    """The labels of a rank, and those of the ranks that it shares them with.

    First come the vertices that may be pushed to: of each rank, own ones with rows, then ghosts.
    Then, of each rank, own leaves and ghosts that are leaves. Then the vertices without arcs.

    own           vertices of this rank
    rows          own vertices that are neither leaves nor without arcs
    leaves        own vertices with one arc
    ghost_label   int32 (g,)   each ghost's label at its owner; ghosts are in the order of theirs
    ghost_owner   uint16 (g,)
    plain_ghosts  those that are no leaves, the first
    link_start, link_rank, link_label   who sees which own vertex, see graphs.halo.Halo
    nodes, near, rank_rows_from, rank_rows_to   see graphs.halo.Halo
    rank_leaves_from   int64 (size,)     label of each rank's first leaf, at that rank
    rows_from, plain, leaves_from, isolated_from, reachable, labels   see graphs.rows.CSR
    """

    own: int
    rows: int
    leaves: int
    ghost_label: np.ndarray
    ghost_owner: np.ndarray
    plain_ghosts: int
    link_start: np.ndarray
    link_rank: np.ndarray
    link_label: np.ndarray
    nodes: int
    near: np.ndarray
    rank_rows_from: np.ndarray
    rank_rows_to: np.ndarray
    rank_leaves_from: np.ndarray
    rows_from: int
    plain: int
    leaves_from: int
    isolated_from: int
    reachable: int
    labels: int

    @property
    def rows_to(self) -> int:
        """The label after the own vertices with rows: the first ghost's, if there is one."""
        return self.rows_from + self.rows

    @property
    def ghosts_to(self) -> int:
        return self.rows_to + self.plain_ghosts

    @property
    def leaves_to(self) -> int:
        """The label after the own leaves: the first ghost's that is a leaf, if there is one."""
        return self.leaves_from + self.leaves

    @property
    def ghost_leaves_to(self) -> int:
        return self.leaves_to + len(self.ghost_label) - self.plain_ghosts

    def of_own(self, index: np.ndarray) -> np.ndarray:
        """Labels of own vertices by their index: rows first, then leaves, then the isolated."""
        connected = self.rows + self.leaves
        label = np.array(index, np.int32)
        label[index < self.rows] += np.int32(self.rows_from)
        label[(index >= self.rows) & (index < connected)] += np.int32(self.leaves_from - self.rows)
        label[index >= connected] += np.int32(self.isolated_from - connected)
        return label

    def index_of(self, label: np.ndarray) -> np.ndarray:
        """Indices of own vertices that have arcs, by their labels."""
        index = np.array(label, np.int32)
        index[label < self.plain] -= np.int32(self.rows_from)
        index[label >= self.plain] -= np.int32(self.leaves_from - self.rows)
        return index

    def of_ghosts(self, ghost: np.ndarray) -> np.ndarray:
        """Labels of ghosts by their places among them."""
        label = np.array(ghost, np.int32)
        leaf = label >= self.plain_ghosts
        label += np.int32(self.rows_to)
        label[leaf] += np.int32(self.leaves_to - self.ghosts_to)
        return label

    def owner_of(self, label: np.ndarray) -> np.ndarray:
        """The owners of vertices with arcs that are no ghosts, by their labels: int64."""
        plain = np.searchsorted(self.rank_rows_from[self.near], label, side="right") - 1
        leaf = np.searchsorted(self.rank_leaves_from[self.near], label, side="right") - 1
        return self.near[np.where(label < self.plain, plain, leaf)]

    def ghosts(self, label: np.ndarray) -> np.ndarray:
        """The ghosts among some labels: their places, those of one owner after another."""
        plain = label[(label >= self.rows_to) & (label < self.ghosts_to)] - self.rows_to
        leaves = label[(label >= self.leaves_to) & (label < self.ghost_leaves_to)]
        ghost = np.concatenate([plain, leaves - (self.leaves_to - self.plain_ghosts)])
        return ghost[np.argsort(self.ghost_owner[ghost], kind="stable")]


def _check_most(comm: Comm, count: int, what: str) -> None:
    """Refuse what an int32 cannot number on some rank, on all of them."""
    most = int(comm.allreduce_max(count))
    if most > MOST_LABELS:
        raise GraphError(f"a rank {what.format(most)}, {MOST_LABELS} are allowed; take more ranks")


@dataclass(frozen=True)
class _Segments:
    """Where the labels of each rank begin at that rank, and where the kinds end: int64 (size,)."""

    nodes: int
    rows_from: np.ndarray
    leaves_from: np.ndarray
    isolated_from: np.ndarray
    plain: np.ndarray
    reachable: np.ndarray
    labels: np.ndarray


def _segments(comm: Comm, near: np.ndarray, counts: tuple[int, ...]) -> _Segments:
    """Agree on where the labels of every rank begin.

    `counts` are this rank's rows, plain ghosts, leaves, ghosts that are leaves, isolated vertices.
    """
    every = np.array(comm.allgather((int(near[0]), *counts)), np.int64)
    node, rows, ghosts, leaves, ghost_leaves, isolated = every.T
    first, last = np.empty((3, comm.size), np.int64), np.empty((3, comm.size), np.int64)
    leaders = np.unique(node)
    for leader in leaders:
        ranks = np.flatnonzero(node == leader)
        end = 0
        for kind, count in enumerate((rows + ghosts, leaves + ghost_leaves, isolated)):
            ends = end + np.cumsum(count[ranks])
            first[kind, ranks] = ends - count[ranks]
            last[kind, ranks] = end = int(ends[-1])
    return _Segments(len(leaders), *first, *last)


def settle_labels(comm: Comm, partition: Partition, index: np.ndarray, rows: int, leaves: int,
                  ends: np.ndarray, together: bool) -> tuple[Labels, np.ndarray]:  # fmt: skip
    """Agree with the other ranks on what each one's vertices and ghosts are called.

    Returns the labels, and int32 (g,) those of the ends.

    Parameters
    ----------
    comm : Comm
    partition : Partition
    index : int32 (own,)
        Index of each own vertex: rows first, then leaves, then the rest.
    rows, leaves : int
    ends : int64 (g,)
        Original ids of the other ranks' vertices that arcs lead to, ascending.
    together : bool
        Label together with the neighbours, unless there are too many vertices for that.

    Raises
    ------
    GraphError
        On all ranks, where one has 2^31 labels or links and more.
    """
    _check_most(comm, len(index) + len(ends), "has {} vertices with those its arcs lead to")
    bounds = partition.bounds
    counts = np.diff(np.searchsorted(ends, bounds)).astype(np.int64)
    ranks = np.arange(partition.size).astype(RANK)
    owner = np.repeat(ranks, counts)
    asked, offsets = comm.alltoallv(counts, (ends - bounds[owner]).astype(np.int32))
    wanted = index[offsets]
    del offsets
    _, there = comm.alltoallv(asked, wanted)
    rank_rows = np.array(comm.allgather(rows), np.int64)
    is_leaf = there >= rank_rows[owner]

    def settle(near: np.ndarray) -> tuple[np.ndarray, int, _Segments]:
        """Which ends are ghosts, how many of them are no leaves, and where the labels begin."""
        ghost = np.flatnonzero(~np.isin(ranks, near)[owner])
        hidden = int(np.count_nonzero(is_leaf[ghost]))
        plain = len(ghost) - hidden
        isolated = len(index) - rows - leaves
        return ghost, plain, _segments(comm, near, (rows, plain, leaves, hidden, isolated))

    near = np.array(comm.node_peers if together else [comm.rank], np.int64)
    ghost, plain, segments = settle(near)
    if segments.labels.max() > MOST_LABELS:
        near = near[near == comm.rank]
        ghost, plain, segments = settle(near)
    # Owners order their vertices by falling degree, so this puts the hubs together.
    order = ghost[np.lexsort((owner[ghost], there[ghost], is_leaf[ghost]))]
    # From each end's index to its label at its owner.
    plain_from = segments.rows_from.astype(np.int32)
    leaf_from = (segments.leaves_from - rank_rows).astype(np.int32)
    there += np.where(is_leaf, leaf_from[owner], plain_from[owner])
    me = comm.rank
    rows_from, leaves_from = int(segments.rows_from[me]), int(segments.leaves_from[me])
    labels = there.copy()
    labels[order[:plain]] = np.arange(plain, dtype=np.int32) + np.int32(rows_from + rows)
    labels[order[plain:]] = np.arange(len(order) - plain, dtype=np.int32) + np.int32(
        leaves_from + leaves
    )
    # Whom an own vertex is a ghost to.
    seen_by = np.repeat(ranks, asked)
    kept = ~np.isin(ranks, near)
    wanted, seen_by = wanted[kept[seen_by]], seen_by[kept[seen_by]]
    _check_most(comm, len(wanted), "has vertices that other ranks see {} times")
    _, seen_as = comm.alltoallv(counts * kept, labels[ghost])
    start = np.zeros(rows + leaves + 1, np.int64)
    np.cumsum(np.bincount(wanted, minlength=rows + leaves), out=start[1:])
    by_vertex = np.argsort(wanted, kind="stable")
    settled = Labels(
        own=len(index),
        rows=rows,
        leaves=leaves,
        ghost_label=there[order],
        ghost_owner=owner[order],
        plain_ghosts=plain,
        link_start=start,
        link_rank=seen_by[by_vertex],
        link_label=seen_as[by_vertex],
        nodes=segments.nodes,
        near=near,
        rank_rows_from=segments.rows_from,
        rank_rows_to=segments.rows_from + rank_rows,
        rank_leaves_from=segments.leaves_from,
        rows_from=rows_from,
        plain=int(segments.plain[me]),
        leaves_from=leaves_from,
        isolated_from=int(segments.isolated_from[me]),
        reachable=int(segments.reachable[me]),
        labels=int(segments.labels[me]),
    )
    return settled, labels
