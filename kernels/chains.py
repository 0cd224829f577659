"""The noted arcs of a rank's pull (see kernels.pull), worked off tail by tail.

Between two exchanges few distances change, and most noted arcs need not be looked at again. So the
arcs of a tail are chained, heads by label. While much changes, all of them are swept over; then the
list of the tails that changed is worked off, until nothing improves here.

`marks` has two bits a label: WAITING, in the list; CHANGED, among the vertices of which other
ranks are to be told. `words` holds the list's first and its length, and how many have changed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.atomics import prefetch
from kernels.queues import ARCS, PHASES
from kernels.tentative import dist_of, improve, plus, weight_of

WAITING, CHANGED = 1, 2
FIRST, LENGTH, KNOWN = range(3)
WORDS = 3


@njit(cache=True, forceinline=True)
def _wait(label, heads, marks, waiting, words):
    """Put a label into the list if it has arcs and is not there."""
    if heads[label] >= 0 and marks[label] & WAITING == 0:
        marks[label] |= WAITING
        at = words[FIRST] + words[LENGTH]
        waiting[at if at < len(waiting) else at - len(waiting)] = label
        words[LENGTH] += 1


@njit(cache=True, forceinline=True)
def _take(waiting, words):
    """Remove the first label of the list."""
    label = np.int64(waiting[words[FIRST]])
    words[FIRST] = words[FIRST] + 1 if words[FIRST] + 1 < len(waiting) else 0
    words[LENGTH] -= 1
    return label


@njit(cache=True, forceinline=True)
def _improved(v, heads, marks, waiting, link_start, promised, changed, words):
    _wait(v, heads, marks, waiting, words)
    if marks[v] & CHANGED == 0:
        for k in range(link_start[v], link_start[v + 1]):
            if promised[k] != 0:
                marks[v] |= CHANGED
                changed[words[KNOWN]] = v
                words[KNOWN] += 1
                break


@njit(cache=True)
def chain(within, count, heads, nexts):
    """Chain every noted arc to its tail's others."""
    for i in range(count):
        if i + 16 < count and within[i + 16].vertex >= 0:
            prefetch(heads, within[i + 16].offset)
        if within[i].vertex >= 0:
            u = np.int64(within[i].offset)
            nexts[i] = heads[u]
            heads[u] = i


@njit(cache=True)
def _sweep(within, count, weight, state, heads, marks, waiting, link_start, promised, changed,
           words, shared, book):  # fmt: skip
    """Relax every noted arc once; those into one vertex follow each other."""
    shared[PHASES] += 1
    while words[LENGTH] > 0:
        marks[_take(waiting, words)] &= ~np.uint8(WAITING)
    i = 0
    while i < count:
        v = np.int64(within[i].vertex)
        if v < 0:
            i += 1
            continue
        best = before = dist_of(state, v, within[i].dist)
        parent = np.int64(-1)
        while i < count and within[i].vertex == v:
            if i + 16 < count and within[i + 16].vertex >= 0:
                prefetch(state, within[i + 16].offset)
            u = np.int64(within[i].offset)
            x = plus(dist_of(state, u, best), weight_of(within[i].key, weight))
            if x < best:
                best = x
                parent = u
            i += 1
        if best < before and improve(state, v, best, parent):
            _improved(v, heads, marks, waiting, link_start, promised, changed, words)
    book[ARCS] += count


@njit(cache=True)
def wake(label, heads, marks, waiting, words):
    """Ghosts have new distances: put those with noted arcs into the list."""
    for i in range(len(label)):
        _wait(np.int64(label[i]), heads, marks, waiting, words)


@njit(cache=True)
def _work_off(within, weight, state, heads, nexts, marks, waiting, link_start, promised, changed,
              words, shared, book):  # fmt: skip
    """Relax the arcs of waiting tails until none waits."""
    shared[PHASES] += 1
    while words[LENGTH] > 0:
        u = _take(waiting, words)
        marks[u] &= ~np.uint8(WAITING)
        i = heads[u]
        while i >= 0:
            v = np.int64(within[i].vertex)
            x = plus(dist_of(state, u, within[i].dist), weight_of(within[i].key, weight))
            if x < dist_of(state, v, x) and improve(state, v, x, u):
                _improved(v, heads, marks, waiting, link_start, promised, changed, words)
            book[ARCS] += 1
            i = nexts[i]


@njit(cache=True)
def settle(first, within, count, weight, state, heads, nexts, marks, waiting, link_start, promised,
           changed, words, shared, book):  # fmt: skip
    """Relax noted arcs: all of them once, or those of the waiting tails until none waits.

    An arc costs a sweep a few nanoseconds, and a chain some cache misses. Where much has changed,
    other ranks should know before the next sweep.
    """
    if first or words[LENGTH] > count >> 6:
        _sweep(within, count, weight, state, heads, marks, waiting, link_start, promised, changed,
               words, shared, book)  # fmt: skip
    else:
        _work_off(within, weight, state, heads, nexts, marks, waiting, link_start, promised,
                  changed, words, shared, book)  # fmt: skip
