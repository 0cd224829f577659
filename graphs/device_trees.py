"""Vertices taken off a graph on a device, as on the host; what is left is the core.

Which vertices, and why, says graphs.trees. A round takes vertices of which no two are joined, by
two kernels (kernels/take_off.cu), of the whole graph first and then of what the round before may
have changed. Of two that are joined the first in an order that looks random goes, so rounds, rows
and labels do not depend on the order of threads; they are not those of the host, which goes from
one vertex to the next. A graph that is nothing but a long path keeps what is left after MOST_ROUNDS
of them in its core, which is right all the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from graphs.device_rows import WEIGHTS, DeviceCSR, DeviceRows
from graphs.forest import DeviceForest
from graphs.layout import Layout
from graphs.selection import Detours

MOST_ROUNDS = 256
_WARP = 32
# The round in which nothing is taken off, as in kernels/take_off.cu.
_CORE = 2**31 - 1


class _Trees:
    """The rows of a graph on a device, and which of its vertices are taken off."""

    def __init__(self, csr: DeviceCSR, detours: Detours | None):
        self.csr, self.rows, self.device = csr, csr.out, csr.device
        self.xp = xp = csr.device.xp
        self.words = "u8" if csr.kind == "float64" else "u4"
        self.module = self.device.module("take_off.cu")
        self.connected = connected = csr.layout.reachable
        indptr = self.rows.indptr
        self.degree = (indptr[1 : connected + 1] - indptr[:connected]).astype(np.int32)
        self.level = xp.full(connected, _CORE, np.int32)
        self.has_child = xp.zeros(connected, np.bool_)
        self.rounds = self._take_off(detours)
        # A leaf is taken off by the only arc that it ever had.
        self.leaf = (self.degree == 1) & ~self.has_child & (self.level < _CORE)
        self.launch("count_upwards", _WARP * connected, *self._rows, self.level,
                    np.int64(connected), self.degree)  # fmt: skip

    @property
    def _rows(self) -> tuple[Any, Any]:
        return self.rows.indptr, self.rows.arcs

    def launch(self, kernel: str, threads: int, *arguments: Any) -> None:
        """Start a kernel for arcs of this graph's size."""
        self.module.launch(f"{kernel}_{self.words[1]}", max(threads, 1), *arguments)

    def _take_off(self, detours: Detours | None) -> int:
        """Take off what no shortest path leads over, again and again; returns the rounds."""
        xp, connected = self.xp, self.connected
        if detours is None:  # no bound is known
            length = np.float32 if self.csr.kind == "float32" else np.float64
            detours = Detours(xp.full(self.csr.n, np.inf, length), 1.0, 0.0)
        limits = self.device.to_device(np.array([detours.factor, detours.slack]))
        left, wants = self.degree.copy(), xp.full(connected, -1, np.int32)
        listed, following = xp.zeros(connected, np.int32), xp.empty(connected, np.int32)
        frontier, size = xp.arange(connected, dtype=np.int32), xp.empty(1, np.uint64)
        count, rounds = connected, 0
        while count and rounds < MOST_ROUNDS:
            here = frontier, np.int64(count), np.int32(rounds)
            self.module.launch(
                f"judge_{self.csr.kind}", _WARP * count, *self._rows, left, self.level,
                self.csr.global_id, detours.length, limits, *here, wants,
            )  # fmt: skip
            size.fill(0)
            self.launch(
                "take_off", _WARP * count, *self._rows, *here, wants, left, self.level,
                self.has_child, listed, following, size,
            )  # fmt: skip
            frontier, following = following, frontier
            count = int(self.device.to_host(size)[0])
            rounds += 1
        return rounds

    def order(self) -> tuple[Any, np.ndarray]:
        """What has a label: int32 old labels, the core first, then those taken off last.

        Rows of one length in a row, the longest first, within the core and within a round. And
        where the core ends, and each round.
        """
        xp = self.xp
        labelled = xp.flatnonzero(~self.leaf).astype(np.int32)
        turn = self.rounds - xp.minimum(self.level[labelled], self.rounds)
        sizes = self.device.to_host(xp.bincount(turn, minlength=1))
        key = (turn.astype(np.int64) << 32) - self.degree[labelled]
        del turn
        return labelled[xp.argsort(key, kind="stable")], np.cumsum(sizes, dtype=np.int64)


def take_off_trees(csr: DeviceCSR, detours: Detours | None) -> DeviceCSR:
    """Return the same undirected graph with its core apart (`CSR.forest`).

    Without detours, only trees are taken off.
    """
    xp = csr.device.xp
    trees = _Trees(csr, detours)
    old, ends = trees.order()
    core, labels = int(ends[0]), len(old)
    # Of what has none: nobody.
    label = xp.full(csr.layout.labels + 1, labels, np.int32)
    label[old] = xp.arange(labels, dtype=np.int32)
    bounds = xp.zeros(labels + 1, np.int64)
    xp.cumsum(trees.degree[old], out=bounds[1:])
    within = int(bounds[core])
    arcs = xp.empty((int(bounds[-1]), *csr.out.arcs.shape[1:]), np.uint64)
    trees.launch(
        "rows_upwards", _WARP * labels, old, np.int64(labels), csr.out.indptr, csr.out.arcs,
        trees.level, label, bounds, arcs,
    )  # fmt: skip
    leaf = xp.flatnonzero(trees.leaf).astype(np.int32)
    del trees.level, trees.has_child, trees.degree, trees.leaf
    weight = xp.zeros(csr.n, trees.words)
    trees.launch(
        "hang_leaves", len(leaf), leaf, np.int64(len(leaf)), csr.out.indptr, csr.out.arcs,
        csr.global_id, label, weight,
    )  # fmt: skip
    ids = xp.full(labels + 1, -1, np.int32)
    ids[:labels] = csr.global_id[old]
    rows = DeviceRows(bounds, arcs, csr.kind)
    forest = DeviceForest(core, np.unique(ends), weight.view(WEIGHTS[csr.kind]), len(leaf))
    return replace(
        csr,
        stats=replace(csr.stats, reachable=core, arcs=within),
        out=rows,
        incoming=rows,
        layout=Layout.of_one_process(core, labels - core, 0),
        local_id=label[csr.local_id],
        global_id=ids,
        forest=forest,
    )
