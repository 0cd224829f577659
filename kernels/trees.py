"""Vertices taken off a graph, as no shortest path leads over them (graphs.trees). Plain arrays."""

from __future__ import annotations

import numpy as np

from kernels.atomics import prefetch
from kernels.compile import ONE, ZERO, kernel, njit, part
from kernels.groups import TOGETHER
from kernels.parallel import on_threads
from kernels.queues import counted
from kernels.tentative import both_of, dist_of, plus, put, value

# The round in which nothing is taken off.
CORE = np.int32(2**31 - 1)
# Vertices of more arcs stay: their pairs are many, and seldom all of no use.
MOST_ARCS = 8
# Vertices that are not worth waking other threads for.
_ALONE = 1 << 14


@part
def _arcs_left(v, this_round, indptr, arcs, level, ends, weights):
    """List the arcs of v to what is not taken off; how many, and is another end this round's?"""
    found, wait = ZERO, False
    for k in range(indptr[v], indptr[v + 1]):
        u = arcs[k].adj
        if level[u] == CORE:
            ends[found] = u
            weights[found] = arcs[k].weight
            found += 1
        wait |= level[u] == this_round
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
def _drop_arcs(count, ends, left, has_child, listed, following, later):
    """A vertex goes with its arcs to `ends`; lists which of these may now be taken off."""
    for a in range(count):
        u = ends[a]
        has_child[u] = True
        left[u] -= 1
        if left[u] <= MOST_ARCS and not listed[u]:
            listed[u] = True
            following[later] = u
            later += 1
    return later


@njit(cache=True)
def take_off(indptr, arcs, connected, length, factor, slack):
    """Find the vertices of an undirected graph that are on no shortest path of what is left.

    indptr, arcs     the rows by label, without self loops and parallel arcs
    connected        labels from here on have no arcs
    length           (connected,)   bounds of the distances from a hub; inf where none is known
    factor, slack    two arcs are of no use if longer than (length + length) * factor + slack of
                     their ends
    Returns
    order        int32 (k,)        labels in the order they are taken off
    round_ends   int64 (rounds,)   how many of them are gone after each round
    level        int32 (labels,)   in which round; CORE: not taken off. No arc joins two of a round
    has_child    bool (labels,)    a vertex that was taken off before has an arc to it
    """
    labels = len(indptr) - 1
    level = np.full(labels, CORE, np.int32)
    has_child = np.zeros(labels, np.bool_)
    left = (indptr[1 : connected + 1] - indptr[:connected]).astype(np.int32)
    now, following = np.arange(connected).astype(np.int32), np.empty(connected, np.int32)
    listed = np.ones(connected, np.bool_)
    order = np.empty(connected, np.int32)
    ends, weights = np.empty(MOST_ARCS, np.int32), np.empty(MOST_ARCS, np.float64)
    round_ends = [np.int64(0) for _ in range(0)]
    count, taken = connected, 0
    while count > 0:
        this_round, before, later = np.int32(len(round_ends)), taken, ZERO
        for i in range(count):
            v = now[i]
            if i + 16 < count:
                prefetch(arcs, indptr[now[i + 16]])
            listed[v] = False
            if not 0 < left[v] <= MOST_ARCS:
                continue
            found, wait = _arcs_left(v, this_round, indptr, arcs, level, ends, weights)
            if _is_crossed(found, ends, weights, length, factor, slack):
                continue
            if wait:  # for the next round
                listed[v] = True
                following[later] = v
                later += 1
                continue
            level[v] = this_round
            order[taken] = v
            taken += 1
            later = _drop_arcs(found, ends, left, has_child, listed, following, later)
        if taken > before:
            round_ends.append(taken)
        now, following, count = following, now, later
    return order[:taken], np.array(round_ends, np.int64), level, has_child


@njit(cache=True)
def rows_upwards(order, indptr, arcs, level, label):
    """Rows by new label, of the arcs that lead to no vertex taken off before.

    order    old labels, in the order of the new ones
    level    of `take_off`
    label    int32   new label of each old one
    """
    bounds = np.zeros(len(order) + 1, np.int64)
    bounds[1:] = np.cumsum(degrees_upwards(order, indptr, arcs, level))
    rows = np.empty(bounds[-1], arcs.dtype)
    out = 0
    for i in range(len(order)):
        v = order[i]
        for k in range(indptr[v], indptr[v + 1]):
            if level[arcs[k].adj] >= level[v]:
                rows[out].adj = label[arcs[k].adj]
                rows[out].weight = arcs[k].weight
                out += 1
    return bounds, rows


@njit(cache=True)
def degrees_upwards(vertices, indptr, arcs, level):
    """int64: the arcs of each of these vertices that lead to none taken off before."""
    degree = np.zeros(len(vertices), np.int64)
    for i in range(len(vertices)):
        v = vertices[i]
        for k in range(indptr[v], indptr[v + 1]):
            degree[i] += level[arcs[k].adj] >= level[v]
    return degree


@part
def _name(shares, first, last, global_id, state, share):
    width = last - first
    for i in range(first + width * share // shares, first + width * (share + 1) // shares):
        v = np.uint64(i)  # unsigned, so that nothing checks for one from the end
        dist, parent = both_of(state, v)
        put(state, v, dist, np.uint32(global_id[np.uint64(parent)]))


@kernel
def name(workers, first, last, global_id, state):
    """The parents of the vertices [first, last) become original ids, of 32 bits; -1: nobody.

    Labels are ids after that: once for a search.
    """
    if workers == 1 or last - first <= TOGETHER:
        _name(ONE, first, last, global_id, state, ZERO)
    else:
        on_threads(_name, (workers, first, last, global_id, state), workers)


@part
def _settle(shares, first, last, rows, global_id, state, share):
    indptr, arcs = rows.indptr, rows.arcs
    width = last - first
    for v in range(first + width * share // shares, first + width * (share + 1) // shares):
        k = np.uint64(indptr[v])
        end = np.uint64(indptr[v + 1])
        best, parent = both_of(state, v)
        while k < end:
            u = np.int64(arcs[k].adj)
            x = plus(dist_of(state, u), arcs[k].weight)
            parent = u if x < best else parent
            best = min(best, x)
            k += np.uint64(1)
        put(state, v, best, np.uint32(global_id[np.uint64(parent)]))


@part
def settle(workers, first, last, rows, global_id, state):
    """The vertices [first, last) take the shortest way over the ends of their arcs.

    Their parents become original ids, as in `name`. Of more than TOGETHER, none leads to another.
    """
    if workers == 1 or last - first <= TOGETHER:
        _settle(ONE, first, last, rows, global_id, state, ZERO)
    else:
        on_threads(_settle, (workers, first, last, rows, global_id, state), workers)


@part
def _hang(shares, held, begin, global_id, state, share):
    count = len(held)
    for i in range(count * share // shares, count * (share + 1) // shares):
        at = np.uint64(held[np.uint64(i)])
        dist = dist_of(state, at)
        nobody = -np.uint32(dist == state.unreached)  # all bits set, or none
        put(state, np.uint64(begin + i), dist, np.uint32(global_id[at]) | nobody)


@part
def hang(workers, held, begin, global_id, state):
    """What leaves take from the vertex they hang on: its distance, and itself as their parent.

    held    int32 (k,)   labels of these vertices
    begin   the first of as many places of the state
    """
    if workers == 1 or len(held) <= TOGETHER:
        _hang(ONE, held, begin, global_id, state, ZERO)
    else:
        on_threads(_hang, (workers, held, begin, global_id, state), workers)


@part
def _answer(shares, local_id, leaf_weight, state, dist, parent, share):
    last = len(local_id) * (share + 1) // shares
    for i in range(len(local_id) * share // shares, last):
        v = np.uint64(i)
        if i + 64 < last:
            prefetch(state.words, local_id[np.uint64(i + 64)])
        before, found = both_of(state, np.uint64(local_id[v]))
        dist[v] = value(plus(before, leaf_weight[v]), leaf_weight[v])
        parent[v] = np.int32(found)


@part
def answer(workers, local_id, leaf_weight, state, dist, parent):
    """Write distance and parent of every vertex in original ids.

    local_id      int32 (n,)   place in the state, where the parent is an original id
    leaf_weight   (n,)         of a leaf its one arc, else 0
    """
    if workers == 1 or len(local_id) <= _ALONE:
        _answer(ONE, local_id, leaf_weight, state, dist, parent, ZERO)
    else:
        on_threads(_answer, (workers, local_id, leaf_weight, state, dist, parent), workers)


@kernel
def write(off, rows, ids, state, dist, parent, queues):
    """Write the answer of a search of a core; returns the rounds, and the arcs looked at.

    off   kernels.groups.TakenOff
    ids   kernels.groups.Ids; what has no label has a place in the state, see `answer`
    """
    workers = len(queues.thread_counters)
    for r in range(len(off.searched)):
        name(workers, off.searched[r, 0], off.searched[r, 1], ids.global_id, state)
    for r in range(len(off.passes)):
        settle(workers, off.passes[r, 0], off.passes[r, 1], rows, ids.global_id, state)
    hang(workers, off.held, off.first_held, ids.global_id, state)
    answer(workers, ids.local_id, off.leaf_weight, state, dist, parent)
    return counted(queues)


@kernel
def has_overflow(local_id, leaf_weight, state):
    """Is there a leaf of a reached vertex whose sum is infinite?"""
    for v in range(len(local_id)):
        before = dist_of(state, np.int64(local_id[v]))
        if before != state.unreached and plus(before, leaf_weight[v]) == state.unreached:
            return True
    return False
