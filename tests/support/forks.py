"""Shared: Python processes that start with everything imported, as forks of one that has done so.

A command spends a second and a half on imports and on loading kernels, and a rank two. `python()`
gives the words that start a process as a fork: those of fork_stub.py, which stands where Python
would, among the ranks of mpirun as well. The process that works is one of its own. It has the
stub's files, folder, environment, cores and limits, and starts threads and MPI by itself. But its
parent is fork_server.py, and numba is imported already, with as many threads as there are cores.

The workers of pytest have one server, which the first that needs it starts (`share`).

A process whose environment differs in what imports read starts afresh. So do all where
TEST_FORKS=0 is set, or the system is not Linux.
"""

from __future__ import annotations

import fcntl
import functools
import os
import shlex
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from fork_stub import LENGTH

from harness.benchmark.warmup import without_launcher

FOLDER = Path(__file__).resolve().parent
SOCKET = "forks.socket"
_LONGEST = 90  # bytes of a folder, as the path of a socket has 107 at most
ALLOWED = "TEST_FORKS"
_ENVIRONMENT = dict(os.environ)  # that of the tests; the first that forks may have changed it


def python(*argv: object, afresh: bool = False) -> list[str]:
    """The command that starts Python with these arguments: as a fork, or as ever."""
    words = [str(word) for word in argv]
    address = None if afresh else _server()
    if address is None:
        return [sys.executable, *words]
    return [sys.executable, "-S", "-E", "-I", str(FOLDER / "fork_stub.py"), address, *words]


@functools.cache
def executable() -> str:
    """A program that takes Python's arguments, and does as the words of `python` do."""
    address = _server()
    if address is None:
        return sys.executable
    program = Path(address).with_name(f"python-{os.getpid()}")
    program.write_text(f'#!/bin/sh\nexec {shlex.join(python())} "$@"\n')
    program.chmod(0o700)
    return str(program)


def share(folder: Path) -> None:
    """Have one server with all processes that name this folder; it ends with the last of them."""
    if len(str(folder)) < _LONGEST:
        _shared.append(folder)


@functools.cache
def _server() -> str | None:
    """Find or start the server, which does not end before this process; return its socket."""
    if sys.platform != "linux" or os.environ.get(ALLOWED) == "0":
        return None
    if not _shared:
        folder = tempfile.TemporaryDirectory(prefix="forks-")  # for this user alone
        _kept.append(folder)
        return _start(Path(folder.name))
    with (_shared[0] / "forks.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if line := join(_shared[0]):
            _kept.append(line)
            return str(_shared[0] / SOCKET)
        return _start(_shared[0])


def join(folder: Path) -> socket.socket | None:
    """Return a connection for as long as which the server of a folder stays; None without one."""
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(str(folder / SOCKET))
        line.sendall(bytes(LENGTH))
        return line if line.recv(LENGTH) else None
    except OSError:
        return None


def _start(folder: Path) -> str:
    address = str(folder / SOCKET)
    Path(address).unlink(missing_ok=True)
    server = subprocess.Popen(
        [sys.executable, FOLDER / "fork_server.py", address],
        env={**without_launcher(_ENVIRONMENT), "PYTHONPATH": str(FOLDER.parents[1])},
        stdin=subprocess.PIPE,  # is never written to: the end of this process closes it
        stdout=subprocess.PIPE,
    )
    _kept.append(server)
    if server.stdout is None or server.stdout.readline() != b"ready\n":
        raise RuntimeError(f"the server of forks has not started; {ALLOWED}=0 does without")
    return address


_shared: list[Path] = []
_kept: list[object] = []
