"""How many threads the kernels use, and on which cores.

Where a search uses every core this process may run on, each of its threads is bound to one of
them. Left alone, the scheduler wakes a thread on the core of the thread that wakes it, and with
rounds of a tenth of a millisecond it does not move them apart again: two threads then take as long
as one. Processes that share their cores stay in balance, since each has a thread on every core.
The user's own binding (OMP_PROC_BIND, OMP_PLACES, GOMP_CPU_AFFINITY) counts.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

import numba
import numpy as np
from numba import prange, types

from kernels.compile import njit

_BINDINGS = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY")
_gettid = types.ExternalFunction("gettid", types.int32())


@njit(cache=True, parallel=True)
def _thread_ids(ids):
    """The system's id of the thread that runs each share."""
    for t in prange(len(ids)):
        ids[t] = _gettid()


def available_cores() -> int:
    """Cores this process may run on (its affinity mask, where the system has one)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_count(threads: int | None = None) -> int:
    """Threads to use: those asked for, else one a core, at most what numba was started with."""
    limit = numba.config.NUMBA_NUM_THREADS
    return min(available_cores() if threads is None else threads, limit)


class _Binding:
    """The cores that numba's threads were last bound to."""

    def __init__(self) -> None:
        self.possible = (
            hasattr(os, "sched_setaffinity")
            and hasattr(ctypes.CDLL(None), "gettid")
            and not any(name in os.environ for name in _BINDINGS)
        )
        self.threads = 0
        self.active = False

    def cores(self, threads: int) -> list[int]:
        """The cores to bind to, the calling thread's first; none where nothing is to be bound."""
        if not self.possible or self.active or threads < 2:
            return []
        mask = sorted(os.sched_getaffinity(0))
        return mask if len(mask) == threads else []

    def bind_others(self, cores: list[int]) -> None:
        """Bind the other threads, once for a number of threads: they stay until it changes."""
        if self.threads == len(cores):
            return
        ids = np.zeros(len(cores), np.int32)
        _thread_ids(ids)
        own = ctypes.CDLL(None).gettid()
        others = [thread for thread in dict.fromkeys(ids.tolist()) if thread != own]
        for thread, core in zip(others, cores[1:], strict=False):
            os.sched_setaffinity(thread, {core})
        self.threads = len(cores)


_binding = _Binding()


@contextlib.contextmanager
def using(threads: int) -> Iterator[None]:
    """Let numba use `threads` threads inside the block, each on a core of its own if it can."""
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    cores = _binding.cores(threads)
    try:
        if cores:
            _binding.bind_others(cores)
            os.sched_setaffinity(0, {cores[0]})
            _binding.active = True
        elif not _binding.active:
            _binding.threads = 0
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
            _binding.active = False
        numba.set_num_threads(before)
