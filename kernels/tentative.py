"""The tentative distance and parent of each vertex, and the arithmetic of distances.

A distance is handled as its bits: floats that are not negative order like the unsigned integers
of their bits, so one comparison serves float32, float64 and exact integers, and the next larger
distance is `bits + 1`. What differs is the sum, chosen by the type of the weight:

float32   added in float32, left to right from the root: the bits of Graph500's distances
uint32    integers, exact below 2^32 - 1; a sum beyond counts as infinite, as a float's would
float64   added in float64

32-bit kinds keep one uint64 per vertex, distance above and parent below, so that one
compare-and-swap changes both: the parent is never torn from its distance, and because only a
strictly smaller distance is stored, parents cannot form a cycle. float64 keeps two words per
vertex, distance bits and parent; the top bit of the second is a lock, held for two stores.
`state` is a kernels.groups.State.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import overload

from kernels.atomics import compare_and_swap, load, store

UNREACHED: dict[str, np.uint32 | np.uint64] = {
    "float32": np.uint32(0x7F800000),
    "uint32": np.uint32(0xFFFFFFFF),
    "float64": np.uint64(0x7FF0000000000000),
}
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_LOCK = np.uint64(1 << 63)
# What of a parent is its label, where another thread or rank may hold the lock.
LABEL = np.int64((1 << 63) - 1)


# numba's own way to inline an overload, inline="always", types it anew for each call.
_PART = {"_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_INLINED = {**_PART, "forceinline": True}


def plus(dist, weight):
    """Bits of the distance `dist` (bits) and one arc of `weight` further."""


@overload(plus, jit_options=_INLINED)
def _plus(dist, weight):
    if weight == types.float32:
        return lambda dist, weight: np.float32(np.uint32(dist).view(np.float32) + weight).view(
            np.uint32
        )
    if weight == types.float64:
        return lambda dist, weight: np.float64(np.uint64(dist).view(np.float64) + weight).view(
            np.uint64
        )

    def saturating(dist, weight):
        total = np.uint64(dist) + np.uint64(weight)
        return np.uint32(min(total, np.uint64(0xFFFFFFFF)))

    return saturating


def bits_of(weight):
    """A weight as bits of the size of a distance."""


@overload(bits_of, jit_options=_INLINED)
def _bits_of(weight):
    if weight == types.float32:
        return lambda weight: np.float32(weight).view(np.uint32)
    if weight == types.float64:
        return lambda weight: np.float64(weight).view(np.uint64)
    return lambda weight: weight


def weight_of(bits, like):
    """The weight, of the kind of `like`, whose bits these are."""


@overload(weight_of, jit_options=_INLINED)
def _weight_of(bits, like):
    if like == types.float32:
        return lambda bits, like: np.uint32(bits).view(np.float32)
    if like == types.float64:
        return lambda bits, like: np.uint64(bits).view(np.float64)
    return lambda bits, like: bits


def value(dist, weight):
    """The distance whose bits are `dist`, as a float64; inf where unreached."""


@overload(value, jit_options=_INLINED)
def _value(dist, weight):
    if weight == types.float32:
        return lambda dist, weight: np.float64(np.uint32(dist).view(np.float32))
    if weight == types.float64:
        return lambda dist, weight: np.uint64(dist).view(np.float64)
    return lambda dist, weight: np.inf if dist == np.uint32(0xFFFFFFFF) else np.float64(dist)


def as_dist(number, like):
    """A number of bits as a distance of the kind of `like`."""


@overload(as_dist, jit_options=_INLINED)
def _as_dist(number, like):
    if like == types.uint32:
        return lambda number, like: np.uint32(number)
    return lambda number, like: np.uint64(number)


def _narrow(state) -> bool:
    """Has this type of `State` distances of 32 bits?"""
    return state.types[state.fields.index("unreached")] == types.uint32


def dist_of(state, vertex):
    """Bits of the tentative distance of `vertex`."""


@overload(dist_of, jit_options=_INLINED)
def _dist_of(state, vertex):
    if _narrow(state):
        return lambda state, vertex: np.uint32(load(state.words, vertex) >> _HALF)
    return lambda state, vertex: load(state.words, 2 * vertex)


def parent_of(state, vertex):
    """Parent of `vertex`."""


@overload(parent_of, jit_options=_INLINED)
def _parent_of(state, vertex):
    if _narrow(state):
        return lambda state, vertex: np.int64(state.words[vertex] & _LOW)
    return lambda state, vertex: np.int64(state.words[2 * vertex + 1])


def both_of(state, vertex):
    """Distance (bits) and parent of `vertex`; while nobody writes."""


@overload(both_of, jit_options=_INLINED)
def _both_of(state, vertex):
    if _narrow(state):

        def of_word(state, vertex):
            word = state.words[vertex]
            return np.uint32(word >> _HALF), np.int64(word & _LOW)

        return of_word
    return lambda state, vertex: (state.words[2 * vertex], np.int64(state.words[2 * vertex + 1]))


def put(state, vertex, dist, parent):
    """Store both; for the only thread that writes this vertex."""


@overload(put, jit_options=_INLINED)
def _put(state, vertex, dist, parent):
    if dist == types.uint32:

        def put_word(state, vertex, dist, parent):
            state.words[vertex] = (np.uint64(dist) << _HALF) | np.uint64(parent)

        return put_word

    def put_pair(state, vertex, dist, parent):
        state.words[2 * vertex] = dist
        state.words[2 * vertex + 1] = np.uint64(parent)

    return put_pair


def improve(state, vertex, dist, parent):
    """Store both if `dist` is strictly smaller than what stands there; was it?"""


@overload(improve, jit_options=_PART)
def _improve(state, vertex, dist, parent):
    if dist == types.uint32:

        def improve_word(state, vertex, dist, parent):
            new = (np.uint64(dist) << _HALF) | np.uint64(parent)
            old = load(state.words, vertex)
            while dist < np.uint32(old >> _HALF):
                seen = compare_and_swap(state.words, vertex, old, new)
                if seen == old:
                    return True
                old = seen
            return False

        return improve_word

    def improve_pair(state, vertex, dist, parent):
        words = state.words
        while dist < load(words, 2 * vertex):
            word = load(words, 2 * vertex + 1)
            if word & _LOCK == 0:
                seen = compare_and_swap(words, 2 * vertex + 1, word, word | _LOCK)
                if seen == word:
                    better = dist < load(words, 2 * vertex)
                    if better:
                        store(words, 2 * vertex, dist)
                        word = np.uint64(parent)
                    store(words, 2 * vertex + 1, word)
                    return better
        return False

    return improve_pair
