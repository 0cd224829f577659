"""What the ranks of a search tell each other: everything that crosses a process goes through here.

One process has nobody to tell (`Alone`). What several ranks (`Ranks`) call, all of them call in the
same order. MPI is imported under a launcher alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from graphs.alone import Alone, Traffic

_TAG = 500
# 1: MPI gets arrays on a device as they are. Else they are staged: copied to the host, sent from
# there and received there.
CUDA_AWARE = "SSSP_CUDA_AWARE_MPI"
# What the launchers of MPICH and Intel MPI, PMIx, Open MPI, and Slurm tell each process.
LAUNCHERS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


class Comm(Protocol):
    """The ranks of a job. All calls are collective."""

    rank: int
    size: int
    node_rank: int
    node_size: int
    traffic: Traffic

    def least(self, value: float) -> float:
        """Least of the ranks' values."""

    def most(self, value: float) -> float:
        """Largest of the ranks' values."""

    def total(self, values: Sequence[int] | np.ndarray) -> np.ndarray:
        """Sums over the ranks, int64, one for each value."""

    def all_agree(self, value: bool) -> bool:
        """Is it true on every rank?"""

    def any(self, value: bool) -> bool:
        """Is it true on some rank?"""

    def outlook(self, nearest: float, counts: Sequence[int]) -> tuple[float, list[int]]:
        """Least of the ranks' `nearest`, and the sum of each of their counts (below 2^53)."""

    def gather(self, value: Any) -> list[Any]:
        """Every rank's value, on every rank, in the order of the ranks. For small ones."""

    def first(self, value: Any) -> Any:
        """Rank 0's value, on every rank."""

    def merge(self, flags: np.ndarray) -> np.ndarray:
        """Bitwise or over the ranks of a uint8 array of the same length everywhere."""

    def barrier(self) -> None:
        """Wait for all."""

    def exchange(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """Give every rank its part of each array; returns the counts received, and the arrays.

        counts   int64 (size,)   items for each rank
        arrays   ordered by the rank they go to, any dtype; received ones by where they come from;
                 on the host, or on a device
        """

    def abort(self, code: int) -> None:
        """End the whole job at once."""


class _Parts:
    """The ranks that get or send something: (rank, first item, items) of each, and the total."""

    def __init__(self, counts: list[int]):
        self.total = 0
        self.ranks = []
        for rank, count in enumerate(counts):
            if count:
                self.ranks.append((rank, self.total, count))
                self.total += count


class Ranks:
    """The ranks of an MPI communicator.

    Parameters
    ----------
    mpi_comm : mpi4py.MPI.Comm
    """

    def __init__(self, mpi_comm: Any):
        from mpi4py import MPI

        self.mpi, self.comm = MPI, mpi_comm
        self.rank, self.size = mpi_comm.Get_rank(), mpi_comm.Get_size()
        node = mpi_comm.Split_type(MPI.COMM_TYPE_SHARED)
        self.node_rank, self.node_size = node.Get_rank(), node.Get_size()
        node.Free()
        self.traffic = Traffic()
        self._types: dict[int, Any] = {}

    def _reduce(self, values: Any, dtype: type, operation: Any) -> np.ndarray:
        start = perf_counter()
        result: np.ndarray = np.array(values, dtype)
        self.comm.Allreduce(self.mpi.IN_PLACE, result, op=operation)
        return self._count(start, result)

    def _count(self, start: float, result: Any) -> Any:
        self.traffic.calls += 1
        self.traffic.seconds += perf_counter() - start
        return result

    def least(self, value: float) -> float:
        return float(self._reduce([value], np.float64, self.mpi.MIN)[0])

    def most(self, value: float) -> float:
        return float(self._reduce([value], np.float64, self.mpi.MAX)[0])

    def total(self, values: Sequence[int] | np.ndarray) -> np.ndarray:
        return self._reduce(values, np.int64, self.mpi.SUM)

    def all_agree(self, value: bool) -> bool:
        return bool(self._reduce([value], np.int32, self.mpi.MIN)[0])

    def any(self, value: bool) -> bool:
        return bool(self._reduce([value], np.int32, self.mpi.MAX)[0])

    def outlook(self, nearest: float, counts: Sequence[int]) -> tuple[float, list[int]]:
        start = perf_counter()
        views = np.empty((self.size, 1 + len(counts)), np.float64)
        self.comm.Allgather(np.array([nearest, *counts], np.float64), views)
        self._count(start, None)
        return float(views[:, 0].min()), views[:, 1:].sum(axis=0).astype(np.int64).tolist()

    def gather(self, value: Any) -> list[Any]:
        start = perf_counter()
        return self._count(start, self.comm.allgather(value))

    def first(self, value: Any) -> Any:
        start = perf_counter()
        return self._count(start, self.comm.bcast(value))

    def merge(self, flags: np.ndarray) -> np.ndarray:
        return self._reduce(flags, np.uint8, self.mpi.BOR)

    def barrier(self) -> None:
        start = perf_counter()
        self._count(start, self.comm.Barrier())

    def exchange(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        start = perf_counter()
        sent = np.ascontiguousarray(counts, np.int64)
        received = np.empty(self.size, np.int64)
        self.comm.Alltoall(sent, received)
        here, there = _Parts(sent.tolist()), _Parts(received.tolist())
        waits: list[Any] = []
        results = [received, *(self._swap(array, here, there, waits) for array in arrays)]
        self.mpi.Request.Waitall(waits)
        return self._count(start, tuple(results))

    def _swap(self, array: Any, here: _Parts, there: _Parts, waits: list[Any]) -> Any:
        """Begin to move one array: messages between those who have something for each other."""
        xp, array = _to_send(array)
        size = array.dtype.itemsize
        item = self._items_of(size)
        result = xp.empty(there.total, array.dtype)
        if not here.ranks and not there.ranks:
            return result
        ours = xp.ascontiguousarray(array).view(np.uint8)
        theirs = result.view(np.uint8)
        for rank, first, count in there.ranks:
            if rank != self.rank:
                part = theirs[first * size : (first + count) * size]
                waits.append(self.comm.Irecv([part, count, item], rank, _TAG))
        own = [first for rank, first, _ in there.ranks if rank == self.rank]
        for rank, first, count in here.ranks:
            part = ours[first * size : (first + count) * size]
            if rank == self.rank:
                theirs[own[0] * size : (own[0] + count) * size] = part
            else:
                waits.append(self.comm.Isend([part, count, item], rank, _TAG))
                self.traffic.messages += 1
                self.traffic.bytes += count * size
        return result

    def _items_of(self, size: int) -> Any:
        """MPI's type of an item, so that counts are items: bytes would pass 2^31 sooner."""
        if size not in self._types:
            self._types[size] = self.mpi.BYTE.Create_contiguous(size).Commit()
        return self._types[size]

    def abort(self, code: int) -> None:
        self.comm.Abort(code)


def _to_send(array: Any) -> tuple[Any, Any]:
    """The array as MPI gets it, and the module that makes such arrays."""
    if isinstance(array, np.ndarray):
        return np, array
    if os.environ.get(CUDA_AWARE) != "1":
        return np, array.get()
    import cupy

    # MPI knows nothing of streams: what fills the arrays must be done.
    cupy.cuda.get_current_stream().synchronize()
    return cupy, array


def launched_size() -> int:
    """Ranks that a launcher has told this process of; 1 without one."""
    for name in LAUNCHERS:
        value = os.environ.get(name, "")
        if value.isdigit():
            return int(value)
    return 1


def world() -> Comm:
    """All ranks of this job; `Alone` where no launcher has started several."""
    if launched_size() == 1:
        return Alone()
    from mpi4py import MPI

    return Ranks(MPI.COMM_WORLD)
