"""The process that a test starts in place of Python: it has a fork of fork_server.py do the work.

    python -S -E -I fork_stub.py SOCKET ARGUMENTS_OF_PYTHON ...

It sends what a process inherits to the server, hands its own files over, passes signals on, and
ends as the fork ends. Where the server refuses, it becomes Python itself. It imports little: that
is what it is for.
"""

from __future__ import annotations

import _socket
import marshal
import os
import resource
import signal
import sys
from types import FrameType

LENGTH = 8  # bytes of a number on the socket
PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCONT")
LIMITS = sorted(
    getattr(resource, name)
    for name in dir(resource)
    if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"  # another name of RLIMIT_NOFILE
)


def open_files(but: int) -> list[int]:
    """Descriptors that are open, but one."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            os.fstat(int(name))  # the listing's own is closed by now
        except OSError:
            continue
        found.append(int(name))
    return [fd for fd in found if fd != but]


def inherited(files: list[int]) -> dict:
    """What a process gets from its parent, and the descriptors in the order they are sent in."""
    mask = os.umask(0)
    os.umask(mask)
    return {
        "argv": sys.argv[2:],
        "cwd": os.getcwd(),
        "environment": dict(os.environb),
        "umask": mask,
        "cores": sorted(os.sched_getaffinity(0)),
        "limits": [(limit, resource.getrlimit(limit)) for limit in LIMITS],
        "group": os.getpgrp(),
        "files": files,
    }


def end_as(status: int) -> None:
    """End with the status of a process that was waited for, a signal included."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


def main() -> None:
    line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    line.connect(sys.argv[1])
    files = open_files(but=line.fileno())
    request = marshal.dumps(inherited(files))
    rights = b"".join(fd.to_bytes(4, sys.byteorder) for fd in files)
    head = len(request).to_bytes(LENGTH, "little")
    line.sendmsg([head], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
    line.sendall(request)
    pid = int.from_bytes(line.recv(LENGTH), "little")
    if pid == 0:
        os.execv(sys.executable, [sys.executable, *sys.argv[2:]])

    def pass_on(number: int, frame: FrameType | None) -> None:
        try:  # noqa: SIM105  contextlib is another import
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    for name in PASSED_ON:
        signal.signal(getattr(signal, name), pass_on)
    for fd in files:
        os.close(fd)
    status = line.recv(LENGTH)
    # A server that is gone has taken its forks with it.
    end_as(int.from_bytes(status, "little") if status else signal.SIGKILL)


if __name__ == "__main__":
    main()
