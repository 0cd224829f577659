"""The CPU engines of a rank that has trees of its own, on a core that ranks share.

A search begins with the way from its root to the core, which the root's owner sends to all ranks:
one entry, or a few for a root in a tree. Then the ranks that share the core search it (`home`), and
each writes its own vertices, with the trees on which these are (graphs.rank_core).
"""

from __future__ import annotations

import math

import numpy as np

from graphs.comm import Comm
from graphs.csr import CSR
from graphs.rank_core import RankForest, home_of
from kernels import halo, sweep
from sssp.cpu_rank import CPURankEngine
from sssp.cpu_trees import OnWholeCore, WithTrees
from sssp.engine import Answer
from sssp.tuning import Choices

# A vertex of the way from a root to the core: original ids of it and of the one before.
WAY = np.dtype([("id", "<i8"), ("parent", "<i8"), ("dist", "<f8")])


class _OnCore(WithTrees):
    """What these engines have in common, whichever ranks share the core."""

    forest: RankForest
    home: Comm

    def _settle_down(self) -> None:
        """Prepare what the constructors of engines do not."""
        rows, isolated = self.csr.layout.rows, self.csr.layout.isolated
        bounds = [(rows.start, self.forest.core), (isolated.start, isolated.stop)]
        self._load_trees(bounds, self.forest.first_held)
        nobody = self.csr.layout.labels
        # Not reset first: a node peer may be done with it already.
        narrow = self.unreached.dtype.itemsize == 4
        word, parent = np.uint64(self.unreached), np.uint64(2**32 - 1)
        pair = [(word << np.uint64(32)) | parent] if narrow else [word, parent]
        self.state.words[nobody * len(pair) : (nobody + 1) * len(pair)] = pair
        self._way = np.empty(0, WAY)
        self._first = -1  # the label at which the search of the core begins

    def way(self, root: int) -> np.ndarray:
        """The way from an own root to the core, both included; empty on other ranks."""
        csr, offset = self.csr, root - self.csr.first
        if not 0 <= offset < csr.n:
            return np.empty(0, WAY)
        found = [(root, root, 0.0)]
        at = int(csr.local_id[offset])
        place = at - self.forest.first_held
        if 0 <= place < len(self.forest.held):  # a leaf
            at = int(self.forest.held[place])
            weight = self.forest.leaf_weight[offset]
            found.append((int(csr.global_id[at]), root, self._plus(0.0, weight)))
        while at in csr.layout.leaves:
            _, _, dist = found[-1]
            here = int(csr.global_id[at])
            arc = csr.out.arcs[csr.out.indptr[at]]
            at = int(arc["adj"])
            found.append((int(csr.global_id[at]), here, self._plus(dist, arc["weight"])))
        return np.array(found, WAY)

    def _plus(self, dist: float, weight: np.generic) -> float:
        """A distance and one arc more, rounded as in a search; inf where that is out of range."""
        if self.csr.kind == "uint32":
            total = dist + float(weight)
            return total if total < self.csr.limit else math.inf
        with np.errstate(over="ignore"):
            return float(self.weight_type(dist) + weight)

    def take_way(self, way: np.ndarray) -> None:
        """Search from the root that has this way."""
        self._way = way

    def reset(self, root: int) -> None:
        super().reset(-1)
        self._reset_labels(1, self.csr.layout.isolated)
        label, dist = self._labels_of_way(self.csr.global_id, self.forest.by_id)
        halo.apply_updates(label, dist, self.ranges.labels, self.state)
        core, dist = self._labels_of_way(self.forest.core_ids, None)
        self._first = -1
        if len(core) and dist[0] != self.unreached:
            self._first = at = int(self.forest.core_label[core[0]])
            self._start(at, at, dist[0], self.state, self.queues)
            self._least = 0.0

    def _labels_of_way(
        self, ids: np.ndarray, order: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Places in `ids`, ascending in this order, of what is there of the way; distances."""
        ascending = ids if order is None else ids[order]
        place = np.searchsorted(ascending, self._way["id"])
        known = place < len(ascending)
        known[known] = ascending[place[known]] == self._way["id"][known]
        place = place[known].astype(np.int32)
        bits = [self._bits(dist) for dist in self._way["dist"][known].tolist()]
        return place if order is None else order[place], np.array(bits, self.unreached.dtype)

    def result(self, out: Answer) -> None:
        csr = self.csr
        self._write(out)
        for vertex, parent, dist in self._way.tolist():
            if csr.first <= vertex < csr.first + csr.n:
                out.dist[vertex - csr.first], out.parent[vertex - csr.first] = dist, parent

    def has_overflow(self) -> bool:
        if np.isinf(self._way["dist"]).any():
            return True
        if sweep.has_overflow(False, self.ranges.bounds, 0, 0, self.out, self.state):
            return True
        return self._leaves_overflow()


class CopiedCoreEngine(_OnCore, OnWholeCore):
    """Searches on a core that this rank has for itself.

    Parameters
    ----------
    csr, choices, threads
        As of a `CPUEngine`.
    comm : Comm
        All ranks.
    """

    def __init__(self, csr: CSR, choices: Choices, threads: int, comm: Comm):
        assert isinstance(csr.forest, RankForest)
        self.forest, self.home = csr.forest, home_of(comm, True)
        super().__init__(csr, choices, threads)
        self._settle_down()
        self._load_core()

    def _room_for_state(self, words: int) -> np.ndarray:
        return super()._room_for_state(words + 2)  # one for what has no label

    def reset(self, root: int) -> None:
        super().reset(root)
        if self._first in range(self.forest.core, self.csr.layout.rows.stop):
            self._climb()


class SharedCoreEngine(_OnCore, CPURankEngine):
    """Searches on a core that ranks share; parameters as of a `CopiedCoreEngine`."""

    def __init__(self, csr: CSR, choices: Choices, threads: int, comm: Comm):
        assert isinstance(csr.forest, RankForest)
        self.forest, self.home = csr.forest, home_of(comm, False)
        CPURankEngine.__init__(self, csr, choices, threads, self.home.shared_zeros)
        self._settle_down()

    def _room_for_state(self, words: int) -> np.ndarray:
        return super()._room_for_state(words + 2)
