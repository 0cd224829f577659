"""Trees taken off a graph on a device; what is left is the core.

A vertex of a single arc lies on no shortest path but those that begin or end in its tree. The host
takes off more (graphs.trees). In rounds, as long as there are vertices of one arc, each by two
kernels (kernels/take_off.cu). A graph that is nothing but a long path keeps what is left after
MOST_ROUNDS of them in its core, which is right all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphs.device_rows import WEIGHTS, DeviceCSR, DeviceRows
from graphs.layout import Layout
from graphs.selection import joined
from graphs.trees import passes_of

MOST_ROUNDS = 256
_WARP = 32


@dataclass(frozen=True)
class DeviceForest:
    """The trees that hang on the core of a graph.

    Labels: first the core, then tree vertices on which others hang (inner), those nearest to the
    core first. The row of an inner one is its one arc towards the core. Leaves have no label:
    `CSR.local_id` of a leaf is ~label of the vertex that it hangs on.

    core          vertices of the core
    rounds        int64, where each round of inner labels begins, and the last one ends; they hang
                  on the core, or on those of rounds before
    passes        ranges of inner labels, each of one round, or of several that follow each other
                  and have TOGETHER vertices at most, which one block settles in turn
    leaf_weight   (n,), on the device, of the weights' type: a leaf's one arc, else 0
    leaves        how many leaves
    """

    core: int
    rounds: np.ndarray
    passes: list[range]
    leaf_weight: Any
    leaves: int


class _Trees:
    """The rows of a graph on a device, and which of its vertices are taken off."""

    def __init__(self, csr: DeviceCSR):
        self.rows: DeviceRows = csr.out
        self.device, self.xp = csr.device, csr.device.xp
        self.words = "u8" if csr.kind == "float64" else "u4"
        self.module = self.device.module("take_off.cu")
        xp, connected, indptr = self.xp, csr.layout.reachable, self.rows.indptr
        self.degree = (indptr[1 : connected + 1] - indptr[:connected]).astype(np.int32)
        self.link = xp.full(connected, -1, np.int64)
        self.has_child = xp.zeros(connected, np.bool_)
        self.taken = self._take_off()

    def launch(self, kernel: str, threads: int, *arguments: Any) -> None:
        """Start a kernel for arcs of this graph's size."""
        self.module.launch(f"{kernel}_{self.words[1]}", max(threads, 1), *arguments)

    def _take_off(self) -> list[Any]:
        """Take off what hangs on one arc, again and again; int32 labels, round by round."""
        xp, arcs = self.xp, self.rows.arcs
        when = xp.full(len(self.degree), -1, np.int32)
        frontier = xp.flatnonzero(self.degree == 1).astype(np.int32)
        rounds: list[Any] = []
        done = 0
        while len(frontier) and len(rounds) < MOST_ROUNDS:
            count = np.int64(len(frontier))
            found = xp.empty(len(frontier), np.int64)
            following, size = xp.empty(len(frontier), np.int32), xp.zeros(1, np.uint64)
            self.launch(
                "choose_links", _WARP * len(frontier), self.rows.indptr, arcs, self.degree, when,
                self.link, frontier, count, found,
            )  # fmt: skip
            self.launch(
                "take_off", len(frontier), arcs, frontier, found, count, np.int64(done),
                self.degree, when, self.link, self.has_child, following, size,
            )  # fmt: skip
            rounds.append(frontier[found >= 0])
            done += len(frontier)
            following = following[: int(size[0])]
            frontier = following[xp.argsort(when[following])]
        return rounds

    def core(self) -> Any:
        """What is left, by falling degree within: int32 labels and their degrees."""
        xp = self.xp
        core = xp.flatnonzero(self.link < 0).astype(np.int32)
        degree = xp.empty(len(core), np.int64)
        self.launch(
            "core_degrees", _WARP * len(core), core, np.int64(len(core)), self.rows.indptr,
            self.rows.arcs, self.link, degree,
        )  # fmt: skip
        order = xp.argsort(-degree, kind="stable")
        return core[order], degree[order]


def take_off_trees(csr: DeviceCSR) -> DeviceCSR:
    """Return the same undirected graph with its trees apart (`CSR.forest`)."""
    xp = csr.device.xp
    trees = _Trees(csr)
    core, degree = trees.core()
    taken = trees.taken
    parts = [part[trees.has_child[part]] for part in taken][::-1]
    sizes = [len(part) for part in parts]
    old = joined(xp, [core, *parts])
    labels = len(old)
    # Of what has none: nobody.
    label = xp.full(csr.layout.labels + 1, labels, np.int32)
    label[old] = xp.arange(labels, dtype=np.int32)
    bounds = xp.ones(labels + 1, np.int64)  # one arc of each inner vertex
    bounds[0] = 0
    bounds[1 : len(core) + 1] = degree
    bounds = xp.cumsum(bounds)
    within = int(bounds[len(core)])
    arcs = xp.empty((int(bounds[-1]), *csr.out.arcs.shape[1:]), np.uint64)
    trees.launch(
        "core_rows", _WARP * labels, old, np.int64(len(core)), np.int64(labels), csr.out.indptr,
        csr.out.arcs, trees.link, label, bounds, arcs,
    )  # fmt: skip
    leaves = [part[~trees.has_child[part]] for part in taken]
    weight = xp.zeros(csr.n, trees.words)
    for leaf in leaves:
        trees.launch(
            "hang_leaves", len(leaf), leaf, np.int64(len(leaf)), csr.out.arcs, trees.link,
            csr.global_id, label, weight,
        )  # fmt: skip
    ids = xp.full(labels + 1, -1, np.int32)
    ids[:labels] = csr.global_id[old]
    rows = DeviceRows(bounds, arcs, csr.kind)
    leaf_weight = weight.view(WEIGHTS[csr.kind])
    rounds = np.cumsum([len(core), *sizes], dtype=np.int64)
    passes = passes_of(len(core), sizes)
    forest = DeviceForest(len(core), rounds, passes, leaf_weight, sum(map(len, leaves)))
    return replace(
        csr,
        stats=replace(csr.stats, reachable=len(core), arcs=within),
        out=rows,
        incoming=rows,
        layout=Layout.of_one_process(len(core), labels - len(core), 0),
        local_id=label[csr.local_id],
        global_id=ids,
        forest=forest,
    )
