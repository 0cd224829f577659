"""Ctrl-C and SIGTERM, as an exception that leaves time to keep what has been done.

Where a rank waits for others inside MPI, no exception can be raised: what a run wants to keep then
is written by another thread (`keep_with`, `save_now`; `harness.job.client` calls it).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import NoReturn

from harness.console.errors import Interrupted

STOPPING = (signal.SIGINT, signal.SIGTERM)


class _LastWords:
    """What is to be written before the process ends, and who is writing it."""

    def __init__(self) -> None:
        self.writing = threading.RLock()
        self.written = False
        self.keep: Callable[[], str] | None = None


_last = _LastWords()


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    for again in STOPPING:  # a second one would come between the first and its message
        signal.signal(again, signal.SIG_IGN)
    raise Interrupted(number)


@contextmanager
def handled_by(
    handler: Callable[[int, FrameType | None], object] | signal.Handlers,
) -> Iterator[None]:
    """Let `handler` take SIGINT and SIGTERM in the block; only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets only the main thread set handlers
        return
    before = {number: signal.signal(number, handler) for number in STOPPING}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def stoppable():
    """Raise Interrupted in the block when SIGINT or SIGTERM comes.

    SIGINT counts even where the parent had it ignored, as a shell script does for what it starts
    in the background: a SIGINT sent to this process is meant.
    """
    return handled_by(_stop)


@contextmanager
def unstoppable() -> Iterator[None]:
    """Let the block finish, whatever comes: it writes down what would otherwise be lost."""
    with _last.writing, handled_by(signal.SIG_IGN):
        yield
        _last.written = True


def keep_with(keep: Callable[[], str]) -> None:
    """Let `keep` save what is finished, if the job has to end while this rank cannot.

    Parameters
    ----------
    keep : callable
        Returns a line about what became of it.
    """
    _last.keep, _last.written = keep, False


def one_writer() -> AbstractContextManager[object]:
    """Return what to hold while something is written that `keep` would write, too."""
    return _last.writing


@contextmanager
def save_now() -> Iterator[str | None]:
    """Save what is finished, from another thread; in the block nothing else is written.

    Gives the line about it: "" where there was nothing to keep, None where all has been written.
    """
    with _last.writing:
        if _last.written:
            yield None
        else:
            yield _last.keep() if _last.keep else ""
