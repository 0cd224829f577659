"""The ranks agree on what each one calls its own vertices, and those that its arcs lead to.

Ranks whose memory a rank can read, those of its node, are its node peers: they label their vertices
together, and keep the tentative distances of a search in one array, so that an arc to a node peer's
vertex is like one to an own vertex. Any other rank's vertices are ghosts (graphs.halo).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphs.comm import Comm
from graphs.errors import GraphError
from graphs.halo import Halo
from graphs.layout import Layout
from graphs.partition import Partition
from kernels.groups import Ghosts, Links

# Labels and links are numbered by int32.
MOST_LABELS = 2**31 - 2
# A rank is named for each ghost and each link.
RANK = np.dtype(np.uint16)


def check_most(comm: Comm, count: int, what: str) -> None:
    """Refuse what an int32 cannot number on some rank, on all of them."""
    most = int(comm.allreduce_max(count))
    if most > MOST_LABELS:
        raise GraphError(f"a rank {what.format(most)}, {MOST_LABELS} are allowed; take more ranks")


@dataclass(frozen=True)
class _Segments:
    """Where the labels of each rank begin at that rank, and where the kinds end: int64 (size,)."""

    nodes: int
    rows_begin: np.ndarray
    leaves_begin: np.ndarray
    isolated_begin: np.ndarray
    leaf_begin: np.ndarray
    reachable: np.ndarray
    labels: np.ndarray


def _segments(comm: Comm, node_peers: np.ndarray, counts: tuple[int, ...]) -> _Segments:
    """Agree on where the labels of every rank begin.

    `counts` are this rank's rows, ghosts, leaves, ghosts that are leaves, isolated vertices.
    """
    every = np.array(comm.allgather((int(node_peers[0]), *counts)), np.int64)
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


@dataclass(frozen=True)
class _Ends:
    """The other ranks' vertices that own arcs lead to, and the own ones that theirs lead to.

    counts    int64 (size,)   ends of each owner, one owner after another
    owner     uint16 (g,)
    index     int32 (g,)      the end's index at its owner
    is_leaf   bool (g,)
    asked     int64 (size,)   own vertices that each rank's arcs lead to
    wanted    int32           their indices, by rank
    """

    counts: np.ndarray
    owner: np.ndarray
    index: np.ndarray
    is_leaf: np.ndarray
    asked: np.ndarray
    wanted: np.ndarray

    def ghosts(self, node_peers: np.ndarray) -> tuple[np.ndarray, int]:
        """Return which ends are ghosts to a rank with these node peers; how many are leaves."""
        ghost = np.flatnonzero(_apart(len(self.counts), node_peers)[self.owner])
        return ghost, int(np.count_nonzero(self.is_leaf[ghost]))


def _apart(size: int, node_peers: np.ndarray) -> np.ndarray:
    """bool (size,): is a rank on another node?"""
    return ~np.isin(np.arange(size), node_peers)


def _look_up(
    comm: Comm, partition: Partition, index: np.ndarray, ids: np.ndarray, rank_rows: np.ndarray
) -> _Ends:
    """Ask the owners of some ids for their indices."""
    bounds = partition.bounds
    counts = np.diff(np.searchsorted(ids, bounds)).astype(np.int64)
    owner = np.repeat(np.arange(partition.size).astype(RANK), counts)
    asked, offsets = comm.alltoallv(counts, (ids - bounds[owner]).astype(np.int32))
    wanted = index[offsets]
    del offsets
    _, there = comm.alltoallv(asked, wanted)
    return _Ends(counts, owner, there, there >= rank_rows[owner], asked, wanted)


def _layout(segments: _Segments, rank: int, counts: tuple[int, ...]) -> Layout:
    """The layout of a rank; `counts` as for `_segments`."""
    rows, ghosts, leaves, ghost_leaves, isolated = counts
    rows_end = int(segments.rows_begin[rank]) + rows
    leaves_end = int(segments.leaves_begin[rank]) + leaves
    isolated_begin = int(segments.isolated_begin[rank])
    return Layout(
        rows=range(rows_end - rows, rows_end),
        ghosts=range(rows_end, rows_end + ghosts),
        leaves=range(leaves_end - leaves, leaves_end),
        ghost_leaves=range(leaves_end, leaves_end + ghost_leaves),
        isolated=range(isolated_begin, isolated_begin + isolated),
        leaf_begin=int(segments.leaf_begin[rank]),
        reachable=int(segments.reachable[rank]),
        labels=int(segments.labels[rank]),
    )


def _links(
    comm: Comm, ends: _Ends, apart: np.ndarray, ghost_labels: np.ndarray, connected: int
) -> Links:
    """Which ranks see an own vertex as a ghost; `ghost_labels` are this rank's own ghosts'."""
    seen_by = np.repeat(np.arange(len(apart)).astype(RANK), ends.asked)
    kept = apart[seen_by]
    wanted, seen_by = ends.wanted[kept], seen_by[kept]
    check_most(comm, len(wanted), "has vertices that other ranks see {} times")
    _, seen_as = comm.alltoallv(ends.counts * apart, ghost_labels)
    begin = np.zeros(connected + 1, np.int64)
    np.cumsum(np.bincount(wanted, minlength=connected), out=begin[1:])
    by_vertex = np.argsort(wanted, kind="stable")
    return Links(begin, seen_by[by_vertex], seen_as[by_vertex])


def settle_labels(comm: Comm, partition: Partition, index: np.ndarray, rows: int, leaves: int,
                  ids: np.ndarray, together: bool) -> tuple[Layout, Halo, np.ndarray]:  # fmt: skip
    """Agree with the other ranks on what each one's vertices and ghosts are called.

    Returns the layout, the halo before `exchange_leaves`, and the labels of the ids: int32 (g,).

    Parameters
    ----------
    comm : Comm
    partition : Partition
    index : int32 (own,)
        Index of each own vertex: rows first, then leaves, then the rest.
    rows, leaves : int
    ids : int64 (g,)
        Original ids of the other ranks' vertices that arcs lead to, ascending.
    together : bool
        Label together with the node peers, unless there are too many vertices for that.

    Raises
    ------
    GraphError
        On all ranks, where one has 2^31 labels or links and more.
    """
    check_most(comm, len(index) + len(ids), "has {} vertices with those its arcs lead to")
    rank_rows = np.array(comm.allgather(rows), np.int64)
    ends = _look_up(comm, partition, index, ids, rank_rows)

    def settle(node_peers: np.ndarray) -> tuple[np.ndarray, tuple[int, ...], _Segments]:
        """Return which ends are ghosts, counts as for `_segments`, and the segments."""
        ghost, hidden = ends.ghosts(node_peers)
        counts = rows, len(ghost) - hidden, leaves, hidden, len(index) - rows - leaves
        return ghost, counts, _segments(comm, node_peers, counts)

    node_peers = np.array(comm.node_peers if together else [comm.rank], np.int64)
    ghost, counts, segments = settle(node_peers)
    if segments.labels.max() > MOST_LABELS:
        node_peers = node_peers[node_peers == comm.rank]
        ghost, counts, segments = settle(node_peers)
    layout = _layout(segments, comm.rank, counts)
    # Owners order their vertices by falling degree, so this puts the hubs together.
    order = ghost[np.lexsort((ends.owner[ghost], ends.index[ghost], ends.is_leaf[ghost]))]
    # From each end's index to its label at its owner.
    row_shift = segments.rows_begin.astype(np.int32)
    leaf_shift = (segments.leaves_begin - rank_rows).astype(np.int32)
    there = ends.index
    there += np.where(ends.is_leaf, leaf_shift[ends.owner], row_shift[ends.owner])
    labels = there.copy()
    labels[order] = layout.of_ghosts(np.arange(len(order)))
    none = np.empty(0, np.int32)
    halo = Halo(
        rank=comm.rank,
        size=comm.size,
        nodes=segments.nodes,
        node_peers=node_peers,
        rows_begin=segments.rows_begin,
        rows_end=segments.rows_begin + rank_rows,
        leaves_begin=segments.leaves_begin,
        ghosts=Ghosts(ends.owner[order], there[order]),
        links=_links(comm, ends, _apart(comm.size, node_peers), labels[ghost], rows + leaves),
        leaf_counts=np.zeros(comm.size, np.int64),
        leaf_ends=none,
        leaf_ghosts=none,
    )
    return layout, halo, labels
