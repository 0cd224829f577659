"""What ranks call to work together: the protocol, and the comm of one process.

Building a graph and searching it are written once, against `Comm`; a search on one process is a
search on one rank, `SerialComm`. The ranks of MPI are in sssp.mpi_comm, ranks as threads of one
process in graphs.thread_comm. Names are those of MPI, in lower case as in mpi4py.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from kernels.device import Device

T = TypeVar("T")


@dataclass
class Traffic:
    """What this rank has sent to the others, and the time it has spent in collective calls.

    messages   arrays sent to another rank; empty ones are not counted
    bytes      bytes in these messages
    calls      collective calls
    seconds    time in collective calls
    parts      bytes by purpose, where the sender names one
    """

    messages: int = 0
    bytes: int = 0
    calls: int = 0
    seconds: float = 0.0
    parts: dict[str, int] = field(default_factory=dict)

    def of(self, part: str) -> AbstractContextManager[None]:
        """Count the bytes sent in this block for one purpose."""
        return _Part(self, part)


class _Part:
    """The block of `Traffic.of`: a generator would take longer than what a round does besides."""

    __slots__ = ("_before", "_name", "_traffic")

    def __init__(self, traffic: Traffic, name: str):
        self._traffic, self._name = traffic, name

    def __enter__(self) -> None:
        self._before = self._traffic.bytes

    def __exit__(self, *_: object) -> None:
        parts, sent = self._traffic.parts, self._traffic.bytes - self._before
        parts[self._name] = parts.get(self._name, 0) + sent


class Comm(Protocol):
    """The ranks of a job. Every call is collective: all ranks make the same calls in one order.

    rank, size             this rank, and the number of ranks
    node_rank, node_size   the same among the ranks of this node
    node_peers             ranks whose memory this one can read, itself included, ascending
    transport              how arrays on a device travel; None before `attach_device`
    traffic                what this rank has sent so far
    """

    rank: int
    size: int
    node_rank: int
    node_size: int
    traffic: Traffic

    @property
    def transport(self) -> str | None: ...

    @property
    def node_peers(self) -> list[int]: ...

    def attach_device(self, device: Device) -> None:
        """Choose how arrays on the ranks' devices travel. Comes before the first of them."""

    def shared_zeros(self, count: int, dtype: np.dtype) -> np.ndarray:
        """Zeros, (count,), that all node peers see. Collective among the node peers only.

        Raises MemoryError or EngineError on all of them where one cannot have it. Ranks of other
        nodes do not learn of it, so the job has to end.
        """

    def allreduce_min(self, value: float) -> float:
        """Minimum of the ranks' values."""

    def allreduce_max(self, value: float) -> float:
        """Maximum of the ranks' values."""

    def allreduce_sum(self, values: Sequence[int] | np.ndarray) -> np.ndarray:
        """Sum over the ranks of each value, int64."""

    def allreduce_minimum(self, values: np.ndarray) -> np.ndarray:
        """Minimum of the ranks' elements at each place of an array as long on all of them.

        Of unsigned integers; it may be the array that was given.
        """

    def allreduce_and(self, value: bool) -> bool:
        """Is it true on every rank?"""

    def allreduce_or(self, value: bool) -> bool:
        """Is it true on any rank?"""

    def allreduce_bor(self, flags: np.ndarray) -> np.ndarray:
        """Bitwise or over the ranks of a uint8 array that has the same length on all."""

    def allgather(self, value: T) -> list[T]:
        """Every rank's value, in the order of the ranks. For small objects."""

    def bcast(self, value: T) -> T:
        """Rank 0's value."""

    def barrier(self) -> None:
        """Wait for all ranks."""

    def alltoallv(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """Send every rank its part of each array; returns the received counts, and the arrays.

        counts   int64 (size,)   items for each rank
        arrays   ordered by the receiving rank, any dtype; received ones by the sending rank.
                 All on the host, or all on the attached devices; so are the received ones
        """

    def next_bucket(self, nearest: float, values: Sequence[int]) -> tuple[float, list[int]]:
        """Minimum of the ranks' `nearest`, and the sum of each value, which is below 2^53."""

    def alltoallv_next_bucket(
        self, nearest: float, values: Sequence[int], counts: np.ndarray, *arrays: np.ndarray
    ) -> tuple[tuple[float, list[int]], tuple[np.ndarray, ...]]:
        """What `next_bucket` and `alltoallv` return, by one collective call."""

    def abort(self, code: int) -> None:
        """End the whole job at once with exit status `code`."""


@dataclass
class SerialComm:
    """One process: every call returns what it is given."""

    rank: int = 0
    size: int = 1
    node_rank: int = 0
    node_size: int = 1
    traffic: Traffic = field(default_factory=Traffic)

    @property
    def transport(self) -> str | None:
        return None

    @property
    def node_peers(self) -> list[int]:
        return [self.rank]

    def attach_device(self, device: Device) -> None:
        pass

    def shared_zeros(self, count: int, dtype: np.dtype) -> np.ndarray:
        return np.zeros(count, dtype)

    def allreduce_min(self, value: float) -> float:
        return value

    def allreduce_max(self, value: float) -> float:
        return value

    def allreduce_sum(self, values: Sequence[int] | np.ndarray) -> np.ndarray:
        return np.array(values, np.int64)

    def allreduce_minimum(self, values: np.ndarray) -> np.ndarray:
        return values

    def allreduce_and(self, value: bool) -> bool:
        return value

    def allreduce_or(self, value: bool) -> bool:
        return value

    def next_bucket(self, nearest: float, counts: Sequence[int]) -> tuple[float, list[int]]:
        return nearest, list(counts)

    def allgather(self, value: T) -> list[T]:
        return [value]

    def bcast(self, value: T) -> T:
        return value

    def allreduce_bor(self, flags: np.ndarray) -> np.ndarray:
        return flags

    def barrier(self) -> None:
        pass

    def alltoallv(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        return (counts, *arrays)

    def alltoallv_next_bucket(
        self, nearest: float, values: Sequence[int], counts: np.ndarray, *arrays: np.ndarray
    ) -> tuple[tuple[float, list[int]], tuple[np.ndarray, ...]]:
        return self.next_bucket(nearest, values), self.alltoallv(counts, *arrays)

    def abort(self, code: int) -> None:
        raise SystemExit(code)
