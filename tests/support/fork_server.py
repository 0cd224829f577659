"""Shared: what forks.py starts: it has imported everything, and forks for each fork_stub.py.

It starts no thread and no MPI, so that forks may. Where a fork ends, its stub gets the status;
where a stub ends, its fork is ended. Where stdin has closed and all connections of other processes
that use it, it ends, and its forks do.
"""

from __future__ import annotations

import array
import gc
import importlib
import marshal
import os
import pkgutil
import re
import selectors
import signal
import socket
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fork_child import become, execute, take
from fork_stub import LENGTH

HOUSE = Path(__file__).resolve().parents[2]
PACKAGES = ("kernels", "graphs", "sssp", "harness")
_MOST_FILES = 250  # of one message
# What Python, the packages and the libraries below them read as they are imported.
_READ_AT_IMPORT = re.compile(
    rb"(NUMBA|OMP|KMP|GOMP|OPENBLAS|MKL|MALLOC|XDG|CUDA|CUPY|LD|LC)_|PYTHON"
    rb"|(HOME|TMPDIR|LANG)$"
)
_ENVIRONMENT = dict(os.environb)  # imports may change it
# Not imported by commands.
_OTHERS = re.compile(r"networkx|__main__|monitor_process")


def load() -> None:
    """Import what commands import, and load the kernels that there are."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages([str(HOUSE / package)], f"{package}."):
            if not _OTHERS.search(module.name):
                importlib.import_module(module.name)
    from numba.np.ufunc import parallel

    # Kernels are linked with the threading layer. numba chooses it here, but what it calls to start
    # the threads does nothing: each fork starts its own.
    function_type = parallel.CFUNCTYPE
    parallel.CFUNCTYPE = lambda *_: lambda _: lambda *_: None
    parallel._launch_threads()
    load_kernels()
    parallel.CFUNCTYPE = function_type
    parallel._is_initialized, parallel._threading_layer = False, None
    parallel._backend_init_process_lock = None  # or forks would share it


def load_kernels() -> None:
    """Load what the cache folder holds of each kernel."""
    from numba.core.registry import CPUDispatcher

    for name, module in list(sys.modules.items()):
        for kernel in list(vars(module).values()) if name.startswith("kernels.") else ():
            if isinstance(kernel, CPUDispatcher) and kernel.py_func.__module__ == name:
                cache, library = kernel._cache, kernel.targetctx.codegen()
                for key in list(cache._cache_file._load_index()):
                    if cache._index_key(key[0], library) == key:
                        kernel.compile(key[0])


class Server:
    """Forks at each request."""

    def __init__(self, address: str):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address)
        self.listener.listen()
        self.ended, note = os.pipe()
        for end in (self.ended, note):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(note)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # at a terminal it is for the tests
        self.events = selectors.DefaultSelector()
        for source in (sys.stdin, self.listener, self.ended):
            self.events.register(source, selectors.EVENT_READ)
        self.users: list[Any] = [sys.stdin]  # each closes as the process ends that has opened it
        self.stubs: dict[int, socket.socket] = {}

    def serve(self) -> dict[str, Any]:
        """Return in a fork only, with what was requested."""
        while True:
            for event, _ in self.events.select():
                if event.fileobj in self.users:
                    self.events.unregister(event.fileobj)
                    self.users.remove(event.fileobj)
                    if not self.users:
                        os._exit(0)
                elif event.fileobj is self.listener:
                    if request := self.answer(self.listener.accept()[0]):
                        return request
                elif event.fileobj == self.ended:
                    os.read(self.ended, 4096)
                    self.report()
                elif event.data in self.stubs:  # it sends nothing: it is gone
                    self.events.unregister(event.fileobj)
                    os.kill(event.data, signal.SIGKILL)

    def answer(self, line: socket.socket) -> dict[str, Any] | None:
        """Fork for a stub, or refuse it; return the request in the fork. No request: a user."""
        request, files = received(line)
        if request is None:
            self.users.append(line)
            self.events.register(line, selectors.EVENT_READ)
            line.sendall(bytes(LENGTH))
            return None
        pid = fork() if allowed(request) else 0
        if pid is None:
            self.events.close()  # before other files get their numbers
            for own in (self.listener, line, *self.stubs.values(), *self.users):
                if own is not sys.stdin:
                    own.close()
            take(request["files"], files)
            return request
        for fd in files:
            os.close(fd)
        line.sendall(pid.to_bytes(LENGTH, "little"))
        if pid:
            self.stubs[pid] = line
            self.events.register(line, selectors.EVENT_READ, pid)
        return None

    def report(self) -> None:
        """Send the statuses of forks that have ended to their stubs."""
        for pid, status in statuses():
            line = self.stubs.pop(pid)
            if line in self.events.get_map():
                self.events.unregister(line)
                line.sendall(status.to_bytes(LENGTH, "little"))
            line.close()


def received(line: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """What a stub sends: its request, and its files as descriptors of this process."""
    files = array.array("i")
    head, rights, _, _ = line.recvmsg(LENGTH, socket.CMSG_SPACE(_MOST_FILES * files.itemsize))
    for _, _, data in rights:
        files.frombytes(data)
    size = int.from_bytes(head, "little")
    with line.makefile("rb") as rest:
        return marshal.loads(rest.read(size)) if size else None, files.tolist()


def allowed(request: dict[str, Any]) -> bool:
    """Whether a fork is what Python would be: imports read the same, all streams are there."""
    mine, asked = (
        {name: value for name, value in found.items() if _READ_AT_IMPORT.match(name)}
        for found in (_ENVIRONMENT, request["environment"])
    )
    return mine == asked and {0, 1, 2} <= set(request["files"])


def fork() -> int | None:
    """Fork; None in the child."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the threads of OpenBLAS, which knows of forks
        return os.fork() or None


def statuses() -> Iterator[tuple[int, int]]:
    """The forks that have ended: process ids and statuses."""
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended
    except ChildProcessError:
        return


if __name__ == "__main__":
    load()
    server = Server(sys.argv[1])
    gc.freeze()
    print("ready", flush=True)
    request = server.serve()
    become(request)
    execute(request["argv"])
