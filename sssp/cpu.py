"""The CPU engine: numba kernels on all cores of one process."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphs.csr import CSR
from graphs.pages import lazy_zeros
from kernels import heap, pull, push, queues, sweep
from kernels.compile import same_types
from kernels.groups import BothWays, Ids, Limits, Queues, Ranges, State
from kernels.kept import kept
from kernels.tentative import UNREACHED
from sssp.engine import Answer, TunedEngine
from sssp.tuning import Choices

_ALL = 1 << 60
_FLOAT32, _FLOAT64, _INT64 = map(np.dtype, (np.float32, np.float64, np.int64))


def is_as_made(out: Answer, kind: str) -> bool:
    """Are the arrays of an answer as `Solver.new_answer` makes them, of the types of all others?"""
    return (
        type(out.dist) is type(out.parent) is np.ndarray
        and out.dist.dtype is (_FLOAT32 if kind == "float32" else _FLOAT64)
        and out.parent.dtype is _INT64
        and out.dist.ndim == out.parent.ndim == 1
        and out.dist.flags.carray
        and out.parent.flags.carray
    )


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
        self.ranges = kept(Ranges(bounds, layout.leaf_begin, layout.labels))
        self.ids = kept(Ids(csr.local_id, csr.global_id))
        self.out = kept(csr.out)
        self.incoming = self.out if csr.incoming is csr.out else csr.incoming and kept(csr.incoming)
        self.labels = layout.labels
        words = layout.labels * (1 if dist_dtype.itemsize == 4 else 2)
        self.state = kept(State(self._room_for_state(words), self.unreached))
        self.queues = kept(self._make_queues())
        settled = self._share(choices.switch_settled)
        limits = Limits(
            self.delta, choices.stop_at_bucket_end, settled, choices.switch_arcs, choices.alone
        )
        self.limits = kept(limits)
        # What the pull leaves is little and lies far apart: one bucket, to the end.
        self.limits_after_pull = kept(
            limits._replace(delta=self.weight_type(csr.limit), switch_settled=push.NEVER)
        )
        self.root = -1
        self.settled_below: Any = self.unreached
        self.switched = self.pulled = False
        # What the last call has found: no queued key is below this, and what is settled.
        self._least, self._settled = math.inf, (0, 0)
        self._start, self._advance = same_types(push.start), same_types(push.advance)
        self._pull = same_types(pull.finish_and_pull)
        self._reset, self._begin = same_types(sweep.reset), same_types(sweep.begin)
        self._finish, self._no_weight = same_types(sweep.finish), self.weight_type(0)
        self._ways = self._both_ways(self.ranges)
        *self._before, last = layout.connected
        self._reset_from, self._reset_to = last.start, last.stop
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

    def _both_ways(self, pulled: Ranges) -> BothWays | None:
        if self.incoming is None:
            return None
        budget = self.choices.finish_arcs
        return kept(BothWays(self.ranges, self.out, pulled, self.incoming, budget))

    def _share(self, settled: int) -> int:
        """How many of the rows to settle before the switch are this engine's."""
        return settled

    def _others(self) -> list[tuple[int, int]]:
        """Labels of other ranks' vertices to which own rows may lead."""
        return []

    def _room_for_state(self, words: int) -> np.ndarray:
        return np.empty(words, np.uint64)

    def _reset_labels(self, threads: int, labels: range) -> None:
        self._reset(threads, labels.start, labels.stop, self.labels, self.state)

    def reset(self, root: int) -> None:
        csr = self.csr
        if self.root >= csr.layout.reachable:
            self._reset_labels(1, range(self.root, self.root + 1))
        self.switched = self.pulled = False
        for labels in self._before:
            self._reset_labels(self.threads, labels)
        self._settled = 0, 0
        if csr.first <= root < csr.first + csr.n:
            self.root, self._least = csr.local_id.item(root - csr.first), 0.0
            self._begin_at(self.root, self.root, 0)
            if not self.stepwise:
                self._search_on()
        else:
            self.root, self._least = -1, math.inf
            self._reset_labels(self.threads, range(self._reset_from, self._reset_to))
            push.forget(self.unreached, self.queues)

    def _begin_at(self, root: int, parent: int, dist: int) -> None:
        """Forget what was found for the last labels, and queue one at a distance (bits)."""
        self._begin(
            self._reset_from,
            self._reset_to,
            self.labels,
            root,
            parent,
            dist,
            self.state,
            self.queues,
        )

    def _search_on(self) -> None:
        """Go on to the end: what the loop has the engine do, without what Python takes for it."""
        self.relax(0.0)
        if self.switched:
            self._finish_and_pull(True, True, 0)
            self.pulled = True
            self.relax(0.0)

    def nearest(self) -> float:
        return self._least

    def settled(self) -> tuple[int, int, int]:
        return *self._settled, int(self.switched)

    def relax(self, lo: float) -> None:
        self._relax(_ALL, -1, self.limits_after_pull if self.pulled else self.limits)

    def _relax(self, buckets: int, anchor: int, limits: Limits) -> None:
        status, bits, self._least, rows, arcs = self._advance(
            buckets, anchor, limits, self.ranges, self.out, self.state, self.queues
        )
        self._settled = rows, arcs
        if status == push.SWITCH:
            self.settled_below, self.switched = bits, True

    def push_settled(self, lo: float) -> float:
        self.settled_below, self.switched = int(self._bits(lo)), True
        return self._distance(self._finish_and_pull(True, False, 0))

    def pull(self, floor: float) -> None:
        self._finish_and_pull(False, True, int(self._bits(floor)))
        self.pulled = True

    def _finish_and_pull(self, finish: bool, pull: bool, floor: int) -> int:
        return self._pull(
            finish, pull, self.settled_below, floor, self._ways, self.state, self.queues
        )

    def result(self, out: Answer) -> None:
        finish = self._finish if is_as_made(out, self.csr.kind) else sweep.finish
        out.phases, out.arcs = finish(
            self.ranges, self.out, self.ids, self.state, self._no_weight, out.dist, out.parent,
            self.queues,
        )  # fmt: skip

    def has_overflow(self) -> bool:
        """Does an arc lead from a reached vertex to an unreached one? Then a sum was infinite."""
        csr, hidden = self.csr, self.csr.layout.ghost_leaves
        return sweep.has_overflow(
            csr.stats.directed, self.ranges.bounds, hidden.start, hidden.stop, self.out, self.state
        )
