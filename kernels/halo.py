"""What a rank's search sends to other ranks, and receives from them (see graphs.halo).

Messages are arrays ordered by the rank they go to; vertices are named by their labels at the
receiver. A relax request goes to the owner of a ghost: target, parent, distance (bits); or to a
node peer, whose vertex has its distance and parent already, and is to be queued. A distance update
comes from the owner: label of the ghost, distance.
"""

from __future__ import annotations

import numpy as np

from kernels.atomics import prefetch
from kernels.bits import lowest
from kernels.compile import ZERO, inlined, kernel, njit, part
from kernels.heap import heap_to_far
from kernels.queues import (
    FIRST_THREAD,
    LEAVES,
    OTHERS,
    OUT_AT,
    OUT_TAIL,
    OWN,
    append_far,
    close_chunks,
    thread_queues,
)
from kernels.route import starts
from kernels.tentative import dist_of, improve, parent_of, put

# The parent in a request to a node peer: distance and parent have been stored.
STORED = -1


def request_dtype(dist_dtype: np.dtype) -> np.dtype:
    """Record of a relax request."""
    return np.dtype([("target", "<i4"), ("parent", "<i4"), ("dist", dist_dtype)])


def update_dtype(dist_dtype: np.dtype) -> np.dtype:
    """Record of a distance update."""
    return np.dtype([("label", "<i4"), ("dist", dist_dtype)])


@inlined
def _index(label, bounds):
    """Place of an own vertex among the own ones that have arcs."""
    if label < bounds[OWN, 1]:
        return label - bounds[OWN, 0]
    return label - bounds[LEAVES, 0] + bounds[OWN, 1] - bounds[OWN, 0]


@inlined
def _peer(label, begin):
    """The node peer that owns a vertex that is no ghost: the last whose labels begin before it."""
    lo = 0
    hi = len(begin)
    while hi - lo > 1:
        middle = (lo + hi) >> 1
        if begin[middle] <= label:
            lo = middle
        else:
            hi = middle
    return lo


@inlined
def _link(index, rank, links):
    """The link of an own vertex to a rank that sees it; -1 where it does not."""
    lo = links.begin[index]
    hi = links.begin[index + 1]
    while lo < hi:
        middle = (lo + hi) >> 1
        if links.rank[middle] < rank:
            lo = middle + 1
        else:
            hi = middle
    if lo < links.begin[index + 1] and links.rank[lo] == rank:
        return lo
    return np.int64(-1)


@inlined
def _request(entry, peers, ghosts, links, bounds, state):
    """Where an entry of the outbox goes, what it is called there, and what its parent is."""
    v = np.int64(entry.vertex)
    ghost = v - bounds[OTHERS, 0]
    if not 0 <= ghost < bounds[OTHERS, 1] - bounds[OTHERS, 0]:
        return peers.ranks[_peer(v, peers.begin)], np.int32(v), np.int32(STORED)
    r = np.int64(ghosts.owner[ghost])
    k = _link(_index(parent_of(state, v), bounds), r, links)
    return r, ghosts.label[ghost], links.label[k]


@part
def _count_requests(outbox, peers, ghosts, links, ranges, state, counts):
    """Count the requests that the outbox holds, by rank; make holes of all other entries."""
    bounds = ranges.bounds
    first = bounds[OTHERS, 0]
    n_ghosts = bounds[OTHERS, 1] - first
    for i in range(len(outbox)):
        if i + 8 < len(outbox):
            prefetch(state.words, outbox[i + 8].vertex)
        v = np.int64(outbox[i].vertex)
        if v < 0:
            continue
        if dist_of(state, v) != outbox[i].dist:
            outbox[i].vertex = -1
        elif not 0 <= v - first < n_ghosts:
            counts[peers.ranks[_peer(v, peers.begin)]] += 1
        elif parent_of(state, v) != ranges.labels:
            prefetch(links.begin, _index(parent_of(state, v), bounds))
            prefetch(ghosts.label, v - first)
            counts[ghosts.owner[v - first]] += 1
        else:
            outbox[i].vertex = -1


@part
def _write_requests(outbox, peers, ghosts, links, bounds, state, cursor, requests):
    """Write each request where its rank's cursor points; returns the least distance in them."""
    first = bounds[OTHERS, 0]
    n_ghosts = bounds[OTHERS, 1] - first
    least = state.unreached
    for i in range(len(outbox)):
        if i + 8 < len(outbox) and 0 <= outbox[i + 8].vertex - first < n_ghosts:
            u = parent_of(state, np.int64(outbox[i + 8].vertex))
            prefetch(links.rank, links.begin[_index(u, bounds)])
            prefetch(links.label, links.begin[_index(u, bounds)])
        if outbox[i].vertex < 0:
            continue
        r, target, parent = _request(outbox[i], peers, ghosts, links, bounds, state)
        request = requests[cursor[r]]
        cursor[r] += 1
        request.target = target
        request.parent = parent
        request.dist = outbox[i].dist
        least = min(least, outbox[i].dist)
    return least


@njit(cache=True)
def collect_requests(kind, peers, ghosts, links, ranges, state, queues):
    """Empty the outbox: of each vertex in it the last entry, and so the least, is a request.

    `kind` is any array of requests; labels from ranges.bounds[OTHERS] are ghosts, any others node
    peers'. A ghost whose parent is `ranges.labels` has its distance from its owner.
    Returns how many for each rank, the requests, and the least distance among them.
    """
    outbox = queues.outbox
    close_chunks(outbox, queues.thread_counters, OUT_AT)
    outbox = outbox[: min(queues.control[OUT_TAIL], len(outbox))]
    queues.control[OUT_TAIL] = 0
    counts = np.zeros(peers.size, np.int64)
    _count_requests(outbox, peers, ghosts, links, ranges, state, counts)
    requests = np.empty(counts.sum(), kind.dtype)
    least = _write_requests(
        outbox, peers, ghosts, links, ranges.bounds, state, starts(counts), requests
    )
    return counts, requests, least


@kernel
def apply_requests(requests, state, queues):
    """Take the requests that are better, and queue their vertices."""
    heap_to_far(queues)
    far = thread_queues(queues, FIRST_THREAD).far
    for i in range(len(requests)):
        v = np.int64(requests[i].target)
        x = requests[i].dist
        if requests[i].parent == STORED:
            if dist_of(state, v) == x:
                append_far(far, v, ZERO, x, x)
        elif x < dist_of(state, v) and improve(state, v, x, requests[i].parent):
            append_far(far, v, ZERO, x, x)


@kernel
def list_between(first, last, least, below, state, listed):
    """List the own vertices [first, last) with distances in [least, below); returns how many."""
    count = np.uint64(0)
    for v in range(first, last):
        dist = dist_of(state, v)
        listed[count] = v
        count += np.uint64((least <= dist) & (dist < below))
    return np.int64(count)


@kernel
def list_improved(improved, count, subscriptions, state, listed):
    """List each vertex of a queue that has subscribers, by its last entry; returns how many."""
    first, has_subscribers = subscriptions.first, subscriptions.has_subscribers
    known = 0
    for i in range(count):
        if i + 16 < count:
            prefetch(has_subscribers, improved[i + 16].vertex - first)
            prefetch(state.words, improved[i + 16].vertex)
        v = np.int64(improved[i].vertex)
        if v >= 0 and has_subscribers[v - first] != 0 and dist_of(state, v) == improved[i].dist:
            listed[known] = v
            known += 1
    return known


@part
def _list_recipients(listed, links, subscriptions, least, recipients, counts):
    """List the links by which the listed vertices are sent, and count them by rank."""
    first, by_link = subscriptions.first, subscriptions.by_link
    found = 0
    for i in range(len(listed)):
        if i + 16 < len(listed):
            soon = links.begin[listed[i + 8] - first]
            prefetch(links.begin, listed[i + 16] - first)
            prefetch(by_link, soon)
            prefetch(links.rank, soon)
            prefetch(links.label, soon)
        index = listed[i] - first
        for k in range(links.begin[index], links.begin[index + 1]):
            recipients[found].vertex = listed[i]
            recipients[found].link = k
            found += by_link[k] >= least
    for i in range(found):
        counts[links.rank[recipients[i].link]] += 1


@part
def _write_updates(recipients, links, state, cursor, updates):
    """Write each update where its rank's cursor points."""
    for i in range(len(updates)):
        k = recipients[i].link
        r = links.rank[k]
        updates[cursor[r]].label = links.label[k]
        updates[cursor[r]].dist = dist_of(state, np.int64(recipients[i].vertex))
        cursor[r] += 1


@njit(cache=True)
def dist_updates(kind, size, listed, links, subscriptions, least, recipients, state):
    """Updates of some own vertices with rows for the ranks that see them: counts, updates.

    `least` is 1: for those which have subscribed to the vertex; or 0: for all that see it.
    `recipients` has room for as many links, and `kind` is any array of updates.
    """
    counts = np.zeros(size, np.int64)
    _list_recipients(listed, links, subscriptions, least, recipients, counts)
    updates = np.empty(counts.sum(), kind.dtype)
    _write_updates(recipients, links, state, starts(counts), updates)
    return counts, updates


@kernel
def apply_updates(label, dist, nobody, state):
    """Take the distances of ghosts from their owners."""
    for i in range(len(label)):
        v = np.int64(label[i])
        if dist[i] < dist_of(state, v):
            put(state, v, dist[i], nobody)


@part
def _list_needed(pending, first, hubs, rows_begin, ghosts, marks, listed, counts):
    """List the ghosts that `needed_ghosts` is to return, and count them by owner."""
    n_ghosts = np.uint64(len(ghosts.label))
    for i in range(len(pending)):
        ghost = np.uint64(np.int64(pending[np.uint64(i)].offset) - first)
        if ghost < n_ghosts:  # one below the first is a large number
            marks[ghost >> np.uint64(6)] |= np.uint64(1) << (ghost & np.uint64(63))
    found = 0
    for w in range(len(marks)):
        word = marks[w]
        marks[w] = 0
        while word != 0:
            ghost = (np.int64(w) << 6) + lowest(word)
            word &= word - np.uint64(1)
            if ghosts.label[ghost] - rows_begin[ghosts.owner[ghost]] >= hubs:
                listed[found] = ghost
                counts[ghosts.owner[ghost]] += 1
                found += 1


@part
def _write_needed(listed, first, ghosts, cursor, here, there):
    """Write each listed ghost's two labels where its owner's cursor points."""
    for i in range(len(here)):
        ghost = listed[i]
        at = cursor[ghosts.owner[ghost]]
        cursor[ghosts.owner[ghost]] = at + 1
        here[at] = ghost + first
        there[at] = ghosts.label[ghost]


@njit(cache=True)
def needed_ghosts(pending, first, hubs, rows_begin, ghosts, marks, listed):
    """The ghosts that are tails of noted arcs and no hubs, by owner.

    Ghosts have labels from `first` on; hubs are the first `hubs` labels of their owners, which
    begin at rows_begin[owner]. `marks` are uint64, a bit 0 for each ghost; `listed` has room for
    all ghosts. Returns how many of each rank, their labels here, and their labels there.
    """
    counts = np.zeros(len(rows_begin), np.int64)
    _list_needed(pending, first, hubs, rows_begin, ghosts, marks, listed, counts)
    total = counts.sum()
    here = np.empty(total, np.int32)
    there = np.empty(total, np.int32)
    _write_needed(listed, first, ghosts, starts(counts), here, there)
    return counts, here, there


@kernel
def subscribe(counts, label, links, subscriptions, state, dist):
    """Note which rank wants updates of which vertex, and write the distances by now to `dist`."""
    first = subscriptions.first
    i = 0
    for r in range(len(counts)):
        for _ in range(counts[r]):
            if i + 16 < len(label):
                prefetch(links.begin, label[i + 16] - first)
                prefetch(state.words, label[i + 16])
                prefetch(links.rank, links.begin[label[i + 8] - first])
            v = np.int64(label[i])
            subscriptions.by_link[_link(v - first, r, links)] = 1
            subscriptions.has_subscribers[v - first] = 1
            dist[i] = dist_of(state, v)
            i += 1


@kernel
def distances(label, state, dist):
    """Write the distances of some labels to `dist`."""
    for i in range(len(label)):
        dist[i] = dist_of(state, np.int64(label[i]))
