"""A set of vertices, one bit each, its members numbered in ascending order: plain arrays.

words    uint64   vertex v is bit v % 64 of words[v // 64]; whole blocks of 8 words
before   int32 or int64   members before each block of 8 words, 512 vertices

A member's number is `before` of its block and the bits below its own in the block, one cache line.

Source: G. Jacobson, Space-efficient static trees and graphs, 1989 (rank on a bit vector).
"""

from __future__ import annotations

import numpy as np

from kernels.compile import njit, part
from kernels.parallel import SHARES, begin, on_threads

WORDS_A_BLOCK = 8
BLOCK = 64 * WORDS_A_BLOCK

_ONE = np.uint64(1)


@njit(cache=True, nogil=True)
def _bits(word):
    """How many bits of a uint64 are set; LLVM knows this pattern for one instruction."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    low = word & np.uint64(0x3333333333333333)
    word = low + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True, nogil=True)
def add_vertices(words, n, ids):
    """Put ids, int64, into the set; returns how many are outside 0 .. n-1, which are skipped.

    By one thread: two might write one word.
    """
    outside = 0
    for v in ids:
        if v < 0 or v >= n:
            outside += 1
        else:
            words[v >> 6] |= _ONE << np.uint64(v & 63)
    return outside


@part
def _count_blocks(words, members, share):
    for block in range(begin(len(members), share), begin(len(members), share + 1)):
        start = np.int64(block) * WORDS_A_BLOCK
        found = 0
        for i in range(start, start + WORDS_A_BLOCK):
            found += _bits(words[i])
        members[block] = found


@njit(cache=True, nogil=True)
def count_blocks(words, members):
    """Write the members of each block into `members`, int64 (blocks,)."""
    on_threads(_count_blocks, (words, members), SHARES)


@part
def _number_vertices(words, before, ids, numbers, share):
    for i in range(begin(len(ids), share), begin(len(ids), share + 1)):
        v = np.int64(ids[i])
        number = np.int64(-1)
        if v >= 0:
            bit = _ONE << np.uint64(v & 63)
            word = words[v >> 6]
            if word & bit:
                number = np.int64(before[v // BLOCK]) + _bits(word & (bit - _ONE))
                for k in range(v // BLOCK * WORDS_A_BLOCK, v >> 6):
                    number += _bits(words[k])
        numbers[i] = number


@njit(cache=True, nogil=True)
def number_vertices(words, before, ids, numbers):
    """Write the number of each id into `numbers`, -1 where it is not a member.

    ids, numbers   int32 or int64 (k,), ids -1 .. n-1; both may be the same array
    """
    on_threads(_number_vertices, (words, before, ids, numbers), SHARES)


@njit(cache=True, nogil=True)
def list_members(words, first, last, members):
    """Write the members in first .. last-1, less `first`, in order; returns how many."""
    found = 0
    for i in range(first >> 6, (last + 63) >> 6):
        word = words[i]
        while word:
            v = i * 64 + _bits((word - _ONE) & ~word)  # the lowest bit's place
            word &= word - _ONE
            if first <= v < last:
                members[found] = v - first
                found += 1
    return found
