"""Delta-stepping by pushing: a heap while little is queued, buckets shared by threads after that.

An entry of a queue is (vertex, offset, dist, key): the arcs of the vertex's row from `offset` on
have not been relaxed for its distance `dist`, and the first of them leads to `key` (offset 0: the
row is fresh and key is dist). An entry whose vertex has improved since is stale and is dropped;
the improvement brought an entry of its own. Rows are sorted by weight, so a push that reaches the
bucket's end stops there, and the rest of the row waits under a later key (`early`). Where rows
are short this does not pay, and a push takes the whole row.

Sources: Meyer and Sanders 2003 (delta-stepping); Zhang et al. 2020 (bucket fusion: a thread goes
on with what it has found for the same bucket before it looks for more).
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from kernels.atomics import atomic_add, prefetch
from kernels.tentative import as_dist, dist_of, improve, plus, put

# Words of `shared`, each on a cache line of its own.
LINE = 8
NEAR_COUNT, NEXT_TAIL, FAR_TAIL, TURN, HEAP_SIZE, PHASES, STOP = (LINE * i for i in range(7))
NEAR, NEXT, FAR, SPARE = (LINE * 7 + i for i in range(4))
SHARED_WORDS = LINE * 8

# Words of `book`, one stretch of cache lines a thread.
NEXT_AT, NEXT_END, FAR_AT, FAR_END, ARCS, SETTLED, SETTLED_ARCS, OVERFLOW, LEAST = range(9)
BOOK = 16

EMPTY, SWITCH, MORE = 0, 1, 2

NEVER = 1 << 60
_CHUNK = 64
ALONE = 512  # entries that are not worth waking other threads for
HEAP_LIMIT = 512
FIFO = 1024


def entry_dtype(dist_dtype):
    """Record of a queue entry for distances of 4 or 8 bytes."""
    return np.dtype(
        [("vertex", "<i4"), ("offset", "<i4"), ("dist", dist_dtype), ("key", dist_dtype)]
    )


def spare_entries(workers):
    """Entries a queue needs beyond one per vertex: unfilled ends of the threads' chunks."""
    return 16 * _CHUNK * (workers + 1) + HEAP_LIMIT


@njit(cache=True, forceinline=True)
def _append(queue, shared, tail, book, at_word, vertex, offset, dist, key):
    at = book[at_word]
    if at == book[at_word + 1]:
        at = atomic_add(shared, tail, _CHUNK)
        if at + _CHUNK > len(queue):
            book[OVERFLOW] = 1
            return
        book[at_word + 1] = at + _CHUNK
    entry = queue[at]
    entry.vertex = vertex
    entry.offset = offset
    entry.dist = dist
    entry.key = key
    book[at_word] = at + 1


@njit(cache=True, forceinline=True)
def _append_far(queue, shared, book, vertex, offset, dist, key):
    _append(queue, shared, FAR_TAIL, book, FAR_AT, vertex, offset, dist, key)
    if np.int64(key) < book[LEAST]:
        book[LEAST] = np.int64(key)


@njit(cache=True)
def close_chunks(queue, books, at_word):
    """Mark the unfilled ends of all threads' chunks as holes."""
    for t in range(len(books)):
        for i in range(books[t, at_word], books[t, at_word + 1]):
            queue[i].vertex = -1
        books[t, at_word] = 0
        books[t, at_word + 1] = 0


@njit(cache=True, forceinline=True)
def _push_row(entry, hi, early, leaves_from, indptr, arcs, state, following, far, fifo, filled,
              shared, book):  # fmt: skip
    """Relax the arcs of an entry's row; returns how far `fifo` is filled with the improved."""
    u = np.int64(entry.vertex)
    dist = entry.dist
    if dist_of(state, u, dist) != dist:
        return filled
    start = indptr[u]
    end = indptr[u + 1]
    if entry.offset == 0:
        book[SETTLED] += 1
        book[SETTLED_ARCS] += end - start
    k = first = start + entry.offset
    while k < end:
        x = plus(dist, arcs[k].weight)
        if early and x >= hi:
            _append_far(far, shared, book, u, k - start, dist, x)
            break
        v = np.int64(arcs[k].adj)
        k += 1
        if k + 6 < end:
            prefetch(state, arcs[k + 6].adj)
        if v < leaves_from and x < dist_of(state, v, x) and improve(state, v, x, u):
            if x >= hi:
                _append_far(far, shared, book, v, 0, x, x)
            elif filled < len(fifo):
                prefetch(indptr, v)
                fifo[filled].vertex = v
                fifo[filled].offset = 0
                fifo[filled].dist = x
                filled += 1
            else:
                _append(following, shared, NEXT_TAIL, book, NEXT_AT, v, 0, x, x)
    book[ARCS] += k - first
    return filled


@njit(cache=True, forceinline=True)
def _look_ahead(queue, i, end, indptr, arcs, state):
    """Ask for what the next entries will read: row bounds, first arc, distance at its end."""
    if i + 12 < end:
        prefetch(state, queue[i + 12].vertex)
    if i + 8 < end and queue[i + 8].vertex >= 0:
        prefetch(arcs, indptr[queue[i + 8].vertex] + queue[i + 8].offset)
    if i + 4 < end and queue[i + 4].vertex >= 0:
        first = indptr[queue[i + 4].vertex] + queue[i + 4].offset
        if first < len(arcs):
            prefetch(state, arcs[first].adj)


@njit(cache=True)
def _drain(hi, early, leaves_from, settled_cap, indptr, arcs, state, near, following, far, fifo,
           shared, book):  # fmt: skip
    """One thread's part of a round: entries of `near` by turns, and all they lead to in it."""
    count = shared[NEAR_COUNT]
    step = min(max(count >> 8, 4), 64)
    while shared[STOP] == 0:
        start = atomic_add(shared, TURN, step)
        if start >= count:
            break
        end = min(start + step, count)
        filled = done = 0
        for i in range(start, end):
            _look_ahead(near, i, end, indptr, arcs, state)
            if near[i].vertex >= 0:
                filled = _push_row(near[i], hi, early, leaves_from, indptr, arcs, state, following,
                                   far, fifo, filled, shared, book)  # fmt: skip
        while done < filled:
            _look_ahead(fifo, done, filled, indptr, arcs, state)
            filled = _push_row(fifo[done], hi, early, leaves_from, indptr, arcs, state,
                               following, far, fifo, filled, shared, book)  # fmt: skip
            done += 1
            if done == filled:
                done = filled = 0
        if book[SETTLED] > settled_cap:
            shared[STOP] = 1


@njit(cache=True, parallel=True)
def _drain_together(workers, hi, early, leaves_from, settled_cap, indptr, arcs, state, near,
                    following, far, fifos, shared, books):  # fmt: skip
    for t in prange(workers):
        _drain(hi, early, leaves_from, settled_cap, indptr, arcs, state, near, following, far,
               fifos[t], shared, books[t])  # fmt: skip


@njit(cache=True)
def _split(hi, indptr, state, far, near, spare, shared, book):
    """One thread's part of parting `far` at the bucket's end into `near` and `spare`."""
    count = shared[NEAR_COUNT]
    while True:
        start = atomic_add(shared, TURN, 256)
        if start >= count:
            break
        end = min(start + 256, count)
        for i in range(start, end):
            entry = far[i]
            if i + 12 < end:
                prefetch(state, far[i + 12].vertex)
            if entry.vertex < 0:
                continue
            if dist_of(state, np.int64(entry.vertex), hi) != entry.dist:
                continue
            if entry.key < hi:
                prefetch(indptr, entry.vertex)
                _append(near, shared, NEXT_TAIL, book, NEXT_AT,
                        entry.vertex, entry.offset, entry.dist, entry.key)  # fmt: skip
            else:
                _append_far(spare, shared, book,
                            entry.vertex, entry.offset, entry.dist, entry.key)  # fmt: skip


@njit(cache=True, parallel=True)
def _split_together(workers, hi, indptr, state, far, near, spare, shared, books):
    for t in prange(workers):
        _split(hi, indptr, state, far, near, spare, shared, books[t])


@njit(cache=True)
def least_far(books):
    """Least key of `far`, as int64; stale entries may make it too small, never too large."""
    least = books[0, LEAST]
    for t in range(1, len(books)):
        least = min(least, books[t, LEAST])
    return least


@njit(cache=True)
def _take_far(limit, queues, shared, books):
    """Close `far` and make it the list to be read (NEAR_COUNT entries); forget its least key."""
    close_chunks(queues[shared[FAR]], books, FAR_AT)
    shared[NEAR_COUNT] = min(shared[FAR_TAIL], queues.shape[1])
    shared[FAR_TAIL] = 0
    shared[TURN] = 0
    for t in range(len(books)):
        books[t, LEAST] = limit


@njit(cache=True)
def next_round(queues, shared, books):
    """What was found for this bucket becomes `near`."""
    close_chunks(queues[shared[NEXT]], books, NEXT_AT)
    shared[NEAR], shared[NEXT] = shared[NEXT], shared[NEAR]
    shared[NEAR_COUNT] = min(shared[NEXT_TAIL], queues.shape[1])
    shared[NEXT_TAIL] = 0
    shared[TURN] = 0


@njit(cache=True)
def ran_over(books):
    for t in range(len(books)):
        if books[t, OVERFLOW] != 0:
            return True
    return False


@njit(cache=True)
def requeue_reached(n, unreached, state, queues, shared, books):
    """After a queue ran over: every reached vertex is queued again, whole."""
    near = queues[shared[NEAR]]
    count = 0
    for v in range(n):
        dist = dist_of(state, v, unreached)
        if dist != unreached:
            near[count].vertex = v
            near[count].offset = 0
            near[count].dist = dist
            count += 1
    for t in range(len(books)):
        books[t, NEXT_AT : FAR_END + 1] = 0
        books[t, OVERFLOW] = 0
        books[t, LEAST] = np.int64(unreached)
    shared[NEAR_COUNT] = count
    shared[NEXT_TAIL] = shared[FAR_TAIL] = shared[TURN] = 0


@njit(cache=True, forceinline=True)
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


@njit(cache=True, forceinline=True)
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


@njit(cache=True)
def _run_heap(unreached, early, leaves_from, indptr, arcs, state, heap, far, shared, book):
    """Dijkstra's order on one thread, until nothing is queued or the heap has grown too large."""
    size = shared[HEAP_SIZE]
    touched = settled = settled_arcs = 0
    while 0 < size <= HEAP_LIMIT and shared[FAR_TAIL] == 0:
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
            if v < leaves_from and x < dist_of(state, v, x):
                put(state, v, x, u)
                if size < len(heap) - 1:
                    heap[size].vertex = v
                    heap[size].offset = 0
                    heap[size].dist = x
                    heap[size].key = x
                    _sift_up(heap, size)
                    size += 1
                else:
                    _append_far(far, shared, book, v, 0, x, x)
                bound = min(bound, x)
    shared[HEAP_SIZE] = size
    book[ARCS] += touched
    book[SETTLED] += settled
    book[SETTLED_ARCS] += settled_arcs


@njit(cache=True)
def _heap_to_far(heap, far, shared, book):
    for i in range(shared[HEAP_SIZE]):
        entry = heap[i]
        _append_far(far, shared, book, entry.vertex, entry.offset, entry.dist, entry.key)
    shared[HEAP_SIZE] = 0


@njit(cache=True)
def _far_to_heap(unreached, state, heap, queues, shared, books):
    _take_far(np.int64(unreached), queues, shared, books)
    far = queues[shared[FAR]]
    size = 0
    for i in range(shared[NEAR_COUNT]):
        if far[i].vertex >= 0 and dist_of(state, np.int64(far[i].vertex), unreached) == far[i].dist:
            heap[size] = far[i]
            _sift_up(heap, size)
            size += 1
    shared[NEAR_COUNT] = 0
    shared[HEAP_SIZE] = size


@njit(cache=True)
def start(root, zero, state, heap, shared, books, unreached):
    """Queue the root at distance `zero` in an empty heap."""
    shared[:NEAR] = 0
    books[:, :] = 0
    books[:, LEAST] = np.int64(unreached)
    put(state, root, zero, root)
    heap[0].vertex = root
    heap[0].offset = 0
    heap[0].dist = zero
    heap[0].key = zero
    shared[HEAP_SIZE] = 1


@njit(cache=True)
def _drain_bucket(workers, hi, early, leaves_from, settled_cap, unreached, indptr, arcs, state,
                  queues, fifos, shared, books):  # fmt: skip
    """Rounds until nothing of this bucket is queued, or a thread has seen enough (STOP)."""
    while shared[NEAR_COUNT] > 0 and shared[STOP] == 0:
        near = queues[shared[NEAR]]
        following = queues[shared[NEXT]]
        far = queues[shared[FAR]]
        shared[PHASES] += 1
        if workers == 1 or shared[NEAR_COUNT] <= ALONE:
            _drain(hi, early, leaves_from, settled_cap, indptr, arcs, state, near, following, far,
                   fifos[0], shared, books[0])  # fmt: skip
        else:
            _drain_together(workers, hi, early, leaves_from, settled_cap, indptr, arcs, state,
                            near, following, far, fifos, shared, books)  # fmt: skip
        if ran_over(books):
            shared[STOP] = 0
            requeue_reached(len(indptr) - 1, unreached, state, queues, shared, books)
        elif shared[STOP] == 0:
            next_round(queues, shared, books)


@njit(cache=True)
def advance(workers, buckets, delta, early, leaves_from, switch_settled, switch_arcs, unreached,
            indptr, arcs, state, queues, heap, fifos, shared, books):  # fmt: skip
    """Work off queued rows, nearest first, for at most `buckets` buckets.

    Returns EMPTY: nothing is queued; MORE: something is; SWITCH with a distance (bits): at least
    `switch_settled` rows with `switch_arcs` arcs have been seen, and every arc that leads below
    that distance is relaxed.
    """
    hi = unreached
    if shared[NEAR_COUNT] > 0:
        # What a pull has improved: no bucket, to the end.
        _drain_bucket(workers, hi, False, leaves_from, NEVER, unreached, indptr, arcs, state,
                      queues, fifos, shared, books)  # fmt: skip
    while buckets > 0:
        buckets -= 1
        if shared[HEAP_SIZE] > 0:
            shared[PHASES] += 1
            _run_heap(unreached, early, leaves_from, indptr, arcs, state, heap,
                      queues[shared[FAR]], shared, books[0])  # fmt: skip
            _heap_to_far(heap, queues[shared[FAR]], shared, books[0])
        nearest = least_far(books)
        if nearest == np.int64(unreached):
            return EMPTY, unreached
        lo = as_dist(nearest, unreached)
        settled = settled_arcs = 0
        for t in range(workers):
            settled += books[t, SETTLED]
            settled_arcs += books[t, SETTLED_ARCS]
        if settled >= switch_settled and settled_arcs >= switch_arcs:
            return SWITCH, lo
        hi = max(plus(lo, delta), as_dist(nearest + 1, unreached))
        hi = min(hi, unreached)
        _take_far(np.int64(unreached), queues, shared, books)
        near = queues[shared[NEXT]]
        far = queues[shared[FAR]]
        spare = queues[shared[SPARE]]
        if workers == 1 or shared[NEAR_COUNT] <= 4 * ALONE:
            _split(hi, indptr, state, far, near, spare, shared, books[0])
        else:
            _split_together(workers, hi, indptr, state, far, near, spare, shared, books)
        shared[FAR], shared[SPARE] = shared[SPARE], shared[FAR]
        next_round(queues, shared, books)
        if ran_over(books):
            requeue_reached(len(indptr) - 1, unreached, state, queues, shared, books)
        # Seen twice as much as the switch waits for: the bucket was too wide, do not finish it.
        cap = 2 * switch_settled // workers if settled < switch_settled else NEVER
        _drain_bucket(workers, hi, early, leaves_from, cap, unreached, indptr, arcs, state,
                      queues, fifos, shared, books)  # fmt: skip
        if shared[STOP] != 0:
            return SWITCH, lo
        if shared[FAR_TAIL] <= HEAP_LIMIT // 2:
            _far_to_heap(unreached, state, heap, queues, shared, books)
    return MORE, unreached
