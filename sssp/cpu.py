"""The CPU engine: numba kernels on all cores of one process."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphs.csr import CSR
from graphs.pages import lazy_zeros
from kernels import heap, pull, push, queues, sweep
from kernels.compile import same_types
from kernels.groups import Limits, Queues, Ranges, Reach, State
from kernels.tentative import UNREACHED
from sssp.engine import Answer, TunedEngine
from sssp.tuning import Choices

_ALL = 1 << 60


def _on_lines(words: np.ndarray) -> np.ndarray:
    """Rows of counters, one a thread, none on a cache line of another's."""
    first = -(words.ctypes.data // words.itemsize) % queues.LINE
    end = len(words) - queues.LINE + first
    return words[first:end].reshape(-1, queues.THREAD_WORDS)


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
        words = layout.labels * (1 if dist_dtype.itemsize == 4 else 2)
        self.state = State(self._room_for_state(words), self.unreached)
        self.queues = self._make_queues()
        settled = self._share(choices.switch_settled)
        self.limits = Limits(self.delta, choices.stop_at_bucket_end, settled, choices.switch_arcs)
        # What the pull leaves is little and lies far apart: one bucket, to the end.
        self.limits_after_pull = self.limits._replace(
            delta=self.weight_type(csr.limit), switch_settled=push.NEVER
        )
        self.root = -1
        self.settled_below = self.unreached
        self.switched = self.pulled = False
        self._start, self._advance = same_types(push.start), same_types(push.advance)
        self._push_settled, self._pull = same_types(pull.push_settled), same_types(pull.pull)
        self._reset, self._settle_leaves = same_types(sweep.reset), same_types(sweep.settle_leaves)
        for labels in [*layout.connected, layout.isolated]:
            self._reset_labels(threads, labels)

    def _make_queues(self) -> Queues:
        csr, threads = self.csr, self.threads
        self.entry = queues.entry_dtype(self.unreached.dtype)
        # Never written pages of these take no memory; a rank takes the smallest, as it fills few.
        room, spare = np.empty if csr.halo is None else lazy_zeros, queues.spare_entries(threads)
        queued = len(csr.layout.rows) + len(csr.layout.leaves)
        control = np.zeros(queues.CONTROL_WORDS, np.int64)
        control[[queues.NEAR, queues.NEXT, queues.FAR, queues.SPARE]] = range(4)
        return Queues(
            entries=room((4, queued + spare), self.entry),
            outbox=room(csr.layout.leaf_begin + spare if csr.halo else 0, self.entry),
            heap=np.empty(2 * heap.HEAP_LIMIT, self.entry),
            fifos=np.empty((threads, push.FIFO), self.entry),
            control=control,
            thread_counters=_on_lines(
                np.zeros(threads * queues.THREAD_WORDS + queues.LINE, np.int64)
            ),
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
        for labels in csr.layout.connected:
            self._reset_labels(self.threads, labels)
        self.root = -1
        if csr.first <= root < csr.first + csr.n:
            self.root = int(csr.local_id[root - csr.first])
            self._start(self.root, self.root, self._bits(0.0), self.state, self.queues)
        else:
            push.forget(self.unreached, self.queues)

    def nearest(self) -> float:
        queued = self.queues
        if self.switched and (not self.pulled or queued.control[queues.NEAR_COUNT] > 0):
            return self._distance(self.settled_below)
        return self._distance(
            queues.nearest(queued.heap, queued.control, queued.thread_counters, self.unreached)
        )

    def settled(self) -> tuple[int, int, int]:
        rows, arcs = queues.settled(self.queues.thread_counters)
        return rows, arcs, int(self.switched)

    def relax(self, lo: float) -> None:
        self._relax(_ALL, -1, self.limits_after_pull if self.pulled else self.limits)

    def _relax(self, buckets: int, anchor: int, limits: Limits) -> None:
        status, bits = self._advance(
            buckets, anchor, limits, self.ranges, self.csr.out, self.state, self.queues
        )
        if status == push.SWITCH:
            self.settled_below, self.switched = self.unreached.dtype.type(bits), True

    def push_settled(self, lo: float) -> float:
        self.settled_below, self.switched = self._bits(lo), True
        floor = self._push_nearest_settled()
        while queues.overflowed(self.queues.thread_counters):
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
        csr = self.csr
        leaves = csr.layout.leaves
        if leaves:
            self._settle_leaves(self.threads, leaves.start, leaves.stop, csr.out, self.state)
        sweep.answer(
            self.threads, csr.local_id, csr.global_id, self.state, self.weight_type(0), out.dist,
            out.parent,
        )  # fmt: skip
        self._count(out)

    def _count(self, out: Answer) -> None:
        out.phases = int(self.queues.control[queues.PHASES])
        out.arcs = int(self.queues.thread_counters[:, queues.ARCS].sum())

    def has_overflow(self) -> bool:
        """Does an arc lead from a reached vertex to an unreached one? Then a sum was infinite."""
        csr, hidden = self.csr, self.csr.layout.ghost_leaves
        return sweep.has_overflow(
            csr.stats.directed, self.ranges.bounds, hidden.start, hidden.stop, csr.out, self.state
        )
