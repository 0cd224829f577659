"""The CPU engine of a graph whose trees were taken off: it searches the core (graphs.trees)."""

from __future__ import annotations

import numpy as np

from graphs.csr import CSR
from graphs.trees import Forest
from kernels import trees
from kernels.compile import same_types
from kernels.push import forget
from sssp.cpu import CPUEngine
from sssp.engine import Answer
from sssp.tuning import Choices


class TreeEngine(CPUEngine):
    """Searches on the core of a CSR; trees follow in the pass that writes the answer.

    From a root in a tree the search starts where that tree hangs on the core, at the distance of
    the way there, and the distances on the way stay.
    """

    def __init__(self, csr: CSR, choices: Choices, threads: int):
        assert csr.forest is not None
        self.forest: Forest = csr.forest
        super().__init__(csr, choices, threads)
        self._climb, self._has_overflow = same_types(trees.climb), same_types(trees.has_overflow)
        # What has no label shares the one after the last, which is never reached.
        self._nobody = csr.layout.labels
        self._reset_labels(1, range(self._nobody, self._nobody + 1))
        self._id = -1

    def _room_for_state(self, words: int) -> np.ndarray:
        return np.empty(words + (1 if self.unreached.dtype.itemsize == 4 else 2), np.uint64)

    def reset(self, root: int) -> None:
        self._id, self.root = root, int(self.csr.local_id[root])
        self.switched = self.pulled = False
        for labels in self.csr.layout.connected:
            self._reset_labels(self.threads, labels)
        if self.root == self._nobody:
            forget(self.unreached, self.queues)
            return
        at, before, dist = self.root, self.root, self._bits(0.0)
        if self.root < 0:
            at, before = ~self.root, self._nobody
            dist = self._bits(float(self.forest.leaf_weight[root]))
        at, dist, before = self._climb(at, before, dist, self.forest.core, self.csr.out, self.state)
        self._start(at, before, self.unreached.dtype.type(dist), self.state, self.queues)

    def result(self, out: Answer) -> None:
        csr, forest = self.csr, self.forest
        for labels in forest.passes:
            self._settle_leaves(self.threads, labels.start, labels.stop, csr.out, self.state)
        trees.answer(
            self.threads, csr.local_id, forest.leaf_weight, csr.global_id, self.state, out.dist,
            out.parent,
        )  # fmt: skip
        if self.root < 0:
            out.parent[csr.global_id[~self.root]] = self._id
        if self.root < 0 or self.root == self._nobody:
            out.dist[self._id], out.parent[self._id] = 0, self._id
        self._count(out)

    def has_overflow(self) -> bool:
        arrays = self.csr.local_id, self.forest.leaf_weight, self.state
        return super().has_overflow() or self._has_overflow(*arrays)
