"""The network between ranks, measured: `mpirun -n P python -m benchmarks.scaling_wires`.

Rank 0 prints one JSON object of seconds, medians of many calls; `wires` turns it into the inputs of
`scaling_model.py`.

    ranks
    reduce      an all-reduce of 8 bytes
    ping        [bytes, one way] of a message between ranks 0 and the last, a ping-pong halved
    swap        [bytes a pair, call] of an all-to-all in which every rank sends that to every other
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from benchmarks.flags import parser_of
from benchmarks.scaling_model import Wires

if TYPE_CHECKING:
    from mpi4py import MPI

SIZES = tuple(8 * 4**power for power in range(10))  # 8 bytes to 2 MiB
# Enough calls for a median, few enough for ranks that share cores.
CALLS = 200
MOST_BYTES = 2**24  # of a rank, in one call
_TAG = 7


class Measured(TypedDict):
    """What `measure` returns, and a file of wires holds."""

    ranks: int
    reduce: float
    ping: list[list[float]]
    swap: list[list[float]]


def measure(comm: MPI.Comm) -> Measured:
    """Return what is described above; collective."""
    one = np.zeros(1)
    sizes = [size for size in SIZES if size * comm.size <= MOST_BYTES]
    return {
        "ranks": comm.size,
        "reduce": _median(comm, lambda: comm.Allreduce(one.copy(), one)),
        "ping": [[size, _ping(comm, size)] for size in sizes],
        "swap": [[size, _swap(comm, size)] for size in sizes],
    }


def _median(comm: MPI.Comm, call: Callable[[], Any]) -> float:
    call()
    seconds = []
    for _ in range(CALLS):
        comm.Barrier()
        start = perf_counter()
        call()
        seconds.append(perf_counter() - start)
    return float(statistics.median(seconds))


def _ping(comm: MPI.Comm, size: int) -> float:
    buffer, last = np.zeros(size, np.uint8), comm.size - 1

    def there_and_back() -> None:
        if comm.rank == 0:
            comm.Send(buffer, last, _TAG)
            comm.Recv(buffer, last, _TAG)
        elif comm.rank == last:
            comm.Recv(buffer, 0, _TAG)
            comm.Send(buffer, 0, _TAG)

    return _median(comm, there_and_back) / 2


def _swap(comm: MPI.Comm, size: int) -> float:
    sent = np.zeros(size * comm.size, np.uint8)
    received = np.empty_like(sent)
    counts = np.full(comm.size, size)
    starts = counts * np.arange(comm.size)
    from mpi4py import MPI

    return _median(
        comm,
        lambda: comm.Alltoallv(
            [sent, counts, starts, MPI.BYTE], [received, counts, starts, MPI.BYTE]
        ),
    )


def wires(measured: Measured) -> Wires:
    """Return the inputs of the model: what `measure` found between the ranks of one job.

    A step of a small collective is a step of the reduction; a message costs what the smallest
    all-to-all takes for each of its other ranks; the bandwidth is that of the all-to-all that moved
    most bytes a second, its own data left out.
    """
    others = measured["ranks"] - 1
    if others == 0:
        raise ValueError("one rank has no wires")
    return Wires(
        latency=measured["reduce"] / math.ceil(math.log2(measured["ranks"])),
        overhead=measured["swap"][0][1] / others,
        bandwidth=max(size * others / seconds for size, seconds in measured["swap"]),
    )


def main() -> int:
    parser_of("scaling_wires", __doc__).parse_args()
    from mpi4py import MPI

    if MPI.COMM_WORLD.size == 1:
        print("scaling_wires: one rank has no wires; take mpirun -n P", file=sys.stderr)
        return 2
    found = measure(MPI.COMM_WORLD)
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
