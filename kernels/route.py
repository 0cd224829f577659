"""Kernel 1 across ranks: arcs to the owners of their rows, endpoints as the labels of a rank.

Ids are int64 throughout. Which vertices of other ranks a rank's arcs lead to is kept as one bit a
vertex; the number of bits before a word turns an id into its place among those vertices.
"""

from __future__ import annotations

import numpy as np

from kernels.bits import lowest, ones, ones_below
from kernels.compile import inlined, kernel, njit


@inlined
def _owner(vertex, bounds):
    """The rank r with bounds[r] <= vertex < bounds[r + 1]; blocks are even to one vertex."""
    size = len(bounds) - 1
    r = min(np.int64(np.float64(vertex) * size / np.float64(bounds[size])), size - 1)
    while vertex < bounds[r]:
        r -= 1
    while vertex >= bounds[r + 1]:
        r += 1
    return r


@inlined
def _place(vertex, end, e, codes, bounds, cursor, rows, ends, routed):
    """Write the arc of edge `e` in a vertex's row where its owner's cursor points."""
    r = _owner(vertex, bounds)
    at = cursor[r]
    cursor[r] = at + 1
    rows[at] = vertex - bounds[r]
    ends[at] = end
    if len(codes) > 0:
        routed[at] = codes[e]


@njit(cache=True)
def route_arcs(src, dst, codes, bounds, forward, backward):
    """Order the arcs of some edges by the owner of their row; self loops are left out.

    src, dst   int64 (m,)          ids
    codes      (m,)                weights, or empty: not wanted
    bounds     int64 (size + 1,)   first id of each rank
    forward    emit src -> dst in src's row;  backward: emit dst -> src in dst's
    Returns counts int64 (size,), rows int32 (the row's place in its owner's block), ends int64
    (ids), and codes, each by owner.
    """
    counts = np.zeros(len(bounds) - 1, np.int64)
    for e in range(len(src)):
        if src[e] != dst[e]:
            if forward:
                counts[_owner(src[e], bounds)] += 1
            if backward:
                counts[_owner(dst[e], bounds)] += 1
    cursor = np.zeros(len(counts), np.int64)
    for r in range(1, len(counts)):
        cursor[r] = cursor[r - 1] + counts[r - 1]
    total = counts.sum()
    rows = np.empty(total, np.int32)
    ends = np.empty(total, np.int64)
    routed = np.empty(total if len(codes) > 0 else 0, codes.dtype)
    for e in range(len(src)):
        if src[e] != dst[e]:
            if forward:
                _place(src[e], dst[e], e, codes, bounds, cursor, rows, ends, routed)
            if backward:
                _place(dst[e], src[e], e, codes, bounds, cursor, rows, ends, routed)
    return counts, rows, ends, routed


@kernel
def count_arcs(rows, degree):
    """degree[row] += 1 for every arc."""
    for i in range(len(rows)):
        degree[rows[i]] += 1


@kernel
def mark_ghosts(ends, first, last, bitmap):
    """Set the bit of every end that is not of the own block first .. last - 1."""
    for i in range(len(ends)):
        v = ends[i]
        if v < first or v >= last:
            bitmap[v >> 6] |= np.uint64(1) << np.uint64(v & 63)


@njit(cache=True)
def list_ghosts(bitmap):
    """Return the marked ids, int64 ascending, and how many lie before each word, int32."""
    before = np.empty(len(bitmap), np.int32)
    total = 0
    for w in range(len(bitmap)):
        before[w] = total
        total += ones(bitmap[w])
    ids = np.empty(total, np.int64)
    at = 0
    for w in range(len(bitmap)):
        word = bitmap[w]
        while word != 0:
            ids[at] = (np.int64(w) << 6) + lowest(word)
            at += 1
            word &= word - np.uint64(1)
    return ids, before


@kernel
def localize(ends, first, last, bitmap, before):
    """Turn ids into places: own ones first, in their order, then the ghosts in theirs."""
    for i in range(len(ends)):
        v = ends[i]
        if first <= v < last:
            ends[i] = v - first
        else:
            ends[i] = last - first + before[v >> 6] + ones(bitmap[v >> 6] & ones_below(v & 63))
