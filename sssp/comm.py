"""What the ranks of a search tell each other: everything that crosses a process goes through here.

One process has nobody to tell (`Alone`). What several ranks (`Ranks`) call, all of them call in the
same order. MPI is imported under a launcher alone. Arrays on a device go the way that
sssp/transport.py chooses, and no caller knows which.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from graphs.alone import Alone, Traffic
from sssp import shared_memory
from sssp.transport import Parts, Transport, choose

if TYPE_CHECKING:
    from kernels.device import Device

_TAG = 500
# What the launchers of MPICH and Intel MPI, PMIx, Open MPI, and Slurm tell each process.
LAUNCHERS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


class Comm(Protocol):
    """The ranks of a job. All calls are collective.

    transport   how arrays on a device travel; None before `attach`
    neighbours  the ranks whose memory this one can read, itself included, ascending
    """

    rank: int
    size: int
    node_rank: int
    node_size: int
    traffic: Traffic

    @property
    def transport(self) -> str | None: ...

    @property
    def neighbours(self) -> list[int]: ...

    def attach(self, device: Device) -> None:
        """Choose how arrays on the ranks' devices travel; before the first one does."""

    def together(self, count: int, dtype: np.dtype) -> np.ndarray:
        """Zeros, (count,), that all neighbours see; collective among them.

        MemoryError or EngineError on all of them where one cannot have it: end the job, other ranks
        do not know.
        """

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

    def outlook(self, nearest: float, values: Sequence[int]) -> tuple[float, list[int]]:
        """Least of the ranks' `nearest`, and the sum of each of their values (below 2^53)."""

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
                 all on the host, or on the devices that were attached, and so are those received
        """

    def exchange_and_look(
        self, nearest: float, values: Sequence[int], counts: np.ndarray, *arrays: np.ndarray
    ) -> tuple[tuple[float, list[int]], tuple[np.ndarray, ...]]:
        """What `outlook` and `exchange` return, by one collective call."""

    def abort(self, code: int) -> None:
        """End the whole job at once."""


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
        self.node = mpi_comm.Split_type(MPI.COMM_TYPE_SHARED)
        self.node_rank, self.node_size = self.node.Get_rank(), self.node.Get_size()
        shared = shared_memory.can_share(self.node)
        self.neighbours = sorted(self.node.allgather(self.rank)) if shared else [self.rank]
        self.traffic = Traffic()
        self._types: dict[int, Any] = {}
        self._device: str | None = None
        self._transport: Transport | None = None

    @property
    def transport(self) -> str | None:
        return None if self._transport is None else self._transport.name

    def attach(self, device: Device) -> None:
        # Solvers come and go, the way between their devices stays.
        if not self.all_agree(self._device == device.bus_id()):
            self._transport = choose(self, device)
            self._device = device.bus_id()

    def together(self, count: int, dtype: np.dtype) -> np.ndarray:
        return shared_memory.together(self.node, count, dtype)

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

    def outlook(self, nearest: float, values: Sequence[int]) -> tuple[float, list[int]]:
        none = np.zeros(self.size, np.int64)
        return self.exchange_and_look(nearest, values, none)[0]

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
        return self.exchange_and_look(0.0, (), counts, *arrays)[1]

    def exchange_and_look(
        self, nearest: float, values: Sequence[int], counts: np.ndarray, *arrays: np.ndarray
    ) -> tuple[tuple[float, list[int]], tuple[np.ndarray, ...]]:
        start = perf_counter()
        # A line for each rank: how many it is sent, and what all are told. Doubles hold these.
        sent = np.empty((self.size, 2 + len(values)))
        sent[:, 0] = counts
        sent[:, 1:] = nearest, *values
        lines = np.empty_like(sent)
        self.comm.Alltoall(sent, lines)
        received = lines[:, 0].astype(np.int64)
        seen = np.add.reduce(lines[:, 2:]).astype(np.int64).tolist()
        outlook = float(np.minimum.reduce(lines[:, 1])), seen
        here, there = Parts(counts.tolist()), Parts(received.tolist())
        if all(isinstance(array, np.ndarray) for array in arrays):
            results = self._swap(arrays, here, there)
        else:
            assert self._transport is not None, "arrays on a device before attach"
            results = self._transport.swap(arrays, here, there)
        return outlook, self._count(start, (received, *results))

    def _swap(self, arrays: Sequence[np.ndarray], here: Parts, there: Parts) -> list[np.ndarray]:
        results = [np.empty(there.total, array.dtype) for array in arrays]
        self.move([np.ascontiguousarray(array) for array in arrays], results, here, there)
        return results

    def move(self, ours: Sequence[Any], theirs: Sequence[Any], here: Parts, there: Parts) -> None:
        """Messages between those who have something for each other; for arrays MPI can read."""
        waits: list[Any] = []
        if here.ranks or there.ranks:
            for array, result in zip(ours, theirs, strict=True):
                item = array.dtype.itemsize
                self._begin(array.view(np.uint8), result.view(np.uint8), item, here, there, waits)
        self.mpi.Request.Waitall(waits)

    def _begin(
        self, ours: Any, theirs: Any, size: int, here: Parts, there: Parts, waits: list[Any]
    ) -> None:
        """Begin to move the bytes of one array, of so many an item."""
        item = self._items_of(size)
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

    def _items_of(self, size: int) -> Any:
        """MPI's type of an item, so that counts are items: bytes would pass 2^31 sooner."""
        if size not in self._types:
            self._types[size] = self.mpi.BYTE.Create_contiguous(size).Commit()
        return self._types[size]

    def abort(self, code: int) -> None:
        self.comm.Abort(code)


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
