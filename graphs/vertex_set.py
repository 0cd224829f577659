"""A set of vertices that numbers its members: a bit a vertex, and n / 128 bytes to find by."""

from __future__ import annotations

import numpy as np

from kernels import vertex_set as kernels


class VertexSet:
    """Some of the vertices 0 .. n-1, to be added first, then numbered in ascending order.

    Parameters
    ----------
    n : int
        Vertices there are, below 2^62.
    """

    def __init__(self, n: int):
        self.n = n
        blocks = n // kernels.BLOCK + 1
        self.words = np.zeros(blocks * kernels.WORDS_A_BLOCK, np.uint64)
        self.before = np.empty(0, np.int64)
        self.size = 0

    def add(self, ids: np.ndarray) -> int:
        """Add ids, int64 (k,); returns how many are not vertices, which are left out."""
        return int(kernels.add_vertices(self.words, self.n, ids))

    def number(self) -> None:
        """Number the members 0 .. size-1, in ascending order; none may be added afterwards."""
        members = np.empty(len(self.words) // kernels.WORDS_A_BLOCK, np.int64)
        kernels.count_blocks(self.words, members)
        self.size = int(members.sum())
        before = np.cumsum(members) - members
        self.before = before.astype(np.int32) if self.size < 2**31 else before

    def numbers(self, ids: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Write the members' numbers into `out`, -1 for others.

        ids   int32 or int64 (k,)   -1 .. n-1
        out   int32 or int64 (k,)   may be `ids`
        """
        kernels.number_vertices(self.words, self.before, ids, out)
        return out

    def block(self, first: int, last: int) -> np.ndarray:
        """The words with the bits of first .. last-1, and some bits more at either end: a view."""
        return self.words[first // 64 : -(-last // 64)]


def members_of_block(words: np.ndarray, first: int, count: int, dtype: np.dtype) -> np.ndarray:
    """Return the members among `count` vertices from `first` on, less `first`, ascending.

    words   their `VertexSet.block`
    """
    members = np.empty(count, dtype)
    start = first % 64
    return members[: kernels.list_members(words, start, start + count, members)].copy()
