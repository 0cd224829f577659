"""Memory that the ranks of a node have in common: arrays that each of them reads and writes.

An array lives in a file without a name, which the first rank of the node makes and the others open
through /proc. It takes no room in /dev/shm, which containers keep small, and it is gone with the
last rank that maps it, however that one ends. Where ranks cannot open it (another system than
Linux, containers that do not see each other's processes) each of them is a node of its own.
"""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from typing import Any

import numpy as np

# 0: ranks of a node do as if they were apart.
ALLOWED = "SSSP_SHARED_MEMORY"


def together(node: Any, count: int, dtype: np.dtype) -> np.ndarray:
    """Return zeros, (count,), that all ranks of the node see; collective.

    Parameters
    ----------
    node : mpi4py.MPI.Comm
        The ranks of the node.
    count : int
    dtype : np.dtype

    Raises
    ------
    MemoryError
        On all ranks of the node, if one of them cannot make, open or map the file.
    """
    size = max(count * dtype.itemsize, 1)
    first = node.Get_rank() == 0
    file, room = -1, None
    # What fails here is told below, so that no rank waits for one that has given up.
    with suppress(AttributeError, OSError):
        if first:
            file = os.memfd_create("sssp")
            os.ftruncate(file, size)
    pid, theirs = node.bcast((os.getpid(), file))
    with suppress(OSError, ValueError):
        if not first:
            file = os.open(f"/proc/{pid}/fd/{theirs}", os.O_RDWR)
        room = mmap.mmap(file, size) if file >= 0 else None  # -1: memory of this process alone
    mapped = node.allgather(room is not None)
    if file >= 0:
        os.close(file)
    if room is None or not all(mapped):
        cannot = f"{mapped.count(False)} of {len(mapped)} ranks cannot map"
        raise MemoryError(f"{cannot} {size} bytes of shared memory")
    return np.frombuffer(room, dtype, count)


def can_share(node: Any) -> bool:
    """Can the ranks of a node read each other's memory? Collective."""
    allowed = node.allgather(os.environ.get(ALLOWED) != "0")
    if node.Get_size() == 1 or not all(allowed):
        return False
    with suppress(MemoryError):
        word = together(node, 1, np.dtype(np.int64))
        token = int.from_bytes(os.urandom(7), "little")
        if node.Get_rank() == 0:
            word[0] = token
        token = node.bcast(token)  # what was opened may be a file of another process of that number
        return all(node.allgather(int(word[0]) == token))
    return False
