"""Ctrl-C and SIGTERM, as an exception that leaves time to keep what has been done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from harness.errors import Interrupted

_STOPPING = (signal.SIGINT, signal.SIGTERM)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted(number)


@contextmanager
def _handled_by(
    handler: Callable[[int, FrameType | None], Any] | signal.Handlers,
) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets the main thread alone set handlers
        return
    before = {number: signal.signal(number, handler) for number in _STOPPING}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def stoppable():
    """Raise Interrupted in the block when SIGINT or SIGTERM comes.

    SIGINT counts even where the parent had it ignored, as a shell script does for what it starts
    in the background: whoever sends it to this process means it.
    """
    return _handled_by(_stop)


def unstoppable():
    """Let the block finish, whatever comes: it writes down what would otherwise be lost."""
    return _handled_by(signal.SIG_IGN)
