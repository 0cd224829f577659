"""The ranks of an MPI job as a comm (graphs.comm): all that crosses a process goes through here.

MPI is imported only where a launcher has started this process. Arrays on a device travel as
sssp/transport.py chooses; callers do not see which way.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from graphs.comm import Comm, SerialComm, Traffic
from sssp import shared_memory
from sssp.transport import Counts, Transport, choose

if TYPE_CHECKING:
    from mpi4py import MPI
    from numpy.typing import ArrayLike

    from kernels.device import Device

T = TypeVar("T")
_TAG = 500
# What the launchers of MPICH and Intel MPI, PMIx, Open MPI, and Slurm set for each process.
LAUNCHERS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


class MPIComm:
    """The ranks of an MPI communicator.

    Parameters
    ----------
    mpi_comm : mpi4py.MPI.Comm
    """

    def __init__(self, mpi_comm: MPI.Comm):
        from mpi4py import MPI

        self.mpi, self.comm = MPI, mpi_comm
        self.rank, self.size = mpi_comm.Get_rank(), mpi_comm.Get_size()
        self.node = mpi_comm.Split_type(MPI.COMM_TYPE_SHARED)
        self.node_rank, self.node_size = self.node.Get_rank(), self.node.Get_size()
        shared = shared_memory.can_share(self.node)
        self.node_peers = sorted(self.node.allgather(self.rank)) if shared else [self.rank]
        self.traffic = Traffic()
        self._types: dict[int, MPI.Datatype] = {}
        self._device: str | None = None
        self._transport: Transport | None = None

    @property
    def transport(self) -> str | None:
        return None if self._transport is None else self._transport.name

    def attach_device(self, device: Device) -> None:
        # Solvers come and go, the way between their devices stays.
        if not self.allreduce_and(self._device == device.bus_id()):
            self._transport = choose(self, device)
            self._device = device.bus_id()

    def shared_zeros(self, count: int, dtype: np.dtype) -> np.ndarray:
        return shared_memory.together(self.node, count, dtype)

    def _reduce(self, values: ArrayLike, dtype: type, operation: MPI.Op) -> np.ndarray:
        start = perf_counter()
        result: np.ndarray = np.array(values, dtype)
        self.comm.Allreduce(self.mpi.IN_PLACE, result, op=operation)
        return self._count(start, result)

    def _count(self, start: float, result: T) -> T:
        self.traffic.calls += 1
        self.traffic.seconds += perf_counter() - start
        return result

    def allreduce_min(self, value: float) -> float:
        return float(self._reduce([value], np.float64, self.mpi.MIN)[0])

    def allreduce_max(self, value: float) -> float:
        return float(self._reduce([value], np.float64, self.mpi.MAX)[0])

    def allreduce_sum(self, values: Sequence[int] | np.ndarray) -> np.ndarray:
        return self._reduce(values, np.int64, self.mpi.SUM)

    def allreduce_minimum(self, values: np.ndarray) -> np.ndarray:
        return self._reduce(values, values.dtype.type, self.mpi.MIN)

    def allreduce_and(self, value: bool) -> bool:
        return bool(self._reduce([value], np.int32, self.mpi.MIN)[0])

    def allreduce_or(self, value: bool) -> bool:
        return bool(self._reduce([value], np.int32, self.mpi.MAX)[0])

    def next_bucket(self, nearest: float, values: Sequence[int]) -> tuple[float, list[int]]:
        none = np.zeros(self.size, np.int64)
        return self.alltoallv_next_bucket(nearest, values, none)[0]

    def allgather(self, value: T) -> list[T]:
        start = perf_counter()
        return self._count(start, self.comm.allgather(value))

    def bcast(self, value: T) -> T:
        start = perf_counter()
        return self._count(start, self.comm.bcast(value))

    def allreduce_bor(self, flags: np.ndarray) -> np.ndarray:
        return self._reduce(flags, np.uint8, self.mpi.BOR)

    def barrier(self) -> None:
        start = perf_counter()
        self.comm.Barrier()
        self._count(start, None)

    def alltoallv(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        return self.alltoallv_next_bucket(0.0, (), counts, *arrays)[1]

    def alltoallv_next_bucket(
        self, nearest: float, values: Sequence[int], counts: np.ndarray, *arrays: np.ndarray
    ) -> tuple[tuple[float, list[int]], tuple[np.ndarray, ...]]:
        start = perf_counter()
        # A line for each rank: how many items it is sent, and what all receive. Doubles hold these.
        sent = np.empty((self.size, 2 + len(values)))
        sent[:, 0] = counts
        sent[:, 1:] = nearest, *values
        lines = np.empty_like(sent)
        self.comm.Alltoall(sent, lines)
        received = lines[:, 0].astype(np.int64)
        seen = np.add.reduce(lines[:, 2:]).astype(np.int64).tolist()
        bucket = float(np.minimum.reduce(lines[:, 1])), seen
        here, there = Counts(counts.tolist()), Counts(received.tolist())
        if all(isinstance(array, np.ndarray) for array in arrays):
            results = self._swap(arrays, here, there)
        else:
            assert self._transport is not None, "arrays on a device before attach"
            results = self._transport.swap(arrays, here, there)
        return bucket, self._count(start, (received, *results))

    def _swap(self, arrays: Sequence[np.ndarray], here: Counts, there: Counts) -> list[np.ndarray]:
        results = [np.empty(there.total, array.dtype) for array in arrays]
        self.move([np.ascontiguousarray(array) for array in arrays], results, here, there)
        return results

    def move(self, ours: Sequence[Any], theirs: Sequence[Any], here: Counts, there: Counts) -> None:
        """Messages between ranks that have something for each other; for arrays MPI can read."""
        waits: list[MPI.Request] = []
        if here.ranks or there.ranks:
            for array, result in zip(ours, theirs, strict=True):
                item = array.dtype.itemsize
                self._begin(array.view(np.uint8), result.view(np.uint8), item, here, there, waits)
        self.mpi.Request.Waitall(waits)

    def _begin(
        self,
        ours: Any,
        theirs: Any,
        size: int,
        here: Counts,
        there: Counts,
        waits: list[MPI.Request],
    ) -> None:
        """Begin to move the bytes of one array, `size` an item."""
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

    def _items_of(self, size: int) -> MPI.Datatype:
        """MPI's type of an item, so that counts are items: bytes would pass 2^31 sooner."""
        if size not in self._types:
            self._types[size] = self.mpi.BYTE.Create_contiguous(size).Commit()
        return self._types[size]

    def abort(self, code: int) -> None:
        self.comm.Abort(code)


def launched_size() -> int:
    """Ranks by the environment that a launcher has set; 1 without one."""
    for name in LAUNCHERS:
        value = os.environ.get(name, "")
        if value.isdigit():
            return int(value)
    return 1


def world() -> Comm:
    """All ranks of this job; `SerialComm` where no launcher has started several."""
    if launched_size() == 1:
        return SerialComm()
    from mpi4py import MPI

    return MPIComm(MPI.COMM_WORLD)
