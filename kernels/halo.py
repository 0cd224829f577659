"""What a rank's search sends to other ranks and receives from them (see graphs.halo).

Messages are arrays ordered by the rank they go to; vertices are named by their labels at the
receiver. Offers go to the owner of a ghost: target, parent, distance (bits); or to a neighbour,
whose vertex has its distance and parent already, and is to be queued. News come from the owner:
label of the ghost, distance.
"""

from __future__ import annotations

import numpy as np

from kernels.atomics import prefetch
from kernels.bits import lowest
from kernels.compile import inlined, kernel, njit
from kernels.heap import heap_to_far
from kernels.queues import FAR, LEAVES, OTHERS, OUT_AT, OUT_TAIL, OWN, append_far, close_chunks
from kernels.tentative import dist_of, improve, parent_of, put

# The parent in an offer to a neighbour: what it tells of has been stored.
STORED = -1


def offer_dtype(dist_dtype: np.dtype) -> np.dtype:
    """Record of an offer."""
    return np.dtype([("target", "<i4"), ("parent", "<i4"), ("dist", dist_dtype)])


def news_dtype(dist_dtype: np.dtype) -> np.dtype:
    """Record of news."""
    return np.dtype([("label", "<i4"), ("dist", dist_dtype)])


@inlined
def _index(label, ranges):
    """Place of an own vertex among the own ones that have arcs."""
    if label < ranges[OWN, 1]:
        return label - ranges[OWN, 0]
    return label - ranges[LEAVES, 0] + ranges[OWN, 1] - ranges[OWN, 0]


@inlined
def _neighbour(label, near_from):
    """Which neighbour owns a vertex that is no ghost: the last one whose labels begin before."""
    lo = 0
    hi = len(near_from)
    while hi - lo > 1:
        middle = (lo + hi) >> 1
        if near_from[middle] <= label:
            lo = middle
        else:
            hi = middle
    return lo


@inlined
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
def collect_offers(kind, size, ranges, nobody, unreached, near, near_from, ghost_rank, ghost_label,
                   link_start, link_rank, link_label, state, out, shared, books):  # fmt: skip
    """Empty the queue of others' vertices that were improved: for each the last, and so the least.

    `kind` is any array of offers; labels from ranges[OTHERS] are ghosts, any others neighbours'. A
    ghost whose parent is `nobody` has its distance from its owner.
    Returns how many for each rank, the offers, and the least distance among them.
    """
    close_chunks(out, books, OUT_AT)
    count = min(shared[OUT_TAIL], len(out))
    shared[OUT_TAIL] = 0
    first = ranges[OTHERS, 0]
    ghosts = ranges[OTHERS, 1] - first
    counts = np.zeros(size, np.int64)
    for i in range(count):
        if i + 8 < count:
            prefetch(state, out[i + 8].vertex)
        v = np.int64(out[i].vertex)
        if v < 0:
            continue
        if dist_of(state, v, unreached) != out[i].dist:
            out[i].vertex = -1
        elif not 0 <= v - first < ghosts:
            counts[near[_neighbour(v, near_from)]] += 1
        elif parent_of(state, v, unreached) != nobody:
            prefetch(link_start, _index(parent_of(state, v, unreached), ranges))
            prefetch(ghost_label, v - first)
            counts[ghost_rank[v - first]] += 1
        else:
            out[i].vertex = -1
    cursor = _starts(counts)
    offers = np.empty(counts.sum(), kind.dtype)
    least = unreached
    for i in range(count):
        if i + 8 < count and 0 <= out[i + 8].vertex - first < ghosts:
            u = parent_of(state, np.int64(out[i + 8].vertex), unreached)
            prefetch(link_rank, link_start[_index(u, ranges)])
            prefetch(link_label, link_start[_index(u, ranges)])
        v = np.int64(out[i].vertex)
        if v < 0:
            continue
        if 0 <= v - first < ghosts:
            r = np.int64(ghost_rank[v - first])
            k = _link(_index(parent_of(state, v, unreached), ranges), r, link_start, link_rank)
            target = ghost_label[v - first]
            parent = link_label[k]
        else:
            r = near[_neighbour(v, near_from)]
            target = np.int32(v)
            parent = np.int32(STORED)
        offer = offers[cursor[r]]
        cursor[r] += 1
        offer.target = target
        offer.parent = parent
        offer.dist = out[i].dist
        least = min(least, out[i].dist)
    return counts, offers, least


@kernel
def apply_offers(offers, state, heap, queues, shared, books):
    """Take the offers that are better, and queue their vertices."""
    far = queues[shared[FAR]]
    heap_to_far(heap, far, shared, books[0])
    for i in range(len(offers)):
        v = np.int64(offers[i].target)
        x = offers[i].dist
        if offers[i].parent == STORED:
            if dist_of(state, v, x) == x:
                append_far(far, shared, books[0], v, 0, x, x)
        elif x < dist_of(state, v, x) and improve(state, v, x, offers[i].parent):
            append_far(far, shared, books[0], v, 0, x, x)


@kernel
def list_between(first, last, least, below, state, listed):
    """List the own vertices [first, last) with distances in [least, below); returns how many."""
    count = np.uint64(0)
    for v in range(first, last):
        dist = dist_of(state, v, below)
        listed[count] = v
        count += np.uint64((least <= dist) & (dist < below))
    return np.int64(count)


@kernel
def list_improved(improved, count, first, like, state, watched, listed):
    """List each watched vertex of a queue once, by its last entry; returns how many.

    `watched` is uint8 by index: `first` is the label of the first own vertex.
    """
    known = 0
    for i in range(count):
        if i + 16 < count:
            prefetch(watched, improved[i + 16].vertex - first)
            prefetch(state, improved[i + 16].vertex)
        v = np.int64(improved[i].vertex)
        if v >= 0 and watched[v - first] != 0 and dist_of(state, v, like) == improved[i].dist:
            listed[known] = v
            known += 1
    return known


@njit(cache=True)
def news(kind, size, listed, count, first, like, link_start, link_rank, link_label, promised,
         least, told, state):  # fmt: skip
    """News of some own vertices with rows, labels from `first` on, for the ranks that see them.

    `least` is 1: for those who were promised news of the vertex; or 0: for all who see it. `told`
    has room for as many links, and `kind` is any array of news.
    """
    links = 0
    for i in range(count):
        if i + 16 < count:
            soon = link_start[listed[i + 8] - first]
            prefetch(link_start, listed[i + 16] - first)
            prefetch(promised, soon)
            prefetch(link_rank, soon)
            prefetch(link_label, soon)
        index = listed[i] - first
        for k in range(link_start[index], link_start[index + 1]):
            told[links].vertex = listed[i]
            told[links].link = k
            links += promised[k] >= least
    counts = np.zeros(size, np.int64)
    for i in range(links):
        counts[link_rank[told[i].link]] += 1
    cursor = _starts(counts)
    message = np.empty(links, kind.dtype)
    for i in range(links):
        k = told[i].link
        r = link_rank[k]
        message[cursor[r]].label = link_label[k]
        message[cursor[r]].dist = dist_of(state, np.int64(told[i].vertex), like)
        cursor[r] += 1
    return counts, message


@kernel
def hear(label, dist, nobody, state):
    """Take the distances of ghosts from their owners."""
    for i in range(len(label)):
        v = np.int64(label[i])
        if dist[i] < dist_of(state, v, dist[i]):
            put(state, v, dist[i], nobody)


@njit(cache=True)
def wanted(within, noted, size, first, hubs, rows_from, ghost_rank, ghost_label, marks, listed):
    """The ghosts that are tails of noted arcs and no hubs, by owner.

    Ghosts have labels from `first` on; hubs are the first `hubs` labels of their owners. `marks`
    are uint64, a bit 0 for each ghost; `listed` has room for all ghosts. Returns how many of each
    rank, their labels here, and their labels there.
    """
    ghosts = np.uint64(len(ghost_label))
    for i in range(noted):
        ghost = np.uint64(np.int64(within[np.uint64(i)].offset) - first)
        if ghost < ghosts:  # one below the first is a large number
            marks[ghost >> np.uint64(6)] |= np.uint64(1) << (ghost & np.uint64(63))
    found = 0
    counts = np.zeros(size, np.int64)
    for w in range(len(marks)):
        word = marks[w]
        marks[w] = 0
        while word != 0:
            ghost = (np.int64(w) << 6) + lowest(word)
            word &= word - np.uint64(1)
            if ghost_label[ghost] - rows_from[ghost_rank[ghost]] >= hubs:
                listed[found] = ghost
                counts[ghost_rank[ghost]] += 1
                found += 1
    cursor = _starts(counts)
    here = np.empty(found, np.int32)
    there = np.empty(found, np.int32)
    for i in range(found):
        ghost = listed[i]
        at = cursor[ghost_rank[ghost]]
        cursor[ghost_rank[ghost]] = at + 1
        here[at] = ghost + first
        there[at] = ghost_label[ghost]
    return counts, here, there


@njit(cache=True)
def promise(counts, label, first, like, link_start, link_rank, promised, watched, state):
    """Note who wants news of which vertex, labels from `first` on; returns the distances by now."""
    dist = np.full(len(label), like)
    i = 0
    for r in range(len(counts)):
        for _ in range(counts[r]):
            if i + 16 < len(label):
                prefetch(link_start, label[i + 16] - first)
                prefetch(state, label[i + 16])
                prefetch(link_rank, link_start[label[i + 8] - first])
            v = np.int64(label[i])
            promised[_link(v - first, r, link_start, link_rank)] = 1
            watched[v - first] = 1
            dist[i] = dist_of(state, v, like)
            i += 1
    return dist


@njit(cache=True)
def distances(label, like, state):
    """The distances of some labels."""
    dist = np.full(len(label), like)
    for i in range(len(label)):
        dist[i] = dist_of(state, np.int64(label[i]), like)
    return dist
