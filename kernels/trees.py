"""Trees taken off a graph: vertices with a single arc, again and again. Plain arrays."""

from __future__ import annotations

import numpy as np

from kernels.atomics import prefetch
from kernels.compile import ONE, ZERO, kernel, njit, part
from kernels.parallel import on_threads
from kernels.tentative import both_of, dist_of, plus, put, value

CORE = -1
# Vertices that are not worth waking other threads for.
_ALONE = 1 << 14


@njit(cache=True)
def take_off(indptr, arcs, connected):
    """Find the trees of an undirected graph; what is left, the core, has no vertex of one arc.

    indptr, arcs   the rows by label, without self loops and parallel arcs
    connected      labels from here on have no arcs
    Returns
    order        int32 (k,)        labels in the order they are taken off: each before what it
                                   hangs on
    round_ends   int64 (rounds,)   how many of them are gone after each round
    link         int64 (labels,)   place in `arcs` of the one arc that was left; CORE: not taken off
    has_child    bool (labels,)    a vertex that was taken off hangs on it
    """
    labels = len(indptr) - 1
    link = np.full(labels, CORE, np.int64)
    has_child = np.zeros(labels, np.bool_)
    degree = np.empty(connected, np.int32)
    for v in range(connected):
        degree[v] = indptr[v + 1] - indptr[v]
    order = np.empty(connected, np.int32)
    count = 0
    for v in range(connected):
        if degree[v] == 1:
            order[count] = v
            count += 1
    round_ends = [np.int64(0) for _ in range(0)]
    begin, taken = 0, 0
    while begin < count:
        end = count
        for i in range(begin, end):
            v = order[i]
            if i + 16 < end:
                prefetch(arcs, indptr[order[i + 16]])
            if degree[v] != 1:
                continue  # the other end of its last arc went in this round: it is a core by itself
            k = indptr[v]
            while link[arcs[k].adj] != CORE:
                k += 1
            u = arcs[k].adj
            link[v] = k
            has_child[u] = True
            degree[u] -= 1
            order[taken] = v
            taken += 1
            if degree[u] == 1 and link[u] == CORE:
                order[count] = u
                count += 1
        round_ends.append(taken)
        begin = end
    return order[:taken], np.array(round_ends, np.int64), link, has_child


@njit(cache=True)
def core_degrees(core, indptr, arcs, link):
    """int64: the arcs of each core vertex that lead to others of the core."""
    degree = np.zeros(len(core), np.int64)
    for i in range(len(core)):
        for k in range(indptr[core[i]], indptr[core[i] + 1]):
            degree[i] += link[arcs[k].adj] == CORE
    return degree


@njit(cache=True)
def core_rows(core, inner, indptr, arcs, link, label):
    """Rows by new label: arcs of the core within the core, then one arc of each inner vertex.

    core, inner   old labels, in the order of the new ones
    label         int32   new label of each old one
    """
    bounds = np.zeros(len(core) + len(inner) + 1, np.int64)
    bounds[1 : len(core) + 1] = np.cumsum(core_degrees(core, indptr, arcs, link))
    bounds[len(core) + 1 :] = bounds[len(core)] + 1 + np.arange(len(inner))
    rows = np.empty(bounds[-1], arcs.dtype)
    out = 0
    for v in core:
        for k in range(indptr[v], indptr[v + 1]):
            if link[arcs[k].adj] == CORE:
                rows[out].adj = label[arcs[k].adj]
                rows[out].weight = arcs[k].weight
                out += 1
    for v in inner:
        rows[out].adj = label[arcs[link[v]].adj]
        rows[out].weight = arcs[link[v]].weight
        out += 1
    return bounds, rows


@kernel
def climb(vertex, parent, dist, core, rows, state):
    """Walk from a tree vertex to the core, and store the distances on the way.

    Returns the core vertex, its distance (bits), and the vertex before it.
    """
    while vertex >= core:
        put(state, vertex, dist, parent)
        arc = rows.arcs[rows.indptr[vertex]]
        dist = plus(dist, arc.weight)
        parent = vertex
        vertex = np.int64(arc.adj)
    return vertex, dist, parent


@part
def _answer(shares, local_id, leaf_weight, global_id, state, dist, parent, share):
    last = len(local_id) * (share + 1) // shares
    for i in range(len(local_id) * share // shares, last):
        v = np.uint64(i)  # unsigned, so that nothing checks for one from the end
        if i + 64 < last:
            ahead = local_id[np.uint64(i + 64)]
            prefetch(state.words, ahead ^ (ahead >> 31))
        label = local_id[v]
        is_leaf = label >> 31  # all bits set, or none: a branch would be wrong half of the time
        at = np.uint64(label ^ is_leaf)  # of a leaf, what it hangs on
        before, parent_before = both_of(state, at)
        dist[v] = value(plus(before, leaf_weight[v]), leaf_weight[v])
        hung = np.int64(is_leaf) & -np.int64(before != state.unreached)
        label = parent_before ^ ((parent_before ^ np.int64(at)) & hung)
        parent[v] = global_id[np.uint64(label)]


@kernel
def answer(workers, local_id, leaf_weight, global_id, state, dist, parent):
    """Write distance and parent of every vertex in original ids.

    local_id      int32 (n,)   label; of a leaf ~label of what it hangs on
    leaf_weight   (n,)         of a leaf its one arc, else 0
    global_id     int (labels + 1,)   original id of each label; the last, -1, is nobody's
    """
    if workers == 1 or len(local_id) <= _ALONE:
        _answer(ONE, local_id, leaf_weight, global_id, state, dist, parent, ZERO)
    else:
        arguments = (workers, local_id, leaf_weight, global_id, state, dist, parent)
        on_threads(_answer, arguments, workers)


@kernel
def has_overflow(local_id, leaf_weight, state):
    """Is there a leaf of a reached vertex whose sum is infinite?"""
    for v in range(len(local_id)):
        if local_id[v] < 0:
            at = dist_of(state, np.int64(~local_id[v]))
            if at != state.unreached and plus(at, leaf_weight[v]) == state.unreached:
                return True
    return False
