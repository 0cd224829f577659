"""The CPU engine: numba kernels on all cores of one process."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphs.csr import CSR
from graphs.pages import lazy_zeros
from kernels import heap, pull, push, queues, sweep
from kernels.compile import same_types
from kernels.groups import Ids, Limits, Queues, Ranges, Reach, State
from kernels.tentative import UNREACHED
from sssp.engine import Answer, TunedEngine
from sssp.tuning import Choices

_ALL = 1 << 60


class CPUEngine(TunedEngine):
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
        self.delta = self._delta()
        layout = csr.layout
        own = [(part.start, part.stop) for part in (layout.rows, layout.leaves)]
        bounds = np.array([*own, *self._others()])
        self.ranges = Ranges(bounds, layout.leaf_begin, layout.labels)
        self.ids = Ids(csr.local_id, csr.global_id)
        words = layout.labels * (1 if dist_dtype.itemsize == 4 else 2)
        self.state = State(self._room_for_state(words), self.unreached)
        self.queues = self._make_queues()
        settled = self._share(choices.switch_settled)
        self.limits = Limits(
            self.delta, choices.stop_at_bucket_end, settled, choices.switch_arcs, choices.alone
        )
        # What the pull leaves is little and lies far apart: one bucket, to the end.
        self.limits_after_pull = self.limits._replace(
            delta=self.weight_type(csr.limit), switch_settled=push.NEVER
        )
        self.root = -1
        self.settled_below = self.unreached
        self.switched = self.pulled = False
        # What the last call has found: no queued key is below this, and what is settled.
        self._least, self._settled = math.inf, (0, 0)
        self._start, self._advance = same_types(push.start), same_types(push.advance)
        self._push_settled, self._pull = same_types(pull.push_settled), same_types(pull.pull)
        self._reset, self._begin = same_types(sweep.reset), same_types(sweep.begin)
        for labels in [*layout.connected, layout.isolated]:
            self._reset_labels(threads, labels)

    def _make_queues(self) -> Queues:
        csr, threads = self.csr, self.threads
        self.entry = queues.entry_dtype(self.unreached.dtype)
        # Never written pages of these take no memory; a rank takes the smallest, as it fills few.
        room, spare = np.empty if csr.halo is None else lazy_zeros, queues.spare_entries(threads)
        queued = len(csr.layout.rows) + len(csr.layout.leaves)
        # These begin with a page: no two threads write to one line of them, and each is the first
        # to write to its fifo.
        control = lazy_zeros(queues.CONTROL_WORDS, np.int64)
        control[[queues.NEAR, queues.NEXT, queues.FAR, queues.SPARE]] = range(4)
        return Queues(
            entries=room((4, queued + spare), self.entry),
            outbox=room(csr.layout.leaf_begin + spare if csr.halo else 0, self.entry),
            heap=np.empty(2 * heap.HEAP_LIMIT, self.entry),
            fifos=lazy_zeros((threads, push.FIFO), self.entry),
            control=control,
            thread_counters=lazy_zeros((threads, queues.THREAD_WORDS), np.int64),
        )

    def _share(self, settled: int) -> int:
        """How many of the rows to settle before the switch are this engine's."""
        return settled

    def _others(self) -> list[tuple[int, int]]:
        """Labels of other ranks' vertices to which own rows may lead."""
        return []

    def _room_for_state(self, words: int) -> np.ndarray:
        return np.empty(words, np.uint64)

    def _reset_labels(self, threads: int, labels: range) -> None:
        self._reset(threads, labels.start, labels.stop, self.ranges.labels, self.state)

    def reset(self, root: int) -> None:
        csr = self.csr
        if self.root >= csr.layout.reachable:
            self._reset_labels(1, range(self.root, self.root + 1))
        self.switched = self.pulled = False
        *before, last = csr.layout.connected
        for labels in before:
            self._reset_labels(self.threads, labels)
        self._settled = 0, 0
        if csr.first <= root < csr.first + csr.n:
            self.root, self._least = int(csr.local_id[root - csr.first]), 0.0
            self._begin_at(self.root, self.root, self._bits(0.0), last)
        else:
            self.root, self._least = -1, math.inf
            self._reset_labels(self.threads, last)
            push.forget(self.unreached, self.queues)

    def _begin_at(self, root: int, parent: int, dist: Any, labels: range) -> None:
        """Forget what was found for some labels, and queue one at a distance (bits)."""
        self._begin(
            labels.start, labels.stop, self.ranges.labels, root, parent, dist, self.state,
            self.queues,
        )  # fmt: skip

    def nearest(self) -> float:
        return self._least

    def settled(self) -> tuple[int, int, int]:
        return *self._settled, int(self.switched)

    def relax(self, lo: float) -> None:
        self._relax(_ALL, -1, self.limits_after_pull if self.pulled else self.limits)

    def _relax(self, buckets: int, anchor: int, limits: Limits) -> None:
        status, bits, *self._settled = self._advance(
            buckets, anchor, limits, self.ranges, self.csr.out, self.state, self.queues
        )
        self._least = self._distance(bits)
        if status == push.SWITCH:
            self.settled_below, self.switched = self.unreached.dtype.type(bits), True

    def push_settled(self, lo: float) -> float:
        self.settled_below, self.switched = self._bits(lo), True
        floor = self._push_nearest_settled()
        while floor == self.unreached:  # a queue has run over
            self._requeue()
            floor = self._push_nearest_settled()
        return self._distance(floor)

    def _requeue(self) -> None:
        """A queue overflowed: queue every reached vertex."""
        queues.requeue_reached(self.ranges, self.state, self.queues)

    def _push_nearest_settled(self) -> Any:
        return self._push_settled(
            self.settled_below, self.choices.finish_arcs, self.ranges, self.csr.out, self.state,
            self.queues,
        )  # fmt: skip

    def _reach(self, floor: float) -> Reach:
        return Reach(self.settled_below, self._bits(floor), self.ranges.leaf_begin)

    def pull(self, floor: float) -> None:
        incoming = self.csr.incoming
        assert incoming is not None  # wants_pull() said so
        self._pull(self._reach(floor), self.ranges, incoming, self.state, self.queues)
        self.pulled = True

    def result(self, out: Answer) -> None:
        out.phases, out.arcs = sweep.finish(
            self.ranges, self.csr.out, self.ids, self.state, self.weight_type(0), out.dist,
            out.parent, self.queues,
        )  # fmt: skip

    def has_overflow(self) -> bool:
        """Does an arc lead from a reached vertex to an unreached one? Then a sum was infinite."""
        csr, hidden = self.csr, self.csr.layout.ghost_leaves
        return sweep.has_overflow(
            csr.stats.directed, self.ranges.bounds, hidden.start, hidden.stop, csr.out, self.state
        )
