"""The CUDA engine of a graph whose trees were taken off there: it searches the core."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphs.device_rows import DeviceCSR
from sssp.cuda import BLOCK_OF_ROUNDS, CUDAEngine


class CUDATreeEngine(CUDAEngine):
    """Searches on the core of a CSR; trees follow before and in the pass that writes the answer.

    From a root in a tree the search starts where that tree hangs on the core, at the distance of
    the way there, and the distances on the way stay (see sssp.cpu_trees).
    """

    def _allocate(self) -> None:
        assert isinstance(self.csr, DeviceCSR) and self.csr.forest is not None
        self.forest = self.csr.forest
        super()._allocate()
        self._trees = self.device.module("trees.cu", **self._macros)
        self.leaf_weight = self.device.xp.asarray(self.forest.leaf_weight)
        self.rounds = self.device.to_device(self.forest.rounds)
        self._nobody = np.int64(self.csr.layout.labels)
        self._id = -1  # of the root

    @property
    def _labels(self) -> int:
        # What has no label shares the one after the last, which is never reached.
        return self.csr.layout.labels + 1

    def _reset(self, labels: int, root: int) -> None:
        assert self.out is not None
        super()._reset(self._labels, -1)
        self._id = root
        if root < 0:
            return
        begin, _, arcs = self.out
        self._trees.launch(
            "start", 1, self.local_id, self.leaf_weight, begin, arcs, np.int64(self.forest.core),
            self._nobody, np.int64(root), self.state, self.queues, self.control, block=32,
        )  # fmt: skip

    def _answer_in(self, dist: Any, parent: Any) -> None:
        assert self.out is not None
        begin, _, arcs = self.out
        rounds = self.forest.rounds
        for labels in self.forest.passes:
            first, last = np.searchsorted(rounds, [labels.start, labels.stop])
            if last - first == 1:
                ends = np.int64(labels.start), np.int64(labels.stop)
                self._sweep.launch("settle_leaves", len(labels), begin, arcs, self.state, *ends)
            else:
                self._trees.launch(
                    "settle_rounds", 1, begin, arcs, self.state, self.rounds, first, last,
                    block=BLOCK_OF_ROUNDS,
                )  # fmt: skip
        self._trees.launch(
            "answer_trees", self.csr.n, self.local_id, self.leaf_weight, self.global_id,
            self.state, np.int64(self.csr.n), self._nobody, np.int64(self._id), dist, parent,
        )  # fmt: skip

    def has_overflow(self) -> bool:
        found = self.device.xp.zeros(1, np.uint64)
        self._trees.launch(
            "leaves_overflow", self.csr.n, self.local_id, self.leaf_weight, self.state,
            np.int64(self.csr.n), found,
        )  # fmt: skip
        return super().has_overflow() or bool(found[0])
