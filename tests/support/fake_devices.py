"""Shared: arrays on devices, and NCCL, made of host arrays and MPI.

Programs that tests start under mpirun build on this.
"""

from __future__ import annotations

import ctypes
import os

import numpy as np
from shim import ShimDevice

from sssp import transport

WAYS = ("NCCL", "CUDA-aware MPI", "staged")


class Elsewhere:
    """An array on a device: no numpy array, and of no use to MPI."""

    def __init__(self, array):
        self.dtype, self._array = array.dtype, array

    def __len__(self):
        return len(self._array)

    def __array__(self, dtype=None, copy=None):
        return self._array


class OwnDevice(ShimDevice):
    """The host shim, at the place of a device that no other rank has."""

    def __init__(self, rank):
        super().__init__()
        self._rank = rank

    def bus_id(self):
        return f"0000:{self._rank:02x}:00.0"


class NCCLByMPI:
    """What is called of cupy.cuda.nccl; all sends and receives of a group start at its end."""

    NCCL_UINT8 = 1

    def __init__(self, comm):
        from mpi4py import MPI

        self.mpi, self.comm = MPI, comm.comm.Dup()
        self.groups = 0
        self.group: list | None = None

    def get_unique_id(self):
        return ("id", self.comm.Get_rank())

    def NcclCommunicator(self, size, name, rank):
        assert name == ("id", 0), "rank 0's id makes the communicator"
        assert (size, rank) == (self.comm.Get_size(), self.comm.Get_rank())
        return self

    def groupStart(self):
        assert self.group is None
        self.group = []

    def send(self, pointer, count, dtype, peer, stream):
        self._add(self.comm.Isend, pointer, count, dtype, peer)

    def recv(self, pointer, count, dtype, peer, stream):
        self._add(self.comm.Irecv, pointer, count, dtype, peer)

    def _add(self, start, pointer, count, dtype, peer):
        assert dtype == self.NCCL_UINT8 and count > 0 and peer != self.comm.Get_rank()
        memory = np.ctypeslib.as_array((ctypes.c_uint8 * count).from_address(pointer))
        assert self.group is not None
        self.group.append((start, memory, peer))

    def groupEnd(self):
        assert self.group is not None
        self.mpi.Request.Waitall([start(memory, peer) for start, memory, peer in self.group])
        self.groups, self.group = self.groups + 1, None


def device_of(comm, way):
    """A device of this rank, from which arrays go one of WAYS: shared by all, but for NCCL."""
    nccl = NCCLByMPI(comm) if way == "NCCL" else None
    transport._nccl = lambda: nccl
    os.environ[transport.CUDA_AWARE] = "1" if way == "CUDA-aware MPI" else "0"
    return OwnDevice(comm.rank) if way == "NCCL" else ShimDevice()
