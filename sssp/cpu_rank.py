"""The CPU engine of one rank among several: what it tells the others, and what it hears.

Until the switch a rank pushes one bucket at a time and offers the owners of ghosts what it found
for them. At the switch every rank is told which of its ghosts are settled. From there on it pulls
for its own vertices alone: first for those of the longest rows, of which all who see them are told,
then for the rest. It asks for news of just those ghosts on which an arc within reach hangs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphs.csr import CSR
from graphs.halo import Halo
from kernels import halo, noted, pull
from kernels.queues import OVERFLOW, ran_over
from sssp.choices import Choices
from sssp.cpu import CPUEngine

# Room for noted arcs at first, in those of a queue; it grows where that does not do.
_ROOM = 2
# Of so many rows, times the ranks, one is a hub's: all ranks together are told of n / 8 vertices.
_HUB_SHARE = 8


class CPURankEngine(CPUEngine):
    """Searches on one rank's rows (see `CPUEngine`).

    Parameters
    ----------
    csr, choices, threads
        As of a `CPUEngine`.
    asks : bool
        After the pull, ask for news of some ghosts; else be told of all that change. Asking sends
        less, the more so the more ranks there are (docs/SCALING.md).
    """

    def __init__(self, csr: CSR, choices: Choices, threads: int, asks: bool = True):
        super().__init__(csr, choices, threads)
        self.asks = asks
        assert csr.halo is not None
        self.halo: Halo = csr.halo
        self.hubs = csr.rows // (_HUB_SHARE * self.halo.size) if csr.hubs else 0
        self.within = np.empty(_ROOM * self.queues.shape[1], self.entry)
        self.noted = 0
        self.marks = np.zeros(csr.labels, np.uint8)
        self.promised = np.zeros(len(self.halo.link_rank), np.uint8)
        self.changed = np.empty(csr.rows, np.int32)
        self.words = np.zeros(noted.WORDS, np.int64)
        self.asked = np.empty(0, np.int32)
        self.swept = False

    def reset(self, root: int) -> None:
        super().reset(root)
        self.promised[:] = 0
        self.marks[:] = 0
        self.words[:] = 0
        self.swept = False

    def nearest(self) -> float:
        if not self.pulled:
            return super().nearest()
        done = self.swept and self.words[noted.LENGTH] == 0
        return math.inf if done else self._distance(self.settled_below)

    def relax(self, lo: float) -> None:
        if self.pulled:
            self._sweep()
        else:
            switch = max(self.choices.switch_settled // self.halo.size, 1)
            self._advance(1, int(self._bits(lo)), switch)

    def _sweep(self) -> None:
        """Relax noted arcs: all of them the first time, then those whose tails have changed."""
        noted.sweep(
            not self.swept, self.within, self.noted, self.weight_type(0), self.state, self.marks,
            self.halo.link_start, self.promised, self.changed, self.words, self.shared,
            self.books[0],
        )  # fmt: skip
        self.swept = True

    def pull_hubs(self, floor: float) -> None:
        """Pull for the vertices of the longest rows alone: most noted arcs begin there."""
        pull.forget_queued(self.unreached, self.shared, self.books)
        self.noted = 0
        self._note(0, self.hubs, floor)

    def pull(self, floor: float) -> None:
        self._note(self.hubs, self.csr.rows, floor)
        noted.mark_tails(self.within, self.noted, self.marks)
        self.pulled = True

    def _note(self, first: int, last: int, floor: float) -> None:
        csr = self.csr
        assert csr.incoming is not None  # wants_pull() said so
        while True:
            found = pull.note(
                self.threads, first, last, self.settled_below, self._bits(floor), csr.leaves_from,
                csr.incoming.indptr, csr.incoming.arcs, self.state, self.within, self.noted,
                self.shared, self.books,
            )  # fmt: skip
            if not ran_over(self.books):
                break
            self.books[:, OVERFLOW] = 0
            longer = np.empty(4 * len(self.within), self.entry)
            longer[: self.noted] = self.within[: self.noted]
            self.within = longer
        self.noted = found

    def offers(self) -> tuple[np.ndarray, ...]:
        """What was found for ghosts: counts, target, dist, parent."""
        ours = self.halo
        return halo.collect_offers(
            ours.size, self.csr.rows, self.csr.leaves_from, self.unreached, ours.ghost_rank,
            ours.ghost_label, ours.link_start, ours.link_rank, ours.link_label, self.state,
            self.queues, self.shared, self.books,
        )  # fmt: skip

    def apply(self, target: np.ndarray, dist: np.ndarray, parent: np.ndarray) -> None:
        """Take what other ranks found for own vertices."""
        halo.apply_offers(
            target, dist, parent, self.state, self.heap, self.queues, self.shared, self.books
        )

    def settled_news(self) -> tuple[np.ndarray, ...]:
        """The settled own vertices, to all who see them: counts, label, dist."""
        return self._news(self.csr.rows, self.zero, self.settled_below)

    def hub_news(self) -> tuple[np.ndarray, ...]:
        """What the pull found for own vertices of the longest rows: counts, label, dist."""
        return self._news(self.hubs, self.settled_below, self.unreached)

    def reached_news(self) -> tuple[np.ndarray, ...]:
        """Every reached own vertex, to all who see it: counts, label, dist."""
        return self._news(self.csr.rows, self.zero, self.unreached)

    def _news(self, rows: int, least: Any, below: Any) -> tuple[np.ndarray, ...]:
        ours = self.halo
        return halo.news_between(
            ours.size, rows, least, below, ours.link_start, ours.link_rank, ours.link_label,
            self.state,
        )  # fmt: skip

    def changed_news(self) -> tuple[np.ndarray, ...]:
        """The own vertices that changed, to those who asked: counts, label, dist."""
        ours = self.halo
        news = halo.changed_news(
            ours.size, self.changed, self.words[noted.KNOWN], self.unreached, ours.link_start,
            ours.link_rank, ours.link_label, self.promised, self.marks, self.state,
        )  # fmt: skip
        self.words[noted.KNOWN] = 0
        return news

    def hear(self, label: np.ndarray, dist: np.ndarray) -> None:
        """Take the distances of ghosts from their owners."""
        halo.hear(label, dist, self.csr.labels, self.state)
        if self.swept:
            noted.wake(label, self.marks, self.words)

    def wanted(self) -> tuple[np.ndarray, np.ndarray]:
        """The ghosts of which news are wanted: counts, labels at their owners."""
        ours = self.halo
        counts, self.asked, there = halo.wanted(
            self.marks, ours.size, self.csr.rows, ours.ghost_rank, ours.ghost_label
        )
        return counts, there

    def promise(self, counts: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Note who wants news of what; returns the distances by now, in the same order."""
        ours = self.halo
        return halo.promise(
            counts, label, self.csr.rows, self.csr.leaves_from, self.unreached, ours.link_start,
            ours.link_rank, self.promised, self.state,
        )  # fmt: skip

    def promise_all(self) -> None:
        """Everyone gets news of everything he sees, beginning with what the pull has found."""
        self.promised[:] = 1
        self.words[noted.KNOWN] = halo.list_unsettled(
            self.csr.rows, self.settled_below, self.unreached, self.state, self.marks, self.changed
        )

    def hear_asked(self, dist: np.ndarray) -> None:
        """Take the distances of the ghosts that were asked for."""
        self.hear(self.asked, dist)

    def leaf_news(self) -> tuple[np.ndarray, np.ndarray]:
        """The distances on which other ranks' leaves wait: counts, dist."""
        ours = self.halo
        return ours.leaf_counts, halo.distances(ours.leaf_ends, self.unreached, self.state)

    def hear_leaves(self, dist: np.ndarray) -> None:
        """Take the distances on which own leaves wait."""
        halo.hear(self.halo.leaf_ghosts, dist, self.csr.labels, self.state)
