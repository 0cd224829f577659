"""How a command ends: its exit status, and the errors that lead to one."""

from __future__ import annotations

import signal
from enum import IntEnum


class Exit(IntEnum):
    """Exit status of the command `sssp`."""

    OK = 0
    INVALID = 1
    USAGE = 2
    ENGINE = 3
    RANK = 4
    INCOMPLETE = 5
    INTERRUPTED = 130
    TERMINATED = 143


EXIT_CODES = """\
exit status:
  0    done, and every answer that was checked is right
  1    a search is invalid; of compare: answers differ, or B is slower than allowed
  2    usage, input or resources: a bad flag, a bad file, too little memory
  3    the engine is missing or failed (an internal error counts as this)
  4    a rank failed
  5    stopped by --time-limit; the result file is incomplete, and can be resumed
  130  interrupted (Ctrl-C, SIGINT)
  143  terminated (SIGTERM)
"""


class UsageError(ValueError):
    """A flag, a file or a resource that cannot be used; the message is one line for the user."""


class MemoryRefused(UsageError):
    """A graph that does not fit into the memory there is; the message holds the figures."""


class Interrupted(BaseException):
    """A signal asked the command to stop.

    No Exception, so that nothing which handles errors takes it for one.
    """

    def __init__(self, signal_number: int):
        super().__init__(signal_number)
        self.terminated = signal_number == signal.SIGTERM

    @property
    def exit_code(self) -> Exit:
        return Exit.TERMINATED if self.terminated else Exit.INTERRUPTED

    def __str__(self) -> str:
        return "terminated" if self.terminated else "interrupted"
