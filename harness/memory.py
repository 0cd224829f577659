"""What a run needs of memory, and what there is.

Peak of a run, in bytes, each part at its largest:

    base            Python, numba and what it compiled
    edges           the edge list, where it is kept
    construction    kernel 1 above the edge list, the rows it leaves included
    search          the rows and the solver's arrays
    validation      the answers that wait for it, and its own arrays

The edges live as long as the run; construction is over before the first answer is made, so the
rest of the peak is the larger of construction and search + validation.

Of several ranks each needs its share, and some more for what it keeps of the others' vertices; the
ranks of a machine share what there is. All decide alike, by the rank that has least.
"""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cgroup import memory_headroom
from harness.errors import MemoryRefused
from harness.machine import cores, total_memory

if TYPE_CHECKING:
    from graphs.comm import Comm

GIB = 2**30

BASE = 512 * 2**20
# The ranks of a machine share the pages of libraries and leave compiling to one process; what each
# then has of its own was 95 MB, with the memory that MPI shares among 4 ranks.
RANK_BASE = 192 * 2**20
_EDGE_IDS = 16  # src and dst of a kept edge
# Bytes of an arc by those of a weight. Where weights have 8, they are sorted as 8-byte ranks and
# unfolded to 16 bytes an arc afterwards, with the ranks still there.
_ROWS_PER_ARC = {4: 8, 8: 16}
_CONSTRUCTION_PER_ARC = {4: 8, 8: 24}
_CONSTRUCTION_PER_VERTEX = 48
_SEARCH_PER_VERTEX = 64
_VALIDATION_PER_VERTEX = 4
# Answers that wait for one pass over regenerated edges, at most: with more of them a run whose edge
# list is not kept would take more than 400 bytes a vertex (edge factor 16).
MOST_ANSWERS = 6
# A rank holds one answer, and makes its edges again unless told to keep them: it is to need no more
# than 1.3 x 400 bytes x n / ranks.
_ANSWERS_OF_A_RANK = 1
# A rank's arrays over an even share of the whole: ghosts, uneven shares, what is under way.
_RANK_FACTOR = 1.3
# Stack and allocator reserve this much for each thread, and use little of it.
_THREAD_ADDRESS_SPACE = 80 * 2**20
_OWN_LIMIT = "ulimit -v"


@dataclass(frozen=True)
class Need:
    """Bytes that a process of a run takes at its peak.

    Parameters
    ----------
    n, edges : int
        Vertices and input edges of the whole graph.
    weight_bytes : int
        Bytes of a weight: 4 or 8.
    edges_kept : bool
        Whether the edge list stays in memory.
    answers : int
        Answers that are held at once, to be validated in one pass over the edges.
    ranks : int
        Processes that hold the graph together.
    """

    n: int
    edges: int
    weight_bytes: int = 4
    edges_kept: bool = True
    answers: int = 1
    ranks: int = 1

    @property
    def base(self) -> int:
        return BASE if self.ranks == 1 else RANK_BASE

    @property
    def edge_list(self) -> int:
        return self._share(self.edges * (_EDGE_IDS + self.weight_bytes)) if self.edges_kept else 0

    @property
    def arcs(self) -> int:
        """Every edge twice: in both directions, or in its row and in the reverse one."""
        return 2 * self.edges

    @property
    def construction(self) -> int:
        per_arc = _CONSTRUCTION_PER_ARC[self.weight_bytes]
        return self._share(self.arcs * per_arc + self.n * _CONSTRUCTION_PER_VERTEX)

    @property
    def answer(self) -> int:
        """One answer, dist and parent, and what its validation holds."""
        return self._share(self.n * (8 + self.weight_bytes + _VALIDATION_PER_VERTEX))

    @property
    def search(self) -> int:
        """The rows and the solver's arrays."""
        per_arc = _ROWS_PER_ARC[self.weight_bytes]
        return self._share(self.arcs * per_arc + self.n * _SEARCH_PER_VERTEX)

    def _share(self, size: int) -> int:
        return size if self.ranks == 1 else int(_RANK_FACTOR * size / self.ranks)

    @property
    def total(self) -> int:
        after = self.search + self.answers * self.answer
        return self.base + self.edge_list + max(self.construction, after)


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


def one_process() -> Comm:
    """Return the comm of one process."""
    # Not at import: the command first checks that the packages beside this one are ours.
    from graphs.comm import SerialComm

    return SerialComm()


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
    n: int,
    edges: int,
    *,
    weight_bytes: int = 4,
    keep: bool | None = None,
    resident: int = 0,
    comm: Comm | None = None,
) -> Need:
    """Return the best way to run such a graph in the memory there is; the same on all ranks.

    Parameters
    ----------
    n, edges, weight_bytes
        As in `Need`.
    keep : bool or None
        True: the edge list must be kept; False: it must not; None: kept where it fits, not at all
        by several ranks.
    resident : int
        Bytes of the need that are taken already: an edge list that was read from a file.
    comm : Comm, optional
        The ranks that hold the graph together.

    Raises
    ------
    MemoryRefused
        If no way fits, with the figures.
    """
    comm = comm or one_process()
    there = available_to_each(comm)
    most = there.bytes + resident
    comfortable = most - there.bytes // 10
    if comm.size > 1 and keep is None:
        keep = False
    ways = [
        Need(n, edges, weight_bytes, kept, ranks=comm.size)
        for kept in (True, False)
        if keep in (kept, None)
    ]
    for need in ways:
        if need.edges_kept and need.total <= (comfortable if keep is None else most):
            return need
        if not need.edges_kept and need.total <= most:
            spare = comfortable - need.base - need.search
            limit = MOST_ANSWERS if comm.size == 1 else _ANSWERS_OF_A_RANK
            return replace(need, answers=min(limit, max(1, spare // need.answer)))
    raise MemoryRefused(_refusal(ways[-1], there, resident))


def _refusal(need: Need, there: Available, resident: int) -> str:
    way = "edge list kept" if need.edges_kept else "edge list not kept"
    each = "" if need.ranks == 1 else f"on each of {need.ranks} ranks "
    needed = f"{each}{gib(need.total - resident)}"
    return (
        f"{need.n} vertices and {need.edges} edges need {needed} ({way}), "
        f"available are {gib(there.bytes)} ({there.limit})"
    )


def gib(size: int) -> str:
    """Return a number of bytes in GiB, for a reader."""
    return f"{size / GIB:.3g} GiB" if size < 1000 * GIB else f"{size / GIB:.0f} GiB"
