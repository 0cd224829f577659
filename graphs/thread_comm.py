"""Ranks as threads of one process, without MPI: for compiling ahead of a run, and for tests.

One rank runs at a time, from one collective call to the next, because the threads of numba belong
to one caller at a time. The last rank that comes to a call does it for all of them, while the
others wait; what they receive are copies, so a sender may go on to change its arrays.
"""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from operator import is_, itemgetter
from typing import Any, TypeVar

import numpy as np

from graphs.comm import SerialComm

T = TypeVar("T")


class Meeting:
    """Where the ranks meet for a collective call: each brings a value, and takes what it receives.

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
        self._calls = [""] * size
        self._brought: list[Any] = [None] * size
        self._received: list[Any] = [None] * size

    def meet(
        self, rank: int, call: str, value: Any, together: Callable[[list[Any]], list[Any]]
    ) -> Any:
        """Bring a value; returns this rank's part of what `together` makes of the values of all.

        The last rank that comes calls it: `together` gets a value of each rank, and returns what
        each receives, which is no part of what another one has brought.

        Raises
        ------
        RuntimeError
            The ranks make different calls. MPI would hang, or mix up their data.
        """
        if self._broken:
            raise threading.BrokenBarrierError("a rank has ended, or failed, before the others")
        self._calls[rank], self._brought[rank] = call, value
        if len(self._arrived) < self.size - 1:
            self._arrived.append(rank)
            self.pass_on()
            self.take_turn(rank)
        else:
            if self._calls.count(call) < self.size:
                calls = ", ".join(sorted({*self._calls}))
                raise RuntimeError(f"the ranks make different calls: {calls}")
            self._received = together(self._brought)
            self._brought = [None] * self.size
            self._all_ready()
        received, self._received[rank] = self._received[rank], None
        return received

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

    def _all_ready(self) -> None:
        self._ready.extend(self._arrived)
        self._arrived.clear()


_UNCHANGING = frozenset({type(None), bool, int, float, str})


def _copy(value: Any) -> Any:
    """Return a copy, as deepcopy does, which takes most of a search's time on many ranks."""
    if type(value) in _UNCHANGING or isinstance(value, np.generic):
        return value
    if type(value) is np.ndarray and not value.dtype.hasobject:
        return value.copy()
    if isinstance(value, tuple):
        items = tuple(map(_copy, value))
        if all(map(is_, items, value)):
            return value
        if type(value) is tuple:
            return items
    if type(value) is list:
        return value.copy() if _UNCHANGING.issuperset(map(type, value)) else [*map(_copy, value)]
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
        return self._combined("allreduce_min", value, min)

    def allreduce_max(self, value: float) -> float:
        return self._combined("allreduce_max", value, max)

    def allreduce_sum(self, values: Sequence[int] | np.ndarray) -> np.ndarray:
        return self._combined("allreduce_sum", np.array(values, np.int64), np.add.reduce)

    def allreduce_minimum(self, values: np.ndarray) -> np.ndarray:
        return self._combined("allreduce_minimum", values, np.minimum.reduce)

    def allreduce_and(self, value: bool) -> bool:
        return self._combined("allreduce_and", value, all)

    def allreduce_or(self, value: bool) -> bool:
        return self._combined("allreduce_or", value, any)

    def allreduce_bor(self, flags: np.ndarray) -> np.ndarray:
        return self._combined("allreduce_bor", flags, np.bitwise_or.reduce)

    def allgather(self, value: T) -> list[T]:
        return self._combined("allgather", value, list)

    def bcast(self, value: T) -> T:
        return self._combined("bcast", value if self.rank == 0 else None, itemgetter(0))

    def barrier(self) -> None:
        self._combined("barrier", None, itemgetter(0))

    def next_bucket(self, nearest: float, values: Sequence[int]) -> tuple[float, list[int]]:
        return self._meet("next_bucket", (nearest, values), _next_bucket)

    def _combined(self, call: str, value: Any, combine: Callable[[list[Any]], Any]) -> Any:
        """Bring a value; returns a copy of what `combine` makes of the values of all ranks."""
        return self._meet(call, value, partial(_for_each, combine))

    def _meet(self, call: str, value: Any, together: Callable[[list[Any]], list[Any]]) -> Any:
        return self.meeting.meet(self.rank, call, value, together)

    def alltoallv(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._meet("alltoallv", (counts, *_on_host(arrays)), _exchanged)

    def alltoallv_next_bucket(
        self, nearest: float, values: Sequence[int], counts: np.ndarray, *arrays: np.ndarray
    ) -> tuple[tuple[float, list[int]], tuple[np.ndarray, ...]]:
        both = (nearest, values), (counts, *_on_host(arrays))
        return self._meet("alltoallv_next_bucket", both, _exchanged_next_bucket)


def _for_each(combine: Callable[[list[Any]], Any], brought: list[Any]) -> list[Any]:
    combined = combine(brought)
    return [_copy(combined) for _ in brought]


def _next_bucket(brought: Sequence[tuple[float, Sequence[int]]]) -> list[tuple[float, list[int]]]:
    """Return the least of the floats, and the sums of the numbers, for each rank."""
    nearest, values = zip(*brought, strict=True)
    least, sums = min(nearest), [int(sum(column)) for column in zip(*values, strict=True)]
    return [(least, sums.copy()) for _ in brought]


def _on_host(arrays: Sequence[Any]) -> list[np.ndarray]:
    return [array if isinstance(array, np.ndarray) else array.get() for array in arrays]


def _exchanged(brought: Sequence[tuple[np.ndarray, ...]]) -> list[tuple[np.ndarray, ...]]:
    """Return what each rank receives of the counts and arrays that all send; see `Comm`."""
    size = len(brought)
    counts, *sent = zip(*brought, strict=True)
    from_each = np.array(counts, np.int64).T.copy()  # a line for each receiver
    ends = [0, *from_each.sum(axis=1).cumsum().tolist()]
    # The items as they were sent, in the order of those who receive them.
    receivers = np.tile(np.arange(size, dtype=np.uint16), size)
    order = np.repeat(receivers, from_each.T.ravel()).argsort(kind="stable")
    received = [list(from_each)]
    for arrays in sent:
        dtype = arrays[0].dtype
        if [array.dtype for array in arrays].count(dtype) < size:
            raise RuntimeError("the ranks send arrays of different dtypes")
        items = np.concatenate(arrays, out=np.empty(len(order), dtype))[order]
        received.append([items[begin:end] for begin, end in pairwise(ends)])
    return list(zip(*received, strict=True))


def _exchanged_next_bucket(brought: Sequence[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    buckets, sent = zip(*brought, strict=True)
    return list(zip(_next_bucket(buckets), _exchanged(sent), strict=True))


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
