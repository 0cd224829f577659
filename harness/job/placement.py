"""Which cores each rank of a job computes on.

A launcher that binds gives every rank cores of its own. Others give all ranks of a machine the
same affinity mask; each then takes its share of it, in the order of the ranks, because the
scheduler would not keep them apart: a rank that wakes another would have it run on its own core.
The user's own binding (OMP_PROC_BIND and the like) and SSSP_BIND=no count.

Must be called before numba is imported, which fixes its number of threads then.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.machine.cgroup import cpu_quota
from harness.machine.facts import set_share, slurm_cores
from sssp.hosts import machine_id

if TYPE_CHECKING:
    from graphs.comm import Comm

_BOUND_BY = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY")
_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/{}"


@dataclass(frozen=True)
class Place:
    """Where a rank runs.

    host      its name
    machine   what identifies a running system, whatever its name
    mask      cores it may run on, those that share a socket and a core next to each other
    bound     whether its cores are not to be narrowed further
    """

    host: str
    machine: str
    mask: tuple[int, ...]
    bound: bool


def here() -> Place:
    """Return where this process runs."""
    host = socket.gethostname()
    mask = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    bound = os.environ.get("SSSP_BIND", "") == "no" or any(map(os.environ.get, _BOUND_BY))
    return Place(host, machine_id(), tuple(sorted(mask, key=_position)), bound or not mask)


def _position(core: int) -> tuple[int, ...]:
    """Where a core sits: socket, core, number."""
    found = []
    for name in ("physical_package_id", "core_id"):
        try:
            found.append(int(Path(_TOPOLOGY.format(core, name)).read_text()))
        except (OSError, ValueError):
            found.append(0)
    return (*found, core)


def share_of(rank: int, places: list[Place]) -> tuple[int, tuple[int, ...]]:
    """Return how many cores a rank may count as its own, and those to bind it to, if any.

    Parameters
    ----------
    rank : int
    places : list of Place
        Those of all ranks.
    """
    own = places[rank]
    sharing = [
        other
        for other, place in enumerate(places)
        if place.machine == own.machine and (other == rank or set(place.mask) & set(own.mask))
    ]
    count = len(own.mask) // len(sharing)
    count = min(count, slurm_cores() or count)
    # Masks that overlap and differ were made on purpose.
    alike = all(places[other].mask == own.mask for other in sharing)
    if count == 0 or len(sharing) == 1 or not alike or any(places[i].bound for i in sharing):
        return max(1, count), ()
    first = sharing.index(rank) * (len(own.mask) // len(sharing))
    return count, own.mask[first : first + count]


def settle(comm: Comm) -> list[Place]:
    """Give this rank its share of the cores; collective. Returns where all ranks run, before."""
    places: list[Place] = comm.allgather(here())
    count, cores = share_of(comm.rank, places)
    beside = sum(place.machine == places[comm.rank].machine for place in places)
    quota = cpu_quota()
    set_share(count if quota is None else min(count, quota / beside))
    if cores:
        os.sched_setaffinity(0, cores)
    return places
