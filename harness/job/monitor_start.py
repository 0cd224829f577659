"""Rank 0 starts the monitor (`harness.job.monitor_process`), and has it end with itself."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from harness.console.errors import Exit
from harness.console.signals import STOPPING
from harness.job import heartbeat
from harness.job.connect import listening, own_addresses
from harness.machine.facts import HOME

# Descriptors of the monitor beside one for each rank: the standard ones, the listener, some spare.
_OWN_FILES = 16
_PROGRAM = (
    "import sys; sys.path.insert(0, {!r}); from harness.job.monitor_process import main; main()"
)


class MonitorProcess:
    """A monitor that listens on an open port.

    Parameters
    ----------
    name : str
        The command, for messages.
    size : int
        Ranks that will connect.
    everywhere : bool
        Listen on all addresses of this machine; else on its loopback only.

    Attributes
    ----------
    offer : dict
        What a rank needs to connect: `hosts`, `port`, and the job's `token`.

    Raises
    ------
    OSError
        If it cannot be started; the message says why.
    """

    def __init__(self, name: str, size: int, everywhere: bool):
        refuse_few_files(size)
        token = secrets.token_hex(32)
        # A batch system signals every process of a job, this one too before it can ignore it.
        with listening(size, everywhere) as listener, _held_back():
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _PROGRAM.format(str(HOME)), str(listener.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # Ctrl-C is for the ranks
            )
            settings = {"name": name, "size": size, "token": token, "failed": int(Exit.RANK)}
            line = json.dumps({**settings, "beat": heartbeat.BEAT_SECONDS}) + "\n"
            assert self._process.stdin is not None
            self._lifeline = self._process.stdin
            self._lifeline.write(line.encode())
            self._lifeline.flush()
            port = listener.getsockname()[1]
        self.offer = {"token": token, "port": port, "hosts": own_addresses(everywhere)}

    def leave(self) -> None:
        """Let it end, once all ranks have left it."""
        with suppress(OSError):
            self._lifeline.close()

    def kill(self) -> None:
        """End it at once, even where it is stopped: a launcher waits for its stderr."""
        self._process.kill()
        self._process.wait()
        self.leave()


def refuse_few_files(size: int) -> None:
    """Raise OSError if a process may not open as many files as the monitor needs."""
    try:
        import resource
    except ImportError:  # another system than Unix
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < size + _OWN_FILES:
        raise OSError(
            f"it needs {size + _OWN_FILES} open files for {size} ranks, and the hard limit is "
            f"{hard} (ulimit -Hn)"
        )


@contextmanager
def _held_back() -> Iterator[None]:
    """Let the signals that stop a job wait, for this thread and what it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
