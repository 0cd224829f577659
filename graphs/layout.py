"""Ranges of labels: what a rank calls its own vertices, and those of other ranks that it knows.

First come the vertices that may be pushed to: of each rank of the node, own ones with rows, then
ghosts (graphs.halo). Then, of each rank, own leaves and ghosts that are leaves. Then the vertices
without arcs. One process has no ghosts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layout:
    """The labels of a rank, and of the ranks that it shares them with (graphs.labels).

    rows           own vertices with rows to push
    ghosts         ghosts that are not leaves, just after `rows`
    leaves         own vertices with a single arc
    ghost_leaves   ghosts that are leaves, just after `leaves`
    isolated       own vertices without arcs
    leaf_begin     labels from here on have one single arc, or none
    reachable      labels from here on have no arcs at all
    labels         all labels: of own vertices and ghosts, and of the ranks that share them

    An own vertex's index is its place among the rows, then the leaves, then the isolated; a ghost's
    is its place among the ghosts, then the ghost leaves.
    """

    rows: range
    ghosts: range
    leaves: range
    ghost_leaves: range
    isolated: range
    leaf_begin: int
    reachable: int
    labels: int

    @staticmethod
    def of_one_process(rows: int, leaves: int, isolated: int) -> Layout:
        """Return the layout of a process that owns every vertex: labels are indices."""
        connected = rows + leaves
        n = connected + isolated
        return Layout(
            rows=range(rows),
            ghosts=range(rows, rows),
            leaves=range(rows, connected),
            ghost_leaves=range(connected, connected),
            isolated=range(connected, n),
            leaf_begin=rows,
            reachable=connected,
            labels=n,
        )

    @property
    def n(self) -> int:
        """Own vertices."""
        return len(self.rows) + len(self.leaves) + len(self.isolated)

    @property
    def connected(self) -> list[range]:
        """Own vertices with arcs, and ghosts: one range, or two with other ranks' between them."""
        if self.ghosts.stop == self.leaves.start:
            return [range(self.rows.start, self.ghost_leaves.stop)]
        return [
            range(self.rows.start, self.ghosts.stop),
            range(self.leaves.start, self.ghost_leaves.stop),
        ]

    def of_own(self, index: np.ndarray) -> np.ndarray:
        """Return the labels of own vertices by their indices: int32."""
        rows, connected = len(self.rows), len(self.rows) + len(self.leaves)
        label = np.array(index, np.int32)
        if self.n == self.labels:
            return label
        label[index < rows] += np.int32(self.rows.start)
        label[(index >= rows) & (index < connected)] += np.int32(self.leaves.start - rows)
        label[index >= connected] += np.int32(self.isolated.start - connected)
        return label

    def index_of(self, label: np.ndarray) -> np.ndarray:
        """Return the indices of own vertices that have arcs, by their labels: int32."""
        index = np.array(label, np.int32)
        index[label < self.leaf_begin] -= np.int32(self.rows.start)
        index[label >= self.leaf_begin] -= np.int32(self.leaves.start - len(self.rows))
        return index

    def of_ghosts(self, index: np.ndarray) -> np.ndarray:
        """Return the labels of ghosts by their indices: int32."""
        label = np.array(index, np.int32)
        leaf = label >= len(self.ghosts)
        label += np.int32(self.ghosts.start)
        label[leaf] += np.int32(self.ghost_leaves.start - self.ghosts.stop)
        return label

    def ghost_index(self, label: np.ndarray) -> np.ndarray:
        """Return the indices of the ghosts among some labels; the others are left out."""
        ghosts = label[(label >= self.ghosts.start) & (label < self.ghosts.stop)]
        leaves = label[(label >= self.ghost_leaves.start) & (label < self.ghost_leaves.stop)]
        return np.concatenate(
            [ghosts - self.ghosts.start, leaves - (self.ghost_leaves.start - len(self.ghosts))]
        )
