"""Presolve on ranks where a bound is kept by the owner of its vertex only, and looked up there.

The stages, and why they are right, are those of `graphs.presolve`; bounds and edges kept are those
of ranks that have all bounds each, to the bit. Edges stay on the rank that has them. Of a slice of
them the rank asks the owners for the bounds of its ends, of each vertex once: hubs are the ends of
many edges, and few vertices are asked for. For rounds it asks once for the ends of all edges that
they read. Then a rank sends the owner the bounds that it lowers, and the owner sends each rank
that has asked for a vertex the least of them. So a round is that of one process (Jacobi).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from graphs.arc_stream import SLICE_EDGES
from graphs.comm import Comm
from graphs.edges import EdgeList, Edges
from graphs.errors import GraphError
from graphs.memory import OWNERS_FROM
from graphs.partition import Partition, ask_owners
from graphs.selection import LIGHT_ROUNDS, Bounds, Detours, Selection

WAYS = ("copies", "owners")
# A slice is a small part of what a rank holds, but has hubs many times, which are asked for once.
SLICES, LEAST_SLICE = 32, 1 << 16


def selection(edges: Edges, kind: str, threads: int, comm: Comm, bounds: str | None) -> Selection:
    """Return what selects edges, with bounds where they were asked for, or where they do best.

    Parameters
    ----------
    edges, kind, threads, comm
        Of `Selection`.
    bounds : str, optional
        One of `WAYS`: "copies" of all bounds on every rank, one for ranks that share memory, or
        each bound at the owner of its vertex. By default "owners" from `OWNERS_FROM` ranks on that
        do not all share memory.

    Raises
    ------
    GraphError
        `bounds` is none of them.
    """
    if bounds is None:
        apart = len(comm.node_peers) < comm.size
        bounds = WAYS[apart and comm.size >= OWNERS_FROM]
    if bounds not in WAYS:
        raise GraphError(f"bounds={bounds!r} is not allowed; it must be one of {', '.join(WAYS)}")
    return {"copies": Selection, "owners": OwnerSelection}[bounds](edges, kind, threads, comm)


def distinct(ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different ones of some ids, ascending, and the place of each id among them: int64."""
    bits = len(ends).bit_length()
    if int(ends.max(initial=0)).bit_length() + bits > 63:
        return np.unique(ends, return_inverse=True)
    # An id and its place in one word: that sorts several times as fast as places by their ids.
    keys = ends << bits
    keys |= np.arange(len(ends))
    keys.sort()
    place = keys & ((1 << bits) - 1)
    keys >>= bits
    new = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    number = np.empty(len(keys), np.int64)
    number[place] = np.cumsum(new) - 1
    return keys[new], number


class _Lookup(NamedTuple):
    """The vertices that this rank asks for, by their ids, and those that it is asked for, by rank.

    asked    int64 (size + 1,)   where those asked of each rank begin
    asking   int64 (size + 1,)   where those that each rank asks for begin
    offset   int32   where these are in the own block
    """

    asked: np.ndarray
    asking: np.ndarray
    offset: np.ndarray


def _begins(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


class OwnerSelection(Selection):
    """Selects edges as `Selection` does; `Bounds` and `Detours` are those of the own block."""

    way = "owners"

    def __init__(self, edges: Edges, kind: str, threads: int, comm: Comm):
        super().__init__(edges, kind, threads, comm)
        self.partition = Partition(edges.n, comm.size)
        self.shared = False
        self.slice_edges = min(max(edges.m // SLICES, LEAST_SLICE), SLICE_EDGES)

    def from_hub(self, hub: int, edges: Edges) -> Bounds:
        first, own = self.partition.first(self.comm.rank), self.partition.count(self.comm.rank)
        length = np.full(own, np.inf, self.dtype)
        if first <= hub < first + own:
            length[hub - first] = 0
        return self.lower(edges, Bounds(length, 0, False), 0.0, LIGHT_ROUNDS)

    def largest(self, bounds: Bounds) -> float:
        finite = bounds.length[bounds.length < np.inf]
        return self.comm.allreduce_max(float(finite.max(initial=0)))

    def useful(self, edges: Edges, detours: Detours) -> Edges:
        kept = super().useful(edges, detours)
        while self.comm.allreduce_or(False):  # others have slices left, and ask
            self._known(np.empty(0, np.int64), detours.length)
        return kept

    def _list_useful(self, part: tuple[Any, ...], *rest: Any) -> Any:
        from kernels.presolve import select_useful

        src, dst, weight = part
        length, *limits = rest
        self.comm.allreduce_or(True)
        ids, place = distinct(np.concatenate([src, dst]))
        ends = place[: len(src)], place[len(src) :]
        return select_useful((*ends, weight), self._known(ids, length), *limits)

    def _known(self, ids: np.ndarray, own: np.ndarray) -> np.ndarray:
        """What the owners of ascending ids have for them, of arrays by own block."""
        return self._answers(self._ask(ids), own)

    def _ask(self, ids: np.ndarray) -> _Lookup:
        with self.comm.traffic.of("bounds"):
            counts, asking, offset = ask_owners(self.comm, self.partition, ids)
        return _Lookup(_begins(counts), _begins(asking), offset)

    def _answers(self, lookup: _Lookup, own: np.ndarray) -> np.ndarray:
        with self.comm.traffic.of("bounds"):
            return self.comm.alltoallv(np.diff(lookup.asking), own[lookup.offset])[1]

    def _send(self, here: np.ndarray, there: np.ndarray,
              chosen: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """Send values of some places, ascending, of a lookup's one side to its other.

        Returns the places there, and the values. `here`, `there` are where each rank's begin.
        """
        counts = np.diff(np.searchsorted(chosen, here))
        place = (chosen - np.repeat(here[:-1], counts)).astype(np.int32)
        with self.comm.traffic.of("bounds"):
            counts, place, values = self.comm.alltoallv(counts, place, values)
        return np.repeat(there[:-1], counts) + place, values

    def _ends(self, edges: EdgeList) -> tuple[np.ndarray, np.ndarray]:
        """The different ends of edges, ascending, and the places among them, (2, m)."""
        parts = [
            slice(first, first + self.slice_edges) for first in range(0, edges.m, self.slice_edges)
        ]
        places = np.empty((2, edges.m), np.int32 if 2 * edges.m < 2**31 else np.int64)
        found = [np.empty(0, np.int64)]
        for part in parts:
            both = np.concatenate([edges.src[part], edges.dst[part]]).astype(np.int64, copy=False)
            few, number = distinct(both)
            places[:, part] = number.reshape(2, -1)
            found.append(few)
        ids = np.unique(np.concatenate(found))
        for part, few in zip(parts, found[1:], strict=True):
            places[:, part] = np.searchsorted(ids, few)[places[:, part]]
        return ids, places

    def _rounds(self, edges: Edges, length: Any) -> Callable[[], tuple[int, int]]:
        from kernels.presolve import all_useful, relax_edges, take_lowered

        listed = self._selected(edges)
        ids, places = self._ends(listed)
        lookup = self._ask(ids)
        del ids
        asked, asking, offset = lookup
        own = length.view(self.bits)
        known = self._answers(lookup, own)
        lowered = known.copy()
        part = *places, self.lengths(listed.weight)
        useful, counts = all_useful(edges.m)

        def run_round() -> tuple[int, int]:
            relax_edges(part, known, self.threads, lowered, useful, counts)
            chosen = np.flatnonzero(lowered < known)
            at, values = self._send(asked, asking, chosen, lowered[chosen])
            least = own.copy()
            np.minimum.at(least, offset[at], values)
            less = least < own
            new = less & (own == self.unreached)
            own[:] = least
            chosen = np.flatnonzero(less[offset])
            at, values = self._send(asking, asked, chosen, own[offset[chosen]])
            lowered[at] = values
            take_lowered(known, lowered, self.unreached, self.threads)
            total, found = self.comm.allreduce_sum(np.array([less.sum(), new.sum()])).tolist()
            return total, found

        return run_round
