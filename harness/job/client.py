"""The ranks of a job end together, whatever happens to one of them.

Rank 0 starts the monitor (`harness.job.monitor`), every rank connects to it. A signal reaches it
through the connection by itself, even while this rank waits inside MPI. A thread of each rank
waits for the monitor's word; rank 0's writes down the finished searches before the job ends.

Where the ranks cannot connect, only the launcher watches: a rank that fails says so itself and
aborts the job.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.console import logs
from harness.console.errors import Exit, Interrupted, UsageError
from harness.console.signals import handled_by, save_now
from harness.console.streams import say
from harness.job import heartbeat
from harness.job.connect import Connection, connect
from harness.job.monitor import SILENT_BEATS
from harness.job.monitor_start import MonitorProcess
from harness.job.protocol import TEXT_LENGTH, TRACE_LENGTH

if TYPE_CHECKING:
    from graphs.comm import Comm

# A launcher that hears of the end of a job drops what it has not read of stderr by then.
_SPEAKING_SECONDS = 0.5
# Until the rank that aborts has ended all others; a launcher that does not is helped along.
_ABORT_SECONDS = 5.0
# A fault that all ranks find is rank 0's to report; the others wait this long for it.
_GRACE_SECONDS = 1.5


class Ending(NamedTuple):
    """How a command has ended on one rank: exit status, one line for the user, a traceback."""

    code: int
    text: str = ""
    trace: str = ""


class JobClient:
    """One rank's line to the monitor. Making one is collective.

    Parameters
    ----------
    comm : sssp.mpi_comm.Comm
        Several ranks.
    name : str
        The command, for messages.
    one_machine : bool
        Whether all ranks run on one, so that its loopback reaches them; else, and where it does
        not, the monitor listens on all addresses.
    """

    def __init__(self, comm: Comm, name: str, one_machine: bool):
        self.comm, self.name = comm, name
        self._told = threading.Event()
        self._code: int | None = None
        self._working = True  # and can be interrupted
        self._leaving = False  # the monitor has sent how to end, or is not needed
        self._signal: int | None = None  # the last that came
        self._monitor: MonitorProcess | None = None  # of rank 0
        self._line: Connection | None = None
        for everywhere in (False, True) if one_machine else (True,):
            fault = self._connect(everywhere)
            if fault is None:
                return
            self._part()
        logs.write(text := f"{name}: no monitor, only the launcher watches the ranks: {fault}")
        if comm.rank == 0:
            say(text)

    def _connect(self, everywhere: bool) -> str | None:
        """Start a monitor that all ranks reach; return what hinders one of them, else None."""
        offer, fault = None, None
        if self.comm.rank == 0:
            try:
                self._monitor = MonitorProcess(self.name, self.comm.size, everywhere)
                offer = self._monitor.offer
            except OSError as error:
                fault = str(error)
        offer = self.comm.bcast(offer)
        if offer is not None:
            try:
                self._line = connect(offer, self.comm.rank)
                threading.Thread(target=self._listen, args=[self._line], daemon=True).start()
            except (OSError, ValueError, RuntimeError) as error:
                fault = f"rank {self.comm.rank} on {socket.gethostname()}: {error}"
        return next((found for found in self.comm.allgather(fault) if found is not None), None)

    def _part(self) -> None:
        """Give up what has been begun with a monitor that does not have all ranks."""
        line, self._line = self._line, None
        if line is not None:
            line.send("bye")
            line.close()
        if self._monitor is not None:
            self._monitor.kill()
            self._monitor = None

    def guard(self, work: Callable[[], int], ending: Callable[[BaseException], Ending]) -> int:
        """Do this rank's part of a command; return the exit status that all ranks agree on.

        Does not return where the job has to be aborted.
        """
        if self._line is None:
            self._told.set()
            with handled_by(self._note):
                return self._end_unwatched(self._outcome(work, ending))
        if self.comm.rank > 0:
            logs.take_warnings()
        with heartbeat.beating(self._line), handled_by(self._note):
            outcome = self._outcome(work, ending)
            self._line.send("ended", code=outcome.code, **_news(outcome))
            self._wait(self._line)
            if self._code is None:  # the monitor has gone, or does not answer
                if self._monitor is not None:
                    self._monitor.kill()
                return self._end_unwatched(outcome)
        self._line.send("bye")
        if self._monitor is not None:
            self._monitor.leave()
        return self._code

    def _outcome(
        self, work: Callable[[], int], ending: Callable[[BaseException], Ending]
    ) -> Ending:
        try:
            return Ending(work())
        except SystemExit as done:
            return Ending(int(done.code or 0))
        except BaseException as error:
            self._working = False
            return ending(error)
        finally:
            self._working = False

    def _wait(self, line: Connection) -> None:
        """Wait until all ranks have ended, or the monitor does not answer any more."""
        line.heard = monotonic()
        while not self._told.wait(heartbeat.BEAT_SECONDS / 2):
            if monotonic() - line.heard > SILENT_BEATS * heartbeat.BEAT_SECONDS:
                self._leaving = True
                self._alone("does not answer")
                return

    def _note(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal: the monitor knows of it, and decides, as long as there is one."""
        self._signal = number
        if self._told.is_set() and self._code is None:
            if self._working:  # a second signal would come between the first and its message
                self._working = False
                raise Interrupted(number)
            return
        with suppress(RuntimeError):  # no more threads
            unanswered = threading.Timer(_ABORT_SECONDS, self._unanswered, [number])
            unanswered.daemon = True
            unanswered.start()

    def _unanswered(self, number: int) -> None:
        """End the job for a signal that the monitor has not answered: it is stopped, perhaps."""
        if not self._leaving and not self._told.is_set():
            if self.comm.rank > 0:
                sleep(_ABORT_SECONDS)
            if self._monitor is not None:
                self._monitor.kill()  # a stopped process would be left behind on the node
            self._stop(Interrupted(number))

    def _alone(self, what: str) -> None:
        text = f"{self.name}: the monitor {what}: only the launcher watches the ranks"
        with suppress(UsageError):
            logs.write(text)
        if self.comm.rank == 0:
            say(text)

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

    def _listen(self, line: Connection) -> None:
        """Do as the monitor says; runs in a thread of its own."""
        for message in line.messages():
            if line is not self._line:
                return
            kind = message["kind"]
            self._leaving |= kind in ("together", "stop", "abort")
            if kind == "together":
                self._code = message["code"]
                break
            if kind == "stop" and self.comm.rank == 0:
                self._stop(Interrupted(message["signal"]))
            if kind == "abort":
                self._fall(message["code"], message["who"])
        if line is not self._line:
            return  # it was given up
        if self._code is None:
            line.sink()
        if not self._leaving:
            self._alone("is gone")
        self._told.set()
        if self._code is None and self._signal is not None and self.comm.rank == 0:
            self._stop(Interrupted(self._signal))

    def _stop(self, interruption: Interrupted) -> None:
        """End the job for a signal, the finished searches kept."""
        with save_now() as kept:
            if kept is None:
                return  # the result is written already: the run ends by itself
            say("; ".join(filter(None, [f"{self.name}: {interruption}", kept])))
            self._abort(interruption.exit_code)

    def _fall(self, code: int, who: int) -> None:
        """End the job for a fault; rank `who`, the first that lives, aborts it."""
        if self.comm.rank == 0:
            with save_now() as kept:
                if kept:
                    say(f"{self.name}: {kept}")
                self._abort(code)
        if self.comm.rank != who:
            sleep(_ABORT_SECONDS)
        self._abort(code)

    def _abort(self, code: int) -> None:
        """End all ranks; this one at least."""
        sleep(_SPEAKING_SECONDS)
        with suppress(RuntimeError):  # no more threads
            force = threading.Timer(_ABORT_SECONDS, os._exit, [code])
            force.daemon = True
            force.start()
        self.comm.abort(code)
        os._exit(code)


def _news(outcome: Ending) -> dict[str, Any]:
    """What the monitor is sent of an ending; a traceback goes to the rank's log, if it has one."""
    text, trace = outcome.text[:TEXT_LENGTH], outcome.trace[-TRACE_LENGTH:]
    path = logs.path()
    if text:
        with suppress(UsageError):
            logs.write(trace or text)
    if trace and path is not None:
        text = f"{text} (traceback: {path})"[:TEXT_LENGTH]
        return {"text": text, "trace": "", "logged": True}
    return {"text": text, "trace": trace, "logged": False}
