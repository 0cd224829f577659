"""The memory that is available, and whether a run fits into it (what it takes: graphs.memory).

The ranks of a machine share what there is. All decide alike, by the rank that has least.
"""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from graphs.comm import Comm, SerialComm
from graphs.memory import Need, first_that_fits, gib, scale_that_fits
from harness.console.errors import MemoryRefused
from harness.machine.cgroup import memory_headroom
from harness.machine.facts import cores, total_memory

# Stack and allocator reserve this much for each thread, and use little of it.
_THREAD_ADDRESS_SPACE = 80 * 2**20
_OWN_LIMIT = "ulimit -v"


@dataclass(frozen=True)
class Available:
    """Bytes this process may still take, and what limits it."""

    bytes: int
    limit: str


def available(proc: Path = Path("/proc")) -> Available:
    """Return the least of free memory, the control group's limit and the process's own limit."""
    found = []
    free = _kilobytes(proc / "meminfo", "MemAvailable")
    if free is not None:
        found.append((free, "free memory"))
    group = memory_headroom(proc)
    if group is not None:
        found.append((group.available, f"control group {group.folder}"))
    own = _address_space(proc)
    if own is not None:
        found.append((own, _OWN_LIMIT))
    if not found:
        found.append((total_memory() or sys.maxsize, "the machine's memory"))
    return Available(*min(found))


def available_to_each(comm: Comm) -> Available:
    """Return what the rank that has least may take; the same on all ranks."""
    here = available()
    if comm.size == 1:
        return here
    # Of the process's own limit every rank has its own, of the others' they share one.
    sharing = 1 if here.limit == _OWN_LIMIT else comm.node_size
    share = here.bytes // sharing, here.limit, socket.gethostname()
    size, limit, host = min(comm.allgather(share))
    return Available(size, f"{limit} of {host}, a rank's share")


def peak(proc: Path = Path("/proc")) -> int | None:
    """Return the most bytes that this process has had in memory; None where it is not known."""
    return _kilobytes(proc / "self" / "status", "VmHWM")


def _address_space(proc: Path) -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    taken = _kilobytes(proc / "self" / "status", "VmSize") or 0
    return max(0, limit - taken - cores() * _THREAD_ADDRESS_SPACE)


def _kilobytes(path: Path, name: str) -> int | None:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    return None


def choose(
    need: Need,
    keep: bool | None = None,
    *,
    resident: int = 0,
    smaller: bool = False,
    comm: Comm | None = None,
) -> Need:
    """Return the best way to run in the memory there is; the same on all ranks.

    Parameters
    ----------
    need : Need
        The graph, with one answer.
    keep : bool or None
        True: the edge list must be kept; False: it must not; None: kept where it fits, not at all
        by several ranks.
    resident : int
        Bytes of the need that are taken already: an edge list that was read from a file.
    smaller : bool
        Whether a refusal says which smaller scale would fit.
    comm : Comm, optional
        The ranks that hold the graph together.

    Raises
    ------
    MemoryRefused
        If no way fits, with the figures.
    """
    there = available_to_each(comm or SerialComm())
    if need.ranks > 1 and keep is None:
        keep = False
    ways = [replace(need, edges_kept=kept) for kept in (True, False) if keep in (kept, None)]
    room, margin = there.bytes + resident, there.bytes // 10
    chosen = first_that_fits(ways, room, margin)
    if chosen is None:
        hint = f"; {scale_that_fits(ways, room, margin)}" if smaller else ""
        raise MemoryRefused(_refusal(ways[-1], there, resident) + hint)
    return chosen


def _refusal(need: Need, there: Available, resident: int) -> str:
    way = "edge list kept" if need.edges_kept else "edge list not kept"
    each = "" if need.ranks == 1 else f"on each of {need.ranks} ranks "
    return (
        f"{need} need {each}{gib(need.total - resident)} ({way}), "
        f"available are {gib(there.bytes)} ({there.limit})"
    )
