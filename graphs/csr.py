"""Kernel 1: from edges to the rows a search walks.

Self loops are dropped, of parallel edges the lightest stays, each row is sorted by weight, and
where a few vertices hold most of the arcs the vertices are relabelled by falling degree, so that
these share cache lines. Answers leave in original ids. The edges are read twice, slice by slice,
and never kept: peak memory is the arcs before parallel ones go (8 bytes each) and about 40 bytes
a vertex.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from graphs.edges import EdgeList, Edges, check_edges
from graphs.errors import GraphError, check_threads

SLICE_EDGES = 1 << 21
# Rows of a bucket whose cursors and open cache lines stay in a core's cache; see kernels.build.
BUCKET_ROWS = 1 << 14
MIN_BUCKETS = 256
# Rows of more arcs than this on average are long: a push or a pull that stops early pays.
LONG_ROWS = 8
# Where the 1/16 of the vertices with the most arcs hold this share of them, there are hubs.
HUB_SHARE = 0.25
# A breadth-first search this far tells a graph that expands from a long one.
LEVEL_VERTICES = 1 << 13
ARC_DTYPES = {
    "float32": np.dtype([("adj", "<i4"), ("weight", "<f4")]),
    "uint32": np.dtype([("adj", "<i4"), ("weight", "<u4")]),
    "float64": np.dtype([("adj", "<i8"), ("weight", "<f8")]),
}


@dataclass(frozen=True)
class Rows:
    """The arcs of one direction, grouped by vertex.

    indptr   int64 (n + 1,)   row v is arcs[indptr[v] : indptr[v + 1]]
    arcs     record (arcs,)   `adj`, the neighbour's label, and `weight`, ascending within a row
    """

    indptr: np.ndarray
    arcs: np.ndarray

    @property
    def adj(self) -> np.ndarray:
        """Neighbours, labels; (arcs,), a strided view."""
        return self.arcs["adj"]

    @property
    def weight(self) -> np.ndarray:
        """Weights, ascending within a row; (arcs,), a strided view."""
        return self.arcs["weight"]


@dataclass(frozen=True)
class CSR:
    """A graph as kernel 1 leaves it.

    n              vertices
    directed       False: `incoming` is `out`
    kind           arithmetic of the distances: "float32", "float64", or "uint32" for integers
    weight_dtype   dtype of the weights as handed in
    out            rows of outgoing arcs, by label
    incoming       rows of incoming arcs, by label; None for a directed graph of short rows
                   without hubs, whose search never pulls
    label          int32 (n,)       label of each original id
    original       int32 (n + 1,)   original id of each label; -1 after the last
    reachable      labels from here on have no arcs at all
    leaves_from    labels from here up to `reachable` have one single arc
    hubs           a few vertices hold most of the arcs
    long_rows      the average row is long enough for stopping early in it
    levels         of a breadth-first search from the longest row to LEVEL_VERTICES vertices
    heaviest       largest weight
    """

    n: int
    directed: bool
    kind: str
    weight_dtype: np.dtype
    out: Rows
    incoming: Rows | None
    label: np.ndarray
    original: np.ndarray
    reachable: int
    leaves_from: int
    hubs: bool
    long_rows: bool
    levels: int
    heaviest: float

    @property
    def indptr(self) -> np.ndarray:
        """int64 (n + 1,): bounds of the outgoing rows."""
        return self.out.indptr

    @property
    def adj(self) -> np.ndarray:
        """int32 (arcs,): neighbours, labels."""
        return self.out.adj

    @property
    def weight(self) -> np.ndarray:
        """(arcs,): weights, ascending within a row."""
        return self.out.weight

    @property
    def arcs(self) -> int:
        """Arcs kept: two for an undirected edge."""
        return len(self.out.arcs)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        rows = [self.out] if self.incoming in (None, self.out) else [self.out, self.incoming]
        arrays = [self.label, self.original] + [a for r in rows for a in (r.indptr, r.arcs)]
        return sum(a.nbytes for a in arrays)

    @cached_property
    def degree_positive(self) -> np.ndarray:
        """bool (n,), original ids: has an arc to leave by, and so may be a search key."""
        return (np.diff(self.out.indptr) > 0)[self.label]

    def as_float64(self) -> CSR:
        """The same graph with its distances in float64."""

        def widen(rows: Rows) -> Rows:
            arcs = np.empty(len(rows.arcs), ARC_DTYPES["float64"])
            arcs["adj"] = rows.arcs["adj"]
            arcs["weight"] = rows.arcs["weight"]
            return Rows(rows.indptr, arcs)

        out = widen(self.out)
        incoming = self.incoming
        if incoming is not None:
            incoming = out if incoming is self.out else widen(incoming)
        return replace(self, kind="float64", out=out, incoming=incoming)


def weight_kind(weight: np.dtype, heaviest: float) -> str:
    """Arithmetic for weights of this dtype: the dtype follows the input, integers stay exact.

    Integers are added as uint32 while they fit; whether the sums did is checked after a search.
    """
    if weight.kind in "iub":
        return "uint32" if heaviest < 2**32 - 1 else "float64"
    return "float32" if weight.itemsize <= 4 else "float64"


def _ranks(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different weights, ascending, and the place of each weight among them (uint32)."""
    order = np.argsort(weight)
    ascending = weight[order]
    first = np.append(True, ascending[1:] != ascending[:-1])[: len(weight)]
    ranks = np.empty(len(weight), np.uint32)
    ranks[order] = np.cumsum(first, dtype=np.int64) - 1
    return ascending[first], ranks


class _Codes:
    """Weights as 32-bit codes of the same order: their bits, or ranks where 32 bits do not do."""

    def __init__(self, edges: Edges):
        self.heaviest = 0.0
        self.table: np.ndarray | None = None
        self.ranks = np.empty(0, np.uint32)
        self.sliced = not isinstance(edges, EdgeList)
        dtype = edges.weight_dtype
        if isinstance(edges, EdgeList):
            self.heaviest = float(edges.weight.max()) if edges.m else 0.0
        elif dtype != np.float32:
            raise GraphError(f"edges made in slices need float32 weights, got {dtype}")
        self.kind = weight_kind(dtype, self.heaviest)
        if self.kind == "float64" and isinstance(edges, EdgeList):
            self.table, self.ranks = _ranks(edges.weight.astype(np.float64) + 0.0)

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
        arcs["adj"] = keys & np.uint64(0xFFFFFFFF)
        arcs["weight"] = self.table[keys >> np.uint64(32)]
        return arcs


class _Parts:
    """Slices of edges, parted by row into reused buffers (see kernels.build)."""

    def __init__(self, edges: Edges, codes: _Codes, threads: int):
        self.edges, self.codes, self.threads = edges, codes, threads
        self.buckets = MIN_BUCKETS
        while self.buckets < 2048 and edges.n > BUCKET_ROWS * self.buckets:
            self.buckets *= 2
        room = min(SLICE_EDGES, max(edges.m, 1))
        self.ends = np.empty((room, 2), np.int32)
        self.rows = np.empty(2 * room, np.int32)
        self.arcs = np.empty(2 * room, np.uint64)

    def __call__(
        self, label: np.ndarray, forward: bool, backward: bool, weights: bool = True
    ) -> Iterator[np.ndarray]:
        """Part the arcs of one slice after another; yields the buckets' bounds.

        An empty `label` stands for the ids themselves; without `weights`, `arcs` is not filled.
        """
        from kernels.build import part_arcs

        bits = np.empty(0, np.uint32)
        for whole in self.edges.slices():
            for first in range(0, whole.m, SLICE_EDGES):
                part = slice(first, first + SLICE_EDGES)
                if weights:
                    bits = self.codes.of(whole, part)
                elif self.codes.sliced:
                    self.codes.heaviest = max(self.codes.heaviest, float(whole.weight[part].max()))
                yield part_arcs(
                    whole.src[part], whole.dst[part], bits, label, forward, backward,
                    self.buckets, self.threads, self.ends, self.rows, self.arcs,
                )  # fmt: skip


def _degrees(parts: _Parts, n: int, forward: bool, backward: bool) -> np.ndarray:
    from kernels.build import count_rows

    degree = np.zeros(n, np.int64)
    for bounds in parts(np.empty(0, np.int32), forward, backward, weights=False):
        count_rows(parts.rows, bounds, parts.threads, degree)
    return degree


def _fill(parts: _Parts, degree: np.ndarray, label: np.ndarray, forward: bool,
          backward: bool) -> Rows:  # fmt: skip
    """Rows of the given degrees (by label), filled, sorted, without parallel arcs."""
    from kernels.build import close_gaps, fill_rows, sort_rows

    n, threads = len(degree), parts.threads
    indptr = np.zeros(n + 1, np.int64)
    np.cumsum(degree, out=indptr[1:])
    keys = np.empty(indptr[n], np.uint64)
    # Starts move to ends as the rows fill, and the end of a row is the start of the next.
    cursor = indptr[:-1].copy()
    for bounds in parts(label, forward, backward):
        fill_rows(parts.rows, parts.arcs, bounds, threads, cursor, keys)
    del cursor
    target = max(len(keys) // (64 * threads), 1 << 14)
    starts = np.searchsorted(indptr, np.arange(0, len(keys), target))
    blocks = np.unique(np.concatenate([[0], starts, [n]])).astype(np.int64)
    lengths = np.empty(n, np.int32)
    block_lengths = np.empty(len(blocks) - 1, np.int64)
    floats = parts.codes.kind == "float32"
    sort_rows(indptr, keys, floats, blocks, threads, lengths, block_lengths)
    kept = close_gaps(indptr, lengths, blocks, block_lengths, keys)
    keys.resize(kept, refcheck=False)
    return Rows(indptr, parts.codes.arcs(keys))


def _levels(rows: Rows) -> int:
    from kernels.build import count_levels

    n = len(rows.indptr) - 1
    start = int(np.argmax(np.diff(rows.indptr)))
    return int(count_levels(rows.indptr, rows.arcs, start, min(LEVEL_VERTICES, n // 2 + 1)))


def build_csr(edges: Edges, threads: int | None = None) -> CSR:
    """Build the rows of a graph (kernel 1).

    Parameters
    ----------
    edges : Edges
        An `EdgeList`, or edges made in slices.
    threads : int, optional
        Threads to use; one a core by default. The result does not depend on it.

    Returns
    -------
    CSR

    Raises
    ------
    GraphError
        Ids out of range, weights negative, NaN or infinite, or 2^31 vertices and more.
    """
    from kernels.build import order_by_degree
    from kernels.threads import thread_count, using

    if edges.n >= 2**31 - 1:
        raise GraphError(f"n={edges.n} is not allowed; one process holds less than 2^31 vertices")
    if isinstance(edges, EdgeList):
        check_edges(edges)
    check_threads(threads)
    threads = thread_count(threads)
    n, both = edges.n, not edges.directed
    with using(threads):
        codes = _Codes(edges)
        parts = _Parts(edges, codes, threads)
        degree = _degrees(parts, n, True, True)
        order = order_by_degree(degree)
        reachable = int(np.count_nonzero(degree))
        top = int(degree[order[: max(reachable // 16, 1)]].sum())
        hubs = reachable > 64 and top > HUB_SHARE * int(degree.sum())
        long_rows = int(degree.sum()) > 2 * LONG_ROWS * max(reachable, 1) // (1 + both)
        label = np.arange(n, dtype=np.int32)
        if hubs:
            label[order] = np.arange(n, dtype=np.int32)
        else:
            order, reachable = np.arange(n, dtype=np.int32), n
        leaves_from = reachable
        if hubs and both:
            leaves_from = int(np.count_nonzero(degree > 1))
        if not both:
            degree = _degrees(parts, n, True, False)
        out = _fill(parts, degree[order], label, True, both)
        incoming: Rows | None = out
        if not both:
            incoming = None
            if hubs or long_rows:
                degree = _degrees(parts, n, False, True)
                incoming = _fill(parts, degree[order], label, False, True)
    return CSR(
        n=n,
        directed=edges.directed,
        kind=codes.kind,
        weight_dtype=edges.weight_dtype,
        out=out,
        incoming=incoming,
        label=label,
        original=np.append(order, np.int32(-1)),
        reachable=reachable,
        leaves_from=leaves_from,
        hubs=bool(hubs),
        long_rows=bool(long_rows),
        levels=_levels(out),
        heaviest=codes.heaviest,
    )
