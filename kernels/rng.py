"""The benchmark's random numbers: L'Ecuyer's multiple recursive generator of order 5.

The next value is n = (X z1 + Y z5) mod P, with P = 2^31 - 1, and the state (z1, ..., z5) becomes
(n, z1, z2, z3, z4). One step is a 5 x 5 matrix A, so any number of steps is a power of A: every
edge and every search key has its own place in one stream and is made without those before it.

Far jumps are made with Python's integers, a few for each call; values and short jumps by compiled
code on uint64 words.

Source: Graph500 reference code 3.0.1, generator/splittable_mrg.c (P. L'Ecuyer, F. Blouin and
R. Couture, "A search for good multiple recursive random number generators", 1993).
"""

from __future__ import annotations

import functools

import numpy as np

from kernels.compile import njit

MODULUS = 2**31 - 1
MULTIPLIERS = (107374182, 0, 0, 0, 104480)

P = np.uint64(MODULUS)
X = np.uint64(MULTIPLIERS[0])
Y = np.uint64(MULTIPLIERS[4])
VALUE_BITS = np.uint64(31)
LOW_WORD = np.uint64(2**32 - 1)

# Weights of the two values in a double, in hexadecimal because these very bits are meant.
HIGH_VALUE = float.fromhex("0x1.00000002p-31")
LOW_VALUE = float.fromhex("0x1.00000004p-62")

Words = tuple[int, ...]


def seed_state(seed: tuple[int, int]) -> Words:
    """State (z1, ..., z5) of a pair of seeds, each 0 .. 2^64 - 1."""
    s1, s2 = seed
    mask = 0x3FFFFFFF
    return (
        (s1 & mask) + 1,
        ((s1 >> 30) & mask) + 1,
        (s2 & mask) + 1,
        ((s2 >> 30) & mask) + 1,
        ((s2 >> 60) << 4) + (s1 >> 60) + 1,
    )


def values(state: Words, count: int) -> list[int]:
    """Return the next `count` values after a state, as Python integers."""
    out = []
    for _ in range(count):
        n = sum(a * z for a, z in zip(MULTIPLIERS, state, strict=True)) % MODULUS
        state = (n, *state[:4])
        out.append(n)
    return out


@functools.cache
def transition(k: int) -> tuple[Words, ...]:
    """Rows of A^(2^k) mod P, the matrix of 2^k steps."""
    if k == 0:
        return (MULTIPLIERS, *(tuple(int(i == j) for j in range(5)) for i in range(4)))
    half = transition(k - 1)
    columns = list(zip(*half, strict=True))
    return tuple(
        tuple(sum(a * b for a, b in zip(row, column, strict=True)) % MODULUS for column in columns)
        for row in half
    )


def transitions(first: int, count: int) -> np.ndarray:
    """Matrices of 2^first, 2^(first + 1), ... steps: uint64 (count, 5, 5)."""
    matrices = [transition(k) for k in range(first, first + count)]
    return np.array(matrices, dtype=np.uint64).reshape(count, 5, 5)


def skip(state: Words, steps: int) -> Words:
    """State after `steps` further values; `steps` may be far above 2^64."""
    for k in range(steps.bit_length()):
        if steps >> k & 1:
            state = tuple(
                sum(a * z for a, z in zip(row, state, strict=True)) % MODULUS
                for row in transition(k)
            )
    return state


@njit(cache=True, forceinline=True)
def low_product(a, b):
    """Product of two uint64 below 2^32, in words a compiler knows to be one 32-bit multiply."""
    return (a & LOW_WORD) * (b & LOW_WORD)


@njit(cache=True, forceinline=True)
def fold(x):
    """A smaller number that is x modulo P: 2^31 is 1 there."""
    return (x & P) + (x >> VALUE_BITS)


@njit(cache=True, forceinline=True)
def reduce_once(y):
    """Remainder of y < 2 P: where y - P borrows it is huge, and the minimum keeps y."""
    return min(y, y - P)


@njit(cache=True, forceinline=True)
def next_value(z1, z5):
    """Value after a state whose outer words are z1 and z5 (uint64, below P).

    The sum is below 2^58, which one fold brings below 2 P.
    """
    return reduce_once(fold(low_product(X, z1) + low_product(Y, z5)))


@njit(cache=True, forceinline=True)
def inner_product(row, z):
    """One row of a transition times a state, five words each, all below P.

    Four products of 31-bit words fit 64 bits together; the fifth waits for the first fold.
    """
    x = low_product(row[0], z[0]) + low_product(row[1], z[1])
    x += low_product(row[2], z[2]) + low_product(row[3], z[3])
    x = fold(x) + low_product(row[4], z[4])
    return reduce_once(fold(fold(x)))


@njit(cache=True, forceinline=True)
def next_double(state):
    """Double in [0, 1] made of two values; moves `state`, uint64 (5,), on by both."""
    high = next_value(state[0], state[4])
    low = next_value(high, state[3])
    for i in range(4, 1, -1):
        state[i] = state[i - 2]
    state[0], state[1] = low, high
    return high * HIGH_VALUE + low * LOW_VALUE


@njit(cache=True, nogil=True)
def draw_vertices(state, n, out):
    """Fill `out`, int64, with vertices 0 .. n - 1 as search keys are drawn; moves `state` on."""
    for i in range(len(out)):
        total = next_double(state)
        total += next_double(state)
        out[i] = np.int64(total * n) % n
