"""A heap for small frontiers: Dijkstra's order on one thread, while others are not worth waking.

The heap holds queue entries by key (see kernels.queues). With `early` a row is pushed only as far
as nothing else is nearer, and goes back into the heap under the key of its next arc.
"""

from __future__ import annotations

import numpy as np

from kernels.compile import inlined, kernel
from kernels.queues import (
    ARCS,
    FAR,
    FAR_TAIL,
    HEAP_SIZE,
    NEAR_COUNT,
    OUT_AT,
    OUT_TAIL,
    SETTLED,
    SETTLED_ARCS,
    append,
    append_far,
    take_far,
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


@kernel
def run_heap(limit, unreached, early, own, plain, indptr, arcs, state, heap, far, out, shared,
             book):  # fmt: skip
    """Dijkstra's order on one thread, up to the key `limit` or until the heap has grown too large.

    What improves a vertex that is not in own[0] .. own[1] - 1 is noted in `out`.
    """
    size = shared[HEAP_SIZE]
    touched = settled = settled_arcs = 0
    while 0 < size <= HEAP_LIMIT and shared[FAR_TAIL] == 0 and heap[0].key < limit:
        u = np.int64(heap[0].vertex)
        offset = heap[0].offset
        dist = heap[0].dist
        _pop(heap, size)
        size -= 1
        if dist_of(state, u, dist) != dist:
            continue
        start = indptr[u]
        end = indptr[u + 1]
        if offset == 0:
            settled += 1
            settled_arcs += end - start
        k = start + offset
        bound = heap[0].key if size > 0 else unreached
        while k < end:
            x = plus(dist, arcs[k].weight)
            if early and x > bound:
                heap[size].vertex = u
                heap[size].offset = k - start
                heap[size].dist = dist
                heap[size].key = x
                _sift_up(heap, size)
                size += 1
                break
            v = np.int64(arcs[k].adj)
            k += 1
            touched += 1
            if v < plain and x < dist_of(state, v, x) and improve(state, v, x, u):
                if v < own[0] or v >= own[1]:
                    append(out, shared, OUT_TAIL, book, OUT_AT, v, 0, x, x)
                    continue
                if size < len(heap) - 1:
                    heap[size].vertex = v
                    heap[size].offset = 0
                    heap[size].dist = x
                    heap[size].key = x
                    _sift_up(heap, size)
                    size += 1
                else:
                    append_far(far, shared, book, v, 0, x, x)
                bound = min(bound, x)
    shared[HEAP_SIZE] = size
    book[ARCS] += touched
    book[SETTLED] += settled
    book[SETTLED_ARCS] += settled_arcs


@kernel
def heap_to_far(heap, far, shared, book):
    for i in range(shared[HEAP_SIZE]):
        entry = heap[i]
        append_far(far, shared, book, entry.vertex, entry.offset, entry.dist, entry.key)
    shared[HEAP_SIZE] = 0


@kernel
def far_to_heap(unreached, state, heap, queues, shared, books):
    take_far(np.int64(unreached), queues, shared, books)
    far = queues[shared[FAR]]
    size = 0
    for i in range(shared[NEAR_COUNT]):
        if far[i].vertex >= 0 and dist_of(state, np.int64(far[i].vertex), unreached) == far[i].dist:
            heap[size] = far[i]
            _sift_up(heap, size)
            size += 1
    shared[NEAR_COUNT] = 0
    shared[HEAP_SIZE] = size
