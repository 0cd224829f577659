"""Arrays that the ranks of a node share: each of them reads and writes.

An array lives in a file without a name, which the first rank of the node makes and hands to the
others through a local socket, as processes in containers of their own can do, too. It takes no room
in /dev/shm, which containers keep small, and it is gone with the last rank that maps it, however
that one ends. Where ranks cannot have such a file each of them is a node of its own.
"""

from __future__ import annotations

import mmap
import os
import secrets
import socket
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np

# 0: ranks of a node do as if they were apart.
ALLOWED = "SSSP_SHARED_MEMORY"
_SECONDS = 20.0
_SECRET = 16


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
        On all ranks of the node, if one of them cannot make, get or map the file.
    """
    size = max(count * dtype.itemsize, 1)
    room = None
    # What fails is told below, so that no rank waits for one that has given up.
    with ExitStack() as closing, suppress(OSError, ValueError):
        file = _shared_file(node, size, closing)
        room = None if file is None else mmap.mmap(file, size)
    mapped = node.allgather(room is not None)
    if room is None or not all(mapped):
        cannot = f"{mapped.count(False)} of {len(mapped)} ranks cannot map"
        raise MemoryError(f"{cannot} {size} bytes of shared memory")
    return np.frombuffer(room, dtype, count)


def _shared_file(node: Any, size: int, closing: ExitStack) -> int | None:
    """Return this rank's descriptor of a file that the first rank makes; None where it has none."""
    first = node.Get_rank() == 0
    file: int | None = None
    way: Any = None
    name, secret = node.bcast((f"\0sssp-{secrets.token_hex(8)}", secrets.token_bytes(_SECRET)))
    with suppress(AttributeError, OSError):  # another system than Linux
        way = closing.enter_context(socket.socket(socket.AF_UNIX))
        way.settimeout(_SECONDS)
        if first:
            file = os.memfd_create("sssp")
            closing.callback(os.close, file)
            os.ftruncate(file, size)
            way.bind(name)
            way.listen(node.Get_size())
    node.Barrier()
    reached = False
    with suppress(AttributeError, OSError):
        if not first:
            way.connect(name)  # does not wait for the first one to accept
            reached = True
    callers = node.allgather(reached).count(True)
    with suppress(AttributeError, OSError, ValueError):
        if file is not None:
            _hand_out(way, secret, file, callers)
        elif reached:
            way.sendall(secret)
            _, (file,), _, _ = socket.recv_fds(way, 1, 1)
            closing.callback(os.close, file)
    return file


def _hand_out(way: Any, secret: bytes, file: int, callers: int) -> None:
    """Give the file to so many who know the secret."""
    while callers > 0:
        caller, _ = way.accept()
        with caller:
            caller.settimeout(_SECONDS)
            if secrets.compare_digest(caller.recv(_SECRET), secret):
                socket.send_fds(caller, [b"."], [file])
                callers -= 1


def can_share(node: Any) -> bool:
    """Can the ranks of a node have memory in common? Collective."""
    allowed = node.allgather(os.environ.get(ALLOWED) != "0")
    if node.Get_size() == 1 or not all(allowed):
        return False
    try:
        together(node, 1, np.dtype(np.int64))
    except MemoryError:
        return False
    return True
