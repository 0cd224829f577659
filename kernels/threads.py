"""How many threads the kernels use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numba


def available_cores() -> int:
    """Cores this process may run on (its affinity mask, where the system has one)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_count(threads: int | None = None) -> int:
    """Threads to use: those asked for, else one a core, at most what numba was started with."""
    limit = numba.config.NUMBA_NUM_THREADS
    return min(available_cores() if threads is None else threads, limit)


@contextmanager
def using(threads: int) -> Iterator[None]:
    """Let numba use `threads` threads inside the block."""
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        yield
    finally:
        numba.set_num_threads(before)
