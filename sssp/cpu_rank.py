"""The CPU engine of one rank among several: what it sends to the others, and receives from them.

Until the switch a rank pushes one bucket at a time and sends the owners of ghosts requests to relax
what it found for them. At the switch every rank gets the distances of its settled ghosts. From
there on it pulls only for its own vertices: first for those of the longest rows, whose updates go
to all ranks that see them then and later, then for the rest. Of other ghosts it subscribes only to
those on which an arc within reach hangs. Sweeps over the noted arcs, with updates between them,
bring most of what is left; then ranks push again.

Node peers (graphs.labels) keep their distances in one array. A push stores what it finds for a
peer's vertex and requests that the peer queues it; a pull and a sweep read what they need, and
write only own vertices. So where all ranks are node peers nothing else is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphs.csr import CSR
from graphs.halo import Halo
from graphs.pages import lazy_zeros
from kernels import halo, pull
from kernels.compile import same_types
from kernels.groups import Peers, Reach, Subscriptions
from kernels.queues import NEAR_COUNT, OUT_AT, OUT_END, OUT_TAIL, OVERFLOW, nearest, overflowed
from sssp.cpu import CPUEngine
from sssp.tuning import Choices

# Room for noted arcs at first, in those of a queue; it grows where that is too little.
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
        Makes an array that the node peers share: `Comm.together`.
    asks : bool
        After the pull, subscribe to some ghosts; else get updates of all that change. Subscribing
        sends less, the more so the more ranks there are (docs/SCALING.md).
    """

    def __init__(self, csr: CSR, choices: Choices, threads: int, together: Together,
                 asks: bool = True):  # fmt: skip
        assert csr.halo is not None
        self.stepwise = True
        self.halo: Halo = csr.halo
        self._together = together
        super().__init__(csr, choices, threads)
        self.asks = asks
        self.rows = csr.layout.rows
        self.ghosts, self.links = self.halo.ghosts, self.halo.links
        peers = self.halo.node_peers
        self.peers = Peers(peers, self.halo.rows_begin[peers], self.halo.size)
        share = csr.stats.reachable // self.halo.size**2
        self.stages = [share // part for part in _STAGES] if csr.stats.hubs else []
        self.hubs = max(self.stages, default=0)
        # The rows of the last stage of the pull, and where its noted arcs begin.
        self.first = self.last = self.noted_from = 0
        self.pending_arcs = lazy_zeros(_ROOM * self.queues.entries.shape[1], self.entry)
        self.noted = 0
        self.sweeps = 0
        ghosts = len(self.ghosts.owner)
        self.marks = np.zeros(ghosts // 64 + 1, np.uint64)
        links = len(self.links.rank)
        self.subscriptions = Subscriptions(
            self.rows.start, np.zeros(links, np.uint8), np.zeros(len(self.rows), np.uint8)
        )
        self.listed = lazy_zeros(max(len(self.rows), ghosts) + 1, np.int32)
        self.recipients = lazy_zeros(links + 1, [("vertex", "<i4"), ("link", "<i4")])
        self.update_kind = np.empty(0, halo.update_dtype(self.unreached.dtype))
        self.request_kind = np.empty(0, halo.request_dtype(self.unreached.dtype))
        self.known = 0
        self.requested = self.unreached
        self.asked = np.empty(0, np.int32)
        self.zero = self.unreached.dtype.type(0)
        self._sweep_arcs, self._pull_rows = same_types(pull.sweep), same_types(pull.pull_rows)
        self._push_settled = same_types(pull.push_settled)
        self._collect_requests = same_types(halo.collect_requests)
        self._apply_requests = same_types(halo.apply_requests)
        self._dist_updates = same_types(halo.dist_updates)
        self._needed_ghosts = same_types(halo.needed_ghosts)
        self._nearest = same_types(nearest)
        self._keys = self.queues.heap, self.queues.control, self.queues.thread_counters

    def _others(self) -> list[tuple[int, int]]:
        ghosts, peers = self.csr.layout.ghosts, self.halo.node_peers
        peers = peers[peers != self.halo.rank]
        bounds = zip(self.halo.rows_begin[peers], self.halo.rows_end[peers], strict=True)
        return [(ghosts.start, ghosts.stop), *bounds]

    def _room_for_state(self, words: int) -> np.ndarray:
        if len(self.halo.node_peers) > 1:
            return self._together(words, np.dtype(np.uint64))
        return super()._room_for_state(words)

    def _share(self, settled: int) -> int:
        return max(settled // self.halo.size, 1)

    def reset(self, root: int) -> None:
        super().reset(root)
        _, by_link, has_subscribers = self.subscriptions
        hubs = min(self.hubs, len(has_subscribers))
        has_subscribers[:] = by_link[:] = 0
        has_subscribers[:hubs] = by_link[: self.links.begin[hubs]] = 1
        self.sweeps, self.first, self.last = 0, *2 * (self.rows.start,)
        self.requested = self.unreached

    @property
    def sends_updates(self) -> bool:
        """Do subscribers get updates of what the last call of `relax` has changed?"""
        return self.sweeps > 0

    def nearest(self) -> float:
        if self.sweeps > 0:
            return self._distance(self.settled_below)
        if self.switched and (not self.pulled or self.queues.control[NEAR_COUNT] > 0):
            return self._distance(self.settled_below)
        return self._distance(min(self._nearest(*self._keys, self.unreached), self.requested))

    def relax(self, lo: float) -> None:
        if not self.pulled:
            self._relax(1, int(self._bits(lo)), self.limits)
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
        return self._sweep_arcs(
            self.pending_arcs[first:], self.noted - first, self.weight_type(0), self.state,
            self.queues,
        )  # fmt: skip

    def _list(self, count: int) -> None:
        """List the vertices the last sweep has improved; if that overflowed, all it may have."""
        overflow = overflowed(self.queues.thread_counters)
        self.queues.thread_counters[:, OVERFLOW] = 0
        if overflow and self.halo.spans_nodes:
            self.known = self._list_own(self.settled_below, self.unreached)
        elif self.halo.spans_nodes:
            self.known = halo.list_improved(
                self.queues.entries[0], count, self.subscriptions, self.state, self.listed
            )

    def _list_between(self, first: int, last: int, least: Any, below: Any) -> int:
        return halo.list_between(first, last, least, below, self.state, self.listed)

    def _list_own(self, least: Any, below: Any) -> int:
        return self._list_between(self.rows.start, self.rows.stop, least, below)

    def _push_improved(self) -> None:
        pull.push_improved(self.ranges, self.state, self.queues)

    def push_settled(self, lo: float) -> float:
        self.settled_below, self.switched = self._bits(lo), True
        floor = self._push_settled(
            self.settled_below, self.choices.finish_arcs, self.ranges, self.out, self.state,
            self.queues,
        )  # fmt: skip
        return self._distance(floor)

    def _reach(self, floor: float) -> Reach:
        return Reach(self.settled_below, self._bits(floor), self.ranges.leaf_begin)

    def pull_hubs(self, stage: int, floor: float) -> None:
        """Pull for the next of the vertices with the longest rows: most noted arcs begin there."""
        self._pull_to(min(self.rows.start + stage, self.rows.stop), floor)

    def pull(self, floor: float) -> None:
        self._pull_to(self.rows.stop, floor)
        self.pulled, self.sweeps = True, _SWEEPS

    def _pull_to(self, last: int, floor: float) -> None:
        if self.last == self.rows.start:
            pull.forget_queued(self.unreached, self.queues)
            self.noted = 0
        self.first, self.last, self.noted_from = self.last, last, self.noted
        self._note(self.first, self.last, floor)

    def _note(self, first: int, last: int, floor: float) -> None:
        while True:
            found = self._pull_rows(
                first, last, self._reach(floor), self.incoming, self.state, self.pending_arcs,
                self.noted, self.queues,
            )  # fmt: skip
            if not overflowed(self.queues.thread_counters):
                break
            self.queues.thread_counters[:, OVERFLOW] = 0
            longer = lazy_zeros(4 * len(self.pending_arcs), self.entry)
            longer[: self.noted] = self.pending_arcs[: self.noted]
            self.pending_arcs = longer
        self.noted = found

    def relax_requests(self) -> tuple[np.ndarray, ...]:
        """What was found for other ranks' vertices: counts, requests."""
        counts, requests, self.requested = self._collect_requests(
            self.request_kind, self.peers, self.ghosts, self.links, self.ranges, self.state,
            self.queues,
        )  # fmt: skip
        return counts, requests

    def forget_requests(self) -> None:
        """No rank need be sent what was found for vertices of node peers."""
        self.queues.control[OUT_TAIL] = self.queues.thread_counters[:, OUT_AT : OUT_END + 1] = 0

    def apply_requests(self, requests: np.ndarray) -> None:
        """Take what other ranks found for own vertices."""
        self._apply_requests(requests, self.state, self.queues)

    def settled_updates(self) -> tuple[np.ndarray, ...]:
        """The settled own vertices, for all ranks that see them: counts, updates."""
        return self._updates(self._list_own(self.zero, self.settled_below), 0)

    def pulled_updates(self) -> tuple[np.ndarray, ...]:
        """What the last stage of the pull found for own vertices, for all ranks that see them."""
        return self._updates(
            self._list_between(self.first, self.last, self.settled_below, self.unreached), 0
        )

    def reached_updates(self) -> tuple[np.ndarray, ...]:
        """Every reached own vertex, for all ranks that see it: counts, updates."""
        return self._updates(self._list_own(self.zero, self.unreached), 0)

    def changed_updates(self) -> tuple[np.ndarray, ...]:
        """The own vertices that a sweep has changed, for their subscribers: counts, updates."""
        return self._updates(self.known, 1)

    def _updates(self, count: int, least: int) -> tuple[np.ndarray, ...]:
        return self._dist_updates(
            self.update_kind, self.halo.size, self.listed[:count], self.links, self.subscriptions,
            least, self.recipients, self.state,
        )  # fmt: skip

    def apply_updates(self, updates: np.ndarray) -> None:
        """Take the distances of ghosts from their owners."""
        halo.apply_updates(updates["label"], updates["dist"], self.ranges.labels, self.state)

    def needed_ghosts(self) -> tuple[np.ndarray, np.ndarray]:
        """The ghosts of which updates are needed: counts, labels at their owners."""
        counts, self.asked, there = self._needed_ghosts(
            self.pending_arcs[: self.noted], self.rows.stop, self.hubs, self.halo.rows_begin,
            self.ghosts, self.marks, self.listed,
        )  # fmt: skip
        return counts, there

    def subscribe(self, counts: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Note which rank wants updates of what; returns the distances by now, in that order."""
        dist = np.empty(len(label), self.unreached.dtype)
        halo.subscribe(counts, label, self.links, self.subscriptions, self.state, dist)
        return dist

    def subscribe_all(self) -> None:
        """Every rank gets updates of all that it sees."""
        _, by_link, has_subscribers = self.subscriptions
        by_link[:] = has_subscribers[:] = 1

    def apply_asked(self, dist: np.ndarray) -> None:
        """Take the distances of the ghosts that were asked for."""
        halo.apply_updates(self.asked, dist, self.ranges.labels, self.state)

    def leaf_updates(self) -> tuple[np.ndarray, np.ndarray]:
        """The distances on which other ranks' leaves wait: counts, dist."""
        dist = np.empty(len(self.halo.leaf_ends), self.unreached.dtype)
        halo.distances(self.halo.leaf_ends, self.state, dist)
        return self.halo.leaf_counts, dist

    def apply_leaves(self, dist: np.ndarray) -> None:
        """Take the distances on which own leaves wait."""
        halo.apply_updates(self.halo.leaf_ghosts, dist, self.ranges.labels, self.state)
