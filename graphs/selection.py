"""Presolve: reading edges slice by slice, and keeping some of them; bounds from a hub by rounds.

What the stages of `graphs.presolve` are made of, on the host; `graphs.device_presolve` does the
same on a device.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from graphs.arguments import kernel_ids
from graphs.comm import Comm
from graphs.edges import EdgeList, Edges
from graphs.growing import Growing, joined

# Rounds over the light edges; more make the bounds a little smaller, and the pass little shorter.
LIGHT_ROUNDS = 6
SAMPLE = 1 << 14
# Edges that are still in a cache when those kept of them are packed.
_SLICE_EDGES = 1 << 18
# Roundings allowed for beyond those counted: of the comparison itself, in float64.
_SPARE = 8
_HALF_GAP = {"float32": 2.0**-24, "float64": 2.0**-53, "uint32": 0.0}


class Bounds(NamedTuple):
    """Upper bounds of the distances from the hub; the same on every rank.

    length   (n,)   float32 or float64; inf where nothing is known
    rounds   most arcs of the paths that these are lengths of
    closed   no edge leads from a vertex with a bound to one without
    """

    length: np.ndarray
    rounds: int
    closed: bool


class Detours(NamedTuple):
    """The way from a to b over the hub is at most (length[a] + length[b]) * factor + slack.

    It is not longer than a way of that length, or of more, behind any prefix, as rounded.

    length   (n,)   inf where nothing is known
    """

    length: np.ndarray
    factor: float
    slack: float


def _part(array: np.ndarray, first: int, last: int) -> np.ndarray:
    return array[first:last]


class Selection:
    """Reads the edges of this rank, or those kept so far, slice by slice, and selects some.

    max_weight   the largest weight of all edges of all ranks, once they were read
    way        where the bounds are kept (`graphs.owned_bounds.WAYS`)
    """

    xp: Any = np
    way = "copies"

    def __init__(self, edges: Edges, kind: str, threads: int, comm: Comm):
        self.n, self.threads, self.comm = edges.n, threads, comm
        self.dtype = np.dtype(np.float32 if kind == "float32" else np.float64)
        self.half_gap = _HALF_GAP[kind]
        self.max_weight = 0.0
        self.slice_edges = _SLICE_EDGES  # the most that are looked at together
        # Ranks that share memory keep one copy of the bounds, and each ends a round for a part.
        self.shared = comm.size > 1 and len(comm.node_peers) == comm.size
        self.bits = np.dtype(np.uint32 if self.dtype.itemsize == 4 else np.uint64)
        self.unreached = np.array(np.inf, self.dtype).view(self.bits)[()]
        self.most = float(np.finfo(np.float32 if kind == "float32" else np.float64).max)

    def lengths(self, weight: Any) -> Any:
        """Weights as they are added."""
        return weight.astype(self.dtype, copy=False)

    def _listed(self, edges: Edges) -> EdgeList | None:
        """The edges as arrays, where there is a list of them."""
        return edges if isinstance(edges, EdgeList) else None

    def _selected(self, edges: Edges) -> EdgeList:
        """The arrays of edges that `select` or `sample` has returned."""
        listed = self._listed(edges)
        assert listed is not None
        return listed

    def _edges(self, listed: EdgeList) -> Edges:
        """Edges of such arrays, that `select` can read."""
        return listed

    def _on_host(self, array: Any) -> np.ndarray:
        return array

    def sample(self, edges: Edges) -> Edges:
        """Some edges: spread over a list, the first of a generator, which makes them in no order.

        The same however the edges are sliced.
        """
        xp, listed = self.xp, self._listed(edges)
        parts: list[tuple[Any, ...]] = []
        if listed is not None:
            every = slice(None, None, max(edges.m // SAMPLE, 1))
            parts = [(listed.src[every], listed.dst[every], listed.weight[every])]
        else:
            left = SAMPLE
            for part in edges.slices():
                arrays = part.src, part.dst, part.weight
                parts.append(tuple(array[:left].copy() for array in arrays))
                left -= part.m
                if left <= 0:
                    break
        nothing = xp.empty(0, np.int64), xp.empty(0, np.int64), xp.empty(0, edges.weight_dtype)
        columns = zip(*(parts or [nothing]), strict=True)
        src, dst, weight = (joined(xp, list(column)) for column in columns)
        return self._edges(EdgeList(src, dst, weight, edges.n))

    def weights(self, edges: Edges) -> np.ndarray:
        """The weights of a few edges, as they are added, on the host."""
        listed = self._selected(edges)
        return self._on_host(self.lengths(listed.weight))

    def hub(self, edges: Edges) -> int:
        """The vertex with most edges, of a sample of these; -1 where there are none."""
        listed = self._selected(edges)
        step = max(edges.m // SAMPLE, 1)
        src, dst = (self._on_host(ends[::step]) for ends in (listed.src, listed.dst))
        ends = np.concatenate([src, dst])[np.tile(src != dst, 2)]
        ids, counts = np.unique(ends, return_counts=True)
        return int(ids[counts.argmax()]) if len(ids) else -1

    def select(self, edges: Edges, listing: Callable[..., Any], *arguments: Any) -> Edges:
        """The edges that `listing` lists of each slice, in their order."""
        from kernels.presolve import TURN_EDGES, pack

        ids = np.dtype(np.int32 if self.n < 2**31 else np.int64)
        chosen = Growing(np, _part, (ids, ids, edges.weight_dtype), edges.m)
        kept = np.empty(min(self.slice_edges, max(edges.m, 1)), np.int32)
        for whole in edges.slices():
            for first in range(0, whole.m, self.slice_edges):
                part = slice(first, first + self.slice_edges)
                src, dst = kernel_ids(whole.src[part]), kernel_ids(whole.dst[part])
                weight = whole.weight[part]
                counts = np.zeros(-(-len(src) // TURN_EDGES), np.int64)
                listing((src, dst, self.lengths(weight)), *arguments, self.threads, kept, counts)
                packed = chosen.more(int(counts.sum()), len(src))
                pack((src, dst, weight), kept, counts, self.threads, packed)
        src, dst, weight = chosen.filled()
        return EdgeList(src, dst, weight, self.n)

    def lighter(self, edges: Edges, below: float) -> Edges:
        """The edges of weight less than `below`; notes the largest weight of all."""
        light = self.select(edges, self._list_lighter, self.dtype.type(below))
        self.max_weight = self.comm.allreduce_max(self.max_weight)
        return light

    def _list_lighter(self, part: tuple[Any, ...], *rest: Any) -> Any:
        from kernels.presolve import select_lighter

        self.max_weight = max(self.max_weight, float(part[2].max(initial=0.0)))
        return select_lighter(part[2], *rest)

    def detours(self, bounds: Bounds, longest: float) -> Detours:
        """Detours behind prefixes up to `longest`."""
        gain = self.gain(2 * bounds.rounds)
        return Detours(bounds.length, 1.0 + gain, gain * longest)

    def useful(self, edges: Edges, detours: Detours) -> Edges:
        """The edges that are not heavier than the detour."""
        return self.select(edges, self._list_useful, *detours)

    def _list_useful(self, part: tuple[Any, ...], *rest: Any) -> Any:
        from kernels.presolve import select_useful

        return select_useful(part, *rest)

    def gain(self, arcs: int) -> float:
        """g - 1 of a detour of that many arcs: how much longer it may have to look."""
        e = self.half_gap
        return math.expm1((arcs + _SPARE) * math.log1p(e) - (arcs + 1 + _SPARE) * math.log1p(-e))

    def from_hub(self, hub: int, edges: Edges) -> Bounds:
        """Bounds after a few rounds over some edges."""
        length = self._copy(self.xp.full(self.n, np.inf, self.dtype) if self._leads() else None)
        if self._leads():
            length[hub] = 0
        return self.lower(edges, Bounds(length, 0, False), 0.0, LIGHT_ROUNDS)

    def largest(self, bounds: Bounds) -> float:
        """The largest finite bound; by its bits, as a device may take the smallest for zero."""
        below = bounds.length.view(self.bits) - self.unreached  # wraps: what is unreached is least
        most = self._on_host(below.max(keepdims=True)) + self.unreached
        return float(most.view(self.dtype)[0])

    def _leads(self) -> bool:
        """Does this rank write what is shared?"""
        return not self.shared or self.comm.rank == 0

    def _copy(self, length: Any) -> Any:
        """A copy of bounds that all ranks see, where they share memory."""
        if not self.shared:
            return length.copy()
        there = self.comm.shared_zeros(self.n, self.bits).view(self.dtype)
        if self.comm.rank == 0:
            there[:] = length
        self.comm.barrier()
        return there

    def lower(self, edges: Edges, bounds: Bounds, worth: float, most: int) -> Bounds:
        """Lower bounds by rounds over the edges, as long as that is worth it; collective."""
        length = self._copy(bounds.length)
        run_round = self._rounds(edges, length)
        found, rounds = 1, 0
        while rounds < most:
            total, found = run_round()
            rounds += 1
            if found == 0 and total <= worth * self.n:
                break
        return Bounds(length, bounds.rounds + rounds, found == 0)

    def _rounds(self, edges: Edges, length: Any) -> Callable[[], tuple[int, int]]:
        """What lowers `length` by a round, and says of how many vertices, and how many new ones."""
        from kernels.presolve import all_useful, relax_edges, take_lowered

        bits, lowered = length.view(self.bits), self._copy(length).view(self.bits)
        rank, size = (self.comm.rank, self.comm.size) if self.shared else (0, 1)
        own = slice(self.n * rank // size, self.n * (rank + 1) // size)
        listed = self._selected(edges)
        part = listed.src, listed.dst, self.lengths(listed.weight)
        useful, counts = all_useful(edges.m)

        def run_round() -> tuple[int, int]:
            nonlocal lowered
            relax_edges(part, bits, self.threads, lowered, useful, counts)
            if not self.shared:
                lowered = self.comm.allreduce_minimum(lowered)
            self.comm.barrier()
            taken = take_lowered(bits[own], lowered[own], self.unreached, self.threads)
            total, found = self.comm.allreduce_sum(taken).tolist() if self.shared else taken
            return total, found

        return run_round
