"""The CPU engine: numba kernels on all cores of one process."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphs.csr import CSR
from graphs.pages import untouched
from kernels import heap, pull, push, queues, sweep
from kernels.tentative import UNREACHED
from sssp.choices import Choices
from sssp.engine import Answer

_ALL = 1 << 60


class CPUEngine:
    """Searches on one CSR, with the arrays they need.

    Parameters
    ----------
    csr : CSR
    choices : Choices
    threads : int
        Threads to use, at most what numba was started with.
    """

    def __init__(self, csr: CSR, choices: Choices, threads: int):
        self.csr, self.choices, self.threads = csr, choices, threads
        self.unreached = UNREACHED[csr.kind]
        dist_dtype = self.unreached.dtype
        self.weight_type = np.dtype(csr.kind).type
        self.zero = dist_dtype.type(0)
        self.delta = self._delta()
        # Labels by what the search does with them, see kernels.queues.
        self.ranges = np.array([csr.own, (csr.leaves_from, csr.leaves_to), *self._others()])
        self.state = self._room_for_state(csr.labels * (1 if dist_dtype.itemsize == 4 else 2))
        self.entry = queues.entry_dtype(dist_dtype)
        # Never written pages of these take no memory; a rank takes the smallest, as it fills few.
        room, spare = np.empty if csr.halo is None else untouched, queues.spare_entries(threads)
        queued = int(np.diff(self.ranges[: queues.OTHERS]).sum())
        self.queues = room((4, queued + spare), self.entry)
        self.out = room(csr.plain + spare if csr.halo else 0, self.entry)
        self.heap = np.empty(2 * heap.HEAP_LIMIT, self.entry)
        self.fifos = np.empty((threads, push.FIFO), self.entry)
        self.shared = np.zeros(queues.SHARED_WORDS, np.int64)
        self.books = np.zeros((threads, queues.BOOK), np.int64)
        self.shared[[queues.NEAR, queues.NEXT, queues.FAR, queues.SPARE]] = range(4)
        self.root = -1
        self.settled_below = self.unreached
        self.switched = self.pulled = False
        isolated = csr.isolated_from, csr.isolated_from + csr.n - queued
        for first, last in [*csr.segments, isolated]:
            self._reset_labels(threads, first, last)

    def _others(self) -> list[tuple[int, int]]:
        """Labels of other ranks' vertices to which own rows may lead."""
        return []

    def _room_for_state(self, words: int) -> np.ndarray:
        return np.empty(words, np.uint64)

    def _reset_labels(self, threads: int, first: int, last: int) -> None:
        sweep.reset(threads, first, last, self.csr.labels, self.unreached, self.state)

    def _delta(self) -> np.generic:
        """Bucket width in the type of the weights; an integer one is at least 1."""
        if self.csr.kind == "uint32":
            return np.uint32(min(max(round(self.choices.delta), 1), 2**32 - 2))
        return self.weight_type(min(self.choices.delta, float(np.finfo(self.csr.kind).max)))

    def reset(self, root: int) -> None:
        csr = self.csr
        if self.root >= csr.reachable:
            self._reset_labels(1, self.root, self.root + 1)
        self.switched = self.pulled = False
        for first, last in csr.segments:
            self._reset_labels(self.threads, first, last)
        self.root = -1
        if csr.first <= root < csr.first + csr.n:
            self.root = int(csr.label[root - csr.first])
            push.start(
                self.root, self.zero, self.state, self.heap, self.shared, self.books,
                self.unreached,
            )  # fmt: skip
        else:
            push.forget(self.shared, self.books, self.unreached)

    def _bits(self, distance: float) -> Any:
        if distance == math.inf:
            return self.unreached
        value = self.weight_type(distance)
        return value if self.csr.kind == "uint32" else value.view(self.unreached.dtype)

    def _distance(self, bits: Any) -> float:
        bits = self.unreached.dtype.type(bits)
        if bits == self.unreached:
            return math.inf
        return float(bits if self.csr.kind == "uint32" else bits.view(self.csr.kind))

    def nearest(self) -> float:
        if self.switched and (not self.pulled or self.shared[queues.NEAR_COUNT] > 0):
            return self._distance(self.settled_below)
        return self._distance(queues.nearest(self.heap, self.shared, self.books, self.unreached))

    def settled(self) -> tuple[int, int, int]:
        rows, arcs = queues.settled(self.books)
        return rows, arcs, int(self.switched)

    def wants_pull(self, settled: int, arcs: int, stopped: int) -> bool:
        if self.pulled or self.choices.switch is None:
            return False
        enough = settled >= self.choices.switch_settled and arcs >= self.choices.switch_arcs
        return stopped > 0 or enough

    def relax(self, lo: float) -> None:
        switch = push.NEVER if self.pulled else self.choices.switch_settled
        self._advance(_ALL, -1, switch)

    def _advance(self, buckets: int, anchor: int, switch_settled: int) -> None:
        csr, choices = self.csr, self.choices
        # What the pull leaves is little and lies far apart: one bucket, to the end.
        delta = self.weight_type(self.csr.limit) if self.pulled else self.delta
        status, bits = push.advance(
            self.threads, buckets, anchor, delta, choices.early, self.ranges, csr.plain,
            switch_settled, choices.switch_arcs, self.unreached, csr.out.indptr, csr.out.arcs,
            self.state, self.queues, self.out, self.heap, self.fifos, self.shared, self.books,
        )  # fmt: skip
        if status == push.SWITCH:
            self.settled_below, self.switched = self.unreached.dtype.type(bits), True

    def finish(self, lo: float) -> float:
        self.settled_below, self.switched = self._bits(lo), True
        floor = self._finish_rows()
        while queues.ran_over(self.books):
            self._requeue()
            floor = self._finish_rows()
        return self._distance(floor)

    def _requeue(self) -> None:
        """A queue ran over: queue every reached vertex."""
        queues.requeue_reached(
            self.ranges, self.unreached, self.state, self.queues, self.out, self.shared, self.books
        )

    def _finish_rows(self) -> Any:
        csr = self.csr
        return pull.finish_rows(
            self.settled_below, self.choices.finish_arcs, csr.own, csr.plain, csr.out.indptr,
            csr.out.arcs, self.state, self.queues, self.out, self.heap, self.shared, self.books,
        )  # fmt: skip

    def pull(self, floor: float) -> None:
        csr = self.csr
        assert csr.incoming is not None  # wants_pull() said so
        pull.pull(
            self.threads, self.settled_below, self._bits(floor), self.ranges, csr.plain,
            self.unreached, csr.incoming.indptr, csr.incoming.arcs, self.state, self.queues,
            self.out, self.shared, self.books,
        )  # fmt: skip
        self.pulled = True

    def result(self, out: Answer) -> None:
        csr = self.csr
        if csr.leaves_from < csr.leaves_to:
            sweep.settle_leaves(
                self.threads, csr.leaves_from, csr.leaves_to, csr.out.indptr, csr.out.arcs,
                self.state, self.unreached,
            )  # fmt: skip
        sweep.answer(
            self.threads, csr.label, csr.original, self.state, self.unreached,
            self.weight_type(0), out.dist, out.parent,
        )  # fmt: skip
        out.phases = int(self.shared[queues.PHASES])
        out.arcs = int(self.books[:, queues.ARCS].sum())

    def leads_out(self) -> bool:
        """Does an arc lead from a reached vertex to an unreached one? Then a sum was infinite."""
        csr = self.csr
        return sweep.leads_out(
            csr.directed, self.ranges, csr.leaves_to, csr.ghost_leaves_to, csr.out.indptr,
            csr.out.arcs, self.state, self.unreached,
        )  # fmt: skip
