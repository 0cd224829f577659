"""Standard output and error, as a user can break them: closed, full, or a reader who has left."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from harness.errors import UsageError


def emit(text: str) -> None:
    """Write the command's result to stdout, at once.

    A reader who has left (`| head`) is no error; a full disk is.

    Raises
    ------
    UsageError
        If stdout cannot be written.
    """
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _sink_stdout()
    except OSError as error:
        _sink_stdout()
        raise UsageError(f"standard output cannot be written: {error.strerror}") from error


def say(text: str) -> None:
    """Write a line to stderr; a reader who has left is no reason to stop."""
    with suppress(OSError, ValueError):
        print(text, file=error_stream(), flush=True)


def error_stream() -> TextIO:
    """Return stderr, or a sink where it is closed: `print` would take stdout for it then."""
    return sys.stderr if sys.stderr is not None else open(os.devnull, "w")  # noqa: SIM115


def _sink_stdout() -> None:
    """Let what is still in stdout's buffer go nowhere, else Python fails over it when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
