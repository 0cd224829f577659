"""How arrays on a device get from rank to rank: the device part of the comm.

Ranks that have a device each, and NCCL, leave it to NCCL: grouped sends and receives on the
device's stream. Else an MPI that is CUDA-aware gets the arrays where they are. Else, as where two
ranks share a device, they are staged: copied to pinned host memory, sent from there and received
there. All ranks go the same way. Counts pass through the host on each.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from graphs.comm import Comm
from sssp.hosts import machine_id

if TYPE_CHECKING:
    from kernels.device import Device

# 1: MPI is CUDA-aware; 0: it is not. Else it is asked.
CUDA_AWARE = "SSSP_CUDA_AWARE_MPI"
# 0: NCCL is not taken.
NCCL_ALLOWED = "SSSP_NCCL"
_PINNED_BYTES = 1 << 16
_ALIGNED = 16


class Counts:
    """The ranks that get or send something: (rank, first item, items) of each, and the total."""

    def __init__(self, counts: list[int]):
        self.total = 0
        self.ranks = []
        for rank, count in enumerate(counts):
            if count:
                self.ranks.append((rank, self.total, count))
                self.total += count


class RankMessages(Comm, Protocol):
    """A comm that can also send plain messages; the ranks of MPI do."""

    def move(
        self, ours: Sequence[Any], theirs: Sequence[Any], here: Counts, there: Counts
    ) -> None: ...


class Transport(Protocol):
    """Takes arrays on a device to the other ranks, and brings theirs."""

    name: str

    def swap(self, arrays: Sequence[Any], here: Counts, there: Counts) -> list[Any]:
        """Give every rank its part of each array; returns what came, on the device.

        here, there   what this rank has for each rank, and each has for it
        """


class Staged:
    """Through pinned memory of the host, which is kept and grown."""

    name = "staged"

    def __init__(self, comm: RankMessages, device: Device):
        self.comm, self.device = comm, device
        self._pinned = [device.pinned(_PINNED_BYTES, np.uint8) for _ in range(2)]

    def swap(self, arrays: Sequence[Any], here: Counts, there: Counts) -> list[Any]:
        xp = self.device.xp
        arrays = [xp.ascontiguousarray(array) for array in arrays]
        results = [xp.empty(there.total, array.dtype) for array in arrays]
        ours, theirs = self._like(0, arrays), self._like(1, results)
        # Each copy is complete when it returns: the memory is free for the next exchange.
        if here.total:
            for array, staged in zip(arrays, ours, strict=True):
                self.device.read(array, staged)
        self.comm.move(ours, theirs, here, there)
        if there.total:
            for staged, result in zip(theirs, results, strict=True):
                self.device.write(staged, result)
        return results

    def _like(self, which: int, arrays: Sequence[Any]) -> list[np.ndarray]:
        """Pinned arrays of the same lengths and types, side by side."""
        starts = np.cumsum([0, *(-(-array.nbytes // _ALIGNED) * _ALIGNED for array in arrays)])
        pinned = self._pinned[which]
        if starts[-1] > len(pinned):
            pinned = self.device.pinned(max(int(starts[-1]), 2 * len(pinned)), np.uint8)
            self._pinned[which] = pinned
        return [
            pinned[start : start + array.nbytes].view(array.dtype)
            for start, array in zip(starts[:-1].tolist(), arrays, strict=True)
        ]


class CUDAAware:
    """By an MPI that reads and writes the memory of devices."""

    name = "CUDA-aware MPI"

    def __init__(self, comm: RankMessages, device: Device):
        self.comm, self.device = comm, device

    def swap(self, arrays: Sequence[Any], here: Counts, there: Counts) -> list[Any]:
        xp = self.device.xp
        arrays = [xp.ascontiguousarray(array) for array in arrays]
        results = [xp.empty(there.total, array.dtype) for array in arrays]
        # MPI knows nothing of streams: what fills the ones, and what used the memory of the others
        # before, must be done.
        self.device.synchronize()
        self.comm.move(arrays, results, here, there)
        return results


class NCCL:
    """By NCCL, from device to device.

    Parameters
    ----------
    communicator : cupy.cuda.nccl.NcclCommunicator
    nccl : module
        cupy.cuda.nccl.
    """

    name = "NCCL"

    def __init__(self, comm: RankMessages, device: Device, communicator: Any, nccl: Any):
        self.comm, self.device = comm, device
        self._communicator, self._nccl = communicator, nccl

    def swap(self, arrays: Sequence[Any], here: Counts, there: Counts) -> list[Any]:
        xp = self.device.xp
        arrays = [xp.ascontiguousarray(array) for array in arrays]
        results = [xp.empty(there.total, array.dtype) for array in arrays]
        if not here.ranks and not there.ranks:
            return results
        self._nccl.groupStart()
        for array, result in zip(arrays, results, strict=True):
            self._begin(array, result, here, there)
        self._nccl.groupEnd()
        # Or the seconds of an exchange would be those of its start.
        self.device.synchronize()
        return results

    def _begin(self, array: Any, result: Any, here: Counts, there: Counts) -> None:
        """Receive into one array of the group, and send from one."""
        size, kind, stream = array.dtype.itemsize, self._nccl.NCCL_UINT8, self.device.stream()
        pointer, own = self.device.pointer(result), self.comm.rank
        for rank, first, count in there.ranks:
            if rank != own:
                place = pointer + first * size
                self._communicator.recv(place, count * size, kind, rank, stream)
        pointer = self.device.pointer(array)
        mine = [first for rank, first, _ in there.ranks if rank == own]
        for rank, first, count in here.ranks:
            if rank == own:
                result[mine[0] : mine[0] + count] = array[first : first + count]
                continue
            place = pointer + first * size
            self._communicator.send(place, count * size, kind, rank, stream)
            self.comm.traffic.messages += 1
            self.comm.traffic.bytes += count * size


def choose(comm: RankMessages, device: Device) -> Transport:
    """The way for these ranks, each with its device; collective, the same on all."""
    apart = len(set(comm.allgather((machine_id(), device.bus_id())))) == comm.size
    if apart:
        found = _by_nccl(comm, device)
        if found is not None:
            return found
    asked = os.environ.get(CUDA_AWARE)
    # Two ranks that share a device are trusted to MPI only where the user does so.
    aware = asked == "1" or (asked != "0" and apart and _mpi_is_aware())
    return CUDAAware(comm, device) if comm.allreduce_and(aware) else Staged(comm, device)


def _by_nccl(comm: RankMessages, device: Device) -> Transport | None:
    """NCCL, or None on all ranks where one of them lacks it or cannot start it."""
    nccl = _nccl()
    if not comm.allreduce_and(nccl is not None):
        return None
    name = None
    if comm.rank == 0:
        with contextlib.suppress(RuntimeError):
            name = nccl.get_unique_id()
    name = comm.bcast(name)
    if name is None:
        return None
    communicator = None
    with contextlib.suppress(RuntimeError):
        communicator = nccl.NcclCommunicator(comm.size, name, comm.rank)
    if comm.allreduce_and(communicator is not None):
        return NCCL(comm, device, communicator, nccl)
    if communicator is not None:
        communicator.abort()
    return None


def _nccl() -> Any:
    """CuPy's NCCL, None where it or the library is not installed."""
    if os.environ.get(NCCL_ALLOWED) == "0":
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # CuPy warns of a library that need not be there
            from cupy.cuda import nccl
    except ImportError:
        return None
    return nccl if nccl.available else None


def _mpi_is_aware() -> bool:
    """Does the MPI library say so? Open MPI and MPICH, and what comes of them, can be asked."""
    from mpi4py import MPI

    try:
        # Looked up in the libraries that mpi4py is linked to, too.
        return bool(ctypes.CDLL(MPI.__file__).MPIX_Query_cuda_support())
    except (OSError, AttributeError):
        return False
