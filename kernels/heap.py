"""A heap for small frontiers: Dijkstra's order on one thread, while others are not worth waking.

The heap holds queue entries by key (see kernels.queues). With `stop_at_end` a row is pushed only as
far as nothing else is nearer, and goes back into the heap under the key of its next arc.
"""

from __future__ import annotations

import numpy as np

from kernels.atomics import prefetch
from kernels.compile import ZERO, inlined, kernel, part
from kernels.queues import (
    ARCS,
    FAR,
    FAR_TAIL,
    FIRST_THREAD,
    HEAP_SIZE,
    NEAR_COUNT,
    OUT_AT,
    OUT_TAIL,
    SETTLED,
    SETTLED_ARCS,
    append,
    append_far,
    close_chunks,
    take_far,
    thread_queues,
)
from kernels.tentative import dist_of, improve, plus

HEAP_LIMIT = 512


@inlined
def _sift_up(heap, i):
    vertex = heap[i].vertex
    offset = heap[i].offset
    dist = heap[i].dist
    key = heap[i].key
    while i > 0:
        up = (i - 1) >> 1
        if heap[up].key <= key:
            break
        heap[i] = heap[up]
        i = up
    heap[i].vertex = vertex
    heap[i].offset = offset
    heap[i].dist = dist
    heap[i].key = key


@inlined
def _put(heap, size, vertex, offset, dist, key):
    """Add an entry to `size` others."""
    heap[size].vertex = vertex
    heap[size].offset = offset
    heap[size].dist = dist
    heap[size].key = key
    _sift_up(heap, size)


@inlined
def _pop(heap, size):
    """Remove heap[0] of `size` entries."""
    last = heap[size - 1]
    key = last.key
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size - 1:
            break
        if child + 1 < size - 1 and heap[child + 1].key < heap[child].key:
            child += 1
        if heap[child].key >= key:
            break
        heap[i] = heap[child]
        i = child
    heap[i] = last


@inlined
def _ask_for_next(heap, size, rows, state):
    """Ask for what the next pops will read: nearest rows, and where the first of them leads."""
    for i in range(1, min(size, 3)):
        prefetch(rows.arcs, rows.indptr[heap[i].vertex] + heap[i].offset)
    if size > 0:
        first = rows.indptr[heap[0].vertex] + heap[0].offset
        if first < len(rows.arcs):
            prefetch(state.words, rows.arcs[first].adj)


@part
def run_heap(bucket, most, rows, state, queues):
    """Dijkstra's order on one thread, to the bucket's end or until more than `most` are queued.

    What improves a vertex of another rank is noted in the outbox.
    """
    heap, control = queues.heap, queues.control
    mine = thread_queues(queues, FIRST_THREAD)
    indptr, arcs = rows.indptr, rows.arcs
    size = control[HEAP_SIZE]
    touched = settled = settled_arcs = 0
    while 0 < size <= most and control[FAR_TAIL] == 0 and heap[0].key < bucket.end:
        u = np.int64(heap[0].vertex)
        offset = heap[0].offset
        dist = heap[0].dist
        _pop(heap, size)
        size -= 1
        _ask_for_next(heap, size, rows, state)
        if dist_of(state, u) != dist:
            continue
        start = indptr[u]
        end = indptr[u + 1]
        if offset == 0:
            settled += 1
            settled_arcs += end - start
        k = start + offset
        bound = heap[0].key if size > 0 else state.unreached
        while k < end:
            x = plus(dist, arcs[k].weight)
            if bucket.stop_at_end and x > bound:
                prefetch(state.words, arcs[k].adj)
                _put(heap, size, u, k - start, dist, x)
                size += 1
                break
            v = np.int64(arcs[k].adj)
            k += 1
            touched += 1
            if v < bucket.leaf_begin and x < dist_of(state, v) and improve(state, v, x, u):
                if v < bucket.own_begin or v >= bucket.own_end:
                    append(mine.outbox, v, ZERO, x, x)
                    continue
                if size < len(heap) - 1:
                    prefetch(indptr, v)
                    _put(heap, size, v, ZERO, x, x)
                    size += 1
                else:
                    append_far(mine.far, v, ZERO, x, x)
                bound = min(bound, x)
    control[HEAP_SIZE] = size
    mine.counters[ARCS] += touched
    mine.counters[SETTLED] += settled
    mine.counters[SETTLED_ARCS] += settled_arcs


@part
def heap_to_far(queues):
    """Move the heap's entries to the queue of later buckets."""
    heap = queues.heap
    far = thread_queues(queues, FIRST_THREAD).far
    for i in range(queues.control[HEAP_SIZE]):
        entry = heap[i]
        append_far(far, np.int64(entry.vertex), np.int64(entry.offset), entry.dist, entry.key)
    queues.control[HEAP_SIZE] = 0


@part
def far_to_heap(state, queues):
    """Make a heap of the queue of later buckets, which has few entries."""
    heap, control = queues.heap, queues.control
    take_far(state.unreached, queues)
    far = queues.entries[control[FAR]]
    size = ZERO
    for i in range(control[NEAR_COUNT]):
        if far[i].vertex >= 0 and dist_of(state, np.int64(far[i].vertex)) == far[i].dist:
            heap[size] = far[i]
            _sift_up(heap, size)
            size += 1
    control[NEAR_COUNT] = 0
    control[HEAP_SIZE] = size


@kernel
def queue_found(state, queues):
    """What was found for the outbox is queued here."""
    control = queues.control
    outbox = queues.outbox
    close_chunks(outbox, queues.thread_counters, OUT_AT)
    far = thread_queues(queues, FIRST_THREAD).far
    for i in range(control[OUT_TAIL]):
        found = outbox[i]
        if found.vertex >= 0:
            append_far(far, np.int64(found.vertex), ZERO, found.dist, found.key)
    control[OUT_TAIL] = 0
    if control[FAR_TAIL] <= HEAP_LIMIT:
        far_to_heap(state, queues)
