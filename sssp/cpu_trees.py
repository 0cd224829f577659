"""The CPU engine of a graph that vertices were taken off: it searches the core (graphs.trees)."""

from __future__ import annotations

import math

import numpy as np

from graphs.csr import CSR
from graphs.forest import Forest
from kernels import heap, queues, trees
from kernels.compile import same_types
from kernels.groups import Queues, TakenOff
from kernels.kept import kept
from kernels.push import forget
from sssp.cpu import _ALL, CPUEngine, is_as_made
from sssp.engine import Answer
from sssp.tuning import Choices


class WithTrees(CPUEngine):
    """What all engines do that write what was taken off, whichever ranks search the core."""

    forest: Forest

    def _load_trees(self, searched: list[tuple[int, int]], first_held: int) -> None:
        """Get kernels and arguments for what was taken off.

        searched     ranges of labels
        first_held   the first of the places in the state of what is in `held`
        """
        self._write_answer = same_types(trees.write)
        self._name, self._has_overflow = same_types(trees.name), same_types(trees.has_overflow)
        forest = self.forest
        passes = [(labels.start, labels.stop) for labels in forest.passes]
        taken_off = TakenOff(
            np.array(searched, np.int64), np.array(passes, np.int64).reshape(-1, 2), forest.held,
            first_held, forest.leaf_weight,
        )  # fmt: skip
        self._off = kept(taken_off)

    def _write(self, out: Answer) -> None:
        """Write the answer, from the labels that were searched on and from the trees on these."""
        write = self._write_answer if is_as_made(out, self.csr.kind) else trees.write
        out.phases, out.arcs = write(
            self._off, self.out, self.ids, self.state, out.dist, out.parent, self.queues
        )

    def _leaves_overflow(self) -> bool:
        return self._has_overflow(self.csr.local_id, self.forest.leaf_weight, self.state)


class OnWholeCore(WithTrees):
    """What engines do alike that have all of a core, and rows upwards of what was taken off it.

    From a root that was taken off, pushes climb to the core first; distances on the way stay.
    """

    def _load_core(self) -> None:
        """Get arguments for the core and for what was taken off; these are all own rows."""
        core, end = self.forest.core, self.csr.layout.rows.stop
        bounds = np.array([[0, core], [core, end]])
        self._ways = self._both_ways(kept(self.ranges._replace(bounds=bounds)))
        # From what was taken off, pushes upwards: to the core as if it were another rank's.
        bounds = np.array([[core, end], [end, end], [0, core]])
        self._upwards = kept(self.ranges._replace(bounds=bounds))
        self._queue_found = same_types(heap.queue_found)
        self._queue_found(self.state, self.queues)  # loaded now: few roots need it

    def _make_queues(self) -> Queues:
        made = super()._make_queues()
        room = len(self.csr.layout.rows) + queues.spare_entries(self.threads)
        return made._replace(outbox=np.empty(room, self.entry))

    def _climb(self) -> None:
        """Push all that was taken off and is reached, and queue what that finds in the core.

        Before anything else: a pull, which forgets what is queued, looks at the core's arcs only.
        """
        self._advance(
            _ALL, -1, self.limits_after_pull, self._upwards, self.out, self.state, self.queues
        )
        self._queue_found(self.state, self.queues)


class TreeEngine(OnWholeCore):
    """Searches on the core of a CSR; what was taken off follows when the answer is written."""

    def __init__(self, csr: CSR, choices: Choices, threads: int):
        assert csr.forest is not None
        self.forest = csr.forest
        super().__init__(csr, choices, threads)
        self._load_trees([(0, self.forest.core)], csr.layout.labels + 1)
        self._load_core()
        self._leaf_bits = self.forest.leaf_weight.view(self.unreached.dtype)
        labels = csr.layout.labels
        # What has no label shares the one after the last, which is never reached.
        self._nobody = labels
        self._reset_labels(1, range(labels, labels + 1))
        self._name(1, labels, labels + 1, csr.global_id, self.state)
        self._id = -1

    def _room_for_state(self, words: int) -> np.ndarray:
        places = 1 + len(self.forest.held)
        return np.empty(
            words + places * (1 if self.unreached.dtype.itemsize == 4 else 2), np.uint64
        )

    def reset(self, root: int) -> None:
        self._id, self.root = root, self.csr.local_id.item(root)
        self.switched = self.pulled = False
        self._settled, self._least = (0, 0), 0.0
        if self.root == self._nobody:
            self._least = math.inf
            self._reset_labels(self.threads, range(self._reset_from, self._reset_to))
            forget(self.unreached, self.queues)
            return
        at, before, dist = self.root, self.root, 0
        if self.root > self._nobody:
            at, before = self._held(), self._nobody
            dist = self._leaf_bits.item(root)
        self._begin_at(at, before, dist)
        if at >= self.forest.core:
            self._climb()
        if not self.stepwise:
            self._search_on()

    def _held(self) -> int:
        """The vertex on which the root, a leaf, hangs."""
        return self.forest.held.item(self.root - self._nobody - 1)

    def result(self, out: Answer) -> None:
        self._write(out)
        if self.root > self._nobody:
            out.parent[self.csr.global_id[self._held()]] = self._id
        if self.root >= self._nobody:
            out.dist[self._id], out.parent[self._id] = 0, self._id

    def has_overflow(self) -> bool:
        return super().has_overflow() or self._leaves_overflow()
