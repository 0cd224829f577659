"""Shared: the first 2, 3, ... ranks of one start by mpirun, for what is to be so on any number.

A rank takes a second or two to start. Programs that tests start under mpirun build on this.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.benchmark.warmup import wait_idle
from sssp.mpi_comm import MPIComm


def first_ranks(*sizes: int) -> Iterator[MPIComm]:
    """A comm of the first `size` ranks, size after size.

    The other ranks get none, and wait for these without keeping a core busy.
    """
    from mpi4py import MPI

    everyone = MPIComm(MPI.COMM_WORLD)
    for size in sizes:
        among = everyone.rank < size
        part = everyone.comm.Split(0 if among else MPI.UNDEFINED)
        if among:
            yield MPIComm(part)
        wait_idle(everyone)
