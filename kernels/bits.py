"""Words of 64 bits as sets of small numbers."""

from __future__ import annotations

import numpy as np

from kernels.compile import njit


@njit(cache=True, forceinline=True)
def ones(word):
    """How many bits of a uint64 are set."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + (
        (word >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True, forceinline=True)
def ones_below(bit):
    """A uint64 with the bits below `bit`, 0 .. 63, set."""
    return (np.uint64(1) << np.uint64(bit)) - np.uint64(1)


@njit(cache=True, forceinline=True)
def lowest(word):
    """Which is the lowest bit that is set in a uint64 other than 0."""
    return ones((word & (~word + np.uint64(1))) - np.uint64(1))
