"""The engine protocol: the seam between the loop and the code that holds the vertices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from graphs.comm import Comm, Traffic
from graphs.csr import CSR
from graphs.halo import Halo
from sssp.tuning import Choices


@dataclass
class Answer:
    """What a search found, in original ids.

    dist     (n,)         float32 for float32 weights, else float64; inf where unreached
    parent   int64 (n,)   parent[root] = root; -1 where unreached
             (n: all vertices; under several ranks those of this rank)
    phases   rounds of the search that had to wait for each other
    arcs     arcs looked at
    traffic  what the search sent to other ranks
    """

    dist: np.ndarray
    parent: np.ndarray
    phases: int = 0
    arcs: int = 0
    traffic: Traffic = field(default_factory=Traffic)


class Engine(Protocol):
    """The vertices of one process, wherever they live.

    An engine may relax more than it is asked, never less: label-correcting is right in any
    order. So the CPU engine drains bucket after bucket in one call when it is the only one, and
    searches to the end when it is reset, unless each of its steps is asked for.
    """

    def reset(self, root: int) -> None:
        """Forget the last search and queue `root` (an original id) at distance 0."""

    def nearest(self) -> float:
        """A lower bound of every queued key, inf when nothing is queued.

        Under several ranks it is one of what this one has just sent to others, too: they may
        queue that.
        """

    def relax(self, lo: float) -> None:
        """Push from the bucket that starts at `lo`, to its end at least.

        After a pull: work off what it left.
        """

    def settled(self) -> tuple[int, int, int]:
        """Rows pushed so far, the arcs they hold, and 1 if the engine has stopped for a pull."""

    def wants_pull(self, settled: int, arcs: int, stopped: int) -> bool:
        """Do the settled vertices of all ranks now hold so much that the rest should pull?"""

    def push_settled(self, lo: float) -> float:
        """Everything below `lo` is settled: push some of it out.

        Returns the least distance of a settled row that is not pushed to its end.
        """

    def pull(self, floor: float) -> None:
        """Let the unsettled vertices look at their own arcs, by the least floor of all ranks."""

    def result(self, out: Answer) -> None:
        """Write the answer in original ids."""


# The items for each rank, int64 (size,), and arrays ordered by the receiving rank: on the host, or
# CuPy's on the engine's device, which have the methods of NumPy's.
Message = tuple[np.ndarray, ...]


class CoreEngine(Engine, Protocol):
    """The vertices of one rank whose trees are apart from a core (sssp.rank_trees).

    home   the ranks that share the core
    """

    home: Comm

    def way(self, root: int) -> np.ndarray:
        """Return the way from an own root to the core; nothing where another rank owns it."""

    def take_way(self, way: np.ndarray) -> None:
        """Take the way of the search that begins."""


class RankEngine(Engine, Protocol):
    """The vertices of one rank: what the exchange (sssp.exchange) asks of an engine besides.

    What is applied came from other ranks as a `Message`, with labels of this rank.

    halo            the ranks that see its vertices, and whose vertices it sees
    asks            it subscribes to the ghosts that it needs; else it gets updates of all
    stages          the parts of the hubs that pull before the rest
    sends_updates   after a pull, ranks send distances of own vertices; before, relax requests
    """

    asks: bool
    stages: Sequence[int]

    @property
    def halo(self) -> Halo: ...

    @property
    def sends_updates(self) -> bool: ...

    def relax_requests(self) -> Message:
        """A message: what was found for vertices of other ranks, for their owners."""

    def apply_requests(self, target: np.ndarray, dist: np.ndarray, parent: np.ndarray) -> None:
        """Relax own vertices as other ranks ask."""

    def forget_requests(self) -> None:
        """Send nothing of what was found: all ranks read it where it is stored."""

    def settled_updates(self) -> Message:
        """A message: the distances of settled own vertices, for the ranks that see them."""

    def pulled_updates(self) -> Message:
        """A message: the distances that a pull has found."""

    def changed_updates(self) -> Message:
        """A message: the distances that have changed since the last one."""

    def reached_updates(self) -> Message:
        """A message: the distances of all reached own vertices."""

    def apply_updates(self, label: np.ndarray, dist: np.ndarray) -> None:
        """Take the distances of ghosts."""

    def pull_hubs(self, stage: int, floor: float) -> None:
        """Pull for the own vertices of a stage."""

    def sweep_hubs(self) -> None:
        """Relax the arcs that the pulls of hubs have noted."""

    def needed_ghosts(self) -> Message:
        """A message: the ghosts on which a noted arc hangs, for their owners."""

    def subscribe(self, counts: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Note which ranks need which own vertices; returns the distances of these."""

    def subscribe_all(self) -> None:
        """Let every rank get updates of all own vertices that it sees."""

    def apply_asked(self, dist: np.ndarray) -> None:
        """Take the distances of the needed ghosts, in the order asked for."""

    def leaf_updates(self) -> Message:
        """A message: the distances of own vertices on which leaves of other ranks hang."""

    def apply_leaves(self, dist: np.ndarray) -> None:
        """Take the distances of the vertices on which own leaves hang."""


class TunedEngine:
    """What engines share: a graph, how it is searched, and keys as the bits of distances.

    stepwise   it does what it is asked, one step a call; else the CPU's searches in one (`reset`)
    """

    csr: CSR
    choices: Choices
    unreached: Any
    weight_type: Any
    pulled: bool
    stepwise: bool = False

    def _delta(self) -> np.generic:
        """Bucket width in the type of the weights; an integer one is at least 1."""
        if self.csr.kind == "uint32":
            return np.uint32(min(max(round(self.choices.delta), 1), 2**32 - 2))
        return self.weight_type(min(self.choices.delta, float(np.finfo(self.csr.kind).max)))

    def _bits(self, distance: float) -> Any:
        """The key of a distance."""
        if distance == math.inf:
            return self.unreached
        return self.weight_type(distance).view(self.unreached.dtype)

    def _distance(self, bits: Any) -> float:
        """The distance of a key."""
        bits = self.unreached.dtype.type(bits)
        return math.inf if bits == self.unreached else float(bits.view(self.csr.kind))

    def wants_pull(self, settled: int, arcs: int, stopped: int) -> bool:
        if self.pulled or self.choices.switch is None:
            return False
        enough = settled >= self.choices.switch_settled and arcs >= self.choices.switch_arcs
        return stopped > 0 or enough
