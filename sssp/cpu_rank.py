"""The CPU engine of one rank among several: what it sends to the others and receives.

Until the switch a rank pushes one bucket at a time and offers the owners of ghosts what it found
for them. At the switch every rank is told which of its ghosts are settled. From there on it pulls
for its own vertices alone: first for those of the longest rows, of which all who see them are told
then and later, then for the rest. Of other ghosts it asks for news of just those on which an arc
within reach hangs. Sweeps over the noted arcs, with news between them, bring most of what is left;
then ranks push again.

Neighbours (graphs.labels) keep their distances in one array. A push stores what it finds for a
neighbour's vertex and tells him to queue it; a pull and a sweep read what they need, and write own
vertices alone. So where all ranks are neighbours nothing else is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphs.csr import CSR
from graphs.halo import Halo
from graphs.pages import untouched
from kernels import halo, pull
from kernels.queues import OUT_AT, OUT_END, OUT_TAIL, OVERFLOW, ran_over
from sssp.choices import Choices
from sssp.cpu import CPUEngine

# Room for noted arcs at first, in those of a queue; it grows where that does not do.
_ROOM = 4
# The vertices of the longest rows pull in stages before the rest: where n vertices can be reached,
# those whose labels are below n / ranks^2 / each of these.
_STAGES = (12, 3)
# Sweeps over the noted arcs before the improved push: at scale 20 on two ranks they improve 4, 2
# and 0.3 % of the heads. One more costs what it saves, one less twice as much.
_SWEEPS = 3


Together = Callable[[int, np.dtype], np.ndarray]


class CPURankEngine(CPUEngine):
    """Searches on one rank's rows (see `CPUEngine`).

    Parameters
    ----------
    csr, choices, threads
        As of a `CPUEngine`.
    together : callable
        Makes an array that the neighbours share: `Comm.together`.
    asks : bool
        After the pull, ask for news of some ghosts; else be told of all that change. Asking sends
        less, the more so the more ranks there are (docs/SCALING.md).
    """

    def __init__(self, csr: CSR, choices: Choices, threads: int, together: Together,
                 asks: bool = True):  # fmt: skip
        assert csr.halo is not None
        self.halo: Halo = csr.halo
        self._together = together
        super().__init__(csr, choices, threads)
        self.asks = asks
        self.near_from = self.halo.rows_from[self.halo.near]
        rows = csr.rows_to - csr.rows_from
        share = csr.graph_reachable // self.halo.size**2
        self.stages = [share // part for part in _STAGES] if csr.hubs else []
        self.hubs = max(self.stages, default=0)
        # The rows of the last stage of the pull, and where its noted arcs begin.
        self.first = self.last = self.noted_from = 0
        self.within = untouched(_ROOM * self.queues.shape[1], self.entry)
        self.noted = 0
        self.sweeps = 0
        ghosts = len(self.halo.ghost_rank)
        self.marks = np.zeros(ghosts // 64 + 1, np.uint64)
        # Who was promised news: of which own rows somebody was, and by which links.
        self.watched = np.zeros(rows, np.uint8)
        self.promised = np.zeros(len(self.halo.link_rank), np.uint8)
        self.listed = untouched(max(rows, ghosts) + 1, np.int32)
        self.told = untouched(len(self.promised) + 1, [("vertex", "<i4"), ("link", "<i4")])
        self.news_kind = np.empty(0, halo.news_dtype(self.unreached.dtype))
        self.offer_kind = np.empty(0, halo.offer_dtype(self.unreached.dtype))
        self.known = 0
        self.offered = self.unreached
        self.asked = np.empty(0, np.int32)

    def _others(self) -> list[tuple[int, int]]:
        ours = self.halo
        neighbours = ours.near[ours.near != ours.rank]
        bounds = zip(ours.rows_from[neighbours], ours.rows_to[neighbours], strict=True)
        return [(self.csr.rows_to, self.csr.ghosts_to), *bounds]

    def _room_for_state(self, words: int) -> np.ndarray:
        if len(self.halo.near) > 1:
            return self._together(words, np.dtype(np.uint64))
        return super()._room_for_state(words)

    def reset(self, root: int) -> None:
        super().reset(root)
        hubs = min(self.hubs, len(self.watched))
        self.watched[:] = self.promised[:] = 0
        self.watched[:hubs] = self.promised[: self.halo.link_start[hubs]] = 1
        self.sweeps, self.first, self.last = 0, *2 * (self.csr.rows_from,)
        self.offered = self.unreached

    @property
    def tells(self) -> bool:
        """Are those who asked to be told what the last call of `relax` has changed?"""
        return self.sweeps > 0

    def nearest(self) -> float:
        if self.sweeps > 0:
            return self._distance(self.settled_below)
        return min(super().nearest(), self._distance(self.offered))

    def relax(self, lo: float) -> None:
        if not self.pulled:
            switch = max(self.choices.switch_settled // self.halo.size, 1)
            self._advance(1, int(self._bits(lo)), switch)
            return
        if self.sweeps > 0:
            self.sweeps -= 1
            count = self._sweep(0)
            if self.sweeps > 0:
                self._list(count)
            else:
                self._push_improved()
        if self.sweeps == 0:
            super().relax(lo)

    def sweep_hubs(self) -> None:
        """Relax the arcs that the last stage of the pull has noted."""
        self._list(self._sweep(self.noted_from))

    def _sweep(self, first: int) -> int:
        """Relax noted arcs once; returns how many entries their queue of the improved holds."""
        return pull.sweep(
            self.threads, self.within[first:], self.noted - first, self.state,
            self.weight_type(0), self.queues[0], self.shared, self.books,
        )  # fmt: skip

    def _list(self, count: int) -> None:
        """List the vertices that the last sweep has improved; if that ran over, all it may have."""
        over = ran_over(self.books)
        self.books[:, OVERFLOW] = 0
        if over and self.halo.apart:
            self.known = self._list_between(*self.csr.own, self.settled_below, self.unreached)
        elif self.halo.apart:
            self.known = halo.list_improved(
                self.queues[0], count, self.csr.rows_from, self.unreached, self.state,
                self.watched, self.listed,
            )  # fmt: skip

    def _list_between(self, first: int, last: int, least: Any, below: Any) -> int:
        return halo.list_between(first, last, least, below, self.state, self.listed)

    def _push_improved(self) -> None:
        pull.push_improved(
            self.ranges, self.unreached, self.state, self.queues, self.out, self.shared, self.books
        )

    def pull_hubs(self, stage: int, floor: float) -> None:
        """Pull for the next of the vertices with the longest rows: most noted arcs begin there."""
        self._pull_to(min(self.csr.rows_from + stage, self.csr.rows_to), floor)

    def pull(self, floor: float) -> None:
        self._pull_to(self.csr.rows_to, floor)
        self.pulled, self.sweeps = True, _SWEEPS

    def _pull_to(self, last: int, floor: float) -> None:
        if self.last == self.csr.rows_from:
            pull.forget_queued(self.unreached, self.shared, self.books)
            self.noted = 0
        self.first, self.last, self.noted_from = self.last, last, self.noted
        self._note(self.first, self.last, floor)

    def _note(self, first: int, last: int, floor: float) -> None:
        csr = self.csr
        assert csr.incoming is not None  # wants_pull() said so
        while True:
            found = pull.note(
                self.threads, first, last, self.settled_below, self._bits(floor), csr.plain,
                csr.incoming.indptr, csr.incoming.arcs, self.state, self.within, self.noted,
                self.shared, self.books,
            )  # fmt: skip
            if not ran_over(self.books):
                break
            self.books[:, OVERFLOW] = 0
            longer = untouched(4 * len(self.within), self.entry)
            longer[: self.noted] = self.within[: self.noted]
            self.within = longer
        self.noted = found

    def offers(self) -> tuple[np.ndarray, ...]:
        """What was found for other ranks' vertices: counts, offers."""
        ours = self.halo
        counts, offers, self.offered = halo.collect_offers(
            self.offer_kind, ours.size, self.ranges, self.csr.labels, self.unreached, ours.near,
            self.near_from, ours.ghost_rank, ours.ghost_label, ours.link_start, ours.link_rank,
            ours.link_label, self.state, self.out, self.shared, self.books,
        )  # fmt: skip
        return counts, offers

    def forget_offers(self) -> None:
        """Nobody need be told what was found for neighbours' vertices."""
        self.shared[OUT_TAIL] = self.books[:, OUT_AT : OUT_END + 1] = 0

    def apply(self, offers: np.ndarray) -> None:
        """Take what other ranks found for own vertices."""
        halo.apply_offers(offers, self.state, self.heap, self.queues, self.shared, self.books)

    def settled_news(self) -> tuple[np.ndarray, ...]:
        """The settled own vertices, to all who see them: counts, news."""
        return self._news(self._list_between(*self.csr.own, self.zero, self.settled_below), 0)

    def pulled_news(self) -> tuple[np.ndarray, ...]:
        """What the last stage of the pull found for own vertices, to all who see them."""
        return self._news(
            self._list_between(self.first, self.last, self.settled_below, self.unreached), 0
        )

    def reached_news(self) -> tuple[np.ndarray, ...]:
        """Every reached own vertex, to all who see it: counts, news."""
        return self._news(self._list_between(*self.csr.own, self.zero, self.unreached), 0)

    def changed_news(self) -> tuple[np.ndarray, ...]:
        """The own vertices that a sweep has changed, to those who asked: counts, news."""
        return self._news(self.known, 1)

    def _news(self, count: int, least: int) -> tuple[np.ndarray, ...]:
        ours = self.halo
        return halo.news(
            self.news_kind, ours.size, self.listed, count, self.csr.rows_from, self.unreached,
            ours.link_start, ours.link_rank, ours.link_label, self.promised, least, self.told,
            self.state,
        )  # fmt: skip

    def hear(self, news: np.ndarray) -> None:
        """Take the distances of ghosts from their owners."""
        halo.hear(news["label"], news["dist"], self.csr.labels, self.state)

    def wanted(self) -> tuple[np.ndarray, np.ndarray]:
        """The ghosts of which news are wanted: counts, labels at their owners."""
        ours = self.halo
        counts, self.asked, there = halo.wanted(
            self.within, self.noted, ours.size, self.csr.rows_to, self.hubs, ours.rows_from,
            ours.ghost_rank, ours.ghost_label, self.marks, self.listed,
        )  # fmt: skip
        return counts, there

    def promise(self, counts: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Note who wants news of what; returns the distances by now, in the same order."""
        ours = self.halo
        return halo.promise(
            counts, label, self.csr.rows_from, self.unreached, ours.link_start, ours.link_rank,
            self.promised, self.watched, self.state,
        )  # fmt: skip

    def promise_all(self) -> None:
        """Everyone gets news of everything he sees."""
        self.promised[:] = self.watched[:] = 1

    def hear_asked(self, dist: np.ndarray) -> None:
        """Take the distances of the ghosts that were asked for."""
        halo.hear(self.asked, dist, self.csr.labels, self.state)

    def leaf_news(self) -> tuple[np.ndarray, np.ndarray]:
        """The distances on which other ranks' leaves wait: counts, dist."""
        ours = self.halo
        return ours.leaf_counts, halo.distances(ours.leaf_ends, self.unreached, self.state)

    def hear_leaves(self, dist: np.ndarray) -> None:
        """Take the distances on which own leaves wait."""
        halo.hear(self.halo.leaf_ghosts, dist, self.csr.labels, self.state)
