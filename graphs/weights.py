"""Weights as kernel 1 sorts them: 32-bit codes of the same order, for every arithmetic."""

from __future__ import annotations

import numpy as np

from graphs.comm import Comm
from graphs.edges import EdgeList, Edges
from graphs.errors import GraphError
from graphs.rows import ARC_DTYPES

# Keys that are unfolded to arcs at once: what is made of all of them would be as large as the arcs.
_PART = 1 << 16


def weight_kind(weight: np.dtype, max_weight: float) -> str:
    """Arithmetic for weights of this dtype: the dtype follows the input, integers stay exact.

    Integers are added as uint32 while they fit; whether the sums did is checked after a search.
    """
    if weight.kind in "iub":
        return "uint32" if max_weight < 2**32 - 1 else "float64"
    return "float32" if weight.itemsize <= 4 else "float64"


def _ranks(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different weights, ascending, and the place of each weight among them (uint32)."""
    order = np.argsort(weight)
    ascending = weight[order]
    first = np.append(True, ascending[1:] != ascending[:-1])[: len(weight)]
    ranks = np.empty(len(weight), np.uint32)
    ranks[order] = np.cumsum(first, dtype=np.int64) - 1
    return ascending[first], ranks


class Codes:
    """Weights as 32-bit codes of the same order: their bits, or ranks where 32 bits are not enough.

    Several ranks choose alike; each of them then knows all different float64 weights.
    """

    def __init__(self, edges: Edges, comm: Comm):
        self.comm = comm
        self.max_weight = 0.0
        self.table: np.ndarray | None = None
        self.ranks = np.empty(0, np.uint32)
        self.sliced = not isinstance(edges, EdgeList)
        dtype = edges.weight_dtype
        if isinstance(edges, EdgeList):
            self.max_weight = comm.allreduce_max(float(edges.weight.max()) if edges.m else 0.0)
        elif dtype != np.float32:
            raise GraphError(f"edges made in slices need float32 weights, got {dtype}")
        self.kind = weight_kind(dtype, self.max_weight)
        if self.kind == "float64" and isinstance(edges, EdgeList):
            weight = edges.weight.astype(np.float64) + 0.0
            self.table, self.ranks = _ranks(weight)
            if comm.size > 1:
                self.table = np.unique(np.concatenate(comm.allgather(self.table)))
                self.ranks = np.searchsorted(self.table, weight).astype(np.uint32)

    def notice(self, weight: np.ndarray) -> None:
        """Look at the weights of a slice: those of edges that are not kept are not known before."""
        if self.sliced and len(weight):
            self.max_weight = max(self.max_weight, float(weight.max()))

    def agree(self) -> None:
        """Make the largest weight that of all ranks."""
        self.max_weight = self.comm.allreduce_max(self.max_weight)

    def of(self, edges: EdgeList, part: slice) -> np.ndarray:
        """uint32 codes of some of the edges; -0.0 counts as 0.0."""
        if self.table is not None:
            return self.ranks[part]
        weight = edges.weight[part]
        if self.kind == "float32":
            return (weight.astype(np.float32, copy=False) + np.float32(0)).view(np.uint32)
        return weight.astype(np.uint32)

    def arcs(self, keys: np.ndarray) -> np.ndarray:
        """Sorted (code, neighbour) words as arcs; in place where the weights have 32 bits."""
        if self.table is None:
            return keys.view(ARC_DTYPES[self.kind])
        arcs = np.empty(len(keys), ARC_DTYPES["float64"])
        for first in range(0, len(keys), _PART):
            part = slice(first, first + _PART)
            arcs["adj"][part] = keys[part] & np.uint64(0xFFFFFFFF)
            arcs["weight"][part] = self.table[keys[part] >> np.uint64(32)]
        return arcs
