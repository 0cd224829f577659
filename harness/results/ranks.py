"""The ranks of a run as its result file has them: hosts, cores, MPI library."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any, TypeVar, cast

from graphs.comm import Comm
from harness.console.errors import UsageError
from harness.results.record import ResultError

T = TypeVar("T")


def rank_facts(comm: Comm, threads: int, nodes: int) -> dict[str, Any]:
    """Return the `ranks` part of a result; collective, the same on all ranks.

    Parameters
    ----------
    comm : Comm
        Several ranks.
    threads : int
        Those of this rank.
    nodes : int
        Groups of ranks that read each other's memory.
    """
    here = {"host": socket.gethostname(), "threads": threads, "cores": _cores()}
    facts = {"library": _library(), "places": comm.allgather(here), "nodes": nodes}
    return facts if comm.transport is None else {**facts, "transport": comm.transport}


def _library() -> str:
    from mpi4py import MPI

    from harness.job.launch import first_line

    return first_line(MPI.Get_library_version())


def _cores() -> str | None:
    """Return the cores this process may run on, as Linux lists them: 0-3,8."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    runs: list[list[int]] = []
    for core in sorted(os.sched_getaffinity(0)):
        if runs and core == runs[-1][-1] + 1:
            runs[-1][1:] = [core]
        else:
            runs.append([core])
    return ",".join("-".join(map(str, run)) for run in runs)


def on_rank_zero(comm: Comm, work: Callable[[], T]) -> T:
    """Return what `work` returns on rank 0, on every rank; or raise everywhere what it raises.

    For what only rank 0 can see or may write, and all ranks must know.
    """
    done: tuple[T | None, Exception | None] = None, None
    if comm.rank == 0:
        try:
            done = work(), None
        except (UsageError, ResultError) as error:
            done = None, error
    value, fault = comm.bcast(done)
    if fault is not None:
        raise fault
    return cast("T", value)
