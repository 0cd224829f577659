"""Kernel 1 across ranks: arcs to the owners of their rows, endpoints as the labels of a rank.

Ids are int64 throughout. Which vertices of other ranks a rank's arcs lead to is kept as one bit a
vertex; the number of bits before a word turns an id into its place among those vertices.
"""

from __future__ import annotations

import numpy as np

from kernels.bits import lowest, ones, ones_below
from kernels.compile import inlined, kernel, njit, part
from kernels.groups import RoutedArcs


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


@njit(cache=True)
def starts(counts):
    """Where each rank's part of a message starts."""
    cursor = np.zeros(len(counts), np.int64)
    for r in range(1, len(counts)):
        cursor[r] = cursor[r - 1] + counts[r - 1]
    return cursor


@inlined
def _place(vertex, end, e, codes, bounds, cursor, routed):
    """Write the arc of edge `e` in a vertex's row where its owner's cursor points."""
    r = _owner(vertex, bounds)
    at = cursor[r]
    cursor[r] = at + 1
    routed.rows[at] = vertex - bounds[r]
    routed.ends[at] = end
    if len(codes) > 0:
        routed.codes[at] = codes[e]


@part
def _count_by_owner(edges, bounds, ways, counts):
    src, dst = edges.src, edges.dst
    for e in range(len(src)):
        if src[e] != dst[e]:
            if ways.forward:
                counts[_owner(src[e], bounds)] += 1
            if ways.backward:
                counts[_owner(dst[e], bounds)] += 1


@part
def _place_by_owner(edges, bounds, ways, cursor, routed):
    src, dst = edges.src, edges.dst
    for e in range(len(src)):
        if src[e] != dst[e]:
            if ways.forward:
                _place(src[e], dst[e], e, edges.codes, bounds, cursor, routed)
            if ways.backward:
                _place(dst[e], src[e], e, edges.codes, bounds, cursor, routed)


@njit(cache=True)
def route_arcs(edges, bounds, ways):
    """Order the arcs of some edges by the owner of their row; self loops are left out.

    edges    `EdgeSlice`
    bounds   int64 (size + 1,)   first id of each rank
    ways     `Ways`
    Returns counts int64 (size,), and `RoutedArcs`.
    """
    counts = np.zeros(len(bounds) - 1, np.int64)
    _count_by_owner(edges, bounds, ways, counts)
    total = counts.sum()
    codes = edges.codes
    routed = RoutedArcs(
        np.empty(total, np.int32),
        np.empty(total, np.int64),
        np.empty(total if len(codes) > 0 else 0, codes.dtype),
    )
    _place_by_owner(edges, bounds, ways, starts(counts), routed)
    return counts, routed


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
