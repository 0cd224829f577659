"""One edge of the Kronecker graph as words of bits: quadrants first, its two endpoints from them.

A level draws a value v and takes the quadrant of v % 10000: below 1900 B (upper right), below 3800
C (lower left), below 9500 A, else D. Here a level is three bits, "below 1900", "below 3800" and
"below 9500", each shifted into a word of its own; after L levels the three words hold L bits, the
top level highest, and both ends of the edge follow from them for all levels at once.

Source: Graph500 specification V2.0, section 3; reference code 3.0.1, generator/graph_generator.c.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import intrinsic

from kernels.compile import njit
from kernels.rng import MODULUS, low_product, seed_state, skip, values

# Values below this would make the first remainders more likely than the rest: draw again.
LEAST = np.uint64(MODULUS % 10000)

# v % 10000 < t  <=>  (v * RECIPROCAL) mod 2^45 < ceil(t * 2^45 / 10000), for v < 2^31: that
# fraction is too large by v * (10000 * RECIPROCAL - 2^45) < 2^45 parts of 10000 * 2^45, so it stays
# inside its own ten-thousandth. (Lemire, Kaser, Kurz, "Faster remainder by direct computation".)
FRACTION_BITS = 45
RECIPROCAL = np.uint64(-(-(2**FRACTION_BITS) // 10000))
FRACTION = np.uint64(2**FRACTION_BITS - 1)
BOUND_B, BOUND_C, BOUND_A = (
    np.uint64(-(-(t * 2**FRACTION_BITS) // 10000)) for t in (1900, 3800, 9500)
)

ONE = np.uint64(1)
SIGN_BIT = np.uint64(63)
WEIGHT_STEP = np.float32(2.0**-31)


def scramble_values(seed: tuple[int, int]) -> tuple[int, int]:
    """Two 64-bit words, from a place of the stream of their own, that the scrambling mixes in."""
    a, b, c, d = values(skip(seed_state(seed), (50 << 128) + (7 << 64)), 4)
    return (a * 0xFFFFFFFF + b) % 2**64, (c * 0xFFFFFFFF + d) % 2**64


@njit(cache=True, forceinline=True)
def append(word, v, bound):
    """Append to a word the bit `v % 10000 < t`, where bound stands for t."""
    fraction = low_product(v, RECIPROCAL) & FRACTION
    return (word << ONE) | ((fraction - bound) >> SIGN_BIT)


@intrinsic
def _reverse_bits(typing_context, x):
    """The 64 bits of x in the opposite order."""

    def codegen(context, builder, signature, arguments):
        return builder.bitreverse(arguments[0])

    return types.uint64(types.uint64), codegen


@njit(cache=True, forceinline=True)
def ends(b, c, a):
    """Row and column of an edge before scrambling, from its words; bits above L are rubbish.

    A level in B steps right, in C down, in D both. An edge still on the diagonal steps right in
    either of B and C: only its first such level, the highest bit of c (set for both).
    """
    leaving = c
    for shift in (1, 2, 4, 8, 16, 32):
        leaving |= leaving >> np.uint64(shift)
    leaving ^= leaving >> ONE
    return (c & ~b & ~leaving) | ~a, b | leaving | ~a


@njit(cache=True, forceinline=True)
def scramble(x, val0, val1, unused_bits):
    """Vertex id of row or column x; multiplications wrap around at 64 bits."""
    x = (x + val0 + val1) * (val0 | np.uint64(0x4519840211493211))
    x = (_reverse_bits(x) >> unused_bits) * (val1 | np.uint64(0x3050852102C843A5))
    return _reverse_bits(x) >> unused_bits


@njit(cache=True, forceinline=True)
def weight_of(v):
    """Weight in [0, 1] of a value, as a float32.

    A signed 31-bit integer is converted, which rounds once, to nearest even; both ends occur.
    """
    return np.float32(np.int32(v)) * WEIGHT_STEP
