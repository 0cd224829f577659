"""Which kernels a process compiles, for other processes that would compile them, too.

A kernel is a byte of one file in the folder of kernels, locked while it is compiled. The system
unlocks it when the process ends, however it ends. A process that compiles a kernel only waits for
those that the kernel calls, so no two wait for each other.

Where the file cannot be locked, or after a long wait (for a process that was stopped), a kernel is
compiled by more than one process, which costs no more than time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

_PATIENCE, _POLL = 60.0, 0.01  # seconds: of all waits together, between two looks


class _Locks:
    """The file, which stays open: to close it would unlock all of it."""

    file: int | None = None
    patience = _PATIENCE


def begin(folder: Path, kernel: str) -> int | None:
    """Return a lock when no other process compiles the kernel; None if there is none to get."""
    place = int.from_bytes(hashlib.sha256(kernel.encode()).digest()[:7], "big")
    with suppress(OSError):
        if _Locks.file is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            _Locks.file = os.open(folder / "compiling", flags, 0o600)
        while _Locks.patience > 0:
            with suppress(BlockingIOError, PermissionError):  # what a system calls "locked"
                fcntl.lockf(_Locks.file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
                return place
            began = monotonic()
            sleep(_POLL)
            _Locks.patience -= monotonic() - began
    return None


def end(lock: int | None) -> None:
    """Let other processes compile the kernel, if it is not kept now."""
    if lock is not None and _Locks.file is not None:
        with suppress(OSError):
            fcntl.lockf(_Locks.file, fcntl.LOCK_UN, 1, lock)
