"""Ranks as threads (graphs.thread_comm), with checks of what they hand to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from graphs.thread_comm import Meeting, ThreadComm, on_threads

T = TypeVar("T")

# A search that has made more exchanges than this will not end.
_MOST_EXCHANGES = 20_000


class ThreadRank(ThreadComm):
    """A rank that checks its calls. `exchanges`: how many there were so far."""

    def __init__(self, meeting: Meeting, rank: int, sharing: int = 1):
        super().__init__(meeting, rank, sharing)
        self.exchanges = 0

    def shared_zeros(self, count: int, dtype: np.dtype) -> np.ndarray:
        array = super().shared_zeros(count, dtype)
        assert (len(array), array.dtype) == (count, dtype)
        return array

    def alltoallv(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        self._check(counts, arrays)
        return super().alltoallv(counts, *arrays)

    def alltoallv_next_bucket(
        self, nearest: float, values: Sequence[int], counts: np.ndarray, *arrays: np.ndarray
    ) -> tuple[tuple[float, list[int]], tuple[np.ndarray, ...]]:
        self._check(counts, arrays)
        return super().alltoallv_next_bucket(nearest, values, counts, *arrays)

    def _check(self, counts: np.ndarray, arrays: Sequence[np.ndarray]) -> None:
        self.exchanges += 1
        assert self.exchanges < _MOST_EXCHANGES
        assert len(counts) == self.size
        items = sum(counts.tolist())
        for array in arrays:
            assert len(array) == items


def on_ranks(size: int, work: Callable[..., T], node: int = 1) -> list[T]:
    """Do the work on `size` ranks, `node` of them on each node; returns what each returns."""
    return on_threads(size, work, partial(ThreadRank, sharing=node))
