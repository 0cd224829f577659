"""Ids of vertices that are sparse, numbered in ascending order: a hash table instead of a sort.

The table holds each id once, at the first free slot from where its hash says, or -1. The caller
draws the hash's multiplier, so that no file can be written to collide.
"""

from __future__ import annotations

import numpy as np

from kernels.atomics import prefetch
from kernels.compile import inlined, njit

_ONE = np.uint64(1)
_AHEAD = 16
_nogil = njit(cache=True, _nrt=False, nogil=True)


@inlined
def _slot(number, multiplier, last):
    mixed = np.uint64(number) * multiplier
    return (mixed ^ (mixed >> np.uint64(32))) & last


@inlined
def _find(table, number, multiplier, last):
    """The slot of an id, or the free one where it belongs."""
    slot = _slot(number, multiplier, last)
    while table[slot] != number and table[slot] >= 0:
        slot = (slot + _ONE) & last
    return slot


@_nogil
def collect(ids, first, multiplier, table, held, most):
    """Put ids[first:] into the table, which holds `held` of them, until it holds `most`.

    ids, table   int64 (k,), int64 of a power of two; negative ids are passed over

    Returns how far it came, and how many the table holds.
    """
    last = np.uint64(len(table) - 1)
    for i in range(first, len(ids)):
        if i + _AHEAD < len(ids):
            prefetch(table, _slot(ids[i + _AHEAD], multiplier, last))
        if ids[i] < 0:
            continue
        slot = _find(table, ids[i], multiplier, last)
        if table[slot] < 0:
            if held == most:
                return i, held
            table[slot] = ids[i]
            held += 1
    return len(ids), held


@_nogil
def rank(given, multiplier, table, ranks):
    """Note the place of each id of `given` at its slot of `ranks`, an array beside the table."""
    last = np.uint64(len(table) - 1)
    for i in range(len(given)):
        ranks[_find(table, given[i], multiplier, last)] = i


@_nogil
def number(ids, multiplier, table, ranks):
    """Write the place of each id over it; all of them are in the table."""
    last = np.uint64(len(table) - 1)
    for i in range(len(ids)):
        if i + _AHEAD < len(ids):
            slot = _slot(ids[i + _AHEAD], multiplier, last)
            prefetch(table, slot)
            prefetch(ranks, slot)
        ids[i] = ranks[_find(table, ids[i], multiplier, last)]
