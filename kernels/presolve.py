"""Which edges a search can use, and how far each vertex is from one hub: plain arrays.

Distances from the hub are upper bounds, relaxed edge by edge in rounds: each round reads what the
round before it has left (Jacobi), so that after r rounds a bound is the least sum over all paths
of at most r edges, on any number of threads. `bounds` are bits of distances (kernels.tentative).
"""

from __future__ import annotations

import numpy as np
from numba import prange

from kernels.atomics import atomic_add, compare_and_swap, load
from kernels.compile import inlined, kernel, njit, part
from kernels.tentative import plus

# Edges a thread takes at a time. What it keeps of them stays in its cache until it is packed.
TURN_EDGES = 1 << 11
_WORD = np.uint64(63)
_SHIFT = np.uint64(6)
_ONE = np.uint64(1)


@part
def _lighter(weight, below, first, last, kept):
    out = first
    for e in range(first, last):
        if weight[e] < below:
            kept[out] = e
            out += 1
    return out - first


@njit(cache=True, parallel=True)
def select_lighter(weight, below, workers, kept, counts):
    """List the edges of a slice whose weight is less than `below`; see `select_useful`."""
    turn = np.zeros(1, np.int64)
    for _ in prange(workers):
        while True:
            t = atomic_add(turn, 0, 1)
            if t >= len(counts):
                break
            first = t * TURN_EDGES
            counts[t] = _lighter(weight, below, first, min(first + TURN_EDGES, len(weight)), kept)


@part
def _useful(edges, bounds, factor, slack, first, last, kept):
    src, dst, weight = edges
    out = first
    for e in range(first, last):
        u = src[e]
        v = dst[e]
        detour = np.float64(bounds[u]) + np.float64(bounds[v])
        if not weight[e] > detour * factor + slack and u != v:
            kept[out] = e
            out += 1
    return out - first


@njit(cache=True, parallel=True)
def select_useful(edges, bounds, factor, slack, workers, kept, counts):
    """List the edges of a slice that are not heavier than the detour over the hub.

    edges           src, dst int64 or int32 (m,), weight float32 or float64 (m,)
    bounds          (n,)   distances from the hub, of the weights' type; inf where not known
    factor, slack   an edge goes if its weight is above detour * factor + slack
    kept            int32 (m,)   filled: places of the edges kept, turn by turn, see `pack`
    counts          int64 (turns,)   filled: how many of each turn
    """
    turn = np.zeros(1, np.int64)
    for _ in prange(workers):
        while True:
            t = atomic_add(turn, 0, 1)
            if t >= len(counts):
                break
            first = t * TURN_EDGES
            last = min(first + TURN_EDGES, len(edges[0]))
            counts[t] = _useful(edges, bounds, factor, slack, first, last, kept)


@njit(cache=True, parallel=True)
def pack(edges, kept, counts, workers, packed):
    """Copy the edges listed to `packed`, three arrays of their number, in their order.

    edges    src, dst, weight as in the slice
    packed   src, dst int32 or int64, weight of the same type
    """
    src, dst, weight = edges
    to_src, to_dst, to_weight = packed
    begin = np.cumsum(counts) - counts
    turn = np.zeros(1, np.int64)
    for _ in prange(workers):
        while True:
            t = atomic_add(turn, 0, 1)
            if t >= len(counts):
                break
            for k in range(counts[t]):
                e = kept[t * TURN_EDGES + k]
                to_src[begin[t] + k] = src[e]
                to_dst[begin[t] + k] = dst[e]
                to_weight[begin[t] + k] = weight[e]


@inlined
def _changed(changed, v):
    return changed[v >> _SHIFT] >> (v & _WORD)


@inlined
def _lower(bounds, v, bits):
    old = load(bounds, v)
    while bits < old:
        seen = compare_and_swap(bounds, v, old, bits)
        if seen == old:
            break
        old = seen


@kernel
def _relax(edges, bounds, changed, lowered, first, last):
    src, dst, weight = edges
    for e in range(first, last):
        u = np.uint64(src[e])
        v = np.uint64(dst[e])
        if (_changed(changed, u) | _changed(changed, v)) & _ONE == 0:
            continue
        at_u = bounds[u]
        at_v = bounds[v]
        x = plus(at_u, weight[e])
        if x < at_v:
            _lower(lowered, v, x)
        x = plus(at_v, weight[e])
        if x < at_u:
            _lower(lowered, u, x)


@njit(cache=True, parallel=True)
def relax_edges(edges, bounds, changed, workers, lowered):
    """Lower the bounds of both ends of every edge by what stands at the other end.

    bounds    bits (n,)   of the round before, which are read
    changed   uint64      one bit a vertex: the others are not looked at
    lowered   bits (n,)   which are written; equal to `bounds` at first
    """
    turn = np.zeros(1, np.int64)
    for _ in prange(workers):
        while True:
            first = atomic_add(turn, 0, TURN_EDGES)
            if first >= len(edges[0]):
                break
            _relax(edges, bounds, changed, lowered, first, min(first + TURN_EDGES, len(edges[0])))


@part
def _take(bounds, lowered, unreached, changed, first, last, counts):
    total = found = 0
    for word in range(first, last):
        bits = np.uint64(0)
        for v in range(64 * word, min(64 * word + 64, len(bounds))):
            if lowered[v] != bounds[v]:
                bits |= _ONE << np.uint64(v & 63)
                total += 1
                found += bounds[v] == unreached
                bounds[v] = lowered[v]
        changed[word] = bits
    counts[0] = total
    counts[1] = found


@njit(cache=True, parallel=True)
def take_lowered(bounds, lowered, unreached, workers, changed):
    """End a round: `bounds` becomes `lowered`, `changed` what differed.

    Returns how many bounds were lowered, and how many of these were infinite before.
    """
    counts = np.zeros((workers, 16), np.int64)  # a cache line or two for each thread
    words = len(changed)
    for t in prange(workers):
        _take(bounds, lowered, unreached, changed, words * t // workers,
              words * (t + 1) // workers, counts[t])  # fmt: skip
    return counts[:, 0].sum(), counts[:, 1].sum()
