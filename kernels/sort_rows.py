"""Kernel 1 on plain arrays: sort the rows of a CSR, and keep the lightest of parallel arcs.

An arc of 32-bit weight is one uint64, weight bits above, neighbour below: unsigned order is then
the order of (weight, neighbour). Weights are not negative, so the bits of a float order like it.

A thread takes a block of rows at a time, and closes the gaps that dropped arcs leave in it; then
the blocks are moved together.
"""

from __future__ import annotations

import numpy as np

from kernels.atomics import atomic_add
from kernels.compile import inlined, kernel, njit, part
from kernels.parallel import on_threads

# Keys up to which an insertion sort is fastest.
_SHORT = 24
# Buckets of a long row; of those that a sort by bytes has.
_BUCKETS, _BYTES, _LAST_BYTE = 1 << 16, 256, np.uint64(255)
# Rows of at most this many arcs look for parallel ones among those kept.
_FEW = 8


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
