"""Can this process start the threads that it will need? Found out by starting them.

Where a limit on processes and threads (a control group's pids.max, ulimit -u) leaves too few, the
OpenMP library ends the process in the middle of the work, in words of its own. So as many threads
are started before, all ranks at once, and ended again; what fails is one line that names the limit.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.console.errors import UsageError
from harness.machine.cgroup import threads_headroom
from harness.machine.facts import launched_ranks

if TYPE_CHECKING:
    from graphs.comm import Comm

# Beside those that compute: of the monitor, and of what is compiled for ranks.
_SPARE = 2


def refuse_few_threads(threads: int, comm: Comm | None = None) -> None:
    """Start as many threads as will be needed, and end them again; collective.

    Parameters
    ----------
    threads : int
        Threads that will compute, this one included.
    comm : sssp.mpi_comm.Comm, optional
        The ranks that do the same.

    Raises
    ------
    UsageError
        On all ranks, if one cannot start them; the message names it, and the limit.
    """
    fault = None
    release = threading.Event()
    started = []
    try:
        for _ in range(threads - 1 + _SPARE):
            thread = threading.Thread(target=release.wait, daemon=True)
            thread.start()
            started.append(thread)
    except (RuntimeError, MemoryError):
        rank, size = launched_ranks()
        here = f"rank {rank} on {socket.gethostname()}" if size > 1 else "this process"
        count = f"{len(started)} of {threads - 1 + _SPARE} threads"
        fault = f"{here} can start only {count}: {_limit()}"
    faults = [fault] if comm is None else comm.allgather(fault)
    release.set()
    for thread in started:
        thread.join()
    found = next((fault for fault in faults if fault is not None), None)
    if found is not None:
        raise UsageError(f"{found}; take fewer threads or ranks, or raise the limit")


def _limit() -> str:
    """Return the limit that is most likely the one in the way, in words."""
    group = threads_headroom()
    # Where threads fail, a group that leaves none is the reason; what others use may have changed.
    if group is not None and group.available < 16:
        return f"{group.folder}/pids.max leaves {group.available}"
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
        if soft != resource.RLIM_INFINITY:
            return f"the user may have {soft} processes and threads (ulimit -u)"
    return "the system's limit on threads, or memory (ulimit -v)"
