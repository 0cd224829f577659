"""How many threads the kernels use, on which cores, and when they cannot be used at all.

Where a search uses every core this process may run on, each of its threads is bound to one of
them. Left alone, the scheduler wakes a thread on the core of the thread that wakes it, and with
rounds of a tenth of a millisecond it does not move them apart again: two threads then take as long
as one. Processes that share their cores stay in balance, since each has a thread on every core. The
calling thread is bound only where it is on another core than it was bound to before, and is let go
at the end.
The user's own binding (OMP_PROC_BIND, OMP_PLACES, GOMP_CPU_AFFINITY) counts.

Every public function that runs parallel kernels does so in a block of `using`, which also checks
what numba's threading layer can do. Python threads that call at the same time share GNU OpenMP and
TBB; numba's own workqueue ends the process then, so there they take turns. GNU OpenMP has no
threads in a forked child, where numba ends the process: EngineError says so instead.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import weakref
from contextlib import AbstractContextManager
from typing import Any

import numba
import numpy as np
from numba import types

from kernels.compile import kernel, part
from kernels.errors import EngineError
from kernels.parallel import on_threads

_BINDINGS = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY")
_gettid = types.ExternalFunction("gettid", types.int32())
_getcpu = types.ExternalFunction("sched_getcpu", types.int32())
_numba_threads = types.ExternalFunction("get_num_threads", types.int64())


@part
def _thread_id(ids, share):
    ids[share] = _gettid()


@kernel
def _thread_ids(ids):
    """The system's id of the thread that runs each share."""
    on_threads(_thread_id, (ids,), len(ids))


@kernel
def _core():
    """The core that the calling thread runs on."""
    return _getcpu()


@kernel
def _num_threads():
    """The threads that numba uses, once it has started them; its own call takes 40 us."""
    return _numba_threads()


class Lock:
    """A lock that is open in a forked child, where the thread that held it does not run.

    It can be pickled and copied with what holds it; the copy is a lock of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[Any, ...]:
        return Lock, ()

    def _open(self) -> None:
        self._lock = threading.RLock()


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()
_turn = Lock()
_layer: str | None = None  # numba's threading layer, once it runs in this process
_lost = False  # was this process forked from one with threads of GNU OpenMP?


def threading_layer() -> str | None:
    """The name of numba's threading layer, None before it is started."""
    try:
        return str(numba.threading_layer())
    except ValueError:
        return None


def _after_fork() -> None:
    """In the child: locks are open, and the threads of GNU OpenMP are lost for good."""
    global _binding, _layer, _lost
    _binding, _layer = _Binding(), None
    for lock in list(_locks):
        lock._open()
    # As numba has it: elsewhere than on Linux its OpenMP survives a fork.
    _lost = _lost or (threading_layer() == "omp" and sys.platform.startswith("linux"))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def check_threads_run(threads: int | None = None) -> None:
    """Raise EngineError where parallel kernels cannot run in this process.

    A search on one thread is not parallel: it runs in a forked child.
    """
    if numba.config.DISABLE_JIT:
        raise EngineError(
            "NUMBA_DISABLE_JIT is set, and the kernels only run compiled; unset NUMBA_DISABLE_JIT"
        )
    if _lost and threads != 1:
        raise EngineError(
            "this process was forked after its parent had run parallel kernels, and GNU OpenMP "
            "does not work in it; start processes with multiprocessing.get_context('spawn'), fork "
            "before the first graph is built, or search with Solver(csr, threads=1)"
        )


def available_cores() -> int:
    """Cores this process may run on (its affinity mask, where the system has one)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_count(threads: int | None = None) -> int:
    """Threads to use: those asked for, else one a core, at most what numba was started with.

    By default one in a forked child that has no others.
    """
    if threads is None and _lost:
        return 1
    limit = numba.config.NUMBA_NUM_THREADS
    return min(available_cores() if threads is None else threads, limit)


class _Binding:
    """The cores that numba's threads were last bound to."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None)
        self.possible = (
            hasattr(os, "sched_setaffinity")
            and hasattr(libc, "gettid")
            and hasattr(libc, "sched_getcpu")
            and not any(name in os.environ for name in _BINDINGS)
        )
        # Each Python thread has a team of its own in GNU OpenMP.
        self.team = threading.local()
        self.active = threading.Lock()

    def bind(self, threads: int | None) -> list[int] | None:
        """Bind the threads; returns what `release` needs, None where nothing is to be bound.

        One Python thread at a time has its threads bound: `release` lets the next. The others of a
        team stay bound, and the calling thread is mostly on its core still. Then there is nothing
        to do, as each call of the system takes 20 to 40 us where the caches hold other things.
        """
        if not self.possible or threads is None or not self.active.acquire(blocking=False):
            return None
        team = getattr(self.team, "cores", [])
        if len(team) == threads and _core() == team[0]:
            return []
        mask = sorted(os.sched_getaffinity(0)) if threads > 1 else []
        self.team.cores = []
        if len(mask) != threads:
            self.active.release()
            return None
        try:
            if team != mask:
                self._bind_others(mask)
            os.sched_setaffinity(0, mask[:1])
        except BaseException:
            self.active.release()
            raise
        self.team.cores = mask
        return mask

    def _bind_others(self, cores: list[int]) -> None:
        """Bind the other threads of the team to all cores but the first."""
        ids = np.zeros(len(cores), np.int32)
        _thread_ids(ids)
        own = ctypes.CDLL(None).gettid()
        others = [thread for thread in dict.fromkeys(ids.tolist()) if thread != own]
        for thread, core in zip(others, cores[1:], strict=False):
            os.sched_setaffinity(thread, {core})

    def release(self, cores: list[int]) -> None:
        """Let the calling thread run on all cores again."""
        self.active.release()
        if cores:
            os.sched_setaffinity(0, cores)


_binding = _Binding()


class _Using:
    """The block of `using`."""

    __slots__ = ("_before", "_bound", "_threads", "_turn")

    def __init__(self, threads: int | None, turn: Lock | None):
        self._threads, self._turn = threads, turn

    def __enter__(self) -> None:
        if self._turn is not None:
            self._turn.__enter__()
        self._before, self._bound = _num_threads(), None
        try:
            if self._threads not in (None, self._before):
                numba.set_num_threads(self._threads)
            self._bound = _binding.bind(self._threads)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        if self._bound is not None:
            _binding.release(self._bound)
        if self._threads not in (None, self._before):
            numba.set_num_threads(self._before)
        if self._turn is not None:
            self._turn.__exit__()


def using(threads: int | None = None, turns: bool = True) -> AbstractContextManager[None]:
    """Let kernels run on threads inside the block, each on a core of its own if it can.

    Parameters
    ----------
    threads : int, optional
        So many; by default as many as numba has now, on whatever cores.
    turns : bool
        Wait where the threading layer takes one Python thread at a time. False for ranks: those
        that are threads of one process wait for each other inside the block.

    Raises
    ------
    EngineError
        Kernels cannot run here, see `check_threads_run`.
    """
    global _layer
    check_threads_run(threads)
    if _layer is None:
        numba.get_num_threads()  # starts the threading layer, which then has a name
        _layer = threading_layer()
    return _Using(threads, _turn if turns and _layer == "workqueue" else None)
