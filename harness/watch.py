"""How the ranks of a job end: together, whatever happens to one of them.

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
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Any, NamedTuple

from harness import logs
from harness.errors import Exit, Interrupted, UsageError
from harness.signals import handled_by, keep_now, stoppable
from harness.streams import say

_CONNECT_SECONDS = 3.0
# How often a waiting thread wakes up for nothing. Some limit makes the socket one that does not
# block, which `signal.set_wakeup_fd` asks for.
_LISTEN_SECONDS = 3600.0
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
    comm : sssp.comm.Comm
        Several ranks.
    name : str
        The command, for messages.
    """

    def __init__(self, comm: Any, name: str):
        self.comm, self.name = comm, name
        self._told = threading.Event()
        self._code: int | None = None
        self._lifeline: Any = None  # the monitor's stdin: closed with this process
        offer = comm.first(self._start_monitor() if comm.rank == 0 else None)
        self._line = _connect(offer, comm) if offer else None
        if not comm.all_agree(self._line is not None) and self._line is not None:
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
            with _listener(backlog=self.comm.size) as listener:
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
        return {"token": token, "port": port, "hosts": _own_addresses()}

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
            with handled_by(lambda _number, _frame: None):
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

    def _end_unwatched(self, outcome: Ending) -> int:
        if outcome.code in (Exit.OK, Exit.INVALID, Exit.INCOMPLETE):
            return outcome.code
        stopped = outcome.code in (Exit.INTERRUPTED, Exit.TERMINATED)
        if self.comm.rank > 0:
            sleep(_ABORT_SECONDS if stopped else _GRACE_SECONDS)
        if outcome.text:
            where = f"error: rank {self.comm.rank} on {_host()}: " if not stopped else ""
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


def _host() -> str:
    return socket.gethostname()


def _listener(backlog: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=backlog
        )
    return socket.create_server(("", 0), backlog=backlog)


def _own_addresses() -> list[str]:
    """Names and numbers by which other machines may know this one, the likeliest first."""
    found = [_host()]
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing, but finds the way out of here
        found.append(probe.getsockname()[0])
    with suppress(OSError):
        found += [str(info[4][0]) for info in socket.getaddrinfo(_host(), None)]
    return list(dict.fromkeys(found))


def _connect(offer: dict[str, Any], comm: Any) -> socket.socket | None:
    """Connect to the monitor and say who this is; None if it cannot be reached."""
    hosts = offer["hosts"]
    if hosts[0] == _host():
        hosts = ["127.0.0.1", "::1", *hosts]
    who = {"token": offer["token"], "rank": comm.rank, "host": _host(), "pid": os.getpid()}
    for host in hosts:
        try:
            line = socket.create_connection((host, offer["port"]), timeout=_CONNECT_SECONDS)
            line.sendall(json.dumps(who).encode() + b"\n")
            line.settimeout(_LISTEN_SECONDS)
            return line
        except OSError:
            continue
    return None
