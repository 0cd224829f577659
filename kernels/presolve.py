"""Which edges a search can use, and how far each vertex is from one hub: plain arrays.

Distances from the hub are upper bounds, relaxed edge by edge in rounds: each round reads what the
round before it has left (Jacobi), so that after r rounds a bound is the least sum over all paths
of at most r edges, on any number of threads. `bounds` are bits of distances (kernels.tentative).
"""

from __future__ import annotations

import numpy as np

from kernels.atomics import atomic_add, compare_and_swap, load, prefetch
from kernels.compile import inlined, kernel, njit, part
from kernels.parallel import on_threads
from kernels.tentative import bits_of, plus

# Edges a thread takes at a time. What it keeps of them stays in its cache until it is packed.
TURN_EDGES = 1 << 11
# Bounds are prefetched this many edges ahead: what an edge waits for is the cache, not the sums.
_AHEAD = 32


@part
def _lighter(weight, below, first, last, kept):
    out = first
    for e in range(first, last):
        kept[out] = e
        out += weight[e] < below
    return out - first


@part
def _list_lighter(turn, weight, below, kept, counts, _share):
    while True:
        t = atomic_add(turn, 0, 1)
        if t >= len(counts):
            break
        first = t * TURN_EDGES
        counts[t] = _lighter(weight, below, first, min(first + TURN_EDGES, len(weight)), kept)


@njit(cache=True)
def select_lighter(weight, below, workers, kept, counts):
    """List the edges of a slice whose weight is less than `below`; see `select_useful`."""
    arguments = (np.zeros(1, np.int64), weight, below, kept, counts)
    on_threads(_list_lighter, arguments, workers)


@part
def _useful(edges, bounds, factor, slack, first, last, kept):
    src, dst, weight = edges
    out = first
    for i in range(first, last):
        e = np.uint64(i)
        if i + _AHEAD < last:
            prefetch(bounds, src[e + np.uint64(_AHEAD)])
            prefetch(bounds, dst[e + np.uint64(_AHEAD)])
        u = np.uint64(src[e])
        v = np.uint64(dst[e])
        detour = np.float64(bounds[u]) + np.float64(bounds[v])
        # Written in any case: a branch would be guessed wrong for most of the edges that stay.
        kept[np.uint64(out)] = i
        out += (not weight[e] > detour * factor + slack) & (u != v)
    return out - first


@part
def _list_useful(turn, edges, bounds, factor, slack, kept, counts, _share):
    while True:
        t = atomic_add(turn, 0, 1)
        if t >= len(counts):
            break
        first = t * TURN_EDGES
        last = min(first + TURN_EDGES, len(edges[0]))
        counts[t] = _useful(edges, bounds, factor, slack, first, last, kept)


@njit(cache=True)
def select_useful(edges, bounds, factor, slack, workers, kept, counts):
    """List the edges of a slice that are not heavier than the detour over the hub.

    edges           src, dst int64 or int32 (m,), weight float32 or float64 (m,)
    bounds          (n,)   distances from the hub, of the weights' type; inf where not known
    factor, slack   an edge goes if its weight is above detour * factor + slack
    kept            int32 (m,)   filled: places of the edges kept, turn by turn, see `pack`
    counts          int64 (turns,)   filled: how many of each turn
    """
    arguments = (np.zeros(1, np.int64), edges, bounds, factor, slack, kept, counts)
    on_threads(_list_useful, arguments, workers)


@part
def _pack(turn, edges, kept, counts, begin, packed, _share):
    src, dst, weight = edges
    to_src, to_dst, to_weight = packed
    while True:
        t = atomic_add(turn, 0, 1)
        if t >= len(counts):
            break
        for k in range(counts[t]):
            e = kept[t * TURN_EDGES + k]
            to_src[begin[t] + k] = src[e]
            to_dst[begin[t] + k] = dst[e]
            to_weight[begin[t] + k] = weight[e]


@njit(cache=True)
def pack(edges, kept, counts, workers, packed):
    """Copy the edges listed to `packed`, three arrays of their number, in their order.

    edges    src, dst, weight as in the slice
    packed   src, dst int32 or int64, weight of the same type
    """
    begin = np.empty(len(counts), np.int64)
    total = 0
    for t in range(len(counts)):
        begin[t] = total
        total += counts[t]
    on_threads(_pack, (np.zeros(1, np.int64), edges, kept, counts, begin, packed), workers)


def all_useful(m: int) -> tuple[np.ndarray, np.ndarray]:
    """All of m edges, turn by turn, as `relax_edges` takes them."""
    counts = np.full(-(-m // TURN_EDGES), TURN_EDGES, np.int64)
    counts[-1:] -= -m % TURN_EDGES
    return np.tile(np.arange(TURN_EDGES, dtype=np.uint16), len(counts)), counts


@inlined
def _lower(bounds, v, bits):
    old = load(bounds, v)
    while bits < old:
        seen = compare_and_swap(bounds, v, old, bits)
        if seen == old:
            break
        old = seen


@kernel
def _relax(edges, bounds, lowered, first, count, useful, lower, sums):
    """Relax the useful edges of a turn, and list those that are so still; how many?

    lower, sums   (TURN_EDGES,)   room for the bounds to lower: branches would be guessed wrong
    """
    src, dst, weight = edges
    left, found = first, np.uint64(0)
    for i in range(first, first + count):
        if i + _AHEAD < first + count:
            e = np.uint64(first + useful[np.uint64(i + _AHEAD)])
            prefetch(bounds, src[e])
            prefetch(bounds, dst[e])
        place = useful[np.uint64(i)]
        e = np.uint64(first + place)
        u = np.uint64(src[e])
        v = np.uint64(dst[e])
        at_u = bounds[u]
        at_v = bounds[v]
        most = max(at_u, at_v)
        useful[np.uint64(left)] = place
        left += bits_of(abs(weight[e])) < most  # the bits of -0.0 are large
        x = plus(min(at_u, at_v), weight[e])
        lower[found] = v if at_u < at_v else u
        sums[found] = x
        found += np.uint64(x < most)
    for k in range(np.int64(found)):
        if k + _AHEAD < np.int64(found):
            prefetch(lowered, lower[np.uint64(k + _AHEAD)])
        _lower(lowered, lower[np.uint64(k)], sums[np.uint64(k)])
    return left - first


@njit(cache=True, no_cpython_wrapper=True)
def _relax_turns(turn, edges, bounds, lowered, useful, counts, _share):
    lower, sums = np.empty(TURN_EDGES, np.uint64), np.empty(TURN_EDGES, bounds.dtype)
    while True:
        t = atomic_add(turn, 0, 1)
        if t >= len(counts):
            break
        first = t * TURN_EDGES
        counts[t] = _relax(edges, bounds, lowered, first, counts[t], useful, lower, sums)


@njit(cache=True)
def relax_edges(edges, bounds, workers, lowered, useful, counts):
    """Lower the bounds of both ends of every edge by what stands at the other end.

    bounds    bits (n,)   of the round before, which are read
    lowered   bits (n,)   which are written; equal to `bounds` at first
    useful    uint16      places in its turn, of the edges that may lower a bound now or later: an
                          edge as heavy as both bounds does not, as these only fall
    counts    int64 (turns,)   how many of each turn; see `all_useful`
    """
    arguments = (np.zeros(1, np.int64), edges, bounds, lowered, useful, counts)
    on_threads(_relax_turns, arguments, workers)


@part
def _take(shares, bounds, lowered, unreached, counts, share):
    n = len(bounds)
    total = found = 0
    for v in range(n * share // shares, n * (share + 1) // shares):
        total += lowered[v] != bounds[v]
        found += (bounds[v] == unreached) & (lowered[v] != unreached)
        bounds[v] = lowered[v]
    counts[share, 0] = total
    counts[share, 1] = found


@njit(cache=True)
def take_lowered(bounds, lowered, unreached, workers):
    """End a round: `bounds` becomes `lowered`.

    Returns how many bounds were lowered, and how many of these were infinite before.
    """
    counts = np.zeros((workers, 16), np.int64)  # a cache line or two for each thread
    on_threads(_take, (workers, bounds, lowered, unreached, counts), workers)
    return counts[:, 0].sum(), counts[:, 1].sum()
