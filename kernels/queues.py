"""The queues of a search: lists of rows with arcs to relax, filled by many threads.

An entry is (vertex, offset, dist, key): the arcs of the vertex's row from `offset` on have not
been relaxed for its distance `dist`, and the first of them leads to `key` (offset 0: the row is
fresh and key is dist). An entry whose vertex has improved since is stale and is dropped; the
improvement brought an entry of its own. Threads reserve chunks of a queue and fill them; what
they leave empty is marked as holes, vertex -1.

`control` holds the words that all threads use, `thread_counters` a row of words for each thread,
`counters` is one thread's row. `outbox` is a queue of other ranks' vertices to which a shorter way
was found; one process needs none. `queues` is a kernels.groups.Queues.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kernels.atomics import atomic_add
from kernels.compile import ZERO, inlined, kernel, part
from kernels.tentative import LABEL, as_dist, dist_of, parent_of

# Words of `control`, each on a cache line of its own.
LINE = 8
NEAR_COUNT, NEXT_TAIL, FAR_TAIL, TURN, HEAP_SIZE, PHASES, STOP = (LINE * i for i in range(7))
# Which queue is which: to be read now, found for this bucket, for later ones, and unused.
NEAR, NEXT, FAR, SPARE = (LINE * 7 + i for i in range(4))
OUT_TAIL = LINE * 8
CONTROL_WORDS = LINE * 9

# Rows of `Ranges.bounds`.
OWN, LEAVES, OTHERS = range(3)

# Words of a thread's row of counters: its chunks, and what it has done.
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
THREAD_WORDS = 16
# The calling thread's number, of the type of the others': a literal 0 has a type of its own, and
# whatever it is handed to would be compiled twice. For that, a number out of a prange is converted.
FIRST_THREAD = np.int64(0)

_CHUNK = 64


class Queue(NamedTuple):
    """One queue as one thread fills it; made where its fields are known, and then costs nothing.

    tail    word of `control`: entries reserved
    chunk   word of `counters`: where this thread writes next; the next one: where its chunk ends
    """

    entries: np.ndarray
    tail: int
    chunk: int
    control: np.ndarray
    counters: np.ndarray


class ThreadQueues(NamedTuple):
    """The queues as one thread uses them in a round.

    near        entries to work off, by turns
    following   Queue: found for this bucket
    far         Queue: for later ones
    outbox      Queue: other ranks' vertices
    fifo        entries: found for this bucket, to go on with at once
    """

    near: np.ndarray
    following: Any
    far: Any
    outbox: Any
    fifo: np.ndarray
    control: np.ndarray
    counters: np.ndarray


def entry_dtype(dist_dtype: np.dtype) -> np.dtype:
    """Record of an entry for distances of 4 or 8 bytes."""
    return np.dtype(
        [("vertex", "<i4"), ("offset", "<i4"), ("dist", dist_dtype), ("key", dist_dtype)]
    )


def spare_entries(workers: int) -> int:
    """Entries a queue needs beyond one per vertex: unfilled ends of the threads' chunks."""
    return 16 * _CHUNK * (workers + 1)


@inlined
def thread_queues(queues, thread):
    """The queues as a thread uses them; which is which holds until the next round."""
    control = queues.control
    counters = queues.thread_counters[thread]
    return ThreadQueues(
        queues.entries[control[NEAR]],
        Queue(queues.entries[control[NEXT]], NEXT_TAIL, NEXT_AT, control, counters),
        Queue(queues.entries[control[FAR]], FAR_TAIL, FAR_AT, control, counters),
        Queue(queues.outbox, OUT_TAIL, OUT_AT, control, counters),
        queues.fifos[thread],
        control,
        counters,
    )


@part
def _run_over(entries, first, counters):
    """Note that a queue is too short; no chunk ends with its end, so what is left are holes."""
    for i in range(first, len(entries)):
        entries[i].vertex = -1
        entries[i].offset = 0
    counters[OVERFLOW] = 1


@inlined
def append(queue, vertex, offset, dist, key):
    """Write an entry to a `Queue`."""
    counters = queue.counters
    at = counters[queue.chunk]
    if at == counters[queue.chunk + 1]:
        at = atomic_add(queue.control, queue.tail, _CHUNK)
        if at + _CHUNK > len(queue.entries):
            _run_over(queue.entries, at, counters)
            return
        counters[queue.chunk + 1] = at + _CHUNK
    entry = queue.entries[at]
    entry.vertex = vertex
    entry.offset = offset
    entry.dist = dist
    entry.key = key
    counters[queue.chunk] = at + 1


@inlined
def append_far(far, vertex, offset, dist, key):
    """Write an entry to the `Queue` of later buckets, and keep account of their least key."""
    append(far, vertex, offset, dist, key)
    if np.int64(key) < far.counters[LEAST]:
        far.counters[LEAST] = np.int64(key)


@part
def close_chunks(entries, thread_counters, chunk):
    """Mark the unfilled ends of all threads' chunks as holes.

    A hole's offset is 0, since `needed_ghosts` reads the offset of every noted arc, and 0 is not a
    ghost's label.
    """
    for t in range(len(thread_counters)):
        for i in range(thread_counters[t, chunk], thread_counters[t, chunk + 1]):
            entries[i].vertex = -1
            entries[i].offset = 0
        thread_counters[t, chunk] = 0
        thread_counters[t, chunk + 1] = 0


@kernel
def least_far(thread_counters):
    """Least key of `far`, as int64; stale entries may make it too small, never too large."""
    least = thread_counters[0, LEAST]
    for t in range(1, len(thread_counters)):
        least = min(least, thread_counters[t, LEAST])
    return least


@kernel
def nearest(heap, control, thread_counters, unreached):
    """Least key in the heap and in `far` (bits)."""
    least = least_far(thread_counters)
    if control[HEAP_SIZE] > 0:
        least = min(least, np.int64(heap[0].key))
    return as_dist(least, unreached)


@part
def settled(thread_counters):
    """Rows pushed so far, and the arcs they hold."""
    rows = arcs = 0
    for t in range(len(thread_counters)):
        rows += thread_counters[t, SETTLED]
        arcs += thread_counters[t, SETTLED_ARCS]
    return rows, arcs


@part
def counted(queues):
    """Rounds that had to wait for each other, and arcs looked at."""
    arcs = ZERO
    for t in range(len(queues.thread_counters)):
        arcs += queues.thread_counters[t, ARCS]
    return queues.control[PHASES], arcs


@part
def take_far(unreached, queues):
    """Close `far` and make it the list to be read (NEAR_COUNT entries); forget its least key."""
    control = queues.control
    close_chunks(queues.entries[control[FAR]], queues.thread_counters, FAR_AT)
    control[NEAR_COUNT] = min(control[FAR_TAIL], queues.entries.shape[1])
    control[FAR_TAIL] = 0
    control[TURN] = 0
    for t in range(len(queues.thread_counters)):
        queues.thread_counters[t, LEAST] = np.int64(unreached)


@part
def next_round(queues):
    """What was found for this bucket becomes `near`."""
    control = queues.control
    close_chunks(queues.entries[control[NEXT]], queues.thread_counters, NEXT_AT)
    control[NEAR], control[NEXT] = control[NEXT], control[NEAR]
    control[NEAR_COUNT] = min(control[NEXT_TAIL], queues.entries.shape[1])
    control[NEXT_TAIL] = 0
    control[TURN] = 0


@kernel
def overflowed(thread_counters):
    """Has a thread met a queue that was too short?"""
    for t in range(len(thread_counters)):
        if thread_counters[t, OVERFLOW] != 0:
            return True
    return False


@part
def _list_reached(bounds, found_by, state, entries, count):
    """Append the reached vertices of a range to `count` entries of a queue; returns how many.

    `found_by` are ranges, and of other ranks' vertices only those are listed whose parent lies in
    one of its first two; empty, all are. The rank that has found the rest offers it; if every rank
    offered all, the queues of who receives it would overflow again, and so on without end.
    """
    for v in range(bounds[0], bounds[1]):
        dist = dist_of(state, v)
        if dist == state.unreached:
            continue
        if len(found_by) > 0:
            u = parent_of(state, v) & LABEL
            is_row = found_by[OWN, 0] <= u < found_by[OWN, 1]
            if not is_row and not found_by[LEAVES, 0] <= u < found_by[LEAVES, 1]:
                continue
        entries[count].vertex = v
        entries[count].offset = 0
        entries[count].dist = dist
        count += 1
    return count


@kernel
def requeue_reached(ranges, state, queues):
    """After an overflow: queue all own that is reached, whole; offer all found for others."""
    bounds, control, thread_counters = ranges.bounds, queues.control, queues.thread_counters
    near = queues.entries[control[NEAR]]
    count = ZERO
    for r in range(OTHERS):
        count = _list_reached(bounds[r], bounds[:0], state, near, count)
    found = ZERO
    for r in range(OTHERS, len(bounds)):
        found = _list_reached(bounds[r], bounds, state, queues.outbox, found)
    for t in range(len(thread_counters)):
        thread_counters[t, NEXT_AT : FAR_END + 1] = 0
        thread_counters[t, OUT_AT : OUT_END + 1] = 0
        thread_counters[t, OVERFLOW] = 0
        thread_counters[t, LEAST] = np.int64(state.unreached)
    control[NEAR_COUNT] = count
    control[OUT_TAIL] = found
    control[NEXT_TAIL] = control[FAR_TAIL] = control[TURN] = 0
