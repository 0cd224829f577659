"""Kernel 1 on plain arrays: count the arcs of each row of a CSR, and fill the rows.

The rows are filled without atomics: the arcs of a slice of edges are first parted by row into
buckets, and then each bucket is written out by one thread. A locked instruction per arc would
wait for the cache miss of the arc before it; parted, the misses overlap. Eight rows that follow
each other share a bucket, so that no two threads write to one cache line of row cursors.

An arc of 32-bit weight is one uint64, weight bits above, neighbour below: kernels/sort_rows.py
sorts the rows by these.
"""

from __future__ import annotations

import numpy as np

from kernels.atomics import atomic_add, prefetch
from kernels.compile import inlined, njit, part
from kernels.parallel import on_threads

# What stands at other places is prefetched this many of them ahead.
_AHEAD = 32


@inlined
def _bucket(row, buckets):
    return (row >> 3) & (buckets - 1)


@inlined
def _row(vertex, local_id):
    return np.int32(local_id[vertex]) if len(local_id) > 0 else np.int32(vertex)


@part
def _count_share(edges, local_id, ways, ends, cursors, share):
    """Look up the rows of a share of the edges and count their arcs by bucket."""
    m, shares, counts = len(edges.src), len(cursors), cursors[share]
    last = m * (share + 1) // shares
    for e in range(m * share // shares, last):
        if len(local_id) > 0 and e + _AHEAD < last:
            prefetch(local_id, edges.src[e + _AHEAD])
            prefetch(local_id, edges.dst[e + _AHEAD])
        row_u = _row(edges.src[e], local_id)
        row_v = _row(edges.dst[e], local_id)
        ends[e, 0] = row_u
        ends[e, 1] = row_v
        if row_u != row_v:
            if ways.forward:
                counts[_bucket(row_u, len(counts))] += 1
            if ways.backward:
                counts[_bucket(row_v, len(counts))] += 1


@inlined
def _place(row, neighbour, e, codes, cursor, parted):
    b = _bucket(row, len(cursor))
    at = cursor[b]
    cursor[b] = at + 1
    parted.rows[at] = row
    if len(codes) > 0:
        parted.arcs[at] = (np.uint64(codes[e]) << np.uint64(32)) | np.uint64(neighbour)


@part
def _place_share(edges, ways, cursors, parted, share):
    """Write the arcs of a share of the edges where the buckets' cursors point."""
    m, shares, cursor, codes = len(edges.src), len(cursors), cursors[share], edges.codes
    for e in range(m * share // shares, m * (share + 1) // shares):
        row_u = parted.ends[e, 0]
        row_v = parted.ends[e, 1]
        if row_u != row_v:
            if ways.forward:
                _place(row_u, row_v, e, codes, cursor, parted)
            if ways.backward:
                _place(row_v, row_u, e, codes, cursor, parted)


@njit(cache=True)
def part_arcs(edges, local_id, ways, buckets, workers, parted):
    """Part the arcs of some edges by the bucket of their row; self loops are left out.

    edges      `EdgeSlice`
    local_id   int32 (n,)   row of each id; empty: the id itself
    ways       `Ways`
    parted     `PartedArcs`, filled
    Returns int64 (buckets + 1,): where each bucket starts. The order within a bucket is that of
    the edges, for any number of workers.
    """
    cursors = np.zeros((workers, buckets), np.int64)
    on_threads(_count_share, (edges, local_id, ways, parted.ends, cursors), workers)
    bounds = np.zeros(buckets + 1, np.int64)
    total = 0
    for b in range(buckets):
        bounds[b] = total
        for t in range(workers):
            count = cursors[t, b]
            cursors[t, b] = total
            total += count
    bounds[buckets] = total
    on_threads(_place_share, (edges, ways, cursors, parted), workers)
    return bounds


@part
def _count_rows(turn, rows, bounds, counts, _share):
    while True:
        b = atomic_add(turn, 0, 1)
        if b >= len(bounds) - 1:
            break
        for k in range(bounds[b], bounds[b + 1]):
            counts[rows[k]] += 1


@njit(cache=True)
def count_rows(rows, bounds, workers, counts):
    """counts[row] += 1 for every parted arc."""
    on_threads(_count_rows, (np.zeros(1, np.int64), rows, bounds, counts), workers)


@part
def _fill_rows(turn, rows, arcs, bounds, cursor, out, _share):
    while True:
        b = atomic_add(turn, 0, 1)
        if b >= len(bounds) - 1:
            break
        for k in range(bounds[b], bounds[b + 1]):
            row = rows[k]
            at = cursor[row]
            cursor[row] = at + 1
            out[at] = arcs[k]


@njit(cache=True)
def fill_rows(rows, arcs, bounds, workers, cursor, out):
    """Write every parted arc where its row's cursor points, and move the cursor on."""
    on_threads(_fill_rows, (np.zeros(1, np.int64), rows, arcs, bounds, cursor, out), workers)


@part
def _gather(shares, values, places, out, share):
    last = len(places) * (share + 1) // shares
    for i in range(len(places) * share // shares, last):
        if i + _AHEAD < last:
            prefetch(values, places[i + _AHEAD])
        out[i] = values[places[i]]


@njit(cache=True)
def gather(values, places, workers, out):
    """out[i] = values[places[i]]; many cache misses at a time, where NumPy waits for a few."""
    on_threads(_gather, (workers, values, places, out), workers)


@part
def _scatter(shares, values, places, out, share):
    last = len(places) * (share + 1) // shares
    for i in range(len(places) * share // shares, last):
        if i + _AHEAD < last:
            prefetch(out, places[i + _AHEAD])
        out[places[i]] = values[i]


@njit(cache=True)
def scatter(values, places, workers, out):
    """out[places[i]] = values[i], the places all different; see `gather`."""
    on_threads(_scatter, (workers, values, places, out), workers)


@njit(cache=True)
def order_by_degree(degree):
    """Vertices by falling degree, ties in the order of their ids: int32 (n,)."""
    n = len(degree)
    heaviest = 0
    for v in range(n):
        heaviest = max(heaviest, degree[v])
    starts = np.zeros(heaviest + 2, np.int64)
    for v in range(n):
        starts[heaviest - degree[v] + 1] += 1
    for d in range(heaviest + 1):
        starts[d + 1] += starts[d]
    order = np.empty(n, np.int32)
    for v in range(n):
        d = heaviest - degree[v]
        order[starts[d]] = v
        starts[d] += 1
    return order
