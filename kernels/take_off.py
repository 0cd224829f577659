"""Vertices are taken off a graph, as no shortest path leads over them (graphs.trees).

On plain arrays: which ones, in which order; and the rows of what is left and of them.
"""

from __future__ import annotations

import numpy as np

from kernels.atomics import prefetch
from kernels.compile import ZERO, njit, part
from kernels.parallel import on_threads

# The round in which nothing is taken off.
CORE = np.int32(2**31 - 1)
LEAF = np.int32(-1)  # before the first round
# Vertices of more arcs stay: their pairs are many, and seldom all of no use.
MOST_ARCS = 8
# Rows are prefetched this many vertices ahead, what stands at the ends of their arcs half as many.
_AHEAD = 16


@part
def _ask_for_ends(v, indptr, arcs, marks, length):
    """Ask for what is known of the ends of the arcs of a vertex that may be taken off."""
    if marks[2 * v + 1] <= MOST_ARCS:
        for k in range(indptr[v], min(indptr[v] + MOST_ARCS, indptr[v + 1])):
            prefetch(marks, 2 * np.int64(arcs[k].adj))
            prefetch(length, arcs[k].adj)


@part
def _arcs_left(v, this_round, indptr, arcs, marks, ends, weights):
    """List the arcs of v to what is not taken off; how many, and is another end this round's?"""
    found, wait = ZERO, False
    for k in range(indptr[v], indptr[v + 1]):
        u = np.int64(arcs[k].adj)
        level = marks[2 * u]
        if level == CORE:
            ends[found] = u
            weights[found] = arcs[k].weight
            found += 1
        wait |= level == this_round
    return found, wait


@part
def _is_crossed(count, ends, weights, length, factor, slack):
    """May a shortest path lead over two of these arcs?"""
    for a in range(1, count):
        for b in range(a):
            detour = np.float64(length[ends[a]]) + np.float64(length[ends[b]])
            if not weights[a] + weights[b] > detour * factor + slack:
                return True
    return False


@part
def _drop_arcs(count, ends, marks, listed, following, later):
    """A vertex goes with its arcs to `ends`; lists which of these may now be taken off."""
    for a in range(count):
        u = ends[a]
        marks[2 * u + 1] -= 1
        if marks[2 * u + 1] <= MOST_ARCS and not listed[u]:
            listed[u] = True
            following[later] = u
            later += 1
    return later


@part
def _take_leaves(indptr, arcs, connected, marks, leaves, others):
    """List the vertices of a single arc, which go before all rounds, and the others; how many."""
    hung, kept = ZERO, ZERO
    for v in range(connected):
        if indptr[v + 1] - indptr[v] != 1:
            others[kept] = v
            kept += 1
            continue
        prefetch(marks, 2 * np.int64(arcs[min(indptr[v] + _AHEAD, len(arcs) - 1)].adj))
        u = np.int64(arcs[indptr[v]].adj)
        if marks[2 * u] == CORE:  # else these two are all that there is of their component
            marks[2 * v] = LEAF
            marks[2 * u + 1] -= 1
            leaves[hung] = v
            hung += 1
    return hung, kept


@njit(cache=True)
def take_off(indptr, arcs, length, factor, slack, marks):
    """Find the vertices of an undirected graph that are on no shortest path of what is left.

    indptr, arcs     the rows by label, without self loops and parallel arcs
    length           (connected,)   of the labels that have arcs, the first ones: bounds of the
                     distances from a hub, inf where none is known
    factor, slack    two arcs are of no use if longer than (length + length) * factor + slack of
                     their ends
    marks            int32 (2 connected,)   filled: of each label the round in which it is taken
                     off, LEAF or CORE; and its arcs upwards, to what is not taken off before. No
                     arc joins two of a round
    Returns
    order        int32 (k,)        those of several arcs, labels in the order they are taken off
    round_ends   int64 (rounds,)   how many of them are gone after each round
    leaves       int32 (l,)        those of a single arc, which go first
    """
    connected = len(length)
    for v in range(connected):
        marks[2 * v] = CORE
        marks[2 * v + 1] = indptr[v + 1] - indptr[v]
    now, leaves = np.empty(connected, np.int32), np.empty(connected, np.int32)
    hung, count = _take_leaves(indptr, arcs, connected, marks, leaves, now)
    listed = np.ones(connected, np.bool_)
    order, following = np.empty(count, np.int32), np.empty(count, np.int32)
    ends, weights = np.empty(MOST_ARCS, np.int64), np.empty(MOST_ARCS, np.float64)
    round_ends = [np.int64(0) for _ in range(0)]
    taken = ZERO
    while count > 0:
        this_round, before, later = np.int32(len(round_ends)), taken, ZERO
        for i in range(count):
            v = np.int64(now[i])
            if i + _AHEAD < count:
                prefetch(arcs, indptr[now[i + _AHEAD]])
                _ask_for_ends(np.int64(now[i + _AHEAD // 2]), indptr, arcs, marks, length)
            listed[v] = False
            if not 0 < marks[2 * v + 1] <= MOST_ARCS:
                continue
            found, wait = _arcs_left(v, this_round, indptr, arcs, marks, ends, weights)
            if _is_crossed(found, ends, weights, length, factor, slack):
                continue
            if wait:  # for the next round
                listed[v] = True
                following[later] = v
                later += 1
                continue
            marks[2 * v] = this_round
            order[taken] = v
            taken += 1
            later = _drop_arcs(found, ends, marks, listed, following, later)
        if taken > before:
            round_ends.append(taken)
        now, following, count = following, now, later
    return order[:taken], np.array(round_ends, np.int64), leaves[:hung].copy()


@part
def _rows_upwards(shares, order, core, rows, label, bounds, upwards, share):
    indptr, arcs = rows.indptr, rows.arcs
    last = len(order) * (share + 1) // shares
    for i in range(len(order) * share // shares, last):
        if i + _AHEAD < last:
            prefetch(arcs, indptr[order[i + _AHEAD]])
            v = order[i + _AHEAD // 2]
            for k in range(indptr[v], min(indptr[v] + MOST_ARCS, indptr[v + 1])):
                prefetch(label, np.int64(arcs[k].adj))
        v = order[i]
        out = bounds[i]
        for k in range(indptr[v], indptr[v + 1]):
            at = label[np.int64(arcs[k].adj)]
            if at < max(core, i):
                upwards[out].adj = at
                upwards[out].weight = arcs[k].weight
                out += 1


@njit(cache=True)
def rows_upwards(order, core, degree, rows, label, workers):
    """Rows by new label, of the arcs that lead to no vertex taken off before.

    order    int32   old labels, in the order of the new ones: the core, then those taken off last
    core     how many of them are the core
    degree   arcs upwards of each
    rows     `Rows` by old label
    label    int32   new label of each old one; nobody's where it has none
    """
    bounds = np.zeros(len(order) + 1, np.int64)
    bounds[1:] = np.cumsum(degree)
    upwards = np.empty(bounds[-1], rows.arcs.dtype)
    on_threads(_rows_upwards, (workers, order, core, rows, label, bounds, upwards), workers)
    return bounds, upwards


@part
def _hold(shares, leaves, rows, names, at, holds, weight, share):
    indptr, arcs = rows.indptr, rows.arcs
    label, global_id = names
    last = len(leaves) * (share + 1) // shares
    for i in range(len(leaves) * share // shares, last):
        if i + _AHEAD < last:
            prefetch(label, np.int64(arcs[indptr[leaves[i + _AHEAD]]].adj))
            prefetch(weight, global_id[leaves[i + _AHEAD]])
        arc = indptr[leaves[i]]
        at[i] = label[np.int64(arcs[arc].adj)]
        holds[at[i]] = True
        weight[global_id[leaves[i]]] = arcs[arc].weight


@njit(cache=True)
def hold(leaves, rows, names, workers, holds, weight):
    """Find the vertices on which leaves hang; returns the new label of each leaf's: int32.

    leaves   int32 (l,)   old labels
    rows     `Rows` by old label
    names    of each old label the new one, and the original id
    holds    bool (labels,)   filled: does a leaf hang on this one?
    weight   (n,)   filled: of each leaf its arc's, by original id
    """
    at = np.empty(len(leaves), np.int32)
    on_threads(_hold, (workers, leaves, rows, names, at, holds, weight), workers)
    return at
