"""Arrays that the ranks of a node share: each of them reads and writes.

An array lives in a file without a name, which the first rank of the node makes and hands to the
others through local sockets, as processes in containers of their own can do, too. It takes no room
in /dev/shm, which containers keep small, and it is gone with the last rank that maps it, however
that one ends. Where ranks cannot have such a file each of them is a node of its own.

The names of the sockets can be seen by every user of the machine. A rank connects its socket to
that of the first, after which Linux lets nobody else send to it; what a stranger has sent before
lacks the secret, which ranks get by MPI, and is thrown away. No rank waits for a connection, and
what strangers send to the first rank's socket is never read. User ids play no part: containers may
map them as they like.
"""

from __future__ import annotations

import errno
import mmap
import os
import secrets
import socket
from array import array
from contextlib import ExitStack, suppress
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from sssp.errors import EngineError

if TYPE_CHECKING:
    from mpi4py import MPI

# 0: ranks of a node do as if they were apart.
ALLOWED = "SSSP_SHARED_MEMORY"
_SECONDS = 20.0
_SECRET = 16
# What a stranger may send along, to be closed again.
_MOST_FILES = 8
_NO_MEMORY = (errno.ENOMEM, errno.ENOSPC)


def together(node: MPI.Comm, count: int, dtype: np.dtype) -> np.ndarray:
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
        On all ranks of the node, if one of them has too little memory for it.
    EngineError
        On all of them, if one cannot make, get or map the file for another reason; it is named.
    """
    size = max(count * dtype.itemsize, 1)
    room, fault = None, None
    # A failure is reported below, so that no rank waits for one that has given up.
    with ExitStack() as closing:
        try:
            room = mmap.mmap(_shared_file(node, size, closing), size)
        except (OSError, ValueError) as error:
            fault = getattr(error, "errno", None) in _NO_MEMORY, str(error)
    _refuse_faults(node, fault, size)
    assert room is not None
    return np.frombuffer(room, dtype, count)


def _refuse_faults(node: MPI.Comm, fault: tuple[bool, str] | None, size: int) -> None:
    """Raise on all ranks what has hindered one: whether it is a lack of memory, and the reason."""
    found = [(fault, rank) for rank, fault in enumerate(node.allgather(fault)) if fault is not None]
    if not found:
        return
    (lack, reason), rank = found[0]
    message = (
        f"{len(found)} of {node.Get_size()} ranks of a node cannot map {size} bytes of shared "
        f"memory: rank {rank} of the node: {reason}"
    )
    if lack:
        raise MemoryError(message)
    raise EngineError(f"{message}; with {ALLOWED}=0 they share nothing")


def _shared_file(node: MPI.Comm, size: int, closing: ExitStack) -> int:
    """Return this rank's descriptor of a file that the first rank makes; collective.

    Raises
    ------
    OSError, ValueError
        If this rank has none.
    """
    fault: Exception | None = None
    way = file = None
    name = b"\0sssp-" + secrets.token_hex(8).encode()
    first = node.Get_rank() == 0
    try:
        way = _socket(name, closing)
        file = _new_file(size, closing) if first else None
    except OSError as error:
        fault = error
    to, secret = node.bcast((name, secrets.token_bytes(_SECRET)))
    if way is not None and not first:
        try:
            way.connect(to)  # nobody else can send anything to this socket any more
        except OSError as error:
            fault = error
    names = node.allgather(name if fault is None else None)
    if file is not None and way is not None:
        for other in names[1:]:
            if other is not None:
                # A rank that gets nothing says so; the others get theirs.
                with suppress(OSError):
                    _send(way, secret, file, other)
    elif fault is None and way is not None:
        if names[0] is None:
            raise OSError("the first rank has no file")
        file = _receive(way, secret, closing)
    if fault is not None:
        raise fault
    assert file is not None
    return file


def _socket(name: bytes, closing: ExitStack) -> socket.socket:
    if not hasattr(socket, "AF_UNIX") or not hasattr(socket, "recv_fds"):
        raise OSError("this system does not hand files from process to process")
    way = closing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    way.settimeout(_SECONDS)
    way.bind(name)
    return way


def _new_file(size: int, closing: ExitStack) -> int:
    if not hasattr(os, "memfd_create"):
        raise OSError("this system has no files without a name")
    file = os.memfd_create("sssp")
    closing.callback(os.close, file)
    os.ftruncate(file, size)
    return file


def _send(way: socket.socket, secret: bytes, file: int, name: bytes) -> None:
    """Send the file, as soon as the other rank has thrown away what strangers have sent it."""
    rights = socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [file])
    way.sendmsg([secret], [rights], 0, name)  # send_fds takes no address


def _receive(way: socket.socket, secret: bytes, closing: ExitStack) -> int:
    """Return the file that comes with the secret; OSError if none does in time."""
    end = monotonic() + _SECONDS
    while monotonic() < end:
        way.settimeout(max(end - monotonic(), 0.001))
        flags = socket.MSG_CMSG_CLOEXEC
        received, files, _, _ = socket.recv_fds(way, _SECRET + 1, _MOST_FILES, flags)
        for file in files:
            closing.callback(os.close, file)
        if secrets.compare_digest(received, secret):
            if len(files) == 1:
                return files[0]
            raise OSError("the file could not be received: out of descriptors?")
    raise TimeoutError("the file did not come")


def can_share(node: MPI.Comm) -> bool:
    """Can the ranks of a node have memory in common? Collective."""
    allowed = node.allgather(os.environ.get(ALLOWED) != "0")
    if node.Get_size() == 1 or not all(allowed):
        return False
    try:
        together(node, 1, np.dtype(np.int64))
    except (MemoryError, EngineError):
        return False
    return True
