"""The CUDA engine of a graph that vertices were taken off: it searches the core (graphs.trees)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from graphs.csr import CSR
from graphs.forest import DeviceForest, Forest
from graphs.layout import Layout
from kernels.device import Device
from sssp.cuda import DEFAULT_TUNING, CUDAEngine
from sssp.cuda_tuning import CudaTuning
from sssp.tuning import Choices


def _as_on_device(csr: CSR) -> CSR:
    """Rows that the host has taken vertices off, with labels as a device has them."""
    forest = csr.forest
    if not isinstance(forest, Forest):
        return csr
    labels = csr.layout.labels
    local_id = csr.local_id.copy()
    leaf = local_id > labels
    on_device: Any = DeviceForest.of_host(forest, csr.indptr, csr.adj)
    local_id[leaf] = ~forest.held[local_id[leaf] - labels - 1]
    return replace(
        csr,
        layout=Layout.of_one_process(forest.core, labels - forest.core, 0),
        local_id=local_id,
        forest=on_device,
    )


class CUDATreeEngine(CUDAEngine):
    """Searches on the core of a CSR; what was taken off follows before, and in the last pass.

    From a root that was taken off the search begins where the ways up from it meet the core, at the
    distances of these, and the distances on the way stay (see sssp.cpu_trees).

    Parameters
    ----------
    csr : CSR
        With a forest, of the host or of this device.
    """

    def __init__(
        self, csr: CSR, choices: Choices, device: Device, tuning: CudaTuning = DEFAULT_TUNING
    ):
        super().__init__(_as_on_device(csr), choices, device, tuning)

    def _allocate(self) -> None:
        forest: Any = self.csr.forest
        assert isinstance(forest, DeviceForest)
        self.forest = forest
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
        if root >= 0:
            self._trees.launch(
                "climb", 1, self.local_id, self.leaf_weight, *self.out, np.int64(self.forest.core),
                self._nobody, np.int64(root), self.state, self.queues, self.control, block=32,
            )  # fmt: skip

    def _answer_in(self, dist: Any, parent: Any) -> None:
        assert self.out is not None
        self._trees.launch(
            "finish", self.csr.n, *self.out, self.state, self.rounds,
            np.int64(len(self.forest.rounds) - 1), np.int64(self.tuning.narrow), self.local_id,
            self.leaf_weight, self.global_id, np.int64(self.csr.n), self._nobody,
            np.int64(self._id), dist, parent, self.control, cooperative=True,
        )  # fmt: skip

    def has_overflow(self) -> bool:
        found = self.device.xp.zeros(1, np.uint64)
        self._trees.launch(
            "leaves_overflow", self.csr.n, self.local_id, self.leaf_weight, self.state,
            np.int64(self.csr.n), found,
        )  # fmt: skip
        return super().has_overflow() or bool(found[0])
