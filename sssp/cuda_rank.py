"""The CUDA engine of one rank among several: what it sends to the others and receives.

The protocol is that of sssp.cpu_rank, but for hubs, which pull with the rest, and for sweeps, which
go on until nothing improves anywhere. Messages are made and read on the device; only their
lengths pass through the host.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from graphs.csr import CSR
from graphs.halo import Halo
from kernels.device import Device
from sssp.cuda import DEFAULT_TUNING, CUDAEngine
from sssp.cuda_tuning import CudaTuning
from sssp.engine import Message
from sssp.tuning import Choices

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


class CUDARankEngine(CUDAEngine):
    """Searches on one rank's rows (see `CUDAEngine`)."""

    asks, stages = True, ()

    def __init__(
        self, csr: CSR, choices: Choices, device: Device, tuning: CudaTuning = DEFAULT_TUNING
    ):
        assert csr.halo is not None
        self.halo: Halo = csr.halo
        super().__init__(csr, choices, device, tuning)
        xp = device.xp
        self._halo = device.module("halo.cu", **self._macros)
        ghost_rank, link_rank = (
            xp.asarray(ranks.astype(np.int32))
            for ranks in (self.halo.ghosts.owner, self.halo.links.rank)
        )
        self.ghosts = ghost_rank, xp.asarray(self.halo.ghosts.label)
        links = self.halo.links
        self.links = xp.asarray(links.begin), link_rank, xp.asarray(links.label)
        self.leaf_ends = xp.asarray(self.halo.leaf_ends)
        self.leaf_ghosts = xp.asarray(self.halo.leaf_ghosts)
        self.subscribed = xp.zeros(len(self.halo.links.rank), np.uint32)
        rows = max(csr.layout.rows.stop, 1)
        self.asked, self.listed = (xp.zeros(rows, np.uint32) for _ in range(2))
        self.changed = xp.empty(rows, np.int32)
        self.hung_on = xp.empty(0, np.int32)
        self.settled_below: Any = self.unreached
        self.stale = False
        # What went to other ranks last: the least distance requested, and how many updates.
        self.requested, self.updates_sent = int(self.unreached), 0

    def _chosen_words(self) -> np.ndarray:
        chosen = super()._chosen_words()
        share = max(self.choices.switch_settled // self.halo.size, 1)
        chosen[self._word["SWITCH_SETTLED"]] = share
        return chosen

    def reset(self, root: int) -> None:
        super().reset(root)
        self.stale = False
        self.requested = int(self.unreached)
        for array in (self.subscribed, self.asked, self.listed):
            array[:] = 0

    @property
    def sends_updates(self) -> bool:
        """Do subscribers get what the last call of `relax` has changed?"""
        return self.pulled

    def nearest(self) -> float:
        if not self.pulled:
            return min(super().nearest(), self._distance(self.requested))
        return self._distance(self._read("BELOW")) if self.updates_sent else math.inf

    def relax(self, lo: float) -> None:
        if self.pulled:
            self._sweep_to_the_end()
            return
        self._push.launch("begin_bucket", 1, self.control, np.uint64(self._bits(lo)), block=32)
        super().relax(lo)
        self.stale = False

    def _sweep_to_the_end(self) -> None:
        """Relax the noted arcs until nothing improves here."""
        first, running = True, True
        while running:
            for _ in range(self.tuning.sweeps):
                self._halo.launch("plan_rank_sweep", 1, self.control, np.bool_(first), block=32)
                self._halo.launch(
                    "rank_sweep", self._all, self.within, self.state, self.control, self.asked,
                    self.listed, self.changed,
                )  # fmt: skip
                first = False
            self.device.read(self.control, self.seen)
            self.stale = False
            running = self._read("RUN") != 0

    def push_settled(self, lo: float) -> float:
        if self._lost():
            self._requeue()
        super().push_settled(lo)
        self.device.read(self.control, self.seen)
        floor = self._distance(self._read("FLOOR"))
        if self._lost():
            self._requeue()
        self.settled_below = self.unreached.dtype.type(self._bits(lo))
        return floor

    def _lost(self) -> bool:
        """Has a queue run over since the last round?"""
        if self.stale:  # a message has changed the words
            self.device.read(self.control, self.seen)
            self.stale = False
        return self._read("OVERFLOW") != 0

    def pull(self, floor: float) -> None:
        while True:
            self._note(floor, self.within)
            self.device.read(self.control, self.seen)
            noted = self._read("WITHIN_COUNT")
            if noted * self._entry_words <= len(self.within):
                break
            self.within = self.device.xp.empty(noted * self._entry_words, np.uint64)
        self.pulled = True

    def _collect(
        self, kernel: str, threads: int, before: tuple[Any, ...], dtypes: tuple[DTypeLike, ...]
    ) -> Message:
        """Count a kernel's messages for each rank, then let it write them: counts, arrays."""
        xp, size = self.device.xp, self.halo.size
        cursor = xp.zeros(size, np.uint64)
        none = [xp.empty(1, dtype) for dtype in dtypes]
        self._halo.launch(kernel, threads, *before, cursor, np.bool_(False), *none)
        counts = self.device.to_host(cursor).astype(np.int64)
        total = int(counts.sum())
        arrays = [xp.empty(max(total, 1), dtype) for dtype in dtypes]
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.uint64)
        cursor = self.device.to_device(starts)
        self._halo.launch(kernel, threads, *before, cursor, np.bool_(True), *arrays)
        return counts, *(array[:total] for array in arrays)

    def relax_requests(self) -> Message:
        """What was found for ghosts: counts, target, dist, parent."""
        queued = self.state, self.queues, self.control, *self.ghosts, *self.links
        bits = self.unreached.dtype
        messages = self._collect("relax_requests", self._all, queued, (np.int32, bits, np.int32))
        self._halo.launch("forget_requests", 1, self.control, block=32)
        dist = messages[2]
        self.requested = int(dist.min()) if len(dist) else int(self.unreached)
        return messages

    def apply_requests(self, target: Any, dist: Any, parent: Any) -> None:
        """Take what other ranks found for own vertices."""
        arrays = (self._there(array) for array in (target, dist, parent))
        self._halo.launch(
            "apply_requests", self._all, *arrays, np.int64(len(target)), self.state, self.queues,
            self.control,
        )  # fmt: skip
        self.stale = True

    def _there(self, array: Any) -> Any:
        """An array that came from another rank, on the device; never of length 0."""
        xp = self.device.xp
        return xp.asarray(array) if len(array) else xp.empty(1, array.dtype)

    def settled_updates(self) -> Message:
        """The settled own vertices, to all ranks that see them: counts, label, dist."""
        before = self.state, self.control, np.uint64(self.settled_below), *self.links
        return self._collect("settled_updates", self._all, before, (np.int32, self.unreached.dtype))

    def reached_updates(self) -> Message:
        """The reached own vertices, to all ranks that see them: counts, label, dist."""
        self.settled_below = self.unreached
        return self.settled_updates()

    def changed_updates(self) -> Message:
        """The own vertices that changed, to the ranks that subscribed: counts, label, dist."""
        before = (
            self.changed, self.state, self.control, *self.links, self.subscribed, self.listed,
        )  # fmt: skip
        messages = self._collect(
            "changed_updates", self._all, before, (np.int32, self.unreached.dtype)
        )
        self._halo.launch("forget_changed", 1, self.control, block=32)
        self.updates_sent = len(messages[1])
        return messages

    def apply_updates(self, label: Any, dist: Any) -> None:
        """Take the distances of ghosts from their owners."""
        self._halo.launch(
            "apply_updates", self._all, self._there(label), self._there(dist), np.int64(len(label)),
            np.int64(self.csr.layout.labels), self.state,
        )  # fmt: skip

    def needed_ghosts(self) -> Message:
        """The ghosts on which a noted arc hangs: counts, labels at their owners."""
        ghosts = len(self.halo.ghosts.owner)
        marked = self.device.xp.zeros(max(ghosts, 1), np.uint32)
        self._halo.launch("mark_needed", self._all, self.within, self.control, marked)
        before = marked, np.int64(ghosts), self.control, *self.ghosts
        counts, self.hung_on, there = self._collect(
            "needed_ghosts", max(ghosts, 1), before, (np.int32, np.int32)
        )
        return counts, there

    def subscribe(self, counts: np.ndarray, label: Any) -> Any:
        """Note which ranks need which own vertices; returns their distances, in the same order."""
        start = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
        dist = self.device.xp.empty(max(len(label), 1), self.unreached.dtype)
        self._halo.launch(
            "subscribe", self._all, self._there(label), np.int64(len(label)),
            self.device.to_device(start), np.int32(self.halo.size), self.state, self.control,
            *self.links[:2], self.subscribed, self.asked, dist,
        )  # fmt: skip
        return dist[: len(label)]

    def apply_asked(self, dist: Any) -> None:
        """Take the distances of the ghosts that were asked for."""
        self.apply_updates(self.hung_on, dist)

    def leaf_updates(self) -> tuple[np.ndarray, Any]:
        """The distances on which other ranks' leaves wait: counts, dist."""
        count = len(self.leaf_ends)
        dist = self.device.xp.empty(max(count, 1), self.unreached.dtype)
        self._halo.launch("distances", self._all, self.leaf_ends, np.int64(count), self.state, dist)
        return self.halo.leaf_counts, dist[:count]

    def apply_leaves(self, dist: Any) -> None:
        """Take the distances on which own leaves wait."""
        self.apply_updates(self.leaf_ghosts, dist)
