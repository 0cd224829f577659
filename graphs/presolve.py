"""Presolve: kernel 1 keeps the edges that a search can use, which are few where there are hubs.

An edge (a, b) of weight w goes where the way a -> h -> b over one vertex h is shorter than w. On
a Kronecker graph with edge factor 16 a twentieth of the edges stays. No root is known here, and
the distances from every root are those of the whole graph, to the bit.

1. h is the vertex with most edges in a sample; U(v) is the length of *some* path h -> v: first one
   of light edges only (a tenth of all), found in a few rounds over them.
2. One pass over all edges keeps those with w within U(a) + U(b): about a tenth. A few rounds over
   these lower U to the distance from h.
3. These bounds drop half of what was kept.

The edges are read twice, slice by slice; what is kept of them stays in memory.

Why it is exact. Distances are sums rounded after each arc, from the root outwards. Let e be half
the gap between 1 and the next number (2^-24 for float32), so that a rounded sum is within a
factor of 1 +- e of the exact one. U(v) is such a sum along a path of at most r arcs (one more a
round), whose exact length is at most U(v) / (1 - e)^r. The detour D -> a -> h -> b from a prefix of
rounded length D takes k <= 2 r arcs, and its rounded length is at most

    (D + (U(a) + U(b)) / (1 - e)^k) (1 + e)^k.

Over the arc it is at least (D + w) (1 - e). So the detour is no longer, *as rounded*, where

    w > g (U(a) + U(b)) + (g - 1) D,    g = (1 + e)^k / (1 - e)^(k + 1),

and as rounding is monotone, nothing that follows makes it longer. D is at most the largest
distance between two vertices of the component of h, over h at most 2 max U times the rounding of k
arcs. Take, of all simple paths that have the least rounded length from a root to v, one of least
exact length. If one of its arcs was dropped, the detour, with its loops cut out, has no larger
rounded length and a smaller exact one: a contradiction. So no such path has lost an arc, whatever
else was dropped. The same holds of the first bounds, with a guess for D that is checked afterwards
by the final ones: paths of kept edges are paths of the graph. Integers are added exactly: g = 1.
In other components U is infinite, and nothing goes. Each vertex keeps its lightest edge: U is at
least the weight of the first and of the last arc of its path, so no detour is shorter than that.

Sources: bounds over landmarks as in Goldberg and Harrelson 2005; the Graph500 code for Fugaku
presolves, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from graphs.arc_stream import SLICE_EDGES
from graphs.arguments import kernel_ids
from graphs.comm import Comm
from graphs.edges import EdgeList, Edges
from graphs.errors import GraphError
from graphs.weights import weight_kind

# Share of the edges that the first bounds are made of. Where no more than ALL_LIGHT edges are, all.
LIGHT_SHARE = 0.1
ALL_LIGHT = 1 << 14
# Rounds over the light edges; more make the bounds a little smaller, and the pass little shorter.
LIGHT_ROUNDS = 6
# Rounds over the edges kept go on while more than this share of the vertices gains by one.
WORTH = 1 / 256
# The graph is long, and has no use for a hub, where rounds still reach new vertices after these.
MOST_ROUNDS = 64
# It does not pay to drop less than half of a sample of the edges.
PAYS = 0.5
SAMPLE = 1 << 14
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

    @property
    def largest(self) -> float:
        """The largest finite bound."""
        return float(self.length.max(initial=0.0, where=np.isfinite(self.length)))


class Detours(NamedTuple):
    """The way from a to b over the hub is at most (length[a] + length[b]) * factor + slack.

    It is not longer than a way of that length, or of more, behind any prefix, as rounded.

    length   (n,)   inf where nothing is known
    """

    length: np.ndarray
    factor: float
    slack: float


class _Selection:
    """Reads the edges of this rank, or those kept so far, slice by slice, and selects some.

    heaviest   the largest weight of all edges of all ranks, once they were read
    """

    def __init__(self, edges: Edges, kind: str, threads: int, comm: Comm):
        self.n, self.threads, self.comm = edges.n, threads, comm
        self.dtype = np.dtype(np.float32 if kind == "float32" else np.float64)
        self.half_gap = _HALF_GAP[kind]
        self.kept = np.empty(min(SLICE_EDGES, max(edges.m, 1)), np.int32)
        self.heaviest = 0.0
        # Ranks that share memory keep one copy of the bounds, and each ends a round for a part.
        self.shared = comm.size > 1 and len(comm.node_peers) == comm.size
        self.bits = np.dtype(np.uint32 if self.dtype.itemsize == 4 else np.uint64)
        self.unreached = np.array(np.inf, self.dtype).view(self.bits)[()]
        self.most = float(np.finfo(np.float32 if kind == "float32" else np.float64).max)

    def lengths(self, weight: np.ndarray) -> np.ndarray:
        """Weights as they are added."""
        return weight.astype(self.dtype, copy=False)

    def select(self, edges: Edges, list_kept: Callable[..., None]) -> EdgeList:
        """The edges that `list_kept` lists of each slice, in their order."""
        from kernels.presolve import TURN_EDGES, pack

        ids = np.dtype(np.int32 if self.n < 2**31 else np.int64)
        blocks: list[tuple[np.ndarray, ...]] = [
            (np.empty(0, ids), np.empty(0, ids), np.empty(0, edges.weight_dtype))
        ]
        for whole in edges.slices():
            for first in range(0, whole.m, SLICE_EDGES):
                part = slice(first, first + SLICE_EDGES)
                src, dst = kernel_ids(whole.src[part]), kernel_ids(whole.dst[part])
                weight = whole.weight[part]
                counts = np.zeros(-(-len(src) // TURN_EDGES), np.int64)
                list_kept((src, dst, self.lengths(weight)), self.threads, self.kept, counts)
                total = int(counts.sum())
                packed = np.empty(total, ids), np.empty(total, ids), np.empty(total, weight.dtype)
                pack((src, dst, weight), self.kept, counts, self.threads, packed)
                blocks.append(packed)
        src, dst, chosen = _joined(blocks)
        return EdgeList(src, dst, chosen, self.n)

    def lighter(self, edges: Edges, below: float) -> EdgeList:
        """The edges of weight less than `below`; notes the largest weight of all."""
        from kernels.presolve import select_lighter

        limit = self.dtype.type(below)

        def list_lighter(part: tuple[np.ndarray, ...], *rest: Any) -> None:
            self.heaviest = max(self.heaviest, float(part[2].max(initial=0.0)))
            select_lighter(part[2], limit, *rest)

        light = self.select(edges, list_lighter)
        self.heaviest = self.comm.allreduce_max(self.heaviest)
        return light

    def detours(self, bounds: Bounds, longest: float) -> Detours:
        """Detours behind prefixes up to `longest`."""
        gain = self.gain(2 * bounds.rounds)
        return Detours(bounds.length, 1.0 + gain, gain * longest)

    def useful(self, edges: Edges, detours: Detours) -> EdgeList:
        """The edges that are not heavier than the detour."""
        from kernels.presolve import select_useful

        return self.select(edges, lambda part, *rest: select_useful(part, *detours, *rest))

    def gain(self, arcs: int) -> float:
        """g - 1 of a detour of that many arcs: how much longer it may have to look."""
        e = self.half_gap
        return math.expm1((arcs + _SPARE) * math.log1p(e) - (arcs + 1 + _SPARE) * math.log1p(-e))

    def from_hub(self, hub: int, edges: EdgeList) -> Bounds:
        """Bounds after a few rounds over some edges."""
        length = self._copy(np.full(self.n, np.inf, self.dtype) if self._leads() else None)
        if self._leads():
            length[hub] = 0
        return self.lower(edges, Bounds(length, 0, False), 0.0, LIGHT_ROUNDS)

    def _leads(self) -> bool:
        """Does this rank write what is shared?"""
        return not self.shared or self.comm.rank == 0

    def _copy(self, length: np.ndarray | None) -> np.ndarray:
        """A copy of bounds that all ranks see, where they share memory."""
        if not self.shared:
            assert length is not None
            return length.copy()
        there = self.comm.shared_zeros(self.n, self.bits).view(self.dtype)
        if self.comm.rank == 0:
            there[:] = length
        self.comm.barrier()
        return there

    def lower(self, edges: EdgeList, bounds: Bounds, worth: float, most: int) -> Bounds:
        """Lower bounds by rounds over the edges, as long as that is worth it; collective."""
        from kernels.presolve import relax_edges, take_lowered

        length = self._copy(bounds.length)
        bits, lowered = length.view(self.bits), self._copy(bounds.length).view(self.bits)
        words = (self.n >> 6) + 1
        changed = self.comm.shared_zeros(words, np.dtype(np.uint64)) if self.shared else (
            np.empty(words, np.uint64)
        )  # fmt: skip
        if self._leads():
            changed[:] = ~np.uint64(0)
        self.comm.barrier()
        rank, size = (self.comm.rank, self.comm.size) if self.shared else (0, 1)
        own = slice(words * rank // size, words * (rank + 1) // size)
        vertices = slice(64 * own.start, 64 * own.stop)
        part = edges.src, edges.dst, self.lengths(edges.weight)
        found, rounds = 1, 0
        while rounds < most:
            relax_edges(part, bits, changed, self.threads, lowered)
            if not self.shared:
                lowered = self.comm.allreduce_minimum(lowered)
            self.comm.barrier()
            taken = take_lowered(
                bits[vertices], lowered[vertices], self.unreached, self.threads, changed[own]
            )
            total, found = self.comm.allreduce_sum(taken).tolist() if self.shared else taken
            rounds += 1
            if found == 0 and total <= worth * self.n:
                break
        return Bounds(length, bounds.rounds + rounds, found == 0)


def _joined(blocks: list[tuple[np.ndarray, ...]]) -> Iterator[np.ndarray]:
    """The arrays of all blocks, one after another, each block's freed as it is copied."""
    columns = [list(column) for column in zip(*blocks, strict=True)]
    blocks.clear()
    for column in columns:
        joined = np.empty(sum(map(len, column)), column[0].dtype)
        first = 0
        for i, array in enumerate(column):
            joined[first : first + len(array)] = array
            first += len(array)
            column[i] = joined[:0]
        yield joined


def _sample(edges: Edges) -> EdgeList:
    """Some edges, spread over the first slice: a generator makes them in no order."""
    for part in edges.slices():
        step = max(part.m // SAMPLE, 1)
        return EdgeList(part.src[::step], part.dst[::step], part.weight[::step], part.n)
    nothing = np.empty(0, np.int64)
    return EdgeList(nothing, nothing, np.empty(0, edges.weight_dtype), edges.n)


def _below(weights: np.ndarray, m: int) -> float:
    """The weight below which an edge is light, from a sample of the weights of m edges."""
    if m <= ALL_LIGHT or len(weights) == 0:
        return math.inf
    below = weights.dtype.type(np.quantile(weights, LIGHT_SHARE))
    if np.mean(weights < below) < LIGHT_SHARE / 4:  # many weights are equal
        below = np.nextafter(below, weights.dtype.type(np.inf))
    return float(below)


def _hub(edges: EdgeList) -> int:
    """The vertex with most edges, of a sample of these; -1 where there are none."""
    step = max(edges.m // SAMPLE, 1)
    src, dst = edges.src[::step], edges.dst[::step]
    ids, counts = np.unique(np.concatenate([src, dst])[np.tile(src != dst, 2)], return_counts=True)
    return int(ids[counts.argmax()]) if len(ids) else -1


def presolve(
    edges: Edges, threads: int, comm: Comm
) -> tuple[Edges, dict[str, Any], Detours | None]:
    """Keep the edges of an undirected graph that a search can use; collective.

    Parameters
    ----------
    edges : Edges
        Checked edges (`graphs.csr` checks them): ids in range, weights finite and not negative.
        Under several ranks, this rank's part of them.
    threads : int
        The result does not depend on it.
    comm : Comm

    Returns
    -------
    Edges
        The edges kept, of this rank's, as an EdgeList; all of them, as they are, where dropping
        does not pay.
    dict
        What was done, as `solver.presolve` of a result file (results/schema.json) begins.
    Detours, optional
        By which edges were dropped; None where it does not pay.

    Raises
    ------
    GraphError
        The edges are directed.
    """
    if edges.directed:
        raise GraphError("presolve needs an undirected graph, got directed edges; leave it out")
    started = perf_counter()
    facts: dict[str, Any] = {"hub": None, "light_below": None, "rounds": 0, "slack": None}
    # Of integers, the largest weight says how they are added; those have a list.
    heaviest = float(edges.weight.max(initial=0)) if isinstance(edges, EdgeList) else 0.0
    kind = weight_kind(edges.weight_dtype, comm.allreduce_max(heaviest))
    found = _drop(edges, _Selection(edges, kind, threads, comm), facts)
    kept, detours = (edges, None) if found is None else found
    facts["kept_edges"] = int(comm.allreduce_sum([kept.m])[0])
    facts["seconds"] = {"edges": comm.allreduce_max(perf_counter() - started)}
    return kept, facts, detours


def _drop(
    edges: Edges, selection: _Selection, facts: dict[str, Any]
) -> tuple[EdgeList, Detours] | None:
    """The edges to keep, and the detours by which; None where it does not pay."""
    comm = selection.comm
    sample = _sample(edges)
    m = int(comm.allreduce_sum([edges.m])[0])
    weights = np.concatenate(comm.allgather(sample.weight[:: comm.size]))
    below = _below(selection.lengths(weights), m)
    light = selection.lighter(edges, below)
    hub = next((hub for hub in comm.allgather(_hub(light)) if hub >= 0), -1)
    if hub < 0:
        return None
    first = selection.from_hub(hub, light)
    del light
    # A guess, which is checked below.
    longest = 4 * (first.largest + selection.heaviest)
    if not longest < selection.most:
        return None  # sums may be infinite, and then bound nothing
    useful = selection.useful(sample, selection.detours(first, longest)).m
    useful, seen = comm.allreduce_sum([useful, sample.m]).tolist()
    if useful > PAYS * seen:
        return None
    while True:
        kept = selection.useful(edges, selection.detours(first, longest))
        bounds = selection.lower(kept, first, WORTH, MOST_ROUNDS)
        if not bounds.closed:
            return None
        needed = 2 * bounds.largest * (1 + selection.gain(2 * bounds.rounds))
        if needed <= longest:
            break
        longest = 2 * needed
    del first
    detours = selection.detours(bounds, needed)
    facts.update(hub=hub, light_below=below if below < math.inf else None, rounds=bounds.rounds,
                 slack=detours.slack)  # fmt: skip
    return selection.useful(kept, detours), detours
