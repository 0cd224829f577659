"""The queues of a search: lists of rows with arcs to relax, filled by many threads.

An entry is (vertex, offset, dist, key): the arcs of the vertex's row from `offset` on have not
been relaxed for its distance `dist`, and the first of them leads to `key` (offset 0: the row is
fresh and key is dist). An entry whose vertex has improved since is stale and is dropped; the
improvement brought an entry of its own. Threads reserve chunks of a queue and fill them; what
they leave empty is marked as holes, vertex -1.

`shared` holds the counters that all threads use, `books` a row of counters for each thread. `out`
is a queue of other ranks' vertices to which a shorter way was found; one process needs none.
"""

from __future__ import annotations

import numpy as np

from kernels.atomics import atomic_add
from kernels.compile import inlined, kernel
from kernels.tentative import LABEL, as_dist, dist_of, parent_of

# Words of `shared`, each on a cache line of its own.
LINE = 8
NEAR_COUNT, NEXT_TAIL, FAR_TAIL, TURN, HEAP_SIZE, PHASES, STOP = (LINE * i for i in range(7))
# Which queue is which: to be read now, found for this bucket, for later ones, and unused.
NEAR, NEXT, FAR, SPARE = (LINE * 7 + i for i in range(4))
OUT_TAIL = LINE * 8
SHARED_WORDS = LINE * 9

# Rows of `ranges`, the labels [first, last) of what a search tells apart: own vertices with rows to
# push, own leaves, and from the third on other ranks' vertices that an own row may lead to.
OWN, LEAVES, OTHERS = range(3)

# Words of a thread's row of `books`: its chunks, and what it has done.
(
    NEXT_AT,
    NEXT_END,
    FAR_AT,
    FAR_END,
    ARCS,
    SETTLED,
    SETTLED_ARCS,
    OVERFLOW,
    LEAST,
    OUT_AT,
    OUT_END,
) = range(11)
BOOK = 16

_CHUNK = 64


def entry_dtype(dist_dtype: np.dtype) -> np.dtype:
    """Record of an entry for distances of 4 or 8 bytes."""
    return np.dtype(
        [("vertex", "<i4"), ("offset", "<i4"), ("dist", dist_dtype), ("key", dist_dtype)]
    )


def spare_entries(workers: int) -> int:
    """Entries a queue needs beyond one per vertex: unfilled ends of the threads' chunks."""
    return 16 * _CHUNK * (workers + 1)


@kernel
def _run_over(queue, first, book):
    """Note that a queue is too short; no chunk ends with its end, so what is left are holes."""
    for i in range(first, len(queue)):
        queue[i].vertex = -1
        queue[i].offset = 0
    book[OVERFLOW] = 1


@inlined
def append(queue, shared, tail, book, at_word, vertex, offset, dist, key):
    at = book[at_word]
    if at == book[at_word + 1]:
        at = atomic_add(shared, tail, _CHUNK)
        if at + _CHUNK > len(queue):
            _run_over(queue, at, book)
            return
        book[at_word + 1] = at + _CHUNK
    entry = queue[at]
    entry.vertex = vertex
    entry.offset = offset
    entry.dist = dist
    entry.key = key
    book[at_word] = at + 1


@inlined
def append_far(queue, shared, book, vertex, offset, dist, key):
    append(queue, shared, FAR_TAIL, book, FAR_AT, vertex, offset, dist, key)
    if np.int64(key) < book[LEAST]:
        book[LEAST] = np.int64(key)


@kernel
def close_chunks(queue, books, at_word):
    """Mark the unfilled ends of all threads' chunks as holes.

    A hole's offset is 0, as who asks for the tails of noted arcs looks at the offset alone.
    """
    for t in range(len(books)):
        for i in range(books[t, at_word], books[t, at_word + 1]):
            queue[i].vertex = -1
            queue[i].offset = 0
        books[t, at_word] = 0
        books[t, at_word + 1] = 0


@kernel
def least_far(books):
    """Least key of `far`, as int64; stale entries may make it too small, never too large."""
    least = books[0, LEAST]
    for t in range(1, len(books)):
        least = min(least, books[t, LEAST])
    return least


@kernel
def nearest(heap, shared, books, unreached):
    """Least key in the heap and in `far` (bits)."""
    least = least_far(books)
    if shared[HEAP_SIZE] > 0:
        least = min(least, np.int64(heap[0].key))
    return as_dist(least, unreached)


@kernel
def settled(books):
    """Rows pushed so far, and the arcs they hold."""
    rows = arcs = 0
    for t in range(len(books)):
        rows += books[t, SETTLED]
        arcs += books[t, SETTLED_ARCS]
    return rows, arcs


@kernel
def take_far(limit, queues, shared, books):
    """Close `far` and make it the list to be read (NEAR_COUNT entries); forget its least key."""
    close_chunks(queues[shared[FAR]], books, FAR_AT)
    shared[NEAR_COUNT] = min(shared[FAR_TAIL], queues.shape[1])
    shared[FAR_TAIL] = 0
    shared[TURN] = 0
    for t in range(len(books)):
        books[t, LEAST] = limit


@kernel
def next_round(queues, shared, books):
    """What was found for this bucket becomes `near`."""
    close_chunks(queues[shared[NEXT]], books, NEXT_AT)
    shared[NEAR], shared[NEXT] = shared[NEXT], shared[NEAR]
    shared[NEAR_COUNT] = min(shared[NEXT_TAIL], queues.shape[1])
    shared[NEXT_TAIL] = 0
    shared[TURN] = 0


@kernel
def ran_over(books):
    for t in range(len(books)):
        if books[t, OVERFLOW] != 0:
            return True
    return False


@kernel
def _list_reached(first, last, ranges, found, unreached, state, queue, count):
    """Append the reached vertices [first, last) to `count` entries of a queue; returns how many.

    `found`: of other ranks' vertices those alone whose parent is an own one. Who has found the rest
    tells of it; if every rank told of all, the queues of who hears it would run over again, and so
    on without end.
    """
    for v in range(first, last):
        dist = dist_of(state, v, unreached)
        if dist == unreached:
            continue
        if found:
            u = parent_of(state, v, unreached) & LABEL
            is_row = ranges[OWN, 0] <= u < ranges[OWN, 1]
            if not is_row and not ranges[LEAVES, 0] <= u < ranges[LEAVES, 1]:
                continue
        queue[count].vertex = v
        queue[count].offset = 0
        queue[count].dist = dist
        count += 1
    return count


@kernel
def requeue_reached(ranges, unreached, state, queues, out, shared, books):
    """After a queue ran over: queue all own that is reached, whole; offer all found for others."""
    near = queues[shared[NEAR]]
    count = 0
    for r in range(OTHERS):
        count = _list_reached(ranges[r, 0], ranges[r, 1], ranges, False, unreached, state, near,
                              count)  # fmt: skip
    offers = 0
    for r in range(OTHERS, len(ranges)):
        offers = _list_reached(ranges[r, 0], ranges[r, 1], ranges, True, unreached, state, out,
                               offers)  # fmt: skip
    for t in range(len(books)):
        books[t, NEXT_AT : FAR_END + 1] = 0
        books[t, OUT_AT : OUT_END + 1] = 0
        books[t, OVERFLOW] = 0
        books[t, LEAST] = np.int64(unreached)
    shared[NEAR_COUNT] = count
    shared[OUT_TAIL] = offers
    shared[NEXT_TAIL] = shared[FAR_TAIL] = shared[TURN] = 0
