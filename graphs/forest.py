"""What was taken off a graph, down to its core: on the host (graphs.trees), on a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Forest:
    """What was taken off a graph, down to its core.

    Labels: first the core, then the others, those taken off last first. The row of one of these has
    its arcs upwards, to the core or to vertices taken off later. A leaf has a single arc, and no
    arc climbs to it. It has no label: its `CSR.local_id` is the place, after the labels and
    nobody's, of the vertex in `held` on which it hangs.

    core          vertices of the core
    passes        ranges of the other labels; the arcs of each lead to the core, to those before, or
                  to vertices that stand before it in its range (of TOGETHER vertices at most)
    held          int32 (k,): labels on which leaves hang, ascending
    leaf_weight   (n,), original order, of the weights' type: a leaf's one arc, else 0
    leaves        how many leaves
    """

    core: int
    passes: list[range]
    held: np.ndarray
    leaf_weight: np.ndarray
    leaves: int


@dataclass(frozen=True)
class DeviceForest:
    """What was taken off a graph, down to its core, as a device searches it.

    Labels and rows are those of `Forest`, but for leaves: `CSR.local_id` of a leaf is
    ~label of the vertex that it hangs on.

    core          vertices of the core
    rounds        int64, ascending: where each round of the other labels begins, and the last one
                  ends; arcs lead to the core, or to rounds before
    leaf_weight   (n,), of the weights' type: a leaf's one arc, else 0
    leaves        how many leaves
    """

    core: int
    rounds: np.ndarray
    leaf_weight: Any
    leaves: int

    @classmethod
    def of_host(cls, forest: Forest, indptr: np.ndarray, adj: np.ndarray) -> DeviceForest:
        """The same of what the host has taken off, whose rows these are."""
        core, labels = forest.core, len(indptr) - 1
        # Of each label, the last that an arc of it or of one before leads to: a round ends before
        # the first that leads into it.
        last = np.maximum.reduceat(adj, indptr[core:-1]) if labels > core else adj[:0]
        last = np.maximum.accumulate(last)
        rounds = [core]
        while rounds[-1] < labels:
            rounds.append(core + int(np.searchsorted(last, rounds[-1])))
        return cls(core, np.array(rounds, np.int64), forest.leaf_weight, forest.leaves)
