"""Shared: how a fork of fork_server.py becomes the process that was asked for.

It takes what the stub has sent in place of what it has from the server, and then runs a program as
Python does. Its end is Python's own: what exits, finalizes MPI and prints a traceback is not here.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import io
import os
import resource
import runpy
import signal
import sys
import types
from typing import Any

_PR_SET_PDEATHSIG = 1
_ABOVE = 1000  # the files of a request wait above the numbers that they are to have


def take(numbers: list[int], files: list[int]) -> None:
    """Have these files under these numbers, and no others."""
    waiting = [fcntl.fcntl(fd, fcntl.F_DUPFD, _ABOVE) for fd in files]
    os.closerange(0, _ABOVE)
    for fd, number in zip(waiting, numbers, strict=True):
        os.dup2(fd, number)
        os.close(fd)


def become(request: dict[str, Any]) -> None:
    """Be as a child of the stub's parent would be."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(OSError):  # of another session
        os.setpgid(0, request["group"])
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["cwd"])
    os.umask(request["umask"])
    os.environ.clear()
    os.environb.update(request["environment"])
    os.sched_setaffinity(0, request["cores"])
    for limit, values in request["limits"]:
        resource.setrlimit(limit, values)
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))


def execute(argv: list[str]) -> None:
    """Run `-c PROGRAM`, `-m MODULE` or FILE as Python does."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    sys.orig_argv = [sys.executable, *argv]
    if argv[0] == "-m":
        sys.argv, sys.path[0] = argv[1:], os.getcwd()
        runpy._run_module_as_main(argv[1])  # type: ignore[attr-defined]
    elif argv[0] == "-c":
        sys.argv, sys.path[0] = ["-c", *argv[2:]], ""
        main.__dict__["__builtins__"] = __builtins__
        exec(compile(argv[1], "<string>", "exec"), main.__dict__)
    else:
        sys.argv, sys.path[0] = argv, os.path.dirname(os.path.abspath(argv[0]))
        runpy.run_path(argv[0], run_name="__main__")
