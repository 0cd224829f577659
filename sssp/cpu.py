"""The CPU engine: numba kernels on all cores of one process."""

from __future__ import annotations

import math

import numpy as np

from graphs.csr import CSR
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
    buckets : int
        Buckets a call of `relax` may work off; all of them unless told.
    """

    def __init__(self, csr: CSR, choices: Choices, threads: int, buckets: int = _ALL):
        self.csr, self.choices, self.threads, self.buckets = csr, choices, threads, buckets
        self.unreached = UNREACHED[csr.kind]
        dist_dtype = self.unreached.dtype
        self.weight_type = np.dtype(csr.kind).type
        self.zero = dist_dtype.type(0)
        self.delta = self._delta()
        self.state = np.empty(csr.n if dist_dtype.itemsize == 4 else 2 * csr.n, np.uint64)
        entry = queues.entry_dtype(dist_dtype)
        # Never written pages of these take no memory.
        self.queues = np.empty((4, csr.n + queues.spare_entries(threads)), entry)
        self.heap = np.empty(2 * heap.HEAP_LIMIT, entry)
        self.fifos = np.empty((threads, push.FIFO), entry)
        self.shared = np.zeros(queues.SHARED_WORDS, np.int64)
        self.books = np.zeros((threads, queues.BOOK), np.int64)
        self.shared[[queues.NEAR, queues.NEXT, queues.FAR, queues.SPARE]] = range(4)
        self.root = 0
        self.settled_below: np.generic | None = None
        self.pulled = False
        sweep.reset(threads, 0, csr.n, csr.n, self.unreached, self.state)

    def _delta(self) -> np.generic:
        """Bucket width in the type of the weights; an integer one is at least 1."""
        if self.csr.kind == "uint32":
            return np.uint32(min(max(round(self.choices.delta), 1), 2**32 - 2))
        return self.weight_type(min(self.choices.delta, float(np.finfo(self.csr.kind).max)))

    def reset(self, root: int) -> None:
        csr, state = self.csr, self.state
        if self.root >= csr.reachable:
            sweep.reset(1, self.root, self.root + 1, csr.n, self.unreached, state)
        self.root = int(csr.label[root])
        self.settled_below, self.pulled = None, False
        sweep.reset(self.threads, 0, csr.reachable, csr.n, self.unreached, state)
        push.start(self.root, self.zero, state, self.heap, self.shared, self.books, self.unreached)

    def _distance(self, bits: np.generic) -> float:
        if bits == self.unreached:
            return math.inf
        return float(bits if self.csr.kind == "uint32" else bits.view(self.csr.kind))

    def nearest(self) -> float:
        waiting = self.wants_pull() or self.shared[queues.NEAR_COUNT] > 0
        if self.settled_below is not None and waiting:
            return self._distance(self.settled_below)
        if self.shared[queues.HEAP_SIZE] > 0:
            return self._distance(self.heap[0]["key"])
        return self._distance(self.unreached.dtype.type(queues.least_far(self.books)))

    def relax(self, lo: float) -> None:
        csr, choices = self.csr, self.choices
        status, bits = push.advance(
            self.threads, self.buckets, self.delta, choices.early, csr.leaves_from,
            push.NEVER if self.pulled else choices.switch_settled, choices.switch_arcs,
            self.unreached, csr.out.indptr, csr.out.arcs, self.state, self.queues, self.heap,
            self.fifos, self.shared, self.books,
        )  # fmt: skip
        if status == push.SWITCH:
            self.settled_below = self.unreached.dtype.type(bits)

    def wants_pull(self) -> bool:
        return self.settled_below is not None and not self.pulled

    def pull(self, settled_below: float) -> None:
        csr, below = self.csr, self.settled_below
        assert below is not None and csr.incoming is not None  # wants_pull() said so
        floor = pull.finish_rows(
            below, self.choices.finish_arcs, csr.leaves_from, csr.out.indptr, csr.out.arcs,
            self.state, self.queues, self.shared, self.books,
        )  # fmt: skip
        pull.pull(
            self.threads, below, self.unreached.dtype.type(floor), csr.leaves_from,
            self.unreached, csr.incoming.indptr, csr.incoming.arcs, self.state, self.queues,
            self.shared, self.books,
        )  # fmt: skip
        self.pulled = True

    def result(self, out: Answer) -> None:
        csr = self.csr
        if csr.leaves_from < csr.reachable:
            sweep.settle_leaves(
                self.threads, csr.leaves_from, csr.reachable, csr.out.indptr, csr.out.arcs,
                self.state, self.unreached,
            )  # fmt: skip
        sweep.answer(
            self.threads, csr.label, csr.original, self.state, self.unreached,
            self.weight_type(0), out.dist, out.parent,
        )  # fmt: skip
        out.phases = int(self.shared[queues.PHASES])
        out.arcs = int(self.books[:, queues.ARCS].sum())

    @property
    def _limit(self) -> float:
        """The first sum that is beyond the range."""
        return 2**32 - 1 if self.csr.kind == "uint32" else float(np.finfo(self.csr.kind).max)

    @property
    def never_overflows(self) -> bool:
        """No path, however long, can be beyond the range of its type."""
        return self.csr.heaviest * (self.csr.n - 1) < self._limit

    def overflowed(self, out: Answer) -> bool:
        """Did the last search, whose answer is `out`, meet a sum beyond the range of its type?"""
        if self.never_overflows:
            return False
        farthest = np.max(out.dist, initial=0.0, where=np.isfinite(out.dist))
        if float(farthest) + self.csr.heaviest < self._limit:
            return False
        rows = self.csr.out
        return sweep.leads_out(rows.indptr, rows.arcs, self.state, self.unreached)
