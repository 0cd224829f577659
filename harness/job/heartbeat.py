"""A rank's heartbeat, and what it is doing: what the monitor knows of a rank that falls silent.

The heartbeat is a timer's signal. The interpreter's own handler of it, in C, writes the signal's
number into the connection (`signal.set_wakeup_fd`), so a rank beats while it waits inside MPI and
while a kernel runs for minutes and no thread of Python can. It costs a search one signal every ten
seconds. A process that is stopped, or waits for a disk that is gone, does not beat.

What a rank is doing is sent when it begins a stage, and with a heartbeat where it changes often.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from harness.console import progress
from harness.console.errors import UsageError
from harness.job.connect import Connection
from harness.job.monitor import SILENT_BEATS

BEAT_SECONDS = 10.0
# What the monitor is sent of it, at most.
_LENGTH = 200


class _Heart:
    """The connection of this process, if it is a rank with one, and what it is doing."""

    def __init__(self) -> None:
        self.line: Connection | None = None
        self.doing = self.sent = ""


_heart = _Heart()


@contextmanager
def beating(line: Connection) -> Iterator[None]:
    """Send a heartbeat in the block; in the main thread only."""
    _heart.line = line
    progress.observers.append(begin)
    before = signal.signal(signal.SIGALRM, _beat)
    signal.siginterrupt(signal.SIGALRM, False)
    signal.set_wakeup_fd(line.fileno(), warn_on_full_buffer=False)
    signal.setitimer(signal.ITIMER_REAL, BEAT_SECONDS, BEAT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)
        progress.observers.remove(begin)
        _heart.line = None


def _beat(_number: int, _frame: FrameType | None) -> None:
    """Add to a heartbeat, which is sent already, what is going on."""
    if _heart.doing != _heart.sent:
        _send(wait=False)


def begin(what: str) -> None:
    """Send what this rank begins to do; for stages, outside of any clock."""
    note(what)
    if threading.current_thread() is threading.main_thread():
        _send()


def note(what: str) -> None:
    """Let the next heartbeat say what this rank is doing; costs nothing."""
    _heart.doing = what


def limit_silence(seconds: float, ranks: int) -> None:
    """Let the monitor end a job of several ranks when one has been silent for so long.

    Raises
    ------
    UsageError
        If that is too short for a rank to be heard in between, or there is no monitor.
    """
    least = SILENT_BEATS * BEAT_SECONDS
    if seconds < least:
        raise UsageError(
            f"--hang-limit must be at least {least:g} s, got {seconds:g} s: ranks send a sign of "
            f"life every {BEAT_SECONDS:g} s"
        )
    if ranks > 1 and _heart.line is None:
        raise UsageError("--hang-limit: the ranks have no monitor, so nothing notices a silent one")
    if _heart.line is not None:
        _heart.line.send("hang_limit", seconds=seconds)


def _send(wait: bool = True) -> None:
    doing = _heart.doing
    words = "".join(c if c.isprintable() else "?" for c in doing[:_LENGTH])
    if _heart.line is not None and _heart.line.send("doing", wait=wait, what=words):
        _heart.sent = doing
