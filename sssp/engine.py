"""The engine protocol: the seam between the loop and the code that holds the vertices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from graphs.comm import Traffic


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
    order. So the CPU engine drains bucket after bucket in one call when it is alone.
    """

    def reset(self, root: int) -> None:
        """Forget the last search and queue `root` (an original id) at distance 0."""

    def nearest(self) -> float:
        """A lower bound of every queued key, inf when nothing is queued.

        Under several ranks it is one of what this one has just offered to others, too: they may
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
