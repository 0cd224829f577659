"""Streams of the arcs that kernel 1 counts and fills in: slices, parted by row (kernels.build).

One process parts the arcs of its edges. Several ranks make their part of the edges, send each arc
to the owner of its row, and part what they receive; no rank ever holds more than a slice of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphs.arguments import kernel_ids
from graphs.comm import Comm
from graphs.edges import Edges
from graphs.layout import Layout
from graphs.partition import Partition
from graphs.weights import Codes
from kernels.groups import EdgeSlice, PartedArcs, Ways

SLICE_EDGES = 1 << 20
# A rank's slices: what is on its way at once is a small part of what a rank holds.
RANK_SLICES, LEAST_RANK_SLICE = 256, 1 << 12
# Rows of a bucket whose cursors and open cache lines stay in a core's cache; see kernels.build.
BUCKET_ROWS = 1 << 14
MIN_BUCKETS = 256

_NONE = np.empty(0, np.uint32)


def _buckets(rows: int) -> int:
    buckets = MIN_BUCKETS
    while buckets < 2048 and rows > BUCKET_ROWS * buckets:
        buckets *= 2
    return buckets


class ArcStream:
    """The arcs of one process."""

    def __init__(self, edges: Edges, codes: Codes, threads: int):
        self.edges, self.codes, self.threads = edges, codes, threads
        self.rows_owned = edges.n
        self.buckets = _buckets(edges.n)
        room = min(SLICE_EDGES, max(edges.m, 1))
        self.parted = PartedArcs(
            ends=np.empty((room, 2), np.int32),
            rows=np.empty(2 * room, np.int32),
            arcs=np.empty(2 * room, np.uint64),
        )

    def degrees(self, ways: Ways) -> np.ndarray:
        """int64 (n,): arcs of each row, parallel ones counted."""
        from kernels.build import count_rows

        degree = np.zeros(self.rows_owned, np.int64)
        for bounds in self._parted(np.empty(0, np.int32), ways, weights=False):
            count_rows(self.parted.rows, bounds, self.threads, degree)
        return degree

    def fill(self, layout: Layout, local_id: np.ndarray, ways: Ways,
             cursor: np.ndarray, keys: np.ndarray) -> None:  # fmt: skip
        """Write every arc to `keys` where the cursor of its row, by index, points."""
        from kernels.build import fill_rows

        for bounds in self._parted(local_id, ways):
            fill_rows(self.parted.rows, self.parted.arcs, bounds, self.threads, cursor, keys)

    def _parted(
        self, local_id: np.ndarray, ways: Ways, weights: bool = True
    ) -> Iterator[np.ndarray]:
        """Part the arcs of one slice after another; yields the buckets' bounds.

        An empty `local_id` stands for the ids themselves; without `weights`, `arcs` is not filled.
        """
        from kernels.build import part_arcs

        bits = _NONE
        for whole in self.edges.slices():
            for first in range(0, whole.m, SLICE_EDGES):
                part = slice(first, first + SLICE_EDGES)
                if weights:
                    bits = self.codes.of(whole, part)
                else:
                    self.codes.notice(whole.weight[part])
                yield part_arcs(
                    EdgeSlice(kernel_ids(whole.src[part]), kernel_ids(whole.dst[part]), bits),
                    local_id, ways, self.buckets, self.threads, self.parted,
                )  # fmt: skip


class RankArcStream:
    """The arcs of one rank's rows, of whatever rank's edges.

    The ghosts, other ranks' vertices that the arcs lead to, are known once `degrees` has seen both
    directions.
    """

    def __init__(self, edges: Edges, codes: Codes, threads: int, comm: Comm, partition: Partition):
        self.edges, self.codes, self.threads, self.comm = edges, codes, threads, comm
        self.partition = partition
        self.first = self.partition.first(comm.rank)
        self.rows_owned = self.partition.count(comm.rank)
        largest = comm.allreduce_max(float(edges.m))
        self.slice = int(min(max(largest // RANK_SLICES, LEAST_RANK_SLICE), SLICE_EDGES))
        self.bitmap = np.zeros((edges.n >> 6) + 1, np.uint64)
        self.before = np.empty(0, np.int32)
        self.ghosts = np.empty(0, np.int64)

    def degrees(self, ways: Ways) -> np.ndarray:
        """int64 (own,): arcs of each row, parallel ones counted."""
        from kernels.route import count_arcs, list_ghosts, mark_ghosts

        degree = np.zeros(self.rows_owned, np.int64)
        last = self.first + self.rows_owned
        for rows, ends, _ in self._received(ways, weights=False):
            count_arcs(rows, degree)
            if all(ways):
                mark_ghosts(ends, self.first, last, self.bitmap)
        if all(ways):
            self.ghosts, self.before = list_ghosts(self.bitmap)
            self.codes.agree()
        return degree

    def take_ghosts(self) -> np.ndarray:
        """The ids of the ghosts, int64 ascending; they are not kept here."""
        ghosts, self.ghosts = self.ghosts, np.empty(0, np.int64)
        return ghosts

    def fill(self, layout: Layout, local_id: np.ndarray, ways: Ways,
             cursor: np.ndarray, keys: np.ndarray) -> None:  # fmt: skip
        """Write every arc to `keys` where the cursor of its row points; ghosts have none.

        local_id   int32 (own + ghosts,): own vertices in their order, then the ghosts in theirs
        cursor     int64 (own,): by index
        """
        from kernels.build import fill_rows, part_arcs
        from kernels.route import localize

        buckets = _buckets(len(local_id))
        for rows, ends, codes in self._received(ways, weights=True):
            localize(ends, self.first, self.first + self.rows_owned, self.bitmap, self.before)
            parted = PartedArcs(
                ends=np.empty((len(rows), 2), np.int32),
                rows=np.empty(len(rows), np.int32),
                arcs=np.empty(len(rows), np.uint64),
            )
            arcs = EdgeSlice(rows, ends, codes)
            bounds = part_arcs(arcs, local_id, Ways(True, False), buckets, self.threads, parted)
            own = layout.index_of(parted.rows)
            fill_rows(own, parted.arcs, bounds, self.threads, cursor, keys)

    def _received(self, ways: Ways, weights: bool) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield (rows, ends, codes) of the arcs of own rows; every rank the same number of times.

        rows    int32, places in the own block
        ends    int64, ids
        codes   uint32, empty without `weights`
        """
        from kernels.route import route_arcs

        bounds = self.partition.bounds
        pieces = self._pieces(weights)
        nothing = EdgeSlice(np.empty(0, np.int64), np.empty(0, np.int64), _NONE)
        while True:
            piece = next(pieces, None)
            if not self.comm.allreduce_or(piece is not None):
                break
            counts, routed = route_arcs(piece or nothing, bounds, ways)
            if weights:
                _, rows, ends, codes = self.comm.alltoallv(counts, *routed)
            else:
                _, rows, ends = self.comm.alltoallv(counts, routed.rows, routed.ends)
                codes = _NONE
            yield rows, ends, codes

    def _pieces(self, weights: bool) -> Iterator[EdgeSlice]:
        """Yield this rank's edges, at most a slice at a time."""
        for whole in self.edges.slices():
            for first in range(0, whole.m, self.slice):
                part = slice(first, first + self.slice)
                if not weights:
                    self.codes.notice(whole.weight[part])
                bits = self.codes.of(whole, part) if weights else _NONE
                yield EdgeSlice(kernel_ids(whole.src[part]), kernel_ids(whole.dst[part]), bits)
