"""What a rank's search tells other ranks, and hears from them (see graphs.halo).

Messages are arrays ordered by the rank they go to; vertices are named by their labels at the
receiver. Offers go to the owner of a ghost: target, distance (bits), parent. News come from the
owner: label of the ghost, distance.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.heap import heap_to_far
from kernels.noted import CHANGED, NOTED
from kernels.queues import FAR, OUT, OUT_AT, OUT_TAIL, append_far, close_chunks
from kernels.tentative import dist_of, improve, parent_of, put


@njit(cache=True, forceinline=True)
def _index(label, rows, leaves_from):
    """Place of an own vertex among the own ones that have arcs."""
    return label if label < rows else label - (leaves_from - rows)


@njit(cache=True, forceinline=True)
def _link(index, rank, link_start, link_rank):
    """The link of an own vertex to a rank that sees it; -1 where it does not."""
    lo = link_start[index]
    hi = link_start[index + 1]
    while lo < hi:
        middle = (lo + hi) >> 1
        if link_rank[middle] < rank:
            lo = middle + 1
        else:
            hi = middle
    if lo < link_start[index + 1] and link_rank[lo] == rank:
        return lo
    return np.int64(-1)


@njit(cache=True, forceinline=True)
def _starts(counts):
    """Where each rank's part starts."""
    cursor = np.zeros(len(counts), np.int64)
    for r in range(1, len(counts)):
        cursor[r] = cursor[r - 1] + counts[r - 1]
    return cursor


@njit(cache=True)
def collect_offers(size, rows, leaves_from, unreached, ghost_rank, ghost_label, link_start,
                   link_rank, link_label, state, queues, shared, books):  # fmt: skip
    """Empty the queue of improved ghosts: for each the last, and so the least, of its offers."""
    out = queues[OUT]
    close_chunks(out, books, OUT_AT)
    count = min(shared[OUT_TAIL], len(out))
    shared[OUT_TAIL] = 0
    counts = np.zeros(size, np.int64)
    for i in range(count):
        if out[i].vertex >= 0:
            if dist_of(state, np.int64(out[i].vertex), unreached) == out[i].dist:
                counts[ghost_rank[out[i].vertex - rows]] += 1
            else:
                out[i].vertex = -1
    cursor = _starts(counts)
    total = counts.sum()
    target = np.empty(total, np.int32)
    dist = np.full(total, unreached)
    parent = np.empty(total, np.int32)
    for i in range(count):
        if out[i].vertex < 0:
            continue
        ghost = out[i].vertex - rows
        r = ghost_rank[ghost]
        at = cursor[r]
        cursor[r] = at + 1
        u = parent_of(state, np.int64(out[i].vertex), unreached)
        target[at] = ghost_label[ghost]
        dist[at] = out[i].dist
        parent[at] = link_label[_link(_index(u, rows, leaves_from), r, link_start, link_rank)]
    return counts, target, dist, parent


@njit(cache=True)
def apply_offers(target, dist, parent, state, heap, queues, shared, books):
    """Take the offers that are better, and queue their vertices."""
    far = queues[shared[FAR]]
    heap_to_far(heap, far, shared, books[0])
    for i in range(len(target)):
        v = np.int64(target[i])
        if dist[i] < dist_of(state, v, dist[i]) and improve(state, v, dist[i], parent[i]):
            append_far(far, shared, books[0], v, 0, dist[i], dist[i])


@njit(cache=True)
def news_between(size, rows, least, below, link_start, link_rank, link_label, state):
    """Distances in [least, below) of own vertices [0, rows), for each rank that sees the vertex."""
    counts = np.zeros(size, np.int64)
    for v in range(rows):
        if least <= dist_of(state, v, below) < below:
            for k in range(link_start[v], link_start[v + 1]):
                counts[link_rank[k]] += 1
    cursor = _starts(counts)
    label = np.empty(counts.sum(), np.int32)
    dist = np.full(len(label), below)
    for v in range(rows):
        mine = dist_of(state, v, below)
        if least <= mine < below:
            for k in range(link_start[v], link_start[v + 1]):
                at = cursor[link_rank[k]]
                cursor[link_rank[k]] = at + 1
                label[at] = link_label[k]
                dist[at] = mine
    return counts, label, dist


@njit(cache=True)
def hear(label, dist, nobody, state):
    """Take the distances of ghosts from their owners."""
    for i in range(len(label)):
        v = np.int64(label[i])
        if dist[i] < dist_of(state, v, dist[i]):
            put(state, v, dist[i], nobody)


@njit(cache=True)
def wanted(marks, size, rows, ghost_rank, ghost_label):
    """The ghosts that are tails of noted arcs (see kernels.noted), by owner.

    Returns how many of each rank, their labels here, and their labels there.
    """
    counts = np.zeros(size, np.int64)
    for ghost in range(len(ghost_rank)):
        if marks[rows + ghost] & NOTED != 0:
            counts[ghost_rank[ghost]] += 1
    cursor = _starts(counts)
    here = np.empty(counts.sum(), np.int32)
    there = np.empty(len(here), np.int32)
    for ghost in range(len(ghost_rank)):
        if marks[rows + ghost] & NOTED != 0:
            at = cursor[ghost_rank[ghost]]
            cursor[ghost_rank[ghost]] = at + 1
            here[at] = ghost + rows
            there[at] = ghost_label[ghost]
    return counts, here, there


@njit(cache=True)
def promise(counts, label, rows, leaves_from, like, link_start, link_rank, promised, state):
    """Note who wants news of which vertex; returns the distances as they are now."""
    dist = np.full(len(label), like)
    i = 0
    for r in range(len(counts)):
        for _ in range(counts[r]):
            v = np.int64(label[i])
            promised[_link(_index(v, rows, leaves_from), r, link_start, link_rank)] = 1
            dist[i] = dist_of(state, v, like)
            i += 1
    return dist


@njit(cache=True)
def list_unsettled(rows, settled_below, unreached, state, marks, changed):
    """Mark and list the own vertices reached at `settled_below` or later; returns how many."""
    known = 0
    for v in range(rows):
        dist = dist_of(state, v, unreached)
        if settled_below <= dist < unreached:
            marks[v] |= CHANGED
            changed[known] = v
            known += 1
    return known


@njit(cache=True)
def changed_news(size, changed, known, like, link_start, link_rank, link_label, promised, marks,
                 state):  # fmt: skip
    """The distance of each changed vertex, for those who want it."""
    counts = np.zeros(size, np.int64)
    for i in range(known):
        for k in range(link_start[changed[i]], link_start[changed[i] + 1]):
            counts[link_rank[k]] += promised[k]
    cursor = _starts(counts)
    label = np.empty(counts.sum(), np.int32)
    dist = np.full(len(label), like)
    for i in range(known):
        v = np.int64(changed[i])
        marks[v] &= ~np.uint8(CHANGED)
        for k in range(link_start[v], link_start[v + 1]):
            if promised[k] != 0:
                at = cursor[link_rank[k]]
                cursor[link_rank[k]] = at + 1
                label[at] = link_label[k]
                dist[at] = dist_of(state, v, like)
    return counts, label, dist


@njit(cache=True)
def distances(label, like, state):
    """The distances of some labels."""
    dist = np.full(len(label), like)
    for i in range(len(label)):
        dist[i] = dist_of(state, np.int64(label[i]), like)
    return dist
