"""Ranks as threads of one process, without MPI: for compiling ahead of a run, and for tests.

One rank runs at a time, from one collective call to the next, because the threads of numba belong
to one caller at a time. What a rank receives is a copy: the sender may go on to change its arrays.
"""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeVar

import numpy as np

from graphs.comm import SerialComm

T = TypeVar("T")


class Meeting:
    """Where the ranks meet for a collective call: each brings a value, and all see every value.

    Parameters
    ----------
    size : int
        Ranks.
    """

    def __init__(self, size: int):
        self.size = size
        # One for each rank, closed; the rank whose turn it was opens that of the next. So a thread
        # wakes once a call, to go on; threading.Barrier takes ten times as long.
        self._gates = [threading.Lock() for _ in range(size)]
        for gate in self._gates:
            gate.acquire()
        self._ready = deque(range(size))
        self._arrived: list[int] = []
        self._broken = False
        self.shared: dict[tuple[int, int], np.ndarray] = {}
        # Two of them, by turns: what was brought is read until the next call has begun everywhere.
        self._brought: list[list[Any]] = [[None] * size, [None] * size]
        self._names: list[list[str]] = [[""] * size, [""] * size]
        self._calls = [0] * size

    def meet(self, rank: int, call: str, value: T) -> list[T]:
        """Bring a value that nobody changes from now on; returns the values of all ranks.

        Raises
        ------
        RuntimeError
            The ranks make different calls. MPI would hang, or mix up their data.
        """
        turn = self._calls[rank] % 2
        self._calls[rank] += 1
        names, brought = self._names[turn], self._brought[turn]
        names[rank], brought[rank] = call, value
        self._wait(rank)
        if names.count(call) < self.size:
            raise RuntimeError(f"the ranks make different calls: {', '.join(sorted({*names}))}")
        return list(brought)

    def take_turn(self, rank: int) -> None:
        """Wait for the turn of a rank that is ready."""
        self._gates[rank].acquire()
        if self._broken:
            raise threading.BrokenBarrierError("a rank has ended, or failed, before the others")

    def pass_on(self) -> None:
        """Give the turn to the next rank; where the others have ended, those that wait fail."""
        if not self._ready and self._arrived:
            self.abort()
        if self._ready:
            self._gates[self._ready.popleft()].release()

    def abort(self) -> None:
        """Let all that wait, now or later, fail; called by the rank whose turn it is."""
        self._broken = True
        self._all_ready()

    def _wait(self, rank: int) -> None:
        """Let the other ranks run until they have come as far."""
        if self._broken:
            raise threading.BrokenBarrierError("a rank has ended, or failed, before the others")
        if len(self._arrived) == self.size - 1:
            self._all_ready()
            return
        self._arrived.append(rank)
        self.pass_on()
        self.take_turn(rank)

    def _all_ready(self) -> None:
        self._ready.extend(self._arrived)
        self._arrived.clear()


def _copy(value: Any) -> Any:
    """Return a copy, as deepcopy does, which takes most of a search's time on many ranks."""
    if value is None or isinstance(value, (bool, int, float, str, np.generic)):
        return value
    if type(value) is np.ndarray and not value.dtype.hasobject:
        return value.copy()
    if type(value) in (tuple, list):
        return type(value)(map(_copy, value))
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    return copy.deepcopy(value)


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
        return min(self._meet("allreduce_min", value))

    def allreduce_max(self, value: float) -> float:
        return max(self._meet("allreduce_max", value))

    def allreduce_sum(self, values: Sequence[int] | np.ndarray) -> np.ndarray:
        return np.sum(self._meet("allreduce_sum", np.array(values, np.int64)), axis=0)

    def allreduce_minimum(self, values: np.ndarray) -> np.ndarray:
        return np.minimum.reduce(self._meet("allreduce_minimum", values))

    def allreduce_and(self, value: bool) -> bool:
        return all(self._meet("allreduce_and", value))

    def allreduce_or(self, value: bool) -> bool:
        return any(self._meet("allreduce_or", value))

    def allreduce_bor(self, flags: np.ndarray) -> np.ndarray:
        return np.bitwise_or.reduce(self._meet("allreduce_bor", flags))

    def allgather(self, value: T) -> list[T]:
        return _copy(self._meet("allgather", value))

    def bcast(self, value: T) -> T:
        return _copy(self._meet("bcast", value if self.rank == 0 else None)[0])

    def barrier(self) -> None:
        self._meet("barrier", None)

    def _meet(self, call: str, value: Any) -> list[Any]:
        return self.meeting.meet(self.rank, call, _copy(value))

    def next_bucket(self, nearest: float, values: Sequence[int]) -> tuple[float, list[int]]:
        return _next_bucket(self._meet("next_bucket", (nearest, values)))

    def alltoallv(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        brought = self.meeting.meet(self.rank, "alltoallv", _sent(counts, arrays))
        return self._received(brought)

    def alltoallv_next_bucket(
        self, nearest: float, values: Sequence[int], counts: np.ndarray, *arrays: np.ndarray
    ) -> tuple[tuple[float, list[int]], tuple[np.ndarray, ...]]:
        both = (nearest, _copy(values)), _sent(counts, arrays)
        nearest_and_values, sent = zip(
            *self.meeting.meet(self.rank, "alltoallv_next_bucket", both), strict=True
        )
        return _next_bucket(nearest_and_values), self._received(sent)

    def _received(self, sent: Sequence[_Sent]) -> tuple[np.ndarray, ...]:
        """Return how many items each rank sends to this one, and of each array those items."""
        parts = [slice(starts[self.rank], starts[self.rank + 1]) for starts, _ in sent]
        counts = [part.stop - part.start for part in parts]
        found = [np.array(counts)]
        for arrays in zip(*(arrays for _, arrays in sent), strict=True):
            dtype = arrays[self.rank].dtype
            if [array.dtype for array in arrays].count(dtype) < self.size:
                raise RuntimeError("the ranks send arrays of different dtypes")
            items = [a[part] for a, part, n in zip(arrays, parts, counts, strict=True) if n]
            whole = np.empty(sum(counts), dtype)
            found.append(np.concatenate(items, out=whole) if items else whole)
        return tuple(found)


# Where the items for each rank start, and where those for the last one end; copies of the arrays.
_Sent = tuple[list[int], list[np.ndarray]]


def _sent(counts: np.ndarray, arrays: Sequence[Any]) -> _Sent:
    copies = [array.copy() if isinstance(array, np.ndarray) else array.get() for array in arrays]
    return [0, *accumulate(counts.tolist())], copies


def _next_bucket(brought: Sequence[tuple[float, Sequence[int]]]) -> tuple[float, list[int]]:
    """Return the least of the floats, and the sums of the numbers."""
    nearest, values = zip(*brought, strict=True)
    return min(nearest), [int(sum(column)) for column in zip(*values, strict=True)]


def on_threads(
    size: int, work: Callable[[ThreadComm], T], make: Callable[..., ThreadComm] = ThreadComm
) -> list[T]:
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
        try:
            meeting.take_turn(rank)
            results[rank] = work(make(meeting, rank))
        except threading.BrokenBarrierError as error:
            errors.append(error)
        except BaseException as error:  # raised again below, in the caller's thread
            errors.insert(0, error)
            meeting.abort()
        finally:
            meeting.pass_on()

    threads = [threading.Thread(target=run, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    meeting.pass_on()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
