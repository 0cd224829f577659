"""The seam between the loop and whoever holds the vertices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass
class Answer:
    """What a search found, in original ids.

    dist     (n,)         float32 for float32 weights, else float64; inf where unreached
    parent   int64 (n,)   parent[root] = root; -1 where unreached
    phases   rounds of the search that had to wait for each other
    arcs     arcs looked at
    """

    dist: np.ndarray
    parent: np.ndarray
    phases: int = 0
    arcs: int = 0


class Engine(Protocol):
    """The vertices of one process, wherever they live.

    An engine may relax more than it is asked, never less: label-correcting is right in any
    order. So the CPU engine drains bucket after bucket in one call when it is alone.
    """

    def reset(self, root: int) -> None:
        """Forget the last search and queue `root` (an original id) at distance 0."""

    def nearest(self) -> float:
        """A lower bound of every queued key, inf when nothing is queued."""

    def relax(self, lo: float) -> None:
        """Push from the bucket that starts at `lo`, to its end at least."""

    def wants_pull(self) -> bool:
        """Do the settled vertices now hold so much that the rest should pull?"""

    def pull(self, settled_below: float) -> None:
        """Let the unsettled vertices look at their own arcs; queue what must still be pushed."""

    def result(self, out: Answer) -> None:
        """Write the answer in original ids."""
