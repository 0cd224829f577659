"""Shared: Python processes that start with everything imported, as forks of one that has done so.

A command spends a second and a half on imports and on loading kernels, and a rank two. `python()`
gives the words that start a process as a fork: those of fork_stub.py, which stands where Python
would, among the ranks of mpirun as well. The process that works is one of its own. It has the
stub's files, folder, environment, cores and limits, and starts threads and MPI by itself. But its
parent is fork_server.py, and numba is imported already, with as many threads as there are cores.

A process whose environment differs in what imports read starts afresh. So do all where
TEST_FORKS=0 is set, or the system is not Linux.
"""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.benchmark.warmup import without_launcher

FOLDER = Path(__file__).resolve().parent
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
    program = Path(address).with_name("python")
    program.write_text(f'#!/bin/sh\nexec {shlex.join(python())} "$@"\n')
    program.chmod(0o700)
    return str(program)


@functools.cache
def _server() -> str | None:
    """Start the server, which ends with this process; return its socket."""
    if sys.platform != "linux" or os.environ.get(ALLOWED) == "0":
        return None
    folder = tempfile.TemporaryDirectory(prefix="forks-")  # for this user alone
    address = os.path.join(folder.name, "socket")
    server = subprocess.Popen(
        [sys.executable, FOLDER / "fork_server.py", address],
        env={**without_launcher(_ENVIRONMENT), "PYTHONPATH": str(FOLDER.parents[1])},
        stdin=subprocess.PIPE,  # is never written to: the end of this process closes it
        stdout=subprocess.PIPE,
    )
    _kept.extend((folder, server))
    if server.stdout is None or server.stdout.readline() != b"ready\n":
        raise RuntimeError(f"the server of forks has not started; {ALLOWED}=0 does without")
    return address


_kept: list[object] = []
