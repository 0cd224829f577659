"""Kernel 1 on plain arrays: count, scatter, sort and dedupe the rows of a CSR.

The rows are filled without atomics: the arcs of a slice of edges are first parted by row into
buckets, and then each bucket is written out by one thread. A locked instruction per arc would
wait for the cache miss of the arc before it; parted, the misses overlap. Eight rows that follow
each other share a bucket, so that no two threads write to one cache line of row cursors.

An arc of 32-bit weight is one uint64, weight bits above, neighbour below: unsigned order is then
the order of (weight, neighbour). Weights are not negative, so the bits of a float order like it.
"""

from __future__ import annotations

import numpy as np

from kernels.atomics import atomic_add, prefetch
from kernels.compile import inlined, kernel, njit, part
from kernels.parallel import on_threads

_SHORT = 24
_BUCKETS, _BYTES, _LAST_BYTE = 1 << 16, 256, np.uint64(255)
# Rows of at most this many arcs look for parallel ones among those kept.
_FEW = 8
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


@part
def _insertion_sort(keys, lo, hi):
    for i in range(lo + 1, hi):
        key = keys[i]
        j = i - 1
        while j >= lo and keys[j] > key:
            keys[j + 1] = keys[j]
            j -= 1
        keys[j + 1] = key


@part
def _sort_long(keys, lo, hi, scratch, heads):
    """Sort by one byte after the other, from the last on; not by those that are all the same."""
    size = hi - lo
    for byte in range(8):
        shift = np.uint64(8 * byte)
        for b in range(_BYTES + 1):
            heads[b] = 0
        for k in range(lo, hi):
            heads[np.int64((keys[k] >> shift) & _LAST_BYTE) + 1] += 1
        if heads[np.int64((keys[lo] >> shift) & _LAST_BYTE) + 1] == size:
            continue
        for b in range(_BYTES):
            heads[b + 1] += heads[b]
        for k in range(lo, hi):
            b = np.int64((keys[k] >> shift) & _LAST_BYTE)
            scratch[heads[b]] = keys[k]
            heads[b] += 1
        for k in range(size):
            keys[lo + k] = scratch[k]


@part
def _sort_bucket(keys, lo, hi, scratch, heads):
    if hi - lo <= _SHORT:
        _insertion_sort(keys, lo, hi)
    else:
        _sort_long(keys, lo, hi, scratch, heads)


@inlined
def _position(key, floats):
    """A weight as a number that can be scaled: the sort only needs it to be monotone."""
    bits = np.uint32(key >> np.uint64(32))
    if floats:
        return np.float64(bits.view(np.float32))
    return np.float64(bits)


@part
def _sort_row(keys, lo, hi, floats, scratch, heads):
    """Sort keys[lo:hi] ascending: spread over the range of weights, then each bucket by itself.

    Linear where weights are spread evenly, which Graph500's are; a bucket that catches most of
    the row is sorted by bytes.

    scratch   uint64, room for the row
    heads     int64 (_BUCKETS + _BYTES + 1,)
    """
    size = hi - lo
    if size <= 2 * _SHORT:
        _insertion_sort(keys, lo, hi)
        return
    least = most = _position(keys[lo], floats)
    for k in range(lo + 1, hi):
        position = _position(keys[k], floats)
        least = min(least, position)
        most = max(most, position)
    bytes_heads = heads[_BUCKETS:]
    if most == least:
        _sort_bucket(keys, lo, hi, scratch, bytes_heads)
        return
    count = min(size // 4, _BUCKETS - 1)
    scale = count / (most - least)
    for b in range(count + 1):
        heads[b] = 0
    for k in range(lo, hi):
        b = min(np.int64((_position(keys[k], floats) - least) * scale), count - 1)
        heads[b + 1] += 1
    for b in range(count):
        heads[b + 1] += heads[b]
    for k in range(lo, hi):
        b = min(np.int64((_position(keys[k], floats) - least) * scale), count - 1)
        scratch[heads[b]] = keys[k]
        heads[b] += 1
    for k in range(size):
        keys[lo + k] = scratch[k]
    start = lo
    for b in range(count):
        end = lo + heads[b]
        _sort_bucket(keys, start, end, scratch, bytes_heads)
        start = end


@part
def _drop_parallel(keys, lo, hi, out, seen):
    """Keep the first arc to each neighbour of the sorted row keys[lo:hi]; write them from `out`.

    `seen` is a bitmap over the neighbours, all zero before and after. Returns the new end.
    """
    end = out
    for k in range(lo, hi):
        key = keys[k]
        neighbour = np.int64(key & np.uint64(0xFFFFFFFF))
        word = neighbour >> 6
        bit = np.uint64(1) << np.uint64(neighbour & 63)
        if seen[word] & bit == 0:
            seen[word] |= bit
            keys[end] = key
            end += 1
    for k in range(out, end):
        seen[np.int64(keys[k] & np.uint64(0xFFFFFFFF)) >> 6] = 0
    return end


@part
def _drop_parallel_of_few(keys, lo, hi, out):
    """The same as `_drop_parallel`, for a short row."""
    end = out
    for k in range(lo, hi):
        key = keys[k]
        j = out
        while j < end and np.uint32(keys[j]) != np.uint32(key):
            j += 1
        if j == end:
            keys[end] = key
            end += 1
    return end


@njit(cache=True, no_cpython_wrapper=True)
def _sort_blocks(turn, indptr, keys, floats, blocks, labels, lengths, block_lengths, _share):
    seen = np.zeros((labels >> 6) + 1, np.uint64)
    heads = np.empty(_BUCKETS + _BYTES + 1, np.int64)
    scratch = np.empty(0, np.uint64)
    while True:
        block = atomic_add(turn, 0, 1)
        if block >= len(blocks) - 1:
            break
        out = indptr[blocks[block]]
        for row in range(blocks[block], blocks[block + 1]):
            lo = indptr[row]
            hi = indptr[row + 1]
            if hi - lo > len(scratch):
                scratch = np.empty(hi - lo, np.uint64)
            if hi - lo <= _FEW:
                _insertion_sort(keys, lo, hi)
                end = _drop_parallel_of_few(keys, lo, hi, out)
            else:
                _sort_row(keys, lo, hi, floats, scratch, heads)
                end = _drop_parallel(keys, lo, hi, out, seen)
            lengths[row] = end - out
            out = end
        block_lengths[block] = out - indptr[blocks[block]]


@njit(cache=True)
def sort_rows(indptr, keys, floats, blocks, labels, workers, lengths, block_lengths):
    """Sort each row, keep the lightest of parallel arcs, close the gaps within each block.

    indptr          int64 (n + 1,)       rows as filled
    keys            uint64 (arcs,)       sorted and closed up in place
    floats          the weight bits are a float32's, else an unsigned integer's
    blocks          int64 (b + 1,)       the rows of block i are blocks[i] : blocks[i + 1]
    labels          the neighbours are 0 .. labels - 1
    lengths         (n,)                 filled: arcs left in each row
    block_lengths   int64 (b,)           filled: arcs left in each block
    """
    turn = np.zeros(1, np.int64)
    arguments = (turn, indptr, keys, floats, blocks, labels, lengths, block_lengths)
    on_threads(_sort_blocks, arguments, workers)


@kernel
def close_gaps(indptr, lengths, blocks, block_lengths, keys):
    """Move the blocks together and make `indptr` that of the kept arcs; returns their number."""
    out = 0
    for block in range(len(blocks) - 1):
        start = indptr[blocks[block]]
        size = block_lengths[block]
        if start != out:
            for k in range(size):
                keys[out + k] = keys[start + k]
        out += size
    total = 0
    for row in range(len(lengths)):
        indptr[row] = total
        total += lengths[row]
    indptr[len(lengths)] = total
    return total
