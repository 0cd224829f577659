"""The ranks of a job end together, whatever happens to one of them.

Rank 0 starts the monitor (`harness.monitor`), every rank connects to it. A signal reaches it
through the connection by itself, even while this rank waits inside MPI. A thread of each rank
waits for the monitor's word; rank 0's writes down the finished searches before the job ends.

Where the ranks cannot connect, the launcher alone watches: a rank that fails says so itself and
aborts the job.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep
from typing import Any, NamedTuple

from graphs.comm import Comm
from harness import logs
from harness.connect import connect, listening, own_addresses
from harness.errors import Exit, Interrupted, UsageError
from harness.signals import STOPPING, handled_by, keep_now, stoppable
from harness.streams import say

# Until the rank that aborts has ended all others; a launcher that does not is helped along.
_ABORT_SECONDS = 5.0
# A fault that all ranks find is rank 0's to tell; so long the others wait for it.
_GRACE_SECONDS = 1.5


class Ending(NamedTuple):
    """How a command has ended on one rank: exit status, one line for the user, a traceback."""

    code: int
    text: str = ""
    trace: str = ""


class Watch:
    """One rank's line to the monitor. Making one is collective.

    Parameters
    ----------
    comm : sssp.mpi_comm.Comm
        Several ranks.
    name : str
        The command, for messages.
    """

    def __init__(self, comm: Comm, name: str):
        self.comm, self.name = comm, name
        self._told = threading.Event()
        self._code: int | None = None
        self._signal: int | None = None  # the last that came
        self._lifeline: Any = None  # the monitor's stdin: closed with this process
        offer = comm.bcast(self._start_monitor() if comm.rank == 0 else None)
        self._line = connect(offer, comm.rank) if offer else None
        if not comm.allreduce_and(self._line is not None) and self._line is not None:
            self._line.close()
            self._line = None
        if self._line is None:
            logs.write("the ranks cannot connect to rank 0: the launcher alone watches them")
        else:
            threading.Thread(target=self._listen, daemon=True).start()

    def _start_monitor(self) -> dict[str, Any] | None:
        """Start the monitor on an open port; return where it is, None if that failed."""
        token = secrets.token_hex(16)
        settings = {"token": token, "size": self.comm.size, "failed": int(Exit.RANK)}
        command = [sys.executable, "-I", str(Path(__file__).with_name("monitor.py"))]
        try:
            # A batch system signals every process of a job, this one too before it can ignore it.
            with listening(backlog=self.comm.size) as listener, _held_back():
                monitor = subprocess.Popen(
                    [*command, str(listener.fileno())],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[listener.fileno()],
                    start_new_session=True,  # Ctrl-C is for the ranks
                )
                self._lifeline = monitor.stdin
                line = json.dumps({"name": self.name, **settings}) + "\n"
                self._lifeline.write(line.encode())
                self._lifeline.flush()
                port = listener.getsockname()[1]
        except OSError:
            return None
        return {"token": token, "port": port, "hosts": own_addresses()}

    def guard(self, work: Callable[[], int], ending: Callable[[BaseException], Ending]) -> int:
        """Do this rank's part of a command; return the exit status that all ranks agree on.

        Does not return where the job has to be aborted.
        """
        if self._line is None:
            with stoppable():
                return self._end_unwatched(_outcome(work, ending))
        if self.comm.rank > 0:
            logs.take_warnings()
        signal.set_wakeup_fd(self._line.fileno(), warn_on_full_buffer=False)
        try:
            with handled_by(self._note):
                outcome = _outcome(work, ending)
                self._send(ended=outcome.code, **_news(outcome))
                self._told.wait()
        finally:
            signal.set_wakeup_fd(-1)
        if self._code is None:  # the monitor has gone
            return self._end_unwatched(outcome)
        self._send(bye=True)
        if self._lifeline is not None:
            self._lifeline.close()
        return self._code

    def _note(self, number: int, _frame: Any) -> None:
        """Take a signal: the monitor knows of it, and decides, as long as there is one."""
        self._signal = number
        if self._told.is_set() and self._code is None:
            raise Interrupted(number)

    def _end_unwatched(self, outcome: Ending) -> int:
        if outcome.code in (Exit.OK, Exit.INVALID, Exit.INCOMPLETE):
            return outcome.code
        stopped = outcome.code in (Exit.INTERRUPTED, Exit.TERMINATED)
        if self.comm.rank > 0:
            sleep(_ABORT_SECONDS if stopped else _GRACE_SECONDS)
        if outcome.text:
            where = (
                f"error: rank {self.comm.rank} on {socket.gethostname()}: " if not stopped else ""
            )
            logs.error(f"{outcome.trace}{self.name}: {where}{outcome.text}")
        self._abort(outcome.code if stopped else Exit.RANK)
        return outcome.code

    def _send(self, **message: Any) -> None:
        assert self._line is not None
        with suppress(OSError):
            self._line.sendall(json.dumps(message).encode() + b"\n")

    def _listen(self) -> None:
        """Do as the monitor says; runs in a thread of its own."""
        for message in self._messages():
            if "together" in message:
                self._code = message["together"]
                break
            if "stop" in message and self.comm.rank == 0:
                self._stop(Interrupted(message["stop"]))
            if "abort" in message:
                self._fall(message["abort"], message["who"])
        self._told.set()
        if self._code is None and self._signal is not None and self.comm.rank == 0:
            self._stop(Interrupted(self._signal))

    def _messages(self) -> Iterator[dict[str, Any]]:
        assert self._line is not None
        pending = b""
        while True:
            try:
                data = self._line.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            yield from (json.loads(line) for line in lines)

    def _stop(self, interruption: Interrupted) -> None:
        """End the job for a signal, the finished searches kept."""
        with keep_now() as kept:
            if kept is None:
                return  # the result is written already: the run ends by itself
            say("; ".join(filter(None, [f"{self.name}: {interruption}", kept])))
            self._abort(interruption.exit_code)

    def _fall(self, code: int, who: int) -> None:
        """End the job for a fault; rank `who`, the first that lives, aborts it."""
        if self.comm.rank == 0:
            with keep_now() as kept:
                if kept:
                    say(f"{self.name}: {kept}")
                self._abort(code)
        if self.comm.rank != who:
            sleep(_ABORT_SECONDS)
        self._abort(code)

    def _abort(self, code: int) -> None:
        """End all ranks; this one at least."""
        force = threading.Timer(_ABORT_SECONDS, os._exit, [code])
        force.daemon = True
        force.start()
        self.comm.abort(code)
        os._exit(code)


def _outcome(work: Callable[[], int], ending: Callable[[BaseException], Ending]) -> Ending:
    try:
        return Ending(work())
    except SystemExit as done:
        return Ending(int(done.code or 0))
    except BaseException as error:
        return ending(error)


def _news(outcome: Ending) -> dict[str, Any]:
    """What the monitor is told of an ending; a traceback goes to the rank's log, if it has one."""
    text, trace = outcome.text, outcome.trace
    path = logs.path()
    if text:
        with suppress(UsageError):
            logs.write(trace or text)
    if trace and path is not None:
        return {"text": f"{text} (traceback: {path})", "trace": "", "logged": True}
    return {"text": text, "trace": trace, "logged": False}


@contextmanager
def _held_back() -> Iterator[None]:
    """Let the signals that stop a job wait, for this thread and what it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
