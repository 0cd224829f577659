"""Ranks as threads of one process, without MPI: for compiling ahead of a run, and for tests.

One rank runs at a time, from one collective call to the next, because the threads of numba belong
to one caller at a time. What a rank receives is a copy: the sender may go on to change its arrays.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphs.comm import SerialComm

# A rank that waits longer waits for one that has failed.
_WAIT_SECONDS = 600.0


class Meeting:
    """Where the ranks meet for a collective call: each brings a value, and all see every value.

    Parameters
    ----------
    size : int
        Ranks.
    """

    def __init__(self, size: int):
        self.size = size
        self.turn = threading.Lock()
        self.barrier = threading.Barrier(size)
        self.shared: dict[tuple[int, int], np.ndarray] = {}
        self._brought: list[Any] = [None] * size

    def meet(self, rank: int, call: str, value: Any) -> list[Any]:
        """Bring a value; returns the values of all ranks.

        Raises
        ------
        RuntimeError
            The ranks make different calls. MPI would hang, or mix up their data.
        """
        self._brought[rank] = call, copy.deepcopy(value)
        self._wait()
        seen = list(self._brought)
        self._wait()
        calls = sorted({name for name, _ in seen})
        if len(calls) > 1:
            raise RuntimeError(f"the ranks make different calls: {', '.join(calls)}")
        return [value for _, value in seen]

    def _wait(self) -> None:
        """Let the other ranks run until they have come as far."""
        self.turn.release()
        try:
            self.barrier.wait(_WAIT_SECONDS)
        finally:
            self.turn.acquire()


class ThreadComm(SerialComm):
    """One rank of a `Meeting`.

    Parameters
    ----------
    meeting : Meeting
    rank : int
    sharing : int
        How many ranks, one after another, share their memory (`node_peers`).
    node_rank : int
        Chooses the device of a rank. The process has one, so it is the same for all of its ranks.
    """

    def __init__(self, meeting: Meeting, rank: int, sharing: int = 1, node_rank: int = 0):
        super().__init__(rank, meeting.size, node_rank)
        self.meeting = meeting
        self._sharing = sharing
        self._arrays = 0

    @property
    def transport(self) -> str | None:
        return "staged"

    @property
    def node_peers(self) -> list[int]:
        first = self.rank - self.rank % self._sharing
        return list(range(first, min(first + self._sharing, self.size)))

    def shared_zeros(self, count: int, dtype: np.dtype) -> np.ndarray:
        self._arrays += 1  # the peers make the same calls in the same order
        key = self.node_peers[0], self._arrays
        return self.meeting.shared.setdefault(key, np.zeros(count, dtype))

    def allreduce_min(self, value: float) -> float:
        return min(self.allgather(value))

    def allreduce_max(self, value: float) -> float:
        return max(self.allgather(value))

    def allreduce_sum(self, values: Sequence[int] | np.ndarray) -> np.ndarray:
        return np.sum(self.allgather(np.array(values, np.int64)), axis=0)

    def allreduce_minimum(self, values: np.ndarray) -> np.ndarray:
        return np.minimum.reduce(self.allgather(values))

    def allreduce_and(self, value: bool) -> bool:
        return all(self.allgather(value))

    def allreduce_or(self, value: bool) -> bool:
        return any(self.allgather(value))

    def allreduce_bor(self, flags: np.ndarray) -> np.ndarray:
        return np.bitwise_or.reduce(self.allgather(flags))

    def allgather(self, value: Any) -> list[Any]:
        return copy.deepcopy(self.meeting.meet(self.rank, "allgather", value))

    def bcast(self, value: Any) -> Any:
        return self.allgather(value)[0]

    def barrier(self) -> None:
        self.allgather(None)

    def next_bucket(self, nearest: float, values: Sequence[int]) -> tuple[float, list[int]]:
        return self.allreduce_min(nearest), self.allreduce_sum(values).tolist()

    def alltoallv(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        on_host = [a if isinstance(a, np.ndarray) else a.get() for a in arrays]
        brought = self.meeting.meet(self.rank, "alltoallv", (np.array(counts, np.int64), on_host))
        received = np.array([sent[self.rank] for sent, _ in brought], np.int64)
        pieces: list[list[np.ndarray]] = [[] for _ in arrays]
        for sent, given in brought:
            start = int(sent[: self.rank].sum())
            for piece, array in zip(pieces, given, strict=True):
                piece.append(array[start : start + int(sent[self.rank])])
        return received, *(np.concatenate(piece) for piece in pieces)


def on_threads(
    size: int, work: Callable[[ThreadComm], Any], make: Callable[..., ThreadComm] = ThreadComm
) -> list[Any]:
    """Do `work` on `size` ranks; returns what each returns.

    Parameters
    ----------
    size : int
    work : callable
        Called in each rank's thread with its comm.
    make : callable, optional
        Makes a rank's comm from (meeting, rank).

    Raises
    ------
    Exception
        What a rank has raised.
    """
    meeting = Meeting(size)
    results: list[Any] = [None] * size
    errors: list[BaseException] = []

    def run(rank: int) -> None:
        with meeting.turn:
            try:
                results[rank] = work(make(meeting, rank))
            except threading.BrokenBarrierError as error:
                errors.append(error)
            except BaseException as error:  # raised again below, in the caller's thread
                errors.insert(0, error)
                meeting.barrier.abort()

    threads = [threading.Thread(target=run, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
