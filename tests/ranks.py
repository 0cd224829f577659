"""Shared: ranks without MPI, threads that take turns, each between two collective calls."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from graphs.alone import Traffic

# A search that has made more exchanges than this will not end.
_MOST_EXCHANGES = 20_000


class Meeting:
    """Where the ranks meet for a collective call: all bring something, and see what all brought."""

    def __init__(self, size: int):
        self.turn = threading.Lock()
        self.barrier = threading.Barrier(size)
        self.shared: dict[tuple[int, int], np.ndarray] = {}
        self.brought: list[Any] = [None] * size

    def meet(self, rank: int, call: str, value: Any) -> list[Any]:
        self.brought[rank] = call, copy.deepcopy(value)  # the sender may go on to change it
        self._wait()
        seen = list(self.brought)
        self._wait()
        calls = {name for name, _ in seen}
        assert len(calls) == 1, f"the ranks call different things: {sorted(calls)}"
        return [value for _, value in seen]

    def _wait(self) -> None:
        """Let the others have their turn. One runs at a time, as one process's threads need it."""
        self.turn.release()
        try:
            self.barrier.wait(timeout=60)
        finally:
            self.turn.acquire()


class ThreadRank:
    """What a rank calls, as sssp/comm.py says; what it receives is a copy.

    exchanges   how many there were so far
    node        how many ranks, one after another, share their memory
    """

    def __init__(self, meeting: Meeting, rank: int, size: int, node: int = 1):
        self.meeting, self.rank, self.size = meeting, rank, size
        first = rank - rank % node
        self.neighbours = list(range(first, min(first + node, size)))
        self.exchanges = self.arrays = 0
        self.traffic = Traffic()

    node_rank, node_size = 0, 1
    transport = "staged"

    def attach(self, device: Any) -> None:
        pass

    def together(self, count: int, dtype: np.dtype) -> np.ndarray:
        self.arrays += 1
        key = self.neighbours[0], self.arrays
        array = self.meeting.shared.setdefault(key, np.zeros(count, dtype))
        assert (len(array), array.dtype) == (count, dtype)
        return array

    def least(self, value: float) -> float:
        return min(self.gather(value))

    def most(self, value: float) -> float:
        return max(self.gather(value))

    def any(self, value: bool) -> bool:
        return any(self.gather(value))

    def all_agree(self, value: bool) -> bool:
        return all(self.gather(value))

    def total(self, values) -> np.ndarray:
        return np.sum(self.gather(np.asarray(values, np.int64)), axis=0)

    def outlook(self, nearest: float, counts) -> tuple[float, list[int]]:
        return self.least(nearest), self.total(counts).tolist()

    def exchange_and_look(self, nearest: float, values, counts: np.ndarray, *arrays):
        return self.outlook(nearest, values), self.exchange(counts, *arrays)

    def merge(self, flags: np.ndarray) -> np.ndarray:
        return np.bitwise_or.reduce(self.gather(flags))

    def first(self, value: Any) -> Any:
        return self.gather(value)[0]

    def barrier(self) -> None:
        self.gather(None)

    def gather(self, value: Any) -> list[Any]:
        return copy.deepcopy(self.meeting.meet(self.rank, "gather", value))

    def exchange(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        self.exchanges += 1
        assert self.exchanges < _MOST_EXCHANGES
        # Those on a device are staged, as sssp.comm does it.
        arrays = tuple(a if isinstance(a, np.ndarray) else a.get() for a in arrays)
        assert len(counts) == self.size
        assert all(len(array) == np.sum(counts) for array in arrays)
        brought = self.meeting.meet(self.rank, "exchange", (np.array(counts, np.int64), arrays))
        parts = [
            slice(int(given[: self.rank].sum()), int(given[: self.rank + 1].sum()))
            for given, _ in brought
        ]
        received = np.array([part.stop - part.start for part in parts], np.int64)
        pieces = [
            [arrays[i][part] for (_, arrays), part in zip(brought, parts, strict=True)]
            for i in range(len(arrays))
        ]
        assert all(len({piece.dtype for piece in of_array}) == 1 for of_array in pieces)
        return received, *(np.concatenate(of_array) for of_array in pieces)


def on_ranks(size: int, work: Callable[[ThreadRank], Any], node: int = 1) -> list[Any]:
    """Do the work on so many ranks, `node` of them on each node.

    Returns what each has returned, or raises what one has raised.
    """
    meeting = Meeting(size)
    results: list[Any] = [None] * size
    errors: list[BaseException] = []

    def one(rank: int) -> None:
        with meeting.turn:
            try:
                results[rank] = work(ThreadRank(meeting, rank, size, node))
            except threading.BrokenBarrierError as error:
                errors.append(error)
            except BaseException as error:  # told to whoever asked for the ranks
                errors.insert(0, error)
                meeting.barrier.abort()

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
