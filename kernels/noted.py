"""The noted arcs of a rank's pull (see kernels.pull), swept over until nothing improves any more.

After the first sweep an arc is relaxed only if its tail has changed since the last one: by a sweep
here, or by what its owner told. Between two sweeps the ranks tell each other.

`marks` has bits for each label: NOTED, the tail of a noted arc; WAITING, its arcs are to be relaxed
in the next sweep; AGAIN, in the one after that, too; CHANGED, other ranks are to be told of it.
`words` counts those that wait and those that have changed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.atomics import prefetch
from kernels.queues import ARCS, PHASES
from kernels.tentative import dist_of, improve, plus, weight_of

NOTED, WAITING, AGAIN, CHANGED = 1, 2, 4, 8
LENGTH, KNOWN = range(2)
WORDS = 2

_BATCH = 32  # arcs whose ends are asked for before the first is needed


@njit(cache=True)
def mark_tails(within, count, marks):
    """Mark the tails of all noted arcs."""
    for i in range(count):
        if within[i].vertex >= 0:
            marks[within[i].offset] |= NOTED


@njit(cache=True, forceinline=True)
def _improved(v, marks, link_start, promised, changed, words):
    if marks[v] & NOTED != 0 and marks[v] & AGAIN == 0:
        marks[v] |= WAITING | AGAIN
        words[LENGTH] += 1
    if marks[v] & CHANGED == 0:
        for k in range(link_start[v], link_start[v + 1]):
            if promised[k] != 0:
                marks[v] |= CHANGED
                changed[words[KNOWN]] = v
                words[KNOWN] += 1
                break


@njit(cache=True)
def sweep(every, within, count, weight, state, marks, link_start, promised, changed, words, shared,
          book):  # fmt: skip
    """Relax the noted arcs of waiting tails, or of every tail.

    A tail that improves meanwhile waits for the next sweep, for the arcs that this one has passed.
    """
    shared[PHASES] += 1
    words[LENGTH] = touched = 0
    batch = np.empty(_BATCH, np.int64)
    filled = 0
    for i in range(count):
        if within[i].vertex >= 0 and (every or marks[within[i].offset] & WAITING != 0):
            prefetch(state, within[i].offset)
            prefetch(state, within[i].vertex)
            batch[filled] = i
            filled += 1
        if filled < _BATCH and i + 1 < count:
            continue
        for b in range(filled):
            u = np.int64(within[batch[b]].offset)
            v = np.int64(within[batch[b]].vertex)
            x = within[batch[b]].dist
            x = plus(dist_of(state, u, x), weight_of(within[batch[b]].key, weight))
            if x < dist_of(state, v, x) and improve(state, v, x, u):
                _improved(v, marks, link_start, promised, changed, words)
        touched += filled
        filled = 0
    for label in range(len(marks)):
        mark = marks[label]
        marks[label] = (mark & np.uint8(NOTED | CHANGED)) | ((mark & np.uint8(AGAIN)) >> 1)
    book[ARCS] += touched


@njit(cache=True)
def wake(label, marks, words):
    """Ghosts have new distances: their noted arcs are to be relaxed."""
    for i in range(len(label)):
        if marks[label[i]] & (NOTED | WAITING) == NOTED:
            marks[label[i]] |= WAITING
            words[LENGTH] += 1
