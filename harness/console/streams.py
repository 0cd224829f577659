"""Standard output and error, also where they are closed, full, or a pipe without a reader.

Of several ranks one writes; the others are muted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TextIO

from harness.console.errors import UsageError
from harness.console.escapes import visible


class _Voice:
    """Whether this process may speak."""

    muted = False


def emit(text: str) -> None:
    """Write the command's result to stdout, at once and in one piece; controls are spelled out.

    A reader that has left (`| head`) is not an error; a full disk is.

    Raises
    ------
    UsageError
        If stdout cannot be written.
    """
    if sys.stdout is None or _Voice.muted:
        return
    text = visible(text if text.endswith("\n") else text + "\n")
    encoding = sys.stdout.encoding or "utf-8"
    try:
        if not text.isascii():
            text = text.encode(encoding, "backslashreplace").decode(encoding)
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _sink_stdout()
    except OSError as error:
        _sink_stdout()
        raise UsageError(f"standard output cannot be written: {error.strerror}") from error


def say(text: str, from_any_rank: bool = False) -> None:
    """Write a line to stderr, in one piece; a reader that has left is no reason to stop."""
    if sys.stderr is None or (_Voice.muted and not from_any_rank):
        return
    with suppress(OSError, ValueError):
        sys.stderr.write(visible(text.rstrip("\n")) + "\n")
        sys.stderr.flush()


def error_stream() -> TextIO:
    """Return stderr, or a sink where it is closed (`print` would take stdout then) or not ours."""
    if sys.stderr is None or _Voice.muted:
        return open(os.devnull, "w")  # noqa: SIM115
    return sys.stderr


@contextmanager
def muted(mute: bool) -> Iterator[None]:
    """Say nothing on stdout and stderr in the block, if `mute`: another rank speaks for all."""
    if not mute:
        yield
        return
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        _Voice.muted = True
        try:
            yield
        finally:
            _Voice.muted = False


def _sink_stdout() -> None:
    """Let what is still in stdout's buffer go nowhere, else Python fails over it when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
