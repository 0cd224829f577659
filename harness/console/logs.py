"""A log file for each rank (`--log-dir`): stages, warnings and tracebacks, with the time.

    2026-11-23T23:59:56.123+00:00 node017 rank 3  constructed in 1.2 s

One process writes one file, rank-0003.log for rank 3, and every line at once, so that the last
one before a crash is there. Without `--log-dir` nothing is written.
"""

from __future__ import annotations

import os
import socket
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from harness.console.errors import UsageError
from harness.console.streams import say
from kernels.disk import appending


class _Log:
    """The log of this process, if it has one."""

    def __init__(self) -> None:
        self.file: TextIO | None = None
        self.path: Path | None = None
        self.prefix = ""


_log = _Log()


def open_log(folder: str | os.PathLike[str], rank: int) -> Path:
    """Begin the log of this rank in `folder`, made where missing; return its path.

    A log that is there already is continued, if it is our own.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    close()
    path = Path(folder) / f"rank-{rank:04d}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _log.file = appending(path)
    except OSError as error:
        raise UsageError(f"--log-dir: {path}: cannot be written: {error.strerror}") from error
    _log.path, _log.prefix = path, f"{socket.gethostname()} rank {rank}"
    return path


def path() -> Path | None:
    """Return the path of this process's log, None where it has none."""
    return _log.path if _log.file is not None else None


def write(text: str) -> None:
    """Write lines to the log, if there is one.

    Raises
    ------
    UsageError
        If the disk is full, or the like; the log is closed then.
    """
    if _log.file is None:
        return
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    lines = [f"{now} {_log.prefix}  {line}\n" for line in text.splitlines()]
    try:
        _log.file.write("".join(lines))
        _log.file.flush()
    except OSError as error:
        close()
        raise UsageError(f"--log-dir: {_log.path}: {error.strerror}") from error


def error(text: str) -> None:
    """Say what has gone wrong, whichever rank this is, and write it to the log if that is left."""
    with suppress(UsageError):
        write(text)
    say(text, from_any_rank=True)


def take_warnings() -> None:
    """Keep Python's warnings for the log: of several ranks, one shows them."""

    def keep(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        with suppress(UsageError):
            write(f"{filename}:{lineno}: {category.__name__}: {message}")

    warnings.showwarning = keep


def close() -> None:
    """End the log."""
    if _log.file is not None:
        with suppress(OSError):  # what could not be written before cannot be now
            _log.file.close()
    _log.file = None
