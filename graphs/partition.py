"""Which rank owns which vertex, and which edges each rank generates.

Vertices are owned in blocks of original ids, which the generator has scrambled: every rank gets its
share of the hubs and of the isolated. Blocks differ by one vertex at most, and are empty on some
ranks where there are more ranks than vertices. Everything is int64: ids of scale 62, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from graphs.comm import Comm
from graphs.edges import EdgeList


def share(total: int, rank: int, size: int) -> slice:
    """Return rank's part of `total` things in a row: even to one, in the order of the ranks."""
    return slice(total * rank // size, total * (rank + 1) // size)


@dataclass(frozen=True)
class Partition:
    """Blocks of the ids 0 .. n-1 for `size` ranks.

    n      vertices, below 2^62
    size   ranks
    """

    n: int
    size: int

    @property
    def bounds(self) -> np.ndarray:
        """int64 (size + 1,): rank r owns the ids bounds[r] .. bounds[r + 1] - 1."""
        return np.array([self.first(rank) for rank in range(self.size + 1)], np.int64)

    def first(self, rank: int) -> int:
        """Return the first id of a rank."""
        return self.n * rank // self.size

    def count(self, rank: int) -> int:
        """Return how many ids a rank owns."""
        return self.first(rank + 1) - self.first(rank)

    def owner(self, ids: np.ndarray) -> np.ndarray:
        """Return the owner of each id: int32, the shape of `ids`."""
        return (np.searchsorted(self.bounds, ids, side="right") - 1).astype(np.int32)


@dataclass(frozen=True)
class UnevenPartition(Partition):
    """Blocks of given sizes, about equal ones.

    firsts   the first id of each rank, and n
    """

    firsts: tuple[int, ...]

    def first(self, rank: int) -> int:
        return self.firsts[rank]


def ask_owners(
    comm: Comm, partition: Partition, ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ask the owners of ascending ids for something; collective.

    Returns how many are asked of each rank, int64 (size,); how many each rank asks for, int64
    (size,); and where these are in the own block, int32, rank by rank.
    """
    bounds = partition.bounds
    counts = np.diff(np.searchsorted(ids, bounds)).astype(np.int64)
    offset = (ids - np.repeat(bounds[:-1], counts)).astype(np.int32)
    asking, offset = comm.alltoallv(counts, offset)
    return counts, asking, offset


def part_of(edges: EdgeList, rank: int, size: int) -> EdgeList:
    """Return a rank's part of edges that every rank holds: a copy, so that the whole can go."""
    mine = share(edges.m, rank, size)
    src, dst, weight = (array[mine].copy() for array in (edges.src, edges.dst, edges.weight))
    return replace(edges, src=src, dst=dst, weight=weight)
